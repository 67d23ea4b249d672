/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "way.h"

struct socket_call {
	struct way *way;
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
	int r;

	way_init(&way, NS_NETWORK);
	r = way_run(h, o, &way, NULL, socket_agent, &call);
	return r ? r : call.fd;
}

struct root_call {
	struct way *way;
	int proc; /* the caller's /proc; else -EBADF */
	int fd;	  /* result */
};

/* setns(2) makes the namespace's root directory, with what is mounted over it, the agent's. */
static int root_agent(void *arg)
{
	struct root_call *c = arg;
	int r = way_go(c->way);

	if (r < 0)
		return r;
	c->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->fd < 0 ? error_set(-errno, "open", "/") : 0;
}

/* Joining a mount namespace, also the one that it is in, leads to its root, out of any chroot. */
static int top_agent(void *arg)
{
	struct root_call *c = arg;
	autoclose int ns = -EBADF;
	int r = way_go(c->way);

	if (r < 0)
		return r;
	ns = openat(c->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return error_set(-errno, "open", "/proc/thread-self/ns/mnt");
	if (setns(ns, CLONE_NEWNS) < 0)
		return error_set(-errno, "join namespace", "mount");
	c->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->fd < 0 ? error_set(-errno, "open", "/") : 0;
}

/* Where the container's own /proc is, if it has one, shall not matter: the agent is in the caller's. */
static int mountinfo_agent(void *arg)
{
	struct root_call *c = arg;
	int r = way_go(c->way);

	if (r < 0)
		return r;
	c->fd = openat(c->proc, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	return c->fd < 0 ? error_set(-errno, "open", "/proc/thread-self/mountinfo") : 0;
}

static int open_in_root(const struct hierarchy *h, const struct object *o, int proc,
			int (*agent)(void *))
{
	autoway struct way way;
	struct root_call call = {&way, proc, -EBADF};
	int r;

	way_init(&way, NS_MOUNT);
	if (o->spec.empty_root)
		return error_set(-ENOENT, "it has no root yet; set one first", NULL);
	r = way_run(h, o, &way, NULL, agent, &call);
	return r ? r : call.fd;
}

int reach_root(const struct hierarchy *h, const struct object *o)
{
	return open_in_root(h, o, -EBADF, root_agent);
}

static int open_by_proc(const struct hierarchy *h, const struct object *o, int (*agent)(void *))
{
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		return error_set(-errno, "open", "/proc");
	return open_in_root(h, o, proc, agent);
}

int reach_top(const struct hierarchy *h, const struct object *o)
{
	return open_by_proc(h, o, top_agent);
}

int reach_mountinfo(const struct hierarchy *h, const struct object *o)
{
	return open_by_proc(h, o, mountinfo_agent);
}
