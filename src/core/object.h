/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Container objects: directories named and nested as the containers are, below STATE/tree.
 *
 * What a container is stands in symbolic links in its directory (spec.h, init.h); its nested
 * containers are its subdirectories. A rename is one rename(2). A directory fd is the handle: it
 * stays good over renames of the object and of those above it.
 *
 * An object has its record from before it gets its name until it is taken apart, so whoever finds
 * none has found something that is being removed: -ENOENT.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "hierarchy.h"
#include "name.h"
#include "spec.h"
#include "text.h"

struct object {
	int dir;
	bool unnamed; /* in limbo, being made: its parent is not the directory above */
	int parent;   /* then: a borrowed fd of its parent to be */
	struct spec spec;
};

#define OBJECT_SPEC "@spec"
#define OBJECT_INIT "@init"
#define OBJECT_ROOT "@root"
#define OBJECT_KEYS "@keys"
#define OBJECT_STOP "@stop"
#define OBJECT_LIMITS "@limits"
#define OBJECT_ENDED "@ended"
#define OBJECT_ENDING "@ending"

/* Read the record of the container whose directory is dir; o->dir is not touched. */
int object_load(int dir, struct spec *ret_spec);
int object_store(int dir, const struct spec *spec);

/* The same for one that has no name yet. */
int object_write(int dir, const struct spec *spec);

/* Of its record the id alone. */
int object_read_id(int dir, uint64_t *ret_id);

/*
 * The fd of the nested container called name. Whatever else there is, or if its record is gone:
 * -ENOENT. One whose record is damaged is opened, as by object_find_any(); its id is then 0.
 */
int object_open_nested(int dir, const char *name, uint64_t *ret_id);

/* Open by name: from the init container if it begins with '/', else from the caller's. -EUCLEAN. */
int object_find(const struct hierarchy *h, const char *path, struct object *ret_o);

/* The same of one whose record is damaged too: 1, and a record of id 0. */
int object_find_any(const struct hierarchy *h, const char *path, struct object *ret_o);

/*
 * -EUCLEAN unless a record read from dir, which is in the tree, is that of this very container: not of one
 * that the directory was copied from, nor of any other.
 */
int object_check_own(const struct hierarchy *h, int dir, const struct spec *spec);

/*
 * One that is nested in the container whose directory is dir, by its name there. parent: that one's
 * record, of id 0 if it is damaged; NULL: dir is limbo. -EUCLEAN: ret_o->dir is open all the same; its record is not to be used.
 */
int object_load_nested(const struct hierarchy *h, const struct spec *parent, int dir,
		       const char *name, struct object *ret_o);

/*
 * A container's directory, for who may read it or, with O_PATH, pass through it: its records can be read
 * then, and those nested in it not be listed.
 */
int object_open_dir(int dir, const char *path);

/* The name of the next nested container, while reading their parent's directory. */
const char *object_next_child(DIR *dir, int *r);

/* The container that has this cgroup chain: "" is the init container. */
int object_find_cgroup(const struct hierarchy *h, const char *chain, struct object *ret_o);

/* The parent; -ENOENT for the init container. */
int object_open_parent(const struct object *o, struct object *ret_parent);

static inline bool object_is_root(const struct object *o)
{
	return o->spec.cgroup[0] == '\0';
}

/* Whether its parent is another than the init container. */
static inline bool object_has_parent(const struct object *o)
{
	return strlen(o->spec.cgroup) > ID_TEXT_SIZE;
}

/*
 * The same directory, seen through the mount that h is: an fd may have been opened in another mount namespace,
 * or before the state directory became a mount of itself, and no rename crosses mounts.
 */
int object_reopen(const struct hierarchy *h, int dir);

/*
 * -ENOENT unless dir is where the container of this chain is: so many levels below the top of the tree.
 * A record is text, which anybody can write into a directory of his own; and what is being removed has
 * one still. chain NULL: it is not known, any depth will do.
 */
int object_check_place(const struct hierarchy *h, int dir, const char *chain);

/* The full name of the container whose directory is dir. -ENOENT: it is removed. -ERANGE. */
int object_path(const struct hierarchy *h, int dir, char *buf, size_t size);

/* Its last component alone, in less time. -ENOENT: it is removed. */
int object_name(int dir, char buf[NAME_SIZE]);

/* The cgroup chain of the container that a process is in (0: the caller). */
int object_chain_of(const struct hierarchy *h, pid_t pid, char chain[SPEC_CGROUP_SIZE]);

/*
 * The same of one whose cgroup path is known. Returns 1 if the path did not tell, being relative to another
 * cgroup namespace than the hierarchy's, and it was looked for among the containers' tasks.
 */
int object_chain_at(const struct hierarchy *h, pid_t pid, const char *path,
		    char chain[SPEC_CGROUP_SIZE]);

/* Whether chain below is chain above or below it. */
bool object_chain_within(const char *below, const char *above);

/* -EPERM unless o is the caller's container or below it. */
int object_check_below_caller(const struct hierarchy *h, const struct object *o);

/*
 * Whether a container that ends with its fd has one still: it may have been closed a moment ago, and
 * then is as good as removed. dir: an fd that was opened anew. Only its creator's fd ever has the lock
 * exclusively, so those who ask do not mistake each other for it.
 */
bool object_is_held(int dir);

/* What a readlink of a record failed with: it is not there, is no link, or too long to be one of ours. */
static inline bool object_lacks_record(ssize_t r)
{
	return r == -ENOENT || r == -EINVAL || r == -ENAMETOOLONG;
}

/* Whether there are nested containers: 1, 0. */
int object_has_children(int dir);

/* The path of its cgroup directory, relative to h->cgroup. -ENOENT: the record of what it adopted is gone. */
int object_cgroup_path(const struct hierarchy *h, const struct spec *spec, char buf[PATH_SIZE]);

/* Whether a text can be the record of what is adopted: a path below the mount, that leads nowhere else. */
bool object_is_adopted_path(const char *path);

/* The cgroup directory as an O_PATH fd; -ENOENT: it has had no task yet (limit.h makes it). */
int object_open_cgroup(const struct hierarchy *h, const struct object *o);

/*
 * Its own tasks are in its cgroup or, where controllers are on for nested containers, in this leaf of
 * it: cgroup v2 has them in leaves then. Which of both the record says (spec.leaf); tasks that were
 * there before it said so may be in both.
 */
#define OBJECT_LEAF "tasks"
int object_open_tasks(const struct hierarchy *h, const struct object *o);

/* The pids of its own tasks, as by cgroup_pids(). */
ssize_t object_tasks(const struct hierarchy *h, const struct object *o, pid_t *pids, size_t n);

void object_close(struct object *o);
#define autoobject __attribute__((cleanup(object_close)))
