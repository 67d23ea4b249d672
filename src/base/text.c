/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int text_parse_u64(const char *s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	int i;

	for (i = 0; s[i] >= '0' && s[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (digit > max || value > (max - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (i == 0)
		return -EINVAL;
	*ret_value = value;
	return i;
}

int text_parse_whole_u64(const char *s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;
	int n = text_parse_u64(s, max, &value);

	if (n < 0)
		return n;
	if (s[n] != '\0')
		return -EINVAL;
	*ret_value = value;
	return 0;
}

#define EACH_BYTE(b) (0x0101010101010101u * (b))

/*
 * Eight digits at once, as bytes of one number: listing reads thousands, and no branch predicts random
 * digits. What comes out is turned into digits again, and must be what went in.
 */
static int parse_half_id(const char *s, uint64_t *ret_value)
{
	uint64_t text, digits, letters;

	memcpy(&text, s, sizeof(text));
	text = be64toh(text);
	letters = (text >> 6) & EACH_BYTE(1);
	digits = (text & EACH_BYTE(15)) + letters * 9;
	/* Ten and more are the letters, and nothing else is. */
	if ((digits & EACH_BYTE(0xf0)) ||
	    ((digits + EACH_BYTE(6)) >> 4 & EACH_BYTE(1)) != letters ||
	    digits + EACH_BYTE('0') + letters * ('a' - '0' - 10) != text)
		return -EINVAL;
	digits = (digits | digits >> 4) & 0x00ff00ff00ff00ffu;
	digits = (digits | digits >> 8) & 0x0000ffff0000ffffu;
	*ret_value = (digits | digits >> 16) & UINT32_MAX;
	return 0;
}

int text_parse_id(const char *s, uint64_t *ret_id)
{
	uint64_t high, low;

	if (strnlen(s, ID_TEXT_SIZE - 1) < ID_TEXT_SIZE - 1 || parse_half_id(s, &high) < 0 ||
	    parse_half_id(s + 8, &low) < 0)
		return -EINVAL;
	*ret_id = high << 32 | low;
	return ID_TEXT_SIZE - 1;
}

void text_format_id(uint64_t id, char buf[ID_TEXT_SIZE])
{
	for (int i = ID_TEXT_SIZE - 2; i >= 0; i--, id >>= 4)
		buf[i] = "0123456789abcdef"[id & 15];
	buf[ID_TEXT_SIZE - 1] = '\0';
}

int text_format_u64(uint64_t value, char buf[21])
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (int i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	buf[n] = '\0';
	return n;
}

int text_append(char *buf, size_t size, size_t *len, const char *src)
{
	size_t n = strlen(src);

	if (*len + n >= size)
		return -ENAMETOOLONG;
	memcpy(buf + *len, src, n + 1);
	*len += n;
	return 0;
}
