// SPDX-License-Identifier: GPL-2.0
/*
 * One ESP SA in the kernel's database: made with key, used, told about, and
 * deleted. When, and which replaces which, is decided in out.c and in.c.
 */

#include <linux/slab.h>
#include <net/xfrm.h>

#include "tunnel.h"

#define QX_ICV_BITS	128
#define REPEATS_MS	30000	/* of a rekey's messages, on a bad network */

static const struct qx_aead {
	const char *name;
	u32 key_len;		/* bytes, with the salt */
} aeads[] = {
	[QKD_XFRM_AEAD_AES256GCM] = {
		.name = "rfc4106(gcm(aes))",
		.key_len = 32 + 4,
	},
	[QKD_XFRM_AEAD_AES128GCM] = {
		.name = "rfc4106(gcm(aes))",
		.key_len = 16 + 4,
	},
	[QKD_XFRM_AEAD_CHACHA20POLY1305] = {
		.name = "rfc7539esp(chacha20,poly1305)",
		.key_len = 32 + 4,
	},
};

/**
 * qx_aead_there - can this kernel do it?
 * @aead: cipher
 *
 * Its modules are loaded by asking, so that the first SA need not wait for
 * them. Context: process, may sleep. Return: true if so.
 */
bool qx_aead_there(enum qkd_xfrm_aead aead)
{
	return xfrm_aead_get_byname(aeads[aead].name, QX_ICV_BITS, 1);
}

/**
 * qx_aead_key_len - how much key an SA takes
 * @aead: its cipher
 *
 * Context: any. Return: bytes of key and salt.
 */
u32 qx_aead_key_len(enum qkd_xfrm_aead aead)
{
	return aeads[aead].key_len;
}

/* A limit given, or derived from the one at which the SA is to be replaced. */
static u64 hard_limit(const struct qx_settings *set, u64 hard, u64 soft)
{
	u32 times = set->starved == QKD_XFRM_STARVED_KEEP ? 24 : 2;

	if (hard || !soft)
		return hard;
	return soft > U64_MAX / times ? U64_MAX : soft * times;
}

/*
 * When an outbound SA ends in any case, in milliseconds; 0 is never. However
 * short the time to a rekey is, its messages may have to be repeated.
 */
static u64 hard_time(const struct qx_settings *set)
{
	u64 time = hard_limit(set, set->hard_time, set->rekey_time);

	if (!time || set->hard_time)
		return time;
	return max_t(u64, time, (u64)set->rekey_time + REPEATS_MS);
}

/*
 * The sender's limits hold an SA; here they only make sure that an inbound one
 * whose sender is gone ends too, later than at the sender.
 */
static void set_lifetime(struct xfrm_lifetime_cfg *lft,
			 const struct qx_settings *set, bool out)
{
	u64 packets = hard_limit(set, set->hard_packets, set->rekey_packets);
	u64 bytes = hard_limit(set, set->hard_bytes, set->rekey_bytes);
	u64 time = hard_time(set);

	if (!out) {
		if (time)
			lft->hard_add_expires_seconds =
				DIV_ROUND_UP_ULL(time + 2 * set->grace_time,
						 1000) + 1;
		return;
	}
	if (!set->esn)
		packets = min_t(u64, packets ?: U32_MAX, U32_MAX);
	/* our own timer is finer, and earlier; this one is for the eye */
	lft->soft_add_expires_seconds = DIV_ROUND_UP_ULL(set->rekey_time, 1000);
	lft->hard_add_expires_seconds = DIV_ROUND_UP_ULL(time, 1000);
	lft->soft_byte_limit = set->rekey_bytes ?: XFRM_INF;
	lft->hard_byte_limit = bytes ?: XFRM_INF;
	lft->soft_packet_limit = set->rekey_packets ?: XFRM_INF;
	lft->hard_packet_limit = packets ?: XFRM_INF;
}

static int set_replay(struct xfrm_state *x, const struct qx_settings *set,
		      bool out)
{
	u32 words = DIV_ROUND_UP(set->replay_window, 32);
	size_t len = struct_size(x->replay_esn, bmp, words);

	if (set->esn)
		x->props.flags |= XFRM_STATE_ESN;
	if (!set->replay_window)
		return 0;
	x->replay_esn = kzalloc(len, GFP_KERNEL);
	x->preplay_esn = kzalloc(len, GFP_KERNEL);
	if (!x->replay_esn || !x->preplay_esn)
		return -ENOMEM;
	x->replay_esn->bmp_len = words;
	x->preplay_esn->bmp_len = words;
	if (!out || !qx_xfrm_has_dir) {
		x->replay_esn->replay_window = set->replay_window;
		x->preplay_esn->replay_window = set->replay_window;
	}
	return 0;
}

