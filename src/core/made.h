/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespaces that an agent has made, on their way to the caller. Not by a table of fds that both share: the
 * agent may be killed with the cgroup it is in at any moment, and what it had open would stay so.
 */
#pragma once

#include "nstype.h"

/* What an agent has made is sent to *ret_to. */
int made_pair(int *ret_from, int *ret_to);

/* In the agent; proc: an fd of /proc, since paths may name something else by then. */
int made_open(int proc, unsigned int types, struct ns_set *set);
int made_send(int to, unsigned int types, const struct ns_set *set);

/* In the caller, when the agent is done. */
int made_receive(int from, unsigned int types, struct ns_set *set);
