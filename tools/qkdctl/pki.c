// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl pki: a small certificate authority for KMEs and the SAEs they serve.
 *
 * A folder holds the authority's key and certificate and, beside them, what it
 * issued. Keys are EC, on P-256 or P-384; lifetimes, usages and names are what
 * Documentation/key-service.rst says. Nothing is ever overwritten. Revocation
 * and renewal ahead of time are openssl(1)'s: the files are ordinary PEM.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "print.h"
#include "qkdctl.h"

#define PKI_DIR		"/etc/qkd/pki"
#define CA_DAYS		3650
#define DAYS		397	/* what browsers' rules allow; a year and a month */
#define BACKDATE	300	/* s, for clocks that differ */
#define ID_MAX		128
#define HOSTS_MAX	16

static const char usage[] =
	"Usage: qkdctl pki init [ name NAME ] [ dir DIR ] [ days N ] [ curve CURVE ]\n"
	"       qkdctl pki issue { sae | kme } ID [ host HOST ]... [ dir DIR ] [ days N ]\n"
	"                 [ curve CURVE ]\n"
	"       qkdctl pki show [ FILE ]\n"
	"CURVE := { p256 | p384 }; DIR is " PKI_DIR " unless told.\n"
	"\"init\" makes a certificate authority, ca.key and ca.crt. \"issue\" makes\n"
	"ID.key and ID.crt: of a KME, which needs the names or addresses by which it\n"
	"is reached, or of an SAE, its client. Carry a key to its owner by safe means\n"
	"and destroy the copy; ca.crt is no secret.\n";

struct pki {
	const char *dir;
	const char *name;
	uint64_t days;
	int curve;	/* NID */
	const char *hosts[HOSTS_MAX];
	unsigned int n_hosts;
};

/* ---- words ---- */

static int parse_dir(struct args *a, const char *key, void *conf)
{
	struct pki *p = conf;

	p->dir = arg_value(a, key);
	return p->dir ? 0 : -EINVAL;
}

static int parse_name(struct args *a, const char *key, void *conf)
{
	struct pki *p = conf;

	p->name = arg_value(a, key);
	if (!p->name)
		return -EINVAL;
	if (!*p->name || strlen(p->name) > 64)
		return bad("%s: 1 to 64 characters", key);
	return 0;
}

static int parse_days(struct args *a, const char *key, void *conf)
{
	struct pki *p = conf;
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (parse_number(s, 1, 36500, &p->days))
		return bad("%s: 1 to 36500, not \"%s\"", key, s);
	return 0;
}

static int parse_curve(struct args *a, const char *key, void *conf)
{
	static const struct {
		const char *name;
		int nid;
	} curves[] = {
		{ "p256", NID_X9_62_prime256v1 },
		{ "p384", NID_secp384r1 },
	};
	struct pki *p = conf;
	const char *s = arg_value(a, key);
	int i = s ? ARG_MATCH(curves, s, key) : -EINVAL;

	if (i < 0)
		return i;
	p->curve = curves[i].nid;
	return 0;
}

/* How many letters, digits and characters of @more @s begins with. */
static size_t word_len(const char *s, const char *more)
{
	size_t n = 0;

	while (isascii(s[n]) && (isalnum(s[n]) ||
				 (s[n] && strchr(more, s[n]))))
		n++;
	return n;
}

static int parse_host(struct args *a, const char *key, void *conf)
{
	struct pki *p = conf;
	const char *s = arg_value(a, key);

	if (!s)
		return -EINVAL;
	if (p->n_hosts == HOSTS_MAX)
		return bad("at most %d hosts", HOSTS_MAX);
	if (!*s || strlen(s) > 253 || word_len(s, ".:-*") != strlen(s))
		return bad("%s: \"%s\" is no name or address of a host", key,
			   s);
	p->hosts[p->n_hosts++] = s;
	return 0;
}

static const struct key init_keys[] = {
	KEY_OWN("name", parse_name), KEY_OWN("dir", parse_dir),
	KEY_OWN("days", parse_days), KEY_OWN("curve", parse_curve),
};

static const struct key issue_keys[] = {
	KEY_OWN("host", parse_host), KEY_OWN("dir", parse_dir),
	KEY_OWN("days", parse_days), KEY_OWN("curve", parse_curve),
};

