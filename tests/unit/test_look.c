/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that look at one container, as a file server makes them: open_at, id, stat, root, cgroup,
 * wait_fd; and those on whose it is.
 */
#include <containerfs/container.h>

#include <sys/vfs.h>

#include "chance.h"
#include "library.h"

#define CGROUP2_MAGIC 0x63677270

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static void test_open_at(void **state)
{
	static const char *const bad[] = {"",	".",	 "..",	  "a/b", "/a",
					  "a/", "@spec", "tasks", "a b"};
	int root, a, b, at;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_FD_CLOEXEC));
	b = ok(container_create("a/b", CONTAINER_FD_CLOEXEC));
	root = ok(container_open("/"));
	at = ok(container_open_at(root, "a", NULL));
	assert_true(is_cloexec(at));
	assert_int_equal(ino_of_fd(at), ino_of_fd(a));
	close(at);
	at = ok(container_open_at(a, "b", NULL));
	assert_int_equal(ino_of_fd(at), ino_of_fd(b));
	/* As good as one by container_open(). */
	assert_int_equal(run_sh(at, "exit 3", (char[8]){0}, 8), 3);
	for (size_t i = 0; i < COUNT(bad); i++)
		fails(EINVAL, container_open_at(a, bad[i], NULL));
	fails(ENOENT, container_open_at(a, "c", NULL));
	fails(ENOENT, container_open_at(root, "b", NULL));
	fails(EBADF, container_open_at(AT_FDCWD, "a", NULL));
	fails(EBADF, container_open_at(-1, "a", NULL));
	ok(container_rename(b, "c"));
	fails(ENOENT, container_open_at(a, "b", NULL));
	ok(container_remove(b, 0));
	fails(ENOENT, container_open_at(a, "c", NULL));
	fails(ENOENT, container_open_at(at, "c", NULL));
	ok(container_remove(a, 0));
	fails(ENOENT, container_open_at(a, "c", NULL));
	close(a);
	close(b);
	close(at);
	close(root);
}

/* What is in a container's directory and is no container. */
static void test_open_at_others(void **state)
{
	int a;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_FD_CLOEXEC));
	assert_int_equal(mkdirat(a, "empty", 0755), 0);
	assert_int_equal(symlinkat("/", a, "link"), 0);
	assert_int_equal(symlinkat(".", a, "self-link"), 0);
	assert_int_equal(mknodat(a, "file", S_IFREG | 0644, 0), 0);
	fails(ENOENT, container_open_at(a, "empty", NULL));
	fails(ENOENT, container_open_at(a, "link", NULL));
	fails(ENOENT, container_open_at(a, "self-link", NULL));
	fails(ENOENT, container_open_at(a, "file", NULL));
	unlinkat(a, "empty", AT_REMOVEDIR);
	unlinkat(a, "link", 0);
	unlinkat(a, "self-link", 0);
	unlinkat(a, "file", 0);
	close(a);
}

static void test_id(void **state)
{
	uint64_t id = 1, again = 2, nested = 3, of_root = 4;
	int root, a, b;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_FD_CLOEXEC));
	b = ok(container_create("a/b", CONTAINER_FD_CLOEXEC));
	root = ok(container_open("/"));
	ok(container_id(a, &id));
	ok(container_id(b, &nested));
	ok(container_id(root, &of_root));
	assert_true(id && nested && of_root && id != nested && id != of_root);
	assert_true(id == info_of(a).id && nested == info_of(b).id);
	ok(container_rename(a, "c"));
	ok(container_id(a, &again));
	assert_true(again == id);
	ok(container_remove(b, 0));
	fails(ENOENT, container_id(b, &again));
	assert_true(again == id);
	/* A record that is damaged. */
	assert_int_equal(unlinkat(a, "@spec", 0), 0);
	assert_int_equal(symlinkat("0123456789abcdeg cg=", a, "@spec"), 0);
	fails(EUCLEAN, container_id(a, &again));
	close(b);
	b = ok(container_open_at(root, "c", NULL));
	ok(container_remove(a, CONTAINER_REMOVE_KILL));
	fails(ENOENT, container_id(a, &again));
	close(a);
	close(b);
	close(root);
}

static struct container_info stat_of(int c, unsigned int flags, char buf[8192])
{
	struct container_info info = {.size = sizeof(info)};

	ok(container_stat(c, flags, &info, buf, buf ? 8192 : 0));
	assert_int_equal(info.size, sizeof(info));
	return info;
}

