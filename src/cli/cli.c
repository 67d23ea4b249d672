/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/sched.h>

#include "cleanup.h"
#include "ownstack.h"

static const struct type {
	const char *name;
	unsigned int clone_flag, create_flag;
} types[] = {
	{"user", CLONE_NEWUSER, CONTAINER_NEW_USER_NS},
	{"mount", CLONE_NEWNS, CONTAINER_NEW_FS_NS},
	{"pid", CLONE_NEWPID, CONTAINER_NEW_PID_NS},
	{"network", CLONE_NEWNET, CONTAINER_NEW_NET_NS},
	{"ipc", CLONE_NEWIPC, CONTAINER_NEW_IPC_NS},
	{"uts", CLONE_NEWUTS, CONTAINER_NEW_UTS_NS},
	{"cgroup", CLONE_NEWCGROUP, CONTAINER_NEW_CGROUP_NS},
	{"time", CLONE_NEWTIME, CONTAINER_NEW_TIME_NS},
};

int cli_type_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == len && memcmp(types[i].name, name, len) == 0)
			return (int)types[i].clone_flag;
	return -1;
}

const char *cli_type_name(unsigned int clone_flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].clone_flag == clone_flag)
			return types[i].name;
	return "?";
}

int cli_types(const char *verb, const char *list, bool clone_flags, unsigned int *ret_flags)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		bool all = len == 3 && memcmp(list, "all", 3) == 0, found = all;

		for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
			/* "all" is all that need no set-up from outside: user ids and clocks do. */
			bool in_all = types[i].clone_flag != CLONE_NEWUSER &&
				      types[i].clone_flag != CLONE_NEWTIME;

			if (all ? !in_all && !clone_flags
				: strlen(types[i].name) != len ||
					    memcmp(types[i].name, list, len) != 0)
				continue;
			*ret_flags |= clone_flags ? types[i].clone_flag : types[i].create_flag;
			found = true;
		}
		if (!found) {
			cli_usage(
				verb,
				"unknown namespace type \"%.*s\" (user, mount, pid, network, ipc, uts, "
				"cgroup, time or all)",
				(int)len, list);
			return -1;
		}
		list += len + (list[len] == ',');
	}
	return 0;
}

int cli_open(const char *name)
{
	int fd = container_open(name);

	if (fd < 0)
		cli_failed(name);
	return fd;
}

