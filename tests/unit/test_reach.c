/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reaching into a container from outside: sockets, files, file systems, mounts.
 */
#include <containerfs/container.h>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "chance.h"
#include "library.h"
#include "task.h"

static pid_t spawn_sleeper(int c)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	return (pid_t)ok(container_spawn(c, &how));
}

static void end(int c, pid_t pid)
{
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
}

/* sockets */

static ino_t net_of_socket(int s)
{
	int ns = ioctl(s, SIOCGSKNS);
	ino_t ino = ino_of_fd(ns);

	assert_true(ns >= 0);
	close(ns);
	return ino;
}

static void check_socket(int c, ino_t net)
{
	int s = ok(container_socket(c, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	assert_int_equal(net_of_socket(s), net);
	assert_true(fcntl(s, F_GETFD) & FD_CLOEXEC);
	close(s);
	s = ok(container_socket(c, AF_NETLINK, SOCK_RAW, 0));
	assert_int_equal(net_of_socket(s), net);
	assert_false(fcntl(s, F_GETFD) & FD_CLOEXEC);
	close(s);
}

static void test_socket(void **state)
{
	int own, inherits, nested, shares;
	ino_t net;

	(void)state;
	need_private_tree();
	own = make("own", CONTAINER_NEW_NET_NS);
	nested = make("own/nested", 0);
	inherits = make("inherits", CONTAINER_NEW_UTS_NS);
	shares = make("shares", 0);
	ok(container_set_namespace(shares, CLONE_NEWNET, CONTAINER_NS_SHARE, own));
	net = ino_of_container(own, CLONE_NEWNET);
	assert_true(net != ino_of_task(0, "net"));
	check_socket(own, net);
	check_socket(nested, net);
	check_socket(shares, net);
	check_socket(inherits, ino_of_task(0, "net"));
	fails(EAFNOSUPPORT, container_socket(own, 12345, SOCK_STREAM, 0));
	fails(EPROTONOSUPPORT, container_socket(own, AF_INET, SOCK_STREAM, 250));
	ok(container_remove(shares, 0));
	fails(ENOENT, container_socket(shares, AF_INET, SOCK_STREAM, 0));
	fails(EBADF, container_socket(-1, AF_INET, SOCK_STREAM, 0));
	fails(EBADF, container_socket(0, AF_INET, SOCK_STREAM, 0));
	close(own);
	close(nested);
	close(inherits);
	close(shares);
}

static void test_socket_user_ns(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_NET_NS | CONTAINER_NEW_USER_NS);
	check_socket(c, ino_of_container(c, CLONE_NEWNET));
	close(c);
}

static void test_socket_of_task(void **state)
{
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_NET_NS | CONTAINER_NEW_PID_NS | CONTAINER_KILL_ON_CLOSE);
	fails(ESRCH, container_socket(c, AF_INET, SOCK_STREAM, 0));
	pid = spawn_sleeper(c);
	check_socket(c, ino_of_task(pid, "net"));
	end(c, pid);
	fails(ESRCH, container_socket(c, AF_INET, SOCK_STREAM, 0));
	close(c);
}

/* A socket made outside talks to a server inside; the network is brought up through another. */
static int thread_count(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/task", &st), 0);
	return (int)st.st_nlink - 2;
}

/* Whatever is done by a thread for a moment: it is gone, and the caller goes where it may and no further. */
static void test_caller_stays(void **state)
{
	cpu_set_t all, one, now;
	int c;

	(void)state;
	need_private_tree();
	c = make("stays", CONTAINER_NEW_NET_NS);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		char text[64], *end;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		close(ok(container_socket(c, AF_INET, SOCK_STREAM, 0)));
		assert_int_equal(
			run_sh(c, "grep Cpus_allowed_list /proc/self/status", text, sizeof(text)),
			0);
		assert_int_equal(strtol(strchr(text, ':') + 1, &end, 10), cpu);
		assert_int_equal(*end, '\n');
	}
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	for (int i = 0; i < 300; i++) {
		close(ok(container_socket(c, AF_INET, SOCK_STREAM, 0)));
		assert_int_equal(thread_count(), 1);
	}
	if (CPU_COUNT(&all) > 1) {
		const char *const argv[] = {"sleep", "1000", NULL};
		struct container_spawn how = CONTAINER_SPAWN_INIT;
		pid_t pid;

		how.argv = argv;
		pid = (pid_t)ok(container_spawn(c, &how));
		assert_int_equal(sched_getaffinity(pid, sizeof(now), &now), 0);
		assert_true(CPU_EQUAL(&now, &all));
		end(c, pid);
	}
	ok(container_remove(c, 0));
	close(c);
}

