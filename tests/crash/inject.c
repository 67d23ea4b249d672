/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inject: run a command under ptrace and make one of its system calls the last, or a failing one.
 *
 *	inject [--timeout S] count -- CMD...
 *	inject [--timeout S] [--exit] kill N -- CMD...
 *	inject [--timeout S] [--exit] kill-all N -- CMD...
 *	inject [--timeout S] fail N ERRNO -- CMD...
 *
 * Calls are counted from 1 over all processes that are ours: the command and whatever it clones,
 * but not what those exec. A child is let go when it does: that is the payload of a container, and
 * its calls are not under test. The order of calls of processes that run at the same time is the
 * scheduler's; a number names a call exactly only up to there.
 *
 * Invariants:
 * - A call that is killed at its entry, or made to fail, has not run. After SIGKILL in an entry
 *   stop the kernel does not start the call (ptrace_report_syscall() looks for a fatal signal); a
 *   failing one becomes call number -1, which does nothing, and its result is then written over.
 *   But close(2) does run, as it does whenever the kernel says that it failed: the fd is gone.
 * - Exactly one call is hit, once.
 * - Nothing traced outlives this program: PTRACE_O_EXITKILL. What was let go may.
 *
 * Needs Linux 5.3 (PTRACE_GET_SYSCALL_INFO). x86-64 and arm64.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_ENDED_BEFORE = 3,
	EXIT_TIMEOUT = 124,
	EXIT_OURS = 125,
	TRACEES_MAX = 256,
	KILL_GRACE = 5, /* seconds that the killed have to go after a timeout */
};

enum mode { MODE_COUNT, MODE_KILL, MODE_KILL_ALL, MODE_FAIL };

struct options {
	enum mode mode;
	unsigned long at; /* number of the call to hit; 0: none */
	bool after;	  /* kill when the call has returned */
	int error;
	const char *error_name;
	unsigned int timeout;
	char **argv;
};

struct tracee {
	pid_t pid;
	long nr;  /* its last system call, -1: none yet */
	bool hit; /* that call is the one; its return is still to come */
};

/* What was hit, for the report. */
struct hit {
	long nr;
	const char *role;
	bool spared;
};

struct session {
	const struct options *opt;
	pid_t main;
	int main_status; /* as waitpid(2) gives it, once the main process has ended */
	bool armed;	 /* the command's own execve(2) is over: calls count */
	bool started;	 /* so is libc's start-up in it */
	bool done;	 /* the work is done: let everything run freely */
	bool expired;	 /* the time limit is over */
	unsigned long calls;
	struct hit hit;
	size_t n;
	struct tracee tracees[TRACEES_MAX];
};

static volatile sig_atomic_t ticks; /* of SIGALRM: the first is the time limit */

/* --- tables --- */

static const char *const call_names[] = {
#include "syscall-names.h"
};

static const struct {
	const char *name;
	int value;
} error_names[] = {
	{"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"EINTR", EINTR}, {"ENOSYS", ENOSYS},
	{"EPERM", EPERM},   {"ENOSPC", ENOSPC}, {"EIO", EIO},
};

static const struct {
	const char *name;
	enum mode mode;
	int args; /* before "--" */
} mode_names[] = {
	{"count", MODE_COUNT, 0},
	{"kill", MODE_KILL, 1},
	{"kill-all", MODE_KILL_ALL, 1},
	{"fail", MODE_FAIL, 2},
};

/*
 * Calls that "fail" leaves alone. The first group cannot fail, or not with an errno, or cannot be
 * answered by a program. The second is what libc does before main() and dies of in its own ways (musl:
 * a crash): it is spared until the command makes its first call outside of this table.
 */
static const struct {
	long nr;
	bool start_only;
} spared_calls[] = {
	{SYS_exit, false},	{SYS_exit_group, false}, {SYS_rt_sigreturn, false},
	{SYS_munmap, false},	{SYS_brk, false},	 {SYS_mmap, true},
	{SYS_mprotect, true},	{SYS_prlimit64, true},	 {SYS_set_tid_address, true},
	{SYS_getrandom, true},	{SYS_readlinkat, true},	 {SYS_set_robust_list, true},
#ifdef SYS_rseq
	{SYS_rseq, true},
#endif
#ifdef SYS_readlink
	{SYS_readlink, true},
#endif
#ifdef SYS_arch_prctl
	{SYS_arch_prctl, true},
#endif
};

static const char *call_name(long nr)
{
	static char number[24];

	/* A negative number is a large size_t. */
	if ((size_t)nr < sizeof(call_names) / sizeof(*call_names) && call_names[nr])
		return call_names[nr];
	snprintf(number, sizeof(number), "%ld", nr);
	return number;
}

/* 0: may be made to fail; 1: spared always; 2: spared while libc starts. */
static int call_spared(long nr)
{
	for (size_t i = 0; i < sizeof(spared_calls) / sizeof(*spared_calls); i++)
		if (spared_calls[i].nr == nr)
			return spared_calls[i].start_only ? 2 : 1;
	return 0;
}

/* --- registers: the only part that knows the machine --- */

#if defined(__x86_64__)
static int regs_skip_call(pid_t pid)
{
	return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), -1L) ? -errno : 0;
}

