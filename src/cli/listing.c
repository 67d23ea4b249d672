/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listing.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/nsfs.h>
#include <linux/sched.h>

#include "cleanup.h"
#include "cli.h"

const char *listing_state(enum container_state state)
{
	switch (state) {
	case CONTAINER_CREATED:
		return "created";
	case CONTAINER_RUNNING:
		return "running";
	case CONTAINER_FROZEN:
		return "frozen";
	case CONTAINER_STOPPED:
		return "stopped";
	case CONTAINER_HALTED:
		return "halted";
	case CONTAINER_REBOOTING:
		return "rebooting";
	}
	return "?";
}

void listing_types(unsigned int flags, char *buf, size_t size)
{
	static const unsigned int order[] = {CLONE_NEWUSER,   CLONE_NEWNS,  CLONE_NEWPID,
					     CLONE_NEWNET,    CLONE_NEWIPC, CLONE_NEWUTS,
					     CLONE_NEWCGROUP, CLONE_NEWTIME};

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (flags & order[i]) {
			size_t len = strlen(buf);

			snprintf(buf + len, size - len, "%s%s", len ? "," : "",
				 cli_type_name(order[i]));
		}
}

int listing_limits(int container, char *buf, size_t size)
{
	char list[4096];
	size_t len = 0;

	buf[0] = '\0';
	if (container_get_limit(container, NULL, list, sizeof(list)) < 0)
		return -1;
	for (const char *s = list; *s && len < size;) {
		size_t n = strcspn(s, "\n");

		len += (size_t)snprintf(buf + len, size - len, "%s%.*s", len ? "; " : "", (int)n,
					s);
		s += n + (s[n] == '\n');
	}
	return 0;
}

bool listing_may_be_untold(void)
{
	return errno == EPERM || errno == EACCES || errno == ESRCH || errno == EXDEV;
}

/* 1: the namespace belongs to another user namespace; 0; -1 and errno. */
static int is_foreign(int ns, int user)
{
	autoclose int owner = ioctl(ns, NS_GET_USERNS);
	struct stat x, y;

	/* One of a user namespace that the caller is not above is none of the container's either. */
	if (owner < 0)
		return errno == EPERM ? 1 : -1;
	if (fstat(owner, &x) < 0 || fstat(user, &y) < 0)
		return -1;
	return x.st_ino != y.st_ino || x.st_dev != y.st_dev;
}

int listing_foreign(int container, unsigned int *ret_types)
{
	static const int types[] = {CLONE_NEWNS,  CLONE_NEWPID,	   CLONE_NEWNET, CLONE_NEWIPC,
				    CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME};
	autoclose int user = container_namespace(container, CLONE_NEWUSER);

	*ret_types = 0;
	if (user < 0)
		return listing_may_be_untold() ? 0 : -1;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		autoclose int ns = container_namespace(container, types[i]);
		int r = ns >= 0 ? is_foreign(ns, user) : listing_may_be_untold() ? 0 : -1;

		if (r < 0)
			return -1;
		if (r > 0)
			*ret_types |= (unsigned int)types[i];
	}
	return 0;
}

int listing_open(const char *name, struct listing_base *ret_base)
{
	int container = container_open(name ? name : ".");

	if (container < 0 && errno == ENOENT && !name)
		return -2;
	if (container < 0 ||
	    container_path(container, ret_base->path, sizeof(ret_base->path)) < 0) {
		cli_failed(name);
		close_fd(&container);
		return -1;
	}
	ret_base->len = strcmp(ret_base->path, "/") == 0 ? 0 : strlen(ret_base->path);
	return container;
}

const char *listing_name(const struct listing_base *base, const char *path)
{
	const char *rest = path + base->len;

	rest += *rest == '/';
	return *rest ? rest : "<current>";
}
