// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * churn unload N | namespaces N | keys N | memory
 *
 * Modules, or namespaces, come and go while they are used, N times, and the
 * kernel's memory does not grow. KTAP on standard output. Or N keys are asked
 * for; or only the kernel's memory is told, in kB.
 *
 *	qkd-l                                     qkd-r
 *	wan  10.77.0.1  --------- veth ---------  10.77.0.2  wan
 *	otp0 10.99.0.1                            10.99.0.2  otp0
 *
 * Datagrams go both ways all the time, under IPsec from a tunnel and under
 * one-time pads: in the middle of it the modules are unloaded. A namespace
 * ends with everything in it as it was: descriptors open, streams half read,
 * offers unanswered, devices up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <qkd/tunnel.h>
#include "tests/pair/pair.h"
#include "churn.h"

#define GROWTH_MAX	512	/* kB, from warm to the end, however long */
#define SETTLING_TRIES	4
#define PORT_WAN	5000
#define PORT_OTP	5001
#define PATIENCE	20	/* s */

static const char * const names[2] = { "qkd-l", "qkd-r" };
static const char * const modules[] = { "qkd", "qkd_xfrm", "qkd_otp" };
static int net_of[3];		/* namespaces: the nodes', and our own */
static pid_t traffic[2];

/* What arrived at each node, written by those who send */
static volatile struct arrived {
	unsigned long wan, otp;
} *arrived;

static int results;

static bool result(bool ok, const char *what)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++results, what);
	fflush(stdout);
	return ok;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void run(const char *cmd)
{
	if (system(cmd)) {
		printf("# failed: %s\n", cmd);
		pair_die("set up", EINVAL);
	}
}

static void enter(int which)
{
	if (setns(net_of[which], CLONE_NEWNET))
		pair_die("setns", errno);
}

static uint32_t addr(unsigned int net, int node)
{
	return htonl(10u << 24 | net << 16 | (node + 1));
}

/* ---- modules ---- */

static void load(void)
{
	const char *dir = getenv("O");
	struct utsname u;
	char path[600];
	unsigned int i;
	int fd;

	uname(&u);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/kmod-%s/%s.ko",
			 dir ? dir : "build", u.release, modules[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			pair_die(path, errno);
		if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			pair_die(modules[i], errno);
		close(fd);
	}
}

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

static void must_unload(const char *module)
{
	double end = now() + PATIENCE;
	int err;

	/* a namespace or a packet on its way may hold it for a moment */
	while ((err = unload(module)) && now() < end)
		usleep(1000);
	if (err)
		pair_die(module, err);
}

/* What the modules need of the kernel's, once; they may be built in. */
static void need_modules(void)
{
	struct utsname u;
	char cmd[700];

	uname(&u);
	snprintf(cmd, sizeof(cmd),
		 "for m in qkd qkd_xfrm qkd_otp; do for d in "
		 "$(modinfo -F depends %s/kmod-%s/$m.ko | tr , ' ') "
		 "veth esp4 xfrm_user gcm; do "
		 "case $d in qkd*) ;; *) modprobe -q $d || : ;; esac; done; done",
		 getenv("O") ? getenv("O") : "build", u.release);
	run(cmd);
}

/* ---- traffic ---- */

static int udp(uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		pair_die("socket", errno);
	return fd;
}

static unsigned int exchange(int fd, uint32_t to, uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = to,
	};
	char data[200] = "on its way";
	unsigned int n = 0;

	/* no route, no key, no device: all of it is to be expected */
	sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&a, sizeof(a));
	while (recv(fd, data, sizeof(data), 0) >= 0)
		n++;
	return n;
}

static pid_t start_traffic(int node)
{
	pid_t pid = fork();
	int wan, otp;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter(node);
	wan = udp(PORT_WAN);
	otp = udp(PORT_OTP);
	for (;;) {
		arrived[node].wan += exchange(wan, addr(77, !node), PORT_WAN);
		arrived[node].otp += exchange(otp, addr(99, !node), PORT_OTP);
		usleep(1000);
	}
}

