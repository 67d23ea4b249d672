/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench: the figures, as a table for people and as JSON for programs. The array in the JSON file
 * has three kinds of objects, and one {"kind": "machine"} from run.sh:
 *
 *   {"kind": "candidate", "section", "name", "rounds", "failures", "min_us", "median_us",
 *    "yardstick", "ratio"}			ratio to the yardstick
 *   {"kind": "ratio", "section", "name", "to", "ratio", "limit", "ok"}	limit and ok of goals only
 *   {"kind": "left out", "section", "name", "reason"}
 *
 * ratio is the median of the ratios within each round, and null where nothing could be compared.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts values. NAN if there are none. */
static double median(double *values, size_t n)
{
	if (n == 0)
		return NAN;
	qsort(values, n, sizeof(double), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Sorts the successful runs of c into values; returns how many. */
static size_t sorted(const struct bench *b, const struct candidate *c, double *values)
{
	size_t n = 0;

	for (size_t r = 0; r < b->rounds; r++)
		if (!isnan(c->us[r]))
			values[n++] = c->us[r];
	qsort(values, n, sizeof(double), by_value);
	return n;
}

static double ratio(const struct bench *b, const struct candidate *c, const struct candidate *to)
{
	double *values, m;
	size_t n = 0;

	if (!c || !to)
		return NAN;
	values = grow(NULL, b->rounds, sizeof(double));
	for (size_t r = 0; r < b->rounds; r++)
		if (!isnan(c->us[r]) && !isnan(to->us[r]))
			values[n++] = c->us[r] / to->us[r];
	m = median(values, n);
	free(values);
	return m;
}

/* NULL: unknown or left out. */
static const struct candidate *find(const struct bench *b, const char *name)
{
	for (size_t i = 0; i < b->ncandidates; i++) {
		const struct candidate *c = &b->candidates[i];

		if (!c->missing[0] && (!name || strcmp(c->name, name) == 0))
			return c;
	}
	return NULL;
}

static const struct candidate *yardstick(const struct bench *b)
{
	const struct candidate *c = b->yardstick ? find(b, b->yardstick) : NULL;

	return c ? c : find(b, NULL);
}

static int name_width(const struct bench *b)
{
	size_t width = 20;

	for (size_t i = 0; i < b->ncandidates; i++)
		if (strlen(b->candidates[i].name) > width)
			width = strlen(b->candidates[i].name);
	for (size_t i = 0; i < b->ncomparisons; i++) {
		size_t n = strlen(b->comparisons[i].a) + strlen(b->comparisons[i].b) + 3;

		if (n > width)
			width = n;
	}
	return (int)width;
}

static void table_row(const struct bench *b, const struct candidate *c, int width)
{
	double *values = grow(NULL, b->rounds, sizeof(double));
	size_t n = sorted(b, c, values);

	printf("  %-*s", width, c->name);
	if (n)
		printf(" %10.3f %10.3f %7.2f", values[0] / 1e3, median(values, n) / 1e3,
		       ratio(b, c, yardstick(b)));
	if (c->failures)
		printf("  (%zu of %zu failed)", c->failures, b->rounds);
	putchar('\n');
	free(values);
}

static void table_comparison(const struct bench *b, const struct comparison *g, int width)
{
	double r = ratio(b, find(b, g->a), find(b, g->b));
	int n = printf("  %s / %s", g->a, g->b);

	printf("%*s", n < width + 2 ? width + 2 - n : 0, "");
	if (isnan(r))
		printf(" %10s", "-");
	else
		printf(" %10.3f", r);
	if (!isnan(g->limit))
		printf(" %10.2f %7s", g->limit, isnan(r) ? "-" : r <= g->limit ? "ok" : "MISSED");
	putchar('\n');
}

void report_table(const struct bench *b)
{
	const struct candidate *y = yardstick(b);
	int width = name_width(b);

	printf("\n%s (%zu rounds, seed %llu, ratio to %s)\n", b->section, b->rounds,
	       (unsigned long long)b->first_seed, y ? y->name : "-");
	printf("  %-*s %10s %10s %7s\n", width, "", "min ms", "median ms", "ratio");
	for (size_t i = 0; i < b->ncandidates; i++)
		if (!b->candidates[i].missing[0])
			table_row(b, &b->candidates[i], width);
	for (size_t i = 0; i < b->ncandidates; i++)
		if (b->candidates[i].missing[0])
			printf("  left out: %s: %s\n", b->candidates[i].name,
			       b->candidates[i].missing);
	if (b->ncomparisons)
		printf("  %-*s %10s %10s\n", width, "", "ratio", "goal");
	for (size_t i = 0; i < b->ncomparisons; i++)
		table_comparison(b, &b->comparisons[i], width);
	fflush(stdout);
}

static void json_string(FILE *f, const char *key, const char *value)
{
	fprintf(f, "\"%s\": \"", key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', f);
		if ((unsigned char)*value < 0x20)
			fprintf(f, "\\u%04x", (unsigned int)*value);
		else
			fputc(*value, f);
	}
	fputc('"', f);
}

static void json_number(FILE *f, const char *key, double value)
{
	if (isnan(value))
		fprintf(f, ", \"%s\": null", key);
	else
		fprintf(f, ", \"%s\": %.4f", key, value);
}

/* first: nothing was written to the array yet. */
static void json_begin(FILE *f, const struct bench *b, const char *kind, bool *first)
{
	fputs(*first ? "\t{" : ",\n\t{", f);
	*first = false;
	json_string(f, "kind", kind);
	fputs(", ", f);
	json_string(f, "section", b->section);
	fputs(", ", f);
}

static void json_candidate(FILE *f, const struct bench *b, const struct candidate *c)
{
	double *values = grow(NULL, b->rounds, sizeof(double));
	size_t n = sorted(b, c, values);

	json_string(f, "name", c->name);
	fprintf(f, ", \"rounds\": %zu, \"failures\": %zu", b->rounds, c->failures);
	json_number(f, "min_us", n ? values[0] : NAN);
	json_number(f, "median_us", median(values, n));
	fputs(", ", f);
	json_string(f, "yardstick", yardstick(b)->name);
	json_number(f, "ratio", ratio(b, c, yardstick(b)));
	fputc('}', f);
	free(values);
}

static void json_comparison(FILE *f, const struct bench *b, const struct comparison *g)
{
	double r = ratio(b, find(b, g->a), find(b, g->b));

	json_string(f, "name", g->a);
	fputs(", ", f);
	json_string(f, "to", g->b);
	json_number(f, "ratio", r);
	if (!isnan(g->limit)) {
		json_number(f, "limit", g->limit);
		fprintf(f, ", \"ok\": %s", isnan(r) ? "null" : r <= g->limit ? "true" : "false");
	}
	fputc('}', f);
}

/* Opens an array to add to, an existing one behind its last element. */
static FILE *json_open(const char *file, bool *first)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	off_t end;
	FILE *f;

	if (fd < 0)
		fail(file);
	end = lseek(fd, 0, SEEK_END);
	f = fdopen(fd, "r+");
	if (!f)
		fail(file);
	*first = end < 3;
	if (*first)
		fputs("[\n", f);
	else
		fseek(f, -3, SEEK_END); /* "\n]\n" */
	return f;
}

void report_json(const struct bench *b, const char *file)
{
	bool first;
	FILE *f = json_open(file, &first);

	for (size_t i = 0; i < b->ncandidates; i++) {
		const struct candidate *c = &b->candidates[i];

		if (c->missing[0]) {
			json_begin(f, b, "left out", &first);
			json_string(f, "name", c->name);
			fputs(", ", f);
			json_string(f, "reason", c->missing);
			fputc('}', f);
		} else {
			json_begin(f, b, "candidate", &first);
			json_candidate(f, b, c);
		}
	}
	for (size_t i = 0; i < b->ncomparisons; i++) {
		json_begin(f, b, "ratio", &first);
		json_comparison(f, b, &b->comparisons[i]);
	}
	fputs("\n]\n", f);
	if (fclose(f) != 0)
		fail(file);
}