/*
 * Whose children are to be born in another pid namespace can have no threads. Its first child is its init:
 * nothing that ends may be born there before.
 */
static void child_without_threads(void *arg)
{
	int c = *(int *)arg, s;
	pid_t init;

	child_holds(unshare(CLONE_NEWPID) == 0);
	child_holds(container_socket(c, AF_INET, SOCK_STREAM, 0) == -1 && errno == EINVAL);
	child_holds(container_create("another", CONTAINER_NEW_NET_NS) == -1 && errno == EINVAL);
	init = fork();
	if (init == 0)
		task_pause(NULL);
	child_holds(init > 0);
	s = container_socket(c, AF_INET, SOCK_STREAM, 0);
	child_holds(s >= 0);
	child_holds(task_ends(init) == 128 + SIGKILL);
}

static void test_socket_without_threads(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("lone", CONTAINER_NEW_NET_NS);
	assert_int_equal(in_child(child_without_threads, &c), 0);
	ok(container_remove(c, 0));
	close(c);
}

static void test_socket_talks(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	socklen_t len = sizeof(address);
	int c, s, server, ready[2];
	char text[8] = "";
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_NET_NS | CONTAINER_NEW_PID_NS);
	s = ok(container_socket(c, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &request), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pid = forked(c);
	if (pid == 0) {
		server = socket(AF_INET, SOCK_STREAM, 0);
		child_holds(bind(server, (struct sockaddr *)&address, len) == 0);
		child_holds(getsockname(server, (struct sockaddr *)&address, &len) == 0);
		child_holds(listen(server, 1) == 0);
		child_holds(write(ready[1], &address, len) == (ssize_t)len);
		server = accept(server, NULL, NULL);
		child_holds(write(server, "inside", 6) == 6);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &address, len), len);
	assert_int_equal(connect(s, (struct sockaddr *)&address, len), 0);
	assert_int_equal(read(s, text, sizeof(text) - 1), 6);
	assert_string_equal(text, "inside");
	assert_int_equal(status_of(pid), 0);
	close(ready[0]);
	close(ready[1]);
	close(s);
	close(c);
}

/* files */

