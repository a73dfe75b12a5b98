// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/qkdN: the class, the nodes, and the calls of include/uapi/linux/
 * qkd_dev.h. One character device serves all numbers; the link is found at
 * open and held, and an open descriptor of a deleted link answers ENODEV.
 *
 * Key goes through a buffer of the kernel's, erased at once, and no lock is
 * held over copies from or to the user, who may stall them for ever.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <net/sock.h>
#include "core.h"
#include "keyid.h"

/**
 * struct qkd_file - an open descriptor
 * @link: held
 * @file: itself, for its opener's rights
 * @mutex: protects @consumer and @named while they are set
 * @label: what @consumer will be, or is, called
 * @consumer: opened with the first use; then it stays
 * @named: the stream joined, if any; then it stays
 */
struct qkd_file {
	struct qkd_link *link;
	struct file *file;
	struct mutex mutex;	/* label, setting consumer and named */
	char label[QKD_LABEL_SIZE];
	struct qkd_consumer *consumer;
	struct qkd_named *named;
};

static_assert(sizeof_field(struct qkd_label, name) == QKD_NAME_MAX + 1);
static_assert(QKD_GENERATION_SIZE == QKD_GENERATION_LEN);

static dev_t qkd_devt;
/* not in the module's memory: its release may come after the module's */
static struct cdev *qkd_cdev;

static bool may_feed(const struct qkd_file *f)
{
	return file_ns_capable(f->file, f->link->user_ns, CAP_NET_ADMIN);
}

/* ---- accounts and streams of a descriptor ---- */

static struct qkd_consumer *file_consumer(struct qkd_file *f)
{
	struct qkd_consumer *c;

	mutex_lock(&f->mutex);
	c = f->consumer;
	if (!c) {
		c = qkd_consumer_share(f->link, "device", f->label);
		if (!IS_ERR(c))
			WRITE_ONCE(f->consumer, c);
	}
	mutex_unlock(&f->mutex);
	return c;
}

/* Of ASCII, what moves no cursor; bytes beyond it may be UTF-8. */
static bool is_printable(unsigned char c)
{
	return c >= ' ' && c != 0x7f;
}

/* What the user names: NUL-terminated and NUL-padded, printable. */
static int check_name(const char *name, u32 size)
{
	u32 len = strnlen(name, size), i;

	if (len == size || memchr_inv(name + len, 0, size - len))
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (!is_printable(name[i]))
			return -EINVAL;
	return 0;
}

static int ioc_label(struct qkd_file *f, void __user *arg)
{
	struct qkd_label label;
	int err;

	if (copy_from_user(&label, arg, sizeof(label)))
		return -EFAULT;
	err = check_name(label.name, sizeof(label.name));
	if (err)
		return err;
	mutex_lock(&f->mutex);
	if (f->consumer)
		err = -EBUSY;
	else
		strscpy(f->label, label.name, sizeof(f->label));
	mutex_unlock(&f->mutex);
	return err;
}

static int join(struct qkd_file *f, const char *name, bool again)
{
	struct qkd_consumer *c = file_consumer(f);
	struct qkd_named *s;
	int err = 0;

	if (IS_ERR(c))
		return PTR_ERR(c);
	mutex_lock(&f->mutex);
	if (f->named) {
		err = again ? 0 : -EISCONN;
		goto out;
	}
	s = qkd_named_join(f->link, c, name);
	if (IS_ERR(s))
		err = PTR_ERR(s);
	else	/* pairs with the acquire in read and poll */
		smp_store_release(&f->named, s);
out:
	mutex_unlock(&f->mutex);
	return err;
}

static int ioc_stream(struct qkd_file *f, void __user *arg)
{
	struct qkd_stream stream;
	int err;

	if (copy_from_user(&stream, arg, sizeof(stream)))
		return -EFAULT;
	err = check_name(stream.name, sizeof(stream.name));
	return err ?: join(f, stream.name, false);
}

/* ---- the daemon's calls ---- */

