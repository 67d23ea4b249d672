/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every call that takes a container, on containers in odd states, and on fds that are none: what each
 * says, from a table, that it does not take long, and that no other container notices.
 */
#include <containerfs/container.h>

#include <linux/reboot.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>

#include "library.h"
#include "task.h"

#define TIME_LIMIT 4000 /* ms; a freeze or a move waits for two seconds at most */

/* The calls: 0, or the errno. */

static pid_t bystander; /* a task of nobody, for attach */

static int fd_result(long fd)
{
	if (fd < 0)
		return errno;
	close((int)fd);
	return 0;
}

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int do_socket(int c)
{
	return fd_result(container_socket(c, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int do_openat(int c)
{
	return fd_result(container_openat(c, "/", O_RDONLY, 0));
}

static int do_mkdirat(int c)
{
	return result(container_mkdirat(c, "/tmp/d", 0700));
}

static int do_mknodat(int c)
{
	return result(container_mknodat(c, "/tmp/f", S_IFIFO | 0600, 0));
}

static int do_symlinkat(int c)
{
	return result(container_symlinkat("x", c, "/tmp/l"));
}

static int do_unlinkat(int c)
{
	return result(container_unlinkat(c, "/tmp/made", 0));
}

static int do_renameat(int c)
{
	return result(container_renameat(c, "/tmp/made", "/tmp/moved", 0));
}

static int do_fstatat(int c)
{
	struct stat st;

	return result(container_fstatat(c, "/tmp", &st, 0));
}

static int do_readlinkat(int c)
{
	char buf[8];

	return result(container_readlinkat(c, "/tmp/link", buf, sizeof(buf)));
}

static int do_fsopen(int c)
{
	return fd_result(container_fsopen(c, "tmpfs", FSOPEN_CLOEXEC));
}

static int do_fsopen_proc(int c)
{
	return fd_result(container_fsopen(c, "proc", FSOPEN_CLOEXEC));
}

static int do_move_mount(int c)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, private_tree.dir,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r = result(container_move_mount(c, tree, "/mnt", 0));

	close(tree);
	return r;
}

static int do_umount(int c)
{
	return result(container_umount(c, "/sys", MNT_DETACH));
}

static int do_root(int c)
{
	return fd_result(container_root(c));
}

static int do_cgroup(int c)
{
	return fd_result(container_cgroup(c));
}

static int do_namespace(int c)
{
	return fd_result(container_namespace(c, CLONE_NEWUTS));
}

static int do_namespace_pid(int c)
{
	return fd_result(container_namespace(c, CLONE_NEWPID));
}

static int do_share(int c)
{
	int other = make("other", 0);
	int r = result(container_set_namespace(other, CLONE_NEWUTS, CONTAINER_NS_SHARE, c));

	ok(container_remove(other, 0));
	close(other);
	return r == EINVAL ? ENOENT : r;
}

static int do_attach(int c)
{
	return result(container_attach(c, bystander, 0));
}

static int do_key(int c)
{
	return result(container_add_key(c, "user", "states", "x", 1));
}

static int do_set_stop(int c)
{
	return result(container_set_stop(c, SIGTERM, 100));
}

static int do_stop(int c)
{
	return result(container_stop(c, 100));
}

static int do_reboot(int c)
{
	return result(container_reboot(c, (int)LINUX_REBOOT_CMD_RESTART));
}

static int do_events(int c)
{
	struct container_events *events = container_events_open(c);

	if (!events)
		return errno;
	container_events_close(events);
	return 0;
}

static int do_kill(int c)
{
	return result(container_kill(c, SIGTERM));
}

static int do_freeze(int c)
{
	return result(container_freeze(c, 1));
}

static int do_thaw(int c)
{
	return result(container_freeze(c, 0));
}

static int do_wait(int c)
{
	return result(container_wait(c, 0));
}

static int do_wait_fd(int c)
{
	return fd_result(container_wait_fd(c));
}

static int do_tasks(int c)
{
	pid_t pids[4];

	return result(container_tasks(c, pids, 4));
}

static int do_stat(int c)
{
	struct container_info info = {.size = sizeof(info)};
	char buf[8192];

	return result(container_stat(c, CONTAINER_WALK_TASKS, &info, buf, sizeof(buf)));
}

static int do_walk(int c)
{
	struct container_info info;

	return result(
		container_walk(c, CONTAINER_WALK_SELF | CONTAINER_WALK_TASKS, copy_info, &info));
}

static int do_path(int c)
{
	char buf[4096];

	return result(container_path(c, buf, sizeof(buf)));
}

static int do_rename(int c)
{
	return result(container_rename(c, "renamed"));
}

static int do_hostname(int c)
{
	return result(container_set_hostname(c, "changed"));
}

static int do_set_network(int c)
{
	return result(container_set_namespace(c, CLONE_NEWNET, CONTAINER_NS_OWN, -1));
}

static int do_set_root(int c)
{
	return result(container_set_root(c, -1, 0));
}

static int do_get_id_map(int c)
{
	char buf[4096];

	return result(container_get_id_map(c, CONTAINER_UID_MAP, buf, sizeof(buf)));
}

static int do_set_access(int c)
{
	struct container_access access = {.size = sizeof(access), .mode = 0700};

	return result(container_set_access(c, &access));
}

static int do_create(int c)
{
	return fd_result(container_create_at(c, "nested", 0));
}

static int do_spawn(int c)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pid;

	how.argv = argv;
	pid = container_spawn(c, &how);
	if (pid < 0)
		return errno;
	return status_of(pid) ? ECHILD : 0;
}

static int do_fork(int c)
{
	pid_t pid = container_fork(c);

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(0);
	return status_of(pid) ? ECHILD : 0;
}

static int do_enter(int c)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(container_enter(c, 0) < 0 ? errno : 0);
	status = status_of(pid);
	/* Killed with the container. */
	return status > 128 ? ECHILD : status;
}