static void put(int c, const char *path, const char *text)
{
	int fd = ok(container_openat(c, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void has(int c, const char *path, const char *text)
{
	int fd = ok(container_openat(c, path, O_RDONLY, 0));
	char buf[256] = "";

	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	assert_string_equal(buf, text);
	close(fd);
}

static void test_files(void **state)
{
	mode_t mask = umask(027);
	struct stat st;
	char text[64] = "";
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS | CONTAINER_NEW_UTS_NS);
	ok(container_mkdirat(c, "/tmp/dir", 0777));
	ok(container_fstatat(c, "tmp/dir/", &st, 0));
	assert_int_equal(st.st_mode, S_IFDIR | 0750);
	put(c, "tmp/dir/file", "text");
	has(c, "//tmp/./dir/../dir/file", "text");
	assert_int_equal(access("/tmp/dir/file", F_OK), -1);
	ok(container_symlinkat("/tmp/dir/file", c, "tmp/link"));
	has(c, "tmp/link", "text");
	assert_int_equal(ok(container_readlinkat(c, "/tmp/link", text, sizeof(text))), 13);
	assert_string_equal(text, "/tmp/dir/file");
	ok(container_fstatat(c, "tmp/link", &st, AT_SYMLINK_NOFOLLOW));
	assert_true(S_ISLNK(st.st_mode));
	ok(container_fstatat(c, "tmp/link", &st, 0));
	assert_true(S_ISREG(st.st_mode));
	ok(container_mknodat(c, "tmp/fifo", S_IFIFO | 0600, 0));
	ok(container_mknodat(c, "tmp/null", S_IFCHR | 0600, makedev(1, 3)));
	ok(container_fstatat(c, "tmp/null", &st, 0));
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	ok(container_renameat(c, "tmp/fifo", "tmp/dir/fifo", 0));
	fails(EEXIST, container_renameat(c, "tmp/link", "tmp/dir/file", RENAME_NOREPLACE));
	ok(container_unlinkat(c, "tmp/link", 0));
	has(c, "tmp/dir/file", "text");
	assert_int_equal(run_sh(c, "cat /tmp/dir/file; test -p /tmp/dir/fifo", text, sizeof(text)),
			 0);
	assert_string_equal(text, "text");
	umask(mask);
	close(c);
}

static void test_files_errors(void **state)
{
	struct stat st;
	char buf[8];
	int c, empty, kill;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS);
	empty = make("empty", CONTAINER_NEW_EMPTY_FS_NS);
	kill = make("transient", CONTAINER_NEW_FS_NS | CONTAINER_KILL_ON_CLOSE);
	put(c, "/tmp/file", "");
	ok(container_mkdirat(c, "tmp/dir", 0700));
	fails(ENOENT, container_openat(c, "", O_RDONLY, 0));
	fails(ENOENT, container_mkdirat(c, "", 0700));
	fails(ENOENT, container_openat(c, "none/none", O_RDONLY, 0));
	fails(ENOENT, container_mkdirat(c, "none/none", 0700));
	fails(ENOTDIR, container_mkdirat(c, "tmp/file/x", 0700));
	fails(ENOTDIR, container_unlinkat(c, "tmp/file/", 0));
	fails(EEXIST, container_mkdirat(c, "/", 0700));
	fails(EEXIST, container_mkdirat(c, "///", 0700));
	fails(EEXIST, container_mkdirat(c, "..", 0700));
	fails(EEXIST, container_mkdirat(c, "tmp/dir//", 0700));
	fails(EEXIST, container_symlinkat("x", c, "tmp/."));
	fails(EEXIST, container_mknodat(c, "tmp/..", S_IFREG | 0600, 0));
	fails(ENOTEMPTY, container_unlinkat(c, "tmp/dir/..", AT_REMOVEDIR));
	fails(EINVAL, container_unlinkat(c, "tmp/dir/.", AT_REMOVEDIR));
	fails(EBUSY, container_renameat(c, "tmp/dir/..", "tmp/x", 0));
	fails(EBUSY, container_renameat(c, "tmp/file", "/", 0));
	fails(EISDIR, container_unlinkat(c, "tmp/dir", 0));
	fails(EINVAL, container_readlinkat(c, "tmp/file", buf, sizeof(buf)));
	fails(EINVAL, container_fstatat(c, "tmp/file", &st, AT_EMPTY_PATH));
	fails(ENOENT, container_openat(empty, "/", O_RDONLY, 0));
	fails(ENOENT, container_root(empty));
	fails(ESRCH, container_openat(kill, "/", O_RDONLY, 0));
	ok(container_remove(c, 0));
	fails(ENOENT, container_openat(c, "/", O_RDONLY, 0));
	close(c);
	close(empty);
	close(kill);
}

/* A file of the host, with its name as its text. */
static void make_outside(char path[128])
{
	int fd;

	snprintf(path, 128, "%s/outside", private_tree.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "outside", 7), 7);
	close(fd);
}

