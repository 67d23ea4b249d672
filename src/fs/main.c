/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount.containerfs: the tree of containers as a file system, by FUSE. See mount.containerfs(8) for
 * its use and containerfs(5) for the tree.
 *
 * It is a view: it keeps nothing that is not also in the kernel or in the state directory, so that it
 * may be killed and started again at any time. All it does goes through the public library.
 */
#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"
#include "limit.h"
#include "mounts.h"
#include "ops.h"
#include "ownstack.h"
#include "watch.h"

#define MESSAGE_SIZE 512
#define MOUNT_TRIES 3
#define FDS 16384 /* links.c counts its numbers up to nearly that */
#define IDLE_THREADS 8
#define HEAPS 2		  /* what each of many has left over is on nobody's quota */
#define MAPPED_SIZE 16384 /* of what goes back to the kernel at once */

/* Who writes must wait for the answer: it is the one that is asked about. */
static void op_init(void *unused, struct fuse_conn_info *conn)
{
	(void)unused;
	conn->want &= ~(unsigned int)(FUSE_CAP_ASYNC_DIO | FUSE_CAP_ASYNC_READ |
				      FUSE_CAP_WRITEBACK_CACHE);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_releasedir,
	.statfs = op_statfs,
	.create = op_create,
	.poll = op_poll,
};

struct settings {
	const char *source, *point;
	char root[4096];
	char fuse[4096]; /* options for the kernel and libfuse */
	bool foreground, verbose;
};

static void usage(FILE *out)
{
	fputs("Usage: mount.containerfs [-f] [-v] [-o OPTION,...] NONE DIRECTORY\n"
	      "       mount -t containerfs [-o OPTION,...] none DIRECTORY\n"
	      "Mount the tree of containers.\n"
	      "\n"
	      "  -f             stay in the foreground\n"
	      "  -o root=NAME   show that container and those below it only\n"
	      "  -o ro          nothing can be changed through this mount\n"
	      "  -v             tell what is done\n"
	      "  -h, --help     print this\n"
	      "  --version      print the version\n"
	      "\n"
	      "Unmount it with umount(8). See mount.containerfs(8), containerfs(5).\n",
	      out);
}

static bool to_syslog;
static char *held_message; /* what libfuse says goes there, not to anybody */

__attribute__((format(printf, 2, 0))) static void log_message(enum fuse_log_level level,
							      const char *format, va_list args)
{
	if (to_syslog)
		vsyslog((int)level, format, args);
	else if (held_message)
		vsnprintf(held_message, MESSAGE_SIZE, format, args);
	else
		vfprintf(stderr, format, args);
}

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
	va_list args;

	fputs("mount.containerfs: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
	return 1;
}

/*
 * What mount(8) and fstab(5) know and no kernel is told of; and what means nothing to a file system
 * that keeps no times of its own and is always mounted without devices and programs.
 */
static bool is_for_mount(const char *option)
{
	/* clang-format off */
	static const char *const list[] = {
		"defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "nofail",
		"_netdev", "rw", "relatime", "norelatime", "noatime", "atime", "strictatime",
		"nostrictatime", "lazytime", "nolazytime", "nodiratime", "diratime", "iversion",
		"noiversion", "mand", "nomand", "loud", "silent", "async", "nosuid", "nodev",
		"noexec",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcmp(option, list[i]) == 0)
			return true;
	return strncmp(option, "x-", 2) == 0 || strncmp(option, "X-", 2) == 0 ||
	       strncmp(option, "comment=", 8) == 0;
}

static int take_option(struct settings *s, const char *option)
{
	size_t len = strlen(s->fuse);

	if (strncmp(option, "root=", 5) == 0) {
		snprintf(s->root, sizeof(s->root), "%s%s", option[5] == '/' ? "" : "/", option + 5);
		return 0;
	}
	if (strcmp(option, "ro") == 0)
		request_read_only = true;
	if (is_for_mount(option))
		return 0;
	if (strlen(option) + len + 2 > sizeof(s->fuse))
		return fail("too many options");
	snprintf(s->fuse + len, sizeof(s->fuse) - len, ",%s", option);
	return 0;
}

