/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks of containers as a C program has them: fork, spawn, enter; kill, freeze, wait; from threads.
 */
#include <containerfs/container.h>

#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "chance.h"
#include "library.h"

/* Whether the last component of a task's cgroup is this container's id. */
static bool in_cgroup_of(pid_t pid, uint64_t id)
{
	char path[64], end[32];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	snprintf(end, sizeof(end), "/%016" PRIx64 "\n", id);
	return file_has(path, end);
}

/* fork */

static void test_fork(void **state)
{
	int c, to_child[2];
	pid_t pid;
	char byte;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS | CONTAINER_NEW_FS_NS | CONTAINER_NEW_UTS_NS);
	assert_int_equal(pipe2(to_child, O_CLOEXEC), 0);
	pid = forked(c);
	if (pid == 0) {
		/* The parent is outside of the pid namespace: the kernel calls it 0. */
		child_holds(getpid() == 1 && getppid() == 0);
		child_holds(read(to_child[0], &byte, 1) == 1);
		_exit(42);
	}
	assert_true(in_cgroup_of(pid, info_of(c).id));
	assert_int_equal(info_of(c).init, pid);
	assert_int_equal(write(to_child[1], "x", 1), 1);
	assert_int_equal(status_of(pid), 42);
	close(to_child[0]);
	close(to_child[1]);
	close(c);
}

/* In the parent's pid namespace the child is an ordinary child. */
static void test_fork_inherited(void **state)
{
	pid_t parent = getpid(), pid;
	uint64_t id;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	id = info_of(c).id;
	pid = forked(c);
	if (pid == 0) {
		child_holds(getppid() == parent);
		child_holds(in_cgroup_of(getpid(), id));
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	close(c);
}

/* The first is init; others are with it; with init they end, and then there is a new init. */
static void test_fork_more(void **state)
{
	pid_t init, second;
	ino_t first_ns;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	init = forked(c);
	if (init == 0)
		for (;;)
			pause();
	first_ns = ino_of_task(init, "pid");
	second = forked(c);
	if (second == 0) {
		child_holds(getpid() == 2);
		for (;;)
			pause();
	}
	assert_int_equal(ino_of_task(second, "pid"), first_ns);
	assert_int_equal(ino_of_container(c, CLONE_NEWPID), first_ns);
	kill(init, SIGKILL);
	/* The kernel lets init go when all of its namespace are reaped; the second is ours to reap. */
	assert_int_equal(status_of(second), 128 + SIGKILL);
	assert_int_equal(status_of(init), 128 + SIGKILL);
	fails(ESRCH, container_namespace(c, CLONE_NEWPID));
	init = forked(c);
	if (init == 0) {
		child_holds(getpid() == 1);
		_exit(0);
	}
	assert_int_equal(status_of(init), 0);
	close(c);
}

/* Memory, open files and buffers are the caller's, as after fork(2). */
static void test_fork_is_fork(void **state)
{
	int c, pipes[2], variable = 1;
	char text[32];
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", NEW_ALL_BUT_USER);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = forked(c);
	if (pid == 0) {
		variable = 2;
		child_holds(dprintf(pipes[1], "%d", variable) == 1);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(variable, 1);
	assert_int_equal(read(pipes[0], text, sizeof(text)), 1);
	assert_int_equal(text[0], '2');
	close(pipes[0]);
	close(pipes[1]);
	close(c);
}

/* spawn */

static void test_spawn(void **state)
{
	static const char script[] =
		"echo \"$0|$1|$A|$B|$PWD|$(id -u):$(id -g):$(id -G)|$$\"; read x; "
		"echo \"$x\" >&2; ls /proc/self/fd | wc -l";
	const char *const argv[] = {"sh", "-c", script, "zero", "o n e", NULL};
	const char *const envp[] = {"A=a b", "PATH=/usr/bin:/bin", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c, in[2], err[2], pidfd = -1, extra;
	char out[512], text[64];
	ssize_t n;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS | CONTAINER_NEW_FS_NS);
	extra = open("/", O_RDONLY | O_DIRECTORY); /* not close-on-exec: must not reach it */
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "hello\n", 6), 6);
	how.argv = argv;
	how.envp = envp;
	how.cwd = "/usr";
	how.user = "12345:54321";
	how.stdio[0] = in[0];
	how.stdio[2] = err[1];
	how.pidfd = &pidfd;
	setenv("B", "of the caller", 1);
	assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
	/* 0, 1, 2 and that of ls itself. */
	assert_string_equal(out, "zero|o n e|a b||/usr|12345:54321:54321|1\n4\n");
	n = read(err[0], text, sizeof(text) - 1);
	assert_int_equal(n, 6);
	assert_memory_equal(text, "hello\n", 6);
	assert_true(pidfd >= 0 && (fcntl(pidfd, F_GETFD) & FD_CLOEXEC));
	close(pidfd);
	unsetenv("B");
	close(extra);
	close(in[0]);
	close(in[1]);
	close(err[0]);
	close(err[1]);
	close(c);
}