/* Each of these leads to the host's file of this name, if anything does. */
static void test_files_confined(void **state)
{
	static const char *const ways[] = {
		"", "../../../..", "/proc/self/root", "/proc/1/root", "/proc/thread-self/cwd/../..",
	};
	char outside[128], target[192], path[256], text[8];
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS);
	make_outside(outside);
	for (size_t i = 0; i < COUNT(ways); i++) {
		snprintf(target, sizeof(target), "%s%s", ways[i], outside);
		ok(container_symlinkat(target, c, "tmp/link"));
		assert_int_equal(kept(container_openat(c, "tmp/link", O_RDONLY, 0)), -1);
		if (errno != ENOENT && errno != ELOOP && errno != EACCES)
			fail_msg("%s: %s", target, strerror(errno));
		assert_int_equal(kept(container_openat(c, target, O_RDONLY, 0)), -1);
		snprintf(path, sizeof(path), "%s.made", target);
		assert_int_equal(kept(container_mkdirat(c, path, 0700)), -1);
		assert_int_equal(kept(container_unlinkat(c, target, 0)), -1);
		assert_int_equal(kept(container_renameat(c, "tmp/link", path, 0)), -1);
		ok(container_unlinkat(c, "tmp/link", 0));
	}
	fails(ELOOP, container_openat(c, "/proc/thread-self/cwd", O_RDONLY, 0));
	assert_int_equal(run_sh(c, "ln -s /proc/self/fd/0 /tmp/magic", text, sizeof(text)), 0);
	fails(ELOOP, container_openat(c, "/tmp/magic", O_RDONLY, 0));
	assert_int_equal(unlink(outside), 0);
	close(c);
}

/* Of a container whose mounts its tasks hold, of one nested in it, and of the init container. */
static void test_files_roots(void **state)
{
	int c, nested, root;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS | CONTAINER_KILL_ON_CLOSE);
	nested = make("c/nested", CONTAINER_NEW_UTS_NS);
	pid = spawn_sleeper(c);
	put(c, "/tmp/file", "c");
	has(nested, "/tmp/file", "c");
	end(c, pid);
	root = ok(container_open("/"));
	fails(ENOENT, container_openat(root, "/tmp/file/none", O_RDONLY, 0));
	close(ok(container_openat(root, "/proc/self/status", O_RDONLY, 0)));
	close(root);
	close(nested);
	close(c);
}

/* file systems */

static int fsmount_of(int fs)
{
	int mnt;

	assert_true(fcntl(fs, F_GETFD) & FD_CLOEXEC);
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		fail_msg("fsconfig: %s", strerror(errno));
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		fail_msg("fsmount: %s", strerror(errno));
	close(fs);
	return mnt;
}

static int mount_of(int c, const char *fsname)
{
	return fsmount_of(ok(container_fsopen(c, fsname, FSOPEN_CLOEXEC)));
}

static size_t count_entries(int dir, const char *path)
{
	DIR *entries = fdopendir(openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	assert_non_null(entries);
	while (readdir(entries))
		n++;
	closedir(entries);
	return n - 2;
}

static void make_queue(int c)
{
	pid_t pid = forked(c);

	if (pid == 0) {
		child_holds(syscall(SYS_mq_open, "queue", O_CREAT | O_RDWR, 0600, NULL) >= 0);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
}

/* vfork(2) lets the caller go on a little before the program has its name. */
static void wait_for_exec(int mnt)
{
	char comm[16];

	for (int i = 0; i < 1000; i++) {
		int fd = openat(mnt, "1/comm", O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, comm, sizeof(comm));

		close(fd);
		if (n == 6)
			return;
		usleep(1000);
	}
}

static void check_fsopen(int c)
{
	pid_t pid = spawn_sleeper(c);
	char comm[16] = "";
	struct stat st;
	int mnt, fd;

	mnt = mount_of(c, "proc");
	wait_for_exec(mnt);
	fd = openat(mnt, "1/comm", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, comm, sizeof(comm)), 6);
	assert_string_equal(comm, "sleep\n");
	close(fd);
	/* The caller is not there, whatever its number is. */
	assert_int_equal(fstatat(mnt, "self/", &st, 0), -1);
	close(mnt);
	mnt = mount_of(c, "sysfs");
	assert_int_equal(count_entries(mnt, "class/net"), 1);
	close(mnt);
	make_queue(c);
	mnt = mount_of(c, "mqueue");
	assert_int_equal(count_entries(mnt, "."), 1);
	assert_int_equal(fstatat(mnt, "queue", &st, 0), 0);
	close(mnt);
	mnt = mount_of(c, "tmpfs");
	assert_int_equal(mkdirat(mnt, "dir", 0700), 0);
	close(mnt);
	end(c, pid);
}

static void test_fsopen(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_USER_NS, CONTAINER_KILL_ON_CLOSE,
					     CONTAINER_NEW_USER_NS | CONTAINER_KILL_ON_CLOSE};
	int c;

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = make_with_host_ids(NULL, flags[i] | CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS |
						     CONTAINER_NEW_NET_NS | CONTAINER_NEW_IPC_NS);
		check_fsopen(c);
		close(c);
	}
}