static void test_stat(void **state)
{
	struct container_info info = {.size = sizeof(info)}, walked;
	unsigned int all = CONTAINER_WALK_TASKS | CONTAINER_WALK_ROOT | CONTAINER_WALK_OWNER;
	char buf[8192];
	int root, a, b;
	pid_t pid;

	(void)state;
	need_private_tree();
	a = ok(container_create("a",
				CONTAINER_NEW_UTS_NS | CONTAINER_NEW_FS_NS | CONTAINER_FD_CLOEXEC));
	b = ok(container_create("a/b", CONTAINER_NEW_PID_NS | CONTAINER_FD_CLOEXEC));
	root = ok(container_open("/"));
	info = stat_of(root, all, buf);
	assert_string_equal(info.path, "/");
	assert_string_equal(info.name, "");
	assert_string_equal(info.root, "");
	assert_int_equal(info.state, CONTAINER_RUNNING);
	info = stat_of(a, all, buf);
	assert_string_equal(info.path, "/a");
	assert_string_equal(info.name, "a");
	assert_string_equal(info.root, "view");
	assert_true(info.path >= buf && info.root < buf + sizeof(buf));
	assert_int_equal(info.own, CLONE_NEWUTS | CLONE_NEWNS);
	assert_int_equal(info.state, CONTAINER_CREATED);
	assert_int_equal(info.depth, 0);
	pid = spawn_sh(b, "exec sleep 1000", NULL);
	info = stat_of(b, all, buf);
	walked = info_of(b);
	assert_string_equal(info.path, "/a/b");
	assert_string_equal(info.name, "b");
	assert_string_equal(info.root, "");
	assert_true(info.id == walked.id && info.own == walked.own);
	assert_int_equal(info.state, CONTAINER_RUNNING);
	assert_int_equal(info.tasks, 1);
	assert_int_equal(info.init, pid);
	assert_int_equal(stat_of(a, CONTAINER_WALK_STATE, NULL).state, CONTAINER_RUNNING);
	assert_int_equal(stat_of(a, CONTAINER_WALK_TASKS, NULL).tasks, 0);
	info = stat_of(b, 0, NULL);
	assert_int_equal(info.state, CONTAINER_CREATED);
	assert_string_equal(info.path, "");
	assert_string_equal(info.name, "");
	ok(container_freeze(b, 1));
	assert_int_equal(stat_of(b, CONTAINER_WALK_STATE, NULL).state, CONTAINER_FROZEN);
	ok(container_freeze(b, 0));
	kill(pid, SIGKILL);
	status_of(pid);
	ok(container_wait(b, 5000));
	assert_int_equal(stat_of(b, CONTAINER_WALK_STATE, NULL).state, CONTAINER_STOPPED);
	ok(container_set_access(b,
				&(struct container_access){.size = sizeof(struct container_access),
							   .uid = 77,
							   .gid = (gid_t)-1,
							   .mode = (mode_t)-1}));
	assert_int_equal(stat_of(b, CONTAINER_WALK_OWNER, NULL).owner, 77);
	assert_int_equal(stat_of(b, 0, NULL).owner, 0);
	ok(container_rename(a, "other"));
	assert_string_equal(stat_of(b, 0, buf).path, "/other/b");
	ok(container_remove(b, 0));
	fails(ENOENT, container_stat(b, 0, &info, NULL, 0));
	close(a);
	close(b);
	close(root);
}

static void test_stat_refused(void **state)
{
	struct container_info info = {.size = sizeof(info)}, before;
	char *buf = malloc(32);
	int c;

	(void)state;
	if (!private_tree.usable)
		free(buf);
	need_private_tree();
	c = ok(container_create("seven77", CONTAINER_FD_CLOEXEC));
	before = info;
	/* "/seven77" and "" with their NULs are 10 bytes. */
	for (size_t size = 0; size < 10; size++) {
		fails(ERANGE, container_stat(c, CONTAINER_WALK_ROOT, &info, buf, size));
		assert_memory_equal(&info, &before, sizeof(info));
	}
	ok(container_stat(c, CONTAINER_WALK_ROOT, &info, buf, 10));
	assert_string_equal(info.path, "/seven77");
	fails(EINVAL, container_stat(c, CONTAINER_WALK_SELF, &info, buf, 32));
	fails(EINVAL, container_stat(c, CONTAINER_WALK_RECURSIVE, &info, buf, 32));
	fails(EINVAL, container_stat(c, 0x40, &info, buf, 32));
	info.size = sizeof(info) - 1;
	fails(EINVAL, container_stat(c, 0, &info, buf, 32));
	/* Of a later release: what there is now is filled in. */
	info.size = sizeof(info) + 8;
	ok(container_stat(c, 0, &info, buf, 32));
	assert_int_equal(info.size, sizeof(info));
	free(buf);
	close(c);
}