static int do_remove(int c)
{
	return result(container_remove(c, 0));
}

static int do_remove_kill(int c)
{
	return result(container_remove(c, CONTAINER_REMOVE_KILL));
}

/* What each says when init has ended, when it is frozen, and when its tasks are stopped. */
enum state { ENDED, FROZEN, STOPPED, STATES };

static const struct doing {
	const char *name;
	int (*fn)(int c);
	int wanted[STATES];
} doings[] = {
	{"socket", do_socket, {0}},
	{"openat", do_openat, {0}},
	{"mkdirat", do_mkdirat, {0}},
	{"mknodat", do_mknodat, {0}},
	{"symlinkat", do_symlinkat, {0}},
	{"unlinkat", do_unlinkat, {0}},
	{"renameat", do_renameat, {0}},
	{"fstatat", do_fstatat, {0}},
	{"readlinkat", do_readlinkat, {0}},
	{"fsopen", do_fsopen, {0}},
	{"fsopen proc", do_fsopen_proc, {ESRCH, 0, 0}},
	{"move_mount", do_move_mount, {0}},
	{"umount", do_umount, {0}},
	{"root", do_root, {0}},
	{"cgroup", do_cgroup, {0}},
	{"namespace", do_namespace, {0}},
	{"namespace of pids", do_namespace_pid, {ESRCH, 0, 0}},
	{"share its", do_share, {0}},
	{"attach", do_attach, {ESRCH, EBUSY, 0}},
	{"add_key", do_key, {0}},
	{"set_stop", do_set_stop, {0}},
	{"stop", do_stop, {0}},
	{"reboot", do_reboot, {ESRCH, 0, 0}},
	{"events_open", do_events, {0}},
	{"kill", do_kill, {ESRCH, 0, 0}},
	{"freeze", do_freeze, {0}},
	{"thaw", do_thaw, {0}},
	{"wait", do_wait, {0, ETIMEDOUT, ETIMEDOUT}},
	{"wait_fd", do_wait_fd, {0}},
	{"tasks", do_tasks, {0}},
	{"stat", do_stat, {0}},
	{"walk", do_walk, {0}},
	{"path", do_path, {0}},
	{"rename", do_rename, {0}},
	{"set_hostname", do_hostname, {0}},
	{"set_namespace", do_set_network, {0}},
	{"set_root", do_set_root, {0, EBUSY, EBUSY}},
	{"get_id_map", do_get_id_map, {0}},
	{"set_access", do_set_access, {0}},
	{"create_at", do_create, {0}},
	{"spawn", do_spawn, {0, EBUSY, 0}},
	{"fork", do_fork, {0, EBUSY, 0}},
	{"enter", do_enter, {ESRCH, EBUSY, 0}},
	{"remove", do_remove, {0, EBUSY, EBUSY}},
	{"remove by force", do_remove_kill, {0}},
};

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int timed(const struct doing *doing, int c, const char *where)
{
	long begin = now();
	int r = (int)kept(doing->fn(c));

	if (now() - begin > TIME_LIMIT)
		fail_msg("%s, %s: took %ld ms", doing->name, where, now() - begin);
	return r;
}

