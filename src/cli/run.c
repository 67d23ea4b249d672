/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run: make a container, run a program as its init, remove it. A container that does not stay is
 * made with KILL_ON_CLOSE: nothing of it is pinned, and if this program is killed the next operation
 * removes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "create.h"
#include "verbs.h"

#define DEFAULT_OWN                                                                                \
	(CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS | CONTAINER_NEW_IPC_NS |                       \
	 CONTAINER_NEW_UTS_NS | CONTAINER_NEW_CGROUP_NS)

struct run_options {
	struct create_options create;
	struct cli_program program;
	const char *name;
	char cwd[4096];
	bool keep;
};

static int run_option(struct run_options *o, int c)
{
	int r = cli_program_option(&o->program, c, optarg);

	if (r >= 0)
		return r;
	switch (c) {
	case 'n':
		o->name = optarg;
		return 0;
	case OPTION_KEEP:
		o->keep = true;
		return 0;
	default:
		return create_option(&o->create, "run", c, optarg);
	}
}

/* In a private view the directory that the caller is in is there too. */
static void default_cwd(struct run_options *o)
{
	if (o->program.spawn.cwd || o->create.root || !getcwd(o->cwd, sizeof(o->cwd)))
		return;
	o->program.spawn.cwd = o->cwd;
	o->program.spawn.flags |= CONTAINER_SPAWN_CWD_OPTIONAL;
}

static const char *shown_name(const struct run_options *o)
{
	return o->name ? o->name : "run";
}

static int run_kept(struct run_options *o, unsigned int flags)
{
	autoclose int container = create_persistent(&o->create, o->name, flags);

	if (container < 0)
		return EXIT_FAILED;
	return cli_program_run(&o->program, container, shown_name(o));
}

static int run_transient(struct run_options *o, unsigned int flags)
{
	autoclose int container = -EBADF;
	autoclose int root = -EBADF;
	int status;

	if (o->create.root) {
		root = open(o->create.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return cli_errno(shown_name(o), "set root", o->create.root);
		if (strcmp(o->create.root, "/") == 0)
			o->program.spawn.root_flags = CONTAINER_ROOT_RECURSIVE;
	}
	flags |= CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC;
	/* Init dies with this program, and all others with init. */
	if (flags & CONTAINER_NEW_PID_NS)
		flags |= CONTAINER_KILL_LAZILY;
	container = container_create(o->name, flags);
	if (container < 0)
		return cli_failed(o->name);
	o->program.spawn.root = root < 0 ? -1 : root;
	o->program.spawn.hostname = o->create.hostname;
	o->program.spawn.flags |= CONTAINER_SPAWN_DIE_WITH_PARENT;
	o->program.is_last = true;
	status = create_set(&o->create, container, shown_name(o));
	if (status == 0)
		status = cli_program_run(&o->program, container, shown_name(o));
	if (container_remove(container, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE) < 0 &&
	    errno != ENOENT)
		cli_failed(shown_name(o));
	return status;
}

static void run_options_free(struct run_options *o)
{
	cli_program_free(&o->program);
}

int verb_run(int argc, char **argv)
{
	static const struct option longs[] = {
		CREATE_LONG_OPTIONS,
		{"inherit", required_argument, NULL, OPTION_INHERIT},
		{"keep", no_argument, NULL, OPTION_KEEP},
		{"name", required_argument, NULL, 'n'},
		CLI_PROGRAM_LONG_OPTIONS,
		{0},
	};
	__attribute__((cleanup(run_options_free))) struct run_options o = {0};
	unsigned int flags;
	int c;

	if (cli_program_init(&o.program))
		return EXIT_FAILED;
	while ((c = cli_option("run", argc, argv, "+:hn:" CLI_PROGRAM_OPTIONS, longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		if (run_option(&o, c))
			return EXIT_FAILED;
	}
	flags = (DEFAULT_OWN & ~o.create.inherit) | o.create.own;
	for (size_t i = 0; i < o.create.share_count; i++) {
		if (strncmp(o.create.share[i], "mount=", 6) == 0)
			flags &= ~(unsigned int)CONTAINER_NEW_FS_NS;
		if (strncmp(o.create.share[i], "pid=", 4) == 0)
			flags &= ~(unsigned int)CONTAINER_NEW_PID_NS;
	}
	if (o.create.root && !(flags & CONTAINER_NEW_FS_NS))
		return cli_usage("run", "--root needs an own mount namespace");
	if (o.create.hostname && !(flags & CONTAINER_NEW_UTS_NS))
		return cli_usage("run", "--hostname needs an own uts namespace");
	cli_program_argv(&o.program, argc - optind, argv + optind);
	default_cwd(&o);
	return o.keep ? run_kept(&o, flags) : run_transient(&o, flags);
}
