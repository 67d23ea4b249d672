/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text.h"

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

/* Without a branch for each digit: listing reads thousands, and no branch predicts random digits. */
int text_parse_id(const char *s, uint64_t *ret_id)
{
	uint64_t id = 0;
	unsigned int wrong = 0;

	/* A text that ends early is wrong at its end, and is not read beyond. */
	for (int i = 0; i < ID_TEXT_SIZE - 1 && s[i] != '\0'; i++) {
		unsigned int c = (unsigned char)s[i];
		unsigned int is_digit = c - '0' < 10, is_letter = c - 'a' < 6;

		wrong |= !(is_digit | is_letter);
		id = id << 4 | ((c & 15) + is_letter * 9);
		if (i == ID_TEXT_SIZE - 2 && !wrong) {
			*ret_id = id;
			return ID_TEXT_SIZE - 1;
		}
	}
	return -EINVAL;
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
