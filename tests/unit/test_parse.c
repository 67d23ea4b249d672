/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written to the files of a container, against the naive model. */
#include "parse.h"

#include <errno.h>

#include "chance.h"
#include "cmock.h"
#include "model_values.h"

#define LINE_SIZE 65

/* How many of the four meanings the text has. */
static int check_text(const char *text)
{
	static char model[MODEL_VALUE_SIZE];
	char *copy = exact_copy(text, strlen(text)), line[LINE_SIZE];
	bool on, model_on;
	long number;
	pid_t pid;
	int sig, taken[4];

	taken[0] = parse_pid(copy, &pid) == 0;
	assert_int_equal(taken[0], model_pid(text, &number));
	if (taken[0])
		assert_int_equal(pid, number);
	taken[1] = parse_signal(copy, &sig) == 0;
	assert_int_equal(taken[1], model_signal(text, &number));
	if (taken[1])
		assert_int_equal(sig, number);
	taken[2] = parse_switch(copy, &on) == 0;
	assert_int_equal(taken[2], model_switch(text, &model_on));
	if (taken[2])
		assert_int_equal(on, model_on);
	taken[3] = parse_line(copy, line, sizeof(line)) == 0;
	assert_int_equal(taken[3], model_line(text, sizeof(line), model));
	if (taken[3])
		assert_string_equal(line, model);
	free(copy);
	return taken[0] + taken[1] + taken[2] + taken[3];
}

static void test_values(void **state)
{
	static const char *const good[] = {
		"0",	"1\n",	     "1",    "0\n", "007", "4194304", "15\n",
		"TERM", "SIGTERM\n", "KILL", "64",  "web", "a.b\n",
	};
	static const char *const bad[] = {
		"",   "\n",   "1 ",   " 1",	 "1\n\n",  "1\n2", "a b",
		"\t", "\x7f", "\x01", "web\n\n", "1\n2\n", " ",	   "a\r",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_in_range(check_text(good[i]), 1, 4);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(check_text(bad[i]), 0);
}

static void test_limits(void **state)
{
	char text[100];
	pid_t pid;
	int sig;

	(void)state;
	assert_int_equal(parse_pid("4194305", &pid), -EINVAL);
	assert_int_equal(parse_pid("-1", &pid), -EINVAL);
	assert_int_equal(parse_pid("+1", &pid), -EINVAL);
	assert_int_equal(parse_pid("18446744073709551617", &pid), -EINVAL);
	assert_int_equal(parse_signal("0", &sig), -EINVAL);
	assert_int_equal(parse_signal("65", &sig), -EINVAL);
	assert_int_equal(parse_signal("SIG", &sig), -EINVAL);
	assert_int_equal(parse_signal("SIGSIGTERM", &sig), -EINVAL);
	assert_int_equal(parse_signal("term", &sig), -EINVAL);
	for (size_t len = LINE_SIZE - 3; len < LINE_SIZE + 3; len++) {
		char line[LINE_SIZE];

		memset(text, 'x', len);
		strcpy(text + len, "\n");
		assert_int_equal(parse_line(text, line, sizeof(line)),
				 len < LINE_SIZE ? 0 : -EINVAL);
		check_text(text);
	}
}

static void test_random(void **state)
{
	static const char *const parts[] = {
		"1",
		"0",
		"SIG",
		"TERM",
		"KILL",
		"USR1",
		"\n",
		" ",
		"419",
		"4304",
		"6",
		"a.b",
		"\t",
		"RTMIN",
		"9999999999",
		"-",
		"00000000000000000000000",
	};
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(200000); i > 0; i--) {
		char text[512] = "";

		for (size_t n = chance_below(&c, 5); n > 0; n--)
			strcat(text, parts[chance_below(&c, sizeof(parts) / sizeof(parts[0]))]);
		if (chance_one_in(&c, 8))
			chance_mutate(&c, text, strlen(text), sizeof(text), "01S\n .");
		check_text(text);
	}
}

static void test_components(void **state)
{
	const char *path = "//a/../bb/.//ccc/";
	static const char *const names[] = {"a", "..", "bb", ".", "ccc"};
	char name[4];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(parse_component(&path, name, sizeof(name)), strlen(names[i]));
		assert_string_equal(name, names[i]);
	}
	assert_int_equal(parse_component(&path, name, sizeof(name)), 0);
	path = "a/long";
	assert_int_equal(parse_component(&path, name, sizeof(name)), 1);
	assert_int_equal(parse_component(&path, name, sizeof(name)), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_components),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
