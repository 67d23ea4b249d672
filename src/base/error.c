/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

#include <string.h>

static _Thread_local struct container_error last;

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

int error_set(int code, const char *step, const char *object)
{
	last.code = -code;
	copy_text(last.step, sizeof(last.step), step);
	copy_text(last.object, sizeof(last.object), object ? object : "");
	return code;
}

int error_default(int code, const char *step, const char *object)
{
	if (last.code == 0)
		return error_set(code, step, object);
	last.code = -code;
	return code;
}

void error_object(const char *object)
{
	if (last.object[0] == '\0')
		copy_text(last.object, sizeof(last.object), object);
}

void error_clear(void)
{
	last.code = 0;
	last.step[0] = '\0';
	last.object[0] = '\0';
}

const struct container_error *error_last(void)
{
	return &last;
}

void error_copy(const struct container_error *from)
{
	last = *from;
}