/* Whether dir has the entry, seen from outside. */
static bool has(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int opened_root(int c)
{
	int fd = ok(container_root(c));
	struct stat st;

	assert_true(is_cloexec(fd));
	assert_true(fcntl(fd, F_GETFL) & O_PATH);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	return fd;
}

static void test_root(void **state)
{
	char out[64];
	int c, nested, fd, again, root;
	struct stat own, st;
	pid_t pid;

	(void)state;
	need_private_tree();
	root = ok(container_open("/"));
	c = ok(container_create("c", CONTAINER_NEW_FS_NS | CONTAINER_FD_CLOEXEC));
	nested = ok(container_create("c/n", CONTAINER_FD_CLOEXEC));
	/* The init container's, which is the caller's. */
	fd = opened_root(root);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(stat("/", &own), 0);
	assert_true(st.st_ino == own.st_ino && st.st_dev == own.st_dev);
	close(fd);
	/* Without a task: the pinned one; with what a task has mounted and written in it. */
	fd = opened_root(c);
	assert_false(has(fd, "tmp/x"));
	assert_int_equal(
		run_sh(c, "echo 1 >/tmp/x; mount -t tmpfs n /mnt; : >/mnt/y", out, sizeof(out)), 0);
	assert_true(has(fd, "tmp/x"));
	assert_true(has(fd, "mnt/y"));
	/* An inherited one is the ancestor's. */
	again = opened_root(nested);
	assert_true(has(again, "mnt/y"));
	close(again);
	pid = spawn_sh(c, "exec sleep 1000", NULL);
	again = opened_root(c);
	assert_true(has(again, "tmp/x"));
	assert_true(has(again, "proc/self"));
	kill(pid, SIGKILL);
	status_of(pid);
	close(again);
	/* The fd keeps its mount, and nothing of the container. */
	ok(container_wait(c, 5000));
	ok(container_remove(c, CONTAINER_REMOVE_RECURSIVE));
	fails(ENOENT, container_root(c));
	assert_true(has(fd, "tmp/x"));
	assert_false(has(fd, "mnt/y"));
	close(fd);
	close(c);
	close(nested);
	close(root);
}

static void test_root_of_transient(void **state)
{
	const char *const argv[] = {"sh", "-c", "echo 1 >/tmp/x; echo; exec sleep 1000", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c, fd, nested, pipes[2];
	char byte;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS |
					     CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC));
	nested = ok(container_create_at(c, "n", CONTAINER_FD_CLOEXEC));
	fails(ESRCH, container_root(c));
	fails(ESRCH, container_root(nested));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	how.argv = argv;
	how.stdio[1] = pipes[1];
	pid = (pid_t)ok(container_spawn(c, &how));
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	fd = opened_root(c);
	assert_true(has(fd, "tmp/x"));
	close(fd);
	fd = opened_root(nested);
	assert_true(has(fd, "tmp/x"));
	close(fd);
	kill(pid, SIGKILL);
	status_of(pid);
	fails(ESRCH, container_root(c));
	close(pipes[0]);
	close(pipes[1]);
	close(nested);
	close(c);
}

static void test_cgroup(void **state)
{
	struct statfs sfs;
	char name[40];
	uint64_t id;
	int c, nested, fd, root;
	pid_t pid;

	(void)state;
	need_private_tree();
	root = ok(container_open("/"));
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	nested = ok(container_create("c/n", CONTAINER_FD_CLOEXEC));
	/* Never had a task: it is made, with the one above. */
	fd = ok(container_cgroup(nested));
	assert_true(is_cloexec(fd));
	assert_int_equal(fstatfs(fd, &sfs), 0);
	assert_int_equal(sfs.f_type, CGROUP2_MAGIC);
	pid = spawn_sh(nested, "exec sleep 1000", NULL);
	snprintf(name, sizeof(name), "cgroup.events");
	assert_true(has(fd, name));
	close(fd);
	fd = ok(container_cgroup(c));
	ok(container_id(nested, &id));
	snprintf(name, sizeof(name), "%016" PRIx64 "/cgroup.procs", id);
	assert_true(has(fd, name));
	close(fd);
	fd = ok(container_cgroup(root));
	ok(container_id(c, &id));
	snprintf(name, sizeof(name), "%016" PRIx64, id);
	assert_true(has(fd, name));
	/* For reading: readdir works. */
	assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, 0);
	close(fd);
	assert_int_equal(info_of(nested).state, CONTAINER_RUNNING);
	kill(pid, SIGKILL);
	status_of(pid);
	ok(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	fails(ENOENT, container_cgroup(c));
	close(c);
	close(nested);
	close(root);
}

/* What cgroup.events says; armed again. */
static void read_events(int fd, int *populated, int *frozen)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(sscanf(text, "populated %d\nfrozen %d", populated, frozen), 2);
}

static void wait_event(int fd, int want_populated, int want_frozen)
{
	struct pollfd p = {.fd = fd, .events = POLLPRI};
	int populated = -1, frozen = -1;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_true(p.revents & POLLPRI);
		read_events(fd, &populated, &frozen);
		if (populated == want_populated && frozen == want_frozen)
			return;
	}
	fail_msg("populated %d, frozen %d", populated, frozen);
}

