/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount is recognized by its id, which the kernel tells of each open file in fdinfo. What is no file
 * of the process, a working directory for example, is opened with O_PATH first. Neither asks the file
 * system, with few exceptions (NFS makes sure that the directory is still there); and the memory map of
 * a process is locked while it waits for a page. So a child does the looking, which is ended and begun
 * anew behind the process in question if it does not get on.
 *
 * Processes that go away meanwhile are left out.
 */
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kcmp.h>

#include "cleanup.h"

#define PATIENCE 2000 /* ms for one process */
#define LINK_SIZE 4096
#define NUMBER_SIZE 16

/* What the child writes: a record, and len bytes of path behind it. how -1: it begins with this pid. */
struct record {
	pid_t pid;
	int how, fd;
	size_t len;
};

struct scan {
	const struct scan_mount *mounts;
	size_t count;
	int out;
	pid_t after; /* processes up to here are done */
	pid_t caller;
	uint64_t *namespaces; /* inodes of those seen */
	size_t namespace_count;
	char line[LINK_SIZE];
};

/* In the child */

static void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		_exit(1);
}

static void tell(const struct scan *s, pid_t pid, int how, int fd, const char *path)
{
	struct {
		struct record record;
		char path[LINK_SIZE];
	} out = {.record = {pid, how, fd, strnlen(path, LINK_SIZE - 1)}};

	memcpy(out.path, path, out.record.len);
	put(s->out, &out, sizeof(out.record) + out.record.len);
}

static const struct scan_mount *find(const struct scan *s, uint64_t id)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->mounts[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->count && s->mounts[low].id == id ? &s->mounts[low] : NULL;
}

static bool is_wanted(const struct scan *s, uint64_t id)
{
	const struct scan_mount *m = id ? find(s, id) : NULL;

	return m && m->wanted;
}

static uint64_t mount_in_fdinfo(int dir, const char *name)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	char text[256], *at;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "mnt_id:");
	return at ? strtoull(at + strlen("mnt_id:"), NULL, 10) : 0;
}

uint64_t scan_mount_of(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return mount_in_fdinfo(AT_FDCWD, path);
}

static const char *read_link(int dir, const char *name, char buf[LINK_SIZE])
{
	ssize_t n = readlinkat(dir, name, buf, LINK_SIZE - 1);

	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

/* A link of /proc that leads to a file of the process. */
static bool link_is_wanted(const struct scan *s, int dir, const char *name)
{
	autoclose int fd = openat(dir, name, O_PATH | O_CLOEXEC);

	return fd >= 0 && is_wanted(s, scan_mount_of(fd));
}

static void look_at_link(const struct scan *s, pid_t pid, int dir, const char *name, int how)
{
	char path[LINK_SIZE];

	if (link_is_wanted(s, dir, name))
		tell(s, pid, how, -1, read_link(dir, name, path));
}

static DIR *open_dir_at(int dir, const char *name)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d)
		take_fd(&fd);
	return d;
}

static const char *next_entry(DIR *d)
{
	struct dirent *entry;

	do {
		entry = readdir(d);
	} while (entry && entry->d_name[0] == '.');
	return entry ? entry->d_name : NULL;
}

static void look_at_fds(const struct scan *s, pid_t pid, int dir)
{
	autoclose int fds = openat(dir, "fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *infos = open_dir_at(dir, "fdinfo");
	char path[LINK_SIZE];
	const char *name;

	while (infos && (name = next_entry(infos)))
		if (is_wanted(s, mount_in_fdinfo(dirfd(infos), name)))
			tell(s, pid, SCAN_FD, atoi(name), read_link(fds, name, path));
}

/* One file is often mapped several times in a row, and the program itself is told of as such. */
static void look_at_maps(const struct scan *s, pid_t pid, int dir)
{
	autodir DIR *maps = open_dir_at(dir, "map_files");
	char last[LINK_SIZE], path[LINK_SIZE], exe[LINK_SIZE];
	const char *name;

	last[0] = '\0';
	read_link(dir, "exe", exe);
	while (maps && (name = next_entry(maps))) {
		read_link(dirfd(maps), name, path);
		if (strcmp(path, last) == 0 || strcmp(path, exe) == 0)
			continue;
		memcpy(last, path, sizeof(last));
		if (link_is_wanted(s, dirfd(maps), name))
			tell(s, pid, SCAN_MAP, -1, path);
	}
}

/* Whether a thread has its own instead of its process's: most have not. */
static bool has_own(pid_t pid, pid_t tid, int what)
{
	return syscall(SYS_kcmp, pid, tid, what, 0, 0) != 0;
}

static void look_at_threads(const struct scan *s, pid_t pid, int dir)
{
	autodir DIR *tasks = open_dir_at(dir, "task");
	const char *name;

	while (tasks && (name = next_entry(tasks))) {
		pid_t tid = atoi(name);
		autoclose int task = -EBADF;

		if (tid == pid)
			continue;
		task = openat(dirfd(tasks), name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (task >= 0 && has_own(pid, tid, KCMP_FS)) {
			look_at_link(s, pid, task, "cwd", SCAN_CWD);
			look_at_link(s, pid, task, "root", SCAN_ROOT);
		}
		if (task >= 0 && has_own(pid, tid, KCMP_FILES))
			look_at_fds(s, pid, task);
	}
}

/* Mount namespaces */

static bool is_new_namespace(struct scan *s, int dir)
{
	char text[LINK_SIZE];
	const char *number = strchr(read_link(dir, "ns/mnt", text), '[');
	uint64_t inode = number ? strtoull(number + 1, NULL, 10) : 0, *grown;

	if (inode == 0)
		return false;
	for (size_t i = 0; i < s->namespace_count; i++)
		if (s->namespaces[i] == inode)
			return false;
	grown = realloc(s->namespaces, (s->namespace_count + 1) * sizeof(*grown));
	if (!grown)
		return false;
	grown[s->namespace_count++] = inode;
	s->namespaces = grown;
	return true;
}

static bool has_device(const struct scan *s, dev_t dev)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->mounts[i].by_device && s->mounts[i].dev == dev)
			return true;
	return false;
}