/* As qkd-kmed takes it; and it becomes a file's name. */
static int check_id(const char *id)
{
	size_t len = word_len(id, "._~:@-");

	if (!len || len > ID_MAX || id[len] || id[0] == '.' || id[0] == '-')
		return bad("an ID has 1 to %d letters, digits and . _ ~ : @ -, not \"%s\"",
			   ID_MAX, id);
	if (!strcmp(id, "ca"))
		return bad("\"ca\" is the authority's own");
	return 0;
}

/* ---- OpenSSL ---- */

static int bad_ssl(const char *doing)
{
	unsigned long e = ERR_get_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return bad("%s: %s", doing, why ? why : "OpenSSL failed");
}

static int add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

/* One URI, then the hosts: an address or a name each */
static int add_names(X509 *cert, const char *kind, const char *id,
		     const struct pki *p)
{
	char text[HOSTS_MAX * 260 + ID_MAX + 32];
	struct in6_addr any;
	int len;

	len = snprintf(text, sizeof(text), "URI:urn:qkd:%s:%s", kind, id);
	for (unsigned int i = 0; i < p->n_hosts; i++) {
		const char *h = p->hosts[i];
		bool ip = inet_pton(AF_INET, h, &any) == 1 ||
			inet_pton(AF_INET6, h, &any) == 1;

		len += snprintf(text + len, sizeof(text) - len, ",%s:%s",
				ip ? "IP" : "DNS", h);
	}
	return add_ext(cert, cert, NID_subject_alt_name, text);
}

static int set_serial(X509 *cert)
{
	unsigned char b[16];
	BIGNUM *n;
	int ok;

	if (RAND_bytes(b, sizeof(b)) != 1)
		return 0;
	b[0] = (b[0] & 0x7f) | 0x40;	/* positive, of one length */
	n = BN_bin2bn(b, sizeof(b), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

/* All that authorities and others have; @issuer may be @cert itself. */
static X509 *cert_new(const char *name, EVP_PKEY *key, uint64_t days)
{
	X509 *cert = X509_new();
	X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;
	const unsigned char *cn = (const unsigned char *)name;

	if (subject && X509_set_version(cert, X509_VERSION_3) &&
	    set_serial(cert) &&
	    /* X.520 allows a common name 64 characters: the URI has all */
	    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
				       cn, strlen(name) > 64 ? 64 : -1, -1,
				       0) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE) &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), days, -BACKDATE,
			     NULL) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static EVP_PKEY *key_new(int curve)
{
	return EVP_EC_gen(curve == NID_secp384r1 ? "P-384" : "P-256");
}

/* By the strength of the key that signs. */
static int sign(X509 *cert, EVP_PKEY *key)
{
	return X509_sign(cert, key, EVP_PKEY_get_bits(key) > 256 ?
			 EVP_sha384() : EVP_sha256());
}

/* ---- files ---- */

static int path_of(char *path, size_t room, const char *dir, const char *name,
		   const char *ext)
{
	if ((size_t)snprintf(path, room, "%s/%s.%s", dir, name, ext) >= room)
		return bad("the folder's name is too long");
	return 0;
}

static FILE *create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
		      O_NOFOLLOW, mode);
	FILE *f;

	if (fd < 0) {
		if (errno == EEXIST)
			bad("%s exists; nothing is overwritten, move it away first",
			    path);
		else
			bad("%s: %s", path, strerror(errno));
		return NULL;
	}
	fchmod(fd, mode);
	f = fdopen(fd, "w");
	if (!f)
		close(fd);
	return f;
}

static int finish(FILE *f, const char *path, int ok)
{
	if (ok)
		ok = !fflush(f) && !fsync(fileno(f));
	if (fclose(f))
		ok = 0;
	if (ok)
		return 0;
	unlink(path);
	return bad("%s cannot be written", path);
}

static int write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = create(path, 0600);

	return f ? finish(f, path, PEM_write_PKCS8PrivateKey(f, key, NULL,
							     NULL, 0, NULL,
							     NULL)) : -EIO;
}

static int write_cert(const char *path, X509 *cert)
{
	FILE *f = create(path, 0644);

	return f ? finish(f, path, PEM_write_X509(f, cert)) : -EIO;
}

