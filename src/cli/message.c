/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes to standard error: a line for each failure. Users and containers choose names: nothing in
 * them that does not print gets to a terminal.
 */
#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "printable.h"

#define EMPTY "''"		 /* how an empty name is shown */
#define STATE "/run/containerfs" /* as the library has it */

/* For what names the state directory. */
static const char no_room[] = "df";

/* The remedy for an errno, where the step does not say it better. */
static const struct remedy {
	int code;
	const char *step; /* a part of the step's text, "" for any */
	const char *text;
} remedies[] = {
	{EBUSY, "it has tasks", "end them first: container kill"},
	{EBUSY, "tasks do not die",
	 "the kernel keeps them, in the function told: a file server, a disk, a tracer, a freezer"},
	{ENOTEMPTY, "nested", "remove those first; with rm, -r does"},
	{EOPNOTSUPP, "cgroup v2", "mount -t cgroup2 none /sys/fs/cgroup/unified"},
	{EXDEV, "hierarchy is in a mount namespace",
	 "go there, by nsenter -t 1 -m for example, or out of the service's sandbox; or use another "
	 "CONTAINERFS_STATE"},
	{ENOENT, "pinned namespace is lost",
	 "the service that was the first to use containerfs has ended; container rm -f, or container "
	 "set NAME TYPE=own"},
	{EPERM, "no own mount namespace",
	 "mount into the container that it has it from, or: container set NAME mount=own"},
	{EBUSY, "unmount", "container holders tells by whom; or -l"},
	{EINVAL, "unmount", "nothing is mounted there, or it is locked to what is below it"},
	{ENODEV, "fsopen", "this kernel has no such file system"},
	{ENODEV, "add key", "this kernel has no such type of key"},
	{EINVAL, "add key", "its type does not take this description or payload"},
	{EDQUOT, "add key", "/proc/key-users; /proc/sys/kernel/keys/maxbytes, maxkeys"},
	{ENOSPC, "take this value", NULL}, /* not about files */
	{ENOSPC, "bind", NULL},
	{ENOSPC, "", no_room},
	{EAGAIN, "start a task", "a limit of processes is reached: pids.max, or ulimit -u"},
	{ESRCH, "above has no task", "start a task there first"},
	{ESRCH, "no task has brought to life", "start a task in it first"},
	{ENOSYS, "", "containerfs needs Linux 6.1 or newer"},
};

char *cli_printable(const char *text)
{
	char *copy = malloc(PRINTABLE_SIZE * strlen(text) + 1), *to = copy;

	if (!copy)
		return NULL;
	while (*text)
		to = printable_put(to, text++);
	*to = '\0';
	return copy;
}

static bool is_end_of_part(const char *s)
{
	return *s == '\0' || strncmp(s, ": ", 2) == 0;
}

/* "PART: PART: PART", where the name of what it is about may be empty: that is shown then. */
static char *put_parts(char *to, const char *text)
{
	bool begins = true;

	for (;; text++) {
		if (begins && is_end_of_part(text))
			to = stpcpy(to, EMPTY);
		if (!*text)
			break;
		to = printable_put(to, text);
		begins = text[0] == ' ' && to[-2] == ':';
	}
	*to = '\0';
	return to;
}

/* "container: WHAT: TEXT", with END behind it. In one piece: several programs may write to one place. */
static void tell(const char *what, const char *end, const char *format, va_list args)
{
	autofree char *text = NULL;
	autofree char *line = NULL;
	char *to;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	if (text)
		line = malloc(sizeof("container: : ") + PRINTABLE_SIZE * strlen(what ? what : "") +
			      PRINTABLE_SIZE * strlen(text) + 2 * strlen(EMPTY) + strlen(end));
	if (!line) {
		fputs("container: out of memory\n", stderr);
		return;
	}
	to = stpcpy(line, "container: ");
	if (what)
		to = stpcpy(put_parts(to, what), ": ");
	stpcpy(put_parts(to, text), end);
	/* Once more, if a signal came. */
	if (fputs(line, stderr) < 0)
		fputs(line, stderr);
}

void cli_message(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(what, "\n", format, args);
	va_end(args);
}

int cli_usage(const char *verb, const char *format, ...)
{
	char end[64];
	va_list args;

	snprintf(end, sizeof(end), "; see container %s%s--help\n", verb ? verb : "",
		 verb ? " " : "");
	va_start(args, format);
	tell(verb, end, format, args);
	va_end(args);
	return EXIT_FAILED;
}

/* Where df looks: the state directory, or what it was to be made in. Owned. */
static char *tell_no_room(void)
{
	const char *state = secure_getenv("CONTAINERFS_STATE");
	autofree char *dir = strdup(state && state[0] ? state : STATE);
	const char *at = dir;
	char *text;

	if (dir && access(dir, F_OK) < 0)
		at = dirname(dir);
	return dir && asprintf(&text, "df -h %s; df -i %s", at, at) >= 0 ? text : NULL;
}

static const char *remedy_for(int code, const char *step)
{
	if ((code == EPERM || code == EACCES) && geteuid() != 0)
		return "be root; unprivileged use is not there yet";
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (remedies[i].code == code && strstr(step, remedies[i].step))
			return remedies[i].text;
	return NULL;
}

/* Not all libcs know all errnos. */
static const char *reason(int code)
{
	return code == EUCLEAN ? "Structure needs cleaning" : strerror(code);
}

static int failed(const char *what, int code, const char *step, const char *object)
{
	/* The library may say what to do, after what has failed. */
	const char *end = strstr(step, "; ");
	const char *remedy = end ? end + 2 : remedy_for(code, step);
	autofree char *room = remedy == no_room ? tell_no_room() : NULL;
	bool says_object = object && (!what || strcmp(object, what) != 0);

	if (remedy == no_room)
		remedy = room;
	cli_message(what, "%.*s%s%s: %s%s%s%s", (int)(end ? (size_t)(end - step) : strlen(step)),
		    step, says_object ? ": " : "", says_object ? object : "", reason(code),
		    remedy ? " (" : "", remedy ? remedy : "", remedy ? ")" : "");
	return EXIT_FAILED;
}

int cli_failed(const char *what)
{
	return cli_failed_on(what, NULL);
}

int cli_failed_on(const char *what, const char *operand)
{
	const struct container_error *error = container_error_last();
	const char *object = error->object[0] ? error->object : NULL;

	return failed(what, error->code, error->step, operand && !operand[0] ? operand : object);
}

int cli_errno(const char *what, const char *step, const char *object)
{
	return failed(what, errno, step, object);
}
