/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * halt CALL N -- CMD...: run CMD under ptrace(2), with all that it clones; when one of its children has returned from
 * CALL, for the N-th time that any has, that child is stopped, as by a SIGSTOP at the worst moment, CMD is killed, and
 * the child's number is printed. CALL is setresuid, or user: setns(2) into a user namespace. Exits with 3 if CMD ended
 * before.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC)
#define PIDS (65536 * 64)

/* What each is in, by its number: nothing here lives long. */
static bool is_in_call[PIDS];

static bool is_wanted(const char *call, const struct __ptrace_syscall_info *info)
{
	if (strcmp(call, "setresuid") == 0)
		return info->entry.nr == SYS_setresuid;
	return info->entry.nr == SYS_setns && info->entry.args[1] == CLONE_NEWUSER;
}

/* Whether it has just returned from the call, with success. */
static bool has_returned(pid_t pid, const char *call)
{
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		is_in_call[pid % PIDS] = is_wanted(call, &info);
		return false;
	}
	return info.op == PTRACE_SYSCALL_INFO_EXIT && is_in_call[pid % PIDS] && !info.exit.is_error;
}

static int halt(pid_t child, pid_t command)
{
	kill(command, SIGKILL);
	ptrace(PTRACE_DETACH, child, NULL, SIGSTOP);
	waitpid(command, NULL, __WALL);
	printf("%d\n", child);
	return 0;
}

static int trace(pid_t command, const char *call, int wanted)
{
	int status, seen = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

		if (!WIFSTOPPED(status)) {
			if (pid == command)
				return 3;
			continue;
		}
		if (sig == (SIGTRAP | 0x80) && has_returned(pid, call) && pid != command &&
		    ++seen == wanted)
			return halt(pid, command);
		/* Events, and the stop that a child begins with. */
		if (status >> 16 || sig == SIGTRAP || sig == (SIGTRAP | 0x80))
			sig = 0;
		ptrace(PTRACE_SYSCALL, pid, NULL, sig);
	}
	return 3;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 5)
		return 2;
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	if (waitpid(pid, NULL, WUNTRACED) < 0 || ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0 ||
	    kill(pid, SIGCONT) < 0)
		return 1;
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	return trace(pid, argv[1], atoi(argv[2]));
}
