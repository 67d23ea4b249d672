/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens in a subtree, told from outside by comparing what there is with what there was. The kernel
 * says only that it is time to look: an inotify(7) fd watches the directories of the containers, their
 * cgroup directories and their cgroup.events. So nobody has to be at work for events to be seen, and
 * none is invented; what came and went between two looks is missed, but for a container's run. How init
 * ended is asked of a pidfd of it, or read from the record (ended.h).
 */
#pragma once

#include "object.h"

struct container_events;

int events_open(int container, struct container_events **ret_events);
int events_fd(const struct container_events *events);

/* Look again, if the fd says so. o: the container, opened for this. */
int events_look(const struct hierarchy *h, const struct object *o, struct container_events *events);

/* The oldest event not told yet: 1; 0: none. Valid until the next call. */
int events_next(struct container_events *events, struct container_event *ret_event);

int events_container(const struct container_events *events);
void events_close(struct container_events *events);
