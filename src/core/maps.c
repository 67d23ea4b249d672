/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "change.h"
#include "cleanup.h"
#include "error.h"
#include "join.h"
#include "kernel.h"
#include "make.h"
#include "range.h"
#include "record.h"
#include "renew.h"
#include "text.h"

#define MAPS 2
#define KERNEL_TEXT_SIZE 16384 /* 340 lines of three columns of 10 */

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

static int read_explicit(const struct object *o, int which, char buf[ID_MAP_TEXT_SIZE])
{
	const char *link = links[o->spec.second[NS_USER]][which];
	ssize_t n = record_read(o->dir, link, buf, ID_MAP_TEXT_SIZE - 1);

	if (n < 0)
		return (int)n;
	if (maps_check(buf) < 0)
		return record_damaged(o->dir, link);
	to_lines(buf);
	buf[n++] = '\n';
	buf[n] = '\0';
	return (int)n;
}

/* Length, or 0: all ids of the parent. Never those for want of a record: somebody may have relied on a range. */
static int read_text(const struct object *o, int which, char buf[ID_MAP_TEXT_SIZE])
{
	struct range ids;
	int r = read_explicit(o, which, buf);

	if (r != -ENOENT)
		return r;
	r = range_load(o, o->spec.second[NS_USER], &ids);
	if (r < 0 || ids.kind == RANGE_MAP || ids.kind == RANGE_NONE)
		return r < 0 ? r : -EUCLEAN;
	buf[0] = '\0';
	if (ids.kind == RANGE_HOST)
		return 0;
	return snprintf(buf, ID_MAP_TEXT_SIZE, "0 %u %u\n", ids.id[which], ids.count);
}

int maps_texts(const struct object *o, struct userns_maps *ret_maps)
{
	for (int which = 0; which < MAPS; which++) {
		int r = read_text(o, which, ret_maps->text[which]);

		if (r < 0)
			return error_set(r, "its record of ids is damaged; set ids", NULL);
	}
	return 0;
}

static int forget_place(const struct hierarchy *h, const struct object *o, bool second)
{
	int r = range_drop(h, o, second);

	for (int which = 0; r == 0 && which < MAPS; which++)
		unlinkat(o->dir, links[second][which], 0);
	return r;
}

int maps_forget(const struct hierarchy *h, const struct object *o)
{
	int r = forget_place(h, o, false);

	return r ? r : forget_place(h, o, true);
}