/* Containers. */

static int new_container(const char *name)
{
	int c = make(name, CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS | CONTAINER_NEW_UTS_NS |
				   CONTAINER_NEW_NET_NS);

	close(ok(container_openat(c, "/tmp/made", O_WRONLY | O_CREAT, 0600)));
	ok(container_symlinkat("x", c, "/tmp/link"));
	return c;
}

/* Returns its init, if that lives. */
static pid_t bring_to(int c, enum state state)
{
	pid_t init = task_pause_in(c);

	if (state == ENDED) {
		task_ends(init);
		return 0;
	}
	if (state == FROZEN) {
		ok(container_freeze(c, 1));
	} else {
		kill(init, SIGSTOP);
		task_wait_state(init, 'T');
	}
	return init;
}

static void begin_bystander(void)
{
	bystander = task_begin(task_pause, NULL).pid;
}

static void check_state(enum state state, const char *where)
{
	for (size_t i = 0; i < COUNT(doings); i++) {
		int c = new_container("c"), r;
		pid_t init = bring_to(c, state);

		begin_bystander();
		r = timed(&doings[i], c, where);
		if (r != doings[i].wanted[state])
			print_error("# %s, %s: %s instead of %s (%s)\n", doings[i].name, where,
				    strerrorname_np(r), strerrorname_np(doings[i].wanted[state]),
				    container_error_last()->step);
		assert_int_equal(r, doings[i].wanted[state]);
		container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE);
		if (init)
			status_of(init);
		task_ends(bystander);
		close(c);
	}
}

static void test_init_ended(void **state)
{
	(void)state;
	need_private_tree();
	check_state(ENDED, "init has ended");
}

static void test_frozen(void **state)
{
	(void)state;
	need_private_tree();
	check_state(FROZEN, "frozen");
}

static void test_stopped(void **state)
{
	(void)state;
	need_private_tree();
	check_state(STOPPED, "stopped");
}

/* What is no container. */

static bool is_where_it_was(int c, pid_t init)
{
	struct container_info info = info_of(c);
	struct stat st;

	return info.tasks == 1 && info.init == init && info.state == CONTAINER_RUNNING &&
	       strcmp(info.name, "") != 0 && container_fstatat(c, "/tmp/made", &st, 0) == 0 &&
	       container_fstatat(c, "/tmp/d", &st, 0) < 0;
}

static int copy_path(const struct container_info *info, void *arg)
{
	snprintf(arg, 4096, "%s", info->path);
	return 1;
}

