/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "agent.h"
#include "change.h"
#include "cleanup.h"
#include "error.h"
#include "join.h"
#include "kernel.h"
#include "keys.h"
#include "make.h"
#include "record.h"
#include "vault.h"

#define MAPS 2
#define GROUPS_IDENTITY "0 0 4294967294\n" /* all but KEYS_GROUP */
#define KERNEL_TEXT_SIZE 16384		   /* 340 lines of three columns of 10 */

/* By place, and by CONTAINER_UID_MAP, CONTAINER_GID_MAP. */
static const char *const links[2][MAPS] = {
	{"@uid_map", "@gid_map"},
	{"@uid_map.2", "@gid_map.2"},
};

const char *maps_name(int which)
{
	return links[0][which] + 1;
}

static void to_lines(char *text)
{
	for (; *text; text++)
		if (*text == ',')
			*text = '\n';
}

int maps_check(const char *text)
{
	char lines[ID_MAP_TEXT_SIZE];
	struct id_map map;

	if (strlen(text) >= sizeof(lines))
		return -EUCLEAN;
	memcpy(lines, text, strlen(text) + 1);
	to_lines(lines);
	return id_map_parse(lines, &map) ? -EUCLEAN : 0;
}

int maps_read(const struct object *o, int which, char buf[ID_MAP_TEXT_SIZE])
{
	const char *link = links[o->spec.second[NS_USER]][which];
	ssize_t n = record_read(o->dir, link, buf, ID_MAP_TEXT_SIZE - 1);

	if (n == -ENOENT) {
		const char *all = which == CONTAINER_GID_MAP ? GROUPS_IDENTITY : ID_MAP_IDENTITY;

		memcpy(buf, all, strlen(all) + 1);
		return (int)strlen(buf);
	}
	if (n < 0)
		return (int)n;
	if (maps_check(buf) < 0)
		return record_damaged(o->dir, link);
	to_lines(buf);
	buf[n++] = '\n';
	buf[n] = '\0';
	return (int)n;
}

static void forget_place(const struct object *o, bool second)
{
	for (int which = 0; which < MAPS; which++)
		unlinkat(o->dir, links[second][which], 0);
}

void maps_forget(const struct object *o)
{
	forget_place(o, false);
	forget_place(o, true);
}

static int write_map(const struct object *o, int which, const struct id_map *map)
{
	char text[ID_MAP_TEXT_SIZE];
	int r = id_map_format(map, ',', text);

	return r < 0 ? r : record_write(o->dir, links[o->spec.second[NS_USER]][which], text);
}

/* The other map as it is, to the other place: nothing may be left there of a killed change. */
static int copy_map(const struct object *from, const struct object *to, int which)
{
	char text[ID_MAP_TEXT_SIZE];
	ssize_t n = record_read(from->dir, links[from->spec.second[NS_USER]][which], text,
				sizeof(text));

	if (n == -ENOENT) {
		unlinkat(to->dir, links[to->spec.second[NS_USER]][which], 0);
		return 0;
	}
	return n < 0 ? (int)n : record_write(to->dir, links[to->spec.second[NS_USER]][which], text);
}

int maps_move(const struct object *from, const struct object *to)
{
	int r = 0;

	/* Those of an earlier one; or left, if whoever made it inherit was killed. */
	if (from->spec.mode[NS_USER] != CONTAINER_NS_OWN)
		maps_forget(from);
	else if (from->spec.second[NS_USER] != to->spec.second[NS_USER])
		for (int which = 0; r == 0 && which < MAPS; which++)
			r = copy_map(from, to, which);
	return r < 0 ? error_set(r, "record id map", NULL) : 0;
}

void maps_forget_others(const struct object *o)
{
	forget_place(o, !o->spec.second[NS_USER]);
}

/* 1, 0; -errno. */
static int same_file(int a, int b)
{
	struct stat st_a, st_b;

	if (fstat(a, &st_a) < 0 || fstat(b, &st_b) < 0)
		return -errno;
	return st_a.st_ino == st_b.st_ino && st_a.st_dev == st_b.st_dev;
}

/* The user namespace, and what was made in it and belongs to it: CLONE_NEW*. */
static int find_belonging(const struct hierarchy *h, const struct spec *spec, struct ns_set *pins,
			  unsigned int *ret_types)
{
	uint64_t ids[NS_COUNT] = {0};
	unsigned int types = CLONE_NEWUSER;
	int r;

	for (int t = 0; t < NS_COUNT; t++)
		if (spec->mode[t] == CONTAINER_NS_OWN && spec->pinned[t])
			ids[t] = spec_pin_id(spec, t);
	r = vault_open_pins(h->cradle, ids, pins);
	if (r < 0)
		return r;
	for (int t = 0; t < NS_COUNT; t++) {
		autoclose int owner = -EBADF;

		if (t == NS_USER || pins->fd[t] < 0)
			continue;
		owner = ioctl(pins->fd[t], NS_GET_USERNS);
		r = owner < 0 ? -errno : same_file(owner, pins->fd[NS_USER]);
		if (r < 0)
			return error_set(r, "find the owner of namespace", nstype_info(t)->name);
		if (r > 0)
			types |= (unsigned int)nstype_info(t)->clone_flag;
	}
	*ret_types = types;
	return 0;
}

/*
 * All that is new is made in the other places; the record says in one step that it is valid; what was
 * before goes.
 */
