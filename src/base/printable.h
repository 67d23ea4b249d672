/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text of others in output where one line is one value: what is not an ASCII character that prints is \xNN, and so
 * is a backslash that could be taken for one of these. Nothing of it changes a terminal or the order of what is
 * seen, and no value can look like two.
 */
#pragma once

#include <stdio.h>

#define PRINTABLE_SIZE 4 /* bytes for each, at most; and a NUL, which is not counted */

static inline char *printable_put(char *to, const char *from)
{
	unsigned char c = (unsigned char)*from;

	if (c < ' ' || c > '~' || (c == '\\' && from[1] == 'x'))
		return to + sprintf(to, "\\x%02x", c);
	*to++ = *from;
	return to;
}
