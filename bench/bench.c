/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures candidates side by side: every round runs each of them once, in an order of its own, so
 * that what else the machine does falls on all alike. A run is vfork + execve, no shell; its time
 * is from just before execve until it is reaped. Candidates are compared within each round and the
 * median of these ratios is what counts; times wander with the machine, ratios hardly.
 *
 *   bench [--rounds N] [--pause MS] [--seed N] [--json FILE] SPEC
 *
 * SPEC is lines of words, without quoting; FILE is a JSON array, to which the results are added:
 *
 *   section NAME...		title; the first line
 *   yardstick NAME...		what to compare the others with; else the first that works
 *   candidate NAME...		begins a candidate; the lines that follow are about it:
 *	run WORD...		a command, timed; of several, run in order, the sum counts
 *	after WORD...		a command to clean up with, not timed
 *	env KEY=VALUE		added to its environment
 *	mntns FILE		the mount namespace to run it in
 *	self			its last line of output is its time, in microseconds
 *   compare NAME / NAME	print the ratio of two
 *   goal LIMIT NAME / NAME	the same, and whether it is at most LIMIT
 *
 * Each candidate is tried once before; what is missing or fails is left out, and a line says so.
 * One thread; everything lives in struct bench until the end of the process and is never freed.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds for one run */

extern char **environ;

static volatile sig_atomic_t timed_out;

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* xorshift64*, Vigna 2014 */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static void shuffle(struct candidate **list, size_t n, uint64_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = random_next(seed) % i;
		struct candidate *t = list[i - 1];

		list[i - 1] = list[j];
		list[j] = t;
	}
}

/* Between vfork and execve; all it needs is there already. Returns the start of the run to *at. */
static void child(const struct candidate *c, char *const *argv, int out, int err,
		  volatile double *at)
{
	if (c->mntns >= 0 && setns(c->mntns, CLONE_NEWNS) < 0)
		_exit(126);
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	*at = now();
	execve(argv[0], argv, c->env);
	_exit(127);
}

/* Returns a wait status, or -1 for a run that had to be killed. */
static int run_command(const struct candidate *c, char *const *argv, int out, int err, double *us)
{
	struct itimerval patience = {.it_value.tv_sec = PATIENCE}, off = {0};
	volatile double at = 0;
	int status = 0;
	pid_t pid;

	timed_out = 0;
	setitimer(ITIMER_REAL, &patience, NULL);
	pid = vfork();
	if (pid < 0)
		fail("vfork");
	if (pid == 0)
		child(c, argv, out, err, &at);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			fail("waitpid");
		if (timed_out)
			kill(pid, SIGKILL);
	}
	*us = now() - at;
	setitimer(ITIMER_REAL, &off, NULL);
	return timed_out ? -1 : status;
}

