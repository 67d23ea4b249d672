/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double timing_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double timing_median(double (*once)(void *arg), void *arg, unsigned long times, bool warm)
{
	double *took = calloc(times, sizeof(*took)), result;

	if (!took) {
		perror("calloc");
		exit(1);
	}
	if (warm)
		once(arg);
	for (unsigned long n = 0; n < times; n++) {
		double begin = timing_now(), left_out = once(arg);

		took[n] = timing_now() - begin - left_out;
	}
	qsort(took, times, sizeof(*took), by_value);
	result = took[times / 2];
	free(took);
	return result;
}