static void state_stream(struct qkd_stream_state *to,
			 const struct qkd_stream_figures *from)
{
	to->head = from->head;
	to->confirmed = from->confirmed;
	to->tail = from->tail;
	to->available = from->available;
	to->room = from->room;
}

static int ioc_state(struct qkd_file *f, void __user *arg)
{
	struct qkd_link *link = f->link;
	struct qkd_pool_state st;
	struct qkd_state out;

	qkd_pool_state(link, &st);
	memset(&out, 0, sizeof(out));
	memcpy(out.generation, st.generation, sizeof(out.generation));
	out.next_seq = st.next_seq;
	state_stream(&out.tx, &st.tx);
	state_stream(&out.rx, &st.rx);
	out.room = st.room;
	out.index = link->index;
	out.lower = link->lower;
	return copy_to_user(arg, &out, sizeof(out)) ? -EFAULT : 0;
}

static int ioc_start(struct qkd_file *f, void __user *arg)
{
	struct qkd_start start;

	if (!may_feed(f))
		return -EPERM;
	if (copy_from_user(&start, arg, sizeof(start)))
		return -EFAULT;
	return qkd_pool_start(f->link, &start);
}

static int ioc_confirm(struct qkd_file *f, void __user *arg)
{
	struct qkd_confirm confirm;

	if (!may_feed(f))
		return -EPERM;
	if (copy_from_user(&confirm, arg, sizeof(confirm)))
		return -EFAULT;
	return qkd_pool_confirm(f->link, &confirm);
}

/* One record, all or nothing. */
static ssize_t qkd_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct qkd_file *f = iocb->ki_filp->private_data;
	size_t size = iov_iter_count(from);
	struct qkd_feed rec;
	void *block;
	int err;

	if (READ_ONCE(f->link->dead))
		return -ENODEV;
	if (!may_feed(f))
		return -EPERM;
	if (size < sizeof(rec)) {
		err = -EINVAL;
		goto refused;
	}
	if (!copy_from_iter_full(&rec, sizeof(rec), from))
		return -EFAULT;
	err = -EINVAL;
	if (!rec.len || size - sizeof(rec) != rec.len)
		goto refused;
	err = -EMSGSIZE;
	if (rec.len > min_t(u64, QKD_BLOCK_MAX, 2ULL * f->link->pool.size))
		goto refused;

	block = kvmalloc(rec.len, GFP_KERNEL_ACCOUNT);
	if (!block)
		return -ENOMEM;
	if (copy_from_iter_full(block, rec.len, from))
		err = qkd_pool_feed(f->link, &rec, block);
	else
		err = -EFAULT;
	kvfree_sensitive(block, rec.len);
	return err ?: size;

refused:
	atomic64_inc(&f->link->pool.feed_rejected);
	pr_debug("%s: record of %zu bytes refused: %d\n", f->link->name, size,
		 err);
	return err;
}

/* ---- using key ---- */

static bool writable(void __user *p, size_t len)
{
	return access_ok(p, len) &&
	       !fault_in_safe_writeable((const char __user *)p, len);
}

/* Whether who waits for key should try again. */
static bool get_ready(struct qkd_consumer *c, u32 len)
{
	return READ_ONCE(c->link->dead) || !READ_ONCE(c->link->admin_up) ||
	       qkd_pool_can_reserve(c, len);
}

/* As qkd_reserve(), and waits; a link that is up may get its generation. */
static int get_reserve(struct qkd_file *f, struct qkd_consumer *c, u8 *key,
		       u32 len, bool nonblock, u64 *offset, u32 *epoch)
{
	struct qkd_link *link = f->link;
	int err;

	for (;;) {
		if (READ_ONCE(link->dead))
			return -ENODEV;
		if (!READ_ONCE(link->admin_up))
			return -ENETDOWN;
		err = qkd_reserve(c, key, len, offset, epoch);
		if (err != -EAGAIN && err != -ENETDOWN)
			return err;
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(link->wait, get_ready(c, len));
		if (err)
			return err;
	}
}

