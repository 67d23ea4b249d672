/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container_attach: many threads; what is refused, by us or by the kernel, and that nothing has changed
 * then; and tasks that wait for the very one who moves them.
 */
#include <containerfs/container.h>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "library.h"
#include "task.h"

/* All that must be the same after a refusal. */
struct before {
	char cgroup[512];
	ino_t ino[KINDS];
};

static void read_before(pid_t pid, struct before *b)
{
	char path[64];
	ssize_t n;
	int fd;

	memset(b, 0, sizeof(*b));
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, b->cgroup, sizeof(b->cgroup) - 1);
	assert_true(n > 0);
	close(fd);
	for (size_t i = 0; i < KINDS; i++)
		b->ino[i] = ino_of_task(pid, kinds[i].proc);
}

static bool is_traced(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return !file_has(path, "TracerPid:\t0\n");
}

#define refused(wanted, c, pid, types)                                                             \
	do {                                                                                       \
		struct before before, after;                                                       \
                                                                                                   \
		read_before(pid, &before);                                                         \
		fails(wanted, container_attach(c, pid, types));                                    \
		assert_null(strstr(container_error_last()->step, "half"));                         \
		read_before(pid, &after);                                                          \
		assert_memory_equal(&before, &after, sizeof(before));                              \
	} while (0)

static void test_who(void **state)
{
	struct task task;
	int a, b, c, status;
	pid_t zombie;

	(void)state;
	need_private_tree();
	a = make("a", CONTAINER_NEW_UTS_NS);
	b = make("a/b", CONTAINER_NEW_UTS_NS);
	c = make("c", CONTAINER_NEW_UTS_NS);
	fails(EINVAL, container_attach(a, getpid(), 0));
	fails(ESRCH, container_attach(a, 0, 0));
	fails(ESRCH, container_attach(a, -1, 0));
	fails(ESRCH, container_attach(a, INT32_MAX, 0));
	/* The kernel's second thread, where its numbers are the host's. */
	if (file_has("/proc/2/status", "Kthread:\t1") || file_has("/proc/2/comm", "kthreadd"))
		fails(ESRCH, container_attach(a, 2, 0));
	zombie = fork();
	if (zombie == 0)
		_exit(0);
	task_wait_state(zombie, 'Z');
	fails(ESRCH, container_attach(a, zombie, 0));
	assert_int_equal(status_of(zombie), 0);
	fails(EBADF, container_attach(-1, getpid(), 0));

	task = task_begin(task_pause, NULL);
	refused(EINVAL, a, task.pid, 1);
	ok(container_attach(a, task.pid, CLONE_NEWUTS));
	refused(EPERM, c, task.pid, 0);
	ok(container_attach(b, task.pid, 0));
	refused(EPERM, a, task.pid, 0);
	status = ok(container_open("/"));
	refused(EPERM, status, task.pid, 0);
	close(status);
	task_kill(&task);
	close(a);
	close(b);
	close(c);
}

/* The init container: who is in it is in it, whatever namespaces it has. */
static void unshare_uts(void *arg)
{
	(void)arg;
	child_holds(unshare(CLONE_NEWUTS) == 0);
	task_pause(NULL);
}

static void test_init_container(void **state)
{
	struct task task;
	ino_t own = ino_of_task(0, "uts");
	int root;

	(void)state;
	need_private_tree();
	root = ok(container_open("/"));
	task = task_begin(unshare_uts, NULL);
	while (ino_of_task(task.pid, "uts") == own)
		usleep(1000);
	ok(container_attach(root, task.pid, 0));
	assert_int_equal(ino_of_task(task.pid, "uts"), own);
	task_kill(&task);
	close(root);
}