static void test_spawn_defaults(void **state)
{
	char out[256];
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	setenv("CONTAINERFS_UNIT", "of the caller", 1);
	assert_int_equal(run_sh(c, "echo $CONTAINERFS_UNIT; pwd; id -u", out, sizeof(out)), 0);
	assert_string_equal(out, "of the caller\n/\n0\n");
	unsetenv("CONTAINERFS_UNIT");
	assert_int_equal(run_sh(c, "exit 9", out, sizeof(out)), 9);
	assert_int_equal(run_sh(c, "kill -TERM $$", out, sizeof(out)), 128 + SIGTERM);
	close(c);
}

static void test_spawn_users(void **state)
{
	static const struct {
		const char *user, *wanted;
	} good[] = {
		{"nobody", "65534:65534"},
		{"daemon", "1:1"},
		{"root", "0:0"},
		{"daemon:root", "1:0"},
		{"1:7", "1:7"},
		{"1", "1:1"},
		{"0", "0:0"},
		{"4294967294:0", "4294967294:0"},
	};
	static const char *const bad[] = {
		"no-such-user",
		"daemon:no-such-group",
		"",
		":",
		"daemon:",
		":0",
		"-1",
		"4294967295",
		"4294967296:0",
		"0:4294967295",
		"root:root:root",
		"99999",
		"+root",
	};
	const char *const argv[] = {"sh", "-c", "echo $(id -u):$(id -g)", NULL};
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct container_spawn how = CONTAINER_SPAWN_INIT;
		char out[64];

		how.argv = argv;
		how.user = good[i].user;
		assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
		out[strcspn(out, "\n")] = '\0';
		assert_string_equal(out, good[i].wanted);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct container_spawn how = CONTAINER_SPAWN_INIT;

		how.argv = argv;
		how.user = bad[i];
		fails(EINVAL, container_spawn(c, &how));
		assert_string_not_equal(container_error_last()->step, "exec");
	}
	close(c);
}