/* Key as it is used, in small blocks, while there is room. */
static void more_key(struct pair *p)
{
	struct qkd_state a, b;

	pair_state(&p->a, &a);
	pair_state(&p->b, &b);
	if (a.room < 16384 || b.room < 16384)
		return;
	pair_feed(p, 8192);
	pair_confirm(p, p->offset - 8192);
}

static bool traffic_flows(struct pair *p)
{
	struct arrived had[2];
	double end = now() + PATIENCE;
	int i;

	for (i = 0; i < 2; i++)
		had[i] = arrived[i];
	for (i = 0; i < 2; ) {
		if (now() > end)
			return false;
		if (arrived[i].wan > had[i].wan + 2 &&
		    arrived[i].otp > had[i].otp + 2)
			i++;
		more_key(p);
		usleep(500);
	}
	return true;
}

static void set_up(void)
{
	char path[64];
	int i;

	need_modules();
	net_of[2] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	run("for n in qkd-l qkd-r; do ip netns add $n && "
	    "ip -n $n link set lo up || exit; done; "
	    "ip link add wan netns qkd-l type veth peer name wan netns qkd-r && "
	    "ip -n qkd-l addr add 10.77.0.1/24 dev wan && "
	    "ip -n qkd-r addr add 10.77.0.2/24 dev wan && "
	    "ip -n qkd-l link set wan up && ip -n qkd-r link set wan up");
	arrived = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arrived == MAP_FAILED)
		pair_die("mmap", errno);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s", names[i]);
		net_of[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (net_of[i] < 0)
			pair_die(path, errno);
		traffic[i] = start_traffic(i);
	}
}

static void clean_up(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		kill(traffic[i], SIGKILL);
		waitpid(traffic[i], NULL, 0);
		close(net_of[i]);
	}
	if (system("ip netns del qkd-l; ip netns del qkd-r"))
		printf("# the namespaces were left\n");
}

/* ---- everything there is, on both nodes ---- */

static void make_end(struct qkd_nl *nl, struct pair_end *e, int node)
{
	static const char * const nodes[2] = { "alice", "bob" };
	struct qkd_tunnel_conf t = QKD_TUNNEL_CONF_INIT;
	struct qkd_link_conf c = QKD_LINK_CONF_INIT;
	int err;

	c.local_node = nodes[node];
	c.peer_node = nodes[!node];
	c.local4.s_addr = addr(77, node);
	c.peer4.s_addr = addr(77, !node);
	c.admin_state = QKD_ADMIN_STATE_UP;
	c.set = QKD_BIT(QKD_A_LINK_LOCAL4) | QKD_BIT(QKD_A_LINK_PEER4) |
		QKD_BIT(QKD_A_LINK_ADMIN_STATE);
	err = qkd_link_add(nl, "q", &c, &e->index);
	if (err)
		pair_die("link-new", err);
	e->fd = pair_open(e, O_RDWR | O_NONBLOCK);
	if (e->fd < 0)
		pair_die("open", e->fd);
	t.link = "q";
	t.mode = QKD_XFRM_MODE_TRANSPORT;
	/* not the one-time-pad packets, which pass between the same hosts */
	t.proto = IPPROTO_UDP;
	t.src_port = PORT_WAN;
	t.dst_port = PORT_WAN;
	t.rekey_packets = 64;
	t.grace_time = 200;
	t.set = QKD_BIT(QKD_XFRM_A_TUNNEL_MODE) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_PROTO) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_SRC_PORT) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_DST_PORT) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_REKEY_PACKETS) |
		QKD_BIT(QKD_XFRM_A_TUNNEL_GRACE_TIME);
	err = qkd_tunnel_add(nl, "t", &t, NULL);
	if (err)
		pair_die("tunnel-new", err);
	enter(node);
	err = rtnl_otp("otp0", "q", 1, 51015, 51015, addr(99, node));
	enter(2);
	if (err)
		pair_die("qkdotp", err);
}

