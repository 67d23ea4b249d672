/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library as a C program uses it: containers, their namespaces, roots and records, errors. Tasks
 * are the matter of test_tasks.c.
 */
#include <containerfs/container.h>

#include <sys/time.h>

#include <linux/mount.h>

#include "chance.h"
#include "library.h"

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static void test_fds(void **state)
{
	struct stat st;
	char path[64];
	int a, b, of, opened, wait;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", 0));
	b = ok(container_create("b", CONTAINER_FD_CLOEXEC));
	assert_false(is_cloexec(a));
	assert_true(is_cloexec(b));
	opened = ok(container_open("a"));
	assert_true(is_cloexec(opened));
	of = ok(container_of(0));
	assert_true(is_cloexec(of));
	wait = ok(container_wait_fd(a));
	assert_true(is_cloexec(wait));
	assert_int_equal(fstat(a, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(ino_of_fd(a), ino_of_fd(opened));
	assert_int_equal(ok(container_path(of, path, sizeof(path))), 1);
	assert_string_equal(path, "/");
	/* A copy is as good as the first. */
	close(a);
	a = dup(opened);
	close(opened);
	assert_int_equal(ok(container_path(a, path, sizeof(path))), 2);
	close(a);
	close(b);
	close(of);
	close(wait);
}

static void test_flags(void **state)
{
	static const unsigned int bad[] = {0x800, 0x1000, 0x80000000, 0x8000, 0x1001};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(bad); i++) {
		fails(EINVAL, container_create("a", bad[i]));
		assert_true(is_gone("a"));
	}
	for (size_t i = 0; i < KINDS; i++) {
		int c = ok(container_create("a", kinds[i].create_flag));
		struct container_info info = info_of(c);

		assert_int_equal(info.own, kinds[i].clone_flag);
		assert_int_equal(info.shared, 0);
		assert_int_equal(info.state, CONTAINER_CREATED);
		assert_int_equal(info.transient, 0);
		assert_int_equal(info.tasks, 0);
		assert_int_equal(info.init, 0);
		assert_int_equal(info.owner, 0);
		assert_true(info.id != 0);
		ok(container_remove(c, 0));
		close(c);
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		".",   "..",  "a b",  "tasks", "web/tasks", "@spec",
		"a\n", "a:b", "\xff", "../x",  "web/../x",
	};
	char name[258], path[64];
	int c, web;

	(void)state;
	need_private_tree();
	web = ok(container_create("web", CONTAINER_FD_CLOEXEC));
	for (size_t i = 0; i < COUNT(bad); i++)
		fails(EINVAL, container_create(bad[i], 0));
	fails(EEXIST, container_create("web", 0));
	fails(EEXIST, container_create("/web", 0));
	fails(ENOENT, container_create("none/web", 0));
	fails(ENOENT, container_create("web/db/log", 0));
	fails(EINVAL, container_create_at(web, "a/b", 0));
	fails(EINVAL, container_create_at(web, "", 0));
	fails(ENOENT, container_open("none"));
	fails(ENOENT, container_open("/web/db"));
	fails(EINVAL, container_open("web/.."));
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	fails(EINVAL, container_create(name, 0));
	name[255] = '\0';
	c = ok(container_create(name, CONTAINER_FD_CLOEXEC));
	fails(ERANGE, container_path(c, path, sizeof(path)));
	ok(container_remove(c, 0));
	close(c);
	close(web);
}

/* A variable of a script that is not set must not mean the caller's own container. */
static void test_empty_name(void **state)
{
	(void)state;
	need_private_tree();
	errno = 0;
	assert_int_equal(kept(container_open("")), -1);
	assert_true(errno == ENOENT || errno == EINVAL);
	errno = 0;
	assert_int_equal(kept(container_create("", CONTAINER_FD_CLOEXEC)), -1);
	assert_true(errno == ENOENT || errno == EINVAL);
}

static void test_numbered(void **state)
{
	int parent, c[3];
	char path[64];

	(void)state;
	need_private_tree();
	parent = ok(container_create("p", CONTAINER_FD_CLOEXEC));
	c[0] = ok(container_create_at(parent, NULL, CONTAINER_FD_CLOEXEC));
	c[1] = ok(container_create("p/", CONTAINER_FD_CLOEXEC));
	c[2] = ok(container_create(NULL, CONTAINER_FD_CLOEXEC));
	ok(container_path(c[0], path, sizeof(path)));
	assert_string_equal(path, "/p/container_1");
	ok(container_path(c[1], path, sizeof(path)));
	assert_string_equal(path, "/p/container_2");
	ok(container_path(c[2], path, sizeof(path)));
	assert_string_equal(path, "/container_1");
	for (int i = 0; i < 3; i++)
		close(c[i]);
	close(parent);
}

/* Created, filled, given a root, and only then a first task, as the 2017 sample does. */
static void test_order_2017(void **state)
{
	unsigned int flags =
		CONTAINER_NEW_EMPTY_FS_NS | CONTAINER_NEW_PID_NS | CONTAINER_FD_CLOEXEC;
	char hostname[65], path[64];
	int c, tree, uts;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = ok(container_create("sample", flags));
	ok(container_set_namespace(c, CLONE_NEWUTS, CONTAINER_NS_OWN, -1));
	ok(container_set_namespace(c, CLONE_NEWIPC, CONTAINER_NS_OWN, -1));
	ok(container_set_namespace(c, CLONE_NEWNET, CONTAINER_NS_OWN, -1));
	ok(container_set_hostname(c, "serge"));
	assert_int_equal(ok(container_get_hostname(c, hostname, sizeof(hostname))), 5);
	assert_string_equal(hostname, "serge");
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	assert_true(tree >= 0);
	ok(container_set_root(c, tree, 0));
	close(tree);
	uts = ok(container_namespace(c, CLONE_NEWUTS));
	assert_int_equal(info_of(c).state, CONTAINER_CREATED);

	pid = forked(c);
	if (pid == 0) {
		struct stat st;

		child_holds(getpid() == 1);
		child_holds(gethostname(hostname, sizeof(hostname)) == 0);
		child_holds(strcmp(hostname, "serge") == 0);
		child_holds(fstat(uts, &st) == 0 && st.st_ino == ino_of_task(0, "uts"));
		child_holds(access("/proc/1/status", F_OK) == 0);
		snprintf(path, sizeof(path), "/proc/%d", 2);
		child_holds(access(path, F_OK) < 0);
		_exit(7);
	}
	assert_int_equal(status_of(pid), 7);
	assert_int_equal(info_of(c).state, CONTAINER_STOPPED);
	ok(container_remove(c, 0));
	close(uts);
	close(c);
}

/* What container_namespace() gives before is what a task then has; the rest is the parent's. */
static void check_task_has(int c, unsigned int create_flags, const ino_t before[KINDS])
{
	pid_t pid = spawn_sh(c, "exec sleep 100", NULL);

	for (size_t i = 0; i < KINDS; i++) {
		ino_t has = ino_of_task(pid, kinds[i].proc);
		bool own = create_flags & kinds[i].create_flag;

		if (has != ino_of_container(c, kinds[i].clone_flag))
			fail_msg("0x%x: %s: another namespace than the task's", create_flags,
				 kinds[i].name);
		if (before[i] && has != before[i])
			fail_msg("0x%x: %s: another namespace than before the task", create_flags,
				 kinds[i].name);
		if ((has == ino_of_task(0, kinds[i].proc)) == own)
			fail_msg("0x%x: %s: %s", create_flags, kinds[i].name,
				 own ? "not its own" : "not inherited");
	}
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
}

static void test_namespaces(void **state)
{
	unsigned int sets[KINDS + 3] = {0, NEW_ALL_BUT_USER,
					NEW_ALL_BUT_USER | CONTAINER_NEW_USER_NS};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < KINDS; i++)
		sets[i + 3] = kinds[i].create_flag;
	for (size_t s = 0; s < COUNT(sets); s++) {
		int c = ok(container_create("c", sets[s] | CONTAINER_FD_CLOEXEC));
		ino_t before[KINDS] = {0};

		for (size_t i = 0; i < KINDS; i++) {
			if (sets[s] & kinds[i].create_flag & CONTAINER_NEW_PID_NS)
				fails(ESRCH, container_namespace(c, CLONE_NEWPID));
			else
				before[i] = ino_of_container(c, kinds[i].clone_flag);
		}
		/* Twice: the second first task gets the same ones, but for a new pid namespace. */
		check_task_has(c, sets[s], before);
		check_task_has(c, sets[s], before);
		fails(EINVAL, container_namespace(c, 0));
		fails(EINVAL, container_namespace(c, CLONE_NEWNET | CLONE_NEWUTS));
		fails(EINVAL, container_namespace(c, CLONE_VM));
		ok(container_remove(c, 0));
		close(c);
	}
}

