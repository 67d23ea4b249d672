/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench: reads what is to be measured. A table of line types, one function each; see bench.c for
 * their meaning.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
	struct bench *bench;
	const char *file;
	unsigned long line;
	char **environment;
};

void fail(const char *step)
{
	fprintf(stderr, "bench: %s: %s\n", step, strerror(errno));
	exit(1);
}

void *grow(void *array, size_t n, size_t size)
{
	void *p = reallocarray(array, n ? n : 1, size);

	if (!p)
		fail("memory");
	return p;
}

__attribute__((noreturn, format(printf, 2, 3))) static void bad_line(const struct reader *r,
								     const char *format, ...)
{
	va_list args;

	fprintf(stderr, "bench: %s:%lu: ", r->file, r->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static char *copy(const char *s)
{
	char *p = strdup(s);

	if (!p)
		fail("memory");
	return p;
}

static struct candidate *current(const struct reader *r)
{
	if (r->bench->ncandidates == 0)
		bad_line(r, "there is no candidate yet");
	return &r->bench->candidates[r->bench->ncandidates - 1];
}

static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *copied, *rest, *dir, *found = NULL;

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? copy(name) : NULL;
	rest = copied = copy(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	while (!found && (dir = strsep(&rest, ":"))) {
		char *full;

		if (asprintf(&full, "%s/%s", dir, name) < 0)
			fail("memory");
		if (access(full, X_OK) == 0)
			found = full;
		else
			free(full);
	}
	free(copied);
	return found;
}

/* An argv; its program missing is a property of the candidate, not a mistake. */
static char **command(const struct reader *r, char *text)
{
	struct candidate *c = current(r);
	char **argv = NULL, *word, *program;
	size_t n = 0;

	while ((word = strsep(&text, " \t"))) {
		if (!*word)
			continue;
		argv = grow(argv, n + 2, sizeof(char *));
		argv[n++] = copy(word);
		argv[n] = NULL;
	}
	if (!argv)
		bad_line(r, "a command is missing");
	program = find_program(argv[0]);
	if (program)
		argv[0] = program;
	else
		snprintf(c->missing, sizeof(c->missing), "%s: not found", argv[0]);
	return argv;
}

static void read_section(const struct reader *r, char *text)
{
	r->bench->section = copy(text);
}

static void read_yardstick(const struct reader *r, char *text)
{
	r->bench->yardstick = copy(text);
}

static void read_candidate(const struct reader *r, char *text)
{
	struct bench *b = r->bench;
	struct candidate *c;

	for (size_t i = 0; i < b->ncandidates; i++)
		if (strcmp(b->candidates[i].name, text) == 0)
			bad_line(r, "there is a candidate of this name already");
	b->candidates = grow(b->candidates, b->ncandidates + 1, sizeof(*c));
	c = &b->candidates[b->ncandidates++];
	*c = (struct candidate){.name = copy(text), .mntns = -EBADF};
	c->us = grow(NULL, b->rounds, sizeof(double));
	for (size_t i = 0; i < b->rounds; i++)
		c->us[i] = NAN;
	while (r->environment[c->nenv])
		c->nenv++;
	c->env = grow(NULL, c->nenv + 1, sizeof(char *));
	memcpy(c->env, r->environment, (c->nenv + 1) * sizeof(char *));
}

static void read_run(const struct reader *r, char *text)
{
	struct candidate *c = current(r);

	c->runs = grow(c->runs, c->nruns + 1, sizeof(char **));
	c->runs[c->nruns++] = command(r, text);
}

static void read_after(const struct reader *r, char *text)
{
	current(r)->after = command(r, text);
}

static void read_env(const struct reader *r, char *text)
{
	struct candidate *c = current(r);
	size_t key = strcspn(text, "=") + 1, i = 0;

	while (i < c->nenv && strncmp(c->env[i], text, key) != 0)
		i++;
	if (i == c->nenv) {
		c->env = grow(c->env, ++c->nenv + 1, sizeof(char *));
		c->env[c->nenv] = NULL;
	}
	c->env[i] = copy(text);
}

static void read_mntns(const struct reader *r, char *text)
{
	struct candidate *c = current(r);

	c->mntns = open(text, O_RDONLY | O_CLOEXEC);
	if (c->mntns < 0)
		bad_line(r, "%s: %s", text, strerror(errno));
}

static void read_self(const struct reader *r, char *text)
{
	(void)text;
	current(r)->self = true;
}

static void add_comparison(const struct reader *r, char *text, double limit)
{
	struct bench *b = r->bench;
	char *slash = strstr(text, " / ");

	if (!slash)
		bad_line(r, "not of the form NAME / NAME");
	*slash = '\0';
	b->comparisons = grow(b->comparisons, b->ncomparisons + 1, sizeof(struct comparison));
	b->comparisons[b->ncomparisons++] =
		(struct comparison){.a = copy(text), .b = copy(slash + 3), .limit = limit};
}

static void read_compare(const struct reader *r, char *text)
{
	add_comparison(r, text, NAN);
}

static void read_goal(const struct reader *r, char *text)
{
	char *end;
	double limit = strtod(text, &end);

	if (end == text || *end != ' ')
		bad_line(r, "a limit is missing");
	add_comparison(r, end + 1, limit);
}

static const struct {
	const char *word;
	void (*read)(const struct reader *r, char *text);
} line_types[] = {
	{"section", read_section}, {"yardstick", read_yardstick}, {"candidate", read_candidate},
	{"run", read_run},	   {"after", read_after},	  {"env", read_env},
	{"mntns", read_mntns},	   {"self", read_self},		  {"compare", read_compare},
	{"goal", read_goal},
};

static void read_line(const struct reader *r, char *text)
{
	size_t n = sizeof(line_types) / sizeof(line_types[0]);
	char *word;

	text += strspn(text, " \t");
	text[strcspn(text, "\n")] = '\0';
	if (!*text || *text == '#')
		return;
	word = strsep(&text, " \t");
	if (text)
		text += strspn(text, " \t");
	for (size_t i = 0; i < n; i++)
		if (strcmp(line_types[i].word, word) == 0) {
			line_types[i].read(r, text ? text : word + strlen(word));
			return;
		}
	bad_line(r, "%s: unknown", word);
}

void spec_read(struct bench *b, const char *file, char **environment)
{
	struct reader r = {.bench = b, .file = file, .environment = environment};
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		fail(file);
	while (getline(&line, &size, f) >= 0) {
		r.line++;
		read_line(&r, line);
	}
	free(line);
	fclose(f);
	if (!b->section || b->ncandidates == 0)
		bad_line(&r, "a section and a candidate are needed");
	for (size_t i = 0; i < b->ncandidates; i++)
		if (b->candidates[i].nruns == 0)
			bad_line(&r, "%s: nothing to run", b->candidates[i].name);
}
