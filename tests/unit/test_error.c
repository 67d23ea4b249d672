/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of the last error: who wins, what is cut short, and that threads have one each. */
#include "error.h"

#include <errno.h>
#include <pthread.h>

#include "chance.h"
#include "cmock.h"

static void check(int code, const char *step, const char *object)
{
	assert_int_equal(error_last()->code, code);
	assert_string_equal(error_last()->step, step);
	assert_string_equal(error_last()->object, object);
}

static void test_who_wins(void **state)
{
	struct container_error kept;

	(void)state;
	error_clear();
	check(0, "", "");
	assert_int_equal(error_set(-ENOENT, "find", "/web"), -ENOENT);
	check(ENOENT, "find", "/web");
	/* What a deeper step said stays, under the code that is returned in the end. */
	assert_int_equal(error_default(-EPERM, "create", "x"), -EPERM);
	check(EPERM, "find", "/web");
	error_object("other");
	check(EPERM, "find", "/web");
	assert_int_equal(error_set(-EIO, "write", NULL), -EIO);
	check(EIO, "write", "");
	error_object("/web/db");
	check(EIO, "write", "/web/db");
	kept = *error_last();
	error_clear();
	check(0, "", "");
	assert_int_equal(error_default(-EEXIST, "create", "b"), -EEXIST);
	check(EEXIST, "create", "b");
	error_copy(&kept);
	check(EIO, "write", "/web/db");
	error_copy(error_last());
	check(EIO, "write", "/web/db");
}

static void fill(char *buf, size_t len)
{
	memset(buf, 'o', len);
	buf[len] = '\0';
}

static void test_cut_short(void **state)
{
	struct chance c = chance_begin();
	const size_t step_max = sizeof(error_last()->step) - 1;
	const size_t object_max = sizeof(error_last()->object) - 1;

	(void)state;
	for (long i = chance_steps(5000); i > 0; i--) {
		size_t step_len = chance_below(&c, 100), object_len = chance_below(&c, 500);
		char step[100], object[500];

		fill(step, step_len);
		fill(object, object_len);
		error_clear();
		error_set(-EIO, step, chance_one_in(&c, 2) ? object : NULL);
		error_object(object);
		assert_int_equal(strlen(error_last()->step),
				 step_len < step_max ? step_len : step_max);
		assert_int_equal(strlen(error_last()->object),
				 object_len < object_max ? object_len : object_max);
	}
}

static void *other_thread(void *arg)
{
	const char *name = arg;

	for (int i = 1; i < 2000; i++) {
		error_set(-i, name, name);
		if (error_last()->code != i || strcmp(error_last()->step, name) != 0 ||
		    strcmp(error_last()->object, name) != 0)
			return NULL;
	}
	return arg;
}

static void test_threads(void **state)
{
	static char names[4][8] = {"one", "two", "three", "four"};
	pthread_t threads[4];

	(void)state;
	error_set(-EPERM, "main", "thread");
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, other_thread, names[i]), 0);
	for (int i = 0; i < 4; i++) {
		void *result = NULL;

		pthread_join(threads[i], &result);
		assert_ptr_equal(result, names[i]);
	}
	check(EPERM, "main", "thread");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_wins),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_threads),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
