/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking containers apart, and sweeping what killed operations left.
 *
 * STATE/limbo holds objects that no name reaches: those being made and those being removed. Whoever
 * works on one holds its lock; one that nobody holds was left by a killed process. STATE/held has a
 * link ID -> PATH for each container that ends with its creator's fd; that fd has an flock(2) on the
 * object's directory, so a free flock means that the last copy is closed.
 */
#pragma once

#include "object.h"

/*
 * Take apart what is named ID below limbo; its lock is held. Kills its tasks. -EBUSY: they live, or,
 * if wait is false, something would have to be waited for.
 */
int reap_dismantle(const struct hierarchy *h, int limbo, const char *id_text, bool wait);

/*
 * Move a container and all in it out of the tree, and take it apart. Locks it. kill: else -EBUSY if
 * there are tasks; recursive: else -ENOTEMPTY if there are nested containers.
 */
int reap_remove(const struct hierarchy *h, struct object *o, bool kill, bool recursive);

/* One whose record is damaged: its cgroup and pins are not known, and are found by a check (check.h). */
int reap_remove_damaged(const struct hierarchy *h, int dir, bool recursive);

/*
 * One of the links in STATE/held, whose fd is held: open its container; or remove that if nobody has its
 * fd. wait: if somebody else does so already, for a moment, so that its name is free afterwards.
 */
int reap_open_held(const struct hierarchy *h, int held, const char *id_text, struct object *ret_o);
void reap_held(const struct hierarchy *h, int held, const char *id_text, bool wait);

/* What every operation begins with; cheap when there is nothing to do. */
int reap_sweep(const struct hierarchy *h);

/* -ENOTEMPTY: a container exists; -EBUSY: one is being made or removed. */
int reap_check_empty(const struct hierarchy *h);

/* A directory and all that is in it; a missing one is no error. */
int reap_remove_tree(int dirfd, const char *name);

/* Remove all records below the state directory: nothing of them is left since this boot. */
int reap_forget_all(int state_dir);
