// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qkdctl answers as tests/unit/ctl_transcript.txt has it: the whole program
 * but main(), over a library without a kernel (ctl_fake.c).
 *
 *	ctl_transcript FILE		compare
 *	ctl_transcript -w FILE		write what it answers into the file
 *
 * A line "$ WORDS" is a command; what follows is its standard output, lines of
 * standard error behind "! ", and "= N" its status where that is not 0.
 * Times of day are written as zeros.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/qkdctl/qkdctl.h"

#define WORDS_MAX 64

/* Words of a line; double quotes hold blanks together. */
static int split(char *line, char **words)
{
	int n = 0;
	char *to;

	while (n < WORDS_MAX - 1) {
		while (*line == ' ')
			line++;
		if (!*line)
			break;
		to = line;
		words[n++] = line;
		for (bool quoted = false; *line && (quoted || *line != ' ');
		     line++) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (*line)
			line++;
		*to = '\0';
	}
	words[n] = NULL;
	return n;
}

/* In place: NN:NN:NN, with a date before or decimals behind. */
static void hide_times(char *s)
{
	for (; *s; s++) {
		bool is_time = true;

		for (int i = 0; is_time && i < 8; i++)
			is_time = i % 3 == 2 ? s[i] == ':' :
				isdigit((unsigned char)s[i]);
		if (!is_time)
			continue;
		memset(s, '0', 2);
		memset(s + 3, '0', 2);
		memset(s + 6, '0', 2);
		if (s[-1] == 'T')
			memcpy(s - 11, "0000-00-00", 10);
		if (s[8] == '.')
			for (s += 9; isdigit((unsigned char)*s); s++)
				*s = '0';
	}
}

static void copy_lines(FILE *from, FILE *to, const char *prefix)
{
	char line[16384];

	rewind(from);
	while (fgets(line, sizeof(line), from)) {
		hide_times(line);
		fprintf(to, "%s%s", prefix, line);
		if (!strchr(line, '\n'))
			fputc('\n', to);
	}
}

/* A process of its own for each: nothing is left over from the one before. */
static void answer(char *command, FILE *to)
{
	FILE *out = tmpfile(), *err = tmpfile();
	char *words[WORDS_MAX];
	int n = split(command, words), status = 0;
	pid_t pid;

	if (!out || !err)
		exit(1);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		alarm(20);
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		status = qkdctl(n, words);
		fflush(stdout);
		/* exit() would move the transcript's file offset, ours too */
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(1);
	copy_lines(out, to, "");
	copy_lines(err, to, "! ");
	if (WIFSIGNALED(status))
		fprintf(to, "= signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		fprintf(to, "= %d\n", WEXITSTATUS(status));
	fclose(out);
	fclose(err);
}

/* The next command of the transcript and, in @wanted, what is to follow. */
static bool next_command(FILE *f, char *command, size_t size, FILE *wanted,
			 char *ahead, size_t ahead_size)
{
	if (strncmp(ahead, "$ ", 2))
		return false;
	snprintf(command, size, "%s", ahead + 2);
	command[strcspn(command, "\n")] = '\0';
	while (fgets(ahead, ahead_size, f) && strncmp(ahead, "$ ", 2))
		fputs(ahead, wanted);
	if (feof(f))
		ahead[0] = '\0';
	return true;
}

static bool same(FILE *a, FILE *b)
{
	int c;

	rewind(a);
	rewind(b);
	do {
		c = getc(a);
		if (c != getc(b))
			return false;
	} while (c != EOF);
	return true;
}

static void show(const char *what, FILE *f)
{
	char line[16384];

	printf("# %s:\n", what);
	rewind(f);
	while (fgets(line, sizeof(line), f))
		printf("#   %s", line);
}

/* ---- the two ways to be run ---- */

static char head[4096], ahead[16384], command[16384], words[16384];

/* Comments at the top are kept. */
static FILE *open_transcript(const char *name)
{
	FILE *f = fopen(name, "r");

	if (!f) {
		printf("Bail out! %s: %s\n", name, strerror(errno));
		exit(1);
	}
	head[0] = '\0';
	while (fgets(ahead, sizeof(ahead), f) && strncmp(ahead, "$ ", 2))
		strncat(head, ahead, sizeof(head) - strlen(head) - 1);
	return f;
}

static int compare(const char *name)
{
	FILE *f = open_transcript(name);
	int n = 0, failed = 0;

	printf("KTAP version 1\n");
	for (;;) {
		FILE *wanted = tmpfile(), *got = tmpfile();
		bool right;

		if (!next_command(f, command, sizeof(command), wanted, ahead,
				  sizeof(ahead)))
			break;
		snprintf(words, sizeof(words), "%s", command);
		answer(words, got);
		right = same(wanted, got);
		if (!right) {
			show("wanted", wanted);
			show("got", got);
			failed++;
		}
		printf("%sok %d %s\n", right ? "" : "not ", ++n, command);
		fclose(wanted);
		fclose(got);
	}
	printf("1..%d\n", n);
	return failed || !n;
}

static int rewrite(const char *name)
{
	FILE *f = open_transcript(name), *all = tmpfile();
	int c;

	fputs(head, all);
	for (;;) {
		FILE *wanted = tmpfile();

		if (!next_command(f, command, sizeof(command), wanted, ahead,
				  sizeof(ahead)))
			break;
		fclose(wanted);
		fprintf(all, "$ %s\n", command);
		snprintf(words, sizeof(words), "%s", command);
		answer(words, all);
	}
	fclose(f);
	f = fopen(name, "w");
	if (!f)
		return 1;
	rewind(all);
	while ((c = getc(all)) != EOF)
		putc(c, f);
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	const char *name = "tests/unit/ctl_transcript.txt";

	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	setenv("LANG", "C", 1);
	setenv("TZ", "UTC", 1);
	if (argc > 1 && !strcmp(argv[1], "-w"))
		return rewrite(argc > 2 ? argv[2] : name);
	return compare(argc > 1 ? argv[1] : name);
}