/* All on one fd that is not the victim's, whatever it says it is. */
static void check_none(int fd, const char *what, int victim, pid_t init)
{
	char path[4096] = "";

	for (size_t i = 0; i < COUNT(doings); i++) {
		int r;

		begin_bystander();
		r = timed(&doings[i], fd, what);
		if (r != ENOENT && r != EBADF)
			fail_msg("%s, %s: %s", doings[i].name, what,
				 r ? strerrorname_np(r) : "done");
		assert_false(in_cgroup_of(bystander, info_of(victim).id));
		task_ends(bystander);
		if (!is_where_it_was(victim, init))
			fail_msg("%s, %s: it was done to another", doings[i].name, what);
	}
	assert_int_equal(container_walk(victim, CONTAINER_WALK_SELF, copy_path, path), 1);
	assert_string_equal(path, "/victim");
}

/* A directory with a record, in which all is as in the container's own. */
static void forge(const char *path, int c, const char *record)
{
	char text[4096] = "";
	int dir;

	assert_int_equal(mkdir(path, 0755), 0);
	dir = open(path, O_PATH | O_CLOEXEC);
	assert_true(record || readlinkat(c, "@spec", text, sizeof(text) - 1) > 0);
	assert_int_equal(symlinkat(record ? record : text, dir, "@spec"), 0);
	close(dir);
}

static void unforge(const char *path)
{
	char link[128];

	snprintf(link, sizeof(link), "%s/@spec", path);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(path), 0);
}

static void check_path(const char *path, int flags, const char *what, int victim, pid_t init)
{
	int fd = open(path, flags | O_CLOEXEC);

	assert_true(fd >= 0);
	check_none(fd, what, victim, init);
	close(fd);
}

static void test_no_container(void **state)
{
	char path[96], below[112], limbo[96];
	int victim, removed, fd;
	pid_t init;

	(void)state;
	need_private_tree();
	victim = new_container("victim");
	init = task_pause_in(victim);
	fd = dup(victim);
	close(fd);
	check_none(fd, "closed", victim, init);
	check_none(-1, "-1", victim, init);
	removed = new_container("removed");
	ok(container_remove(removed, 0));
	check_none(removed, "removed", victim, init);
	close(removed);
	check_path("/proc", O_RDONLY | O_DIRECTORY, "/proc", victim, init);
	check_path("/dev", O_RDONLY | O_DIRECTORY, "another file system", victim, init);
	check_path(private_tree.dir, O_PATH | O_DIRECTORY, "a directory", victim, init);
	check_path("/proc/self/ns/net", O_RDONLY, "a namespace", victim, init);
	check_path("/dev/null", O_RDWR, "a device", victim, init);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check_none(fd, "a socket", victim, init);
	close(fd);
	fd = memfd_create("states", MFD_CLOEXEC);
	check_none(fd, "a file in memory", victim, init);
	close(fd);
	fd = ok(container_root(victim));
	check_none(fd, "its root", victim, init);
	close(fd);
	fd = ok(container_cgroup(victim));
	check_none(fd, "its cgroup", victim, init);
	close(fd);
	snprintf(path, sizeof(path), "%s/forged", private_tree.dir);
	forge(path, victim, NULL);
	check_path(path, O_RDONLY | O_DIRECTORY, "forged", victim, init);
	snprintf(below, sizeof(below), "%s/tree", path);
	forge(below, victim, NULL);
	check_path(below, O_PATH | O_DIRECTORY, "forged below", victim, init);
	unforge(below);
	unforge(path);
	/* What is in limbo is being removed, record or not. */
	snprintf(limbo, sizeof(limbo), "%s/state/limbo/x", private_tree.dir);
	forge(limbo, victim, NULL);
	check_path(limbo, O_RDONLY | O_DIRECTORY, "in limbo", victim, init);
	unforge(limbo);
	task_ends(init);
	close(victim);
}