static void test_fsopen_errors(void **state)
{
	int c, transient, fs;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS | CONTAINER_NEW_NET_NS);
	transient = make("transient", CONTAINER_NEW_NET_NS | CONTAINER_KILL_ON_CLOSE);
	fails(ENODEV, container_fsopen(c, "none", 0));
	fails(EINVAL, container_fsopen(c, "tmpfs", 0x80));
	fails(ESRCH, container_fsopen(c, "proc", 0));
	fails(ESRCH, container_fsopen(transient, "sysfs", 0));
	fs = ok(container_fsopen(c, "sysfs", 0));
	assert_false(fcntl(fs, F_GETFD) & FD_CLOEXEC);
	close(fs);
	close(ok(container_fsopen(transient, "tmpfs", 0)));
	close(transient);
	close(c);
}

/* mounts */

static int new_tmpfs(int c)
{
	int mnt = mount_of(c, "tmpfs");
	int fd = openat(mnt, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, "tmpfs", 5), 5);
	close(fd);
	return mnt;
}

static void check_mounts(int c, const char *mounts_of_task)
{
	struct stat st;
	char text[64];
	int mnt = new_tmpfs(c), fd;

	ok(container_move_mount(c, mnt, "/mnt", 0));
	close(mnt);
	assert_true(file_has(mounts_of_task, " /mnt "));
	assert_false(file_has("/proc/self/mountinfo", " /mnt "));
	has(c, "/mnt/file", "tmpfs");
	assert_int_equal(run_sh(c, "cat /mnt/file", text, sizeof(text)), 0);
	assert_string_equal(text, "tmpfs");
	/* Where a link leads: through the container's root. */
	ok(container_symlinkat("/mnt/", c, "/tmp/link"));
	ok(container_symlinkat("../link", c, "/tmp/dir/link2"));
	mnt = new_tmpfs(c);
	ok(container_move_mount(c, mnt, "/tmp/dir/link2", 0));
	close(mnt);
	fails(EINVAL, container_umount(c, "/tmp/dir/link2", UMOUNT_NOFOLLOW));
	fails(EINVAL, container_umount(c, "/tmp/dir", 0));
	fails(EINVAL, container_umount(c, "/mnt/.", 0));
	fails(EINVAL, container_umount(c, "/", MNT_DETACH));
	fails(ENOENT, container_umount(c, "/none", 0));
	ok(container_umount(c, "/tmp/dir/link2/", 0));
	fd = ok(container_openat(c, "/mnt/file", O_RDONLY, 0));
	fails(EBUSY, container_umount(c, "tmp/dir/../link", 0));
	ok(container_umount(c, "tmp/dir/../link", MNT_DETACH));
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	close(fd);
	fails(ENOENT, container_fstatat(c, "/mnt/file", &st, 0));
	fails(EINVAL, container_umount(c, "/mnt", 0));
	assert_false(file_has(mounts_of_task, " /mnt "));
	ok(container_unlinkat(c, "/tmp/link", 0));
}

/* The table as the container's root shows it, with tasks, without, and from a nested one. */