/* Both or none. */
static int write_pair(const char *dir, const char *name, EVP_PKEY *key,
		      X509 *cert)
{
	char key_path[4096], cert_path[4096];
	int err;

	if (path_of(key_path, sizeof(key_path), dir, name, "key") ||
	    path_of(cert_path, sizeof(cert_path), dir, name, "crt"))
		return -EINVAL;
	err = write_key(key_path, key);
	if (err)
		return err;
	err = write_cert(cert_path, cert);
	if (err)
		unlink(key_path);
	return err;
}

static X509 *read_cert(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *cert;

	if (!f) {
		bad("%s: %s", path, strerror(errno));
		return NULL;
	}
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (!cert)
		bad_ssl(path);
	return cert;
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;

	if (!f) {
		bad("%s: %s", path, strerror(errno));
		return NULL;
	}
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!key)
		bad_ssl(path);
	return key;
}

/* ---- show ---- */

static void print_time(const char *key, const char *fmt, const ASN1_TIME *t)
{
	struct tm tm;
	char text[32] = "?";

	if (ASN1_TIME_to_tm(t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pr_str(PLAIN, key, fmt, text);
}

/* "URI:urn:qkd:sae:a, DNS:a.example" */
static void names_of(const X509 *cert, char *text, size_t room)
{
	BIO *b = BIO_new(BIO_s_mem());
	GENERAL_NAMES *names;
	int n;

	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; b && i < sk_GENERAL_NAME_num(names); i++) {
		if (i)
			BIO_puts(b, ", ");
		GENERAL_NAME_print(b, sk_GENERAL_NAME_value(names, i));
	}
	n = b ? BIO_read(b, text, room - 1) : 0;
	text[n > 0 ? n : 0] = '\0';
	BIO_free(b);
	GENERAL_NAMES_free(names);
}

static void print_cert(const char *path, const X509 *cert)
{
	char name[2048], md[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	int days = 0, s = 0;

	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name));
	pr_obj(NULL);
	pr_str(NAME, "file", "%s:", path);
	pr_str(PLAIN, "subject", " %s\n", name);
	X509_NAME_oneline(X509_get_issuer_name(cert), name, sizeof(name));
	pr_str(PLAIN, "issuer", "    issuer %s\n", name);
	names_of(cert, name, sizeof(name));
	if (name[0])
		pr_str(PLAIN, "names", "    names %s\n", name);
	print_time("not_before", "    from %s", X509_get0_notBefore(cert));
	print_time("not_after", " to %s", X509_get0_notAfter(cert));
	ASN1_TIME_diff(&days, &s, NULL, X509_get0_notAfter(cert));
	pr_u64(days > 30 ? GOOD : WARN, "days_left", " (%s days left)",
	       days > 0 ? days : 0);
	if (X509_digest(cert, EVP_sha256(), digest, &n))
		for (unsigned int i = 0; i < n; i++)
			snprintf(md + 2 * i, 3, "%02x", digest[i]);
	pr_str(PLAIN, "sha256", "\n    sha256 %s\n", md);
	pr_obj_end();
}

static int pki_show(struct args *a)
{
	const char *file = arg_next(a);
	X509 *cert;

	if (arg_end(a))
		return -EINVAL;
	if (!file)
		file = PKI_DIR "/ca.crt";
	cert = read_cert(file);
	if (!cert)
		return -EINVAL;
	pr_begin();
	print_cert(file, cert);
	pr_end();
	X509_free(cert);
	return 0;
}

/* ---- init ---- */

static int save(const struct pki *p, const char *name, EVP_PKEY *key,
		X509 *cert)
{
	char path[4096];
	int err = write_pair(p->dir, name, key, cert);

	if (err)
		return err;
	pr_begin();
	if (!path_of(path, sizeof(path), p->dir, name, "crt"))
		print_cert(path, cert);
	pr_end();
	return 0;
}

