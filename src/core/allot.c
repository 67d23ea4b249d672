/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "limit.h"
#include "lock.h"
#include "record.h"
#include "text.h"

enum allot_kind { ALLOT_NESTED, ALLOT_DEPTH, ALLOT_NETWORKS, ALLOT_VIEW, ALLOT_KINDS };

static const struct {
	const char *file;
	uint64_t usual;
	const char *used_up;
} kinds[ALLOT_KINDS] = {
	[ALLOT_NESTED] = {"containers.nested", 64,
			  "no more nested containers are allotted to it (containers.nested)"},
	[ALLOT_DEPTH] = {"containers.depth", 8,
			 "containers may not be nested deeper in it (containers.depth)"},
	[ALLOT_NETWORKS] = {"containers.networks", 16,
			    "no more own networks are allotted to it (containers.networks)"},
	[ALLOT_VIEW] = {"containers.view", 64 << 20, NULL},
};

struct allotment {
	uint64_t value[ALLOT_KINDS]; /* UINT64_MAX: no limit */
};

static int kind_of(const char *file)
{
	for (int k = 0; k < ALLOT_KINDS; k++)
		if (strcmp(file, kinds[k].file) == 0)
			return k;
	return -ENOENT;
}

bool allot_is(const char *file)
{
	return strncmp(file, "containers.", strlen("containers.")) == 0;
}

static int parse(const char *value, uint64_t *ret_value)
{
	if (strcmp(value, "max") == 0) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	return text_parse_whole_u64(value, INT64_MAX, ret_value) < 0 ? -EINVAL : 0;
}

int allot_check(const char *file, const char *value)
{
	uint64_t number;

	if (kind_of(file) < 0)
		return error_set(
			-EINVAL,
			"no such limit; there are containers.nested, .depth, .networks and .view",
			file);
	if (strcmp(value, "default") == 0)
		return 0;
	if (parse(value, &number) < 0)
		return error_set(-EINVAL, "not a number, \"max\" or \"default\"", value);
	/* tmpfs takes 0 for no limit. */
	if (kind_of(file) == ALLOT_VIEW && number < 4096)
		return error_set(-EINVAL, "less than a page", value);
	return 0;
}

/* Somebody makes containers in it without being root. A damaged record trusts nobody. */
static bool is_owned(const struct object *o)
{
	struct container_access access;

	if (o->spec.mode[NS_USER] == CONTAINER_NS_OWN || access_load(o->dir, &access) < 0)
		return true;
	return access.uid != 0 || (access.mode & 022);
}

/* usual: what is not set is not without a limit. Never a part of visit(), which would have its texts at each level. */
static __attribute__((noinline)) int load(const struct object *o, bool usual,
					  struct allotment *ret_a)
{
	char list[LIMIT_LIST_SIZE], value[LIMIT_LIST_SIZE];
	int r = limit_load(o, list);

	for (int k = 0; r == 0 && k < ALLOT_KINDS; k++) {
		int len = limit_list_get(list, kinds[k].file, value, sizeof(value));

		ret_a->value[k] = usual ? kinds[k].usual : UINT64_MAX;
		if (len <= 0)
			continue;
		value[len - 1] = '\0';
		if (parse(value, &ret_a->value[k]) < 0)
			r = record_damaged(o->dir, OBJECT_LIMITS);
	}
	return r;
}

/* Of the outermost that counts on, what is done with each: from there down to o. */
typedef int allot_visit(const struct hierarchy *h, const struct object *o,
			const struct allotment *a, void *arg);

static int visit(const struct hierarchy *h, const struct object *o, allot_visit *fn, void *arg,
		 bool *ret_inside);

/* A level takes little of the stack, whose size is the caller's affair: an object has a path in it. */
static int visit_above(const struct hierarchy *h, const struct object *o, allot_visit *fn,
		       void *arg, bool *ret_inside)
{
	autofree struct object *parent = malloc(sizeof(*parent));
	int r = parent ? object_open_parent(o, parent) : -ENOMEM;

	if (r < 0)
		return r;
	r = visit(h, parent, fn, arg, ret_inside);
	object_close(parent);
	return r;
}

/* ret_inside: whether it, or one above it, is somebody's. */
static int visit(const struct hierarchy *h, const struct object *o, allot_visit *fn, void *arg,
		 bool *ret_inside)
{
	struct allotment a;
	bool inside = false, owned;
	int r = 0;

	*ret_inside = false;
	if (object_is_root(o))
		return 0;
	if (object_has_parent(o))
		r = visit_above(h, o, fn, arg, &inside);
	if (r < 0)
		return r;
	owned = !inside && is_owned(o);
	r = load(o, owned, &a);
	if (r < 0)
		return r;
	*ret_inside = inside || owned;
	return fn(h, o, &a, arg);
}

/* --- counting --- */

struct counts {
	uint64_t nested, networks;
};

