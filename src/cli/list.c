/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ls and show: what container_walk() tells, in columns.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/sched.h>

#include "cleanup.h"
#include "cli.h"
#include "listing.h"
#include "report.h"
#include "verbs.h"

#define MAX_DEPTH 64
#define ID_MAP_SIZE 4096

enum { OPTION_JSON = 1000, OPTION_TREE };

enum column {
	COL_NAME,
	COL_STATE,
	COL_TASKS,
	COL_INIT,
	COL_OWN,
	COL_SHARED,
	COL_ROOT,
	COL_ID,
	COL_PATH,
	COL_OWNER,
	COL_TRANSIENT,
	COL_HOSTNAME,
	COL_LIMITS,
	COL_EXIT_STATUS,
	COL_STOP_SIGNAL,
	COL_STOP_TIMEOUT,
	COL_IDS,
	COL_UID_MAP,
	COL_GID_MAP,
	COL_FOREIGN,
	COL_COUNT,
};

static const struct report_column columns[COL_COUNT] = {
	[COL_NAME] = {"NAME", "name", 0, SCOLS_JSON_STRING},
	[COL_STATE] = {"STATE", "state", 0, SCOLS_JSON_STRING},
	[COL_TASKS] = {"TASKS", "tasks", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	[COL_INIT] = {"INIT", "init", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	[COL_OWN] = {"OWN", "own", 0, SCOLS_JSON_STRING},
	[COL_SHARED] = {"SHARED", "shared", 0, SCOLS_JSON_STRING},
	[COL_ROOT] = {"ROOT", "root", 0, SCOLS_JSON_STRING},
	[COL_ID] = {"ID", "id", 0, SCOLS_JSON_STRING},
	[COL_PATH] = {"PATH", "path", 0, SCOLS_JSON_STRING},
	[COL_OWNER] = {"OWNER", "owner", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	[COL_TRANSIENT] = {"TRANSIENT", "transient", 0, SCOLS_JSON_BOOLEAN},
	[COL_HOSTNAME] = {"HOSTNAME", "hostname", 0, SCOLS_JSON_STRING},
	[COL_LIMITS] = {"LIMITS", "limits", 0, SCOLS_JSON_STRING},
	[COL_EXIT_STATUS] = {"EXIT_STATUS", "exit_status", 0, SCOLS_JSON_NUMBER},
	[COL_STOP_SIGNAL] = {"STOP_SIGNAL", "stop_signal", 0, SCOLS_JSON_STRING},
	[COL_STOP_TIMEOUT] = {"STOP_TIMEOUT", "stop_timeout", 0, SCOLS_JSON_NUMBER},
	[COL_IDS] = {"IDS", "ids", 0, SCOLS_JSON_STRING},
	[COL_UID_MAP] = {"UID_MAP", "uid_map", 0, SCOLS_JSON_STRING},
	[COL_GID_MAP] = {"GID_MAP", "gid_map", 0, SCOLS_JSON_STRING},
	[COL_FOREIGN] = {"FOREIGN", "foreign", 0, SCOLS_JSON_STRING},
};

static const enum column default_columns[] = {COL_NAME, COL_STATE, COL_TASKS,
					      COL_INIT, COL_OWN,   COL_SHARED};
static const enum column json_columns[] = {COL_NAME, COL_STATE,	 COL_TASKS,    COL_INIT,
					   COL_OWN,  COL_SHARED, COL_ROOT,     COL_ID,
					   COL_PATH, COL_OWNER,	 COL_TRANSIENT};

struct list {
	struct listing_base base;
	bool all, quiet, tree, json;
	enum column column[COL_COUNT];
	struct report_column shown[COL_COUNT];
	size_t count;
	struct libscols_table *table;
	struct libscols_line *parent[MAX_DEPTH];
	/* of the one that show is about */
	char hostname[65];
	char limits[4096];
	int stop_signal, stop_grace;
	char ids[32]; /* empty: no own user namespace */
	char id_map[2][ID_MAP_SIZE];
	unsigned int foreign; /* types that its user namespace does not own */
};

static void cell_text(const struct list *l, enum column column, const struct container_info *info,
		      char *buf, size_t size)
{
	switch (column) {
	case COL_NAME:
		snprintf(buf, size, "%s",
			 l->tree && info->depth ? info->name : listing_name(&l->base, info->path));
		break;
	case COL_STATE:
		snprintf(buf, size, "%s", listing_state(info->state));
		break;
	case COL_TASKS:
		snprintf(buf, size, "%zu", info->tasks);
		break;
	case COL_INIT:
		snprintf(buf, size, "%d", (int)info->init);
		if (info->init == 0 && !l->json)
			buf[0] = '\0';
		break;
	case COL_OWN:
		listing_types(info->own, buf, size);
		break;
	case COL_SHARED:
		listing_types(info->shared, buf, size);
		break;
	case COL_ROOT:
		snprintf(buf, size, "%s", info->root);
		break;
	case COL_ID:
		snprintf(buf, size, "%016llx", (unsigned long long)info->id);
		break;
	case COL_PATH:
		snprintf(buf, size, "%s", info->path);
		break;
	case COL_OWNER:
		snprintf(buf, size, "%u", info->owner);
		break;
	case COL_TRANSIENT:
		/* libsmartcols takes "false" for true. */
		if (l->json)
			snprintf(buf, size, "%d", info->transient != 0);
		else
			snprintf(buf, size, "%s", info->transient ? "true" : "false");
		break;
	case COL_HOSTNAME:
		snprintf(buf, size, "%s", l->hostname);
		break;
	case COL_LIMITS:
		snprintf(buf, size, "%s", l->limits);
		break;
	case COL_EXIT_STATUS:
		buf[0] = '\0';
		if (info->exit_status >= 0)
			snprintf(buf, size, "%d", cli_exit_status(info->exit_status));
		break;
	case COL_STOP_SIGNAL:
		cli_signal_name(l->stop_signal, buf);
		break;
	case COL_STOP_TIMEOUT:
		snprintf(buf, size, "%.10g", l->stop_grace / 1000.0);
		break;
	case COL_IDS:
		snprintf(buf, size, "%s", l->ids);
		break;
	case COL_FOREIGN:
		listing_types(l->foreign, buf, size);
		break;
	case COL_UID_MAP:
		snprintf(buf, size, "%s", l->id_map[CONTAINER_UID_MAP]);
		break;
	case COL_GID_MAP:
		snprintf(buf, size, "%s", l->id_map[CONTAINER_GID_MAP]);
		break;
	case COL_COUNT:
		break;
	}
}

static int add_line(const struct container_info *info, void *arg)
{
	struct list *l = arg;
	struct libscols_line *parent = NULL, *line;
	char text[4096];

	if (l->tree && info->depth > 0 && info->depth < MAX_DEPTH)
		parent = l->parent[info->depth - 1];
	line = scols_table_new_line(l->table, parent);
	if (!line)
		return report_no_memory();
	if (info->depth < MAX_DEPTH)
		l->parent[info->depth] = line;
	for (size_t i = 0; i < l->count; i++) {
		cell_text(l, l->column[i], info, text, sizeof(text));
		if (scols_line_set_data(line, i, text) < 0)
			return report_no_memory();
	}
	return 0;
}

static int print_name(const struct container_info *info, void *arg)
{
	const struct list *l = arg;

	puts(listing_name(&l->base, info->path));
	return 0;
}

static int choose_columns(struct list *l, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ","), i;

		for (i = 0; i < COL_TRANSIENT; i++)
			if (strlen(columns[i].name) == len &&
			    strncasecmp(columns[i].name, list, len) == 0)
				break;
		if (i == COL_TRANSIENT || l->count == COL_COUNT)
			return cli_usage("ls", "unknown column: %.*s", (int)len, list);
		l->column[l->count++] = (enum column)i;
		list += len + (list[len] == ',');
	}
	return l->count ? 0 : cli_usage("ls", "no column given");
}

static unsigned int needed(const struct list *l)
{
	unsigned int flags = CONTAINER_WALK_RECURSIVE;

	if (l->all || l->tree)
		flags |= CONTAINER_WALK_SELF;
	if (l->quiet)
		return (l->all ? CONTAINER_WALK_SELF : 0) | CONTAINER_WALK_RECURSIVE;
	for (size_t i = 0; i < l->count; i++) {
		if (l->column[i] == COL_STATE)
			flags |= CONTAINER_WALK_STATE;
		if (l->column[i] == COL_TASKS || l->column[i] == COL_INIT)
			flags |= CONTAINER_WALK_TASKS;
		if (l->column[i] == COL_ROOT)
			flags |= CONTAINER_WALK_ROOT;
		if (l->column[i] == COL_OWNER)
			flags |= CONTAINER_WALK_OWNER;
	}
	return flags;
}

static int list_columns(struct list *l)
{
	const enum column *from = l->json ? json_columns : default_columns;
	size_t count = l->json ? ARRAY_SIZE(json_columns) : ARRAY_SIZE(default_columns);

	if (l->count == 0) {
		memcpy(l->column, from, count * sizeof(*from));
		l->count = count;
	}
	for (size_t i = 0; i < l->count; i++)
		l->shown[i] = columns[l->column[i]];
	return 0;
}

static int list_container(struct list *l, int container)
{
	int r;

	if (l->quiet)
		return container_walk(container, needed(l), print_name, l) < 0 ? cli_failed(NULL)
									       : 0;
	list_columns(l);
	l->table = report_table(l->shown, l->count, l->json, l->tree && !l->json);
	r = l->table ? container_walk(container, needed(l), add_line, l) : EXIT_FAILED;
	r = r < 0 ? cli_failed(NULL) : r;
	r = r ? r : report_sort(l->table, l->tree);
	r = r ? r : report_print(l->table, l->json);
	scols_unref_table(l->table);
	return r;
}

/* No hierarchy yet: a list of nothing, and nothing is made for it. */
static int list_nothing(const struct list *l)
{
	if (l->json)
		puts("[]");
	return 0;
}

static int ls_option(struct list *l, int c)
{
	switch (c) {
	case 'a':
		l->all = true;
		return 0;
	case 'q':
		l->quiet = true;
		return 0;
	case 'o':
		return choose_columns(l, optarg);
	case OPTION_TREE:
		l->tree = true;
		return 0;
	default:
		l->json = true;
		return 0;
	}
}

int verb_ls(int argc, char **argv)
{
	static const struct option longs[] = {{"all", no_argument, NULL, 'a'},
					      {"quiet", no_argument, NULL, 'q'},
					      {"tree", no_argument, NULL, OPTION_TREE},
					      {"output", required_argument, NULL, 'o'},
					      {"json", no_argument, NULL, OPTION_JSON},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	autoclose int container = -EBADF;
	struct list l = {0};
	int c;

	while ((c = cli_option("ls", argc, argv, ":haqo:", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		if (ls_option(&l, c))
			return EXIT_FAILED;
	}
	if (argc - optind > 1)
		return cli_usage("ls", "one name at most");
	container = listing_open(optind < argc ? argv[optind] : NULL, &l.base);
	if (container == -2)
		return list_nothing(&l);
	return container < 0 ? EXIT_FAILED : list_container(&l, container);
}

static int print_member(const char *key, const char *text)
{
	autofree char *printable = cli_printable(text);

	if (!printable)
		return report_no_memory();
	printf("%s: %s\n", key, printable);
	return 0;
}

/* Ends the walk, with 2, after the first: the container itself. */
static int show_one(const struct container_info *info, void *arg)
{
	struct list *l = arg;
	char text[4096];

	if (l->json)
		return add_line(info, l) ? EXIT_FAILED : 2;
	for (size_t i = 0; i < COL_COUNT; i++) {
		if (i >= COL_IDS && !(info->own & CLONE_NEWUSER))
			break;
		if (i == COL_HOSTNAME && !l->hostname[0])
			continue;
		cell_text(l, i, info, text, sizeof(text));
		if (print_member(columns[i].json, text))
			return EXIT_FAILED;
	}
	return 2;
}

/* One line each, in the words of set. Empty unless it has an own user namespace. -1 and errno. */
static int read_id_maps(struct list *s, int container)
{
	struct container_info info = {.size = sizeof(info)};
	int r = container_stat(container, 0, &info, NULL, 0);

	for (int which = 0; r == 0 && (info.own & CLONE_NEWUSER) && which < 2; which++) {
		char *map = s->id_map[which];
		ssize_t n = container_get_id_map(container, which, map, ID_MAP_SIZE);

		if (n > 0)
			map[n - 1] = '\0';
		for (ssize_t i = 0; i < n; i++)
			if (map[i] == '\n')
				map[i] = ',';
		r = n < 0 ? -1 : 0;
	}
	if (r == 0 && (info.own & CLONE_NEWUSER))
		r = container_get_ids(container, s->ids, sizeof(s->ids)) < 0 ? -1 : 0;
	if (r == 0 && (info.own & CLONE_NEWUSER))
		r = listing_foreign(container, &s->foreign);
	return r;
}

/* It cannot be told without privilege, nor while an own uts namespace waits for its first task. */
static int read_hostname(struct list *s, int container)
{
	int r = container_get_hostname(container, s->hostname, sizeof(s->hostname));

	if (r < 0)
		s->hostname[0] = '\0';
	return r < 0 && !listing_may_be_untold() ? -1 : 0;
}

/* After those that ls has as well. */
static void add_column(struct list *s, enum column column)
{
	s->shown[s->count] = columns[column];
	s->column[s->count++] = column;
}

int verb_show(int argc, char **argv)
{
	autoclose int container = -EBADF;
	struct list s = {0};
	int r, status;

	status = cli_json("show", argc, argv, &s.json);
	if (status >= 0)
		return status;
	status = 0;
	if (argc - optind != 1)
		return cli_usage("show", "one container");
	container = listing_open(argv[optind], &s.base);
	if (container < 0)
		return EXIT_FAILED;
	/* Its name is told, not that it is the current one of this list. */
	while (s.base.len > 0 && s.base.path[--s.base.len] != '/')
		;
	list_columns(&s);
	if (read_hostname(&s, container) < 0 ||
	    listing_limits(container, s.limits, sizeof(s.limits)) < 0 ||
	    container_get_stop(container, &s.stop_signal, &s.stop_grace) < 0 ||
	    read_id_maps(&s, container) < 0)
		return cli_failed(argv[optind]);
	for (enum column i = COL_HOSTNAME; i < (s.ids[0] ? COL_COUNT : COL_IDS); i++)
		add_column(&s, i);
	s.table = report_table(s.shown, s.count, s.json, false);
	r = s.table ? container_walk(container,
				     CONTAINER_WALK_SELF | CONTAINER_WALK_TASKS |
					     CONTAINER_WALK_ROOT | CONTAINER_WALK_OWNER,
				     show_one, &s)
		    : EXIT_FAILED;
	if (r != 2)
		status = r > 0 ? r : cli_failed(argv[optind]);
	else if (s.json)
		status = report_print(s.table, true);
	scols_unref_table(s.table);
	return status;
}
