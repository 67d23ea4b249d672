/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as they are typed and shown: signals, seconds, exit statuses.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "cli.h"

#define LAST_SIGNAL 64
#define REALTIME "RTMIN+"
/* As most programs count, whatever the libc of this one keeps for itself. */
#define FIRST_REALTIME 34

/* clang-format off */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ABRT", SIGABRT}, {"KILL", SIGKILL},
	{"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},
	{"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
	{"TTOU", SIGTTOU}, {"WINCH", SIGWINCH}, {"PWR", SIGPWR}, {"RTMIN", FIRST_REALTIME},
};
/* clang-format on */

/* Digits and nothing else: -1 if it is not such a number, or more than most. */
static int parse_number(const char *text, int most)
{
	char *end;
	long number;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno || *end || number > most ? -1 : (int)number;
}

int cli_signal(const char *text)
{
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (strcasecmp(text, signals[i].name) == 0)
			return signals[i].number;
	if (strncasecmp(text, REALTIME, strlen(REALTIME)) == 0) {
		int n = parse_number(text + strlen(REALTIME), LAST_SIGNAL - FIRST_REALTIME);

		return n < 0 ? -1 : FIRST_REALTIME + n;
	}
	return parse_number(text, LAST_SIGNAL);
}

void cli_signal_name(int sig, char buf[CLI_SIGNAL_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i].number == sig) {
			snprintf(buf, CLI_SIGNAL_SIZE, "SIG%s", signals[i].name);
			return;
		}
	if (sig > FIRST_REALTIME)
		snprintf(buf, CLI_SIGNAL_SIZE, "SIG" REALTIME "%d", sig - FIRST_REALTIME);
	else
		snprintf(buf, CLI_SIGNAL_SIZE, "%d", sig);
}

int cli_seconds(const char *text, int *ret_ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || text[strspn(text, "0123456789.")] ||
	    !(seconds >= 0 && seconds <= INT_MAX / 1000))
		return -1;
	/* As near as can be, but what is not nothing does not become nothing. */
	*ret_ms = (int)(seconds * 1000 + 0.5);
	if (*ret_ms == 0 && seconds > 0)
		*ret_ms = 1;
	return 0;
}

int cli_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