static int regs_set_result(pid_t pid, long result)
{
	return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), result) ? -errno : 0;
}
#elif defined(__aarch64__)
#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif
static int regs_skip_call(pid_t pid)
{
	int nr = -1;
	struct iovec iov = {&nr, sizeof(nr)};

	return ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov) ? -errno : 0;
}

static int regs_set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return -errno;
	regs.regs[0] = (unsigned long long)result;
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) ? -errno : 0;
}
#else
#error "inject knows the registers of x86-64 and arm64 only"
#endif

/* --- tracees --- */

static void fail(const char *step)
{
	fprintf(stderr, "inject: %s: %s\n", step, strerror(errno));
	exit(EXIT_OURS);
}

static struct tracee *tracee_find(struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->tracees[i].pid == pid)
			return &s->tracees[i];
	return NULL;
}

static struct tracee *tracee_add(struct session *s, pid_t pid)
{
	struct tracee *t;

	if (s->n == TRACEES_MAX) {
		errno = ENOSPC;
		fail("follow one more process");
	}
	t = &s->tracees[s->n++];
	*t = (struct tracee){.pid = pid, .nr = -1};
	return t;
}

static void tracee_drop(struct session *s, struct tracee *t)
{
	if (t)
		*t = s->tracees[--s->n];
}

/* A stopped tracee that is gone (ESRCH) was killed meanwhile: waitpid(2) will tell. */
static void tracee_resume(struct session *s, struct tracee *t, int sig)
{
	int request = s->done ? PTRACE_CONT : PTRACE_SYSCALL;

	if (ptrace(request, t->pid, NULL, (long)sig) && errno != ESRCH)
		fail("resume a tracee");
}

/*
 * What a process is to the command: its main process, a thread, an agent (another process on the
 * memory of its parent) or a child with memory of its own.
 */
static const char *tracee_role(const struct session *s, pid_t pid)
{
	char path[64], line[128];
	long tgid = 0, ppid = 0;
	FILE *f;

	if (pid == s->main)
		return "main";
	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	if (!f)
		return "child";
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Tgid:", 5))
			tgid = strtol(line + 5, NULL, 10);
		if (!strncmp(line, "PPid:", 5))
			ppid = strtol(line + 5, NULL, 10);
	}
	fclose(f);
	if (tgid != pid)
		return "thread";
	return syscall(SYS_kcmp, ppid, (long)pid, KCMP_VM, 0L, 0L) == 0 ? "agent" : "child";
}

static void kill_all(const struct session *s)
{
	for (size_t i = 0; i < s->n; i++)
		kill(s->tracees[i].pid, SIGKILL);
}

/* --- what happens at a stop --- */

static void strike(struct session *s, const struct tracee *t)
{
	s->done = true;
	if (s->opt->mode == MODE_KILL)
		kill(t->pid, SIGKILL);
	else
		kill_all(s);
}

static void call_is_hit(struct session *s, struct tracee *t)
{
	s->hit = (struct hit){.nr = t->nr, .role = tracee_role(s, t->pid)};

	if (s->opt->mode == MODE_FAIL) {
		int spared = call_spared(t->nr);

		s->hit.spared = spared == 1 || (spared == 2 && !s->started);
		if (!s->hit.spared && t->nr != SYS_close && regs_skip_call(t->pid))
			fail("skip a call");
		s->done = s->hit.spared;
		t->hit = !s->hit.spared;
	} else if (s->opt->after) {
		t->hit = true;
	} else {
		strike(s, t);
		return;
	}
	tracee_resume(s, t, 0);
}

static void call_returns(struct session *s, struct tracee *t)
{
	if (t->hit) {
		t->hit = false;
		if (s->opt->mode != MODE_FAIL) {
			strike(s, t);
			return;
		}
		if (regs_set_result(t->pid, -s->opt->error) && errno != ESRCH)
			fail("set a result");
		s->done = true;
	}
	tracee_resume(s, t, 0);
}

