/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "create.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "verbs.h"

/* What else set takes is for other options. */
static bool is_limit(const char *setting)
{
	size_t len = strcspn(setting, "=");

	return setting[len] && memchr(setting, '.', len) && strncmp(setting, "cgroup.", 7) != 0;
}

int create_option(struct create_options *o, const char *verb, int option, const char *value)
{
	switch (option) {
	case OPTION_OWN:
		return cli_types(verb, value, false, &o->own) < 0 ? EXIT_FAILED : 0;
	case OPTION_INHERIT:
		return cli_types(verb, value, false, &o->inherit) < 0 ? EXIT_FAILED : 0;
	case OPTION_SHARE:
		if (o->share_count == CREATE_SHARES || !strchr(value, '=') ||
		    cli_type_flag(value, strcspn(value, "=")) == -1)
			return cli_usage(verb, "not TYPE=CONTAINER or TYPE=PATH: %s", value);
		o->share[o->share_count++] = value;
		return 0;
	case OPTION_ROOT:
		o->root = value;
		return 0;
	case OPTION_HOSTNAME:
		o->hostname = value;
		o->own |= CONTAINER_NEW_UTS_NS;
		return 0;
	case OPTION_IDS:
		o->ids = value;
		o->own |= CONTAINER_NEW_USER_NS;
		return 0;
	case OPTION_CGROUP:
		o->cgroup = value;
		return 0;
	case OPTION_LIMIT:
		if (o->limit_count == CREATE_LIMITS || !is_limit(value))
			return cli_usage(verb, "not CONTROLLER.NAME=VALUE, as memory.max=512M: %s",
					 value);
		o->limit[o->limit_count++] = value;
		return 0;
	default:
		return EXIT_FAILED;
	}
}

int create_set(const struct create_options *o, int container, const char *name)
{
	if (o->ids && cli_set_ids(container, name, o->ids))
		return EXIT_FAILED;
	if (o->cgroup && cli_adopt(container, name, o->cgroup))
		return EXIT_FAILED;
	for (size_t i = 0; i < o->limit_count; i++)
		if (cli_set(container, name, o->limit[i]))
			return EXIT_FAILED;
	for (size_t i = 0; i < o->share_count; i++)
		if (cli_set(container, name, o->share[i]))
			return EXIT_FAILED;
	return 0;
}

static int apply(const struct create_options *o, int container, const char *name)
{
	char setting[4096 + sizeof("hostname=")];
	int r = create_set(o, container, name);

	if (r == 0 && o->root) {
		snprintf(setting, sizeof(setting), "root=%s", o->root);
		r = cli_set(container, name, setting);
	}
	if (r == 0 && o->hostname) {
		snprintf(setting, sizeof(setting), "hostname=%s", o->hostname);
		r = cli_set(container, name, setting);
	}
	return r;
}

int create_persistent(const struct create_options *o, const char *name, unsigned int flags)
{
	autoclose int container = -EBADF;

	flags |= CONTAINER_FD_CLOEXEC;
	/* With a root to be set, a private view would be made only to be thrown away. */
	if (o->root) {
		flags &= ~(unsigned int)CONTAINER_NEW_FS_NS;
		flags |= CONTAINER_NEW_EMPTY_FS_NS;
	}
	container = container_create(name, flags);
	if (container < 0) {
		cli_failed(name);
		return -1;
	}
	if (apply(o, container, name ? name : "new container")) {
		container_remove(container, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE);
		return -1;
	}
	return take_fd(&container);
}

/* One whose name nobody has got does not stay. */
static int tell_name(int container, const char *path)
{
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (dprintf(STDOUT_FILENO, "%s\n", path) > 0)
		return 0;
	code = errno;
	if (container_remove(container, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE) < 0)
		cli_failed(path);
	else
		cli_message(path, "write its name: %s (it is removed again)", strerror(code));
	return EXIT_FAILED;
}

int verb_create(int argc, char **argv)
{
	static const struct option longs[] = {CREATE_LONG_OPTIONS, {0}};
	struct create_options o = {0};
	autoclose int container = -EBADF;
	char path[4096];
	int c;

	while ((c = cli_option("create", argc, argv, ":h", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		if (create_option(&o, "create", c, optarg))
			return EXIT_FAILED;
	}
	if (argc - optind > 1)
		return cli_usage("create", "one name at most");
	container = create_persistent(&o, optind < argc ? argv[optind] : NULL, o.own);
	if (container < 0)
		return EXIT_FAILED;
	/* Who gave no name is told which one it got. */
	if (optind == argc || argv[optind][strlen(argv[optind]) - 1] == '/') {
		if (container_path(container, path, sizeof(path)) < 0)
			return cli_failed(NULL);
		return tell_name(container, path);
	}
	return 0;
}
