/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limittext.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

/* Written for other ends: thresholds to wait for, marks to be reset. */
static const char *const no_limits[] = {".pressure", ".peak"};

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), end_len = strlen(end);

	return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

const char *limit_name_error(const char *file)
{
	static const char bad[] = "not the name of a limit: CONTROLLER.NAME, as in memory.max";

	if (strlen(file) >= LIMIT_NAME_SIZE)
		return "the name of a limit has at most 63 bytes";
	/* Of two parts at least, none of them empty. */
	if (!strchr(file, '.') || strstr(file, "..") || file[0] == '.' || ends_in(file, "."))
		return bad;
	for (const char *s = file; *s; s++)
		if (!is_name_byte(*s))
			return bad;
	if (strncmp(file, "cgroup.", strlen("cgroup.")) == 0)
		return "what is called cgroup.NAME is not a limit, but the cgroup's own";
	for (size_t i = 0; i < ARRAY_SIZE(no_limits); i++)
		if (ends_in(file, no_limits[i]))
			return "it tells something, and is not a limit";
	return NULL;
}

void limit_controller(const char *file, char buf[LIMIT_NAME_SIZE])
{
	size_t len = strcspn(file, ".");

	memcpy(buf, file, len);
	buf[len] = '\0';
}

/* The power of two that a suffix stands for: "M", "MB" and "MiB" say the same. -1: none. */
static int suffix_shift(const char *s, size_t len)
{
	static const char letters[] = "KMGTPE";
	const char *at = len ? strchr(letters, s[0] & ~0x20) : NULL;

	if (!at || *at == '\0')
		return -1;
	if (len == 1 || (len == 2 && s[1] == 'B') || (len == 3 && s[1] == 'i' && s[2] == 'B'))
		return 10 * (int)(at - letters + 1);
	return -1;
}

/* A word without blanks and '='. */
static int expand_word(const char *s, size_t len, char *buf, size_t size, size_t *used)
{
	char word[LIMIT_NAME_SIZE];
	uint64_t number = 0;
	size_t digits = strspn(s, "0123456789");
	int shift = digits > 0 ? suffix_shift(s + digits, len - digits) : -1;
	bool is_number = digits > 0 && (shift > 0 || digits == len);

	/* The kernel takes of a larger one what is left of it in 64 bits. */
	if (is_number && text_parse_u64(s, UINT64_MAX, &number) < 0)
		return -ERANGE;
	if (shift < 0) {
		if (*used + len >= size)
			return -ENAMETOOLONG;
		memcpy(buf + *used, s, len);
		buf[ *used += len] = '\0';
		return 0;
	}
	if (number > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	text_format_u64(number << shift, word);
	return text_append(buf, size, used, word);
}

int limit_expand(const char *value, char *buf, size_t size)
{
	size_t used = 0;
	int r = value[0] == '\0' || strchr(value, '\n') ? -EINVAL : 0;

	if (r < 0)
		return r;
	buf[0] = '\0';
	while (r == 0 && *value) {
		size_t len = strcspn(value, " \t=");
		char separator[2] = {value[len]};

		r = expand_word(value, len, buf, size, &used);
		r = r ? r : text_append(buf, size, &used, separator);
		value += len + (value[len] != '\0');
	}
	return r;
}

/* A line of a list that is about file: what comes after the '='. */
static const char *value_of(const char *line, const char *file)
{
	size_t len = strlen(file);

	return strncmp(line, file, len) == 0 && line[len] == '=' ? line + len + 1 : NULL;
}

static int append_bytes(char *buf, size_t size, size_t *len, const char *s, size_t n)
{
	if (n >= size - *len)
		return -ENAMETOOLONG;
	memcpy(buf + *len, s, n);
	*len += n;
	buf[*len] = '\0';
	return 0;
}

int limit_list_put(char list[LIMIT_LIST_SIZE], const char *file, const char *lines)
{
	char new[LIMIT_LIST_SIZE] = "";
	size_t len = 0;
	int r = 0;

	for (const char *s = list; r == 0 && *s;) {
		size_t n = strcspn(s, "\n");

		n += s[n] == '\n';
		if (!value_of(s, file))
			r = append_bytes(new, sizeof(new), &len, s, n);
		s += n;
	}
	while (r == 0 && *lines) {
		size_t n = strcspn(lines, "\n");

		r = text_append(new, sizeof(new), &len, file);
		r = r ? r : text_append(new, sizeof(new), &len, "=");
		r = r ? r : append_bytes(new, sizeof(new), &len, lines, n);
		r = r ? r : text_append(new, sizeof(new), &len, "\n");
		lines += n + (lines[n] == '\n');
	}
	if (r == 0)
		memcpy(list, new, len + 1);
	return r;
}

int limit_list_get(const char *list, const char *file, char *buf, size_t size)
{
	size_t len = 0;

	if (size == 0)
		return -ERANGE;
	buf[0] = '\0';
	while (*list) {
		size_t n = strcspn(list, "\n");
		const char *value = value_of(list, file);

		n += list[n] == '\n';
		if (value && append_bytes(buf, size, &len, value, (size_t)(list + n - value)) < 0)
			return -ERANGE;
		list += n;
	}
	return (int)len;
}

bool limit_list_next(const char **list, char file[LIMIT_NAME_SIZE], char value[LIMIT_LIST_SIZE])
{
	size_t file_len = strcspn(*list, "=\n"), len;
	const char *s = *list + file_len + 1;

	if ((*list)[file_len] != '=' || file_len >= LIMIT_NAME_SIZE)
		return false;
	len = strcspn(s, "\n");
	if (len >= LIMIT_LIST_SIZE)
		return false;
	memcpy(file, *list, file_len);
	file[file_len] = '\0';
	memcpy(value, s, len);
	value[len] = '\0';
	*list = s + len + (s[len] == '\n');
	return limit_name_error(file) == NULL;
}
