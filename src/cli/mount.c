/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount and umount: a detached mount is made, by what the caller sees of the host, and then attached
 * in the container. Until then nobody sees it, and when anything fails it is gone.
 */
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mount.h>

#include "cleanup.h"
#include "cli.h"
#include "ids.h"
#include "verbs.h"

#define VALUE_MAX 255 /* what fsconfig(2) takes */
#define LOG_SIZE 1024
#define FILE_SYSTEMS "/proc/filesystems"

struct job {
	const char *name; /* of the container */
	int container;
	const char *type, *source, *target;
	struct mount_options options;
	bool map_ids;
	int user_ns; /* of the container, with map_ids */
};

static int fail(const struct job *j, const char *step, const char *object)
{
	cli_errno(j->name, step, object);
	return -1;
}

static int set_attributes(const struct job *j, int mnt, const struct mount_attr *attr)
{
	unsigned int flags = AT_EMPTY_PATH | (j->options.recursive ? AT_RECURSIVE : 0);

	return (int)syscall(SYS_mount_setattr, mnt, "", flags, attr, sizeof(*attr));
}

/* File systems */

/* The messages of the kernel about a file system context, each after "; "; empty if there are none. */
static void read_log(int fs, char log[LOG_SIZE])
{
	char line[256];
	size_t len = 0;
	ssize_t n;

	log[0] = '\0';
	/* "e TEXT", "w TEXT" or "i TEXT", one a read. */
	while ((n = read(fs, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'i' || n < 3 || len + (size_t)n + 3 > LOG_SIZE)
			continue;
		len += (size_t)snprintf(log + len, LOG_SIZE - len, "%s%s", len ? "; " : "",
					line + 2);
	}
}

static int fail_fs(const struct job *j, int fs, const char *step, const char *object)
{
	int code = errno;
	char log[LOG_SIZE];

	read_log(fs, log);
	/* Not all file systems tell it to who mounts. */
	cli_message(j->name, "%s: %s: %s%s%s", step, object, strerror(code), log[0] ? ": " : "",
		    log[0] ? log : " (dmesg may tell more)");
	return -1;
}

/* Whether it wants a block device: 1, 0; -1: the kernel does not know it yet. */
static int wants_device(const char *type)
{
	FILE *f = fopen(FILE_SYSTEMS, "re");
	char line[128];
	int wants = -1;

	while (f && wants < 0 && fgets(line, sizeof(line), f)) {
		char *name = strchr(line, '\t');

		line[strcspn(line, "\n")] = '\0';
		if (name && strcmp(name + 1, type) == 0)
			wants = name == line;
	}
	if (f)
		fclose(f);
	return wants;
}

static int host_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

/*
 * What shows the namespaces of who makes it, proc for example, is made in the container. What is made of
 * things of the host, as devices and the layers of overlay are, is made by the caller: the kernel asks
 * for the user namespace that those are of.
 */
static bool is_made_inside(const char *type)
{
	return wants_device(type) <= 0 && strcmp(type, "overlay") != 0;
}

static int open_context(const struct job *j)
{
	int fs;

	if (wants_device(j->type) < 0) {
		/* Asking for it loads its module. */
		fs = host_fsopen(j->type);
		close_fd(&fs);
	}
	if (!is_made_inside(j->type)) {
		fs = host_fsopen(j->type);
		return fs < 0 ? fail(j, "mount", j->type) : fs;
	}
	fs = container_fsopen(j->container, j->type, FSOPEN_CLOEXEC);
	if (fs < 0)
		cli_failed_on(j->name, j->type);
	return fs;
}

static int set_string(const struct job *j, int fs, const char *key, const char *value)
{
	if (strlen(value) > VALUE_MAX) {
		cli_message(j->name, "mount: %s: the value is longer than %d bytes", key,
			    VALUE_MAX);
		return -1;
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return fail_fs(j, fs, "mount option", key);
	return 0;
}

static int set_option(const struct job *j, int fs, const char *option)
{
	const char *value = strchr(option, '=');
	char key[VALUE_MAX + 1];

	if (value) {
		snprintf(key, sizeof(key), "%.*s", (int)(value - option), option);
		return set_string(j, fs, key, value + 1);
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0)
		return fail_fs(j, fs, "mount option", option);
	return 0;
}

static int configure(const struct job *j, int fs, const char *source)
{
	bool read_only = j->options.set & MOUNT_ATTR_RDONLY;
	int r = set_string(j, fs, "source", source);

	for (size_t i = 0; r == 0 && i < j->options.count; i++)
		r = set_option(j, fs, j->options.option[i]);
	/* Read-only are then both the mount and the file system. */
	if (r == 0 && read_only)
		r = set_option(j, fs, "ro");
	if (r == 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = fail_fs(j, fs, "mount", j->source);
	return r;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * The root directory of a tmpfs is whose it is who makes it: the caller, who is nobody in an own user
 * namespace. It is for its root then.
 */
static int give_root(const struct job *j, int mnt)
{
	autoids struct ids ids;
	struct stat st;
	uint32_t uid = 0, gid = 0;

	ids_init(&ids);
	if (fstat(mnt, &st) < 0)
		return fail(j, "mount", j->source);
	if (ids_load(&ids, j->container, j->name) < 0)
		return -1;
	if (ids_inside(&ids, CONTAINER_UID_MAP, st.st_uid, &uid) ||
	    !ids_outside(&ids, CONTAINER_UID_MAP, 0, &uid) ||
	    !ids_outside(&ids, CONTAINER_GID_MAP, 0, &gid))
		return 0;
	if (fchownat(mnt, "", uid, gid, AT_EMPTY_PATH) < 0 && errno != EROFS)
		return fail(j, "mount", "root directory");
	return 0;
}

static int new_file_system(const struct job *j)
{
	const char *source = j->source;
	autoclose int loop = -EBADF;
	autoclose int fs = -EBADF;
	autoclose int mnt = -EBADF;
	char path[32];

	fs = open_context(j);
	if (fs < 0)
		return -1;
	if (wants_device(j->type) > 0 && is_file(source)) {
		loop = loop_open(j->name, source, j->options.set & MOUNT_ATTR_RDONLY, path);
		if (loop < 0)
			return -1;
		source = path;
	}
	if (configure(j, fs, source) < 0)
		return -1;
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned int)j->options.set);
	if (mnt < 0)
		return fail_fs(j, fs, "mount", j->source);
	if (strcmp(j->type, "tmpfs") == 0 && give_root(j, mnt) < 0)
		return -1;
	return take_fd(&mnt);
}

/* What is there already */

static int bind(const struct job *j)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	struct mount_attr attr = {.attr_set = j->options.set, .attr_clr = j->options.clear};
	autoclose int tree = -EBADF;

	if (j->options.recursive)
		flags |= AT_RECURSIVE;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, j->source, flags);
	if (tree < 0)
		return fail(j, "bind", j->source);
	if ((attr.attr_set || attr.attr_clr) && set_attributes(j, tree, &attr) < 0)
		return fail(j, "set mount attributes", j->source);
	return take_fd(&tree);
}