static long spawn_one(int c, const char *program, const char *cwd, unsigned int flags, size_t size)
{
	const char *const argv[] = {program, NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int pidfd = 12345;
	long r;

	how.argv = argv;
	how.cwd = cwd;
	how.flags = flags;
	how.size = size;
	how.pidfd = &pidfd;
	r = container_spawn(c, &how);
	if (r < 0 && pidfd != 12345)
		fail_msg("pidfd was written although the call failed");
	if (r >= 0)
		close(pidfd);
	return r;
}

static void test_spawn_errors(void **state)
{
	const char *const nothing[] = {NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	const size_t size = sizeof(how);
	char path[80];
	int c, fd;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	fails(ENOENT, spawn_one(c, "no-such-program", NULL, 0, size));
	assert_string_equal(container_error_last()->step, "exec");
	assert_string_equal(container_error_last()->object, "no-such-program");
	fails(ENOENT, spawn_one(c, "/no/such/program", NULL, 0, size));
	assert_string_equal(container_error_last()->step, "exec");
	fails(ENOENT, spawn_one(c, "", NULL, 0, size));
	assert_string_equal(container_error_last()->step, "exec");
	fails(EACCES, spawn_one(c, "/etc/passwd", NULL, 0, size));
	assert_string_equal(container_error_last()->step, "exec");
	fails(EACCES, spawn_one(c, "/", NULL, 0, size));
	assert_string_equal(container_error_last()->step, "exec");
	snprintf(path, sizeof(path), "%s/not-a-program", private_tree.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_int_equal(write(fd,
			       "\x7f"
			       "ELF?",
			       5),
			 5);
	close(fd);
	fails(ENOEXEC, spawn_one(c, path, NULL, 0, size));
	assert_string_equal(container_error_last()->step, "exec");
	unlink(path);

	fails(ENOENT, spawn_one(c, "true", "/no/such/dir", 0, size));
	assert_string_not_equal(container_error_last()->step, "exec");
	assert_string_equal(container_error_last()->object, "/no/such/dir");
	assert_int_equal(status_of((pid_t)ok(spawn_one(c, "true", "/no/such/dir",
						       CONTAINER_SPAWN_CWD_OPTIONAL, size))),
			 0);
	fails(EINVAL, spawn_one(c, "true", NULL, 0x80, size));
	fails(EINVAL, spawn_one(c, "true", NULL, 0, 0));
	fails(EINVAL, spawn_one(c, "true", NULL, 0, size + 8));
	how.argv = NULL;
	fails(EINVAL, container_spawn(c, &how));
	how.argv = nothing;
	fails(EINVAL, container_spawn(c, &how));
	close(c);
}

/* PATH is that of the environment given, each directory of it in turn. */
static void test_spawn_path(void **state)
{
	static const struct {
		const char *path;
		int wanted;
	} cases[] = {
		{"PATH=/usr/bin", 0},	   {"PATH=/no/such:/usr/bin:/bin", 0},
		{"PATH=/no/such", ENOENT}, {"PATH=/etc/passwd:/bin:/usr/bin", 0},
		{"PATH=", ENOENT},	   {"PATH=:::", ENOENT},
		{"NOPATH=/no/such", 0},	   {"PATH=/usr/bin:", 0},
	};
	const char *const argv[] = {"true", NULL};
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const envp[] = {cases[i].path, NULL};
		struct container_spawn how = CONTAINER_SPAWN_INIT;

		how.argv = argv;
		how.envp = envp;
		if (cases[i].wanted)
			fails(cases[i].wanted, container_spawn(c, &how));
		else
			assert_int_equal(status_of((pid_t)ok(container_spawn(c, &how))), 0);
	}
	close(c);
}

static void test_spawn_some_types(void **state)
{
	const char *const argv[] = {"sleep", "100", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", NEW_ALL_BUT_USER & ~CONTAINER_NEW_PID_NS);
	how.argv = argv;
	how.nstypes = CLONE_NEWUTS | CLONE_NEWNET;
	pid = (pid_t)ok(container_spawn(c, &how));
	for (size_t i = 0; i < KINDS; i++) {
		bool joined = how.nstypes & kinds[i].clone_flag;
		ino_t wanted = joined ? ino_of_container(c, kinds[i].clone_flag)
				      : ino_of_task(0, kinds[i].proc);

		assert_int_equal(ino_of_task(pid, kinds[i].proc), wanted);
	}
	assert_true(in_cgroup_of(pid, info_of(c).id));
	ok(container_kill(c, SIGKILL));
	status_of(pid);
	close(c);
}

static void spawn_and_end(void *arg)
{
	const char *const argv[] = {"sleep", "100", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	how.flags = CONTAINER_SPAWN_DIE_WITH_PARENT;
	how.user = "1:1";
	child_holds(container_spawn(*(int *)arg, &how) > 0);
}

static void test_die_with_parent(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	assert_int_equal(in_child(spawn_and_end, &c), 0);
	ok(container_wait(c, 5000));
	close(c);
}

/* Handlers of the caller are not the child's; its signal mask is. */
static void on_signal(int sig)
{
	(void)sig;
}

static void test_spawn_signals(void **state)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	const char *const argv[] = {"grep", "-E", "Sig(Blk|Cgt)", "/proc/self/status", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	sigset_t block, before;
	char out[512];
	int c;

	(void)state;
	need_private_tree();
	how.argv = argv;
	c = make("c", 0);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR2);
	sigaction(SIGUSR1, &action, &old);
	sigprocmask(SIG_BLOCK, &block, &before);
	assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
	if (!strstr(out, "SigBlk:\t0000000000000800"))
		fail_msg("%s", out);
	assert_null(strstr(out, "SigCgt:\t00000000000002"));
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGUSR1, &old, NULL);
	close(c);
}

/* enter */

struct entered {
	int c, nstypes;
	uint64_t id;
	ino_t wanted[KINDS];
};

static void enter_and_look(void *arg)
{
	struct entered *e = arg;
	pid_t pid;

	child_holds(container_enter(e->c, e->nstypes) == 0);
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].clone_flag != CLONE_NEWPID)
			child_holds(ino_of_task(0, kinds[i].proc) == e->wanted[i]);
	/* Seen from its own cgroup namespace it is the top. */
	child_holds(e->nstypes & CLONE_NEWCGROUP ? file_has("/proc/self/cgroup", "0::/\n")
						 : in_cgroup_of(getpid(), e->id));
	/* A pid namespace takes effect for children. */
	pid = fork();
	child_holds(pid >= 0);
	if (pid == 0)
		_exit(e->nstypes == 0 && getpid() < 100 ? 7 : 0);
	_exit(status_of(pid));
}

