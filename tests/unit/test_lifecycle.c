/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How containers end where something is in the way: renames, kills, signals and cancelled threads at the
 * same time; fds, inodes or inotify instances that are used up.
 */
#include <containerfs/container.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <time.h>

#include <linux/keyctl.h>
#include <linux/reboot.h>
#include <linux/securebits.h>

#include "library.h"
#include "task.h"

#define ALL_OF_IT (CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE)
#define MOST_FDS 64 /* more than any call needs */
#define CANNOT 77   /* exit status of a child */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool ends_within(int pidfd, int ms)
{
	return poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, ms) == 1;
}

static void remove_all(int c)
{
	ok(container_remove(c, ALL_OF_IT));
	close(c);
}

/* A thread beside the test, which has an fd to work on. */
struct beside {
	pthread_t thread;
	int fd;
	atomic_bool end;
};

static void beside_begin(struct beside *b, int fd, void *(*fn)(void *))
{
	b->fd = fd;
	b->end = false;
	assert_int_equal(pthread_create(&b->thread, NULL, fn, b), 0);
}

static void beside_end(struct beside *b)
{
	b->end = true;
	pthread_join(b->thread, NULL);
}

#define TOLD 7 /* exit status of an init that was told to end */

static void is_told(int sig)
{
	(void)sig;
	_exit(TOLD);
}

static pid_t start_init(int c)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGTERM, is_told);
	pid = forked(c);
	if (pid)
		signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	if (pid == 0)
		task_pause(NULL);
	return pid;
}

static void *renames(void *arg)
{
	struct beside *b = arg;

	for (int i = 0; !b->end; i++)
		container_rename(b->fd, i % 2 ? "a" : "b");
	return NULL;
}

/* A search of the tree, which each create makes, may miss what is renamed: it is held all the same. */
static void test_held_renamed(void **state)
{
	int64_t end = now_ms() + 1000;
	struct beside renamer;
	char link[PATH_MAX], text[PATH_MAX];
	int a, held, pidfd;
	bool there = true;
	uint64_t id;
	pid_t pid;

	(void)state;
	need_private_tree();
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "other%d", i);
		close(make(text, 0));
	}
	a = make("a", 0);
	held = make("a/held", CONTAINER_KILL_ON_CLOSE);
	pid = spawn_sh(held, "exec sleep 1000", &pidfd);
	ok(container_id(held, &id));
	snprintf(link, sizeof(link), "%s/held/%016" PRIx64, getenv("CONTAINERFS_STATE"), id);
	beside_begin(&renamer, a, renames);
	while (there && now_ms() < end) {
		int c = container_create("sweeps", CONTAINER_FD_CLOEXEC);

		container_remove(c, 0);
		close(c);
		there = readlink(link, text, sizeof(text)) > 0;
	}
	beside_end(&renamer);
	close(held);
	assert_true(there);
	assert_true(ends_within(pidfd, 2000));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	close(pidfd);
	close(a);
}

static void *kills(void *arg)
{
	struct beside *b = arg;
	int fd = openat(b->fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);

	for (unsigned int i = 0; !b->end && write(fd, "1", 1) == 1; i++)
		usleep(i * 37 % 600);
	close(fd);
	return NULL;
}

/* Who makes namespaces is killed with the parent: what it had open is not left with the caller. */
static void test_create_killed(void **state)
{
	static const unsigned int own = CONTAINER_NEW_CGROUP_NS | CONTAINER_NEW_FS_NS |
					CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS;
	static const unsigned int flags[] = {own, own | CONTAINER_NEW_USER_NS};
	int parent, cgroup, fds, c;
	struct beside killer;

	(void)state;
	need_private_tree();
	parent = make("parent", 0);
	cgroup = ok(container_cgroup(parent));
	for (size_t i = 0; i < COUNT(flags); i++) {
		int64_t end = now_ms() + 700;

		fds = count_fds();
		beside_begin(&killer, cgroup, kills);
		while (now_ms() < end) {
			c = container_create("parent/new", flags[i] | CONTAINER_FD_CLOEXEC);
			container_remove(c, ALL_OF_IT);
			close(c);
		}
		beside_end(&killer);
		assert_int_equal(count_fds(), fds);
	}
	close(cgroup);
	remove_all(parent);
}

struct few {
	int c;
	unsigned int free; /* how many fds can be opened still */
	int (*fn)(int c);
};

