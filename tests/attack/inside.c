/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a task inside finds and tries. Each line of the output is one thing.
 *
 *   inside brought         what it was given: fds but 0, 1, 2, signals, umask, what else is inherited
 *   inside escape MARKER   ways out of its root directory; "hit WAY: ..." for each after which MARKER, a
 *                          path of the host, can be opened, or what is below the root can be seen or changed
 *   inside offer NAME      hands fds of its namespaces, root and process to who connects
 *   inside storm SIGNAL    sends it to all others that it sees, without a pause
 *   inside take NAME       tries what can be done with them; "hit WHAT" for each that works
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_send_signal 424
#define SYS_pidfd_open 434
#define SYS_pidfd_getfd 438
#endif
#define TREE_CLONE 1
#define MOVE_EMPTY 4
#define MOST_MOUNTS 64

/* What is not there, or is as it is given, is no line. */
static int brought(void)
{
	sigset_t set;
	int parent_signal = 0;
	char target[256];

	for (int fd = 3; fd < 70000; fd++) {
		char path[64];
		ssize_t n;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("fd %d %s\n", fd, target);
	}
	sigprocmask(SIG_BLOCK, NULL, &set);
	for (int sig = 1; sig < 65; sig++)
		if (sigismember(&set, sig) == 1)
			printf("blocked %d\n", sig);
	sigpending(&set);
	for (int sig = 1; sig < 65; sig++)
		if (sigismember(&set, sig) == 1)
			printf("pending %d\n", sig);
	if (prctl(PR_GET_PDEATHSIG, &parent_signal) == 0 && parent_signal)
		printf("parent-death signal %d\n", parent_signal);
	if (prctl(PR_GET_DUMPABLE) != 1)
		printf("not dumpable\n");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 21L, 0L, 0L) > 0)
		printf("ambient capability\n");
	printf("umask %o\n", umask(0));
	return 0;
}

static void look(const char *way, const char *marker)
{
	static const char *const below[] = {"/vault", "/lower", "/upper/upper", "/upper/work"};
	struct stat st;

	if (open(marker, O_RDONLY) >= 0)
		printf("hit %s: the host's root\n", way);
	for (size_t i = 0; i < sizeof(below) / sizeof(*below); i++) {
		int fd = open(below[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && setns(fd, CLONE_NEWNS) == 0)
			printf("hit %s: the mount namespace %s\n", way, below[i]);
		if (fd >= 0)
			close(fd);
	}
	if (stat("/vault", &st) == 0 && open("/atk", O_CREAT | O_WRONLY, 0600) >= 0)
		printf("hit %s: the cradle can be written to\n", way);
}

static void up(const char *way, const char *marker)
{
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			break;
	if (chroot(".") == 0)
		look(way, marker);
}

static void by_chroot(const char *marker)
{
	int root = open("/", O_RDONLY | O_DIRECTORY);

	if (mkdir("/tmp/c", 0700) < 0 || chroot("/tmp/c") < 0 || fchdir(root) < 0)
		return;
	up("chroot", marker);
}

static void by_setns(const char *marker)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	if (setns(ns, CLONE_NEWNS) == 0)
		up("setns", marker);
}

static void by_pivot(const char *marker)
{
	if (chdir("/") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
	    umount2(".", MNT_DETACH) == 0)
		up("pivot_root", marker);
}

static void by_unmount_root(const char *marker)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	if (umount2("/", MNT_DETACH) == 0 && setns(ns, CLONE_NEWNS) == 0) {
		mount(NULL, "/", NULL, MS_REMOUNT, NULL);
		mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
		up("unmounted root", marker);
	}
}

static void by_move(const char *marker)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	if (mkdir("/tmp/m", 0700) == 0 && mount("m", "/tmp/m", "tmpfs", 0, NULL) == 0 &&
	    mount("/", "/tmp/m", NULL, MS_MOVE, NULL) == 0 && setns(ns, CLONE_NEWNS) == 0)
		up("moved root", marker);
}

static void by_clone(const char *marker)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", TREE_CLONE | AT_RECURSIVE);

	if (tree >= 0 && fchdir(tree) == 0)
		up("cloned root", marker);
}

/* Each in turn, innermost first, looking after each. */
static void by_unmount_all(const char *marker)
{
	static char target[MOST_MOUNTS][256];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int count = 0;

	while (f && count < MOST_MOUNTS &&
	       fscanf(f, "%*s %*s %*s %*s %255s %*[^\n]", target[count]) == 1)
		count++;
	while (count-- > 0) {
		if (strcmp(target[count], "/") == 0 || umount2(target[count], MNT_DETACH) < 0)
			continue;
		look("unmounted mounts", marker);
	}
}

static void by_new_namespaces(const char *marker)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return;
	by_unmount_root(marker);
	by_unmount_all(marker);
	by_pivot(marker);
}

