/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people write to the files of the tree, and paths of links: what is taken is what the naive model
 * takes, with the same meaning; what is refused leaves the result as it was.
 */
#include <errno.h>

#include "../unit/model_values.h"
#include "fuzz.h"
#include "parse.h"

#define LINE_SIZE 65

static void check_numbers(const char *text)
{
	long model;
	pid_t pid = -7;
	int sig = -7, r = parse_pid(text, &pid);

	holds(model_pid(text, &model) == (r == 0));
	holds(r == 0 ? pid == model : r == -EINVAL && pid == -7);
	r = parse_signal(text, &sig);
	holds(model_signal(text, &model) == (r == 0));
	holds(r == 0 ? sig == model : r == -EINVAL);
}

static void check_texts(const char *text)
{
	static char model[MODEL_VALUE_SIZE];
	char line[LINE_SIZE] = "untouched";
	bool on = false, model_on;
	int r = parse_switch(text, &on);

	holds(model_switch(text, &model_on) == (r == 0));
	holds(r == 0 ? on == model_on : r == -EINVAL && !on);
	r = parse_line(text, line, sizeof(line));
	holds(model_line(text, sizeof(line), model) == (r == 0));
	holds(r == 0 ? strcmp(line, model) == 0 : r == -EINVAL && strcmp(line, "untouched") == 0);
}

/* All of a path is walked, and what comes is what stands between slashes. */
static void check_path(const char *text)
{
	const char *path = text;
	char name[16];
	int len;

	while ((len = parse_component(&path, name, sizeof(name))) > 0) {
		holds((size_t)len == strlen(name) && !strchr(name, '/'));
		holds(path > text && path <= text + strlen(text));
		holds(memcmp(path - len, name, (size_t)len) == 0);
		holds(*path == '/' || *path == '\0');
	}
	holds(len == 0 ? path[strspn(path, "/")] == '\0' : len == -ENAMETOOLONG);
	if (len < 0)
		holds(strcspn(path + strspn(path, "/"), "/") >= sizeof(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	check_numbers(text);
	check_texts(text);
	check_path(text);
	free(text);
	return 0;
}