static void make_all(struct pair *p, struct qkd_nl *nl[2])
{
	int i, err;

	for (i = 0; i < 2; i++) {
		err = qkd_nl_open(&nl[i], names[i]);
		if (err)
			pair_die("netlink", err);
		make_end(nl[i], i ? &p->b : &p->a, i);
	}
	pair_fill(p, 32768);
	pair_feed(p, 32768);
	pair_confirm(p, 32768);
}

/* More links than one message of a dump can tell of */
static void more_links(struct qkd_nl *nl, unsigned int n)
{
	struct qkd_link_conf c = QKD_LINK_CONF_INIT;
	char name[32];
	unsigned int i;
	int err;

	c.local_node = "x";
	c.peer_node = "y";
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "more%u", i);
		err = qkd_link_add(nl, name, &c, NULL);
		if (err)
			pair_die("link-new", err);
	}
}

/* ---- modules come and go ---- */

static struct pair ends;	/* its buffers are used again */

static bool unload_once(unsigned int i)
{
	struct qkd_nl *nl[2];
	int stream, dump = -1, err;
	bool ok;

	load();
	make_all(&ends, nl);
	ok = traffic_flows(&ends);
	if (!ok)
		printf("# cycle %u: nothing arrives: %lu %lu, %lu %lu\n", i,
		       arrived[0].wan, arrived[0].otp,
		       arrived[1].wan, arrived[1].otp);
	/* at no particular moment of what timers and works do */
	usleep(rand() % 30000);
	must_unload("qkd_otp");
	must_unload("qkd_xfrm");
	stream = pair_open(&ends.a, O_RDONLY | O_NONBLOCK);
	if (stream < 0 || pair_stream(stream, "left"))
		pair_die("stream", stream);
	if (i % 8 == 0) {
		enter(0);
		more_links(nl[0], 100);
		dump = dump_begin();
		enter(2);
		close(stream);
		close(ends.a.fd);
		close(ends.b.fd);
	}
	/* a descriptor, or a dump, keeps the module */
	err = unload("qkd");
	if (err != -EWOULDBLOCK) {
		printf("# cycle %u: in use, and yet: %d\n", i, err);
		return false;
	}
	if (dump >= 0) {
		close(dump);
	} else {
		close(stream);
		if (i % 2) {
			qkd_link_del(nl[0], "q", QKD_NO_INDEX);
			qkd_link_del(nl[1], "q", QKD_NO_INDEX);
		}
		close(ends.a.fd);
		close(ends.b.fd);
	}
	qkd_nl_close(nl[0]);
	qkd_nl_close(nl[1]);
	must_unload("qkd");
	return ok;
}

/* ---- namespaces come and go ---- */

/* Makes all there can be, and ends without undoing any of it. */
static void leave_a_namespace(unsigned int i)
{
	struct qkd_tunnel_conf t = QKD_TUNNEL_CONF_INIT;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = addr(99, 7),
	};
	uint8_t key[64];
	struct pair p;
	int fa, fb, sock, n;

	pair_make(&p, 0);
	pair_fill(&p, 8192);
	fa = pair_open(&p.a, O_RDONLY | O_NONBLOCK);
	fb = pair_open(&p.b, O_RDONLY | O_NONBLOCK);
	pair_stream(fa, "s");
	pair_stream(fb, "s");
	t.link = "a";
	if (qkd_tunnel_add(p.nl, "t", &t, NULL) ||
	    rtnl_otp("otp0", "a", 1, 51015, 51016, addr(99, 0)) ||
	    rtnl_otp("otp1", "b", 1, 51016, 51015, addr(98, 1)))
		pair_die("make", errno);
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	for (n = 0; n < 3; n++)
		sendto(sock, key, sizeof(key), 0, (struct sockaddr *)&to,
		       sizeof(to));
	/* an acquire of the tunnel's, which nobody answers */
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sendto(sock, key, sizeof(key), 0, (struct sockaddr *)&to, sizeof(to));
	for (n = 0; n < 200 && i % 2 && read(fa, key, 10) < 0; n++)
		usleep(1000);
	if (i % 16 == 0) {
		more_links(p.nl, 100);
		dump_begin();
	}
	_exit(pair_get(p.a.fd, key, 32, NULL) == 0 ? 0 : 1);
}