/* From the parent container, not from whoever calls. */
static void test_inherit(void **state)
{
	int a, ab, abc;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS |
					     CONTAINER_FD_CLOEXEC));
	ab = ok(container_create("a/b", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC));
	abc = ok(container_create("a/b/c", CONTAINER_FD_CLOEXEC));
	assert_int_equal(ino_of_container(abc, CLONE_NEWNET), ino_of_container(a, CLONE_NEWNET));
	assert_int_equal(ino_of_container(abc, CLONE_NEWUTS), ino_of_container(ab, CLONE_NEWUTS));
	assert_int_not_equal(ino_of_container(ab, CLONE_NEWUTS), ino_of_container(a, CLONE_NEWUTS));
	assert_int_equal(ino_of_container(abc, CLONE_NEWIPC), ino_of_task(0, "ipc"));
	ok(container_set_namespace(ab, CLONE_NEWUTS, CONTAINER_NS_INHERIT, -1));
	assert_int_equal(ino_of_container(abc, CLONE_NEWUTS), ino_of_container(a, CLONE_NEWUTS));
	ok(container_set_namespace(a, CLONE_NEWUTS, CONTAINER_NS_INHERIT, -1));
	assert_int_equal(ino_of_container(abc, CLONE_NEWUTS), ino_of_task(0, "uts"));
	close(abc);
	close(ab);
	close(a);
}