static void on_call(struct session *s, struct tracee *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) < 0) {
		if (errno != ESRCH)
			fail("PTRACE_GET_SYSCALL_INFO");
		return;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY) {
		call_returns(s, t);
		return;
	}
	t->nr = (long)info.entry.nr;
	s->calls++;
	if (!s->done && s->calls == s->opt->at) {
		call_is_hit(s, t);
		return;
	}
	if (!call_spared(t->nr))
		s->started = true;
	tracee_resume(s, t, 0);
}

/*
 * Those of the main process are ours: the first, and that of its sealed copy; any other begins the
 * payload. When a thread that is not the leader execs, it takes the leader's pid: the event's message
 * is its former one.
 */
static void on_exec(struct session *s, struct tracee *t)
{
	unsigned long former = 0;
	struct tracee *old;

	if (!s->armed || (t->pid == s->main && !t->hit)) {
		s->armed = true;
		s->started = false;
		tracee_resume(s, t, 0);
		return;
	}
	if (!ptrace(PTRACE_GETEVENTMSG, t->pid, NULL, &former) && (pid_t)former != t->pid) {
		old = tracee_find(s, (pid_t)former);
		if (old && old->hit)
			t->hit = true;
		tracee_drop(s, old);
		t = tracee_find(s, t->pid) ? tracee_find(s, t->pid) : t;
	}
	if (t->hit) {
		strike(s, t);
		return;
	}
	if (ptrace(PTRACE_DETACH, t->pid, NULL, 0L) && errno != ESRCH)
		fail("let the payload go");
	tracee_drop(s, t);
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct session *s, pid_t pid, int status)
{
	struct tracee *t = tracee_find(s, pid);
	int event = status >> 16, sig = WSTOPSIG(status);

	if (!t)
		t = tracee_add(s, pid); /* a new child may be seen before its parent's event */
	if (sig == (SIGTRAP | 0x80)) {
		on_call(s, t);
	} else if (event == PTRACE_EVENT_EXEC) {
		on_exec(s, t);
	} else if (event == PTRACE_EVENT_STOP && is_stop_signal(sig)) {
		ptrace(PTRACE_LISTEN, pid, NULL, NULL); /* stopped by job control: leave it so */
	} else {
		tracee_resume(s, t, event ? 0 : sig);
	}
}

static bool is_crash_signal(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE ||
	       sig == SIGABRT || sig == SIGSYS || sig == SIGTRAP;
}

static void on_end(struct session *s, pid_t pid, int status)
{
	struct tracee *t = tracee_find(s, pid);

	if (pid == s->main)
		s->main_status = status;
	if (WIFSIGNALED(status) && is_crash_signal(WTERMSIG(status)))
		printf("died of signal %d in %s (%s)\n", WTERMSIG(status),
		       t ? call_name(t->nr) : "the payload", pid == s->main ? "main" : "child");
	if (t && t->hit)
		s->done = true; /* the call was its exit: as good as killed */
	tracee_drop(s, t);
}

/* Which call it is in now: it may have gone on since it was followed call by call. */
static const char *tracee_call(pid_t pid)
{
	char path[64];
	long nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/syscall", (long)pid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%ld", &nr) != 1)
			nr = -1; /* "running" */
		fclose(f);
	}
	return nr < 0 ? "no call" : call_name(nr);
}

static void expire(struct session *s)
{
	if (!s->expired) {
		printf("timeout after %u s", s->opt->timeout);
		for (size_t i = 0; i < s->n; i++)
			printf("%s %s in %s", i ? "," : ":", tracee_role(s, s->tracees[i].pid),
			       tracee_call(s->tracees[i].pid));
		printf("\n");
	}
	s->expired = true;
	s->done = true;
	kill_all(s);
	kill(s->main, SIGKILL); /* our own child, not reaped yet: its pid is its own */
}

/* --- from the beginning to the end --- */

static void on_alarm(int sig)
{
	(void)sig;
	ticks++;
}

/* Repeated, so that one that comes just before waitpid(2) blocks is not the last. */
static void set_alarm(unsigned int seconds)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval when = {.it_value = {.tv_sec = seconds}, .it_interval = {.tv_sec = 1}};

	if (sigaction(SIGALRM, &sa, NULL) || setitimer(ITIMER_REAL, &when, NULL))
		fail("set the time limit");
}

