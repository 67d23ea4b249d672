/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exported calls that reach into a container from outside. */
#include <containerfs/container.h>

#include <errno.h>

#include "call.h"
#include "error.h"
#include "reach.h"
#include "way.h"

/* The fd is all that is asked for: to look at who calls would take longer than the rest. */
EXPORT int container_socket(int container, int domain, int type, int protocol)
{
	autocall struct call c;
	struct spec spec;
	int r;

	hierarchy_init(&c.h);
	r = call_load(container, &spec);
	if (r == 0) {
		c.o = (struct object){.dir = container, .spec = spec};
		r = hierarchy_open(&c.h, way_is_short(&c.o, NS_NETWORK) ? HIERARCHY_PINS
									: HIERARCHY_REACH);
	}
	return (int)call_done(r ? r : reach_socket(&c.h, &c.o, domain, type, protocol), "socket",
			      NULL);
}
