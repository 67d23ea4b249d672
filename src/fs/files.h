/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of a container show, and what writing to them does: see entry.h for the manners. */
#pragma once

#include <containerfs/container.h>

#include "entry.h"

/* All tasks of a container, in a block of memory that becomes the caller's: how many, or -errno. */
ssize_t tasks_list(int container, pid_t **ret_pids);

int tasks_show(const struct look *l, FILE *out);
int tasks_unlink(const struct look *l, int nstype);
int init_show(const struct look *l, FILE *out);
int state_show(const struct look *l, FILE *out);
int id_show(const struct look *l, FILE *out);
int status_show(const struct look *l, FILE *out);
int hostname_show(const struct look *l, FILE *out);
int hostname_store(const struct look *l, const char *text);
int freeze_show(const struct look *l, FILE *out);
int freeze_store(const struct look *l, const char *text);
int kill_store(const struct look *l, const char *text);
int uid_map_show(const struct look *l, FILE *out);
int uid_map_store(const struct look *l, const char *text);
int gid_map_show(const struct look *l, FILE *out);
int gid_map_store(const struct look *l, const char *text);

/* rm network: the namespace is its parent's again. */
int files_inherit(const struct look *l, int nstype);

/* rm root: the private view is its root again. */
int files_unset_root(const struct look *l, int nstype);
