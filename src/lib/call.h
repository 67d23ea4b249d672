/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all exported calls begin and end with: arguments are checked, the hierarchy is opened for the
 * one operation, and the -errno of the core becomes -1 and errno.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "hierarchy.h"
#include "object.h"

#define EXPORT __attribute__((visibility("default")))

/* What a call works on: the hierarchy, and the object whose fd the caller gave (borrowed). */
struct call {
	struct hierarchy h;
	struct object o;
};

/* The record of the container that an fd is of: no more than one readlinkat(2). */
int call_load(int container, struct spec *ret_spec);

/* The error to give where a record could not be read, for the reason r. */
int call_record_error(int r);

int call_begin(struct call *c, int container, enum hierarchy_use use);

/* The same in the hierarchy that is open already. -EUCLEAN: it is its own record that is damaged. */
int call_look_again(struct call *c, int container);

/* Without an object. */
int call_open(struct call *c, enum hierarchy_use use);

void call_end(struct call *c);
#define autocall __attribute__((cleanup(call_end)))

/* The answer: r, or -1 with errno and an error whose step and object are these unless it has some. */
ssize_t call_done(ssize_t r, const char *step, const char *object);

/*
 * fds that the caller gave, looked at before any of ours is opened, which could get the number of one
 * that is closed. -1 is none where none is allowed.
 */
int call_check_fds(const int *fds, size_t count, bool none_allowed);
