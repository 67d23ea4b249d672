/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program in the foreground: started in a container, waited for, with the terminal, signals and
 * exit status passed through.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"

/* At most one start in so many ms, after an init that has called reboot(2). */
#define RESTART_INTERVAL 1000

extern char **environ;

/* K=V sets or replaces; K alone takes the caller's, which is there already. */
static int set_env(struct cli_program *p, const char *setting)
{
	size_t len = strcspn(setting, "=");
	const char **grown;

	if (len == 0) {
		cli_message(NULL, "not a variable: %s", setting);
		return EXIT_FAILED;
	}
	if (setting[len] == '\0')
		return 0;
	for (size_t i = 0; i < p->env_count; i++)
		if (strncmp(p->envp[i], setting, len + 1) == 0) {
			p->envp[i] = setting;
			return 0;
		}
	grown = realloc(p->envp, (p->env_count + 2) * sizeof(*grown));
	if (!grown) {
		cli_message(NULL, "out of memory");
		return EXIT_FAILED;
	}
	grown[p->env_count++] = setting;
	grown[p->env_count] = NULL;
	p->envp = grown;
	return 0;
}

int cli_program_init(struct cli_program *p)
{
	size_t count = 0;

	while (environ[count])
		count++;
	*p = (struct cli_program){.spawn = CONTAINER_SPAWN_INIT};
	p->envp = malloc((count + 2) * sizeof(*p->envp));
	if (!p->envp) {
		cli_message(NULL, "out of memory");
		return EXIT_FAILED;
	}
	for (size_t i = 0; i <= count; i++)
		p->envp[i] = environ[i];
	p->env_count = count;
	/* What runs inside can tell, as with other runtimes. */
	return set_env(p, "container=containerfs");
}

void cli_program_free(struct cli_program *p)
{
	free(p->envp);
	p->envp = NULL;
}

int cli_program_option(struct cli_program *p, int option, const char *value)
{
	switch (option) {
	case 'u':
		p->spawn.user = value;
		return 0;
	case 'w':
		p->spawn.cwd = value;
		return 0;
	case 'e':
		return set_env(p, value);
	default:
		return -1;
	}
}

void cli_program_argv(struct cli_program *p, int argc, char **argv)
{
	const char *shell = getenv("SHELL");

	p->spawn.argv = (const char *const *)argv;
	if (argc > 0)
		return;
	p->is_default = true;
	p->argv_default[0] = shell && shell[0] == '/' ? shell : "/bin/sh";
	p->spawn.argv = p->argv_default;
}

/* Whether a signal would do nothing to an init that has not asked for it: the kernel spares init. */
static bool spared(pid_t pid, int sig)
{
	char path[64], line[256];
	unsigned long long mask, asked = 0;
	bool is_init = false;
	autofile FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0)
			is_init = last && strchr(line, '\t') != last && strcmp(last, "\t1\n") == 0;
		if (sscanf(line, "SigIgn: %llx", &mask) == 1 ||
		    sscanf(line, "SigCgt: %llx", &mask) == 1)
			asked |= mask;
	}
	return is_init && !(asked & 1ull << (sig - 1));
}