static void test_enter(void **state)
{
	static const int masks[] = {
		0, CLONE_NEWUTS, CLONE_NEWNET | CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWCGROUP,
	};
	struct entered e;
	pid_t init;

	(void)state;
	need_private_tree();
	e.c = make("c", NEW_ALL_BUT_USER & ~CONTAINER_NEW_TIME_NS);
	e.id = info_of(e.c).id;
	init = spawn_sh(e.c, "exec sleep 100", NULL);
	for (size_t m = 0; m < COUNT(masks); m++) {
		e.nstypes = masks[m];
		for (size_t i = 0; i < KINDS; i++)
			e.wanted[i] = !masks[m] || (masks[m] & kinds[i].clone_flag)
					      ? ino_of_container(e.c, kinds[i].clone_flag)
					      : ino_of_task(0, kinds[i].proc);
		/* With the container's own /proc the pids and cgroups are told otherwise. */
		if (masks[m] == 0 || masks[m] == CLONE_NEWNS)
			continue;
		assert_int_equal(in_child(enter_and_look, &e), 0);
	}
	ok(container_kill(e.c, SIGKILL));
	status_of(init);
	close(e.c);
}

static void enter_all(void *arg)
{
	char out[65] = "", link[64] = "";
	pid_t pid;

	child_holds(container_enter(*(int *)arg, 0) == 0);
	child_holds(gethostname(out, sizeof(out)) == 0 && strcmp(out, "entered") == 0);
	child_holds(chdir("/") == 0);
	pid = fork();
	child_holds(pid >= 0);
	if (pid == 0) {
		child_holds(getpid() > 1 && getpid() < 100 && getppid() == 0);
		child_holds(readlink("/proc/self", link, sizeof(link)) > 0 &&
			    atoi(link) == getpid());
		_exit(7);
	}
	_exit(status_of(pid));
}

static void test_enter_all(void **state)
{
	pid_t init;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", NEW_ALL_BUT_USER & ~CONTAINER_NEW_TIME_NS);
	ok(container_set_hostname(c, "entered"));
	init = spawn_sh(c, "exec sleep 100", NULL);
	assert_int_equal(in_child(enter_all, &c), 7);
	ok(container_kill(c, SIGKILL));
	status_of(init);
	close(c);
}

/* Once inside, only what is nested can be reached. */
static void look_around(void *arg)
{
	int *fds = arg, self, nested;
	char path[64];

	child_holds(container_enter(fds[0], 0) == 0);
	self = container_open(".");
	child_holds(self >= 0);
	child_holds(container_path(self, path, sizeof(path)) > 0 && strcmp(path, "/a") == 0);
	nested = container_open("b");
	child_holds(nested >= 0);
	child_holds(container_path(nested, path, sizeof(path)) > 0 && strcmp(path, "/a/b") == 0);
	child_holds(container_open("/a/b") >= 0);
	child_holds(container_open("/") < 0 && errno == EPERM);
	child_holds(container_open("/c") < 0 && errno == EPERM);
	child_holds(container_create("/x", 0) < 0 && errno == EPERM);
	child_holds(container_create("x", 0) >= 0);
	child_holds(container_enter(fds[1], 0) < 0 && errno == EPERM);
	child_holds(container_kill(fds[1], SIGKILL) < 0 && errno == EPERM);
	child_holds(container_freeze(fds[1], 1) < 0 && errno == EPERM);
	child_holds(container_remove(fds[1], 0) < 0 && errno == EPERM);
	child_holds(container_rename(fds[1], "d") < 0 && errno == EPERM);
	child_holds(container_fork(fds[1]) < 0 && errno == EPERM);
	child_holds(container_set_namespace(fds[1], CLONE_NEWUTS, CONTAINER_NS_OWN, -1) < 0 &&
		    errno == EPERM);
	child_holds(container_set_namespace(self, CLONE_NEWUTS, CONTAINER_NS_SHARE, fds[1]) < 0 &&
		    errno == EPERM);
	child_holds(container_namespace(fds[1], CLONE_NEWUTS) < 0 && errno == EPERM);
	child_holds(container_create_at(fds[1], "x", 0) < 0 && errno == EPERM);
	child_holds(container_enter(nested, 0) == 0);
	child_holds(container_enter(fds[0], 0) < 0 && errno == EPERM);
}