static void by_cgroup(const char *marker)
{
	(void)marker;
	if (mkdir("/tmp/g", 0700) < 0 || mount("g", "/tmp/g", "cgroup2", 0, NULL) < 0)
		return;
	for (int up_by = 0; up_by < 6; up_by++) {
		char path[128] = "/tmp/g/";
		int fd;

		for (int i = 0; i < up_by; i++)
			strcat(path, "../");
		strcat(path, "cgroup.procs");
		fd = up_by == 0 ? -1 : open(path, O_WRONLY);
		if (fd >= 0 && write(fd, "0", 1) == 1)
			printf("hit cgroup: moved to %s\n", path);
	}
}

static int escape(const char *marker)
{
	static void (*const ways[])(const char *marker) = {
		by_chroot, by_setns,	   by_pivot,	      by_unmount_root, by_move,
		by_clone,  by_unmount_all, by_new_namespaces, by_cgroup,
	};

	look("as it is", marker);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			/* What it does to mounts is its own, where it may have such. */
			if (unshare(CLONE_NEWNS) == 0)
				mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
			ways[i](marker);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	printf("done\n");
	return 0;
}

/* In the order in which they are sent. */
static const char *const offers[] = {"mnt", "user", "pid",  "net",  "uts",
				     "ipc", "root", "tree", "pidfd"};
#define OFFERS (sizeof(offers) / sizeof(*offers))

static int open_offer(const char *what)
{
	char path[64];

	if (strcmp(what, "root") == 0)
		return open("/", O_RDONLY | O_DIRECTORY);
	if (strcmp(what, "tree") == 0)
		return (int)syscall(SYS_open_tree, AT_FDCWD, "/", TREE_CLONE);
	if (strcmp(what, "pidfd") == 0)
		return (int)syscall(SYS_pidfd_open, getpid(), 0);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", what);
	return open(path, O_RDONLY);
}

static socklen_t address(const char *name, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static ssize_t transfer(int s, int *fd, bool sends)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	char byte = fd && *fd >= 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	ssize_t n;

	if (!sends || *fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
	}
	if (sends && *fd >= 0) {
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), fd, sizeof(int));
	}
	n = sends ? sendmsg(s, &msg, 0) : recvmsg(s, &msg, 0);
	if (sends || n <= 0)
		return n;
	c = CMSG_FIRSTHDR(&msg);
	*fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return n;
}

static int offer(const char *name)
{
	struct sockaddr_un a;
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0), c;

	if (bind(s, (struct sockaddr *)&a, address(name, &a)) < 0 || listen(s, 8) < 0)
		return 1;
	puts("up");
	fflush(stdout);
	while ((c = accept(s, NULL, NULL)) >= 0) {
		for (size_t i = 0; i < OFFERS; i++) {
			int fd = open_offer(offers[i]);

			transfer(c, &fd, true);
			if (fd >= 0)
				close(fd);
		}
		close(c);
	}
	return 1;
}

static void try_fd(const char *what, int fd)
{
	if (strcmp(what, "root") == 0) {
		/* To read what it is of is what was given; to make it one's own root and mount it is not. */
		if (syscall(SYS_open_tree, fd, "", TREE_CLONE | AT_EMPTY_PATH) >= 0)
			puts("hit clone of another's root");
	} else if (strcmp(what, "tree") == 0) {
		mkdir("/tmp/t", 0700);
		if (syscall(SYS_move_mount, fd, "", AT_FDCWD, "/tmp/t", MOVE_EMPTY) == 0)
			puts("mounted what was given detached");
	} else if (strcmp(what, "pidfd") == 0) {
		if (syscall(SYS_pidfd_getfd, fd, 0, 0) >= 0)
			puts("hit an fd of the other process");
		if (setns(fd, CLONE_NEWNS | CLONE_NEWUTS) == 0)
			puts("hit setns by pidfd");
		if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0)
			puts("hit signal");
	} else if (setns(fd, 0) == 0) {
		printf("hit setns %s\n", what);
	}
}

static int take(const char *name)
{
	struct sockaddr_un a;
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (connect(s, (struct sockaddr *)&a, address(name, &a)) < 0) {
		perror("connect");
		return 1;
	}
	for (size_t i = 0; i < OFFERS; i++) {
		int fd = -1;
		pid_t pid;

		if (transfer(s, &fd, false) <= 0)
			return 1;
		if (fd < 0) {
			printf("not offered: %s\n", offers[i]);
			continue;
		}
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			try_fd(offers[i], fd);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		close(fd);
	}
	puts("done");
	return 0;
}

static _Noreturn int storm(int sig)
{
	puts("up");
	fflush(stdout);
	for (;;)
		kill(-1, sig);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "brought") == 0)
		return brought();
	if (argc == 3 && strcmp(argv[1], "escape") == 0)
		return escape(argv[2]);
	if (argc == 3 && strcmp(argv[1], "offer") == 0)
		return offer(argv[2]);
	if (argc == 3 && strcmp(argv[1], "storm") == 0)
		return storm(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "take") == 0)
		return take(argv[2]);
	return 2;
}