static int set_root(int container, const char *name, const char *value)
{
	autoclose int dir = -EBADF;
	bool whole = strcmp(value, "/") == 0;

	if (strcmp(value, "view") != 0) {
		dir = open(value, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return cli_errno(name, "set root", value);
	}
	if (container_set_root(container, dir < 0 ? -1 : dir,
			       whole ? CONTAINER_ROOT_RECURSIVE : 0) < 0)
		return cli_failed(name);
	return 0;
}

/* What may be shared from: a container if there is one of this name, else an nsfs path. */
static int open_share(const char *value)
{
	int fd = container_open(value);

	return fd >= 0 ? fd : open(value, O_RDONLY | O_CLOEXEC);
}

static int set_type(int container, const char *name, int flag, const char *value)
{
	enum container_ns_mode mode = CONTAINER_NS_SHARE;
	autoclose int fd = -EBADF;

	if (strcmp(value, "own") == 0) {
		mode = CONTAINER_NS_OWN;
	} else if (strcmp(value, "inherit") == 0) {
		mode = CONTAINER_NS_INHERIT;
	} else {
		fd = open_share(value);
		if (fd < 0) {
			cli_message(name, "share %s: %s: no such container, and as a file: %s",
				    cli_type_name((unsigned int)flag), value, strerror(errno));
			return EXIT_FAILED;
		}
	}
	if (container_set_namespace(container, flag, mode, fd) < 0)
		return cli_failed(name);
	return 0;
}

#define MAP_SIZE 8192

/* "0 100000 1000,1000 5000 1" or "0:100000:1000": what is put for blanks and newlines needs no quotes. */
static int parse_map(const char *value, char map[MAP_SIZE])
{
	if (strlen(value) >= MAP_SIZE)
		return cli_usage("set", "the id map is too long");
	memcpy(map, value, strlen(value) + 1);
	for (char *s = map; *s; s++) {
		if (*s == ':')
			*s = ' ';
		else if (*s == ',')
			*s = '\n';
	}
	return 0;
}

static int set_id_map(int container, const char *name, int which, const char *value)
{
	char map[MAP_SIZE];

	if (parse_map(value, map))
		return EXIT_FAILED;
	return container_set_id_map(container, which, map) < 0 ? cli_failed(name) : 0;
}

int cli_set_ids(int container, const char *name, const char *value)
{
	char map[MAP_SIZE];

	if (value[0] >= '0' && value[0] <= '9') {
		if (parse_map(value, map))
			return EXIT_FAILED;
		value = map;
	}
	return container_set_ids(container, value) < 0 ? cli_failed(name) : 0;
}

int cli_adopt(int container, const char *name, const char *path)
{
	autoclose int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return cli_errno(name, "adopt cgroup", path);
	return container_adopt_cgroup(container, dir) < 0 ? cli_failed(name) : 0;
}

static int set_limit(int container, const char *name, const char *setting, size_t len)
{
	char file[256];

	if (len >= sizeof(file))
		return cli_usage("set", "the name of a limit is too long: %s", setting);
	memcpy(file, setting, len);
	file[len] = '\0';
	return container_set_limit(container, file, setting + len + 1) < 0 ? cli_failed(name) : 0;
}

static int set_stop_signal(int container, const char *name, const char *value)
{
	int grace, old, sig = cli_signal(value);

	if (sig <= 0)
		return cli_usage("set", "not a signal: %s", value);
	if (container_get_stop(container, &old, &grace) < 0 ||
	    container_set_stop(container, sig, grace) < 0)
		return cli_failed(name);
	return 0;
}

static int set_stop_timeout(int container, const char *name, const char *value)
{
	int sig, old, grace;

	if (cli_seconds(value, &grace) < 0)
		return cli_usage("set", "not a number of seconds: %s", value);
	if (container_get_stop(container, &sig, &old) < 0 ||
	    container_set_stop(container, sig, grace) < 0)
		return cli_failed(name);
	return 0;
}

static int set_hostname(int container, const char *name, const char *value)
{
	return container_set_hostname(container, value) < 0 ? cli_failed(name) : 0;
}

static int set_uid_map(int container, const char *name, const char *value)
{
	return set_id_map(container, name, CONTAINER_UID_MAP, value);
}

static int set_gid_map(int container, const char *name, const char *value)
{
	return set_id_map(container, name, CONTAINER_GID_MAP, value);
}

/* Besides namespace types, and limits, which have a dot in their names. */
static const struct key {
	const char *name;
	int (*set)(int container, const char *name, const char *value);
} keys[] = {
	{"hostname", set_hostname},
	{"root", set_root},
	{"ids", cli_set_ids},
	{"uid_map", set_uid_map},
	{"gid_map", set_gid_map},
	{"cgroup.d", cli_adopt},
	{"stop_signal", set_stop_signal},
	{"stop_timeout", set_stop_timeout},
};

int cli_set(int container, const char *name, const char *setting)
{
	const char *value = strchr(setting, '=');
	size_t len = value ? (size_t)(value - setting) : 0;
	int flag = value ? cli_type_flag(setting, len) : -1;

	if (!value || value[1] == '\0')
		return cli_usage("set", "not KEY=VALUE: %s", setting);
	value++;
	if (flag != -1)
		return set_type(container, name, flag, value);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].name) == len && memcmp(setting, keys[i].name, len) == 0)
			return keys[i].set(container, name, value);
	if (memchr(setting, '.', len))
		return set_limit(container, name, setting, len);
	return cli_usage(
		"set",
		"unknown key \"%.*s\" (hostname, root, ids, uid_map, gid_map, cgroup.d, stop_signal, "
		"stop_timeout, a namespace type, or a limit as memory.max)",
		(int)len, setting);
}

/* That it could not be written is a failure too. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	cli_message(NULL, "write output: %s", strerror(errno));
	return status ? status : EXIT_FAILED;
}

int cli_main(int (*run)(int argc, char **argv), int argc, char **argv)
{
	int status = EXIT_FAILED;
	int r;

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	r = own_stack_main(run, argc, argv, &status);
	if (r < 0)
		cli_message(NULL, "a stack larger than the limit: %s", strerror(-r));
	return finish(status);
}

void cli_allow_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int cli_each(const char *verb, int argc, char **argv,
	     int (*fn)(int container, const char *name, int value), int value)
{
	int status = 0;

	if (optind >= argc)
		return cli_usage(verb, "which container?");
	for (int i = optind; i < argc; i++) {
		autoclose int container = cli_open(argv[i]);
		int r = container < 0 ? EXIT_FAILED : fn(container, argv[i], value);

		if (r)
			status = r;
	}
	return status;
}