static void test_inside(void **state)
{
	int fds[3];

	(void)state;
	need_private_tree();
	fds[0] = make("a", CONTAINER_NEW_UTS_NS);
	fds[1] = make("c", CONTAINER_NEW_UTS_NS);
	fds[2] = make("a/b", 0);
	assert_int_equal(in_child(look_around, fds), 0);
	assert_true(is_gone("x"));
	assert_false(is_gone("a/x"));
	assert_false(is_gone("c"));
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
}

static void *wait_for_end(void *arg)
{
	while (!atomic_load((atomic_int *)arg))
		usleep(1000);
	return NULL;
}

/* A process with threads cannot join all namespaces: it is refused, and nothing has changed. */
static void enter_with_threads(void *arg)
{
	static atomic_int end;
	struct ns_links before;
	pthread_t thread;
	char cwd[4096], now[4096];

	child_holds(pthread_create(&thread, NULL, wait_for_end, &end) == 0);
	child_holds(chdir("/usr") == 0 && getcwd(cwd, sizeof(cwd)));
	read_links(&before);
	child_holds(container_enter(*(int *)arg, 0) < 0);
	child_holds(errno == EINVAL || errno == EUSERS);
	child_holds(!strstr(container_error_last()->step, "half entered"));
	child_holds(same_links(&before));
	child_holds(getcwd(now, sizeof(now)) && strcmp(cwd, now) == 0);
	child_holds(file_has("/proc/self/cgroup", "0::/\n") ||
		    !file_has("/proc/self/cgroup", "containerfs"));
	atomic_store(&end, 1);
	pthread_join(thread, NULL);
}

static void test_enter_with_threads(void **state)
{
	unsigned int sets[] = {CONTAINER_NEW_FS_NS, CONTAINER_NEW_FS_NS | CONTAINER_NEW_UTS_NS,
			       CONTAINER_NEW_USER_NS, CONTAINER_NEW_FS_NS | CONTAINER_NEW_USER_NS};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(sets); i++) {
		int c = make("c", sets[i]);

		assert_int_equal(in_child(enter_with_threads, &c), 0);
		ok(container_remove(c, 0));
		close(c);
	}
}

static void enter_no_task(void *arg)
{
	struct ns_links before;

	read_links(&before);
	child_holds(container_enter(*(int *)arg, 0) < 0 && errno == ESRCH);
	child_holds(same_links(&before));
	/* Without the type that is not there yet it works. */
	child_holds(container_enter(*(int *)arg, CLONE_NEWUTS) == 0);
}

static void test_enter_before_init(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS | CONTAINER_NEW_UTS_NS);
	assert_int_equal(in_child(enter_no_task, &c), 0);
	close(c);
}

/* kill, freeze, wait */

static void test_kill(void **state)
{
	int c, nested;
	pid_t a, b;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/n", CONTAINER_NEW_PID_NS);
	fails(ESRCH, container_kill(c, SIGTERM));
	fails(ESRCH, container_kill(c, SIGKILL));
	fails(EINVAL, container_kill(c, -1));
	fails(EINVAL, container_kill(c, SIGRTMAX + 1));
	a = spawn_sh(c, "exec sleep 100", NULL);
	b = spawn_sh(nested, "trap 'exit 5' TERM; while :; do sleep 0.01; done", NULL);
	ok(container_kill(c, 0));
	/* Until the trap is set init of a pid namespace does not get the signal at all. */
	usleep(200000);
	ok(container_kill(c, SIGTERM));
	assert_int_equal(status_of(a), 128 + SIGTERM);
	assert_int_equal(status_of(b), 5);
	ok(container_wait(c, 5000));
	fails(ESRCH, container_kill(c, SIGKILL));
	/* Killed, and started again at once. */
	for (int i = 0; i < 20; i++) {
		a = spawn_sh(c, "exec sleep 100", NULL);
		ok(container_kill(c, SIGKILL));
		assert_int_equal(status_of(a), 128 + SIGKILL);
	}
	a = spawn_sh(c, "exit 3", NULL);
	assert_int_equal(status_of(a), 3);
	close(nested);
	close(c);
}

