/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "text.h"

#define FORKED_NO_EXEC                                                                             \
	0x40	      /* PF_FORKNOEXEC of the kernel, a flag in /proc/PID/stat since Linux 2.6 */
#define WORKER 0x4010 /* PF_USER_WORKER, PF_IO_WORKER */
#define PIDFS_MAGIC 0x50494446 /* linux/magic.h has it since 6.9 */

/* "/proc/thread-self/ENTRY" or "/proc/PID/ENTRY". */
static void proc_path(pid_t pid, const char *entry, char *buf, size_t size)
{
	char number[21];
	size_t len = 0;

	if (pid)
		text_format_u64((uint64_t)pid, number);
	buf[0] = '\0';
	text_append(buf, size, &len, "/proc/");
	text_append(buf, size, &len, pid ? number : "thread-self");
	text_append(buf, size, &len, "/");
	text_append(buf, size, &len, entry);
}

static int proc_read(pid_t pid, const char *entry, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	proc_path(pid, entry, path, sizeof(path));
	n = kernel_read_file(AT_FDCWD, path, buf, size);
	if (n == -ENOENT && pid)
		return -ESRCH;
	return n < 0 ? (int)n : 0;
}

/* How much of "Groups:" the line that is being read begins with, unless it differs. */
struct status_cut {
	size_t line;
	bool differs;
};

/*
 * The line of groups may have 65536 numbers, and most that is asked for comes after it: so they are left out of each
 * piece that is read. What remains is moved to its begin; returns its length.
 */
static size_t cut_groups(struct status_cut *cut, char *piece, size_t len)
{
	static const char name[] = "Groups:";
	size_t left = 0;

	for (size_t i = 0; i < len; i++) {
		bool is_cut = !cut->differs && cut->line == sizeof(name) - 1;

		if (piece[i] == '\n')
			*cut = (struct status_cut){0};
		else if (!cut->differs && !is_cut)
			cut->differs = piece[i] != name[cut->line++];
		if (!is_cut || piece[i] == '\n')
			piece[left++] = piece[i];
	}
	return left;
}

