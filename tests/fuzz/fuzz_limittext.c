/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * limittext: whatever stands in a list, what is read of it are names of limits and lines; put again it is
 * the same. What is expanded once is expanded no more.
 */
#include "fuzz.h"
#include "limittext.h"

static void check_list(const char *text)
{
	char file[LIMIT_NAME_SIZE], value[LIMIT_LIST_SIZE], again[LIMIT_LIST_SIZE];
	static char list[LIMIT_LIST_SIZE];
	const char *s = text;

	while (limit_list_next(&s, file, value)) {
		holds(s > text && s <= text + strlen(text));
		holds(!limit_name_error(file) && !strchr(value, '\n') && !strchr(file, '/'));
		list[0] = '\0';
		if (limit_list_put(list, file, value) < 0 || !value[0])
			continue;
		holds(limit_list_get(list, file, again, sizeof(again)) == (int)strlen(value) + 1);
		holds(memcmp(again, value, strlen(value)) == 0);
	}
}

static void check_value(const char *text)
{
	static char once[LIMIT_LIST_SIZE], twice[LIMIT_LIST_SIZE];

	if (limit_expand(text, once, sizeof(once)) < 0)
		return;
	holds(limit_expand(once, twice, sizeof(twice)) == 0);
	holds(strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	check_list(text);
	check_value(text);
	limit_name_error(text);
	free(text);
	return 0;
}