/* Ids */

/* 0, or EXIT_FAILED and told: without an own user namespace there is nothing to map. */
static int open_user_ns(struct job *j)
{
	struct stat own, inside;

	j->user_ns = container_namespace(j->container, CLONE_NEWUSER);
	if (j->user_ns < 0)
		return cli_failed(j->name);
	if (fstat(j->user_ns, &inside) < 0 || stat("/proc/self/ns/user", &own) < 0) {
		fail(j, "map ids", "user namespace");
		return EXIT_FAILED;
	}
	if (own.st_ino == inside.st_ino) {
		cli_message(j->name, "map ids: it has no own user namespace");
		return EXIT_FAILED;
	}
	return 0;
}

static int map_ids(const struct job *j, int mnt)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
				  .userns_fd = (uint64_t)(unsigned int)j->user_ns};
	const char *why = j->type && is_made_inside(j->type)
				  ? "it is made in that user namespace: its ids are those already"
				  : "its file system does not take an id map";

	if (set_attributes(j, mnt, &attr) == 0)
		return 0;
	if (errno != EINVAL)
		return cli_errno(j->name, "map ids", j->source);
	cli_message(j->name, "map ids: %s: %s (%s)", j->source, strerror(errno), why);
	return EXIT_FAILED;
}

static int run(struct job *j)
{
	bool is_root = j->target[0] == '/' && j->target[strspn(j->target, "/")] == '\0';
	autoclose int mnt = -EBADF;

	if (j->map_ids && open_user_ns(j))
		return EXIT_FAILED;
	mnt = j->type ? new_file_system(j) : bind(j);
	if (mnt < 0 || (j->map_ids && map_ids(j, mnt)))
		return EXIT_FAILED;
	if (container_move_mount(j->container, mnt, j->target,
				 is_root ? CONTAINER_ROOT | CONTAINER_ROOT_RECURSIVE : 0) < 0)
		return cli_failed_on(j->name, j->target);
	return 0;
}

