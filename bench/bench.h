/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench: what a section is made of (spec.c reads it, bench.c measures it, report.c tells it). */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct candidate {
	char *name;
	char ***runs; /* commands, each an argv whose first word is an absolute path */
	size_t nruns;
	char **after; /* or NULL */
	char **env;
	size_t nenv;
	int mntns;	   /* -EBADF: ours */
	bool self;	   /* tells its time itself */
	char missing[200]; /* why it is left out; else "" */
	size_t failures;
	double *us; /* one per round; NAN: failed */
};

struct comparison {
	char *a, *b;  /* names of candidates */
	double limit; /* NAN: none */
};

struct bench {
	char *section;
	char *yardstick; /* a name; NULL: the first that works */
	struct candidate *candidates;
	size_t ncandidates;
	struct comparison *comparisons;
	size_t ncomparisons;
	size_t rounds;
	long pause_us; /* before each run */
	uint64_t seed, first_seed;
	const char *json;
	int null, out, err;
};

/* Prints step and errno, exits. */
__attribute__((noreturn)) void fail(const char *step);

/* realloc(array, n * size) that does not fail. */
void *grow(void *array, size_t n, size_t size);

/* Reads and checks a file; a mistake in it ends the program. */
void spec_read(struct bench *b, const char *file, char **environment);

void report_table(const struct bench *b);
void report_json(const struct bench *b, const char *file);

#endif