static int get_key(struct qkd_file *f, struct qkd_get *get, u8 *key)
{
	bool nonblock = f->file->f_flags & O_NONBLOCK ||
			get->flags & QKD_GET_NONBLOCK;
	struct qkd_consumer *c = file_consumer(f);
	u8 gen[QKD_GENERATION_SIZE];
	u32 epoch;
	u64 offset;
	int err;

	if (IS_ERR(c))
		return PTR_ERR(c);
	do {
		err = get_reserve(f, c, key, get->len, nonblock, &offset,
				  &epoch);
		if (err)
			return err;
		/* key of streams that started anew meanwhile has no name */
	} while (qkd_link_generation(f->link, gen) != epoch);
	qkd_key_id_make(&get->id, gen, !f->link->lower, offset, get->len);
	return 0;
}

/*
 * The buffer is tried before key is reserved, so that a bad pointer costs
 * none. If it goes bad after that, the key is spent all the same: it must
 * never be given again.
 */
static int ioc_get(struct qkd_file *f, struct qkd_get __user *arg)
{
	struct qkd_get get;
	void __user *buf;
	u8 *key;
	int err;

	if (copy_from_user(&get, arg, sizeof(get)))
		return -EFAULT;
	if (get.flags & ~QKD_GET_NONBLOCK || !get.len ||
	    get.len > QKD_KEY_MAX)
		return -EINVAL;
	/* nor would it ever be there */
	if (get.len > qkd_link_most(f->link, false))
		return -EMSGSIZE;
	buf = u64_to_user_ptr(get.buf);
	if (!writable(buf, get.len) || !writable(arg, sizeof(*arg)))
		return -EFAULT;
	key = kmalloc(get.len, GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	err = get_key(f, &get, key);
	if (!err && (copy_to_user(buf, key, get.len) ||
		     copy_to_user(&arg->id, &get.id, sizeof(get.id))))
		err = -EFAULT;
	kfree_sensitive(key);
	return err;
}

static int take_key(struct qkd_file *f, const struct qkd_take *take,
		    u64 offset, u32 len, u8 *key)
{
	struct qkd_consumer *c;
	u8 gen[QKD_GENERATION_SIZE];
	u32 epoch;
	int err;

	epoch = qkd_link_generation(f->link, gen);
	if (!epoch)
		return READ_ONCE(f->link->admin_up) ? -ESTALE : -ENETDOWN;
	if (!qkd_key_id_is_of(&take->id, gen))
		return -ESTALE;
	c = file_consumer(f);
	if (IS_ERR(c))
		return PTR_ERR(c);
	err = qkd_take(c, epoch, offset, key, len);
	return READ_ONCE(f->link->dead) && err ? -ENODEV : err;
}

static int ioc_take(struct qkd_file *f, struct qkd_take __user *arg)
{
	struct qkd_take take;
	unsigned int stream;
	void __user *buf;
	u64 offset;
	u32 len;
	u8 *key;
	int err;

	if (copy_from_user(&take, arg, sizeof(take)))
		return -EFAULT;
	if (take.flags || !qkd_key_id_parse(&take.id, &stream, &offset, &len))
		return -EINVAL;
	if (len > take.len)
		return -EMSGSIZE;
	/* the peer's tx; what this node reserved it was given already */
	if (stream != f->link->lower)
		return -ENOENT;
	buf = u64_to_user_ptr(take.buf);
	if (!writable(buf, len) || !writable(arg, sizeof(*arg)))
		return -EFAULT;
	key = kmalloc(len, GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	err = take_key(f, &take, offset, len, key);
	if (!err && (copy_to_user(buf, key, len) ||
		     put_user(len, &arg->len)))
		err = -EFAULT;
	kfree_sensitive(key);
	return err;
}

static ssize_t qkd_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct qkd_file *f = iocb->ki_filp->private_data;
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK ||
			iocb->ki_flags & IOCB_NOWAIT;
	int err;

	if (!iov_iter_count(to))
		return 0;
	/* pairs with the release in join() */
	if (!smp_load_acquire(&f->named)) {
		err = join(f, "", true);
		if (err)
			return err;
	}
	return qkd_named_read(f->named, to, nonblock);
}

/* ---- the file ---- */

static long qkd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct qkd_file *f = file->private_data;
	void __user *p = (void __user *)arg;

	if (READ_ONCE(f->link->dead))
		return -ENODEV;
	switch (cmd) {
	case QKD_IOC_STATE:
		return ioc_state(f, p);
	case QKD_IOC_START:
		return ioc_start(f, p);
	case QKD_IOC_CONFIRM:
		return ioc_confirm(f, p);
	case QKD_IOC_GET:
		return ioc_get(f, p);
	case QKD_IOC_TAKE:
		return ioc_take(f, p);
	case QKD_IOC_STREAM:
		return ioc_stream(f, p);
	case QKD_IOC_LABEL:
		return ioc_label(f, p);
	}
	return -ENOTTY;
}