/* A damaged record outside is no reason to remove a directory. */
static void test_damaged_elsewhere(void **state)
{
	char path[96];
	int fd;

	(void)state;
	need_private_tree();
	close(make("c", 0));
	snprintf(path, sizeof(path), "%s/damaged", private_tree.dir);
	forge(path, -1, "0123456789abcdef what is this");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fails(ENOENT, container_remove(fd, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	close(fd);
	unforge(path);
}

static int count_one(const struct container_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

/* Of one container a record is no link, or longer than any: the list still has all. */
static void test_damaged_records(void **state)
{
	static const char *const records[] = {"@init", "@ended", "@ending", "@root", "@owner"};
	const unsigned int flags = CONTAINER_WALK_RECURSIVE | CONTAINER_WALK_TASKS |
				   CONTAINER_WALK_ROOT | CONTAINER_WALK_OWNER;
	int c, root;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS);
	close(make("d", 0));
	root = ok(container_open("/"));
	assert_int_equal(status_of(spawn_sh(c, "kill -KILL $$; exit 3", NULL)), 3);
	for (size_t i = 0; i < 2 * COUNT(records); i++) {
		char path[160], text[4090];
		int n = 0;

		snprintf(path, sizeof(path), "%s/state/tree/c/%s", private_tree.dir,
			 records[i / 2]);
		assert_true(unlink(path) == 0 || errno == ENOENT);
		memset(text, '7', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		if (i % 2)
			assert_int_equal(symlink(text, path), 0);
		else
			assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
		assert_int_equal(ok(container_walk(root, flags, count_one, &n)), 0);
		assert_int_equal(n, 2);
		assert_int_equal(unlink(path), 0);
	}
	ok(container_remove(c, 0));
	close(c);
	close(root);
}

/* Removed by somebody else at any moment. */

struct race {
	atomic_int fd, round, done, end;
};

static void *run_remover(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->end)) {
		int round = atomic_load(&race->round);

		if (round == atomic_load(&race->done)) {
			usleep(50);
			continue;
		}
		usleep((unsigned int)(round * 37) % 1500);
		container_remove(atomic_load(&race->fd),
				 CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE);
		atomic_store(&race->done, round);
	}
	return NULL;
}

static bool is_expected(int r)
{
	/* EBADF would be another's fd; EPERM that it is somebody else's. */
	static const int codes[] = {0,	    ENOENT,    ESRCH,	  EBUSY,  ECANCELED, ENODEV,
				    EAGAIN, ETIMEDOUT, ENOTEMPTY, ECHILD, EINVAL,    EEXIST};

	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i] == r)
			return true;
	return false;
}

static void test_removed_meanwhile(void **state)
{
	struct race race = {0};
	pthread_t remover;
	pid_t init;
	int c;

	(void)state;
	need_private_tree();
	assert_int_equal(pthread_create(&remover, NULL, run_remover, &race), 0);
	begin_bystander();
	for (size_t n = 0; n < 2 * COUNT(doings); n++) {
		size_t i = n % COUNT(doings);

		c = new_container(NULL);
		init = task_pause_in(c);
		atomic_store(&race.fd, c);
		atomic_fetch_add(&race.round, 1);
		for (int k = 0; k < 6; k++) {
			int r = timed(&doings[i], c, "removed meanwhile");

			if (!is_expected(r))
				fail_msg("%s: %s (%s)", doings[i].name, strerrorname_np(r),
					 container_error_last()->step);
			if (r == ENOENT)
				break;
		}
		while (container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE) ==
			       0 ||
		       errno != ENOENT)
			usleep(100);
		/* The number of the fd will be another container's. */
		while (atomic_load(&race.done) != atomic_load(&race.round))
			usleep(100);
		status_of(init);
		if (waitpid(bystander, NULL, WNOHANG) != 0)
			begin_bystander();
		close(c);
	}
	task_ends(bystander);
	atomic_store(&race.end, 1);
	pthread_join(remover, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_init_ended),	      library_test(test_frozen),
		library_test(test_stopped),	      library_test(test_no_container),
		library_test(test_damaged_elsewhere), library_test(test_damaged_records),
		library_test(test_removed_meanwhile),
	};

	return private_tree_run(tests);
}
