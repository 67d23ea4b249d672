/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and paths of names against the naive model. */
#include "name.h"

#include "chance.h"
#include "cmock.h"
#include "models.h"

static void check_name(const char *name, size_t len)
{
	char *copy = exact_copy(name, len);
	const char *why = name_error(copy, len);

	assert_int_equal(why == NULL, model_name_ok(copy, len));
	/* A sentence for people. */
	if (why)
		assert_in_range(strlen(why), 10, 100);
	free(copy);
}

static void test_rules(void **state)
{
	static const char *const good[] = {
		"a",	   "web", "...", "..a",	   "a..",	  ".a",	   "-",
		"-a",	   "+",	  "_",	 "0",	   "container_1", "Tasks", "tasks2",
		"cgroup.", "net", "mnt", "by_pid", "roo",	  "roott", "a.b+c-d_e",
	};
	static const char *const bad[] = {
		"",    ".", "..", "/",	"a/b",	 "a b",	  "a\n",   "a:b",      "\xc3\xa4",
		"a\\", "*", "~",  "a@", "@spec", "a\x7f", "a\x01", "cgroup.d", "tasks",
	};
	char name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(name_error(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(name_error(bad[i], strlen(bad[i])));
	for (size_t i = 0; i < sizeof(model_reserved) / sizeof(model_reserved[0]); i++)
		assert_non_null(name_error(model_reserved[i], strlen(model_reserved[i])));
	memset(name, 'a', sizeof(name));
	assert_null(name_error(name, 255));
	assert_non_null(name_error(name, 256));
	assert_non_null(name_error("a\0b", 3));
	for (int c = 1; c < 256; c++) {
		name[0] = (char)c;
		check_name(name, 1);
		check_name(name, 2);
	}
}

/* Mostly short, of few letters, so that dots, slashes and reserved names come often. */
static size_t random_text(struct chance *c, char *buf, size_t size, const char *letters)
{
	size_t len = chance_below(c, chance_one_in(c, 20) ? size : 12);

	for (size_t i = 0; i < len; i++)
		buf[i] = letters[chance_below(c, strlen(letters))];
	buf[len] = '\0';
	if (chance_one_in(c, 3)) {
		len = chance_below(c, sizeof(model_reserved) / sizeof(model_reserved[0]));
		strcpy(buf, model_reserved[len]);
		len = strlen(buf);
		if (chance_one_in(c, 2))
			len = chance_mutate(c, buf, len, size, letters);
	} else if (chance_one_in(c, 4)) {
		len = chance_mutate(c, buf, len, size, letters);
	}
	return len;
}

static void test_random_names(void **state)
{
	struct chance c = chance_begin();
	char name[600];

	(void)state;
	for (long i = chance_steps(100000); i > 0; i--)
		check_name(name, random_text(&c, name, sizeof(name), "ab._-+Z9"));
}

static void check_path(const char *path)
{
	char *copy = exact_copy(path, strlen(path));
	const char *p = copy, *model = copy;

	assert_int_equal(name_parent_len(copy), model_parent_len(copy));
	for (;;) {
		char *name = exact_copy(copy, 0), *wanted;
		size_t start, len = model_component(model, &start);
		int r;

		name = realloc(name, NAME_SIZE);
		assert_non_null(name);
		memset(name, '#', NAME_SIZE);
		r = name_next(&p, name);
		wanted = exact_copy(model + start, len < NAME_SIZE ? len : NAME_SIZE - 1);
		assert_string_equal(name, wanted);
		free(wanted);
		free(name);
		if (len == 0) {
			assert_int_equal(r, 0);
			break;
		}
		if (!model_name_ok(model + start, len)) {
			assert_int_equal(r, -EINVAL);
			break;
		}
		assert_int_equal(r, len);
		/* Past the component and the slashes after it: the next one begins where p is. */
		model += start + len;
		assert_ptr_equal(p, model + strspn(model, "/"));
		model = p;
	}
	free(copy);
}

static void test_paths(void **state)
{
	static const char *const paths[] = {
		"",	 "/",	   "//", "a",  "/a", "a/",	  "a/b",     "//a//b//",
		"a/./b", "a/../b", ".",	 "..", "/.", "a/tasks/b", "a/b c/d", "web/db/log",
	};
	char longer[600];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		check_path(paths[i]);
	assert_int_equal(name_parent_len("a/b"), 2);
	assert_int_equal(name_parent_len("web"), 0);
	assert_int_equal(name_parent_len("/web"), 1);
	for (size_t len = 250; len < 260; len++) {
		memset(longer, 'x', len);
		strcpy(longer + len, "/b");
		check_path(longer);
		longer[len] = '\0';
		check_path(longer);
	}
}

static void test_random_paths(void **state)
{
	struct chance c = chance_begin();
	char path[1200], part[600];

	(void)state;
	for (long i = chance_steps(50000); i > 0; i--) {
		size_t parts = 1 + chance_below(&c, 5);

		path[0] = '\0';
		while (parts-- > 0) {
			if (chance_one_in(&c, 3))
				strcat(path, "/");
			random_text(&c, part, 200, "ab/._-Z9");
			strcat(path, part);
		}
		check_path(path);
	}
}

/* Each byte alone, first and last; each length. */
static void test_hostname(void **state)
{
	char text[80];

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		bool wanted = byte >= ' ' && byte < 127;

		for (int at = 0; at < 3; at++) {
			strcpy(text, "abc");
			text[at] = (char)byte;
			assert_int_equal(name_is_hostname(text), wanted);
		}
	}
	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, 'x', len);
		text[len] = '\0';
		assert_int_equal(name_is_hostname(text), len >= 1 && len <= 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),	 cmocka_unit_test(test_random_names),
		cmocka_unit_test(test_paths),	 cmocka_unit_test(test_random_paths),
		cmocka_unit_test(test_hostname),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
