/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long one of many operations takes: what the loops in one process have in common. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stdbool.h>

/* Microseconds. */
double timing_now(void);

/*
 * The median of so many times, in microseconds, since among many there are always some that wait. once()
 * returns the time that is not to be counted. warm: one more before, which is not counted.
 */
double timing_median(double (*once)(void *arg), void *arg, unsigned long times, bool warm);

#endif
