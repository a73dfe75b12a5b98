// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * starve SECONDS FILE...: replays inputs of a fuzzer's target, each again and
 * again, while its first, its second, its third allocation fails, and so on to
 * the last. What the libraries under test allocate comes to starve_malloc() and
 * the like, which run renamed in their objects; the target's own memory, and
 * other libraries', does not fail. Prints how many allocations failed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/fuzz/starve/starve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

volatile bool fuzz_starved;
static unsigned int fail_at, asked;	/* 0: none; of this run */

void *starve_malloc(size_t n);
void *starve_calloc(size_t n, size_t size);
void *starve_realloc(void *p, size_t n);
void *starve_reallocarray(void *p, size_t n, size_t size);
char *starve_strdup(const char *s);
char *starve_strndup(const char *s, size_t n);
int starve_asprintf(char **s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int starve_vasprintf(char **s, const char *format, va_list ap);
int starve_posix_memalign(void **p, size_t align, size_t n);
void *starve_aligned_alloc(size_t align, size_t n);
void *starve_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);

/* Threads of the target may ask at once; one of them fails. */
static bool fails(void)
{
	if (__atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED) != fail_at)
		return false;
	fuzz_starved = true;
	errno = ENOMEM;
	return true;
}

void *starve_malloc(size_t n)
{
	return fails() ? NULL : malloc(n);
}

void *starve_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

void *starve_realloc(void *p, size_t n)
{
	return fails() ? NULL : realloc(p, n);
}

void *starve_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : reallocarray(p, n, size);
}

char *starve_strdup(const char *s)
{
	return fails() ? NULL : strdup(s);
}

char *starve_strndup(const char *s, size_t n)
{
	return fails() ? NULL : strndup(s, n);
}

int starve_vasprintf(char **s, const char *format, va_list ap)
{
	return fails() ? -1 : vasprintf(s, format, ap);
}

int starve_asprintf(char **s, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = starve_vasprintf(s, format, ap);
	va_end(ap);
	return n;
}

int starve_posix_memalign(void **p, size_t align, size_t n)
{
	return fails() ? ENOMEM : posix_memalign(p, align, n);
}

void *starve_aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : aligned_alloc(align, n);
}

void *starve_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	return fails() ? MAP_FAILED : mmap(at, n, prot, flags, fd, from);
}

struct input {
	uint8_t *data;
	size_t size;
	bool done;	/* it has no more allocations */
};

static bool read_input(struct input *in, const char *path)
{
	FILE *f = fopen(path, "rb");

	in->data = malloc(1 << 16);
	if (!f || !in->data)
		return false;
	in->size = fread(in->data, 1, 1 << 16, f);
	fclose(f);
	return true;
}

static void run(struct input *in, unsigned int at)
{
	/* of its size, so that AddressSanitizer knows where it ends */
	uint8_t *data = malloc(in->size);

	memcpy(data, in->data, in->size);
	fail_at = at;
	asked = 0;
	fuzz_starved = false;
	LLVMFuzzerTestOneInput(data, in->size);
	fail_at = 0;
	in->done = at && !fuzz_starved;
	free(data);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	int n = argc - 2, i, left = n;
	double end = argc > 1 ? now() + atof(argv[1]) : 0;
	struct input *in = calloc(n > 0 ? n : 1, sizeof(*in));
	unsigned long failed = 0;
	unsigned int at;

	for (i = 0; i < n; i++) {
		if (!read_input(&in[i], argv[2 + i])) {
			perror(argv[2 + i]);
			return 2;
		}
		/* what a target makes once it makes now */
		run(&in[i], 0);
	}
	/* the first of each input, then the second of each */
	for (at = 1; left && now() < end; at++)
		for (i = 0; i < n && now() < end; i++) {
			if (in[i].done)
				continue;
			run(&in[i], at);
			left -= in[i].done;
			failed += !in[i].done;
		}
	printf("%d inputs, %lu allocations failed%s\n", n, failed,
	       left ? ", not all" : "");
	for (i = 0; i < n; i++)
		free(in[i].data);
	free(in);
	return 0;
}
