/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats: what containers use, nested ones included, as their cgroups tell. What no controller counts
 * here is empty.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "listing.h"
#include "report.h"
#include "verbs.h"

enum usage {
	USAGE_TASKS,
	USAGE_THREADS,
	USAGE_CPU,
	USAGE_USER,
	USAGE_SYSTEM,
	USAGE_MEMORY,
	USAGE_PEAK,
	USAGE_READ,
	USAGE_WRITTEN,
	USAGE_OOM,
	USAGE_COUNT,
};

enum unit { UNIT_NONE, UNIT_BYTES, UNIT_USEC };

/* Where a number stands: the file's first, or the one after key, or those after key in all lines. */
static const struct source {
	const char *file, *key;
	struct report_column column;
	enum unit unit;
	bool sum;
} sources[USAGE_COUNT] = {
	[USAGE_TASKS] = {NULL, NULL, {"TASKS", "tasks"}, UNIT_NONE, false},
	[USAGE_THREADS] = {"pids.current", NULL, {"THREADS", "threads"}, UNIT_NONE, false},
	[USAGE_CPU] = {"cpu.stat", "usage_usec ", {"CPU", "cpu_usec"}, UNIT_USEC, false},
	[USAGE_USER] = {"cpu.stat", "user_usec ", {"USER", "user_usec"}, UNIT_USEC, false},
	[USAGE_SYSTEM] = {"cpu.stat", "system_usec ", {"SYSTEM", "system_usec"}, UNIT_USEC, false},
	[USAGE_MEMORY] = {"memory.current", NULL, {"MEMORY", "memory"}, UNIT_BYTES, false},
	[USAGE_PEAK] = {"memory.peak", NULL, {"PEAK", "memory_peak"}, UNIT_BYTES, false},
	[USAGE_READ] = {"io.stat", "rbytes=", {"READ", "io_read"}, UNIT_BYTES, true},
	[USAGE_WRITTEN] = {"io.stat", "wbytes=", {"WRITTEN", "io_written"}, UNIT_BYTES, true},
	[USAGE_OOM] = {"memory.events", "oom_kill ", {"OOM", "oom_kills"}, UNIT_NONE, false},
};

#define COLUMNS (USAGE_COUNT + 2)

struct stats {
	struct listing_base base;
	struct libscols_table *table;
	bool json;
};

/* The whole file; NULL if there is none. */
static char *read_text(int dir, const char *file)
{
	autoclose int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	size_t room = 4096, len = 0;
	char *text = fd < 0 ? NULL : malloc(room);
	ssize_t n = 0;

	while (text && (n = read(fd, text + len, room - len - 1)) > 0) {
		char *more;

		len += (size_t)n;
		if (room - len > 1)
			continue;
		more = realloc(text, room *= 2);
		if (!more)
			n = -1;
		text = more ? more : text;
		if (n < 0)
			break;
	}
	if (text)
		text[len] = '\0';
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

static bool is_at_word(const char *text, const char *at)
{
	return at == text || at[-1] == '\n' || at[-1] == ' ';
}

static bool find_number(const char *text, const struct source *s, uint64_t *ret_number)
{
	const char *at = text;
	bool found = false;

	*ret_number = 0;
	if (!s->key)
		return sscanf(text, "%" SCNu64, ret_number) == 1;
	while ((at = strstr(at, s->key))) {
		uint64_t number;
		bool is_key = is_at_word(text, at);

		at += strlen(s->key);
		if (!is_key || sscanf(at, "%" SCNu64, &number) != 1)
			continue;
		*ret_number += number;
		found = true;
		if (!s->sum)
			break;
	}
	/* No line for a device: nothing was read or written. */
	return found || s->sum;
}

static uint64_t count_lines(int dir, const char *file)
{
	autofree char *text = read_text(dir, file);
	uint64_t lines = 0;

	for (const char *s = text; s && *s; s++)
		lines += *s == '\n';
	return lines;
}

/* In the cgroup and all below. */
static uint64_t count_all(int dir, const char *file)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	uint64_t count = count_lines(dir, file);
	struct dirent *entry;

	if (!entries)
		close_fd(&fd);
	while (entries && (entry = readdir(entries))) {
		autoclose int below = -EBADF;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0)
			count += count_all(below, file);
	}
	return count;
}

/* The last file that was read: several columns that follow each other are from one. */
struct reading {
	const char *file;
	char *text;
};

static void reading_forget(struct reading *r)
{
	free(r->text);
}

static const char *read_once(struct reading *r, int cgroup, const char *file)
{
	if (r->file && strcmp(r->file, file) == 0)
		return r->text;
	free(r->text);
	*r = (struct reading){file, read_text(cgroup, file)};
	return r->text;
}

