// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much memory the kernel holds that it would not give back: what leaks
 * with each cycle is seen here, whatever it is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "churn.h"

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/*
 * Gives free slabs back, and with KASAN what its quarantine keeps of a cache:
 * else a figure would tell how much was allocated ever, not what is in use.
 */
static void shrink(const char *only)
{
	DIR *d = opendir("/sys/kernel/slab");
	struct dirent *e;
	char path[512];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || (only && strcmp(e->d_name, only)))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 e->d_name);
		put(path, "1\n");
	}
	if (d)
		closedir(d);
}

/*
 * A debug kernel frees objects of its device model up to four seconds late, at
 * random: of a network device a queue, then what holds the queues, then itself.
 */
static unsigned int settling_time(void)
{
	struct utsname u;

	uname(&u);
	return strstr(u.release, "-debug") ? 14 : 2;
}

static void field(const char *line, const char *name, long *kb)
{
	size_t n = strlen(name);

	if (!strncmp(line, name, n))
		*kb = strtol(line + n, NULL, 10);
}

struct memory memory_now(void)
{
	struct memory m = { 0 };
	char line[128];
	FILE *f;

	sleep(settling_time());
	put("/proc/sys/vm/drop_caches", "3\n");
	shrink(NULL);
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f)) {
		field(line, "SUnreclaim:", &m.slab);
		field(line, "Percpu:", &m.percpu);
		field(line, "VmallocUsed:", &m.vmalloc);
	}
	if (f)
		fclose(f);
	return m;
}

long memory_sum(const struct memory *m)
{
	return m->slab + m->percpu + m->vmalloc;
}

/* The kernel keeps the last that ended until another ends. */
static void end_another(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWNET));
	waitpid(pid, NULL, 0);
}

unsigned int memory_namespaces(void)
{
	char line[512];
	long n = 0;
	FILE *f;

	end_another();
	shrink("net_namespace");
	f = fopen("/proc/slabinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		field(line, "net_namespace ", &n);
	if (f)
		fclose(f);
	return n;
}

void memory_wait_namespaces(unsigned int n)
{
	unsigned int tries;

	/* those that end as we look are among them */
	for (tries = 0; tries < 100 && memory_namespaces() > n + 3; tries++)
		usleep(100000);
}