static void test_share(void **state)
{
	int a, b, ns;
	ino_t net;
	pid_t pid;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_NEW_NET_NS | CONTAINER_NEW_UTS_NS |
					     CONTAINER_FD_CLOEXEC));
	b = ok(container_create("b", CONTAINER_FD_CLOEXEC));
	net = ino_of_container(a, CLONE_NEWNET);
	ok(container_set_namespace(b, CLONE_NEWNET, CONTAINER_NS_SHARE, a));
	assert_int_equal(ino_of_container(b, CLONE_NEWNET), net);
	assert_int_equal(info_of(b).shared, CLONE_NEWNET);
	assert_int_equal(info_of(b).own, 0);
	ns = ok(container_namespace(a, CLONE_NEWUTS));
	ok(container_set_namespace(b, CLONE_NEWUTS, CONTAINER_NS_SHARE, ns));
	fails(EINVAL, container_set_namespace(b, CLONE_NEWIPC, CONTAINER_NS_SHARE, ns));
	close(ns);
	/* Its first owner goes; who shares it keeps it. */
	ok(container_remove(a, 0));
	close(a);
	pid = spawn_sh(b, "exec sleep 100", NULL);
	assert_int_equal(ino_of_task(pid, "net"), net);
	/* For the tasks that come from now on. */
	ok(container_set_namespace(b, CLONE_NEWNET, CONTAINER_NS_OWN, -1));
	assert_int_equal(ino_of_task(pid, "net"), net);
	assert_int_not_equal(ino_of_container(b, CLONE_NEWNET), net);
	ok(container_kill(b, SIGKILL));
	status_of(pid);
	ok(container_remove(b, 0));
	close(b);
}

static void test_share_refused(void **state)
{
	int a, ab, b, file, pid_ns, user_ns;
	pid_t pid, busy;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_NEW_PID_NS | CONTAINER_NEW_USER_NS |
					     CONTAINER_FD_CLOEXEC));
	ab = ok(container_create("a/b", CONTAINER_FD_CLOEXEC));
	b = ok(container_create("b", CONTAINER_FD_CLOEXEC));
	pid = spawn_sh(a, "exec sleep 100", NULL);
	pid_ns = ok(container_namespace(a, CLONE_NEWPID));
	user_ns = ok(container_namespace(a, CLONE_NEWUSER));
	/* Sideways, up, and to itself. */
	fails(EPERM, container_set_namespace(b, CLONE_NEWPID, CONTAINER_NS_SHARE, a));
	fails(EPERM, container_set_namespace(b, CLONE_NEWUSER, CONTAINER_NS_SHARE, a));
	fails(EPERM, container_set_namespace(b, CLONE_NEWPID, CONTAINER_NS_SHARE, pid_ns));
	fails(EPERM, container_set_namespace(b, CLONE_NEWUSER, CONTAINER_NS_SHARE, user_ns));
	ok(container_set_namespace(ab, CLONE_NEWPID, CONTAINER_NS_SHARE, a));
	assert_int_equal(ino_of_container(ab, CLONE_NEWPID), ino_of_task(pid, "pid"));

	busy = spawn_sh(b, "exec sleep 100", NULL);
	fails(EBUSY, container_set_namespace(b, CLONE_NEWPID, CONTAINER_NS_OWN, -1));
	fails(EBUSY, container_set_namespace(b, CLONE_NEWUSER, CONTAINER_NS_OWN, -1));
	fails(EBUSY, container_set_namespace(b, CLONE_NEWNS, CONTAINER_NS_OWN, -1));
	fails(EBUSY, container_set_root(b, -1, 0));
	assert_int_equal(info_of(b).own, 0);

	file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	fails(EINVAL, container_set_namespace(b, CLONE_NEWNET, CONTAINER_NS_SHARE, file));
	close(file);
	fails(EINVAL, container_set_namespace(b, CLONE_NEWNET, (enum container_ns_mode)3, -1));
	fails(EINVAL, container_set_namespace(b, 0, CONTAINER_NS_OWN, -1));
	fails(EINVAL,
	      container_set_namespace(b, CLONE_NEWNET | CLONE_NEWUTS, CONTAINER_NS_OWN, -1));
	kept(container_kill(a, SIGKILL));
	kept(container_kill(b, SIGKILL));
	status_of(pid);
	status_of(busy);
	close(pid_ns);
	close(user_ns);
	close(b);
	close(ab);
	close(a);
}

/* The link by which a sweep finds a container that ends with its fd goes with its name. */
static void test_kill_on_close_renamed(void **state)
{
	struct container_info info = {.size = sizeof(info)};
	char path[PATH_MAX], target[PATH_MAX] = "", name[PATH_MAX];
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("k", CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC));
	ok(container_stat(c, 0, &info, name, sizeof(name)));
	snprintf(path, sizeof(path), "%s/held/%016" PRIx64, getenv("CONTAINERFS_STATE"), info.id);
	ok(container_rename(c, "renamed"));
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "/renamed");
	close(c);
	fails(ENOENT, container_open("renamed"));
}