struct wanted_mount {
	const char *target;
	struct container_mount found; /* its texts are gone */
	char type[32], source[64];
	size_t count;
};

static int look_for(const struct container_mount *mount, void *arg)
{
	struct wanted_mount *w = arg;

	assert_int_equal(mount->size, sizeof(*mount));
	w->count++;
	if (strcmp(mount->target, w->target) == 0) {
		w->found = *mount;
		snprintf(w->type, sizeof(w->type), "%s", mount->type);
		snprintf(w->source, sizeof(w->source), "%s", mount->source);
	}
	return 0;
}

static int stop_at_once(const struct container_mount *mount, void *arg)
{
	(void)mount;
	++*(int *)arg;
	return 7;
}

static void check_mount_table(unsigned int flags)
{
	struct wanted_mount w = {.target = "/tmp/odd \\n\\\\name"};
	int c, nested, mnt;
	struct statx st;

	c = make_with_host_ids("c", flags);
	nested = make("c/nested", 0);
	ok(container_mkdirat(c, w.target, 0755));
	mnt = new_tmpfs(c);
	ok(container_move_mount(c, mnt, w.target, 0));
	/* The caller's fd is of the mount in the container, even if that had to be copied. */
	assert_int_equal(statx(mnt, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st), 0);
	assert_true(fcntl(mnt, F_GETFD) & FD_CLOEXEC);
	close(mnt);
	for (int i = 0; i < 2; i++) {
		w.count = w.found.id = 0;
		ok(container_mounts(i ? nested : c, look_for, &w));
		assert_true(w.count >= 2);
		assert_true(w.found.id == st.stx_mnt_id);
		assert_true(w.found.dev == makedev(st.stx_dev_major, st.stx_dev_minor));
		assert_string_equal(w.type, "tmpfs");
		assert_int_equal(w.found.shared, 0);
	}
	ok(container_umount(c, w.target, 0));
	w.found.id = 0;
	ok(container_mounts(c, look_for, &w));
	assert_int_equal(w.found.id, 0);
	ok(container_remove(c, CONTAINER_REMOVE_RECURSIVE));
	fails(ENOENT, container_mounts(c, look_for, &w));
	close(c);
	close(nested);
}

static void test_mount_table(void **state)
{
	struct wanted_mount w = {.target = "/"};
	int c, empty, transient, calls = 0;

	(void)state;
	need_private_tree();
	check_mount_table(CONTAINER_NEW_FS_NS);
	check_mount_table(CONTAINER_NEW_FS_NS | CONTAINER_NEW_USER_NS);
	c = make("c", CONTAINER_NEW_FS_NS);
	empty = make("empty", CONTAINER_NEW_FS_NS | CONTAINER_NEW_EMPTY_FS_NS);
	transient = make(NULL, CONTAINER_NEW_FS_NS | CONTAINER_KILL_ON_CLOSE);
	assert_int_equal(kept(container_mounts(c, stop_at_once, &calls)), 7);
	assert_int_equal(calls, 1);
	fails(ENOENT, container_mounts(empty, look_for, &w));
	fails(ESRCH, container_mounts(transient, look_for, &w));
	fails(EBADF, container_mounts(-1, look_for, &w));
	close(c);
	close(empty);
	close(transient);
}

static void test_mounts(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_USER_NS, CONTAINER_KILL_ON_CLOSE,
					     CONTAINER_NEW_USER_NS | CONTAINER_KILL_ON_CLOSE};
	char path[64];
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = make_with_host_ids(NULL, flags[i] | CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS);
		pid = spawn_sleeper(c);
		ok(container_mkdirat(c, "/tmp/dir", 0755));
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
		check_mounts(c, path);
		end(c, pid);
		close(c);
	}
}