static void test_container_state(void **state)
{
	struct task task;
	pid_t init;
	int c, n;

	(void)state;
	need_private_tree();
	task = task_begin(task_pause, NULL);
	c = make("c", CONTAINER_NEW_PID_NS | CONTAINER_NEW_UTS_NS);
	refused(ESRCH, c, task.pid, 0);
	ok(container_freeze(c, 1));
	refused(EBUSY, c, task.pid, CLONE_NEWUTS);
	ok(container_freeze(c, 0));
	n = make("c/n", CONTAINER_NEW_IPC_NS);
	init = spawn_sh(c, "exec sleep 100", NULL);
	ok(container_attach(c, task.pid, 0));
	ok(container_freeze(c, 1));
	refused(EBUSY, n, task.pid, 0);
	ok(container_freeze(c, 0));
	ok(container_attach(n, task.pid, 0));
	kill(task.pid, SIGKILL);
	kill(init, SIGKILL);
	status_of(init);
	status_of(task.pid);
	ok(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	fails(ENOENT, container_attach(n, getppid(), 0));
	close(c);
	close(n);
}

/* A child of vfork(2) keeps its parent where it cannot be stopped. */
static void wait_in_vfork(void *arg)
{
	pid_t pid = vfork();

	(void)arg;
	if (pid == 0) {
		syscall(SYS_rt_sigtimedwait, &(uint64_t){0}, NULL,
			&(struct timespec){.tv_nsec = 1600000000 % 1000000000, .tv_sec = 1}, 8);
		_exit(3);
	}
	_exit(status_of(pid));
}

static void test_does_not_stop(void **state)
{
	struct task task;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	task = task_begin(wait_in_vfork, NULL);
	task_wait_state(task.pid, 'D');
	refused(EBUSY, c, task.pid, 0);
	assert_false(is_traced(task.pid));
	assert_int_equal(task_end(&task), 3);
	close(c);
}

static void test_traced(void **state)
{
	struct task task, tracer;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	task = task_begin(task_pause, NULL);
	tracer.pid = fork();
	if (tracer.pid == 0) {
		child_holds(ptrace(PTRACE_SEIZE, task.pid, 0, 0) == 0);
		task_pause(NULL);
	}
	while (!is_traced(task.pid))
		usleep(1000);
	refused(EBUSY, c, task.pid, 0);
	assert_true(is_traced(task.pid));
	task_kill(&tracer);
	ok(container_attach(c, task.pid, 0));
	assert_false(is_traced(task.pid));
	task_kill(&task);
	close(c);
}

/* Credentials and filters of the task. */

static void become_nobody(void *arg)
{
	(void)arg;
	child_holds(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	task_pause(NULL);
}

static void test_unprivileged(void **state)
{
	struct task task;
	int c, empty;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_FS_NS);
	empty = make("empty", 0);
	task = task_begin(become_nobody, NULL);
	task_wait_state(task.pid, 'S');
	usleep(20000);
	refused(EPERM, c, task.pid, 0);
	assert_false(is_traced(task.pid));
	task_wait_state(task.pid, 'S');
	/* Membership alone is not the task's business. */
	ok(container_attach(empty, task.pid, 0));
	assert_true(in_cgroup_of(task.pid, info_of(empty).id));
	task_kill(&task);
	close(c);
	close(empty);
}

/* Neither setns nor pidfd_open: that would kill it. */
static void with_filter(void *arg)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = {.len = COUNT(filter), .filter = filter};
	int *pipe = arg;
	char byte;

	child_holds(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	child_holds(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
	child_holds(write(pipe[1], "x", 1) == 1);
	child_holds(read(pipe[0], &byte, 1) == 1);
	syscall(SYS_setns, -1, 0);
}

static void test_filter(void **state)
{
	struct task task;
	int c, pipes[2];
	char byte;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes), 0);
	task = task_begin(with_filter, (int[2]){pipes[0], pipes[0]});
	assert_int_equal(read(pipes[1], &byte, 1), 1);
	ok(container_attach(c, task.pid, 0));
	assert_int_equal(ino_of_task(task.pid, "uts"), ino_of_container(c, CLONE_NEWUTS));
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(task_end(&task), 128 + SIGSYS);
	close(pipes[0]);
	close(pipes[1]);
	close(c);
}

/* Threads. */

struct crew {
	atomic_int end, ready;
	bool leader_drops, one_drops, spawns;
};

/* For the calling thread alone. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	child_holds(syscall(SYS_capset, &head, none) == 0);
}

static void *wait_for_end(void *arg)
{
	struct crew *crew = arg;

	if (crew->one_drops && atomic_load(&crew->ready) == 4)
		drop_capabilities();
	atomic_fetch_add(&crew->ready, 1);
	while (!atomic_load(&crew->end))
		usleep(500);
	return NULL;
}

static void *end_at_once(void *arg)
{
	return arg;
}

static void run_crew(void *arg)
{
	struct crew *crew = arg;
	pthread_t thread, more;

	for (int i = 0; i < 8; i++) {
		child_holds(pthread_create(&thread, NULL, wait_for_end, crew) == 0);
		while (atomic_load(&crew->ready) <= i)
			usleep(100);
	}
	if (crew->leader_drops)
		drop_capabilities();
	atomic_fetch_add(&crew->ready, 1);
	while (!atomic_load(&crew->end)) {
		if (!crew->spawns)
			usleep(500);
		else if (pthread_create(&more, NULL, end_at_once, NULL) == 0)
			pthread_join(more, NULL);
	}
}

/* Whether all threads have the process's namespace. */
static void check_crew(pid_t pid, const char *kind, ino_t wanted)
{
	char path[64];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		pid_t tid = (pid_t)atoi(entry->d_name);
		ino_t ino = tid > 0 ? ino_of_task(tid, kind) : 0;

		/* Those that end at once may be gone. */
		if (ino && ino != wanted)
			fail_msg("thread %d of %d: %s", (int)tid, (int)pid, kind);
		n += ino != 0;
	}
	closedir(dir);
	assert_true(n >= 9);
}

static struct crew *crew_new(struct task *task, bool leader_drops, bool one_drops, bool spawns)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(crew != MAP_FAILED);
	crew->leader_drops = leader_drops;
	crew->one_drops = one_drops;
	crew->spawns = spawns;
	*task = task_begin(run_crew, crew);
	while (atomic_load(&crew->ready) < 9)
		usleep(1000);
	return crew;
}