/* In a child: the call's result, or CANNOT. */
static void call_with(void *arg)
{
	const struct few *few = arg;
	struct rlimit limit;
	int first = dup(0), r;

	close(first);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)(unsigned int)first + few->free;
	setrlimit(RLIMIT_NOFILE, &limit);
	r = few->fn(few->c);
	child_holds(r >= 0 || errno == EMFILE);
	_exit(r < 0 ? CANNOT : r);
}

static int no_key(const struct container_key *key, void *arg)
{
	(void)key;
	(void)arg;
	return 0;
}

static int use_keys(int c)
{
	if (container_keys(c, no_key, NULL) < 0)
		return -1;
	return container_add_key(c, "user", "few", "x", 1) < 0 ? -1 : 0;
}

/* Where a caller cannot open the keyrings of the hierarchy, that is not taken for having none. */
static void test_keys_few_fds(void **state)
{
	struct few few = {.fn = use_keys};
	int other, status;

	(void)state;
	need_private_tree();
	if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0)
		skip();
	few.c = make("c", 0);
	other = make("other", 0);
	ok(container_add_key(few.c, "user", "first", "x", 1));
	ok(container_add_key(other, "user", "first", "x", 1));
	while ((status = in_child(call_with, &few)) == CANNOT && few.free++ < MOST_FDS)
		ok(use_keys(other));
	assert_int_equal(status, 0);
	ok(use_keys(few.c));
	remove_all(few.c);
	remove_all(other);
}

static int stop(int c)
{
	return container_stop(c, 1000);
}

/* Who cannot tell a container to end for want of fds says so, and does not kill it untold. */
static void test_stop_few_fds(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct few few = {.c = make("c", flags[i]), .fn = stop};
		int status, ended;

		do {
			pid_t pid = start_init(few.c);

			status = in_child(call_with, &few);
			ended = task_ends(pid);
			assert_true(ended == TOLD || status == CANNOT);
		} while (status == CANNOT && few.free++ < MOST_FDS);
		assert_int_equal(status, 0);
		remove_all(few.c);
	}
}

static void *stops(void *arg)
{
	struct beside *b = arg;

	while (!b->end)
		;
	return (void *)(intptr_t)(container_stop(b->fd, 5000) < 0 ? errno : 0);
}

static void test_stop_at_once(void **state)
{
	struct beside b[6];
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	for (int round = 0; round < 30; round++) {
		pid_t pid = start_init(c);
		intptr_t failed = 0;
		void *error;

		for (size_t i = 0; i < COUNT(b); i++)
			beside_begin(&b[i], c, stops);
		for (size_t i = 0; i < COUNT(b); i++)
			b[i].end = true;
		for (size_t i = 0; i < COUNT(b); i++) {
			pthread_join(b[i].thread, &error);
			failed = failed ? failed : (intptr_t)error;
		}
		assert_int_equal(status_of(pid), TOLD);
		assert_int_equal(failed, 0);
	}
	remove_all(c);
}

/* In a frozen one the nested ones are frozen, too, and are told first. */
static void test_stop_frozen(void **state)
{
	int64_t begin;
	pid_t pids[2];
	int c, nested;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/nested", CONTAINER_NEW_PID_NS);
	pids[0] = start_init(c);
	pids[1] = start_init(nested);
	ok(container_freeze(c, 1));
	begin = now_ms();
	assert_int_equal(ok(container_stop(c, 5000)), 0);
	assert_in_range(now_ms() - begin, 0, 2500);
	assert_int_equal(status_of(pids[1]), TOLD);
	assert_int_equal(status_of(pids[0]), TOLD);
	close(nested);
	remove_all(c);
}

#define LOW_LIMIT 96
#define MANY 110

static void hold(int from, int to, int tell)
{
	char name[16];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		child_holds(container_create(name, CONTAINER_KILL_ON_CLOSE) >= 0);
	}
	child_holds(write(tell, "x", 1) == 1);
	task_pause(NULL);
}

static bool is_left(int i)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tree/many%d", getenv("CONTAINERFS_STATE"), i);
	return access(path, F_OK) == 0;
}

