/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container_attach: tasks of all kinds are moved while they run, and notice nothing of it; what is
 * refused leaves them as they were.
 */
#include <containerfs/container.h>

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <time.h>

#include "chance.h"
#include "library.h"
#include "task.h"

/* Which namespaces it gets. */

static ino_t ino_for(pid_t pid, const struct ns_kind *kind)
{
	return ino_of_task(pid, kind->clone_flag == CLONE_NEWPID ? "pid_for_children" : kind->proc);
}

static void check_types(int c, pid_t pid, int types)
{
	for (size_t i = 0; i < KINDS; i++) {
		bool joins = !types || (types & kinds[i].clone_flag);
		ino_t wanted = joins ? ino_of_container(c, kinds[i].clone_flag)
				     : ino_of_task(0, kinds[i].proc);

		if (ino_for(pid, &kinds[i]) != wanted)
			fail_msg("types 0x%x: %s is not as it should be", (unsigned int)types,
				 kinds[i].name);
	}
}

static void attach_types(int c, int types)
{
	struct task task = task_begin(task_pause, NULL);

	ok(container_attach(c, task.pid, types));
	check_types(c, task.pid, types);
	assert_true(in_cgroup_of(task.pid, info_of(c).id));
	/* It has them: nothing to be done. */
	ok(container_attach(c, task.pid, types));
	ok(container_attach(c, task.pid, 0));
	check_types(c, task.pid, 0);
	task_kill(&task);
}

static void test_types(void **state)
{
	static const int masks[] = {
		CLONE_NEWUTS,
		CLONE_NEWNET,
		CLONE_NEWNS,
		CLONE_NEWPID,
		CLONE_NEWCGROUP,
		CLONE_NEWUTS | CLONE_NEWPID,
		CLONE_NEWIPC,
		CLONE_NEWTIME,
		CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC,
		0,
	};
	pid_t init;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", NEW_ALL_BUT_USER);
	init = spawn_sh(c, "exec sleep 100", NULL);
	for (size_t i = 0; i < COUNT(masks); i++)
		attach_types(c, masks[i]);
	ok(container_kill(c, SIGKILL));
	status_of(init);
	close(c);
}

/* Without an own pid namespace no task need be there before. */
static void test_without_init(void **state)
{
	static const unsigned int flags[] = {
		0,
		CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS | CONTAINER_NEW_IPC_NS |
			CONTAINER_NEW_FS_NS,
		CONTAINER_NEW_USER_NS | CONTAINER_NEW_UTS_NS,
		CONTAINER_NEW_USER_NS | CONTAINER_NEW_FS_NS | CONTAINER_NEW_TIME_NS,
	};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct task task = task_begin(task_pause, NULL);
		int c = make("c", flags[i]);

		ok(container_attach(c, task.pid, 0));
		check_types(c, task.pid, 0);
		assert_int_equal(info_of(c).state, CONTAINER_RUNNING);
		task_kill(&task);
		assert_int_equal(info_of(c).state, CONTAINER_STOPPED);
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
}

