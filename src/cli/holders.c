/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * holders: who keeps the mounts of a container busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "report.h"
#include "scan.h"
#include "verbs.h"

enum column { COL_PID, COL_COMMAND, COL_CONTAINER, COL_HOW, COL_PATH, COL_COUNT };

static const struct report_column columns[COL_COUNT] = {
	[COL_PID] = {"PID", "pid", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	[COL_COMMAND] = {"COMMAND", "command", 0, SCOLS_JSON_STRING},
	[COL_CONTAINER] = {"CONTAINER", "container", 0, SCOLS_JSON_STRING},
	[COL_HOW] = {"HOW", "how", 0, SCOLS_JSON_STRING},
	[COL_PATH] = {"PATH", "path", 0, SCOLS_JSON_STRING},
};

static const char *const how_texts[] = {
	[SCAN_CWD] = "cwd",
	[SCAN_ROOT] = "root",
	[SCAN_EXE] = "exe",
	[SCAN_MAP] = "map",
	[SCAN_NAMESPACE] = "mount namespace",
};

struct search {
	struct libscols_table *table;
	struct scan_mount *mounts;
	size_t count;
	uint64_t only; /* the mount that is asked for; 0: all */
	char only_path[4096];
	bool found;   /* that is a mount point */
	char **shown; /* mount points of which there is a view */
	size_t shown_count;
	/* of the process that was told of last */
	pid_t pid;
	char command[64], container[4096];
};

static int add_line(const struct search *s, pid_t pid, const char *how, const char *path)
{
	struct libscols_line *line = scols_table_new_line(s->table, NULL);
	char number[16] = "";

	if (pid)
		snprintf(number, sizeof(number), "%d", (int)pid);
	if (!line || scols_line_set_data(line, COL_PID, pid ? number : NULL) < 0 ||
	    scols_line_set_data(line, COL_COMMAND, pid ? s->command : "-") < 0 ||
	    scols_line_set_data(line, COL_CONTAINER, pid ? s->container : "-") < 0 ||
	    scols_line_set_data(line, COL_HOW, how) < 0 ||
	    scols_line_set_data(line, COL_PATH, path) < 0)
		return 1;
	return 0;
}

/* Only what the kernel has at hand: the arguments would be read from its memory. */
static void describe(struct search *s, pid_t pid)
{
	autoclose int container = container_of(pid);
	char path[40];
	FILE *f;

	if (container < 0 || container_path(container, s->container, sizeof(s->container)) < 0)
		strcpy(s->container, "-");
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (!f || !fgets(s->command, sizeof(s->command), f))
		strcpy(s->command, "-");
	s->command[strcspn(s->command, "\n")] = '\0';
	if (f)
		fclose(f);
	s->pid = pid;
}

static int add_holder(const struct scan_holder *holder, void *arg)
{
	struct search *s = arg;
	char fd[24];

	if (s->pid != holder->pid)
		describe(s, holder->pid);
	snprintf(fd, sizeof(fd), "fd %d", holder->fd);
	return add_line(s, holder->pid, holder->how == SCAN_FD ? fd : how_texts[holder->how],
			holder->path);
}

static void tell_stuck(pid_t pid)
{
	cli_message("holders",
		    "process %d is left out: it waits for a file system that does not answer",
		    (int)pid);
}

/* A view holds the file system below it, also when that is not mounted any more where it was. */
static int add_view(struct search *s, const struct container_mount *m)
{
	char **grown;

	if (strcmp(m->type, "overlay") != 0 || strcmp(m->target, "/") == 0 ||
	    (s->only && m->id != s->only))
		return 0;
	grown = realloc(s->shown, (s->shown_count + 1) * sizeof(*grown));
	if (!grown)
		return 1;
	s->shown = grown;
	grown[s->shown_count] = strdup(m->target);
	return grown[s->shown_count++] == NULL;
}

static int forget_view(const struct container_mount *m, void *arg)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->shown_count; i++)
		if (s->shown[i] && strcmp(s->shown[i], m->target) == 0) {
			free(s->shown[i]);
			s->shown[i] = NULL;
		}
	return 0;
}