/* More than the watcher, with the limit of who had it started, can watch; nobody else does anything. */
static void hold_more(bool hard)
{
	struct rlimit limit = {LOW_LIMIT, LOW_LIMIT};
	pid_t holders[2];
	int64_t end;
	int tell[2];
	char byte;

	if (!hard)
		limit.rlim_max = RLIM_INFINITY;
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) {
		holders[i] = fork();
		if (holders[i] == 0) {
			struct rlimit now;

			getrlimit(RLIMIT_NOFILE, &now);
			limit.rlim_max = hard ? LOW_LIMIT : now.rlim_max;
			if (i == 0)
				setrlimit(RLIMIT_NOFILE, &limit);
			hold(i, i ? MANY : 1, tell[1]);
		}
		assert_int_equal(read(tell[0], &byte, 1), 1);
	}
	assert_true(is_left(0) && is_left(MANY - 1));
	task_ends(holders[0]);
	task_ends(holders[1]);
	end = now_ms() + 5000;
	for (int i = 0; i < MANY; i++)
		while (is_left(i)) {
			assert_true(now_ms() < end);
			usleep(5000);
		}
	close(tell[0]);
	close(tell[1]);
}

static void test_many_held(void **state)
{
	(void)state;
	need_private_tree();
	allow_fds(2 * MANY);
	hold_more(false);
	usleep(300000); /* the next watcher is to have limits of its own */
	hold_more(true);
}

static void no_absolute_path(void *arg)
{
	int c, code;

	(void)arg;
	child_holds(chdir(private_tree.dir) == 0);
	setenv("CONTAINERFS_STATE", "relative", 1);
	c = container_create("c", CONTAINER_FD_CLOEXEC);
	code = errno;
	if (c >= 0 && container_remove(c, 0) == 0)
		container_remove(container_open("/"), 0);
	child_holds(c < 0 && code == EINVAL && access("relative", F_OK) < 0);
}

/* The watcher has another current directory, and so has whoever comes next. */
static void test_relative_state(void **state)
{
	(void)state;
	need_private_tree();
	assert_int_equal(in_child(no_absolute_path, NULL), 0);
}

struct cancelled {
	int c, fd;
};

static void close_it(struct cancelled *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static void *calls_on(void *arg)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	struct cancelled *a = arg;

	how.argv = argv;
	for (;; pthread_testcancel()) {
		container_set_hostname(a->c, "cancelled");
		container_spawn(a->c, &how);
		a->fd = container_socket(a->c, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		close_it(a);
		a->fd = container_create("new", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC);
		container_remove(a->fd, ALL_OF_IT);
		close_it(a);
	}
	return NULL;
}

static void cancel_them(void *arg)
{
	struct cancelled a = {*(const int *)arg, -1};
	int fds = count_fds();

	for (unsigned int i = 0; i < 100; i++) {
		pthread_t thread;

		child_holds(pthread_create(&thread, NULL, calls_on, &a) == 0);
		usleep(i * 739 % 9000);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		close_it(&a);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	child_holds(count_fds() == fds);
	alarm(5); /* nothing is locked any more */
	child_holds(container_set_hostname(a.c, "after") == 0);
	child_holds(container_rename(a.c, "renamed") == 0);
}

static void test_cancelled(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_PID_NS);
	assert_int_equal(in_child(cancel_them, &c), 0);
	remove_all(c);
}

static int leave_inodes(unsigned long n)
{
	struct statfs st;
	char text[48];

	if (statfs(private_tree.dir, &st) < 0)
		return -1;
	snprintf(text, sizeof(text), "nr_inodes=%lu", st.f_files - st.f_ffree + n);
	return mount(NULL, private_tree.dir, NULL, MS_REMOUNT, text);
}

/* Whether both are in one network, or there are none. */
static bool two_agree(int c, bool by_fork)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pids[2];
	bool agree;

	how.argv = argv;
	pids[0] = by_fork ? container_fork(c) : container_spawn(c, &how);
	if (pids[0] == 0)
		task_pause(NULL);
	if (pids[0] < 0)
		return errno == ENOSPC;
	pids[1] = container_spawn(c, &how);
	agree = pids[1] > 0 && ino_of_task(pids[0], "net") == ino_of_task(pids[1], "net");
	if (pids[1] > 0)
		task_ends(pids[1]);
	task_ends(pids[0]);
	return agree;
}

