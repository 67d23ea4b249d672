/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers in text, strictly: no sign, no space, no leading "0x", nothing after the last digit.
 * Also used between clone and exec: no allocation, no locale, no errno.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ID_TEXT_SIZE 17 /* 16 hexadecimal digits and a NUL */

/* Decimal digits up to max; returns how many bytes were read. -EINVAL: none; -ERANGE. */
int text_parse_u64(const char *s, uint64_t max, uint64_t *ret_value);

/* The same, but the text must end after it. */
int text_parse_whole_u64(const char *s, uint64_t max, uint64_t *ret_value);

/* Exactly 16 lower-case hexadecimal digits at s: 16, or -EINVAL. */
int text_parse_id(const char *s, uint64_t *ret_id);
void text_format_id(uint64_t id, char buf[ID_TEXT_SIZE]);

/* Decimal, with a NUL; returns the length. */
int text_format_u64(uint64_t value, char buf[21]);

/* Append src to buf, which holds *len bytes and a NUL; -ENAMETOOLONG leaves buf as it was. */
int text_append(char *buf, size_t size, size_t *len, const char *src);
