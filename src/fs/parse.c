/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parse.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define PID_LIMIT 4194304 /* of Linux: 2^22 */

/* The length of the value: without the newline that may end the text. -EINVAL: there is more. */
static int value_len(const char *text)
{
	size_t len = strcspn(text, "\n");

	if (len == 0 || (text[len] == '\n' && text[len + 1] != '\0'))
		return -EINVAL;
	return (int)len;
}

static int parse_number(const char *text, long limit, long *ret_number)
{
	int len = value_len(text);
	long number = 0;

	if (len < 0)
		return len;
	for (int i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		number = number * 10 + (text[i] - '0');
		if (number > limit)
			return -EINVAL;
	}
	*ret_number = number;
	return 0;
}

int parse_pid(const char *text, pid_t *ret_pid)
{
	long number;
	int r = parse_number(text, PID_LIMIT, &number);

	if (r == 0)
		*ret_pid = (pid_t)number;
	return r;
}

int parse_switch(const char *text, bool *ret_on)
{
	int len = value_len(text);

	if (len != 1 || (text[0] != '0' && text[0] != '1'))
		return -EINVAL;
	*ret_on = text[0] == '1';
	return 0;
}

int parse_signal(const char *text, int *ret_signal)
{
	int len = value_len(text);
	long number;

	if (len < 0)
		return len;
	if (parse_number(text, SIGRTMAX, &number) == 0) {
		*ret_signal = (int)number;
		return number > 0 ? 0 : -EINVAL;
	}
	if (strncmp(text, "SIG", 3) == 0) {
		text += 3;
		len -= 3;
	}
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && len > 0 && strlen(name) == (size_t)len &&
		    memcmp(name, text, (size_t)len) == 0) {
			*ret_signal = sig;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_line(const char *text, char *buf, size_t size)
{
	int len = value_len(text);

	if (len < 0 || (size_t)len >= size)
		return -EINVAL;
	for (int i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return -EINVAL;
	memcpy(buf, text, (size_t)len);
	buf[len] = '\0';
	return 0;
}

int parse_component(const char **path, char *buf, size_t size)
{
	const char *p = *path + strspn(*path, "/");
	size_t len = strcspn(p, "/");

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, p, len);
	buf[len] = '\0';
	*path = p + len;
	return (int)len;
}