static void test_init_container_stays(void **state)
{
	int root;

	(void)state;
	need_private_tree();
	root = ok(container_create("x", 0));
	close(root);
	root = ok(container_open("/"));
	fails(EPERM, container_set_namespace(root, CLONE_NEWUTS, CONTAINER_NS_OWN, -1));
	fails(EPERM, container_set_root(root, -1, 0));
	fails(EPERM, container_set_hostname(root, "x"));
	fails(EPERM, container_rename(root, "y"));
	fails(EPERM, container_kill(root, SIGTERM));
	fails(EPERM, container_freeze(root, 1));
	fails(ENOTEMPTY,
	      container_remove(root, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	close(root);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Fork into c and see that path is there, or not, and that a file made there is not the host's. */
static void check_inside(int c, const char *path, bool there)
{
	pid_t pid = forked(c);

	if (pid == 0) {
		child_holds((access(path, F_OK) == 0) == there);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
}

static void test_roots(void **state)
{
	char dir[80], path[160];
	int c, fd, fs;
	pid_t pid;

	(void)state;
	need_private_tree();
	snprintf(dir, sizeof(dir), "%s/root", private_tree.dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/marker", dir);
	write_file(path, "x");
	c = ok(container_create("c", CONTAINER_NEW_PID_NS | CONTAINER_FD_CLOEXEC));

	/* A directory, used as it is; /proc is mounted since it has such a directory. */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(container_set_root(c, fd, 0));
	close(fd);
	check_inside(c, "/marker", true);
	check_inside(c, "/proc/1/status", true);
	check_inside(c, "/dev", false);
	check_inside(c, "/bin", false);

	/* A detached mount. */
	fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	assert_true(fs >= 0);
	assert_int_equal(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	assert_true(fd >= 0);
	close(fs);
	assert_int_equal(mkdirat(fd, "of-tmpfs", 0755), 0);
	ok(container_set_root(c, fd, 0));
	close(fd);
	check_inside(c, "/of-tmpfs", true);
	check_inside(c, "/marker", false);

	/* The private view: what is done in it is not done outside, and stays with the container. */
	ok(container_set_root(c, -1, 0));
	check_inside(c, "/bin/sh", true);
	pid = forked(c);
	if (pid == 0) {
		int made = open("/containerfs-unit-made", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				0644);

		child_holds(made >= 0);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(access("/containerfs-unit-made", F_OK), -1);
	check_inside(c, "/containerfs-unit-made", true);

	snprintf(path, sizeof(path), "%s/marker", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	fails(ENOTDIR, container_set_root(c, fd, 0));
	fails(EINVAL, container_set_root(c, fd, 0x2));
	close(fd);
	fails(EBADF, container_set_root(c, fd, 0));
	/* A refusal has changed nothing. */
	check_inside(c, "/containerfs-unit-made", true);
	ok(container_remove(c, 0));
	close(c);
	unlink(path);
	snprintf(path, sizeof(path), "%s/proc", dir);
	rmdir(path);
	assert_int_equal(rmdir(dir), 0);
}

/* Without a root there is nothing to run in. */
static void test_empty_root(void **state)
{
	const char *const argv[] = {"sh", "-c", "exit 0", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c;

	(void)state;
	need_private_tree();
	how.argv = argv;
	c = ok(container_create("c", CONTAINER_NEW_EMPTY_FS_NS | CONTAINER_FD_CLOEXEC));
	fails(ENOENT, container_spawn(c, &how));
	ok(container_set_root(c, -1, 0));
	assert_int_equal(status_of((pid_t)ok(container_spawn(c, &how))), 0);
	close(c);
}

static void test_hostname(void **state)
{
	char name[80], own[65];
	int c, plain;

	(void)state;
	need_private_tree();
	gethostname(own, sizeof(own));
	plain = ok(container_create("plain", CONTAINER_FD_CLOEXEC));
	fails(EPERM, container_set_hostname(plain, "x"));
	ok(container_get_hostname(plain, name, sizeof(name)));
	assert_string_equal(name, own);
	c = ok(container_create("c", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC));
	ok(container_get_hostname(c, name, sizeof(name)));
	assert_string_equal(name, own);
	fails(EINVAL, container_set_hostname(c, ""));
	memset(name, 'h', sizeof(name));
	name[65] = '\0';
	fails(EINVAL, container_set_hostname(c, name));
	name[64] = '\0';
	ok(container_set_hostname(c, name));
	fails(ERANGE, container_get_hostname(c, name, 64));
	assert_int_equal(ok(container_get_hostname(c, name, 65)), 64);
	gethostname(name, sizeof(name));
	assert_string_equal(name, own);
	/* A nested one's begins as a copy of its parent's. */
	ok(container_set_hostname(c, "parent"));
	close(plain);
	plain = ok(container_create("c/d", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC));
	ok(container_get_hostname(plain, name, sizeof(name)));
	assert_string_equal(name, "parent");
	close(plain);
	plain = ok(container_create("c/u", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_USER_NS |
						   CONTAINER_FD_CLOEXEC));
	ok(container_get_hostname(plain, name, sizeof(name)));
	assert_string_equal(name, "parent");
	close(plain);
	close(c);
}

/* A shared one is somebody else's, the host's perhaps. */
static void test_hostname_shared(void **state)
{
	char own[65], name[65];
	int a, b, root;

	(void)state;
	need_private_tree();
	gethostname(own, sizeof(own));
	a = ok(container_create("a", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC));
	b = ok(container_create("b", CONTAINER_FD_CLOEXEC));
	root = ok(container_open("/"));
	ok(container_set_hostname(a, "of-a"));
	ok(container_set_namespace(b, CLONE_NEWUTS, CONTAINER_NS_SHARE, a));
	ok(container_get_hostname(b, name, sizeof(name)));
	assert_string_equal(name, "of-a");
	fails(EPERM, container_set_hostname(b, "of-b"));
	ok(container_get_hostname(a, name, sizeof(name)));
	assert_string_equal(name, "of-a");
	ok(container_set_namespace(b, CLONE_NEWUTS, CONTAINER_NS_SHARE, root));
	fails(EPERM, container_set_hostname(b, own));
	close(root);
	close(b);
	close(a);
}

static void test_user_ns(void **state)
{
	unsigned int flags = CONTAINER_NEW_USER_NS | CONTAINER_FD_CLOEXEC;
	static const unsigned int with[] = {
		0,
		CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS | CONTAINER_NEW_IPC_NS,
		CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS,
		NEW_ALL_BUT_USER,
	};
	char out[512];

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(with); i++) {
		unsigned long inside, outside, count;
		int c = ok(container_create("u", flags | with[i]));

		assert_int_equal(
			run_sh(c, "cat /proc/self/uid_map /proc/self/gid_map", out, sizeof(out)),
			0);
		assert_int_equal(sscanf(out, "%lu %lu %lu", &inside, &outside, &count), 3);
		assert_true(inside == 0 && outside >= 65536 && count == 65536);
		assert_int_equal(run_sh(c,
					"id -u; echo x >/dev/null && readlink /proc/self/ns/user",
					out, sizeof(out)),
				 0);
		assert_int_equal(strncmp(out, "0\nuser:[", 8), 0);
		/* Root in it may do what its own namespaces let it. */
		if (with[i] & CONTAINER_NEW_UTS_NS) {
			assert_int_equal(run_sh(c, "hostname inside && hostname", out, sizeof(out)),
					 0);
			assert_string_equal(out, "inside\n");
		}
		if (with[i] & CONTAINER_NEW_NET_NS)
			assert_int_equal(run_sh(c, "ip link set lo up", out, sizeof(out)), 0);
		if (with[i] & CONTAINER_NEW_FS_NS) {
			assert_int_equal(
				run_sh(c, "touch /root/x /run/y /tmp/z && mount -t tmpfs n /mnt",
				       out, sizeof(out)),
				0);
			assert_int_equal(access("/root/x", F_OK), -1);
		}
		if (with[i] & CONTAINER_NEW_PID_NS) {
			assert_int_equal(run_sh(c, "echo $$; ls -d /proc/[0-9]*", out, sizeof(out)),
					 0);
			assert_int_equal(strncmp(out, "1\n/proc/1\n", 10), 0);
		}
		ok(container_remove(c, 0));
		close(c);
	}
}

static void test_time_ns(void **state)
{
	char out[256];
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("t", CONTAINER_NEW_TIME_NS | CONTAINER_FD_CLOEXEC));
	assert_int_equal(run_sh(c, "readlink /proc/self/ns/time; exit 3", out, sizeof(out)), 3);
	assert_int_equal(strtoull(strchr(out, '[') + 1, NULL, 10),
			 ino_of_container(c, CLONE_NEWTIME));
	pid = forked(c);
	if (pid == 0) {
		child_holds(ino_of_task(0, "time_for_children") == ino_of_task(0, "time"));
		_exit(ino_of_task(0, "time") == ino_of_task(getppid(), "time"));
	}
	assert_int_equal(status_of(pid), 0);
	close(c);
}

/* The caller's mount table does not grow with containers. */
static int mount_lines(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int c, n = 0;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void test_no_mounts(void **state)
{
	int fds[8], before;

	(void)state;
	need_private_tree();
	fds[0] = ok(container_create("x", 0));
	before = mount_lines();
	close(fds[0]);
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = ok(container_create(NULL, NEW_ALL_BUT_USER | CONTAINER_FD_CLOEXEC));
	assert_int_equal(mount_lines(), before);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
}

/* Any writing operation ends what has no fd any more. */
static void any_operation(void)
{
	fails(EINVAL, container_create("tasks", 0));
}

static void test_kill_on_close(void **state)
{
	unsigned int flags = CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC;
	int c, copy, nested, opened, pidfd = -1;
	struct pollfd end;
	char path[64];
	pid_t pid;

	(void)state;
	need_private_tree();
	c = ok(container_create("k", flags | NEW_ALL_BUT_USER));
	assert_int_equal(info_of(c).transient, 1);
	fails(ESRCH, container_namespace(c, CLONE_NEWUTS));
	fails(EOPNOTSUPP, container_set_namespace(c, CLONE_NEWIPC, CONTAINER_NS_OWN, -1));
	pid = spawn_sh(c, "exec sleep 100", &pidfd);
	assert_int_equal(ino_of_container(c, CLONE_NEWUTS), ino_of_task(pid, "uts"));
	nested = ok(container_create_at(c, "nested", CONTAINER_FD_CLOEXEC));
	copy = fcntl(c, F_DUPFD_CLOEXEC, 3);
	opened = ok(container_open("k"));
	close(c);
	any_operation();
	ok(container_path(copy, path, sizeof(path)));
	/* Renamed it is found too. */
	ok(container_rename(copy, "other"));
	any_operation();
	ok(container_path(copy, path, sizeof(path)));
	assert_string_equal(path, "/other");
	/* An fd that was opened by name does not keep it. */
	close(copy);
	any_operation();
	assert_true(is_gone("k"));
	assert_true(is_gone("other"));
	fails(ENOENT, container_path(opened, path, sizeof(path)));
	fails(ENOENT, container_path(nested, path, sizeof(path)));
	end = (struct pollfd){.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&end, 1, 5000), 1);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	close(opened);
	close(nested);
	close(pidfd);
}

static void make_and_end(void *arg)
{
	(void)arg;
	child_holds(container_create("k", CONTAINER_KILL_ON_CLOSE) >= 0);
	child_holds(container_create("k/n", 0) >= 0);
}

static void test_kill_on_exit(void **state)
{
	(void)state;
	need_private_tree();
	assert_int_equal(in_child(make_and_end, NULL), 0);
	any_operation();
	assert_true(is_gone("k"));
}

/* A first task of its own root and hostname: those of KILL_ON_CLOSE containers come with it. */
static void test_kill_on_close_spawn(void **state)
{
	const char *const argv[] = {"sh", "-c", "hostname; echo $$; touch /etc/x", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	char out[256];
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create(NULL,
				CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC | NEW_ALL_BUT_USER));
	how.argv = argv;
	how.hostname = "k";
	assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
	assert_string_equal(out, "k\n1\n");
	assert_int_equal(access("/etc/x", F_OK), -1);
	how.hostname = NULL;
	how.root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
	assert_int_equal(unlink("/etc/x"), 0);
	close(how.root);
	close(c);
}

static void test_states(void **state)
{
	struct container_info info;
	int c, nested;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_NEW_PID_NS | CONTAINER_FD_CLOEXEC));
	nested = ok(container_create("c/n", CONTAINER_FD_CLOEXEC));
	assert_int_equal(info_of(c).state, CONTAINER_CREATED);
	pid = spawn_sh(c, "sleep 100 & exec sleep 100", NULL);
	info = info_of(c);
	assert_int_equal(info.state, CONTAINER_RUNNING);
	assert_int_equal(info.init, pid);
	assert_in_range(info.tasks, 1, 3);
	assert_int_equal(info_of(nested).state, CONTAINER_CREATED);
	ok(container_freeze(c, 1));
	assert_int_equal(info_of(c).state, CONTAINER_FROZEN);
	ok(container_freeze(c, 0));
	assert_int_equal(info_of(c).state, CONTAINER_RUNNING);
	fails(EBUSY, container_remove(c, CONTAINER_REMOVE_RECURSIVE));
	assert_false(is_gone("c"));
	fails(ENOTEMPTY, container_remove(c, 0));
	ok(container_kill(c, SIGKILL));
	status_of(pid);
	ok(container_wait(c, 5000));
	assert_int_equal(info_of(c).state, CONTAINER_STOPPED);
	assert_int_equal(info_of(c).init, 0);
	assert_int_equal(info_of(c).tasks, 0);
	close(nested);
	close(c);
}

static void test_of(void **state)
{
	char path[64];
	int a, b, of;
	pid_t pid;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_NEW_CGROUP_NS | CONTAINER_FD_CLOEXEC));
	b = ok(container_create("a/b", CONTAINER_NEW_PID_NS | CONTAINER_FD_CLOEXEC));
	pid = spawn_sh(b, "exec sleep 100", NULL);
	of = ok(container_of(pid));
	ok(container_path(of, path, sizeof(path)));
	assert_string_equal(path, "/a/b");
	assert_int_equal(ino_of_fd(of), ino_of_fd(b));
	close(of);
	ok(container_kill(b, SIGKILL));
	status_of(pid);
	fails(ESRCH, container_of(pid));
	errno = 0;
	assert_int_equal(kept(container_of(-1)), -1);
	assert_true(errno == ESRCH || errno == EINVAL);
	of = ok(container_of(1));
	ok(container_path(of, path, sizeof(path)));
	assert_string_equal(path, "/");
	close(of);
	close(b);
	close(a);
}

/* The record tells of this failure, not of an earlier one. */
static void test_error_record(void **state)
{
	const struct container_error *e = container_error_last();
	struct container_error kept_error;

	(void)state;
	need_private_tree();
	fails(EINVAL, container_create("a b", 0));
	fails(ENOENT, container_open("/no/such"));
	assert_int_equal(e->code, ENOENT);
	assert_string_equal(e->object, "/no/such");
	fails(EINVAL, container_create("tasks", 0));
	assert_string_equal(e->object, "tasks");
	assert_non_null(strstr(e->step, "reserved"));
	kept_error = *e;
	assert_int_equal(kept(container_of(-1)), -1);
	assert_string_not_equal(e->step, kept_error.step);
	assert_string_not_equal(e->object, "tasks");
	fails(EBADF, container_path(-1, NULL, 0));
	assert_string_not_equal(e->object, "tasks");
}

/* A lock that somebody else has; the handler gives it back if it shall. */
static volatile sig_atomic_t lock_fd, alarms, gives_back;

static void on_alarm(int sig)
{
	(void)sig;
	alarms = alarms + 1;
	if (gives_back && alarms == 3)
		close(lock_fd);
}

static void hold_lock(int c)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	char path[96];
	uint64_t id;

	ok(container_id(c, &id));
	lock.l_start = (off_t)id;
	snprintf(path, sizeof(path), "%s/state/lock", private_tree.dir);
	lock_fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(lock_fd >= 0);
	assert_int_equal(fcntl(lock_fd, F_OFD_SETLK, &lock), 0);
	alarms = 0;
}

static void test_interrupted(void **state)
{
	struct itimerval every = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm}, before;
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c, nested;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	nested = ok(container_create("c/n", CONTAINER_FD_CLOEXEC));
	how.argv = argv;
	gives_back = 0;
	hold_lock(c);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &every, NULL);
	fails(EINTR, container_rename(c, "d"));
	fails(EINTR, container_create("c/x", 0));
	fails(EINTR, container_spawn(c, &how));
	fails(EINTR, container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	fails(EINTR, container_set_namespace(c, CLONE_NEWUTS, CONTAINER_NS_OWN, -1));
	assert_true(alarms > 0 && is_gone("d") && is_gone("c/x"));
	assert_int_equal(info_of(c).own, 0);
	close(lock_fd);
	/* With SA_RESTART they go on waiting. */
	gives_back = 1;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	hold_lock(c);
	ok(container_rename(c, "d"));
	assert_true(alarms >= 3);
	/* And so they do without, where the name is gone already. */
	action.sa_flags = 0;
	sigaction(SIGALRM, &action, NULL);
	hold_lock(nested);
	ok(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	assert_true(alarms >= 3);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	close(c);
	close(nested);
}

/* Every call that takes a container, on an fd that is none. */
static int no_info(const struct container_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static long look_number(int i, int fd)
{
	struct container_info info = {.size = sizeof(info)};
	char buf[64];
	uint64_t id;

	switch (i) {
	case 0:
		return container_open_at(fd, "x", NULL);
	case 1:
		return container_root(fd);
	case 2:
		return container_cgroup(fd);
	case 3:
		return container_id(fd, &id);
	case 4:
		return container_stat(fd, CONTAINER_WALK_TASKS, &info, buf, sizeof(buf));
	case 5:
		return container_get_id_map(fd, CONTAINER_UID_MAP, buf, sizeof(buf));
	case 6:
		return container_set_id_map(fd, CONTAINER_GID_MAP, "0 100000 65536");
	default:
		return -2;
	}
}
#define LOOKS 7
#define LOOKS_FD 3 /* the first ones return an fd */

static long call_number(int i, int fd)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	char buf[64];
	pid_t pid;

	how.argv = argv;
	switch (i) {
	case 0:
		return container_create_at(fd, "x", 0);
	case 1:
		return container_create_at(fd, NULL, CONTAINER_NEW_UTS_NS);
	case 2:
		return container_path(fd, buf, sizeof(buf));
	case 3:
		return container_rename(fd, "y");
	case 4:
		return container_remove(fd, 0);
	case 5:
		return container_remove(fd, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE);
	case 6:
		return container_namespace(fd, CLONE_NEWUTS);
	case 7:
		return container_set_namespace(fd, CLONE_NEWUTS, CONTAINER_NS_OWN, -1);
	case 8:
		return container_set_namespace(fd, CLONE_NEWUTS, CONTAINER_NS_INHERIT, -1);
	case 9:
		return container_set_root(fd, -1, 0);
	case 10: /* the host's own: should it reach the host, then nothing has happened */
		gethostname(buf, sizeof(buf));
		return container_set_hostname(fd, buf);
	case 11:
		return container_get_hostname(fd, buf, sizeof(buf));
	case 12:
		return container_spawn(fd, &how);
	case 13:
		return container_enter(fd, 0);
	case 14:
		return container_kill(fd, SIGTERM);
	case 15:
		return container_kill(fd, 0);
	case 16:
		return container_freeze(fd, 1);
	case 17:
		return container_freeze(fd, 0);
	case 18:
		return container_wait(fd, 0);
	case 19:
		return container_wait_fd(fd);
	case 20:
		return container_tasks(fd, NULL, 0);
	case 21:
		return container_walk(fd, CONTAINER_WALK_RECURSIVE, no_info, NULL);
	case 22:
		pid = container_fork(fd);
		if (pid == 0)
			_exit(0);
		return pid;
	default:
		return look_number(i - 23, fd);
	}
}
#define CALLS (23 + LOOKS)

static void all_fail(int fd, int wanted, int or_else, const char *what)
{
	for (int i = 0; i < CALLS; i++) {
		long r = (errno = 0, kept(call_number(i, fd)));
		int code = errno;

		if (r != -1 || (code != wanted && code != or_else))
			fail_msg("call %d on %s: %ld, %s", i, what, r, strerrorname_np(code));
		if (container_error_last()->code != code)
			fail_msg("call %d on %s: the record has %d", i, what,
				 container_error_last()->code);
	}
}

static void test_wrong_fds(void **state)
{
	int c, pipes[2], fd;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	all_fail(-1, EBADF, EBADF, "-1");
	all_fail(-EBADF, EBADF, EBADF, "-EBADF");
	fd = dup(c);
	close(fd);
	all_fail(fd, EBADF, EBADF, "a closed fd");
	all_fail(1 << 20, EBADF, EBADF, "a large number");
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	all_fail(pipes[0], EBADF, EINVAL, "a pipe");
	close(pipes[0]);
	close(pipes[1]);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	all_fail(fd, EBADF, EINVAL, "a file");
	close(fd);
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	all_fail(fd, EBADF, ENOENT, "a directory");
	close(fd);
	fd = open(private_tree.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	all_fail(fd, EBADF, ENOENT, "the directory above the state");
	close(fd);
	ok(container_remove(c, 0));
	all_fail(c, ENOENT, ENOENT, "a removed container");
	close(c);
}

/* A number that was closed must not come to mean one of the library's own fds. */
static void test_closed_arguments(void **state)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	how.argv = argv;
	for (int closed = c + 1; closed < c + 12; closed++) {
		if (fcntl(closed, F_GETFD) >= 0)
			continue;
		fails(EBADF, container_set_root(c, closed, 0));
		for (size_t i = 0; i < KINDS; i++)
			if (kinds[i].clone_flag != CLONE_NEWPID &&
			    kinds[i].clone_flag != CLONE_NEWUSER)
				fails(EBADF, container_set_namespace(c, kinds[i].clone_flag,
								     CONTAINER_NS_SHARE, closed));
		how.stdio[0] = closed;
		fails(EBADF, container_spawn(c, &how));
		how.stdio[0] = -1;
		how.stdio[2] = closed;
		fails(EBADF, container_spawn(c, &how));
		how.stdio[2] = -1;
	}
	fails(EBADF, container_set_namespace(c, CLONE_NEWUTS, CONTAINER_NS_SHARE, -1));
	close(c);
	c = ok(container_create("k", CONTAINER_KILL_ON_CLOSE | CONTAINER_NEW_FS_NS |
					     CONTAINER_FD_CLOEXEC));
	for (int closed = c + 1; closed < c + 12; closed++) {
		how.root = closed;
		if (fcntl(closed, F_GETFD) < 0)
			fails(EBADF, container_spawn(c, &how));
	}
	close(c);
}

/* AT_FDCWD is a negative number like any other, also when the caller stands in a container. */
static void stand_in_container(void *arg)
{
	int c = *(int *)arg;
	char buf[64];

	child_holds(fchdir(c) == 0);
	child_holds(container_path(AT_FDCWD, buf, sizeof(buf)) < 0 && errno == EBADF);
	child_holds(container_remove(AT_FDCWD, 0) < 0 && errno == EBADF);
}

static void test_at_fdcwd(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	assert_int_equal(in_child(stand_in_container, &c), 0);
	close(c);
}

/* Whatever comes of a call: fds are closed, children reaped. container_enter() is not for here,
 * nor is freezing. */
static void any_call(struct chance *c, int fd)
{
	static const char *const names[] = {"a", "c/b", "c/", "tasks", "none/x", "c/b/d"};
	int i = (int)chance_below(c, CALLS + 8), flag = kinds[chance_below(c, KINDS)].clone_flag;
	const char *name = names[chance_below(c, COUNT(names))];
	unsigned int flags = (unsigned int)chance_next(c) & 0x7ff;
	long r;

	switch (i) {
	case CALLS:
	case CALLS + 1:
		r = container_create(name, flags);
		break;
	case CALLS + 2:
		r = container_open(name);
		break;
	case CALLS + 3:
	case CALLS + 4:
		r = container_namespace(fd, flag);
		break;
	case CALLS + 5:
		r = container_of((pid_t)chance_below(c, 100));
		break;
	case CALLS + 6:
	case CALLS + 7:
		container_set_namespace(fd, flag, (enum container_ns_mode)chance_below(c, 4),
					chance_one_in(c, 2) ? fd : -1);
		return;
	case 12:
	case 22:
		r = call_number(i, fd); /* in a child it ends there */
		if (r > 0)
			waitpid((pid_t)r, NULL, 0);
		return;
	case 13:
	case 16:
		return; /* a frozen one is for test_tasks.c */
	case 0:
	case 1:
	case 6:
	case 19:
		r = call_number(i, fd);
		break;
	default:
		r = call_number(i, fd);
		if (i < 23 || i >= 23 + LOOKS_FD)
			return;
		break;
	}
	if (r >= 0)
		close((int)r);
}

static void test_no_leaks(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	need_private_tree();
	for (long i = chance_steps(400); i > 0; i--) {
		unsigned int flags = (unsigned int)chance_next(&c) & 0x5ff;
		int fd = (int)kept(container_create("c", flags | CONTAINER_FD_CLOEXEC)), before;

		if (fd < 0)
			fd = (int)kept(container_open("c"));
		assert_true(fd >= 0);
		before = count_fds();
		for (int k = 0; k < 8; k++) {
			struct chance at = c;

			kept((any_call(&c, fd), 0));
			if (count_fds() != before || has_children())
				fail_msg(
					"call %zu left an fd or a child, of a container made with 0x%x",
					chance_below(&at, CALLS + 8), flags);
		}
		private_tree_clear();
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_fds),
		library_test(test_flags),
		library_test(test_names),
		library_test(test_empty_name),
		library_test(test_numbered),
		library_test(test_order_2017),
		library_test(test_namespaces),
		library_test(test_inherit),
		library_test(test_share),
		library_test(test_share_refused),
		library_test(test_init_container_stays),
		library_test(test_roots),
		library_test(test_empty_root),
		library_test(test_hostname),
		library_test(test_hostname_shared),
		library_test(test_user_ns),
		library_test(test_time_ns),
		library_test(test_no_mounts),
		library_test(test_kill_on_close),
		library_test(test_kill_on_close_renamed),
		library_test(test_kill_on_exit),
		library_test(test_kill_on_close_spawn),
		library_test(test_states),
		library_test(test_of),
		library_test(test_error_record),
		library_test(test_interrupted),
		library_test(test_wrong_fds),
		library_test(test_closed_arguments),
		library_test(test_at_fdcwd),
		library_test(test_no_leaks),
	};

	chance_seed();
	return private_tree_run(tests);
}