static void fill_state(void *arg)
{
	bool spawned, forked;
	int c, root;

	(void)arg;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("full", private_tree.dir, "tmpfs", 0, NULL) < 0)
		_exit(CANNOT);
	c = container_create("c", CONTAINER_NEW_NET_NS | CONTAINER_KILL_ON_CLOSE |
					  CONTAINER_KILL_LAZILY | CONTAINER_FD_CLOEXEC);
	child_holds(leave_inodes(0) == 0);
	spawned = two_agree(c, false);
	forked = two_agree(c, true);
	child_holds(leave_inodes(100) == 0);
	child_holds(container_remove(c, ALL_OF_IT) == 0);
	root = container_open("/");
	child_holds(container_remove(root, 0) == 0);
	child_holds(spawned && forked);
}

/* What lives in a task alone has to be found again for the next one; else there is no first one. */
static void test_full_state(void **state)
{
	int status;

	(void)state;
	need_private_tree();
	status = in_child(fill_state, NULL);
	if (status == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

static void no_action(int sig)
{
	(void)sig;
}

static void *reaps_late(void *arg)
{
	struct beside *b = arg;
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	usleep(100000);
	status_of(b->fd);
	return NULL;
}

/* Signals do not make it return before init has ended, which waits for a zombie that we have to reap. */
static void test_reboot_signals(void **state)
{
	const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = no_action}, before;
	struct beside reaper;
	bool has_ended;
	int c, pidfd, r;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	pid = spawn_sh(c, "exec sleep 1000", &pidfd);
	sigaction(SIGALRM, &action, &before);
	beside_begin(&reaper, spawn_sh(c, "exec sleep 1000", NULL), reaps_late);
	setitimer(ITIMER_REAL, &often, NULL);
	r = container_reboot(c, (int)LINUX_REBOOT_CMD_RESTART);
	has_ended = ends_within(pidfd, 0);
	setitimer(ITIMER_REAL, &never, NULL);
	beside_end(&reaper);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(r, 0);
	assert_true(has_ended);
	assert_int_equal(status_of(pid), 128 + SIGHUP);
	close(pidfd);
	remove_all(c);
}

#define NOBODY_ELSE 2012012012

/* They are counted by effective user; of this one, which may do all that root may, there is no other process. */
static void use_up_inotify(void *arg)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c, fd, pidfd = -1;

	(void)arg;
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 ||
	    syscall(SYS_setresuid, -1, NOBODY_ELSE, -1) < 0)
		_exit(CANNOT);
	setfsuid(0);
	while ((fd = inotify_init1(IN_CLOEXEC)) >= 0)
		;
	/* Of fds there are some left, which an instance could have had. */
	fd = dup(0);
	if (fd < 0)
		_exit(CANNOT);
	close(fd);
	c = container_create("c", CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC);
	child_holds(c >= 0);
	how.argv = argv;
	how.pidfd = &pidfd;
	child_holds(container_spawn(c, &how) > 0);
	close(c);
	child_holds(ends_within(pidfd, 5000));
}

/* The watcher looks again and again, if the kernel does not tell it what happens. */
static void test_no_inotify(void **state)
{
	int status;

	(void)state;
	need_private_tree();
	status = in_child(use_up_inotify, NULL);
	if (status == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

/* What it opened before is seen through mounts that it has left. */
static void go_elsewhere(void *arg)
{
	const int *c = arg;
	int nested;

	child_holds(unshare(CLONE_NEWNS) == 0);
	nested = container_create_at(*c, "nested", CONTAINER_NEW_UTS_NS);
	child_holds(nested >= 0);
	child_holds(container_rename(nested, "renamed") == 0);
	child_holds(container_set_namespace(*c, CLONE_NEWIPC, CONTAINER_NS_OWN, -1) == 0);
	child_holds(container_remove(nested, 0) == 0);
	child_holds(container_remove(*c, ALL_OF_IT) == 0);
}

static void test_fd_of_elsewhere(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("c", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC));
	assert_int_equal(in_child(go_elsewhere, &c), 0);
	close(c);
	assert_int_equal(container_open("c"), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_held_renamed),    library_test(test_create_killed),
		library_test(test_keys_few_fds),    library_test(test_stop_few_fds),
		library_test(test_stop_at_once),    library_test(test_stop_frozen),
		library_test(test_many_held),	    library_test(test_relative_state),
		library_test(test_cancelled),	    library_test(test_full_state),
		library_test(test_reboot_signals),  library_test(test_no_inotify),
		library_test(test_fd_of_elsewhere),
	};

	return private_tree_run(tests);
}
