/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mounts: what container_mounts() tells, in columns.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "cleanup.h"
#include "cli.h"
#include "report.h"
#include "verbs.h"

enum column {
	COL_TARGET,
	COL_SOURCE,
	COL_TYPE,
	COL_OPTIONS,
	COL_PROPAGATION,
	COL_ROOT,
	COL_ID,
	COL_COUNT
};

/* The last ones are in JSON only: the source has the root as well. */
#define TABLE_COLUMNS COL_ROOT

static const struct report_column columns[COL_COUNT] = {
	[COL_TARGET] = {"TARGET", "target", 0, SCOLS_JSON_STRING},
	[COL_SOURCE] = {"SOURCE", "source", 0, SCOLS_JSON_STRING},
	[COL_TYPE] = {"TYPE", "type", 0, SCOLS_JSON_STRING},
	[COL_OPTIONS] = {"OPTIONS", "options", 0, SCOLS_JSON_STRING},
	[COL_PROPAGATION] = {"PROPAGATION", "propagation", 0, SCOLS_JSON_STRING},
	[COL_ROOT] = {"ROOT", "root", 0, SCOLS_JSON_STRING},
	[COL_ID] = {"ID", "id", 0, SCOLS_JSON_NUMBER},
};

struct table {
	struct libscols_table *table;
	bool json;
};

static const char *propagation(const struct container_mount *m)
{
	if (m->unbindable)
		return "unbindable";
	if (m->shared)
		return m->master ? "shared,slave" : "shared";
	return m->master ? "slave" : "private";
}

static bool has_option(const char *list, const char *option, size_t len)
{
	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && memcmp(list, option, len) == 0)
			return true;
	return false;
}

/*
 * Those of the mount and of the file system in one list, none twice; it is read-only if one of the two
 * is.
 */
static void join_options(const struct container_mount *m, char *to)
{
	const char *lists[] = {m->options, m->super_options};
	bool ro = has_option(m->options, "ro", 2) || has_option(m->super_options, "ro", 2);
	char *end = stpcpy(to, ro ? "ro" : "rw");

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (const char *s = lists[i]; *s; s += *s == ',') {
			size_t len = strcspn(s, ",");
			bool known = len == 2 && s[0] == 'r' && (s[1] == 'o' || s[1] == 'w');

			if (!known && !(i == 1 && has_option(lists[0], s, len)))
				end += sprintf(end, ",%.*s", (int)len, s);
			s += len;
		}
	}
}

static int fill_line(struct libscols_line *line, const struct table *t,
		     const struct container_mount *m)
{
	size_t size = strlen(m->options) + strlen(m->super_options) + sizeof("ro,,");
	autofree char *options = malloc(size);
	autofree char *source = NULL;
	char id[24];

	if (strcmp(m->root, "/") != 0 && !t->json &&
	    asprintf(&source, "%s[%s]", m->source, m->root) < 0)
		return -1;
	if (!options)
		return -1;
	join_options(m, options);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)m->id);
	if (scols_line_set_data(line, COL_TARGET, m->target) < 0 ||
	    scols_line_set_data(line, COL_SOURCE, source ? source : m->source) < 0 ||
	    scols_line_set_data(line, COL_TYPE, m->type) < 0 ||
	    scols_line_set_data(line, COL_OPTIONS, options) < 0 ||
	    scols_line_set_data(line, COL_PROPAGATION, propagation(m)) < 0)
		return -1;
	if (t->json && (scols_line_set_data(line, COL_ROOT, m->root) < 0 ||
			scols_line_set_data(line, COL_ID, id) < 0))
		return -1;
	return 0;
}

static int add_mount(const struct container_mount *m, void *arg)
{
	const struct table *t = arg;
	struct libscols_line *line = scols_table_new_line(t->table, NULL);

	return !line || fill_line(line, t, m) < 0 ? report_no_memory() : 0;
}

int verb_mounts(int argc, char **argv)
{
	autoclose int container = -EBADF;
	struct table t = {0};
	int r, status;

	status = cli_json("mounts", argc, argv, &t.json);
	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return cli_usage("mounts", "one container");
	container = cli_open(argv[optind]);
	if (container < 0)
		return EXIT_FAILED;
	t.table = report_table(columns, t.json ? COL_COUNT : TABLE_COLUMNS, t.json, false);
	r = t.table ? container_mounts(container, add_mount, &t) : 1;
	if (r < 0)
		status = cli_failed(argv[optind]);
	else
		status = r ? EXIT_FAILED : report_print(t.table, t.json);
	scols_unref_table(t.table);
	return status;
}