static int pki_init(struct args *a)
{
	struct pki p = { .dir = PKI_DIR, .name = "QKD key service CA",
		.days = CA_DAYS, .curve = NID_secp384r1 };
	EVP_PKEY *key;
	X509 *cert;
	int err;

	err = parse_keys(init_keys, N_ELEMS(init_keys), a, &p);
	if (err)
		return err;
	if (mkdir(p.dir, 0700) && errno != EEXIST)
		return bad("%s: %s", p.dir, strerror(errno));
	key = key_new(p.curve);
	cert = key ? cert_new(p.name, key, p.days) : NULL;
	if (cert &&
	    X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
	    add_ext(cert, cert, NID_basic_constraints,
		    "critical,CA:TRUE,pathlen:0") &&
	    add_ext(cert, cert, NID_key_usage,
		    "critical,keyCertSign,cRLSign") &&
	    add_ext(cert, cert, NID_subject_key_identifier, "hash") &&
	    sign(cert, key))
		err = save(&p, "ca", key, cert);
	else
		err = bad_ssl("certificate");
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

/* ---- issue ---- */

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

static void authority_close(struct authority *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
}

static int authority_open(struct authority *ca, const char *dir)
{
	char path[4096];

	if (path_of(path, sizeof(path), dir, "ca", "crt"))
		return -EINVAL;
	ca->cert = read_cert(path);
	if (!ca->cert) {
		fprintf(stderr, "An authority is made by: qkdctl pki init dir %s\n",
			dir);
		return -EINVAL;
	}
	path_of(path, sizeof(path), dir, "ca", "key");
	ca->key = read_key(path);
	if (!ca->key)
		return -EINVAL;
	if (!X509_check_private_key(ca->cert, ca->key))
		return bad("%s is not the key of ca.crt", path);
	return 0;
}

/* What outlives its authority would fail on a day that nobody expects. */
static int check_days(const struct authority *ca, const struct pki *p)
{
	int days, s;

	if (ASN1_TIME_diff(&days, &s, NULL, X509_get0_notAfter(ca->cert)) &&
	    (uint64_t)(days > 0 ? days : 0) >= p->days)
		return 0;
	return bad("the authority's own certificate ends before %llu days; ask for less with days, or make a new authority",
		   (unsigned long long)p->days);
}

static int issue(const struct authority *ca, const char *kind, const char *id,
		 const struct pki *p)
{
	const char *purpose = strcmp(kind, "kme") ? "clientAuth" :
		"serverAuth,clientAuth";
	EVP_PKEY *key = key_new(p->curve);
	X509 *cert = key ? cert_new(id, key, p->days) : NULL;
	int err;

	if (cert &&
	    X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) &&
	    add_ext(cert, ca->cert, NID_basic_constraints,
		    "critical,CA:FALSE") &&
	    add_ext(cert, ca->cert, NID_key_usage,
		    "critical,digitalSignature") &&
	    add_ext(cert, ca->cert, NID_ext_key_usage, purpose) &&
	    add_ext(cert, ca->cert, NID_subject_key_identifier, "hash") &&
	    add_ext(cert, ca->cert, NID_authority_key_identifier, "keyid") &&
	    add_names(cert, kind, id, p) && sign(cert, ca->key))
		err = save(p, id, key, cert);
	else
		err = bad_ssl("certificate");
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

static int pki_issue(struct args *a)
{
	static const char *const kinds[] = { "sae", "kme" };
	struct pki p = { .dir = PKI_DIR, .days = DAYS,
		.curve = NID_X9_62_prime256v1 };
	const char *kind = arg_next(a), *id = arg_next(a);
	struct authority ca = { 0 };
	int i, err;

	if (!kind || !id)
		return bad("for whom? sae ID or kme ID is missing");
	i = ARG_MATCH(kinds, kind, "kind");
	if (i < 0)
		return i;
	err = check_id(id);
	if (!err)
		err = parse_keys(issue_keys, N_ELEMS(issue_keys), a, &p);
	if (err)
		return err;
	if (i == 1 && !p.n_hosts)
		return bad("a KME needs \"host\": the names or addresses by which it is reached");
	err = authority_open(&ca, p.dir);
	if (!err)
		err = check_days(&ca, &p);
	if (!err)
		err = issue(&ca, kinds[i], id, &p);
	authority_close(&ca);
	return err;
}

int do_pki(struct args *a)
{
	static const struct verb verbs[] = {
		{ "show", pki_show },
		{ "init", pki_init },
		{ "issue", pki_issue },
	};

	return RUN_VERB(verbs, a, usage);
}
