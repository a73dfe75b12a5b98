// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ctl_key HALF COMMAND...: runs a command in a network namespace of its own
 * with two links, "a" and "b", fed HALF bytes each way. For ctl_key.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pair/pair.h"

int main(int argc, char **argv)
{
	struct pair p;
	int status;
	pid_t pid;

	if (argc < 3)
		return 2;
	pair_need();
	pair_make(&p, 0);
	pair_fill(&p, atoi(argv[1]));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = 1 << 8;
	pair_free(&p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