/* "36 35 98:0 /root /point ...": the first that is of one of the devices; not if it is the same one. */
static void look_at_namespace(struct scan *s, pid_t pid, int dir)
{
	autoclose int fd = openat(dir, "mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	char point[LINK_SIZE], found[LINK_SIZE];
	bool is_same = false;

	if (!f)
		return;
	take_fd(&fd);
	found[0] = '\0';
	while (!is_same && fgets(s->line, sizeof(s->line), f)) {
		unsigned long long id;
		unsigned int major, minor;

		if (sscanf(s->line, "%llu %*u %u:%u %*s %4095s", &id, &major, &minor, point) != 4)
			continue;
		is_same = find(s, id);
		if (!found[0] && has_device(s, makedev(major, minor)))
			memcpy(found, point, sizeof(found));
	}
	fclose(f);
	if (!is_same && found[0])
		tell(s, pid, SCAN_NAMESPACE, -1, found);
}

static void look_at_process(struct scan *s, int proc, const char *name)
{
	autoclose int dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = atoi(name);

	if (dir < 0)
		return;
	tell(s, pid, -1, -1, "");
	look_at_link(s, pid, dir, "cwd", SCAN_CWD);
	look_at_link(s, pid, dir, "root", SCAN_ROOT);
	look_at_link(s, pid, dir, "exe", SCAN_EXE);
	look_at_fds(s, pid, dir);
	look_at_maps(s, pid, dir);
	look_at_threads(s, pid, dir);
	if (is_new_namespace(s, dir))
		look_at_namespace(s, pid, dir);
}

/* Who reads the caller's output shall not wait for one that is stuck; and none shall be wanting. */
static void keep_one_fd(struct scan *s)
{
	if (dup2(s->out, 0) < 0)
		_exit(1);
	s->out = 0;
	syscall(SYS_close_range, 1, ~0u, 0);
}

/* /proc lists processes by their numbers. */
static void look_at_all(struct scan *s)
{
	autodir DIR *proc = NULL;
	const char *name;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	keep_one_fd(s);
	proc = opendir("/proc");
	while (proc && (name = next_entry(proc))) {
		pid_t pid = atoi(name);

		if (pid > s->after && pid != s->caller && pid != getpid())
			look_at_process(s, dirfd(proc), name);
	}
	_exit(proc ? 0 : 1);
}

/* In the caller */

struct reader {
	int (*fn)(const struct scan_holder *holder, void *arg);
	void *arg;
	pid_t current; /* who is being looked at */
};

/* 1: all of it; 0: the end; -1: too late. */
static int get(int fd, void *data, size_t len)
{
	char *to = data;

	while (len > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int r = poll(&p, 1, PATIENCE);
		ssize_t n;

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			return -1;
		n = read(fd, to, len);
		if (n <= 0)
			return 0;
		to += n;
		len -= (size_t)n;
	}
	return 1;
}

/* 0: the child has ended; 1: it is stuck; 2 and *ret: the callback has ended it. */
static int read_records(int fd, struct reader *reader, int *ret)
{
	char path[LINK_SIZE];
	struct record record;
	int r;

	while ((r = get(fd, &record, sizeof(record))) == 1) {
		struct scan_holder holder = {record.pid, (enum scan_how)record.how, record.fd,
					     path};

		r = record.len ? get(fd, path, record.len) : 1;
		if (r != 1)
			break;
		path[record.len] = '\0';
		reader->current = record.pid;
		*ret = record.how < 0 ? 0 : reader->fn(&holder, reader->arg);
		if (*ret)
			return 2;
	}
	return r < 0;
}

/* One child, until it ends or is ended. As read_records(), -1: there could be none, or it failed. */
static int run_child(struct scan *s, struct reader *reader, int *ret)
{
	int pipes[2], status, r;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	s->caller = getpid();
	child = fork();
	if (child == 0) {
		close(pipes[0]);
		s->out = pipes[1];
		look_at_all(s);
	}
	close(pipes[1]);
	r = child < 0 ? -1 : read_records(pipes[0], reader, ret);
	close(pipes[0]);
	if (child < 0)
		return -1;
	/* One that waits where no signal reaches it is left to itself. */
	if (r > 0)
		kill(child, SIGKILL);
	if (r == 0 && waitpid(child, &status, 0) == child && status != 0) {
		errno = EIO;
		return -1;
	}
	return r;
}

int scan_holders(const struct scan_mount *mounts, size_t count,
		 int (*fn)(const struct scan_holder *holder, void *arg), void (*stuck)(pid_t pid),
		 void *arg)
{
	struct scan s = {.mounts = mounts, .count = count};
	struct reader reader = {fn, arg, 0};
	int r, ret = 0;

	while ((r = run_child(&s, &reader, &ret)) == 1) {
		if (reader.current <= s.after) {
			errno = ETIMEDOUT;
			return -1;
		}
		stuck(reader.current);
		s.after = reader.current;
	}
	return r == 2 ? ret : r == 0 ? 0 : -1;
}