/* Down through pid namespaces: whose namespaces it takes must be somebody that it can see. */
static void test_nested(void **state)
{
	pid_t init_a, init_b, pid;
	int a, b, c;

	(void)state;
	need_private_tree();
	a = make("a", NEW_ALL_BUT_USER);
	b = make("a/b", CONTAINER_NEW_IPC_NS | CONTAINER_NEW_UTS_NS);
	c = make("a/c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS);
	init_a = spawn_sh(a, "exec sleep 100", NULL);
	init_b = spawn_sh(b, "exec sleep 100", NULL);
	pid = spawn_sh(a, "exec sleep 100", NULL);
	ok(container_attach(b, pid, 0));
	check_types(b, pid, 0);
	fails(EPERM, container_attach(c, pid, 0));
	fails(EPERM, container_attach(a, pid, 0));
	kill(pid, SIGKILL);
	status_of(pid);
	pid = spawn_sh(a, "exec sleep 100", NULL);
	ok(container_attach(c, pid, 0));
	check_types(c, pid, 0);
	assert_true(in_cgroup_of(pid, info_of(c).id));
	ok(container_kill(a, SIGKILL));
	status_of(pid);
	status_of(init_b);
	status_of(init_a);
	close(a);
	close(b);
	close(c);
}

/* What a task is doing goes on. */

/* Half of what it waits for has passed when it is moved down, twice. */
static int moved_half_way(void (*fn)(void *arg), void *arg, void (*end)(void *arg))
{
	int a = make("a", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS | CONTAINER_NEW_FS_NS);
	int b = make("a/b", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_IPC_NS);
	struct task task = task_begin(fn, arg);
	int status;

	usleep(400000);
	ok(container_attach(a, task.pid, 0));
	ok(container_attach(b, task.pid, 0));
	check_types(b, task.pid, 0);
	if (end)
		end(arg);
	status = task_end(&task);
	ok(container_remove(a, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	close(a);
	close(b);
	return status;
}

struct shared {
	atomic_int word, ready;
	int pipe[2];
};

static struct shared *shared_new(void)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(s != MAP_FAILED);
	assert_int_equal(pipe2(s->pipe, O_CLOEXEC), 0);
	return s;
}

static void shared_free(struct shared *s)
{
	close(s->pipe[0]);
	close(s->pipe[1]);
	munmap(s, sizeof(*s));
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void do_nanosleep(void *arg)
{
	const struct timespec ts = {.tv_nsec = 800000000};
	double begin = seconds();

	(void)arg;
	child_holds(nanosleep(&ts, NULL) == 0);
	child_holds(seconds() - begin > 0.8 && seconds() - begin < 1.1);
}

static void do_poll(void *arg)
{
	struct pollfd poll_fd = {.fd = ((struct shared *)arg)->pipe[0], .events = POLLIN};
	double begin = seconds();

	child_holds(poll(&poll_fd, 1, 800) == 0);
	child_holds(seconds() - begin > 0.8 && seconds() - begin < 1.1);
}

static void do_read(void *arg)
{
	char text[8] = "";

	child_holds(read(((struct shared *)arg)->pipe[0], text, sizeof(text)) == 5);
	child_holds(strcmp(text, "later") == 0);
}

static void end_read(void *arg)
{
	assert_int_equal(write(((struct shared *)arg)->pipe[1], "later", 5), 5);
}

static void do_futex(void *arg)
{
	struct shared *s = arg;

	child_holds(syscall(SYS_futex, &s->word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
}

static void end_futex(void *arg)
{
	struct shared *s = arg;

	atomic_store(&s->word, 1);
	for (int i = 0; i < 500 && syscall(SYS_futex, &s->word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1;
	     i++)
		usleep(1000);
}

/* All that is in registers counts. */
static uint64_t compute(atomic_int *end, double *ret_sum)
{
	uint64_t x = 88172645463325252u, n = 0;
	double sum = 0;

	for (; n < 1000 || (end && !atomic_load_explicit(end, memory_order_relaxed)); n++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += (double)(x >> 40) * 0.5;
	}
	*ret_sum = sum;
	return n == 1000 ? x : n;
}

static void do_compute(void *arg)
{
	struct shared *s = arg;
	double sum, again_sum;
	uint64_t n = compute(&s->word, &sum), x = 88172645463325252u;

	again_sum = 0;
	for (uint64_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		again_sum += (double)(x >> 40) * 0.5;
	}
	child_holds(sum == again_sum);
}

static void end_compute(void *arg)
{
	atomic_store(&((struct shared *)arg)->word, 1);
}

static void test_goes_on(void **state)
{
	struct shared *s;

	(void)state;
	need_private_tree();
	s = shared_new();
	assert_int_equal(moved_half_way(do_nanosleep, s, NULL), 0);
	assert_int_equal(moved_half_way(do_poll, s, NULL), 0);
	assert_int_equal(moved_half_way(do_read, s, end_read), 0);
	assert_int_equal(moved_half_way(do_futex, s, end_futex), 0);
	atomic_store(&s->word, 0);
	assert_int_equal(moved_half_way(do_compute, s, end_compute), 0);
	shared_free(s);
}

/* Signals. */

static atomic_int handled;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static void do_signals(void *arg)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct shared *s = arg;
	sigset_t mask, suspended;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSYS, &action, NULL);
	signal(SIGTRAP, SIG_IGN);
	sigemptyset(&suspended);
	sigaddset(&suspended, SIGUSR2);
	atomic_store(&s->ready, 1);
	/* SIGUSR1 is let in for the time of the call only. */
	child_holds(sigsuspend(&suspended) < 0 && errno == EINTR && atomic_load(&handled) == 1);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	child_holds(sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGUSR2) == 1 &&
		    sigismember(&mask, SIGTERM) == 0);
	child_holds(raise(SIGTRAP) == 0);
}

/* The lines of /proc/PID/status about signals; of a mask only if it is not one of the moment. */
static void signal_lines(pid_t pid, char *buf, size_t size)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	buf[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if ((strncmp(line, "Sig", 3) == 0 && line[3] != 'Q') ||
		    strncmp(line, "Shd", 3) == 0 || strncmp(line, "TracerPid", 9) == 0 ||
		    strncmp(line, "State", 5) == 0)
			strncat(buf, line, size - strlen(buf) - 1);
	fclose(f);
}

static void test_signals(void **state)
{
	char before[1024], after[1024];
	struct task task;
	struct shared *s;
	int c;

	(void)state;
	need_private_tree();
	s = shared_new();
	c = make("c", CONTAINER_NEW_UTS_NS);
	task = task_begin(do_signals, s);
	task_wait_state(task.pid, 'S');
	usleep(20000);
	signal_lines(task.pid, before, sizeof(before));
	ok(container_attach(c, task.pid, 0));
	task_wait_state(task.pid, 'S');
	usleep(20000);
	signal_lines(task.pid, after, sizeof(after));
	assert_string_equal(before, after);
	kill(task.pid, SIGUSR1);
	assert_int_equal(task_end(&task), 0);
	close(c);
	shared_free(s);
}

/* Each signal that is sent while it is moved arrives, once. */
static void count_signals(void *arg)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct shared *s = arg;

	sigaction(SIGRTMIN, &action, NULL);
	atomic_store(&s->ready, 1);
	while (atomic_load(&s->word) == 0 || atomic_load(&handled) < atomic_load(&s->word))
		usleep(100); /* a system call that is interrupted most of the time */
	child_holds(atomic_load(&handled) == atomic_load(&s->word));
}

static void *send_signals(void *arg)
{
	struct task *task = arg;

	for (int i = 0; i < 200; i++) {
		kill(task->pid, SIGRTMIN);
		usleep(50);
	}
	return NULL;
}

static void test_signals_meanwhile(void **state)
{
	struct task task;
	struct shared *s;
	pthread_t thread;
	int c;

	(void)state;
	need_private_tree();
	for (int i = 0; i < 10; i++) {
		s = shared_new();
		c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_IPC_NS);
		task = task_begin(count_signals, s);
		while (!atomic_load(&s->ready))
			usleep(1000);
		assert_int_equal(pthread_create(&thread, NULL, send_signals, &task), 0);
		usleep(1000);
		ok(container_attach(c, task.pid, 0));
		pthread_join(thread, NULL);
		atomic_store(&s->word, 200);
		assert_int_equal(task_end(&task), 0);
		ok(container_remove(c, 0));
		close(c);
		shared_free(s);
	}
}

static void test_stopped(void **state)
{
	struct task task;
	int c, status;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_FS_NS);
	task = task_begin(task_pause, NULL);
	kill(task.pid, SIGSTOP);
	assert_int_equal(waitpid(task.pid, &status, WUNTRACED), task.pid);
	ok(container_attach(c, task.pid, 0));
	check_types(c, task.pid, 0);
	task_wait_state(task.pid, 'T');
	usleep(20000);
	task_wait_state(task.pid, 'T');
	kill(task.pid, SIGCONT);
	assert_int_equal(waitpid(task.pid, &status, WCONTINUED), task.pid);
	task_wait_state(task.pid, 'S');
	task_kill(&task);
	close(c);
}

