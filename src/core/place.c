/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "join.h"

struct root_call {
	int mount_ns;
	int root; /* result */
};

/* Joining a mount namespace, the own one too, leads to its root, out of any chroot. */
static int root_agent(void *arg)
{
	struct root_call *c = arg;

	if (setns(c->mount_ns, CLONE_NEWNS) < 0)
		return error_set(-errno, "join namespace", "mount");
	c->root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->root < 0 ? error_set(-errno, "open", "/") : 0;
}

int place_open_root(const struct hierarchy *h, const struct object *o)
{
	autoclose int mount_ns = -EBADF;
	struct root_call call = {.root = -EBADF};
	int r = object_check_below_caller(h, o);

	/* What there is then is the cradle's, and nobody else's business. */
	if (r == 0 && o->spec.empty_root)
		r = error_set(-ENOENT, "it has no root yet; set one first", NULL);
	if (r < 0)
		return r;
	mount_ns = join_open_one(h, o, NS_MOUNT);
	if (mount_ns < 0)
		return mount_ns;
	call.mount_ns = mount_ns;
	r = agent_run(-1, root_agent, &call);
	if (r < 0)
		close_fd(&call.root);
	return r < 0 ? error_default(r, "open the root directory", NULL) : call.root;
}