static int take_options(struct settings *s, char *list)
{
	char *save = NULL;
	int r = 0;

	for (char *o = strtok_r(list, ",", &save); o && r == 0; o = strtok_r(NULL, ",", &save))
		r = take_option(s, o);
	return r;
}

/* Options may stand before and after the other arguments: mount(8) puts them last. */
static int parse(struct settings *s, int argc, char **argv)
{
	int c, r = 0;

	snprintf(s->root, sizeof(s->root), "/");
	snprintf(s->fuse, sizeof(s->fuse),
		 "allow_other,default_permissions,nosuid,nodev,noexec,subtype=containerfs");
	while (r == 0 && (c = getopt(argc, argv, "fvsno:t:N:h")) != -1) {
		switch (c) {
		case 'f':
			s->foreground = true;
			break;
		case 'v':
			s->verbose = true;
			break;
		case 's':
		case 'n':
		case 't':
		case 'N':
			break;
		case 'o':
			r = take_options(s, optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			return 1;
		}
	}
	if (r == 0 && argc - optind != 2) {
		usage(stderr);
		return 1;
	}
	s->source = argv[optind];
	s->point = argv[optind + 1];
	return r;
}

/* What a mount answers whose server is gone, and to those who were waiting for it when it went. */
static bool is_dead(int code)
{
	return code == ENOTCONN || code == ECONNABORTED || code == ECONNREFUSED;
}

/* The absolute path of a directory that itself may not be asked: a dead mount answers nothing. */
static int absolute(const char *path, char buf[PATH_MAX])
{
	autofree char *copy = strdup(path);
	const char *name = path;
	char above[PATH_MAX];
	size_t len;

	if (realpath(path, buf))
		return 0;
	if (!is_dead(errno) || !copy)
		return fail("%s: %s", path, strerror(errno));
	len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	name = strrchr(copy, '/');
	if (name)
		copy[name++ - copy] = '\0';
	if (!realpath(!name ? "." : copy[0] ? copy : "/", above))
		return fail("%s: %s", path, strerror(errno));
	len = (size_t)snprintf(buf, PATH_MAX, "%s/%s", above[1] ? above : "", name ? name : copy);
	return len < PATH_MAX ? 0 : fail("%s: the path is too long", path);
}

/* A server that was killed leaves a mount behind that answers nothing. */
static int clear_dead_mount(const char *point)
{
	struct stat st;

	if (stat(point, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : fail("%s: not a directory", point);
	if (!is_dead(errno))
		return fail("%s: %s", point, strerror(errno));
	if (!mounts_is_ours(point))
		return fail("%s: a dead mount of something else is there: umount it first", point);
	if (umount2(point, MNT_DETACH) < 0)
		return fail("%s: unmount what a killed server left: %s", point, strerror(errno));
	return 0;
}

static int check_root(const struct settings *s)
{
	autoclose int fd = container_open(s->root);
	uint64_t id = 0;

	/* The whole tree may be mounted before there is a container. */
	if ((fd < 0 || container_id(fd, &id) < 0) &&
	    !(errno == ENOENT && strcmp(s->root, "/") == 0))
		return fail("root=%s: %s", s->root, strerror(errno));
	return node_setup(s->root, id) < 0 ? fail("out of memory") : 0;
}

/* They would be as large as the caller's limit says (ulimit -s). */
static int set_thread_stacks(void)
{
	pthread_attr_t attr;

	errno = pthread_attr_init(&attr);
	if (errno)
		return -1;
	errno = pthread_attr_setstacksize(&attr, OWN_STACK_SIZE);
	if (errno == 0)
		errno = pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	return errno ? -1 : 0;
}

/* All that is asked about callers is asked there, by the numbers that the kernel tells in our pid namespace. */
static int check_proc(void)
{
	char number[16] = "";

	return readlink("/proc/self", number, sizeof(number) - 1) > 0 && atoi(number) == getpid()
		       ? 0
		       : fail("/proc is of another pid namespace");
}

static int prepare(void)
{
	struct rlimit limit;
	int r;

	/* What a script that starts it has open, such as a lock, is not for it to hold. */
	close_range(STDERR_FILENO + 1, ~0u, 0);
	/* A surrogate has a copy of our memory: nobody may look into it (surrogate.h). */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return fail("prctl: %s", strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FDS) {
		limit.rlim_cur = limit.rlim_max < FDS ? limit.rlim_max : FDS;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (set_thread_stacks() < 0)
		return fail("stacks of threads: %s", strerror(errno));
	umask(0);
	mallopt(M_ARENA_MAX, HEAPS);
	mallopt(M_MMAP_THRESHOLD, MAPPED_SIZE);
	r = limit_setup();
	return r < 0 ? fail("signals: %s", strerror(-r)) : 0;
}

static int loop(struct fuse_session *session)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	if (!config)
		return fail("out of memory");
	fuse_loop_cfg_set_max_threads(config, REQUEST_THREADS);
	fuse_loop_cfg_set_idle_threads(config, IDLE_THREADS);
	fuse_loop_cfg_set_clone_fd(config, 0);
	r = fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
	/* Ended by a signal: that is as good an end as umount(8). */
	return r < 0 ? 1 : 0;
}

/*
 * A server that was killed may answer until just before: then its mount is found dead by libfuse only, which says so,
 * and is cleared away as any other.
 */
static int mount_session(struct fuse_session *session, const char *point)
{
	char message[MESSAGE_SIZE] = "";
	struct stat st;
	int r = -1;

	for (int i = 0; r < 0 && i < MOUNT_TRIES; i++) {
		held_message = message;
		r = fuse_session_mount(session, point);
		held_message = NULL;
		if (r == 0 || stat(point, &st) == 0 || !is_dead(errno))
			break;
		if (clear_dead_mount(point))
			return -1;
	}
	message[strcspn(message, "\n")] = '\0';
	return r == 0 ? 0 : fail("%s", message[0] ? message : "it cannot be mounted");
}

static int serve(const struct settings *s, struct fuse_session *session)
{
	int r;

	if (fuse_set_signal_handlers(session) < 0)
		return fail("signals: %s", strerror(errno));
	if (mount_session(session, s->point))
		return 1;
	r = mounts_setup(s->point);
	if (r < 0)
		r = fail("%s: not seen in /proc/self/mountinfo", s->point);
	if (r == 0 && fuse_daemonize(s->foreground) < 0)
		r = fail("go to the background: %s", strerror(errno));
	if (r == 0 && !s->foreground) {
		openlog("mount.containerfs", LOG_PID, LOG_DAEMON);
		to_syslog = true;
	}
	if (r == 0 && s->verbose)
		fuse_log(FUSE_LOG_INFO, "mount.containerfs: %s mounted on %s\n", s->root, s->point);
	r = r ? r : watch_setup() < 0 ? 1 : loop(session);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	return r;
}

static int run(int argc, char **argv)
{
	struct settings s = {0};
	char point[PATH_MAX], name[4096];
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session;
	int r;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("mount.containerfs " VERSION);
			return 0;
		}
	}
	if (parse(&s, argc, argv))
		return 1;
	if (absolute(s.point, point))
		return 1;
	s.point = point;
	if (check_proc() || clear_dead_mount(s.point) || check_root(&s) || prepare())
		return 1;
	snprintf(name, sizeof(name), "fsname=%s", s.source);
	fuse_set_log_func(log_message);
	if (fuse_opt_add_arg(&args, "mount.containerfs") < 0 || fuse_opt_add_arg(&args, "-o") < 0 ||
	    fuse_opt_add_arg(&args, s.fuse) < 0 || fuse_opt_add_arg(&args, "-o") < 0 ||
	    fuse_opt_add_arg(&args, name) < 0)
		return fail("out of memory");
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	fuse_opt_free_args(&args);
	if (!session)
		return 1;
	r = serve(&s, session);
	fuse_session_destroy(session);
	return r;
}

int main(int argc, char **argv)
{
	int status = 1;
	int r = own_stack_main(run, argc, argv, &status);

	return r < 0 ? fail("a stack larger than the limit: %s", strerror(-r)) : status;
}