/* /proc/PID/status but for the numbers of its groups. */
static int proc_read_status(pid_t pid, char *buf, size_t size)
{
	struct status_cut cut = {0};
	autoclose int fd = -EBADF;
	size_t len = 0;
	char path[64];

	proc_path(pid, "status", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && pid ? -ESRCH : -errno;
	for (;;) {
		size_t room = size - 1 - len;
		ssize_t n = read(fd, buf + len, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += cut_groups(&cut, buf + len, (size_t)n);
		/* The kernel has made all of it by the first read, and gives as much as there is room for. */
		if ((size_t)n < room)
			break;
		if (len == size - 1)
			return -E2BIG;
	}
	buf[len] = '\0';
	return 0;
}

/* A field of proc_pid_stat(5), counted from the last ')': the command's name may hold anything. */
static int stat_field(const char *text, int wanted, uint64_t *ret_value)
{
	const char *s = strrchr(text, ')');

	for (int field = 2; s && field < wanted; field++) {
		s = strchr(s, ' ');
		s = s ? s + 1 : NULL;
	}
	return !s || text_parse_u64(s, UINT64_MAX, ret_value) < 0 ? -EIO : 0;
}

static int proc_start_time(pid_t pid, uint64_t *ret_time)
{
	char buf[1024];
	int r = proc_read(pid, "stat", buf, sizeof(buf));

	return r < 0 ? r : stat_field(buf, 22, ret_time);
}

bool proc_children_begin_pid_ns(void)
{
	char link[64];

	/* As long as a pid namespace has no process its link leads nowhere. */
	return kernel_readlink(AT_FDCWD, "/proc/thread-self/ns/pid_for_children", link,
			       sizeof(link)) == -ENOENT &&
	       kernel_readlink(AT_FDCWD, "/proc/thread-self/ns/pid", link, sizeof(link)) >= 0;
}

bool proc_has_executed(pid_t pid)
{
	char buf[1024];
	uint64_t flags;

	return proc_read(pid, "stat", buf, sizeof(buf)) == 0 && stat_field(buf, 9, &flags) == 0 &&
	       !(flags & FORKED_NO_EXEC);
}

bool proc_is_worker(pid_t tid)
{
	char buf[1024];
	uint64_t flags;

	return proc_read(tid, "stat", buf, sizeof(buf)) == 0 && stat_field(buf, 9, &flags) == 0 &&
	       (flags & WORKER);
}

int proc_wipe_args(void)
{
	uint64_t start, end;
	char buf[1024];
	int r = proc_read(0, "stat", buf, sizeof(buf));

	r = r ? r : stat_field(buf, 48, &start);
	r = r ? r : stat_field(buf, 49, &end);
	if (r == 0 && start && end > start)
		memset((void *)(uintptr_t)start, 0, end - start);
	return r < 0 ? error_set(r, "read", "/proc/thread-self/stat") : 0;
}

/* 1, 0, -errno. */
static int in_pidfs(int pidfd, uint64_t *ret_inode)
{
	struct statfs sfs;
	struct stat st;

	if (fstatfs(pidfd, &sfs) < 0 || fstat(pidfd, &st) < 0)
		return -errno;
	*ret_inode = st.st_ino;
	return sfs.f_type == PIDFS_MAGIC;
}

int proc_identity(int pidfd, pid_t pid, uint64_t *ret_identity)
{
	int r = in_pidfs(pidfd, ret_identity);

	return r == 0 ? proc_start_time(pid, ret_identity) : r < 0 ? r : 0;
}

bool proc_has_identity(int pidfd, pid_t pid, uint64_t identity)
{
	uint64_t found = 0;
	pid_t number;
	int r = in_pidfs(pidfd, &found);

	if (r != 0)
		return r > 0 && found == identity;
	/* Two processes may have been started in one moment. */
	return proc_start_time(pid, &found) == 0 && found == identity &&
	       proc_pid_of(pidfd, &number) == 0 && number == pid;
}

int proc_pid_of(int pidfd, pid_t *ret_pid)
{
	char path[sizeof("/proc/self/fdinfo/") + 20] = "/proc/self/fdinfo/", text[1024];
	const char *line;
	uint64_t pid;
	ssize_t n;

	text_format_u64((uint64_t)pidfd, path + strlen(path));
	n = kernel_read_file(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -EBADF : (int)n;
	line = strstr(text, "\nPid:\t");
	if (!line)
		return -EINVAL;
	line += strlen("\nPid:\t");
	/* -1 once it has been reaped, 0 if it is not seen from here. */
	if (text_parse_u64(line, INT32_MAX, &pid) < 0 || pid == 0)
		return -ESRCH;
	*ret_pid = (pid_t)pid;
	return 0;
}

int proc_open_identified(pid_t pid, uint64_t identity, bool ended)
{
	autoclose int pidfd = kernel_pidfd_open(pid);
	uint64_t found = 0;
	int r;

	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : take_fd(&pidfd);
	r = proc_identity(pidfd, pid, &found);
	if (r < 0)
		return r;
	/* The number may have been read of a later process: this one must have it after that. */
	if (found != identity ||
	    (ended ? kernel_pidfd_send_signal(pidfd, 0) == -ESRCH : !kernel_pidfd_is_alive(pidfd)))
		return -ESRCH;
	return take_fd(&pidfd);
}

static int child_exit_status(int pidfd, int *ret_status)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return -errno;
	if (info.si_pid == 0)
		return -EBUSY;
	*ret_status = info.si_code == CLD_EXITED
			      ? (info.si_status & 0xff) << 8
			      : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
	return 0;
}

/*
 * The last field, 52, of proc_pid_stat(5). It is 0 for whom the kernel does not let know: who may read the
 * link of its user namespace, which a zombie has too, may know.
 */
static int zombie_exit_status(int pidfd, int *ret_status)
{
	char buf[1024], path[64], link[64];
	uint64_t status;
	const char *s;
	pid_t pid, again;
	int r = proc_pid_of(pidfd, &pid);

	r = r ? r : proc_read(pid, "stat", buf, sizeof(buf));
	if (r < 0)
		return r;
	proc_path(pid, "ns/user", path, sizeof(path));
	if (readlink(path, link, sizeof(link)) < 0)
		return -errno;
	s = strrchr(buf, ')');
	if (!s || strncmp(s, ") Z ", 4) != 0)
		return -EBUSY;
	s = strrchr(s, ' ');
	if (text_parse_u64(s + 1, UINT16_MAX, &status) < 0)
		return -EIO;
	/* It was this one's if it has the number still. */
	r = proc_pid_of(pidfd, &again);
	if (r == 0 && again == pid)
		*ret_status = (int)status;
	return r;
}

int proc_exit_status(int pidfd, int *ret_status)
{
	int r;

	if (kernel_pidfd_is_alive(pidfd))
		return -EBUSY;
	r = child_exit_status(pidfd, ret_status);
	if (r < 0)
		r = zombie_exit_status(pidfd, ret_status);
	return r < 0 ? -ESRCH : 0;
}

/* What is behind "\nNAME:\t"; NULL. */
static const char *status_field(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? line + strlen(name) : NULL;
}

static uint64_t status_number(const char *text, const char *name)
{
	const char *field = status_field(text, name);
	uint64_t value = 0;

	return field && text_parse_u64(field, INT32_MAX, &value) > 0 ? value : 0;
}

/* The path of cgroup v2 in what /proc/PID/cgroup says. */
static int parse_cgroup(const char *text, char *buf, size_t size)
{
	const char *line;
	size_t len;

	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return -EOPNOTSUPP;
	line = strchr(line, ':') + 2;
	len = strcspn(line, "\n");
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, line, len);
	buf[len] = '\0';
	return 0;
}

int proc_cgroup(pid_t pid, char *buf, size_t size)
{
	char text[8192];
	int r = proc_read(pid, "cgroup", text, sizeof(text));

	return r < 0 ? r : parse_cgroup(text, buf, size);
}

int proc_thread_cgroup(int thread, char *buf, size_t size)
{
	char text[8192];
	ssize_t n = kernel_read_file(thread, "cgroup", text, sizeof(text));

	return n < 0 ? (n == -ENOENT ? -ESRCH : (int)n) : parse_cgroup(text, buf, size);
}

int proc_process_of(pid_t tid, pid_t *ret_pid)
{
	char text[8192];
	int r = proc_read_status(tid, text, sizeof(text));

	if (r < 0)
		return r;
	*ret_pid = (pid_t)status_number(text, "\nTgid:\t");
	return *ret_pid > 0 ? 0 : -ESRCH;
}

int proc_open_thread(pid_t pid, pid_t tid)
{
	char path[64], entry[32] = "task/";
	int fd;

	text_format_u64((uint64_t)tid, entry + strlen(entry));
	proc_path(pid, entry, path, sizeof(path));
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

/*
 * wchan is "0" of a thread that does not wait, and of one that the caller may not look at; and not every kernel
 * knows its own names.
 */
int proc_thread_waits(int thread, char *ret_state, char *where, size_t size)
{
	char text[1024];
	const char *state;
	ssize_t n = kernel_read_file(thread, "stat", text, sizeof(text));

	state = n < 0 ? NULL : strrchr(text, ')');
	if (!state || strlen(state) < 3)
		return n < 0 && n != -ENOENT ? (int)n : -ESRCH;
	*ret_state = state[2];
	n = kernel_read_file(thread, "wchan", where, size);
	if (n <= 0 || strcmp(where, "0") == 0)
		where[0] = '\0';
	return 0;
}

int proc_open_ns(pid_t pid, const char *entry)
{
	char path[64], ns_entry[32] = "ns/";
	size_t len = 3;
	int fd;

	text_append(ns_entry, sizeof(ns_entry), &len, entry);
	proc_path(pid, ns_entry, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && pid ? -ESRCH : -errno;
	return fd;
}

bool proc_is_own_pid_ns(void)
{
	char text[21];
	uint64_t pid;

	return kernel_readlink(AT_FDCWD, "/proc/self", text, sizeof(text)) > 0 &&
	       text_parse_whole_u64(text, INT32_MAX, &pid) == 0 && (pid_t)pid == getpid();
}

int proc_nested_init_depth(pid_t pid)
{
	char buf[4096];
	const char *line;
	size_t len;
	int depth = 0, r = proc_read_status(pid, buf, sizeof(buf));

	if (r < 0)
		return r;
	line = strstr(buf, "\nNSpid:");
	if (!line)
		return 0;
	line += strlen("\nNSpid:");
	len = strcspn(line, "\n");
	for (size_t i = 0; i < len; i++)
		depth += line[i] == '\t';
	/* The innermost is the last. */
	return depth > 1 && len > 2 && line[len - 2] == '\t' && line[len - 1] == '1' ? depth : 0;
}

/* "\tN\tN\n" */
static int status_numbers(const char *field, pid_t number[PROC_DEPTH])
{
	uint64_t value;
	int depth = 0;

	while (field && *field == '\t' && depth < PROC_DEPTH) {
		int n = text_parse_u64(field + 1, INT32_MAX, &value);

		if (n < 0)
			return n;
		number[depth++] = (pid_t)value;
		field += 1 + n;
	}
	return depth > 0 ? depth : -EIO;
}

static int status_four(const char *field, uint32_t ret_ids[4])
{
	for (int i = 0; i < 4; i++) {
		uint64_t value;
		int n = field && *field == '\t' ? text_parse_u64(field + 1, UINT32_MAX, &value)
						: -EIO;

		if (n < 0)
			return -EIO;
		ret_ids[i] = (uint32_t)value;
		field += 1 + n;
	}
	return 0;
}

static int status_ids(const char *text, struct proc_ids *ret_ids)
{
	const char *permitted = status_field(text, "\nCapPrm:\t");
	int r = status_four(status_field(text, "\nUid:"), ret_ids->uid);

	r = r ? r : status_four(status_field(text, "\nGid:"), ret_ids->gid);
	if (r == 0 && (!permitted || text_parse_id(permitted, &ret_ids->permitted) < 0))
		r = -EIO;
	return r;
}

int proc_status(pid_t pid, struct proc_status *ret_status)
{
	char buf[8192];
	const char *state;
	int r = proc_read_status(pid, buf, sizeof(buf));

	if (r < 0)
		return r;
	state = status_field(buf, "\nState:\t");
	*ret_status = (struct proc_status){
		.process = (pid_t)status_number(buf, "\nTgid:\t"),
		.tracer = (pid_t)status_number(buf, "\nTracerPid:\t"),
		.ended = !state || *state == 'Z' || *state == 'X',
		.threads = (int)status_number(buf, "\nThreads:\t"),
		.filtered = status_number(buf, "\nSeccomp:\t") != 0,
	};
	/* No memory: it is the kernel's, or has given it up on its way out. */
	if (!status_field(buf, "\nVmSize:") && !ret_status->ended)
		return -ESRCH;
	ret_status->depth = status_numbers(status_field(buf, "\nNSpid:"), ret_status->number);
	return ret_status->depth < 0 ? ret_status->depth : status_ids(buf, &ret_status->ids);
}

int proc_open_ns_dir(pid_t pid)
{
	char path[64];
	int fd;

	proc_path(pid, "ns", path, sizeof(path));
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && pid ? -ESRCH : -errno;
	return fd;
}

int proc_ns_inode(int ns_dir, const char *entry, uint64_t *ret_inode)
{
	struct stat st;

	*ret_inode = 0;
	if (fstatat(ns_dir, entry, &st, 0) == 0)
		*ret_inode = st.st_ino;
	/* A process that has ended, or a pid namespace that is a wish: only that entry is missing then. */
	else if (errno != ENOENT)
		return errno == EACCES ? -EPERM : -errno;
	else if (fstatat(ns_dir, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -ESRCH;
	return 0;
}
