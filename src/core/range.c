/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "range.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "idmap.h"
#include "join.h"
#include "kernel.h"
#include "make.h"
#include "maps.h"
#include "record.h"
#include "taken.h"
#include "text.h"
#include "userns.h"

#define DIR_NAME "ids"
#define RECORD_SIZE 80
#define ENTRY_SIZE 64
#define SLOT 65536u
/* Above what useradd(8) and systemd hand out, and below what stands for "none" in 32 and 16 bits. */
#define FIRST 2147483648u
#define SLOTS 32767u

static const char *const links[2] = {"@ids", "@ids.2"};

/* --- the record: "host", "map", or "auto COUNT UID GID N WHOLE" --- */

static const char *const words[] = {
	[RANGE_HOST] = "host", [RANGE_MAP] = "map", [RANGE_AUTO] = "auto"};

static int parse(const char *text, struct range *ret_range)
{
	const char *s = text + strlen(words[RANGE_AUTO]);
	uint32_t value[5];

	for (enum range_kind kind = RANGE_HOST; kind < RANGE_AUTO; kind++) {
		if (strcmp(text, words[kind]) != 0)
			continue;
		*ret_range = (struct range){.kind = kind};
		return 0;
	}
	if (strncmp(text, words[RANGE_AUTO], strlen(words[RANGE_AUTO])) != 0)
		return -EUCLEAN;
	for (size_t i = 0; i < ARRAY_SIZE(value); i++) {
		uint64_t number;
		int used = *s == ' ' ? text_parse_u64(s + 1, ID_MAP_LAST, &number) : -EINVAL;

		if (used < 0)
			return -EUCLEAN;
		value[i] = (uint32_t)number;
		s += 1 + used;
	}
	if (*s || value[0] == 0)
		return -EUCLEAN;
	*ret_range = (struct range){RANGE_AUTO, value[0], {value[1], value[2]}, value[3], value[4]};
	return 0;
}

int range_check(const char *text)
{
	struct range range;

	return parse(text, &range);
}

int range_load(const struct object *o, bool second, struct range *ret_range)
{
	char text[RECORD_SIZE];
	ssize_t n = record_read(o->dir, links[second], text, sizeof(text));

	if (n == -ENOENT) {
		*ret_range = (struct range){.kind = RANGE_NONE};
		return 0;
	}
	if (n < 0)
		return (int)n;
	return parse(text, ret_range) < 0 ? record_damaged(o->dir, links[second]) : 0;
}

static int record_range(const struct object *o, const struct range *ids)
{
	char text[RECORD_SIZE];

	snprintf(text, sizeof(text), "auto %u %u %u %u %u", ids->count, ids->id[0], ids->id[1],
		 ids->slot, ids->whole);
	return record_write(o->dir, links[o->spec.second[NS_USER]], text);
}

int range_set(const struct object *o, enum range_kind kind)
{
	return record_write(o->dir, links[o->spec.second[NS_USER]], words[kind]);
}

int range_copy(const struct object *from, const struct object *to)
{
	char text[RECORD_SIZE];
	ssize_t n = record_read(from->dir, links[from->spec.second[NS_USER]], text, sizeof(text));

	return n < 0 ? (int)n : record_write(to->dir, links[to->spec.second[NS_USER]], text);
}

int range_exchange(const struct object *o)
{
	return kernel_exchange(o->dir, links[0], links[1]);
}

/* --- directories of STATE/ids --- */

static uint32_t slots_of(uint32_t count)
{
	return (count - 1) / SLOT + 1;
}

/* "ids/N" or, of a container that is about to take one, "ids/@ID"; id 0: not its entry in there. */
static void slot_path(const char *name, uint64_t id, char path[ENTRY_SIZE])
{
	size_t len = strlen(DIR_NAME "/");

	memcpy(path, DIR_NAME "/", len + 1);
	text_append(path, ENTRY_SIZE, &len, name);
	if (id) {
		text_append(path, ENTRY_SIZE, &len, "/");
		text_format_id(id, path + len);
	}
}