/* What is wrong with what was said together; NULL: nothing. */
static const char *find_contradiction(const struct job *j)
{
	const struct mount_options *o = &j->options;

	if (o->bind && j->type)
		return "--bind and --type: a bind mount has the type of its source";
	if (!o->bind && o->recursive)
		return "--recursive is for --bind";
	return NULL;
}

static int check(const struct job *j)
{
	const char *wrong = find_contradiction(j);

	if (wrong)
		return cli_usage("mount", "%s", wrong);
	if (j->options.bind && j->options.count)
		return cli_usage("mount", "no option of a bind mount: %s", j->options.option[0]);
	return 0;
}

enum { OPTION_MAP_IDS = 1000 };

int verb_mount(int argc, char **argv)
{
	static const struct option longs[] = {{"type", required_argument, NULL, 't'},
					      {"options", required_argument, NULL, 'o'},
					      {"bind", no_argument, NULL, 'b'},
					      {"recursive", no_argument, NULL, 'r'},
					      {"map-ids", no_argument, NULL, OPTION_MAP_IDS},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	autoclose int container = -EBADF;
	struct job j = {.user_ns = -EBADF};
	int c, status;

	while ((c = cli_option("mount", argc, argv, ":ht:o:r", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		if (c == 't')
			j.type = optarg;
		else if (c == OPTION_MAP_IDS)
			j.map_ids = true;
		else if (c != 'o')
			*(c == 'b' ? &j.options.bind : &j.options.recursive) = true;
		else if (mount_options_parse(&j.options, optarg))
			return EXIT_FAILED;
	}
	if (argc - optind != 3)
		return cli_usage("mount", "NAME, SOURCE and TARGET");
	if (!j.type && !j.options.bind)
		return cli_usage("mount", "--type TYPE, for a new file system, or --bind");
	if (check(&j))
		return EXIT_FAILED;
	j.name = argv[optind];
	j.source = argv[optind + 1];
	j.target = argv[optind + 2];
	container = j.container = cli_open(j.name);
	if (container < 0)
		return EXIT_FAILED;
	status = run(&j);
	close_fd(&j.user_ns);
	return status;
}

int verb_umount(int argc, char **argv)
{
	static const struct option longs[] = {
		{"lazy", no_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'}, {0}};
	autoclose int container = -EBADF;
	int c, flags = 0, status = 0;

	while ((c = cli_option("umount", argc, argv, ":hl", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		flags |= MNT_DETACH;
	}
	if (argc - optind < 2)
		return cli_usage("umount", "NAME and TARGET...");
	container = cli_open(argv[optind]);
	if (container < 0)
		return EXIT_FAILED;
	for (int i = optind + 1; i < argc; i++)
		if (container_umount(container, argv[i], flags) < 0)
			status = cli_failed_on(argv[optind], argv[i]);
	return status;
}