/* Of those that are mounted still where the container above has them it is known what holds them. */
static int tell_views(struct search *s, int container)
{
	autoclose int parent = -EBADF;
	char path[4096], *slash;
	int r = 0;

	if (s->shown_count == 0 || container_path(container, path, sizeof(path)) < 0)
		return 0;
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	parent = container_open(path);
	if (parent < 0 || container_mounts(parent, forget_view, s) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < s->shown_count; i++)
		if (s->shown[i])
			r = add_line(s, 0, "view", s->shown[i]);
	return r;
}

static int add_mount(const struct container_mount *m, void *arg)
{
	struct search *s = arg;
	bool wanted = !s->only || m->id == s->only;
	struct scan_mount *grown = realloc(s->mounts, (s->count + 1) * sizeof(*grown));

	if (!grown)
		return 1;
	s->mounts = grown;
	s->mounts[s->count++] = (struct scan_mount){m->id, m->dev, wanted, wanted};
	s->found |= s->only && m->id == s->only && strcmp(m->target, s->only_path) == 0;
	if (add_view(s, m))
		return 1;
	/* What is mounted on it holds it as well. */
	if (s->only && m->parent == s->only && m->id != s->only)
		return add_line(s, 0, "mount", m->target);
	return 0;
}

/*
 * File systems that the caller has mounted, too, are the host's: each mount namespace has them, which
 * would be told of each bind mount. Of the others it is told where else they are mounted.
 */
static int choose_devices(struct search *s)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		unsigned int major, minor;

		if (sscanf(line, "%*u %*u %u:%u ", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < s->count; i++)
			if (s->mounts[i].dev == makedev(major, minor))
				s->mounts[i].by_device = false;
	}
	fclose(f);
	return 0;
}

static int compare_mounts(const void *a, const void *b)
{
	const struct scan_mount *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* 0, or EXIT_FAILED and told. */
static int find_only(struct search *s, int container, const char *name, const char *path)
{
	autoclose int fd = container_openat(container, path, O_PATH | O_CLOEXEC, 0);
	char link[40];
	ssize_t n;

	if (fd < 0)
		return cli_failed_on(name, path);
	s->only = scan_mount_of(fd);
	/* Another mount namespace's path is told from its own root on. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, s->only_path, sizeof(s->only_path) - 1);
	s->only_path[n < 0 ? 0 : n] = '\0';
	if (s->only)
		return 0;
	cli_message(name, "%s: /proc does not tell what is mounted there", path);
	return EXIT_FAILED;
}

static int search(struct search *s, int container, const char *name)
{
	int r = container_mounts(container, add_mount, s);

	if (r < 0)
		return cli_failed(name);
	if (r == 0 && s->only && !s->found) {
		cli_message(name, "%s: not a mount point", s->only_path);
		return EXIT_FAILED;
	}
	qsort(s->mounts, s->count, sizeof(*s->mounts), compare_mounts);
	r = r ? r : tell_views(s, container);
	r = r ? r : choose_devices(s);
	r = r ? r : scan_holders(s->mounts, s->count, add_holder, tell_stuck, s);
	if (r == 0)
		return 0;
	cli_message(name, "look for holders: %s", strerror(r < 0 ? errno : ENOMEM));
	return EXIT_FAILED;
}

int verb_holders(int argc, char **argv)
{
	autoclose int container = -EBADF;
	struct search s = {0};
	const char *name;
	bool json = false;
	int status;

	status = cli_json("holders", argc, argv, &json);
	if (status >= 0)
		return status;
	if (argc - optind != 1 && argc - optind != 2)
		return cli_usage("holders", "NAME and at most one PATH");
	name = argv[optind];
	container = cli_open(name);
	if (container < 0 ||
	    (argc - optind == 2 && find_only(&s, container, name, argv[optind + 1])))
		return EXIT_FAILED;
	s.table = report_table(columns, COL_COUNT, json, false);
	status = s.table ? search(&s, container, name) : EXIT_FAILED;
	if (status == 0 && geteuid() != 0)
		cli_message("holders", "processes of others are left out (be root)");
	if (status == 0)
		status = report_print(s.table, json);
	scols_unref_table(s.table);
	for (size_t i = 0; i < s.shown_count; i++)
		free(s.shown[i]);
	free(s.shown);
	free(s.mounts);
	return status;
}
