/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orderly ends of a container's tasks. Its stop signal and its grace period are in the link @stop,
 * "SIGNAL MILLISECONDS"; none: SIGTERM and ten seconds.
 */
#pragma once

#include "object.h"

int stop_set(const struct hierarchy *h, struct object *o, int sig, int grace);
int stop_get(int dir, int *ret_sig, int *ret_grace);

/* timeout in ms, -1: the grace period of each. 1: some had to be killed. Takes no lock. */
int stop_container(const struct hierarchy *h, const struct object *o, int timeout);

/* As init's own reboot(2): cmd is one of its LINUX_REBOOT_CMD_*. Recorded as how it has ended (ended.h). */
int stop_reboot(const struct hierarchy *h, const struct object *o, int cmd);

/* Whether a text is such a record: -EUCLEAN. */
int stop_check(const char *text);
