/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaderless [CHILDREN]: the first thread ends, and the other one prints "up" and goes on: TERM makes it print "TERM"
 * and exit 40, HUP makes it print "HUP". With CHILDREN it forks without end, and each child waits for ever.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char state_of_first(void)
{
	char path[64], text[512] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	f = fopen(path, "re");
	if (!f)
		return '?';
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

static void *other(void *arg)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* /proc may be of another pid namespace: then it is given the time. */
	for (int i = 0; i < 50 && state_of_first() != 'Z'; i++)
		nanosleep(&ms, NULL);
	puts("up");
	fflush(stdout);
	while (arg) {
		if (fork() == 0)
			for (;;)
				pause();
		nanosleep(&ms, NULL);
	}
	while (sigwait(&set, &sig) == 0) {
		puts(sig == SIGTERM ? "TERM" : "HUP");
		fflush(stdout);
		if (sig == SIGTERM)
			exit(40);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
	    pthread_create(&thread, NULL, other, argc > 1 ? argv[1] : NULL) != 0)
		return 1;
	pthread_exit(NULL);
}