static void test_wait_fd(void **state)
{
	struct pollfd p = {.events = POLLPRI};
	int c, nested, populated, frozen;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	nested = ok(container_create("c/n", CONTAINER_FD_CLOEXEC));
	/* Before the first task: once it is read, it tells when that comes, also to a nested one. */
	p.fd = ok(container_wait_fd(c));
	read_events(p.fd, &populated, &frozen);
	assert_int_equal(populated, 0);
	assert_int_equal(poll(&p, 1, 50), 0);
	assert_int_equal(info_of(c).state, CONTAINER_CREATED);
	pid = spawn_sh(nested, "exec sleep 1000", NULL);
	wait_event(p.fd, 1, 0);
	assert_int_equal(poll(&p, 1, 50), 0);
	ok(container_freeze(c, 1));
	wait_event(p.fd, 1, 1);
	ok(container_freeze(c, 0));
	wait_event(p.fd, 1, 0);
	kill(pid, SIGKILL);
	wait_event(p.fd, 0, 0);
	status_of(pid);
	ok(container_wait(c, 0));
	close(p.fd);
	close(nested);
	close(c);
}

static struct container_access access_of(int c)
{
	struct container_access access = {.size = sizeof(access)};

	ok(container_get_access(c, &access));
	return access;
}

static int set_access(int c, uid_t uid, gid_t gid, mode_t mode)
{
	const struct container_access access = {sizeof(access), uid, gid, mode};

	return container_set_access(c, &access);
}

static void test_access(void **state)
{
	struct container_access access = {.size = 1};
	struct stat st;
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_FD_CLOEXEC));
	access = access_of(c);
	assert_int_equal(access.uid, 0);
	assert_int_equal(access.gid, 0);
	assert_int_equal(access.mode, 0755);
	ok(set_access(c, 1000, (gid_t)-1, (mode_t)-1));
	ok(set_access(c, (uid_t)-1, 100, (mode_t)-1));
	ok(set_access(c, (uid_t)-1, (gid_t)-1, 01700));
	ok(container_rename(c, "d"));
	access = access_of(c);
	assert_int_equal(access.uid, 1000);
	assert_int_equal(access.gid, 100);
	assert_int_equal(access.mode, 01700);
	/* Whoever could write in the directory could forge the record. */
	assert_int_equal(fstat(c, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 022, 0);
	fails(EINVAL, set_access(c, 0, 0, 010000));
	access.size = 1;
	fails(EINVAL, container_get_access(c, &access));
	fails(EINVAL, container_set_access(c, &access));
	fails(EBADF, container_get_access(-1, &access));
	assert_int_equal(access_of(c).uid, 1000);
	/* What is not three numbers is nobody's, but not the root's either. */
	assert_int_equal(unlinkat(c, "@owner", 0), 0);
	assert_int_equal(symlinkat("1000 100", c, "@owner"), 0);
	access.size = sizeof(access);
	fails(EUCLEAN, container_get_access(c, &access));
	ok(set_access(c, 5, 6, 0700));
	assert_int_equal(access_of(c).gid, 6);
	ok(container_remove(c, 0));
	fails(ENOENT, container_get_access(c, &access));
	fails(ENOENT, set_access(c, 0, 0, 0));
	close(c);
}

static void test_contains(void **state)
{
	int root, a, b, ab, other;

	(void)state;
	need_private_tree();
	a = ok(container_create("a", CONTAINER_FD_CLOEXEC));
	b = ok(container_create("a/b", CONTAINER_FD_CLOEXEC));
	ab = ok(container_create("ab", CONTAINER_FD_CLOEXEC));
	root = ok(container_open("/"));
	other = ok(container_open("a"));
	assert_int_equal(container_contains(root, root), 1);
	assert_int_equal(container_contains(root, b), 1);
	assert_int_equal(container_contains(a, other), 1);
	assert_int_equal(container_contains(a, b), 1);
	assert_int_equal(container_contains(b, a), 0);
	assert_int_equal(container_contains(a, root), 0);
	assert_int_equal(container_contains(a, ab), 0);
	ok(container_remove(b, 0));
	fails(ENOENT, container_contains(a, b));
	fails(ENOENT, container_contains(b, a));
	fails(EBADF, container_contains(-1, a));
	ok(container_remove(a, 0));
	ok(container_remove(ab, 0));
	close(root);
	close(a);
	close(b);
	close(ab);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_open_at),
		library_test(test_open_at_others),
		library_test(test_id),
		library_test(test_stat),
		library_test(test_stat_refused),
		library_test(test_root),
		library_test(test_root_of_transient),
		library_test(test_cgroup),
		library_test(test_wait_fd),
		library_test(test_access),
		library_test(test_contains),
	};

	return private_tree_run(tests);
}