/* At any moment. */
static void *kill_soon(void *arg)
{
	struct task *task = arg;

	usleep(task->delay);
	kill(task->pid, SIGKILL);
	return NULL;
}

static void test_killed_meanwhile(void **state)
{
	struct chance chance = chance_begin();
	int c, moved = 0;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS);
	for (int i = 0; i < 60; i++) {
		struct task task = task_begin(task_pause, NULL);
		pthread_t thread;
		long r;

		task.delay = (unsigned int)chance_below(&chance, 3000);
		assert_int_equal(pthread_create(&thread, NULL, kill_soon, &task), 0);
		r = kept(container_attach(c, task.pid, 0));
		if (r < 0 && errno != ESRCH)
			fail_msg("%s: %s", strerror(errno), container_error_last()->step);
		moved += r == 0;
		pthread_join(thread, NULL);
		assert_int_equal(status_of(task.pid), 128 + SIGKILL);
	}
	print_message("# %d of 60 were moved first\n", moved);
	close(c);
}

/* Programs that start programs all the time: an exec is not to be met half-way. */
static void test_exec_meanwhile(void **state)
{
	int a;

	(void)state;
	need_private_tree();
	a = make("a", CONTAINER_NEW_UTS_NS);
	for (int i = 0; i < 40; i++) {
		struct task task = task_begin(task_exec, NULL);

		ok(container_attach(a, task.pid, 0));
		assert_int_equal(task_end(&task), 0);
	}
	close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_types),	   library_test(test_without_init),
		library_test(test_nested),	   library_test(test_goes_on),
		library_test(test_signals),	   library_test(test_signals_meanwhile),
		library_test(test_stopped),	   library_test(test_killed_meanwhile),
		library_test(test_exec_meanwhile),
	};

	return private_tree_run(tests);
}
