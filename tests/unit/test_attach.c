/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container_attach: tasks of all kinds are moved while they run, and notice nothing of it; what is
 * refused leaves them as they were.
 */
#include <containerfs/container.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
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

/* Of these the kernel says EINTR: the limit in a register, and in memory. */
static void do_epoll(void *arg)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);
	double begin;

	child_holds(epoll_ctl(fd, EPOLL_CTL_ADD, ((struct shared *)arg)->pipe[0], &event) == 0);
	begin = seconds();
	child_holds(epoll_wait(fd, &event, 1, 800) == 0);
	child_holds(seconds() - begin > 0.8 && seconds() - begin < 1.1);
}

static void do_sigtimedwait(void *arg)
{
	const struct timespec ts = {.tv_nsec = 800000000};
	double begin = seconds();
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	child_holds(sigtimedwait(&set, NULL, &ts) == -1 && errno == EAGAIN);
	child_holds(seconds() - begin > 0.8 && seconds() - begin < 1.1);
	child_holds(ts.tv_sec == 0 && ts.tv_nsec == 800000000);
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
	assert_int_equal(moved_half_way(do_epoll, s, NULL), 0);
	assert_int_equal(moved_half_way(do_sigtimedwait, s, NULL), 0);
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

/*
 * Hostile tasks: somebody who has their memory, and is not stopped with them, puts another instruction
 * where they are to make their calls. It is a race, tried with a delay after they were stopped.
 */

#if defined(__x86_64__)

#define STUB_FILE 64 /* where in the stub its file's name is */
#define NO_JUMP 5    /* a shorter one: put there as it is */

static const struct evasion {
	const char *name;
	size_t len;
	unsigned char code[21];
} evasions[] = {
	/* mov $SYS_getuid,%eax; syscall; jmp . */
	{"another call", 9, "\xb8\x66\0\0\0\x0f\x05\xeb\xfe"},
	/* mov $SYS_chmod,%eax; lea file(%rip),%rdi; mov $0777,%esi; syscall; jmp . */
	{"a forbidden call", 21,
	 "\xb8\x5a\0\0\0\x48\x8d\x3d\x34\0\0\0\xbe\xff\x01\0\0\x0f\x05\xeb\xfe"},
	/* mov $SYS_pause,%eax; syscall; jmp . */
	{"no end in the kernel", 9, "\xb8\x22\0\0\0\x0f\x05\xeb\xfe"},
	/* xor %eax,%eax; jmp . -4: it does not even make a call */
	{"no end outside", 6, "\x31\xc0\x90\x90\xeb\xfa"},
	/* int $0x80 */
	{"a 32-bit call", 2, "\xcd\x80"},
	/* ud2 */
	{"no instruction", 2, "\x0f\x0b"},
};

struct hostile {
	const struct evasion *evasion;
	char file[64];
	long delay; /* ns */
	pid_t pid;
	unsigned char *insn, *stub;
	int pidfd, free_fd;
	atomic_int begun, ready, end;
};

static unsigned char *find_insn(void)
{
	unsigned char *vdso = (unsigned char *)getauxval(AT_SYSINFO_EHDR), *page;
	size_t at = 0;

	while (at < 16384 && memcmp(vdso + at, "\x0f\x05", 2) != 0)
		at++;
	page = (unsigned char *)((uintptr_t)(vdso + at) & ~(uintptr_t)4095);
	child_holds(mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 ||
		    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
	return vdso + at;
}

static void put_stub(struct hostile *h)
{
	h->insn = find_insn();
	h->stub = mmap(h->insn - 0x100000 - ((uintptr_t)h->insn & 4095), 4096,
		       PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	child_holds(h->stub != MAP_FAILED);
	memcpy(h->stub, h->evasion->code, h->evasion->len);
	strcpy((char *)h->stub + STUB_FILE, h->file);
}

static void put_insn(const struct hostile *h)
{
	int32_t distance = (int32_t)(h->stub - (h->insn + 5));

	if (h->evasion->len < NO_JUMP) {
		memcpy(h->insn, h->evasion->code, h->evasion->len);
		return;
	}
	memcpy(h->insn + 1, &distance, sizeof(distance));
	h->insn[0] = 0xe9;
}

/* By the system call: the vDSO's own has no instruction for it soon. */
static long now_ns(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int helper_main(void *arg)
{
	struct hostile *h = arg;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)h->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	atomic_store(&h->ready, 1);
	while (!atomic_load(&h->end)) {
		char text[512] = "", *state;
		long begin = now_ns();

		if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
			break;
		state = strrchr(text, ')');
		if (!state || state[2] != 't')
			continue;
		while (now_ns() < begin + h->delay)
			;
		put_insn(h);
		break;
	}
	return 0;
}

/* Neither chmod(2) nor calls of another architecture; nor one that the kernel is to skip. */
static void forbid_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)-1, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_chmod, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {COUNT(code), code};

	child_holds(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	child_holds(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void start_helper(int (*fn)(void *arg), int flags, struct hostile *h)
{
	const size_t stack = 65536;
	char *p = mmap(NULL, stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	child_holds(p != MAP_FAILED);
	h->pid = getpid();
	child_holds(clone(fn, p + stack, CLONE_VM | SIGCHLD | flags, h) > 0);
}

static void do_evade(void *arg)
{
	struct hostile *h = arg;

	put_stub(h);
	start_helper(helper_main, 0, h);
	forbid_calls();
	while (!atomic_load(&h->end))
		usleep(1000);
}

/* Should the tracer wait for it. */
static pid_t kill_late(pid_t pid)
{
	pid_t killer = fork();

	assert_true(killer >= 0);
	if (killer == 0) {
		sleep(5);
		kill(pid, SIGKILL);
		_exit(0);
	}
	return killer;
}

static void check_as_it_was(pid_t pid, int c)
{
	if (errno != EPROTO && errno != EBUSY && errno != EOPNOTSUPP)
		fail_msg("%s: %s", container_error_last()->step, strerror(errno));
	assert_string_not_equal(container_error_last()->step, "half entered");
	for (size_t i = 0; i < KINDS; i++)
		assert_int_equal(ino_for(pid, &kinds[i]), ino_of_task(0, kinds[i].proc));
	assert_false(in_cgroup_of(pid, info_of(c).id));
}

/* All or nothing, soon, and the task goes on. Whether it was nothing. */
static bool hinder_once(int c, void (*fn)(void *arg), struct hostile *h)
{
	double begin;
	struct task task;
	pid_t killer;
	long r;

	atomic_store(&h->ready, 0);
	atomic_store(&h->end, 0);
	task = task_begin(fn, h);
	for (int i = 0; i < 10000 && !atomic_load(&h->ready); i++)
		usleep(1000);
	assert_int_equal(atomic_load(&h->ready), 1);
	usleep(2000);
	killer = kill_late(task.pid);
	begin = seconds();
	r = kept(container_attach(c, task.pid, 0));
	if (r == 0)
		check_types(c, task.pid, 0);
	else if (!h->pidfd || strcmp(container_error_last()->step, "half entered") != 0)
		check_as_it_was(task.pid, c);
	assert_true(seconds() - begin < 6);
	atomic_store(&h->end, 1);
	assert_int_equal(task_end(&task), 0);
	kill(killer, SIGKILL);
	status_of(killer);
	return r < 0;
}

static struct hostile *hostile_new(void)
{
	struct hostile *h =
		mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(h != MAP_FAILED);
	strcpy(h->file, "/tmp/test_attach.XXXXXX");
	assert_int_equal(close(mkostemp(h->file, O_CLOEXEC)), 0);
	return h;
}

static void hostile_free(struct hostile *h)
{
	unlink(h->file);
	munmap(h, sizeof(*h));
}

static int make_three(void)
{
	return make("c", CONTAINER_NEW_UTS_NS | CONTAINER_NEW_IPC_NS | CONTAINER_NEW_NET_NS);
}

static void test_evades(void **state)
{
	struct hostile *h;
	struct stat st;
	int c;

	(void)state;
	need_private_tree();
	h = hostile_new();
	c = make_three();
	for (size_t i = 0; i < COUNT(evasions); i++) {
		int failed = 0;

		h->evasion = &evasions[i];
		for (h->delay = 0; h->delay < 400000; h->delay += 25000)
			failed += hinder_once(c, do_evade, h);
		print_message("# %s: %d of 16 were not moved\n", h->evasion->name, failed);
		assert_int_equal(stat(h->file, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	hostile_free(h);
	close(c);
}

/* Another pidfd in the place of that which it is to join. */
static int swapper_main(void *arg)
{
	struct hostile *h = arg;

	atomic_store(&h->ready, 1);
	while (!atomic_load(&h->end) && fcntl(h->free_fd, F_GETFD) < 0)
		;
	dup2(h->pidfd, h->free_fd);
	return 0;
}

static void do_swap(void *arg)
{
	const int flags = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
	struct hostile *h = arg;
	pid_t other = fork();

	if (other == 0) {
		alarm(30);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		child_holds(unshare(flags) == 0);
		task_pause(NULL);
	}
	while (ino_of_task(other, "net") == ino_of_task(0, "net"))
		usleep(1000);
	h->pidfd = (int)syscall(SYS_pidfd_open, other, 0);
	h->free_fd = dup(h->pidfd);
	child_holds(h->free_fd >= 0 && close(h->free_fd) == 0);
	start_helper(swapper_main, CLONE_FILES, h);
	while (!atomic_load(&h->end))
		usleep(1000);
}

static void test_joins_another(void **state)
{
	struct hostile *h;
	int c, failed = 0;

	(void)state;
	need_private_tree();
	h = hostile_new();
	c = make_three();
	for (int i = 0; i < 16; i++)
		failed += hinder_once(c, do_swap, h);
	print_message("# %d of 16 were not moved\n", failed);
	hostile_free(h);
	close(c);
}

/*
 * An exec waits for the end of a thread, which somebody traces and keeps at its exit; who wants to trace the
 * process waits for the exec.
 */
static void *say_tid(void *arg)
{
	struct hostile *h = arg;

	h->pid = (pid_t)syscall(SYS_gettid);
	atomic_store(&h->begun, 1);
	task_pause(NULL);
	return NULL;
}

static void keep_thread(struct hostile *h)
{
	int status;

	alarm(30);
	child_holds(ptrace(PTRACE_SEIZE, h->pid, NULL, PTRACE_O_TRACEEXIT) == 0);
	atomic_store(&h->begun, 2);
	child_holds(waitpid(h->pid, &status, __WALL) == h->pid && WIFSTOPPED(status));
	atomic_store(&h->ready, 1);
	while (!atomic_load(&h->end))
		usleep(1000);
	_exit(0);
}

static void do_keep(void *arg)
{
	struct hostile *h = arg;
	pthread_t thread;

	child_holds(pthread_create(&thread, NULL, say_tid, h) == 0);
	while (!atomic_load(&h->begun))
		usleep(1000);
	if (fork() == 0)
		keep_thread(h);
	while (atomic_load(&h->begun) != 2)
		usleep(1000);
	execlp("true", "true", (char *)NULL);
}

static void test_keeps(void **state)
{
	struct hostile *h;
	int c;

	(void)state;
	need_private_tree();
	h = hostile_new();
	c = make_three();
	assert_true(hinder_once(c, do_keep, h));
	hostile_free(h);
	close(c);
}

#else

static void test_evades(void **state)
{
	(void)state;
	skip();
}

#define test_joins_another test_evades
#define test_keeps test_evades

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_types),	   library_test(test_without_init),
		library_test(test_nested),	   library_test(test_goes_on),
		library_test(test_signals),	   library_test(test_signals_meanwhile),
		library_test(test_stopped),	   library_test(test_killed_meanwhile),
		library_test(test_exec_meanwhile), library_test(test_evades),
		library_test(test_joins_another),  library_test(test_keeps),
	};

	return private_tree_run(tests);
}
