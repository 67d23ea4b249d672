/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ln and ln -s: the namespace of another container, or of what a path leads to, and the root.
 */
#pragma once

#include "request.h"

/* Share the namespace of the other container; its caller must have a right to both. */
int share_container(struct request *r, int other, int nstype);

/* The target of a symbolic link made in the request's container: a namespace to share. */
int share_link(struct request *r, const struct entry *e, const char *target);

/* The same for "root": a directory. */
int share_root(const struct request *r, const char *target);