static bool read_usage(struct reading *r, int cgroup, enum usage usage, uint64_t *ret_number)
{
	const struct source *s = &sources[usage];
	const char *text = s->file ? read_once(r, cgroup, s->file) : NULL;

	if (text && find_number(text, s, ret_number))
		return true;
	if (usage != USAGE_TASKS && usage != USAGE_THREADS)
		return false;
	*ret_number = count_all(cgroup, usage == USAGE_TASKS ? "cgroup.procs" : "cgroup.threads");
	return true;
}

static void format_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1024 && units[i + 1]) {
		value /= 1024;
		i++;
	}
	snprintf(buf, size, i ? "%.1f%c" : "%.0f%c", value, units[i]);
}

static void format_number(const struct stats *s, enum unit unit, uint64_t number, char *buf,
			  size_t size)
{
	if (s->json || unit == UNIT_NONE)
		snprintf(buf, size, "%" PRIu64, number);
	else if (unit == UNIT_BYTES)
		format_bytes(number, buf, size);
	else
		snprintf(buf, size, "%" PRIu64 ".%02" PRIu64 "s", number / 1000000,
			 number / 10000 % 100);
}

/* The cgroup of one that has, or had, tasks. It is not made to be looked at. */
static int open_cgroup(int container)
{
	struct container_info info = {.size = sizeof(info)};

	if (container_stat(container, CONTAINER_WALK_STATE, &info, NULL, 0) < 0 ||
	    info.state == CONTAINER_CREATED)
		return -1;
	return container_cgroup(container);
}

/* 0, or EXIT_FAILED and told. */
static int add_line(struct stats *s, int container, const char *name)
{
	struct libscols_line *line = scols_table_new_line(s->table, NULL);
	__attribute__((cleanup(reading_forget))) struct reading reading = {0};
	autoclose int cgroup = open_cgroup(container);
	char text[4096];
	int r = line ? scols_line_set_data(line, 0, name) : -1;

	for (size_t i = 0; r == 0 && i < USAGE_COUNT; i++) {
		bool is_count = i == USAGE_TASKS || i == USAGE_THREADS;
		uint64_t number = 0;

		if (cgroup < 0 ? !is_count : !read_usage(&reading, cgroup, (enum usage)i, &number))
			continue;
		format_number(s, sources[i].unit, number, text, sizeof(text));
		r = scols_line_set_data(line, i + 1, text);
	}
	/* Removed meanwhile: it has none. */
	if (r == 0 && listing_limits(container, text, sizeof(text)) < 0 && errno != ENOENT)
		return cli_failed(name);
	if (r == 0 && text[0])
		r = scols_line_set_data(line, USAGE_COUNT + 1, text);
	return r ? report_no_memory() : 0;
}

static int add_one(const struct container_info *info, void *arg)
{
	struct stats *s = arg;
	autoclose int container = container_open(info->path);

	/* Removed meanwhile, or not to be seen from here. */
	if (container < 0)
		return errno == ENOENT || errno == EPERM ? 0 : cli_failed(info->path);
	return add_line(s, container, listing_name(&s->base, info->path));
}

static int add_all(struct stats *s)
{
	autoclose int container = listing_open(NULL, &s->base);
	int r;

	if (container == -2)
		return 0;
	if (container < 0)
		return EXIT_FAILED;
	r = container_walk(container, CONTAINER_WALK_RECURSIVE, add_one, s);
	return r < 0 ? cli_failed(NULL) : r;
}

static struct libscols_table *make_table(bool json)
{
	struct report_column columns[COLUMNS] = {
		[0] = {"NAME", "name", 0, SCOLS_JSON_STRING},
		[COLUMNS - 1] = {"LIMITS", "limits", 0, SCOLS_JSON_STRING},
	};

	for (size_t i = 0; i < USAGE_COUNT; i++) {
		columns[i + 1] = sources[i].column;
		columns[i + 1].flags = SCOLS_FL_RIGHT;
		columns[i + 1].json_type = SCOLS_JSON_NUMBER;
	}
	return report_table(columns, COLUMNS, json, false);
}

int verb_stats(int argc, char **argv)
{
	struct stats s = {0};
	int status, printed;

	status = cli_json("stats", argc, argv, &s.json);
	if (status >= 0)
		return status;
	status = 0;
	s.table = make_table(s.json);
	if (!s.table)
		return EXIT_FAILED;
	if (optind == argc)
		status = add_all(&s);
	for (int i = optind; i < argc; i++) {
		autoclose int container = cli_open(argv[i]);

		if (container < 0 || add_line(&s, container, argv[i]))
			status = EXIT_FAILED;
	}
	if (optind == argc && report_sort(s.table, false))
		status = EXIT_FAILED;
	printed = report_print(s.table, s.json);
	scols_unref_table(s.table);
	return status ? status : printed;
}
