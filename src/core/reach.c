/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reach.h"

#include <errno.h>
#include <sys/socket.h>

#include "agent.h"
#include "error.h"
#include "way.h"

struct socket_call {
	const struct way *way;
	int domain, type, protocol;
	int fd; /* result */
};

static int socket_agent(void *arg)
{
	struct socket_call *c = arg;
	int r = way_go(c->way);

	if (r < 0)
		return r;
	c->fd = socket(c->domain, c->type, c->protocol);
	return c->fd < 0 ? error_set(-errno, "socket", NULL) : 0;
}

int reach_socket(const struct hierarchy *h, const struct object *o, int domain, int type,
		 int protocol)
{
	autoway struct way way;
	struct socket_call call = {&way, domain, type, protocol, -EBADF};
	int r = way_find(h, o, NS_NETWORK, &way);

	r = r ? r : agent_run(-1, socket_agent, &call);
	return r ? r : call.fd;
}