static bool poll_readable(struct qkd_file *f, struct qkd_named *s)
{
	struct qkd_consumer *c = READ_ONCE(f->consumer);

	if (s)
		return qkd_named_readable(s);
	if (c)
		return qkd_pool_can_reserve(c, 1);
	return qkd_pool_available(f->link) > qkd_pool_program_floor(f->link);
}

static __poll_t qkd_poll(struct file *file, poll_table *wait)
{
	struct qkd_file *f = file->private_data;
	/* pairs with the release in join() */
	struct qkd_named *s = smp_load_acquire(&f->named);
	__poll_t events = 0;

	poll_wait(file, &f->link->wait, wait);
	if (s)
		poll_wait(file, qkd_named_wait(s), wait);
	if (READ_ONCE(f->link->dead))
		events |= EPOLLERR | EPOLLHUP;
	/* asking for input sends for key; who waits for the end only, does not */
	if (poll_requested_events(wait) & (EPOLLIN | EPOLLRDNORM) &&
	    poll_readable(f, s))
		events |= EPOLLIN | EPOLLRDNORM;
	if (s && qkd_named_closed(s))
		events |= EPOLLRDHUP;
	if (poll_requested_events(wait) & (EPOLLOUT | EPOLLWRNORM) &&
	    may_feed(f) && qkd_pool_has_room(f->link))
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

/* Until it says otherwise it is called as its task, which may be anything. */
static void label_by_task(char *label)
{
	char comm[TASK_COMM_LEN], *p;

	get_task_comm(comm, current);
	for (p = comm; *p; p++)
		if (!is_printable(*p))
			*p = '?';
	strscpy(label, comm, QKD_LABEL_SIZE);
}

static int qkd_open(struct inode *inode, struct file *file)
{
	struct qkd_link *link = qkd_link_find_minor(iminor(inode));
	struct qkd_file *f;

	if (!link)
		return -ENODEV;
	f = READ_ONCE(link->dead) ? ERR_PTR(-ENODEV) :
				    kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (IS_ERR_OR_NULL(f)) {
		qkd_link_put(link);
		return f ? PTR_ERR(f) : -ENOMEM;
	}
	f->link = link;
	f->file = file;
	mutex_init(&f->mutex);
	label_by_task(f->label);
	file->private_data = f;
	return stream_open(inode, file);
}

static int qkd_release(struct inode *inode, struct file *file)
{
	struct qkd_file *f = file->private_data;

	if (f->named)
		qkd_named_leave(f->named);
	if (f->consumer)
		qkd_consumer_del(f->consumer);
	qkd_link_put(f->link);
	kfree(f);
	return 0;
}

static const struct file_operations qkd_fops = {
	.owner = THIS_MODULE,
	.open = qkd_open,
	.release = qkd_release,
	.read_iter = qkd_read_iter,
	.write_iter = qkd_write_iter,
	.unlocked_ioctl = qkd_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = qkd_poll,
};

/* ---- nodes ---- */

static struct qkd_link *to_link(const struct device *dev)
{
	return container_of(dev, struct qkd_link, dev);
}

static void qkd_dev_release(struct device *dev)
{
	qkd_link_put(to_link(dev));
}

static void owner_of(const struct qkd_link *link, kuid_t *uid, kgid_t *gid)
{
	kuid_t u = make_kuid(link->user_ns, 0);
	kgid_t g = make_kgid(link->user_ns, 0);

	*uid = uid_valid(u) ? u : GLOBAL_ROOT_UID;
	*gid = gid_valid(g) ? g : GLOBAL_ROOT_GID;
}

/* The node is its namespace's root's; udev gives those of the machine's own
 * user namespace to a group.
 */
static char *qkd_devnode(qkd_const_device *dev, umode_t *mode, kuid_t *uid,
			 kgid_t *gid)
{
	kuid_t u;
	kgid_t g;

	if (mode)
		*mode = 0660;
	owner_of(to_link(dev), &u, &g);
	if (uid)
		*uid = u;
	if (gid)
		*gid = g;
	return NULL;
}

static void qkd_get_ownership(qkd_const_device *dev, kuid_t *uid, kgid_t *gid)
{
	owner_of(to_link(dev), uid, gid);
}

static qkd_class_ns *qkd_dev_namespace(qkd_const_device *dev)
{
	return qkd_class_ns_of(to_link(dev)->net);
}

/* The class is this module's memory, and may be let go of late. */
static DECLARE_COMPLETION(qkd_class_gone);

static void qkd_class_release(qkd_const_class *class)
{
	complete(&qkd_class_gone);
}

/*
 * As for net devices: a namespace sees its own links in sysfs. That must be
 * said before the class is registered, which class_create() leaves no room for.
 */
static struct class qkd_class = {
	.name = "qkd",
	.ns_type = &net_ns_type_operations,
	.namespace = qkd_dev_namespace,
	.get_ownership = qkd_get_ownership,
	.class_release = qkd_class_release,
};

static const struct device_type qkd_dev_type = {
	.name = "qkd",
	.devnode = qkd_devnode,
};

/**
 * qkd_dev_add - make a link's node and sysfs folder
 * @link: with index; the device holds a reference of it
 *
 * Context: may sleep.
 */
int qkd_dev_add(struct qkd_link *link)
{
	struct device *dev = &link->dev;
	int err;

	device_initialize(dev);
	qkd_link_hold(link);
	dev->class = &qkd_class;
	dev->type = &qkd_dev_type;
	dev->devt = MKDEV(MAJOR(qkd_devt), link->index);
	dev->groups = qkd_sysfs_groups;
	dev->release = qkd_dev_release;
	err = dev_set_name(dev, "qkd%u", link->index);
	if (!err)
		err = device_add(dev);
	if (err)
		put_device(dev);
	return err;
}

/**
 * qkd_dev_del - take away a link's node and sysfs folder
 * @link: that qkd_dev_add() was for
 *
 * Context: may sleep.
 */
void qkd_dev_del(struct qkd_link *link)
{
	device_del(&link->dev);
	put_device(&link->dev);
}

static void qkd_class_del(void)
{
	class_unregister(&qkd_class);
	wait_for_completion(&qkd_class_gone);
}

int qkd_dev_register(void)
{
	int err;

	err = alloc_chrdev_region(&qkd_devt, 0, MINORMASK + 1, "qkd");
	if (err)
		return err;
	err = class_register(&qkd_class);
	if (err)
		goto err_region;
	err = -ENOMEM;
	qkd_cdev = cdev_alloc();
	if (!qkd_cdev)
		goto err_class;
	qkd_cdev->ops = &qkd_fops;
	qkd_cdev->owner = THIS_MODULE;
	err = cdev_add(qkd_cdev, qkd_devt, MINORMASK + 1);
	if (err)
		goto err_cdev;
	return 0;

err_cdev:
	kobject_put(&qkd_cdev->kobj);
err_class:
	qkd_class_del();
err_region:
	unregister_chrdev_region(qkd_devt, MINORMASK + 1);
	return err;
}

void qkd_dev_unregister(void)
{
	cdev_del(qkd_cdev);
	qkd_class_del();
	unregister_chrdev_region(qkd_devt, MINORMASK + 1);
}