static void drain_orphans(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* The last line in fd, without its end; "" if there is none. Empties the file. */
static void last_line(int fd, char *line, size_t size)
{
	char text[4096];
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(text) - 1 ? end - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = pread(fd, text, sizeof(text) - 1, from);
	char *last;

	n = n < 0 ? 0 : n;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	text[n] = '\0';
	last = strrchr(text, '\n');
	snprintf(line, size, "%.*s", (int)size - 1, last ? last + 1 : text);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		fail("ftruncate");
}

/* The time of one run; NAN if it failed, and then why in why. */
static double run_candidate(const struct candidate *c, const struct bench *b, char *why,
			    size_t size)
{
	double sum = 0, us;
	char line[160];
	bool ok = true;

	for (size_t i = 0; ok && i < c->nruns; i++) {
		int status = run_command(c, c->runs[i], c->self ? b->out : b->null, b->err, &us);

		sum += us;
		ok = status == 0;
		if (ok)
			continue;
		last_line(b->err, line, sizeof(line));
		if (status == -1)
			snprintf(why, size, "took more than %d s", PATIENCE);
		else if (WIFSIGNALED(status))
			snprintf(why, size, "killed by signal %d: %s", WTERMSIG(status), line);
		else
			snprintf(why, size, "exit status %d: %s", WEXITSTATUS(status), line);
	}
	if (c->after)
		run_command(c, c->after, b->null, b->null, &us);
	drain_orphans();
	if (c->self) {
		char *end;

		last_line(b->out, line, sizeof(line));
		sum = strtod(line, &end);
		if (ok && (end == line || sum <= 0)) {
			snprintf(why, size, "printed no time");
			ok = false;
		}
	}
	return ok ? sum : NAN;
}

/* Leaves in list those that work; returns their number. */
static size_t try_all(struct bench *b, struct candidate **list)
{
	size_t n = 0;

	for (size_t i = 0; i < b->ncandidates; i++) {
		struct candidate *c = &b->candidates[i];

		if (!c->missing[0])
			(void)!isnan(run_candidate(c, b, c->missing, sizeof(c->missing)));
		if (!c->missing[0])
			list[n++] = c;
	}
	return n;
}

static void measure(struct bench *b)
{
	struct timespec gap = {.tv_sec = b->pause_us / 1000000,
			       .tv_nsec = b->pause_us % 1000000 * 1000};
	struct candidate **list = grow(NULL, b->ncandidates, sizeof(struct candidate *));
	size_t n = try_all(b, list);
	char why[200];

	for (size_t r = 0; r < b->rounds; r++) {
		shuffle(list, n, &b->seed);
		for (size_t i = 0; i < n; i++) {
			struct candidate *c = list[i];

			if (b->pause_us > 0)
				nanosleep(&gap, NULL);
			c->us[r] = run_candidate(c, b, why, sizeof(why));
			if (!isnan(c->us[r]))
				continue;
			if (c->failures++ == 0)
				fprintf(stderr, "bench: %s: %s\n", c->name, why);
		}
	}
	free(list);
}

static unsigned long number(const char *opt, const char *arg)
{
	char *end = NULL;
	unsigned long n = arg ? strtoul(arg, &end, 10) : 0;

	if (!arg || *end != '\0' || end == arg) {
		fprintf(stderr, "bench: %s needs a number\n", opt);
		exit(2);
	}
	return n;
}

static const char *options(int argc, char **argv, struct bench *b)
{
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--rounds") == 0)
			b->rounds = number(argv[i], argv[i + 1]);
		else if (strcmp(argv[i], "--pause") == 0)
			b->pause_us = (long)number(argv[i], argv[i + 1]) * 1000;
		else if (strcmp(argv[i], "--seed") == 0)
			b->seed = number(argv[i], argv[i + 1]);
		else if (strcmp(argv[i], "--json") == 0)
			b->json = argv[i + 1];
		else
			break;
	}
	if (i != argc - 1 || b->rounds == 0) {
		fputs("usage: bench [--rounds N] [--pause MS] [--seed N] [--json FILE] SPEC\n",
		      stderr);
		exit(2);
	}
	return argv[i];
}

int main(int argc, char **argv)
{
	struct bench b = {.rounds = 50, .seed = (uint64_t)now()};
	struct sigaction alarm_action = {.sa_handler = on_alarm};
	const char *spec = options(argc, argv, &b);

	b.seed |= 1;
	b.first_seed = b.seed;
	b.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	b.out = memfd_create("stdout", MFD_CLOEXEC);
	b.err = memfd_create("stderr", MFD_CLOEXEC);
	if (b.null < 0 || b.out < 0 || b.err < 0 || dup2(b.null, STDIN_FILENO) < 0)
		fail("open");
	sigaction(SIGALRM, &alarm_action, NULL);
	/* What a candidate leaves running is reaped here, not by the machine's init. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	spec_read(&b, spec, environ);
	measure(&b);
	report_table(&b);
	if (b.json)
		report_json(&b, b.json);
	return 0;
}
