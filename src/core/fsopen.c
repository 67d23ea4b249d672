/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File system contexts made inside a container. fsopen(2) takes the namespaces of who calls it: proc
 * the pid namespace, sysfs and network file systems the network, mqueue the ipc namespace, and all of
 * them the user namespace, which owns the new superblock.
 *
 * An agent with memory of its own, so that no task of the container can reach the caller's through it,
 * joins all but the pid namespace, which its child is born in; the child opens.
 */
#include "reach.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "fdpass.h"
#include "join.h"
#include "kernel.h"
#include "proc.h"

/* What a file system cannot do without; of others what is not there is not missed. */
static const struct {
	const char *fsname;
	unsigned int types;
} needs[] = {
	{"proc", CLONE_NEWPID},	      {"sysfs", CLONE_NEWNET}, {"mqueue", CLONE_NEWIPC},
	{"cgroup2", CLONE_NEWCGROUP}, {"nfs", CLONE_NEWNET},   {"nfs4", CLONE_NEWNET},
	{"cifs", CLONE_NEWNET},	      {"smb3", CLONE_NEWNET},  {"9p", CLONE_NEWNET},
	{"ceph", CLONE_NEWNET},	      {"afs", CLONE_NEWNET},
};

#define FSNAME_SIZE 64
#define JOINED (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP)

struct fsopen_call {
	const struct join_plan *plan;
	char fsname[FSNAME_SIZE]; /* a copy: the caller may have it from its arguments */
	int cradle;
	int socket; /* the context goes there */
};

static int join(const struct join_plan *plan, enum nstype type)
{
	const struct nstype_info *info = nstype_info(type);
	int ns = join_plan_fd(plan, type);

	if (ns < 0 || setns(ns, info->clone_flag) == 0)
		return 0;
	return error_set(-errno, "join namespace", info->name);
}

/* Whatever ends its pid namespace ends the agent, at any moment: what it opens is in a table of its own. */
static int born_inside(void *arg)
{
	struct fsopen_call *c = arg;
	autoclose int fd = -EBADF;
	int r = unshare(CLONE_FILES) < 0 ? error_set(-errno, "leave the caller's fds", NULL) : 0;

	r = r ? r : join(c->plan, NS_USER);
	if (r < 0)
		return r;
	fd = kernel_fsopen(c->fsname);
	r = fd < 0 ? fd : fdpass_send(c->socket, 0, fd);
	return r < 0 ? error_set(r, "fsopen", c->fsname) : 0;
}

/*
 * The container's tasks can read what /proc shows of who is born inside without a right to trace it: the
 * caller's arguments, mounts and network. So it is born without them.
 */
static int fsopen_agent(void *arg)
{
	struct fsopen_call *c = arg;
	int r = proc_wipe_args();

	for (int t = 0; r == 0 && t < NS_COUNT; t++)
		if ((unsigned int)nstype_info(t)->clone_flag & JOINED)
			r = join(c->plan, t);
	/* The privilege to mount is looked for in the user namespace of the mount namespace. */
	if (r == 0 && join_plan_joins(c->plan, NS_USER))
		r = join(c->plan, NS_MOUNT);
	else if (r == 0 && setns(c->cradle, CLONE_NEWNS) < 0)
		r = error_set(-errno, "join namespace", "the cradle");
	r = r ? r : join(c->plan, NS_PID);
	r = r ? r : agent_run_apart(-1, born_inside, c, sizeof(*c));
	return join_plan_joins(c->plan, NS_PID) ? join_clone_error(r) : r;
}

static int run(struct fsopen_call *call)
{
	autoclose int ours = -EBADF;
	autoclose int theirs = -EBADF;
	int pair[2], number, fd, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(-errno, "fsopen", call->fsname);
	ours = pair[0];
	theirs = pair[1];
	call->socket = theirs;
	r = agent_run_apart(-1, fsopen_agent, call, sizeof(*call));
	if (r < 0)
		return r;
	r = fdpass_receive(ours, &number, &fd);
	return r < 0 ? error_set(r, "fsopen", call->fsname) : fd;
}

static unsigned int types_needed(const char *fsname)
{
	unsigned int types = CLONE_NEWUSER;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (strcmp(fsname, needs[i].fsname) == 0)
			types |= needs[i].types;
	return types;
}

int reach_fsopen(const struct hierarchy *h, const struct object *o, const char *fsname)
{
	const unsigned int types = JOINED | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUSER;
	autojoin struct join_plan plan;
	struct fsopen_call call = {.plan = &plan, .cradle = h->cradle, .socket = -EBADF};
	unsigned int missing;
	int r;

	join_plan_init(&plan);
	if (strlen(fsname) >= sizeof(call.fsname))
		return error_set(-ENODEV, "fsopen", fsname);
	memcpy(call.fsname, fsname, strlen(fsname) + 1);
	r = join_plan_make(h, o, types, &plan);
	if (r < 0)
		return r;
	missing = plan.make & types_needed(fsname);
	for (int t = 0; t < NS_COUNT; t++)
		if (missing & (unsigned int)nstype_info(t)->clone_flag)
			return join_none_yet(t);
	return run(&call);
}
