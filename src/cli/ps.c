/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ps: the tasks of a container, as the caller's /proc shows them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "report.h"
#include "verbs.h"

#define COMMAND_SIZE 4096

static const struct report_column columns[] = {
	{"PID", "pid", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	{"INSIDE", "inside", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	{"USER", "user", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	{"COMMAND", "command", 0, SCOLS_JSON_STRING},
};

struct task {
	char pid[16], inside[16], user[16];
	char command[COMMAND_SIZE];
};

static FILE *open_proc(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return fopen(path, "re");
}

/* Of a file of /proc: 1; 0: the process has gone; -1 and told. */
static int has_read(FILE *f, pid_t pid)
{
	if (f && !ferror(f))
		return 1;
	if (errno == ENOENT || errno == ESRCH)
		return 0;
	cli_message(NULL, "read of process %d: %s", (int)pid, strerror(errno));
	return -1;
}

/* Name, number inside and user, from status. */
static int read_status(pid_t pid, struct task *t)
{
	autofile FILE *f = open_proc(pid, "status");
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned int uid;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "Name:\t", 6) == 0)
			snprintf(t->command, sizeof(t->command), "[%.200s]", line + 6);
		else if (strncmp(line, "NSpid:", 6) == 0)
			snprintf(t->inside, sizeof(t->inside), "%.12s", strrchr(line, '\t') + 1);
		else if (sscanf(line, "Uid: %u", &uid) == 1)
			snprintf(t->user, sizeof(t->user), "%u", uid);
	}
	return has_read(f, pid);
}

/* The name is all there is of a task without arguments. */
static int read_command(pid_t pid, struct task *t)
{
	autofile FILE *f = open_proc(pid, "cmdline");
	char text[COMMAND_SIZE];
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	for (size_t i = 0; i + 1 < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[n] = '\0';
	if (n > 0)
		memcpy(t->command, text, n + 1);
	return has_read(f, pid);
}

/* 1; 0: it has gone; -1 and told. */
static int read_task(pid_t pid, struct task *t)
{
	int r;

	snprintf(t->pid, sizeof(t->pid), "%d", (int)pid);
	r = read_status(pid, t);
	return r <= 0 ? r : read_command(pid, t);
}

/* 0, or an exit status and told. */
static int add_task(struct libscols_table *table, pid_t pid)
{
	struct task t = {0};
	struct libscols_line *line;
	int r = read_task(pid, &t);

	if (r <= 0)
		return r < 0 ? EXIT_FAILED : 0;
	line = scols_table_new_line(table, NULL);
	if (!line || scols_line_set_data(line, 0, t.pid) < 0 ||
	    scols_line_set_data(line, 1, t.inside) < 0 ||
	    scols_line_set_data(line, 2, t.user) < 0 || scols_line_set_data(line, 3, t.command) < 0)
		return report_no_memory();
	return 0;
}

static ssize_t all_tasks(int container, pid_t **ret_pids)
{
	ssize_t n = container_tasks(container, NULL, 0);
	pid_t *pids;
	ssize_t have;

	if (n < 0)
		return n;
	pids = calloc((size_t)n + 64, sizeof(*pids));
	if (!pids)
		return -1;
	have = container_tasks(container, pids, (size_t)n + 64);
	*ret_pids = pids;
	return have > n + 64 ? n + 64 : have;
}

int verb_ps(int argc, char **argv)
{
	autoclose int container = -EBADF;
	autofree pid_t *pids = NULL;
	struct libscols_table *table;
	bool json = false;
	ssize_t n;
	int status;

	status = cli_json("ps", argc, argv, &json);
	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return cli_usage("ps", "one container");
	container = cli_open(argv[optind]);
	if (container < 0)
		return EXIT_FAILED;
	n = all_tasks(container, &pids);
	if (n < 0)
		return cli_failed(argv[optind]);
	table = report_table(columns, ARRAY_SIZE(columns), json, false);
	if (!table)
		return EXIT_FAILED;
	status = 0;
	for (ssize_t i = 0; i < n && status == 0; i++)
		status = pids[i] > 0 ? add_task(table, pids[i]) : 0;
	status = status ? status : report_print(table, json);
	scols_unref_table(table);
	return status;
}