/* A directory of the host's, read-only, and a file. */
static void test_bind(void **state)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	char path[128];
	int c, tree;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS);
	make_outside(path);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, private_tree.dir,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	assert_true(tree >= 0);
	assert_int_equal(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)),
			 0);
	ok(container_move_mount(c, tree, "mnt", 0));
	close(tree);
	has(c, "/mnt/outside", "outside");
	fails(EROFS, container_openat(c, "/mnt/outside", O_RDWR, 0));
	put(c, "/tmp/file", "");
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	fails(ENOTDIR, container_move_mount(c, tree, "/tmp", 0));
	ok(container_move_mount(c, tree, "/tmp/file", CONTAINER_MOUNT_PROPAGATE));
	close(tree);
	has(c, "/tmp/file", "outside");
	ok(container_umount(c, "/tmp/file", 0));
	has(c, "/tmp/file", "");
	assert_int_equal(unlink(path), 0);
	close(c);
}

static void test_mounts_refused(void **state)
{
	int c, inherits, transient, mnt, host;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS);
	inherits = make("inherits", CONTAINER_NEW_UTS_NS);
	transient = make("transient", CONTAINER_NEW_FS_NS | CONTAINER_KILL_ON_CLOSE);
	mnt = new_tmpfs(c);
	host = open("/", O_PATH | O_CLOEXEC);
	fails(EPERM, container_move_mount(inherits, mnt, "/mnt", 0));
	fails(EPERM, container_umount(inherits, "/proc", 0));
	fails(ESRCH, container_move_mount(transient, mnt, "/mnt", 0));
	fails(EINVAL, container_move_mount(c, host, "/mnt", 0));
	fails(EINVAL, container_move_mount(c, host, "/mnt", CONTAINER_MOUNT_PROPAGATE));
	fails(EINVAL, container_move_mount(c, mnt, "//", 0));
	fails(EINVAL, container_move_mount(c, mnt, "/mnt", CONTAINER_ROOT));
	fails(EINVAL, container_move_mount(c, mnt, "/mnt", 0x1000));
	fails(EBUSY, container_move_mount(c, mnt, "/", CONTAINER_ROOT));
	fails(ENOENT, container_move_mount(c, mnt, "/none", 0));
	fails(EBADF, container_move_mount(c, 1000, "/mnt", 0));
	fails(EBADF, container_move_mount(c, -1, "/mnt", 0));
	close(host);
	close(mnt);
	close(c);
	close(inherits);
	close(transient);
}

/* The order of the 2017 sample: empty, its network and root set up from outside, then init. */
static void test_mount_root(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_KILL_ON_CLOSE,
					     CONTAINER_KILL_ON_CLOSE | CONTAINER_NEW_USER_NS};
	char text[64];
	int c, tree;

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = make_with_host_ids(NULL, flags[i] | CONTAINER_NEW_EMPTY_FS_NS |
						     CONTAINER_NEW_NET_NS | CONTAINER_NEW_PID_NS |
						     CONTAINER_NEW_IPC_NS);
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/",
				    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		fails(ENOENT, container_move_mount(c, tree, "/mnt", 0));
		ok(container_move_mount(c, tree, "/", CONTAINER_ROOT));
		close(tree);
		check_socket(c, ino_of_container(c, CLONE_NEWNET));
		tree = new_tmpfs(c);
		ok(container_move_mount(c, tree, "/mnt", 0));
		close(tree);
		assert_int_equal(run_sh(c, "cat /mnt/file; test $$ = 1 && test -e /proc/self/fd/1",
					text, sizeof(text)),
				 0);
		assert_string_equal(text, "tmpfs");
		close(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_socket),	   library_test(test_socket_user_ns),
		library_test(test_socket_of_task), library_test(test_socket_talks),
		library_test(test_caller_stays),   library_test(test_socket_without_threads),
		library_test(test_files),	   library_test(test_files_errors),
		library_test(test_files_confined), library_test(test_files_roots),
		library_test(test_fsopen),	   library_test(test_fsopen_errors),
		library_test(test_mounts),	   library_test(test_bind),
		library_test(test_mounts_refused), library_test(test_mount_root),
		library_test(test_mount_table),
	};

	return private_tree_run(tests);
}