static void waiting_name(uint64_t id, char name[ID_TEXT_SIZE + 1])
{
	name[0] = '@';
	text_format_id(id, name + 1);
}

static int leave(const struct hierarchy *h, const char *name, uint64_t id)
{
	char path[ENTRY_SIZE];

	slot_path(name, id, path);
	if (unlinkat(h->dir, path, 0) < 0 && errno != ENOENT)
		return -errno;
	slot_path(name, 0, path);
	if (unlinkat(h->dir, path, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

static int leave_slots(const struct hierarchy *h, const struct range *ids, uint64_t id)
{
	char name[ID_TEXT_SIZE + 1];
	int r;

	waiting_name(id, name);
	r = leave(h, name, id);
	for (uint32_t i = 0; r == 0 && i < slots_of(ids->count); i++) {
		char number[21];

		text_format_u64(ids->slot + i * SLOT, number);
		r = leave(h, number, id);
	}
	return r;
}

static int enter(const struct hierarchy *h, const char *name, uint64_t id)
{
	char path[ENTRY_SIZE];

	slot_path(name, id, path);
	return symlinkat("used", h->dir, path) < 0 && errno != EEXIST ? -errno : 0;
}

/*
 * In one step, so that nobody takes a directory for an empty one whose entry is yet to come: a rename takes the
 * place of none, or of one that is empty. -EEXIST: it is another container's.
 */
static int take_slot(const struct hierarchy *h, uint32_t slot, uint64_t id)
{
	char name[ID_TEXT_SIZE + 1], number[21], from[ENTRY_SIZE], to[ENTRY_SIZE];
	int r;

	waiting_name(id, name);
	text_format_u64(slot, number);
	slot_path(name, 0, from);
	slot_path(number, 0, to);
	if (mkdirat(h->dir, from, 0700) < 0) {
		if (errno == ENOENT && mkdirat(h->dir, DIR_NAME, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (mkdirat(h->dir, from, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	r = enter(h, name, id);
	if (r == 0 && renameat(h->dir, from, h->dir, to) < 0)
		r = errno == ENOTEMPTY ? -EEXIST : -errno;
	return r;
}

/* All or none. */
static int take_slots(const struct hierarchy *h, const struct object *o, const struct range *ids)
{
	int r = record_range(o, ids);

	for (uint32_t i = 0; r == 0 && i < slots_of(ids->count); i++)
		r = take_slot(h, ids->slot + i * SLOT, o->spec.id);
	if (r < 0)
		leave_slots(h, ids, o->spec.id);
	return r;
}

/* --- what there is to take from --- */

struct source {
	struct id_map map[2]; /* of the parent's user namespace */
	bool is_top;	      /* that is the hierarchy's own: what it counts nobody translates */
	int user_ns;	      /* else; borrowed */
	uint32_t slots;	      /* of its ids; 0: not one whole */
};

static bool has_inside(const struct id_map *map, uint32_t id, uint32_t count)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_range *r = &map->range[i];

		if (id >= r->inside && id - r->inside <= r->count &&
		    r->count - (id - r->inside) >= count)
			return true;
	}
	return false;
}

/* Where the parent's user id is as the hierarchy counts. */
static int translate(const struct source *s, uint32_t id, uint32_t *ret_id)
{
	struct userns_maps maps;
	struct id_map map;
	int r;

	*ret_id = id;
	if (s->is_top)
		return 0;
	r = userns_read_maps(s->user_ns, &maps);
	if (r < 0)
		return r;
	if (id_map_parse(maps.text[CONTAINER_UID_MAP], &map) ||
	    !id_map_to_outside(&map, id, ret_id))
		return error_set(-EPERM, "the parent container has lost its ids", NULL);
	return 0;
}

/* The containers: lines of both files, if there are any; else all that are above everybody's. */
static int find_slots(const struct source *s, struct taken *taken, uint32_t first[2],
		      uint32_t *ret_slots)
{
	struct taken_line lines[2];
	int r = taken_read_subids(taken, lines);

	first[0] = first[1] = FIRST;
	*ret_slots = SLOTS;
	if (r == 0 && s->is_top && lines[0].count >= SLOT && lines[1].count >= SLOT) {
		for (int i = 0; i < 2; i++) {
			first[i] = lines[i].first;
			if (lines[i].count / SLOT < *ret_slots || i == 0)
				*ret_slots = lines[i].count / SLOT;
		}
	}
	for (int i = 0; i < 2; i++)
		if (!has_inside(&s->map[i], first[i], *ret_slots * SLOT))
			*ret_slots = 0;
	return r;
}

/*
 * To look at what runs takes longer than all else. So a block of slots is looked at at once, and told to those who
 * come next, in the link ids/@seen: "FIRST AT COUNT MS", of COUNT slots from AT on none was in use then.
 */
#define SEEN DIR_NAME "/@seen"
#define SEEN_SLOTS 64
#define SEEN_MS 10000

static bool seen_load(const struct hierarchy *h, uint32_t first, uint64_t value[4])
{
	char text[RECORD_SIZE];
	const char *s = text;

	if (kernel_readlink(h->dir, SEEN, text, sizeof(text)) < 0)
		return false;
	for (int i = 0; i < 4; i++) {
		int used = text_parse_u64(s, INT64_MAX, &value[i]);

		if (used < 0)
			return false;
		s += used + (s[used] == ' ');
	}
	return value[0] == first && value[2] > 0 && (uint64_t)kernel_now_ms() >= value[3] &&
	       (uint64_t)kernel_now_ms() - value[3] < SEEN_MS;
}

static void seen_store(const struct hierarchy *h, const uint64_t value[4])
{
	char text[RECORD_SIZE];

	snprintf(text, sizeof(text), "%llu %llu %llu %llu", (unsigned long long)value[0],
		 (unsigned long long)value[1], (unsigned long long)value[2],
		 (unsigned long long)value[3]);
	kernel_replace_link(h->dir, SEEN, text);
}

static bool is_taken(const struct taken *t, const struct range *ids)
{
	uint64_t count = (uint64_t)slots_of(ids->count) * SLOT;

	return taken_has(t, 0, ids->slot, count) || taken_has(t, 1, ids->id[1], count);
}

/* The ids of slots from at on; -EEXIST: they are taken, by a line or what runs as far as that is known. */
static int place_at(const struct source *s, const struct taken *t, const uint32_t first[2],
		    uint32_t at, struct range *ids)
{
	int r;

	ids->id[0] = first[0] + at * SLOT;
	ids->id[1] = first[1] + at * SLOT;
	r = translate(s, ids->id[0], &ids->slot);
	return r == 0 && is_taken(t, ids) ? -EEXIST : r;
}

/* Among those that have been seen to be free a moment ago. -EEXIST: there are none. */
static int take_seen(const struct hierarchy *h, const struct object *o, const struct source *s,
		     const struct taken *taken, const uint32_t first[2], struct range *ids)
{
	uint64_t seen[4];
	uint32_t n = slots_of(ids->count);
	int r = -EEXIST;

	if (!seen_load(h, first[0], seen))
		return r;
	while (r == -EEXIST && seen[2] >= n) {
		r = place_at(s, taken, first, (uint32_t)seen[1], ids);
		r = r ? r : take_slots(h, o, ids);
		/* A range is not given to the next who comes: something of it may be found on a disk. */
		seen[1] += r ? 1 : n;
		seen[2] -= r ? 1 : n;
	}
	seen_store(h, seen);
	return r;
}

/* Begun at a place that nobody can foretell, and all round. */
static int take_whole_slots(const struct hierarchy *h, const struct object *o,
			    const struct source *s, struct taken *taken, const uint32_t first[2],
			    struct range *ids)
{
	const uint32_t slots = s->slots;
	uint32_t n = slots_of(ids->count), at = (uint32_t)(o->spec.id % slots), free = 0;
	int r = take_seen(h, o, s, taken, first, ids);

	if (r != -EEXIST)
		return r;
	r = taken_read_running(taken);
	for (uint32_t tried = 0; r == 0 && tried < slots; tried++, at = (at + 1) % slots) {
		if (at + n > slots)
			continue;
		r = place_at(s, taken, first, at, ids);
		r = r ? r : take_slots(h, o, ids);
		if (r == 0)
			break;
		r = r == -EEXIST ? 0 : r;
		free++;
	}
	if (r < 0 || free >= slots)
		return r ? r : -EEXIST;
	/* What follows it is for those who come next. */
	for (free = 0; free < SEEN_SLOTS && at + n + free < slots; free++) {
		struct range next = {.count = SLOT};

		if (place_at(s, taken, first, at + n + free, &next) < 0)
			break;
	}
	seen_store(h, (uint64_t[4]){first[0], at + n, free, (uint64_t)kernel_now_ms()});
	return 0;
}

static const struct id_range *largest(const struct id_map *map)
{
	const struct id_range *found = &map->range[0];

	for (size_t i = 1; i < map->count; i++)
		if (map->range[i].count > found->count)
			found = &map->range[i];
	return found;
}

/*
 * The upper half of what is left, or as many as are asked for from the lowest of it: what is left when the
 * first has its half, the second its quarter, and so on; a part that was given back is given again. A part
 * is no longer than a slot, and so has one name.
 */
static int take_half(const struct hierarchy *h, const struct object *o, const struct source *s,
		     struct range *ids)
{
	const struct id_range *range[2] = {largest(&s->map[0]), largest(&s->map[1])};
	uint32_t left = range[0]->count < range[1]->count ? range[0]->count : range[1]->count;
	uint32_t wanted = ids->whole;
	int r = -EEXIST;

	while (r == -EEXIST && left > 1) {
		uint32_t half = left / 2;

		left -= half;
		if (wanted > half)
			break;
		ids->count = wanted ? wanted : half < RANGE_DEFAULT ? half : RANGE_DEFAULT;
		for (int i = 0; i < 2; i++)
			ids->id[i] = range[i]->inside + left;
		r = translate(s, ids->id[0], &ids->slot);
		r = r ? r : take_slots(h, o, ids);
	}
	return r;
}

static int source_open(const struct hierarchy *h, const struct object *o, struct source *s)
{
	autoobject struct object parent = {.dir = -EBADF, .spec = {0}};
	int r = join_open_parent(o, &parent);

	s->user_ns = -EBADF;
	s->is_top = object_is_root(&parent);
	for (int which = 0; r == 0 && which < 2; which++) {
		char text[ID_MAP_TEXT_SIZE];

		r = maps_get(h, &parent, which, text, sizeof(text));
		if (r > 0)
			r = id_map_parse(text, &s->map[which]) ? -EUCLEAN : 0;
		if (r == 0 && s->map[which].count == 0)
			r = -EUCLEAN;
	}
	if (r == 0 && !s->is_top) {
		r = make_open_user(h, o, true, &s->user_ns);
		s->is_top = s->user_ns < 0;
	}
	return r;
}

static int take_error(int r, const struct range *ids)
{
	const char *step =
		"there are not as many ids in the parent container; say ids=host, or which";

	if (r != -EEXIST)
		return error_default(r, "take a range of ids", NULL);
	if (ids->whole == 0)
		step = "no ids are left in the parent container; say ids=host, or which";
	return error_set(-ENOSPC, step, NULL);
}

int range_take(const struct hierarchy *h, const struct object *o, uint32_t whole)
{
	autotaken struct taken taken = {.count = {0}};
	struct range ids = {
		.kind = RANGE_AUTO, .whole = whole, .count = whole ? whole : RANGE_DEFAULT};
	autofree struct source *s = calloc(1, sizeof(*s));
	uint32_t first[2];
	int r = s ? source_open(h, o, s) : -ENOMEM;

	r = r ? r : find_slots(s, &taken, first, &s->slots);
	if (r == 0 && s->slots)
		r = take_whole_slots(h, o, s, &taken, first, &ids);
	else if (r == 0)
		r = take_half(h, o, s, &ids);
	if (s)
		close_fd(&s->user_ns);
	return r < 0 ? take_error(r, &ids) : 0;
}

int range_drop(const struct hierarchy *h, const struct object *o, bool second)
{
	struct range ids, other;
	int r = range_load(o, second, &ids);

	/* Of a damaged one it is not known what it was; a sweep of all entries finds it. */
	if (r == -EUCLEAN)
		range_forget(h, o->spec.id);
	else if (r < 0)
		return r;
	if (r == 0 && ids.kind == RANGE_AUTO &&
	    (range_load(o, !second, &other) < 0 || other.kind != RANGE_AUTO ||
	     other.slot != ids.slot))
		r = leave_slots(h, &ids, o->spec.id);
	if (r < 0 && r != -EUCLEAN)
		return r;
	if (unlinkat(o->dir, links[second], 0) == 0 || errno == ENOENT)
		return 0;
	/* Not a record of ours, which whoever wants to write one there is told. */
	return errno == EISDIR ? 0 : -errno;
}

bool range_is_told(const struct hierarchy *h, const struct object *o)
{
	char path[ENTRY_SIZE], number[21];
	struct range range = {0};
	struct stat st;

	if (range_load(o, o->spec.second[NS_USER], &range) < 0 || range.kind == RANGE_NONE)
		return false;
	text_format_u64(range.slot, number);
	slot_path(number, o->spec.id, path);
	return range.kind != RANGE_AUTO || fstatat(h->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- namespaces that are shared --- */

/* An entry for each slot that the user namespace has ids of. One that is nobody's range has none. */
static int refer_to(const struct hierarchy *h, uint64_t id, int user_ns)
{
	struct userns_maps maps;
	struct id_map map;
	int r = userns_read_maps(user_ns, &maps);

	if (r < 0 || id_map_parse(maps.text[CONTAINER_UID_MAP], &map))
		return r;
	for (size_t i = 0; r == 0 && i < map.count; i++) {
		const struct id_range *range = &map.range[i];

		/* All ids: no range of its own. */
		for (uint64_t n = 0; range->count <= SLOTS * SLOT && n < range->count; n += SLOT) {
			char number[21];

			text_format_u64(range->outside + n, number);
			r = enter(h, number, id);
			r = r == -ENOENT ? 0 : r;
			if (r < 0)
				break;
		}
	}
	return r;
}

int range_refer(const struct hierarchy *h, uint64_t id, int ns)
{
	autoclose int user_ns = ioctl(ns, NS_GET_USERNS);
	int r = 0;

	/* -EPERM: not one below the caller's own. */
	while (r == 0 && user_ns >= 0 && !make_is_own_user(user_ns)) {
		int above = ioctl(user_ns, NS_GET_PARENT);

		r = refer_to(h, id, user_ns);
		close_fd(&user_ns);
		user_ns = above;
	}
	return r < 0 ? error_default(r, "share in a range of ids", NULL) : 0;
}

void range_forget(const struct hierarchy *h, uint64_t id)
{
	autodir DIR *slots = NULL;
	const char *name;
	int r = dir_open(h->dir, DIR_NAME, &slots);

	while (slots && (name = dir_next_subdir(slots, &r)))
		leave(h, name, id);
}
