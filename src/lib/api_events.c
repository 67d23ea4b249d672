/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exported calls on events of a subtree. */
#include <containerfs/container.h>

#include <errno.h>

#include "call.h"
#include "error.h"
#include "events.h"

static int look(struct container_events *events)
{
	autocall struct call c;
	struct spec spec = {0};
	int r = call_load(events_container(events), &spec);

	hierarchy_init(&c.h);
	/* Removed: its record is not there, but those who watch are told. */
	if (r == 0 || r == -ENOENT)
		r = call_open(&c, HIERARCHY_READ);
	c.o = (struct object){.dir = events_container(events), .spec = spec};
	return r ? r : events_look(&c.h, &c.o, events);
}

EXPORT struct container_events *container_events_open(int container)
{
	struct container_events *events = NULL;
	autocall struct call c;
	int r = call_begin(&c, container, HIERARCHY_LOOK);

	r = r ? r : events_open(container, &events);
	r = r ? r : look(events);
	if (r == 0)
		return events;
	events_close(events);
	call_done(r, "watch events", NULL);
	return NULL;
}

EXPORT int container_events_fd(const struct container_events *events)
{
	return events_fd(events);
}

EXPORT int container_events_next(struct container_events *events, struct container_event *ret_event)
{
	int r;

	error_clear();
	if (ret_event->size != sizeof(*ret_event))
		return (int)call_done(error_set(-EINVAL, "unknown size", NULL), "next event", NULL);
	r = events_next(events, ret_event);
	if (r == 0) {
		r = look(events);
		r = r ? r : events_next(events, ret_event);
	}
	return (int)call_done(r, "next event", NULL);
}

EXPORT void container_events_close(struct container_events *events)
{
	events_close(events);
}
