/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people write to files: one value, with or without a newline at its end. Pure; -EINVAL for all
 * that is not exactly such a value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Decimal, from 0 (the writer itself) to the greatest pid. */
int parse_pid(const char *text, pid_t *ret_pid);

/* "1" and "0". */
int parse_switch(const char *text, bool *ret_on);

/* "TERM", "SIGTERM", "15"; of the real-time ones the number only. */
int parse_signal(const char *text, int *ret_signal);

/* One line of 1 to size - 1 bytes, none of them a control character or a space. */
int parse_line(const char *text, char *buf, size_t size);

/*
 * The next component of a path into buf, after any slashes: its length, 0 at the end. -ENAMETOOLONG.
 */
int parse_component(const char **path, char *buf, size_t size);