static void crew_end(struct task *task, struct crew *crew)
{
	atomic_store(&crew->end, 1);
	assert_int_equal(task_end(task), 0);
	munmap(crew, sizeof(*crew));
}

static void test_threads(void **state)
{
	struct task task;
	struct crew *crew;
	int c, mount, user, n;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS | CONTAINER_NEW_IPC_NS);
	mount = make("m", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_FS_NS);
	user = make("u", CONTAINER_NEW_USER_NS | CONTAINER_NEW_UTS_NS);
	n = make("c/n", CONTAINER_NEW_TIME_NS);
	for (int spawns = 0; spawns < 2; spawns++) {
		crew = crew_new(&task, false, false, spawns);
		refused(EINVAL, mount, task.pid, 0);
		check_crew(task.pid, "mnt", ino_of_task(0, "mnt"));
		check_crew(task.pid, "uts", ino_of_task(0, "uts"));
		refused(EINVAL, user, task.pid, 0);
		ok(container_attach(c, task.pid, 0));
		check_crew(task.pid, "uts", ino_of_container(c, CLONE_NEWUTS));
		check_crew(task.pid, "net", ino_of_container(c, CLONE_NEWNET));
		check_crew(task.pid, "ipc", ino_of_container(c, CLONE_NEWIPC));
		refused(EUSERS, n, task.pid, 0);
		crew_end(&task, crew);
	}
	close(c);
	close(mount);
	close(user);
	close(n);
}

/* Some thread may not: those that were moved before it go back. */
static void test_threads_go_back(void **state)
{
	struct task task;
	struct crew *crew;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS);
	for (int leader = 0; leader < 2; leader++) {
		crew = crew_new(&task, leader, !leader, false);
		refused(EPERM, c, task.pid, 0);
		check_crew(task.pid, "uts", ino_of_task(0, "uts"));
		check_crew(task.pid, "net", ino_of_task(0, "net"));
		crew_end(&task, crew);
	}
	close(c);
}

/* Waiting for the one who moves it. */

struct writer {
	int to_task[2], wanted_errno, answers;
	pid_t tid;
};

static void *wait_for_answer(void *arg)
{
	struct writer *w = arg;
	char byte;
	ssize_t n;

	w->tid = (pid_t)syscall(SYS_gettid);
	errno = 0;
	n = read(w->to_task[0], &byte, 1);
	child_holds(w->wanted_errno ? n < 0 && errno == w->wanted_errno : n == 1 && byte == 'y');
	return NULL;
}

static void wait_alone(void *arg)
{
	wait_for_answer(arg);
}

static void wait_in_thread(void *arg)
{
	pthread_t thread;

	child_holds(pthread_create(&thread, NULL, wait_for_answer, arg) == 0);
	pthread_join(thread, NULL);
}

static void answer(void *arg)
{
	struct writer *w = arg;

	w->answers++;
	(void)!write(w->to_task[1], "y", 1);
}

static struct writer *writer_new(int wanted_errno)
{
	struct writer *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(w != MAP_FAILED);
	w->wanted_errno = wanted_errno;
	assert_int_equal(pipe2(w->to_task, O_CLOEXEC), 0);
	return w;
}

static void move_writer(void (*fn)(void *arg), int c, int wanted_errno, int answers)
{
	struct writer *w = writer_new(answers ? wanted_errno : 0);
	struct task task = task_begin(fn, w);

	while (!w->tid)
		usleep(1000);
	task_wait_state(w->tid, 'S');
	usleep(20000);
	if (wanted_errno)
		fails(wanted_errno, container_attach_writer(c, w->tid, 0, answer, w));
	else
		ok(container_attach_writer(c, w->tid, 0, answer, w));
	assert_int_equal(w->answers, answers);
	if (!answers)
		answer(w);
	assert_int_equal(task_end(&task), 0);
	close(w->to_task[0]);
	close(w->to_task[1]);
	munmap(w, sizeof(*w));
}

static void nobody_waits(void *arg)
{
	child_holds(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	wait_for_answer(arg);
}

static void test_writer(void **state)
{
	int c, plain, pid;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_FS_NS);
	plain = make("plain", 0);
	pid = make("p", CONTAINER_NEW_PID_NS);
	move_writer(wait_alone, c, 0, 1);
	move_writer(wait_alone, plain, 0, 1);
	move_writer(wait_alone, pid, ESRCH, 0);
	move_writer(nobody_waits, c, EPERM, 1);
	move_writer(wait_in_thread, plain, 0, 1);
	move_writer(wait_in_thread, c, EINVAL, 1);
	fails(EINVAL, container_attach_writer(c, getppid(), 0, NULL, NULL));
	close(c);
	close(plain);
	close(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_who),
		library_test(test_init_container),
		library_test(test_container_state),
		library_test(test_does_not_stop),
		library_test(test_traced),
		library_test(test_unprivileged),
		library_test(test_filter),
		library_test(test_threads),
		library_test(test_threads_go_back),
		library_test(test_writer),
	};

	return private_tree_run(tests);
}