static bool is_ending(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

/*
 * A signal that asks the command to end also ends an init that never asked for signals, such as
 * "container run sleep 100", which would otherwise not feel Ctrl-C.
 */
static void pass_signal(const siginfo_t *info, pid_t pid, int pidfd, int container, int *ended_by)
{
	if (is_ending(info->si_signo) && spared(pid, info->si_signo)) {
		*ended_by = info->si_signo;
		container_kill(container, SIGKILL);
		return;
	}
	/* What the terminal sent went to the command too, being in the same process group. */
	if (info->si_code != SI_KERNEL)
		syscall(SYS_pidfd_send_signal, pidfd, info->si_signo, NULL, 0);
}

/*
 * *ret_ended: what container_ended() says. It is told before the command is reaped; not where it would
 * only be forgotten. An init that has called reboot(2) looks as if killed.
 */
static int wait_for(const struct cli_program *p, pid_t pid, int pidfd, int container,
		    const sigset_t *passed, int *ret_ended)
{
	int ended_by = 0, status, r;
	bool exited = false;

	for (;;) {
		siginfo_t info = {0};

		r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
		exited = info.si_code == CLD_EXITED;
		if (r == 0 && info.si_pid == pid)
			break;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			break;
		if (sigwaitinfo(passed, &info) > 0 && info.si_signo != SIGCHLD)
			pass_signal(&info, pid, pidfd, container, &ended_by);
	}
	if (r == 0) {
		if (!p->is_last || !exited)
			*ret_ended = container_ended(container, pidfd);
		do
			r = waitpid(pid, &status, 0);
		while (r < 0 && errno == EINTR);
	}
	if (r < 0) {
		cli_message(NULL, "wait for the command: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return ended_by ? 128 + ended_by : cli_exit_status(status);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * An init that reboots at once shall not keep the machine busy. 0: go on; else a signal came that ends
 * this program.
 */
static int wait_until(int64_t time, const sigset_t *passed)
{
	int64_t left;

	while ((left = time - now()) > 0) {
		struct timespec t = {left / 1000, left % 1000 * 1000000};
		int sig = sigtimedwait(passed, NULL, &t);

		if (is_ending(sig))
			return sig;
	}
	return 0;
}

/* Whether it still waits to be started again: it may be removed, or stopped, or started by somebody else. */
static bool is_rebooting(int container)
{
	struct container_info info = {.size = sizeof(info)};

	return container_stat(container, CONTAINER_WALK_STATE, &info, NULL, 0) == 0 &&
	       info.state == CONTAINER_REBOOTING;
}

static int start_status(const struct cli_program *p, const char *name)
{
	const struct container_error *error = container_error_last();
	const char *user = p->spawn.user;

	if (strcmp(error->step, "exec") != 0)
		return cli_failed_on(name, user && !user[0] ? user : p->spawn.cwd);
	cli_message(name, "%s: %s", p->spawn.argv[0],
		    error->code == ENOENT && !strchr(p->spawn.argv[0], '/')
			    ? "command not found"
			    : strerror(error->code));
	return error->code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

static pid_t start(struct cli_program *p, int container)
{
	pid_t pid;

	p->spawn.envp = p->envp;
	pid = container_spawn(container, &p->spawn);
	/* The user's shell of outside need not be there inside. */
	if (pid < 0 && p->is_default && strcmp(container_error_last()->step, "exec") == 0) {
		p->argv_default[0] = "/bin/sh";
		pid = container_spawn(container, &p->spawn);
	}
	return pid;
}

/* Once: the exit status. */
static int run(struct cli_program *p, int container, const char *name, const sigset_t *passed,
	       int *ret_ended)
{
	pid_t foreground = isatty(STDIN_FILENO) ? tcgetpgrp(STDIN_FILENO) : -1;
	autoclose int pidfd = -EBADF;
	pid_t pid;
	int status;

	*ret_ended = 0;
	p->spawn.pidfd = &pidfd;
	pid = start(p, container);
	if (pid < 0) {
		sigprocmask(SIG_SETMASK, p->spawn.signal_mask, NULL);
		return start_status(p, name);
	}
	status = wait_for(p, pid, pidfd, container, passed, ret_ended);
	if (foreground > 0) {
		void (*old)(int) = signal(SIGTTOU, SIG_IGN);

		tcsetpgrp(STDIN_FILENO, foreground);
		signal(SIGTTOU, old);
	}
	return status;
}

int cli_program_run(struct cli_program *p, int container, const char *name)
{
	sigset_t passed, old;
	int status, ended, sig = 0;

	/* A caller that ignores SIGCHLD would have the kernel throw the exit status away. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&passed);
	for (int s = 0; s < 3; s++)
		sigdelset(&passed, (int[]){SIGTSTP, SIGTTIN, SIGTTOU}[s]);
	/* From before it starts, so that none is lost; the command has the mask there was. */
	sigprocmask(SIG_BLOCK, &passed, &old);
	p->spawn.signal_mask = &old;
	for (;;) {
		int64_t next = now() + RESTART_INTERVAL;

		status = run(p, container, name, &passed, &ended);
		if (ended != CONTAINER_REBOOTING)
			break;
		sig = wait_until(next, &passed);
		if (sig || !is_rebooting(container))
			break;
	}
	return sig ? 128 + sig : ended == CONTAINER_HALTED ? 0 : status;
}