static void test_remove_kills(void **state)
{
	int c, nested;
	pid_t a, b;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/n", CONTAINER_NEW_PID_NS);
	a = spawn_sh(c, "exec sleep 100", NULL);
	b = spawn_sh(nested, "sleep 100 & exec sleep 100", NULL);
	fails(EBUSY, container_remove(nested, 0));
	fails(ENOTEMPTY, container_remove(c, CONTAINER_REMOVE_KILL));
	fails(EBUSY, container_remove(c, CONTAINER_REMOVE_RECURSIVE));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
	ok(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	assert_int_equal(status_of(a), 128 + SIGKILL);
	assert_int_equal(status_of(b), 128 + SIGKILL);
	close(nested);
	close(c);
}

/* The caller is the parent of several tasks of a pid namespace, and cannot reap while it removes. */
static void test_remove_kills_own_children(void **state)
{
	pid_t init, second;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	init = spawn_sh(c, "exec sleep 100", NULL);
	second = spawn_sh(c, "exec sleep 100", NULL);
	ok(container_remove(c, CONTAINER_REMOVE_KILL));
	assert_int_equal(status_of(second), 128 + SIGKILL);
	assert_int_equal(status_of(init), 128 + SIGKILL);
	close(c);
}

static void test_wait(void **state)
{
	struct pollfd end = {.events = POLLPRI};
	int c, nested;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/n", 0);
	ok(container_wait(c, 0));
	ok(container_wait(c, -1));
	pid = spawn_sh(nested, "exec sleep 100", NULL);
	fails(ETIMEDOUT, container_wait(c, 0));
	fails(ETIMEDOUT, container_wait(c, 50));
	end.fd = ok(container_wait_fd(c));
	fails(ETIMEDOUT, container_wait(c, 0));
	/* The first look may be at a change that was before; after that there is none. */
	if (poll(&end, 1, 0) == 1) {
		char buf[256];

		while (pread(end.fd, buf, sizeof(buf), 0) < 0)
			;
	}
	assert_int_equal(poll(&end, 1, 50), 0);
	kill(pid, SIGKILL);
	assert_int_equal(poll(&end, 1, 5000), 1);
	assert_true(end.revents & POLLPRI);
	status_of(pid);
	ok(container_wait(c, 5000));
	close(end.fd);
	close(nested);
	close(c);
}

static void test_freeze(void **state)
{
	int c, nested;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/n", 0);
	pid = spawn_sh(nested, "exec sleep 100", NULL);
	ok(container_freeze(c, 1));
	assert_int_equal(info_of(nested).state, CONTAINER_FROZEN);
	ok(container_freeze(c, 1));
	fails(EBUSY, container_freeze(nested, 0));
	ok(container_freeze(c, 0));
	assert_int_equal(info_of(nested).state, CONTAINER_RUNNING);
	/* Frozen ones are killed all the same. */
	ok(container_freeze(nested, 1));
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	ok(container_wait(c, 5000));
	ok(container_freeze(nested, 0));
	close(nested);
	close(c);
}

/* Nothing waits for a task or a helper that is frozen as soon as it is born. */
static void act_on_frozen(void *arg)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int *fds = arg;

	alarm(10);
	how.argv = argv;
	for (int i = 0; i < 2; i++) {
		child_holds(container_spawn(fds[i], &how) < 0 && errno == EBUSY);
		child_holds(container_fork(fds[i]) < 0 && errno == EBUSY);
		child_holds(container_enter(fds[i], 0) < 0 && errno == EBUSY);
	}
	/* These may be refused or done, but not hang. */
	container_set_namespace(fds[1], CLONE_NEWCGROUP, CONTAINER_NS_OWN, -1);
	container_set_namespace(fds[1], CLONE_NEWUTS, CONTAINER_NS_OWN, -1);
	container_set_root(fds[1], -1, 0);
	container_create("c/new", NEW_ALL_BUT_USER);
	container_create("c/user", NEW_ALL_BUT_USER | CONTAINER_NEW_USER_NS);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

static void test_frozen(void **state)
{
	int fds[2];
	bool hung;
	pid_t pid;

	(void)state;
	need_private_tree();
	fds[0] = make("c", 0);
	fds[1] = make("c/n", 0);
	ok(container_freeze(fds[0], 1));
	pid = fork();
	if (pid == 0) {
		act_on_frozen(fds);
		_exit(0);
	}
	/* Not its alarm alone: what hangs here may have all signals blocked. */
	for (int i = 0; i < 150 && !has_ended(pid); i++)
		usleep(100000);
	hung = !has_ended(pid);
	ok(container_freeze(fds[0], 0));
	assert_int_equal(status_of(pid), 0);
	assert_false(hung);
	/* A frozen one is removed like any other. */
	pid = spawn_sh(fds[1], "exec sleep 100", NULL);
	ok(container_freeze(fds[0], 1));
	ok(container_remove(fds[0], CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	close(fds[0]);
	close(fds[1]);
}

static void test_tasks(void **state)
{
	pid_t pids[4] = {0}, started[3];
	int c, nested;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	nested = make("c/n", 0);
	assert_int_equal(ok(container_tasks(c, pids, 4)), 0);
	for (int i = 0; i < 3; i++)
		started[i] = spawn_sh(i < 2 ? c : nested, "exec sleep 100", NULL);
	assert_int_equal(ok(container_tasks(c, pids, 4)), 2);
	assert_true((pids[0] == started[0] && pids[1] == started[1]) ||
		    (pids[0] == started[1] && pids[1] == started[0]));
	pids[1] = -7;
	assert_int_equal(ok(container_tasks(c, pids, 1)), 2);
	assert_int_equal(pids[1], -7);
	assert_int_equal(ok(container_tasks(c, NULL, 0)), 2);
	assert_int_equal(ok(container_tasks(nested, pids, 4)), 1);
	assert_int_equal(pids[0], started[2]);
	ok(container_kill(c, SIGKILL));
	for (int i = 2; i >= 0; i--)
		status_of(started[i]);
	close(nested);
	close(c);
}

/* Threads */

static atomic_int threads_end;

/* What other threads of a program do meanwhile: memory, files, signals' masks, waiting. */
static void *busy_thread(void *arg)
{
	while (!atomic_load(&threads_end)) {
		char *memory = malloc(1000);
		struct ns_links links;

		read_links(&links);
		if (!memory || memcmp(&links, arg, sizeof(links)) != 0)
			return arg;
		free(memory);
	}
	return NULL;
}

static void *calling_thread(void *arg)
{
	struct chance c = {(uint64_t)(uintptr_t)arg + chance_seed()};

	for (long i = chance_steps(60); i > 0; i--) {
		unsigned int flags = (unsigned int)chance_next(&c) & NEW_ALL_BUT_USER;
		const char *const argv[] = {"sh", "-c", "exit 11", NULL};
		struct container_spawn how = CONTAINER_SPAWN_INIT;
		int fd = container_create(NULL, flags | CONTAINER_FD_CLOEXEC), ns, status = 0;
		struct ns_links before;
		pid_t pid;

		if (fd < 0)
			return (void *)(uintptr_t)__LINE__;
		read_links(&before);
		how.argv = argv;
		pid = container_spawn(fd, &how);
		if (pid < 0 || !same_links(&before) || waitpid(pid, &status, 0) != pid ||
		    status != 11 << 8)
			return (void *)(uintptr_t)__LINE__;
		pid = container_fork(fd);
		if (pid == 0)
			_exit(12);
		if (pid < 0 || !same_links(&before) || waitpid(pid, &status, 0) != pid ||
		    status != 12 << 8)
			return (void *)(uintptr_t)__LINE__;
		ns = container_namespace(fd, CLONE_NEWUTS);
		if (ns < 0 || !same_links(&before))
			return (void *)(uintptr_t)__LINE__;
		close(ns);
		if (container_spawn(fd, &(struct container_spawn)CONTAINER_SPAWN_INIT) >= 0 ||
		    errno != EINVAL || container_error_last()->code != EINVAL)
			return (void *)(uintptr_t)__LINE__;
		if (container_remove(fd, CONTAINER_REMOVE_KILL) < 0 || !same_links(&before))
			return (void *)(uintptr_t)__LINE__;
		close(fd);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t busy[2], calling[4];
	struct ns_links links;
	void *result;

	(void)state;
	need_private_tree();
	close(make("keep", 0));
	atomic_store(&threads_end, 0);
	read_links(&links);
	for (size_t i = 0; i < COUNT(busy); i++)
		assert_int_equal(pthread_create(&busy[i], NULL, busy_thread, &links), 0);
	for (size_t i = 0; i < COUNT(calling); i++)
		assert_int_equal(pthread_create(&calling[i], NULL, calling_thread, (void *)i), 0);
	for (size_t i = 0; i < COUNT(calling); i++) {
		pthread_join(calling[i], &result);
		if (result)
			fail_msg("thread %zu: line %zu: %s", i, (size_t)result, strerror(errno));
	}
	atomic_store(&threads_end, 1);
	for (size_t i = 0; i < COUNT(busy); i++) {
		pthread_join(busy[i], &result);
		assert_null(result);
	}
}

/* In a thread with a stack as small as musl's default. */
static void *small_thread(void *arg)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c = container_create("small/x", NEW_ALL_BUT_USER | CONTAINER_NEW_USER_NS);
	pid_t pid;

	(void)arg;
	child_holds(c >= 0);
	how.argv = argv;
	how.user = "daemon";
	pid = container_spawn(c, &how);
	child_holds(pid > 0 && status_of(pid) == 0);
	pid = container_fork(c);
	if (pid == 0)
		_exit(0);
	child_holds(pid > 0 && status_of(pid) == 0);
	child_holds(container_remove(c, CONTAINER_REMOVE_KILL) == 0);
	return NULL;
}

static void in_small_thread(void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	pthread_attr_init(&attr);
	child_holds(pthread_attr_setstacksize(&attr, 128 * 1024) == 0);
	child_holds(pthread_create(&thread, &attr, small_thread, NULL) == 0);
	pthread_join(thread, NULL);
}

static void test_small_stack(void **state)
{
	(void)state;
	need_private_tree();
	close(make("small", 0));
	assert_int_equal(in_child(in_small_thread, NULL), 0);
}

/*
 * A child of container_fork() inherits the fds that another thread's call has open in that moment.
 * With them it must not inherit that call's locks for as long as it lives.
 */
static void *changing_thread(void *arg)
{
	(void)arg;
	while (!atomic_load(&threads_end)) {
		int c = container_create("changing", CONTAINER_NEW_UTS_NS);

		child_holds(c >= 0);
		child_holds(container_rename(c, "changed") == 0);
		child_holds(container_set_namespace(c, CLONE_NEWIPC, CONTAINER_NS_OWN, -1) == 0);
		child_holds(container_remove(c, 0) == 0);
		close(c);
	}
	return NULL;
}

static void fork_among_changes(void *arg)
{
	pid_t children[150];
	pthread_t thread;

	atomic_store(&threads_end, 0);
	child_holds(pthread_create(&thread, NULL, changing_thread, NULL) == 0);
	for (size_t i = 0; i < COUNT(children); i++) {
		children[i] = container_fork(*(int *)arg);
		child_holds(children[i] >= 0);
		if (children[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	usleep(200000);
	atomic_store(&threads_end, 1);
	pthread_join(thread, NULL);
	child_holds(container_kill(*(int *)arg, SIGKILL) == 0);
	for (size_t i = 0; i < COUNT(children); i++)
		status_of(children[i]);
}

static void test_locks_and_fork(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	assert_int_equal(in_child(fork_among_changes, &c), 0);
	kept(container_kill(c, SIGKILL));
	ok(container_wait(c, 5000));
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_fork),
		library_test(test_fork_inherited),
		library_test(test_fork_more),
		library_test(test_fork_is_fork),
		library_test(test_spawn),
		library_test(test_spawn_defaults),
		library_test(test_spawn_users),
		library_test(test_spawn_errors),
		library_test(test_spawn_path),
		library_test(test_spawn_some_types),
		library_test(test_die_with_parent),
		library_test(test_spawn_signals),
		library_test(test_enter),
		library_test(test_enter_all),
		library_test(test_inside),
		library_test(test_enter_with_threads),
		library_test(test_enter_before_init),
		library_test(test_kill),
		library_test(test_remove_kills),
		library_test(test_remove_kills_own_children),
		library_test(test_wait),
		library_test(test_freeze),
		library_test(test_frozen),
		library_test(test_tasks),
		library_test(test_threads),
		library_test(test_small_stack),
		library_test(test_locks_and_fork),
	};

	chance_seed();
	return private_tree_run(tests);
}
