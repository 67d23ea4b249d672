/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "caller.h"
#include "cleanup.h"
#include "node.h"
#include "parse.h"
#include "printable.h"

#define HOSTNAME_SIZE 65
#define MAP_SIZE 16384 /* 340 lines of three numbers */

static const char *const states[] = {
	[CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
	[CONTAINER_FROZEN] = "frozen",	 [CONTAINER_STOPPED] = "stopped",
	[CONTAINER_HALTED] = "halted",	 [CONTAINER_REBOOTING] = "rebooting",
};

static int error(void)
{
	return -errno;
}

static int look_at(int container, unsigned int flags, struct container_info *info)
{
	*info = (struct container_info){.size = sizeof(*info)};
	return container_stat(container, flags, info, NULL, 0) < 0 ? error() : 0;
}

static int read_state(int container, enum container_state *ret_state)
{
	struct container_info info;
	int r = look_at(container, CONTAINER_WALK_STATE, &info);

	if (r == 0)
		*ret_state = info.state;
	return r;
}

/* More may come while they are counted. */
ssize_t tasks_list(int container, pid_t **ret_pids)
{
	autofree pid_t *pids = NULL;
	size_t room = 64;
	ssize_t n;

	for (;;) {
		pid_t *grown = realloc(pids, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		pids = grown;
		n = container_tasks(container, pids, room);
		if (n < 0)
			return error();
		if ((size_t)n <= room)
			break;
		room = (size_t)n + 64;
	}
	*ret_pids = pids;
	pids = NULL;
	return n;
}

/* What is in no container is in the init container, which has no list of its own. */
static int show_all_others(const struct look *l, FILE *out)
{
	autodir DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return error();
	while ((entry = readdir(proc))) {
		pid_t pid, number;
		autoclose int container = -EBADF;

		if (parse_pid(entry->d_name, &pid) < 0)
			continue;
		container = container_of(pid);
		number = container >= 0 && container_contains(container, l->container) == 1
				 ? caller_number(l->who, pid)
				 : 0;
		if (number > 0)
			fprintf(out, "%d\n", number);
	}
	return 0;
}

int tasks_show(const struct look *l, FILE *out)
{
	autofree pid_t *pids = NULL;
	ssize_t n = 0;

	if (!node_parent(l->node) && node_is_whole_tree())
		return show_all_others(l, out);
	n = tasks_list(l->container, &pids);
	for (ssize_t i = 0; pids && i < n; i++) {
		pid_t number = caller_number(l->who, pids[i]);

		if (number > 0)
			fprintf(out, "%d\n", number);
	}
	return n < 0 ? (int)n : 0;
}

int tasks_unlink(const struct look *l, int nstype)
{
	(void)nstype;
	if (!node_parent(l->node))
		return -EPERM;
	return container_kill(l->container, SIGKILL) < 0 && errno != ESRCH ? error() : 0;
}

int init_show(const struct look *l, FILE *out)
{
	struct container_info info;
	int r = look_at(l->container, CONTAINER_WALK_TASKS, &info);
	pid_t number = r == 0 && info.init > 0 ? caller_number(l->who, info.init) : 0;

	if (number > 0)
		fprintf(out, "%d\n", number);
	else if (r == 0)
		fputs("\n", out);
	return r;
}

int state_show(const struct look *l, FILE *out)
{
	enum container_state state;
	int r = read_state(l->container, &state);

	if (r == 0)
		fprintf(out, "%s\n", states[state]);
	return r;
}

int id_show(const struct look *l, FILE *out)
{
	uint64_t id;

	if (container_id(l->container, &id) < 0)
		return error();
	fprintf(out, "%016" PRIx64 "\n", id);
	return 0;
}

/* A line of its own: others have chosen the text. */
static void show_text(FILE *out, const char *text)
{
	char one[PRINTABLE_SIZE + 1];

	for (; *text; text++)
		fprintf(out, "%.*s", (int)(printable_put(one, text) - one), one);
	fputs("\n", out);
}

static void show_types(FILE *out, const char *key, unsigned int flags)
{
	fprintf(out, "%s:", key);
	for (enum entry_kind k = KIND_USER; k <= KIND_TIME; k++)
		if (flags & (unsigned int)entry_of(k)->nstype)
			fprintf(out, " %s", entry_of(k)->name);
	fputs("\n", out);
}

int status_show(const struct look *l, FILE *out)
{
	struct container_info info = {.size = sizeof(info)};
	struct container_access access = {.size = sizeof(access)};
	const unsigned int flags = CONTAINER_WALK_TASKS | CONTAINER_WALK_ROOT;
	char texts[8192], path[4096];
	pid_t init;
	int r = node_path(l->node, path, sizeof(path));

	if (r < 0 || container_stat(l->container, flags, &info, texts, sizeof(texts)) < 0 ||
	    container_get_access(l->container, &access) < 0)
		return r ? r : error();
	init = info.init > 0 ? caller_number(l->who, info.init) : 0;
	fprintf(out, "name: /%s\nid: %016" PRIx64 "\nstate: %s\n", path, info.id,
		states[info.state]);
	fprintf(out, "tasks: %zu\n", info.tasks);
	if (init > 0)
		fprintf(out, "init: %d\n", init);
	fprintf(out, "owner: %u:%u\nmode: %04o\n", access.uid, access.gid, access.mode);
	show_types(out, "own", info.own);
	show_types(out, "shared", info.shared);
	fputs("root: ", out);
	show_text(out, info.root[0] ? info.root : "inherited");
	return 0;
}

int hostname_show(const struct look *l, FILE *out)
{
	char name[HOSTNAME_SIZE];

	if (container_get_hostname(l->container, name, sizeof(name)) < 0)
		return error();
	show_text(out, name);
	return 0;
}

int hostname_store(const struct look *l, const char *text)
{
	char name[HOSTNAME_SIZE];
	int r = parse_line(text, name, sizeof(name));

	if (r < 0)
		return r;
	return container_set_hostname(l->container, name) < 0 ? error() : 0;
}

int freeze_show(const struct look *l, FILE *out)
{
	enum container_state state;
	int r = read_state(l->container, &state);

	if (r == 0)
		fprintf(out, "%d\n", state == CONTAINER_FROZEN);
	return r;
}

int freeze_store(const struct look *l, const char *text)
{
	bool on;
	int r = parse_switch(text, &on);

	if (r < 0)
		return r;
	return container_freeze(l->container, on) < 0 ? error() : 0;
}

int kill_store(const struct look *l, const char *text)
{
	int sig, r = parse_signal(text, &sig);

	if (r < 0)
		return r;
	return container_kill(l->container, sig) < 0 ? error() : 0;
}

static int map_show(const struct look *l, int which, FILE *out)
{
	char map[MAP_SIZE];

	if (container_get_id_map(l->container, which, map, sizeof(map)) < 0)
		return error();
	fputs(map, out);
	if (map[0] && map[strlen(map) - 1] != '\n')
		fputs("\n", out);
	return 0;
}

/*
 * As with the kernel's own file: who owns the container could otherwise take on anybody's id in it. Which ids there
 * are to be mapped is for the kernel to say, in the user namespace above.
 */
static int map_store(const struct look *l, int which, const char *text)
{
	int needed = which == CONTAINER_UID_MAP ? CAP_SETUID : CAP_SETGID;

	if (!caller_is_capable_above(l->who, l->container, needed) ||
	    !caller_is_capable_above(l->opener, l->container, needed))
		return -EPERM;
	return container_set_id_map(l->container, which, text) < 0 ? error() : 0;
}

int uid_map_show(const struct look *l, FILE *out)
{
	return map_show(l, CONTAINER_UID_MAP, out);
}

int uid_map_store(const struct look *l, const char *text)
{
	return map_store(l, CONTAINER_UID_MAP, text);
}

int gid_map_show(const struct look *l, FILE *out)
{
	return map_show(l, CONTAINER_GID_MAP, out);
}

int gid_map_store(const struct look *l, const char *text)
{
	return map_store(l, CONTAINER_GID_MAP, text);
}

int files_inherit(const struct look *l, int nstype)
{
	if (container_set_namespace(l->container, nstype, CONTAINER_NS_INHERIT, -1) < 0)
		return error();
	return 0;
}

/* Its mount namespace stays its own: "mount" is removed to end that. */
int files_unset_root(const struct look *l, int nstype)
{
	struct container_info info = {.size = sizeof(info)};
	char texts[8192];

	(void)nstype;
	if (container_stat(l->container, CONTAINER_WALK_ROOT, &info, texts, sizeof(texts)) < 0)
		return error();
	if (info.root[0] != '/')
		return 0;
	return container_set_root(l->container, -1, 0) < 0 ? error() : 0;
}