static int renew(const struct hierarchy *h, struct object *o, int which, const struct id_map *map)
{
	struct object next = *o;
	struct root_plan root = make_plan_view(&o->spec);
	struct ns_set pins;
	unsigned int types = 0;
	int r;

	ns_set_init(&pins);
	r = find_belonging(h, &o->spec, &pins, &types);
	for (int t = 0; t < NS_COUNT; t++)
		if (types & (unsigned int)nstype_info(t)->clone_flag)
			next.spec.second[t] = !o->spec.second[t];
	r = r ? r : copy_map(o, &next, !which);
	r = r ? r : write_map(&next, which, map);
	/* The hostname is kept. */
	r = r ? r : make_own(h, &next, types, &root, pins.fd[NS_UTS]);
	ns_set_close(&pins);
	if (types == 0)
		return r;
	r = change_commit(h, o, &next.spec, r);
	if (r == 0)
		maps_forget_others(o);
	return r;
}

static int check_which(int which)
{
	if (which != CONTAINER_UID_MAP && which != CONTAINER_GID_MAP)
		return error_set(-EINVAL, "neither the uid nor the gid map", NULL);
	return 0;
}

static int check_changeable(const struct hierarchy *h, const struct object *o)
{
	int r;

	if (o->spec.mode[NS_USER] != CONTAINER_NS_OWN)
		return error_set(-EPERM, "it has no own user namespace; set user=own first", NULL);
	r = change_check_no_tasks(h, o);
	r = r ? r : object_has_children(o->dir);
	/* Theirs, and those that they have with tasks to come, hang below the one it has. */
	return r > 0 ? error_set(-ENOTEMPTY, "it has nested containers", NULL) : r;
}

/* Whoever has it inside could link any container's keyring. */
static int leave_out_keys(struct id_map *map)
{
	id_map_remove_last(map);
	return map->count ? 0 : error_set(-EINVAL, "the last group is that of keyrings", "gid_map");
}

int maps_set(const struct hierarchy *h, struct object *o, int which, const char *text)
{
	struct id_map map;
	const char *why = id_map_parse(text, &map);
	int r = check_which(which);

	if (r == 0 && why)
		r = error_set(-EINVAL, why, maps_name(which));
	if (r == 0 && which == CONTAINER_GID_MAP)
		r = leave_out_keys(&map);
	r = r ? r : change_begin(h, o, "set id map");
	r = r ? r : check_changeable(h, o);
	if (r < 0)
		return r;
	if (o->spec.pinned[NS_USER])
		r = renew(h, o, which, &map);
	else
		r = write_map(o, which, &map);
	return r < 0 ? error_default(r, "set id map", NULL) : 0;
}

struct map_call {
	int user_ns; /* -EBADF: the caller's own */
	int proc;
	int which;
	char text[KERNEL_TEXT_SIZE];
};

static int read_agent(void *arg)
{
	struct map_call *c = arg;
	char path[32] = "self/";
	size_t len = strlen(path);
	ssize_t n;

	text_append(path, sizeof(path), &len, maps_name(c->which));
	if (c->user_ns >= 0 && setns(c->user_ns, CLONE_NEWUSER) < 0)
		return error_set(-errno, "join namespace", "user");
	n = kernel_read_file(c->proc, path, c->text, KERNEL_TEXT_SIZE);
	return n < 0 ? error_set((int)n, "read", maps_name(c->which)) : 0;
}

/* As a task in it reads it: empty, if nobody has written one yet. */
static int read_map_of(int user_ns, int which, char buf[ID_MAP_TEXT_SIZE])
{
	struct id_map map = {.count = 0};
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int own = proc < 0 ? -errno : openat(proc, "self/ns/user", O_RDONLY | O_CLOEXEC);
	autofree struct map_call *call = malloc(sizeof(*call));
	int r;

	if (proc < 0 || own < 0)
		return error_set(-errno, "open", "/proc");
	if (!call)
		return -ENOMEM;
	call->user_ns = user_ns;
	call->proc = proc;
	call->which = which;
	/* The own one cannot be joined. */
	r = same_file(own, user_ns);
	if (r > 0)
		call->user_ns = -EBADF;
	r = r < 0 ? r : agent_run_apart(-1, read_agent, call, sizeof(*call));
	if (r == 0 && call->text[0] && id_map_parse(call->text, &map))
		return error_set(-EIO, "read an id map", maps_name(which));
	r = r ? r : id_map_format(&map, '\n', buf);
	if (r > 0) {
		buf[r++] = '\n';
		buf[r] = '\0';
	}
	return r;
}

int maps_get(const struct hierarchy *h, const struct object *o, int which, char *buf, size_t size)
{
	char text[ID_MAP_TEXT_SIZE];
	autoclose int user_ns = -EBADF;
	int r = check_which(which);

	if (r == 0 && o->spec.mode[NS_USER] == CONTAINER_NS_OWN) {
		r = maps_read(o, which, text);
	} else if (r == 0) {
		user_ns = join_open_one(h, o, NS_USER);
		r = user_ns < 0 ? user_ns : read_map_of(user_ns, which, text);
	}
	if (r < 0)
		return r;
	if ((size_t)r >= size)
		return error_set(-ERANGE, "no room for the id map", NULL);
	memcpy(buf, text, (size_t)r + 1);
	return r;
}
