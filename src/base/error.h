/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What failed last, in this thread: an errno, the step, and the object of the step.
 *
 * A child that shares memory with its suspended parent (see core/child.c) writes into the parent's
 * record, which is why nothing here allocates or locks.
 */
#pragma once

#include <containerfs/container.h>

#define ERROR_OBJECT_SIZE sizeof(((struct container_error *)0)->object)

/* Remember what failed; object may be NULL. Returns code, a negative errno, for "return error_set". */
int error_set(int code, const char *step, const char *object);

/* The same unless a deeper step has said it already, since error_clear(). */
int error_default(int code, const char *step, const char *object);

/* Put an object to the last error if it has none: for callers that know a better name. */
void error_object(const char *object);

void error_clear(void);
const struct container_error *error_last(void);

/* Take over a record that came from another process. */
void error_copy(const struct container_error *from);