static int set_encap(struct xfrm_state *x, const struct qx_conf *conf,
		     bool out)
{
	if (!conf->encap_sport)
		return 0;
	x->encap = kzalloc(sizeof(*x->encap), GFP_KERNEL);
	if (!x->encap)
		return -ENOMEM;
	x->encap->encap_type = UDP_ENCAP_ESPINUDP;
	x->encap->encap_sport = out ? conf->encap_sport : conf->encap_dport;
	x->encap->encap_dport = out ? conf->encap_dport : conf->encap_sport;
	return 0;
}

static int set_aead(struct xfrm_state *x, const struct qx_aead *aead,
		    const u8 *key)
{
	struct xfrm_algo_desc *desc;

	desc = xfrm_aead_get_byname(aead->name, QX_ICV_BITS, 1);
	if (!desc)
		return -EOPNOTSUPP;
	x->aead = kzalloc(sizeof(*x->aead) + aead->key_len, GFP_KERNEL);
	if (!x->aead)
		return -ENOMEM;
	strscpy(x->aead->alg_name, desc->name, sizeof(x->aead->alg_name));
	x->aead->alg_key_len = aead->key_len * 8;
	x->aead->alg_icv_len = QX_ICV_BITS;
	memcpy(x->aead->alg_key, key, aead->key_len);
	x->props.ealgo = desc->desc.sadb_alg_id;
	x->geniv = desc->uinfo.aead.geniv;
	return 0;
}

/* In transport mode, an SA carries what the tunnel selects and nothing else. */
static void set_selector(struct xfrm_state *x, const struct qx_conf *conf,
			 bool out)
{
	if (conf->mode != QKD_XFRM_MODE_TRANSPORT || conf->adhoc ||
	    conf->policy == QKD_XFRM_POLICY_NONE)
		x->props.flags |= XFRM_STATE_AF_UNSPEC;
	else if (out)
		x->sel = conf->sel;
	else
		qx_selector_reverse(&x->sel, &conf->sel);
}

static void set_ends(struct xfrm_state *x, const struct qx_conf *conf,
		     bool out, __be32 spi)
{
	x->id.daddr = out ? conf->peer : conf->local;
	x->props.saddr = out ? conf->local : conf->peer;
	x->id.spi = spi;
	x->id.proto = IPPROTO_ESP;
	x->props.family = conf->family;
	x->props.mode = conf->mode;
	x->props.reqid = conf->reqid;
	x->if_id = conf->if_id;
	qx_xfrm_set_dir(x, out);
}

static void state_discard(struct xfrm_state *x)
{
	x->km.state = XFRM_STATE_DEAD;
	xfrm_state_put(x);
}

/* Made, but not in the database yet. */
static struct xfrm_state *state_make(struct qx_tunnel *t, bool out, __be32 spi,
				     const u8 *key)
{
	const struct qx_aead *aead = &aeads[t->conf.set.aead];
	struct xfrm_state *x = xfrm_state_alloc(t->qn->net);
	int err;

	if (!x)
		return ERR_PTR(-ENOMEM);
	set_ends(x, &t->conf, out, spi);
	set_selector(x, &t->conf, out);
	set_lifetime(&x->lft, &t->conf.set, out);
	err = set_replay(x, &t->conf.set, out);
	if (!err)
		err = set_encap(x, &t->conf, out);
	if (!err)
		err = set_aead(x, aead, key);
	if (!err)
		err = xfrm_init_state(x, NULL);
	/* the transform has its own copy, and ip xfrm state shows this one */
	if (x->aead)
		memzero_explicit(x->aead->alg_key, aead->key_len);
	if (err) {
		state_discard(x);
		return ERR_PTR(err);
	}
	return x;
}

static void state_tell(struct xfrm_state *x, u32 event)
{
	struct km_event c = { .event = event, .net = xs_net(x) };

	km_state_notify(x, &c);
}

/* An inbound SA's name is its receiver's to choose. */
static __be32 free_spi(struct qx_tunnel *t)
{
	struct xfrm_state *x;
	__be32 spi;

	do {
		spi = htonl(max_t(u32, get_random_u32(), QX_SPI_MIN));
		x = xfrm_state_lookup(t->qn->net, 0, &t->conf.local, spi,
				      IPPROTO_ESP, t->conf.family);
		if (x)
			xfrm_state_put(x);
	} while (x);
	return spi;
}

/* The same with a key that is yet to be derived, for just this SA. */
static struct xfrm_state *state_derive(struct qx_tunnel *t, bool out,
				       __be32 spi, const u8 *prk, u64 offset)
{
	struct qx_bind b = {
		.stream = out != qkd_link_lower(t->link),
		.family = t->conf.family == AF_INET ? 4 : 6,
		.mode = t->conf.mode,
		.aead = t->conf.set.aead,
		.spi = ntohl(spi),
		.offset = offset,
		.name = t->conf.name,
	};
	struct xfrm_state *x;
	u8 key[QX_KEY_MAX];
	int err;

	err = qx_derive_expand(key, qx_aead_key_len(t->conf.set.aead), prk,
			       &b);
	x = err ? ERR_PTR(err) : state_make(t, out, spi, key);
	memzero_explicit(key, sizeof(key));
	return x;
}

