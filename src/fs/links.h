/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the symbolic links lead.
 *
 * A namespace or a root directory is reached through an fd that this server opens when the link is
 * read and holds for a moment: /proc/PID/fd/N. Who reads the link and opens it later than that finds
 * nothing: the numbers go up, and none comes again before 10000 others.
 */
#pragma once

#include "entry.h"

int link_namespace(const struct look *l, int nstype, char *buf, size_t size);
int link_root(const struct look *l, int nstype, char *buf, size_t size);
int link_cgroup(const struct look *l, int nstype, char *buf, size_t size);
int link_init_container(const struct look *l, int nstype, char *buf, size_t size);
/* Of somebody who is not below the root of the mount: "(outside)", which leads nowhere. */
int link_self(const struct look *l, int nstype, char *buf, size_t size);

/* by-pid/NUMBER: -ENOENT if it is of no container below the root of the mount. */
int link_by_pid(const struct caller *who, pid_t number, char *buf, size_t size);

/* Whether the modes of the directories above let the caller know of the container. */
bool link_may_tell(const struct caller *who, int container);

/* Close what was opened a while ago. */
void links_tidy(void);
