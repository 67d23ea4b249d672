/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* threads N: print "up", and be N threads that wait until a signal ends them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t thread;

	for (int i = 1; i < n; i++)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
			return 1;
	puts("up");
	fflush(stdout);
	wait_for_ever(NULL);
	return 0;
}