int maps_forget_others(const struct hierarchy *h, const struct object *o)
{
	return forget_place(h, o, !o->spec.second[NS_USER]);
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

int maps_begin(const struct hierarchy *h, const struct object *o)
{
	return range_take(h, o, 0);
}

int maps_move(const struct hierarchy *h, const struct object *from, const struct object *to)
{
	int r;

	/* Those of an earlier one; or left, if whoever made it inherit was killed. */
	if (from->spec.mode[NS_USER] != CONTAINER_NS_OWN) {
		r = maps_forget(h, from);
		return r < 0 ? error_set(r, "forget id maps", NULL) : maps_begin(h, to);
	}
	if (from->spec.second[NS_USER] == to->spec.second[NS_USER])
		return 0;
	r = maps_forget_others(h, from);
	r = r ? r : range_copy(from, to);
	for (int which = 0; r == 0 && which < MAPS; which++)
		r = copy_map(from, to, which);
	return r < 0 ? error_set(r, "record id map", NULL) : 0;
}

/* 1, 0; -errno. */
static int same_file(int a, int b)
{
	struct stat st_a, st_b;

	if (fstat(a, &st_a) < 0 || fstat(b, &st_b) < 0)
		return -errno;
	return st_a.st_ino == st_b.st_ino && st_a.st_dev == st_b.st_dev;
}

/* What it is to have is recorded for the place that next names; the namespaces are made, and it is so. */
static int renew(const struct hierarchy *h, struct object *o, struct object *next, int r)
{
	struct container_error error;
	int forgotten;

	r = renew_commit(h, o, next, r);
	error = *error_last();
	forgotten = maps_forget_others(h, o);
	if (r < 0)
		error_copy(&error);
	return r ? r : forgotten;
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

/* One that has no namespaces yet has its record in one place alone: then this is where next is, too. */
static int set_begin(const struct hierarchy *h, struct object *o, struct object *next)
{
	int r = change_begin(h, o, "set ids");

	r = r ? r : check_changeable(h, o);
	r = r ? r : renew_check(h, o);
	*next = *o;
	next->spec.second[NS_USER] = !o->spec.second[NS_USER];
	return r ? r : maps_forget_others(h, o);
}

/* Without namespaces nothing has to be made anew, and what is in the other place takes this one's. */
static int set_end(const struct hierarchy *h, struct object *o, struct object *next, int r)
{
	if (r == 0 && o->spec.pinned[NS_USER])
		return renew(h, o, next, 0);
	r = r ? r : range_exchange(o);
	/* It lacked a record, which is to be mended so. */
	if (r == -ENOENT)
		r = range_copy(next, o);
	for (int which = 0; r == 0 && which < MAPS; which++)
		r = copy_map(next, o, which);
	if (r < 0 || !o->spec.pinned[NS_USER])
		maps_forget_others(h, o);
	return r < 0 ? error_default(r, "set ids", NULL) : 0;
}

int maps_set(const struct hierarchy *h, struct object *o, int which, const char *text)
{
	struct object next = *o;
	struct id_map map;
	const char *why = id_map_parse(text, &map);
	int r = check_which(which);

	if (r == 0 && why)
		r = error_set(-EINVAL, why, maps_name(which));
	if (r == 0 && which == CONTAINER_GID_MAP)
		r = leave_out_keys(&map);
	r = r ? r : set_begin(h, o, &next);
	if (r < 0)
		return r;
	r = range_copy(o, &next);
	r = r ? r : copy_map(o, &next, !which);
	r = r ? r : write_map(&next, which, &map);
	return set_end(h, o, &next, r);
}

static int record_both(const struct object *next, struct id_map *map)
{
	int r = write_map(next, CONTAINER_UID_MAP, map);

	r = r ? r : leave_out_keys(map);
	r = r ? r : write_map(next, CONTAINER_GID_MAP, map);
	return r ? r : range_set(next, RANGE_MAP);
}

/* "auto", "auto:COUNT"; false: neither. */
static bool parse_auto(const char *text, uint32_t *ret_count)
{
	uint64_t count = 0;

	if (strncmp(text, "auto", strlen("auto")) != 0)
		return false;
	text += strlen("auto");
	if (*text &&
	    (*text != ':' || text_parse_whole_u64(text + 1, IDS_MOST, &count) < 0 || count == 0))
		return false;
	*ret_count = (uint32_t)count;
	return true;
}

int maps_set_ids(const struct hierarchy *h, struct object *o, const char *text)
{
	struct object next = *o;
	struct id_map map;
	uint32_t count = 0;
	bool is_auto = parse_auto(text, &count), is_host = strcmp(text, "host") == 0;
	const char *why = is_auto || is_host ? NULL : id_map_parse(text, &map);
	int r = 0;

	if (why && (text[0] < '0' || text[0] > '9'))
		why = "neither auto, auto:COUNT with 1 to 16777216 ids, host, nor an id map";
	if (why)
		r = error_set(-EINVAL, why, NULL);
	r = r ? r : set_begin(h, o, &next);
	if (r < 0)
		return r;
	if (is_auto)
		r = range_take(h, &next, count);
	else
		r = is_host ? range_set(&next, RANGE_HOST) : record_both(&next, &map);
	return set_end(h, o, &next, r);
}

int maps_get_ids(const struct object *o, char *buf, size_t size)
{
	char text[ID_MAP_TEXT_SIZE];
	struct range ids = {.kind = RANGE_NONE};
	bool is_given = false;
	int r = 0;

	if (o->spec.mode[NS_USER] != CONTAINER_NS_OWN)
		return error_set(-EPERM, "it has no own user namespace; set user=own first", NULL);
	for (int which = 0; which < MAPS; which++)
		is_given |= read_explicit(o, which, text) >= 0;
	r = range_load(o, o->spec.second[NS_USER], &ids);
	if (r < 0 || (ids.kind == RANGE_NONE && !is_given))
		return error_set(-EUCLEAN, "its record of ids is damaged; set ids", NULL);
	if (is_given || ids.kind == RANGE_MAP)
		r = snprintf(text, sizeof(text), "map");
	else if (ids.kind == RANGE_AUTO)
		r = snprintf(text, sizeof(text), ids.whole ? "auto:%u" : "auto", ids.whole);
	else
		r = snprintf(text, sizeof(text), "host");
	if ((size_t)r >= size)
		return error_set(-ERANGE, "no room for the ids", NULL);
	memcpy(buf, text, (size_t)r + 1);
	return r;
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

/* As a task in it reads it; of one whose ids are the parent's that is what the parent has. */
static int read_hosts(const struct hierarchy *h, const struct object *o, int which,
		      char buf[ID_MAP_TEXT_SIZE])
{
	autoobject struct object parent = {.dir = -EBADF};
	autofree struct id_map *map = malloc(sizeof(*map));
	int r = map ? join_open_parent(o, &parent) : -ENOMEM;

	r = r ? r : maps_get(h, &parent, which, buf, ID_MAP_TEXT_SIZE);
	if (r <= 0)
		return r;
	if (id_map_parse(buf, map))
		return error_set(-EIO, "read an id map", maps_name(which));
	id_map_make_identity(map);
	if (which == CONTAINER_GID_MAP)
		id_map_remove_last(map);
	r = id_map_format(map, '\n', buf);
	if (r > 0) {
		buf[r++] = '\n';
		buf[r] = '\0';
	}
	return r;
}

bool maps_are_recorded(const struct object *o)
{
	struct range ids;

	return o->spec.mode[NS_USER] == CONTAINER_NS_OWN &&
	       (!object_has_parent(o) ||
		(range_load(o, o->spec.second[NS_USER], &ids) == 0 && ids.kind != RANGE_HOST));
}

int maps_get(const struct hierarchy *h, const struct object *o, int which, char *buf, size_t size)
{
	char text[ID_MAP_TEXT_SIZE];
	autoclose int user_ns = -EBADF;
	int r = check_which(which);

	if (r == 0 && o->spec.mode[NS_USER] == CONTAINER_NS_OWN) {
		r = read_text(o, which, text);
		if (r == -EUCLEAN)
			error_set(r, "its record of ids is damaged; set ids", NULL);
		r = r ? r : read_hosts(h, o, which, text);
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

/* Whose user namespace it has, if that is a child of the init container: then its record tells of all. */
static int find_owner(const struct object *o, struct object *ret_owner)
{
	autoobject struct object owner = {.dir = -EBADF};
	const struct object *at = o;
	int r = 0;

	while (r == 0 && at->spec.mode[NS_USER] == CONTAINER_NS_INHERIT && object_has_parent(at)) {
		struct object above;

		r = object_open_parent(at, &above);
		if (r < 0)
			return r;
		object_close(&owner);
		owner = above;
		at = &owner;
	}
	if (at->spec.mode[NS_USER] != CONTAINER_NS_OWN || object_has_parent(at))
		return 0;
	*ret_owner = *at;
	ret_owner->dir = fcntl(at->dir, F_DUPFD_CLOEXEC, 3);
	return ret_owner->dir < 0 ? -errno : 1;
}

int maps_outside(const struct hierarchy *h, const struct object *o, int user_ns,
		 struct userns_maps *ret_maps)
{
	autoobject struct object owner = {.dir = -EBADF};
	int r = find_owner(o, &owner);

	if (r <= 0)
		return r < 0 ? r : userns_read_maps(user_ns, ret_maps);
	r = 0;
	for (int which = 0; r >= 0 && which < MAPS; which++)
		r = maps_get(h, &owner, which, ret_maps->text[which], ID_MAP_TEXT_SIZE);
	return r < 0 ? r : 0;
}

int maps_outside_of(const struct hierarchy *h, const struct object *o, int which, char *buf,
		    size_t size)
{
	autofree struct userns_maps *maps = malloc(sizeof(*maps));
	autoclose int user_ns = -EBADF;
	int r = maps ? check_which(which) : -ENOMEM;
	size_t len;

	r = r ? r : make_open_user(h, o, false, &user_ns);
	if (r == 0 && user_ns < 0)
		return maps_get(h, o, which, buf, size);
	r = r ? r : maps_outside(h, o, user_ns, maps);
	if (r < 0)
		return r;
	len = strlen(maps->text[which]);
	if (len >= size)
		return error_set(-ERANGE, "no room for the id map", NULL);
	memcpy(buf, maps->text[which], len + 1);
	return (int)len;
}