static bool namespace_once(unsigned int i)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		leave_a_namespace(i);
	waitpid(pid, &status, 0);
	if (status)
		printf("# cycle %u: the namespace's program: %d\n", i, status);
	return !status;
}

/* ---- keys ---- */

static int ask_for_keys(unsigned int n)
{
	double begin = now();
	struct pair p;
	bool ok;

	load();
	pair_make(&p, 0);
	ok = keys(&p, n);
	printf("# %.0f keys a second, each asked for, and taken at the peer\n",
	       n / (now() - begin));
	result(ok, "keys are the same at both ends");
	pair_free(&p);
	return !ok;
}

static int tell_memory(void)
{
	struct memory m = memory_now();

	printf("%ld\n", memory_sum(&m));
	return 0;
}

/* ---- N times, and what it leaves ---- */

static void tell(const char *when, const struct memory *m)
{
	printf("# %s: slab %ld kB, percpu %ld kB, vmalloc %ld kB\n", when,
	       m->slab, m->percpu, m->vmalloc);
	fflush(stdout);
}

static void tell_progress(unsigned int i, double begin)
{
	printf("# %u cycles after %.0f s\n", i, now() - begin);
	fflush(stdout);
}

static bool is_flat(const struct memory *from, const struct memory *to)
{
	return memory_sum(to) - memory_sum(from) <= GROWTH_MAX;
}

/* What is freed late is so at last; a leak stays. */
static struct memory memory_settled(const struct memory *from)
{
	struct memory m = memory_now();

	for (int i = 0; i < SETTLING_TRIES && !is_flat(from, &m); i++)
		m = memory_now();
	return m;
}

/* What is allocated once and kept is so after a tenth of the cycles. */
static int cycles(unsigned int n, bool (*once)(unsigned int i),
		  const char *what, unsigned int others)
{
	unsigned int warm = n / 10 > 5 ? n / 10 : n < 5 ? n : 5, i, bad = 0;
	struct memory from = { 0 }, to;
	double begin = now();
	char text[120];

	for (i = 0; i < n && !bad; i++) {
		if (i == warm) {
			memory_wait_namespaces(others);
			from = memory_now();
			tell("when warm", &from);
		}
		if (i && i % (n / 10 + 1) == 0)
			tell_progress(i, begin);
		if (i % 100 == 99)
			memory_wait_namespaces(others + 50);
		bad += !once(i);
	}
	memory_wait_namespaces(others);
	printf("# %u cycles, %.1f ms each\n", i,
	       (now() - begin) * 1e3 / (i ? i : 1));
	to = n > warm ? memory_settled(&from) : memory_now();
	tell("at the end", &to);
	snprintf(text, sizeof(text), "%s %u times", what, n);
	result(!bad && i == n, text);
	snprintf(text, sizeof(text), "memory is flat (%+ld kB in %u cycles)",
		 memory_sum(&to) - memory_sum(&from), n - warm);
	result(n <= warm || is_flat(&from, &to), text);
	return bad || (n > warm && !is_flat(&from, &to));
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 3 ? atoi(argv[2]) : 0, others;
	int status;

	if (argc == 2 && !strcmp(argv[1], "memory"))
		return tell_memory();
	if (!n) {
		fprintf(stderr, "usage: churn unload N | namespaces N | keys N | memory\n");
		return 2;
	}
	if (!strcmp(argv[1], "keys"))
		return ask_for_keys(n);
	ends.tx = malloc(PAIR_BYTES);
	ends.rx = malloc(PAIR_BYTES);
	printf("KTAP version 1\n1..2\n");
	fflush(stdout);
	set_up();
	others = memory_namespaces();
	if (!strcmp(argv[1], "unload")) {
		status = cycles(n, unload_once,
				"all modules are unloaded under traffic", others);
	} else {
		load();
		status = cycles(n, namespace_once,
				"a namespace ends with all in use", others);
		must_unload("qkd_otp");
		must_unload("qkd_xfrm");
		must_unload("qkd");
	}
	clean_up();
	return status ? 1 : 0;
}
