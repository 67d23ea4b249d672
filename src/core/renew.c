/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "renew.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change.h"
#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "kernel.h"
#include "make.h"
#include "reach.h"
#include "vault.h"

/* --- who else has what it owns --- */

struct search {
	const struct hierarchy *h;
	const struct object *o;
	struct ns_set own; /* its pins, opened */
	char found[NAME_SIZE + 64];
};

static bool is_same(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

static void note(struct search *s, const char *type, const char *name)
{
	size_t len = strlen(s->found);

	text_append(s->found, sizeof(s->found), &len, len ? ", " : "");
	text_append(s->found, sizeof(s->found), &len, type);
	text_append(s->found, sizeof(s->found), &len, " of ");
	text_append(s->found, sizeof(s->found), &len, name);
}

static int look_at(struct search *s, const struct spec *spec, const char *name)
{
	uint64_t ids[NS_COUNT] = {0};
	struct ns_set set;
	bool any = false;
	int r;

	for (int t = 0; t < NS_COUNT; t++) {
		if (spec->mode[t] != CONTAINER_NS_SHARE || !spec->pinned[t] || s->own.fd[t] < 0)
			continue;
		ids[t] = spec_pin_id(spec, t);
		any = true;
	}
	if (!any)
		return 0;
	ns_set_init(&set);
	r = vault_open_pins(s->h->cradle, ids, &set);
	for (int t = 0; r == 0 && t < NS_COUNT; t++)
		if (is_same(set.fd[t], s->own.fd[t]))
			note(s, nstype_info(t)->name, name);
	ns_set_close(&set);
	/* It has just been removed. */
	return r == -ENOENT ? 0 : r;
}

/* 1; 0: it has just been removed, or its record is damaged. What cannot be looked at is not taken for absent. */
static int open_child(int dir, const char *name, int *ret_child, struct spec *ret_spec)
{
	autoclose int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = child < 0 ? -errno : object_load(child, ret_spec);

	if (r == -EUCLEAN || object_lacks_record(r)) {
		error_clear();
		return 0;
	}
	if (r < 0)
		return error_set(r, "look at a container", name);
	*ret_child = take_fd(&child);
	return 1;
}

/* All containers are looked at: whose a shared namespace is, no record tells. */
static int search_below(struct search *s, int dir)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = dir_open(dir, ".", &children);

	while (r == 0 && (name = dir_next_subdir(children, &r))) {
		autoclose int child = -EBADF;
		struct spec spec = {0};

		r = open_child(dir, name, &child, &spec);
		if (r <= 0)
			continue;
		r = look_at(s, &spec, name);
		if (r == 0 && spec.nested)
			r = search_below(s, child);
	}
	return r == -ENOENT ? 0 : r;
}

static int check_shared(const struct hierarchy *h, const struct object *o)
{
	struct search s = {.h = h, .o = o};
	autoclose int root = hierarchy_open_root(h);
	uint64_t ids[NS_COUNT] = {0};
	int r = root < 0 ? root : 0;

	ns_set_init(&s.own);
	for (int t = 0; t < NS_COUNT; t++)
		if (o->spec.mode[t] == CONTAINER_NS_OWN && o->spec.pinned[t])
			ids[t] = spec_pin_id(&o->spec, t);
	r = r ? r : vault_open_pins(h->cradle, ids, &s.own);
	r = r ? r : search_below(&s, root);
	ns_set_close(&s.own);
	if (r == 0 && s.found[0])
		return error_set(-EBUSY, "others share what would be made anew", s.found);
	return r;
}

/* --- what is nested in it --- */

static int check_nested(int dir)
{
	autodir DIR *children = NULL;
	const char *name;
	int r = dir_open(dir, ".", &children);

	while (r == 0 && (name = dir_next_subdir(children, &r))) {
		autoclose int child = -EBADF;
		struct spec spec = {0};

		r = open_child(dir, name, &child, &spec);
		if (r <= 0)
			continue;
		for (int t = 0; t < NS_COUNT; t++)
			if (spec.pinned[t] && (spec.mode[t] == CONTAINER_NS_OWN || t == NS_USER))
				return error_set(
					-ENOTEMPTY,
					"a nested container has namespaces below its user namespace",
					name);
		r = check_nested(child);
	}
	return r;
}

int renew_check(const struct hierarchy *h, const struct object *o)
{
	int r = object_has_children(o->dir);

	if (r > 0)
		r = check_nested(o->dir);
	return r ? r : spec_has_pins(&o->spec) ? check_shared(h, o) : 0;
}

/* --- made anew --- */

/* One that was given is opened where it was given from, if it still is the one that is in use. */
static int find_root(const struct hierarchy *h, const struct object *o, struct root_plan *root)
{
	autoclose int present = -EBADF;
	char path[PATH_SIZE];
	struct stat a, b;

	if (o->spec.mode[NS_MOUNT] != CONTAINER_NS_OWN || o->spec.empty_root ||
	    kernel_readlink(o->dir, OBJECT_ROOT, path, sizeof(path)) < 0 || path[0] != '/')
		return 0;
	present = reach_top(h, o);
	if (present < 0)
		return present;
	root->given = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->given < 0 || fstat(root->given, &a) < 0 || fstat(present, &b) < 0 ||
	    a.st_ino != b.st_ino || a.st_dev != b.st_dev) {
		close_fd(&root->given);
		return error_set(-ESTALE, "its root is not there any more; set another one first",
				 path);
	}
	root->kind = ROOT_GIVEN;
	/* As all who give "/" give it: else it would lack most of what is there. */
	root->recursive = strcmp(path, "/") == 0;
	return 0;
}

int renew_commit(const struct hierarchy *h, struct object *o, struct object *next, int r)
{
	struct root_plan root = make_plan_view(&next->spec);
	autoclose int uts = -EBADF;
	unsigned int types = 0;

	for (int t = 0; t < NS_COUNT; t++) {
		if (next->spec.mode[t] != CONTAINER_NS_OWN || !next->spec.pinned[t])
			continue;
		types |= (unsigned int)nstype_info(t)->clone_flag;
		next->spec.second[t] = o->spec.pinned[t] && !o->spec.second[t];
	}
	if (r == 0 && (types & CLONE_NEWNS))
		r = find_root(h, o, &root);
	if (r == 0 && (types & CLONE_NEWUTS) && o->spec.mode[NS_UTS] == CONTAINER_NS_OWN &&
	    o->spec.pinned[NS_UTS]) {
		uts = vault_open_pin(h->cradle, spec_pin_id(&o->spec, NS_UTS), NS_UTS);
		r = uts < 0 ? uts : 0;
	}
	if (r == 0 && types)
		r = make_own(h, next, types, &root, uts);
	close_fd(&root.given);
	return change_commit(h, o, &next->spec, r);
}