/* The command waits in the pipe until it is traced. */
static pid_t start(char **argv)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	int go[2];
	char byte;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		fail("make a pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		close(go[1]);
		while (read(go[0], &byte, 1) < 0 && errno == EINTR)
			;
		execvp(argv[0], argv);
		fprintf(stderr, "inject: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, options))
		fail("trace the command");
	close(go[0]);
	close(go[1]);
	return pid;
}

static void run(struct session *s)
{
	set_alarm(s->opt->timeout);
	s->main = start(s->opt->argv);
	tracee_add(s, s->main);
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (ticks && (!s->expired || pid < 0))
			expire(s);
		if (ticks > KILL_GRACE)
			return;
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return; /* ECHILD: all have ended, or were let go */
		if (WIFSTOPPED(status))
			on_stop(s, pid, status);
		else
			on_end(s, pid, status);
	}
}

static int passed_status(const struct session *s)
{
	if (WIFSIGNALED(s->main_status))
		return 128 + WTERMSIG(s->main_status);
	return WEXITSTATUS(s->main_status);
}

static void report_hit(const struct session *s)
{
	const struct options *o = s->opt;

	if (o->mode == MODE_FAIL)
		printf("%s at %lu %s %s (pid role: %s)\n", s->hit.spared ? "spared" : "failed",
		       o->at, call_name(s->hit.nr), o->error_name, s->hit.role);
	else
		printf("%s at %lu %s (pid role: %s)\n",
		       o->mode == MODE_KILL_ALL ? "killed all" : "killed", o->at,
		       call_name(s->hit.nr), s->hit.role);
}

/* What the modes say at the end; returns the exit status. */
static int report(const struct session *s)
{
	const struct options *o = s->opt;

	if (s->hit.role)
		report_hit(s);
	if (s->expired)
		return EXIT_TIMEOUT;
	if (!s->armed)
		return passed_status(s); /* it could not be started, and said so */
	if (o->mode == MODE_COUNT) {
		printf("%lu\n", s->calls);
		return passed_status(s);
	}
	if (!s->hit.role)
		printf("ended before %lu, after %lu calls\n", o->at, s->calls);
	if (o->mode == MODE_FAIL)
		return passed_status(s);
	return s->hit.role ? 0 : EXIT_ENDED_BEFORE;
}

static void usage(void)
{
	fprintf(stderr, "usage: inject [--timeout S] count -- CMD...\n"
			"       inject [--timeout S] [--exit] kill|kill-all N -- CMD...\n"
			"       inject [--timeout S] fail N ERRNO -- CMD...\n"
			"ERRNO is one of");
	for (size_t i = 0; i < sizeof(error_names) / sizeof(*error_names); i++)
		fprintf(stderr, " %s", error_names[i].name);
	fprintf(stderr, ".\n");
	exit(EXIT_OURS);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value == 0)
		usage();
	return value;
}

/* MODE [N [ERRNO]]; returns how many words that was. */
static int parse_mode(char **words, int n, struct options *o)
{
	size_t i;

	for (i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++)
		if (n > mode_names[i].args && !strcmp(words[0], mode_names[i].name))
			break;
	if (i == sizeof(mode_names) / sizeof(*mode_names))
		usage();
	o->mode = mode_names[i].mode;
	if (mode_names[i].args > 0)
		o->at = number(words[1]);
	if (mode_names[i].args > 1) {
		o->error_name = words[2];
		for (size_t e = 0; e < sizeof(error_names) / sizeof(*error_names); e++)
			if (!strcmp(words[2], error_names[e].name))
				o->error = error_names[e].value;
		if (!o->error)
			usage();
	}
	return 1 + mode_names[i].args;
}

/* Options may stand before the mode, after it, or after its arguments; "--" ends them. */
static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"timeout", required_argument, NULL, 't'},
		{"exit", no_argument, NULL, 'x'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	char *words[3];
	int c, n = 0;

	while ((c = getopt_long(argc, argv, "-", longs, NULL)) != -1) {
		if (c == 1 && n < 3)
			words[n++] = optarg;
		else if (c == 't')
			o->timeout = (unsigned int)number(optarg);
		else if (c == 'x')
			o->after = true;
		else
			usage();
	}
	if (n == 0 || parse_mode(words, n, o) != n || optind == argc ||
	    strcmp(argv[optind - 1], "--") != 0)
		usage();
	if (o->after && o->mode != MODE_KILL && o->mode != MODE_KILL_ALL)
		usage();
	o->argv = argv + optind;
}

int main(int argc, char **argv)
{
	struct options o = {.timeout = 20};
	struct session *s = calloc(1, sizeof(*s));
	int status;

	if (!s)
		fail("allocate memory");
	parse(argc, argv, &o);
	s->opt = &o;
	run(s);
	status = report(s);
	free(s);
	return fflush(stdout) ? EXIT_OURS : status;
}