static int count(int dir, struct counts *c)
{
	autodir DIR *list = NULL;
	const char *name;
	int r = dir_open(dir, ".", &list);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while ((name = dir_next_subdir(list, &r))) {
		autoclose int nested =
			openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		struct spec spec = {0};

		if (nested < 0 && errno != ENOENT)
			return -errno;
		/* One that is damaged counts, as it can be damaged on purpose by nobody; one that is removed does not. */
		if (nested < 0 || object_load(nested, &spec) == -ENOENT)
			continue;
		c->nested++;
		c->networks += spec.mode[NS_NETWORK] == CONTAINER_NS_OWN;
		r = count(nested, c);
		if (r < 0)
			return r;
	}
	return r;
}

static uint64_t depth_of(const struct object *o)
{
	return strlen(o->spec.cgroup) / ID_TEXT_SIZE;
}

struct asked {
	const struct allot_wish *wish;
	uint64_t depth; /* of what is made */
};

static int used_up(const struct object *o, enum allot_kind kind)
{
	char name[NAME_SIZE];

	return error_set(-EDQUOT, kinds[kind].used_up, object_name(o->dir, name) < 0 ? NULL : name);
}

/* The lock of a number next to the id: ids are random, no other container has it. */
static int ask(const struct hierarchy *h, const struct object *o, const struct allotment *a,
	       void *arg)
{
	const struct asked *asked = arg;
	const struct allot_wish *wish = asked->wish;
	struct counts c = {.networks = o->spec.mode[NS_NETWORK] == CONTAINER_NS_OWN};
	int r;

	if (wish->nested && asked->depth - depth_of(o) > a->value[ALLOT_DEPTH])
		return used_up(o, ALLOT_DEPTH);
	if ((!wish->nested || a->value[ALLOT_NESTED] == UINT64_MAX) &&
	    (!wish->network || a->value[ALLOT_NETWORKS] == UINT64_MAX))
		return 0;
	r = lock_take(h->lock, o->spec.id ^ 1, LOCK_EXCLUSIVE);
	r = r ? r : count(o->dir, &c);
	if (r < 0)
		return error_set(r, "count what is nested", NULL);
	if (wish->nested && c.nested >= a->value[ALLOT_NESTED])
		return used_up(o, ALLOT_NESTED);
	if (wish->network && c.networks >= a->value[ALLOT_NETWORKS])
		return used_up(o, ALLOT_NETWORKS);
	return 0;
}

int allot_ask(const struct hierarchy *h, const struct object *o, const struct allot_wish *wish)
{
	struct asked asked = {.wish = wish, .depth = depth_of(o) + wish->nested};
	bool inside;

	return visit(h, o, ask, &asked, &inside);
}

static int take_least(const struct hierarchy *h, const struct object *o, const struct allotment *a,
		      void *arg)
{
	uint64_t *least = arg;

	(void)h;
	(void)o;
	if (a->value[ALLOT_VIEW] < *least)
		*least = a->value[ALLOT_VIEW];
	return 0;
}

int allot_view_size(const struct hierarchy *h, const struct object *o, char size[21])
{
	uint64_t least = UINT64_MAX;
	bool inside;
	int r = visit(h, o, take_least, &least, &inside);

	size[0] = '\0';
	if (r == 0 && least != UINT64_MAX)
		text_format_u64(least, size);
	return r < 0 ? error_default(r, "look for limits of the containers above", NULL) : 0;
}

/* The last one to be visited is the container itself. */
static int take_last(const struct hierarchy *h, const struct object *o, const struct allotment *a,
		     void *arg)
{
	(void)h;
	(void)o;
	*(struct allotment *)arg = *a;
	return 0;
}

/* What holds by what the container itself is and has. */
static int load_own(const struct hierarchy *h, const struct object *o, struct allotment *ret_a)
{
	bool inside;

	*ret_a = (struct allotment){.value = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	return visit(h, o, take_last, ret_a, &inside);
}

int allot_get(const struct hierarchy *h, const struct object *o, const char *file, char *buf,
	      size_t size)
{
	int kind = kind_of(file), r = 0;
	struct allotment a;
	char number[21];
	size_t len = 0;

	r = kind < 0 ? 0 : load_own(h, o, &a);
	if (r < 0 || kind < 0 || a.value[kind] == UINT64_MAX)
		return r;
	if (size == 0)
		return -ERANGE;
	text_format_u64(a.value[kind], number);
	buf[0] = '\0';
	r = text_append(buf, size, &len, number);
	r = r ? r : text_append(buf, size, &len, "\n");
	return r < 0 ? -ERANGE : (int)len;
}

int allot_list(const struct hierarchy *h, const struct object *o, char list[LIMIT_LIST_SIZE])
{
	struct allotment a;
	char number[22], set[LIMIT_LIST_SIZE];
	int r = load_own(h, o, &a);

	for (int k = 0; r == 0 && k < ALLOT_KINDS; k++) {
		if (a.value[k] == UINT64_MAX ||
		    limit_list_get(list, kinds[k].file, set, sizeof(set)) > 0)
			continue;
		text_format_u64(a.value[k], number);
		r = limit_list_put(list, kinds[k].file, number);
	}
	return r;
}