/**
 * qx_sa_install - put an SA into the database
 * @t: its tunnel
 * @out: direction
 * @spi: its name; 0 to choose one, inbound only
 * @key: as many bytes as the tunnel's cipher takes, or what they are derived
 *	from; the caller wipes them
 * @secret_id: of the post-quantum secret in @key; NULL: @key is what it is
 * @offset: of the quantum key, for reference
 *
 * A larval SA that waits for this one goes. Context: process, @t->lock held.
 * Return: the SA or an ERR_PTR.
 */
struct qx_sa *qx_sa_install(struct qx_tunnel *t, bool out, __be32 spi,
			    const u8 *key, const u8 *secret_id, u64 offset)
{
	struct xfrm_state *x;
	struct qx_sa *sa;
	int err;

	lockdep_assert_held(&t->lock);
	sa = kzalloc(sizeof(*sa), GFP_KERNEL);
	if (!sa)
		return ERR_PTR(-ENOMEM);
	spi = spi ?: free_spi(t);
	if (secret_id)
		x = state_derive(t, out, spi, key, offset);
	else
		x = state_make(t, out, spi, key);
	if (IS_ERR(x)) {
		kfree(sa);
		return ERR_CAST(x);
	}
	xfrm_state_hold(x);
	err = xfrm_state_add(x);
	xfrm_audit_state_add(x, err ? 0 : 1, false);
	if (err) {
		__xfrm_state_put(x);
		state_discard(x);
		kfree(sa);
		return ERR_PTR(err);
	}
	state_tell(x, XFRM_MSG_NEWSA);
	INIT_LIST_HEAD(&sa->list);
	sa->x = x;
	sa->offset = offset;
	sa->made = jiffies;
	if (secret_id) {
		sa->hybrid = true;
		memcpy(sa->secret_id, secret_id, sizeof(sa->secret_id));
	}
	return sa;
}

/* Any context. */
bool qx_sa_alive(const struct qx_sa *sa)
{
	return READ_ONCE(sa->x->km.state) == XFRM_STATE_VALID;
}

/**
 * qx_sa_usage - what an SA has carried
 * @sa: of either direction
 * @u: filled
 *
 * Context: process or BH.
 */
void qx_sa_usage(const struct qx_sa *sa, struct qx_usage *u)
{
	spin_lock_bh(&sa->x->lock);
	u->packets = sa->x->curlft.packets;
	u->bytes = sa->x->curlft.bytes;
	spin_unlock_bh(&sa->x->lock);
}

/**
 * qx_sa_step_back - no packet from now on chooses this SA
 * @sa: outbound; its successor is in the database
 *
 * Packets that have chosen it already are between routing and output, and go
 * through: so it must stay valid for a while. The flag hides it from lookups
 * of outbound SAs, and means nothing else there; a later SA alone would not do,
 * since lookups of kernels from 6.12 on prefer the one they found before. The
 * routes that lead to it are made stale. Context: process.
 */
void qx_sa_step_back(struct qx_sa *sa)
{
	struct net *net = xs_net(sa->x);

	spin_lock_bh(&net->xfrm.xfrm_state_lock);
	sa->x->props.flags |= XFRM_STATE_WILDRECV;
	sa->x->genid++;
	spin_unlock_bh(&net->xfrm.xfrm_state_lock);
}

/**
 * qx_larval_end - delete the larval SAs of a tunnel
 * @t: its outbound SA is, or was, in the database since they were asked for
 *
 * They stand for packets that wait, and nobody is asked for the SA while there
 * is one, for 30 s. Context: process, @t->lock held.
 */
void qx_larval_end(struct qx_tunnel *t)
{
	static const struct xfrm_mark none;
	struct xfrm_state *x;

	lockdep_assert_held(&t->lock);
	while ((x = qx_xfrm_find_acq(t->qn->net, &none, t->conf.mode,
				     t->conf.reqid, t->conf.if_id, IPPROTO_ESP,
				     &t->conf.peer, &t->conf.local, false,
				     t->conf.family))) {
		xfrm_state_delete(x);
		xfrm_state_put(x);
	}
}

/**
 * qx_sa_end - delete an SA, if nobody did; it is seen to be dead
 * @sa: of either direction
 *
 * Context: process.
 */
void qx_sa_end(struct qx_sa *sa)
{
	if (xfrm_state_delete(sa->x))
		return;
	xfrm_audit_state_delete(sa->x, 1, false);
	state_tell(sa->x, XFRM_MSG_DELSA);
}

/**
 * qx_sa_delete - delete an SA, if nobody did, and forget it
 * @sa: not on any list; freed
 * @total: what it carried is added
 *
 * Context: process.
 */
void qx_sa_delete(struct qx_sa *sa, struct qx_usage *total)
{
	struct qx_usage u;

	qx_sa_end(sa);
	qx_sa_usage(sa, &u);
	total->packets += u.packets;
	total->bytes += u.bytes;
	xfrm_state_put(sa->x);
	kfree(sa);
}
