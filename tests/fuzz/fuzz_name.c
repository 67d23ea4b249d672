/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* name_error, name_next, name_parent_len: the same answers as the naive models, for any bytes. */
#include "fuzz.h"

#include "../unit/models.h"

static void check_name(const uint8_t *data, size_t size)
{
	char *name = malloc(size ? size : 1);

	holds(name);
	memcpy(name, data, size);
	holds((name_error(name, size) == NULL) == model_name_ok(name, size));
	free(name);
}

static void check_path(const char *path)
{
	const char *p = path, *model = path;

	holds(name_parent_len(path) == model_parent_len(path));
	for (;;) {
		char name[NAME_SIZE];
		size_t start, len = model_component(model, &start);
		size_t kept = len < NAME_SIZE ? len : NAME_SIZE - 1;
		int r = name_next(&p, name);

		holds(strlen(name) == kept && memcmp(name, model + start, kept) == 0);
		if (len == 0 || !model_name_ok(model + start, len)) {
			holds(r == (len ? -EINVAL : 0));
			return;
		}
		holds(r == (int)len);
		model += start + len;
		holds(p == model + strspn(model, "/"));
		model = p;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	if (size > 0)
		check_name(data, size);
	check_path(text);
	free(text);
	return 0;
}
