/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be written to the files of a container, as naively as can be. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_VALUE_SIZE 65536

/* Without one newline at its end; false: it is empty, or has another. */
static inline bool model_value(const char *text, char value[MODEL_VALUE_SIZE])
{
	snprintf(value, MODEL_VALUE_SIZE, "%s", text);
	if (value[0] && value[strlen(value) - 1] == '\n')
		value[strlen(value) - 1] = '\0';
	return value[0] && !strchr(value, '\n');
}

static inline bool model_number(const char *value, long max, long *ret_number)
{
	const char *digits = value + strspn(value, "0");

	if (strspn(value, "0123456789") != strlen(value) || strlen(digits) > 9 || atol(value) > max)
		return false;
	*ret_number = atol(value);
	return true;
}

static inline bool model_pid(const char *text, long *ret_pid)
{
	static char value[MODEL_VALUE_SIZE];

	return model_value(text, value) && model_number(value, 4194304, ret_pid);
}

static inline bool model_switch(const char *text, bool *ret_on)
{
	*ret_on = strcmp(text, "1") == 0 || strcmp(text, "1\n") == 0;
	return *ret_on || strcmp(text, "0") == 0 || strcmp(text, "0\n") == 0;
}

static inline bool model_signal(const char *text, long *ret_signal)
{
	static char value[MODEL_VALUE_SIZE];

	if (!model_value(text, value))
		return false;
	if (model_number(value, SIGRTMAX, ret_signal))
		return *ret_signal > 0;
	for (*ret_signal = 1; *ret_signal < 32; ++*ret_signal) {
		char name[32];

		snprintf(name, sizeof(name), "SIG%s", sigabbrev_np((int)*ret_signal));
		if (strcmp(value, name) == 0 || strcmp(value, name + 3) == 0)
			return true;
	}
	return false;
}

static inline bool model_line(const char *text, size_t size, char value[MODEL_VALUE_SIZE])
{
	if (!model_value(text, value) || strlen(value) >= size)
		return false;
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x21 || *p == 0x7f)
			return false;
	return true;
}
