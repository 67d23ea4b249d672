/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits as text: names, sizes in values, and the list against a naive model of it.
 */
#include "limittext.h"

#include <errno.h>

#include "chance.h"
#include "cmock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_names(void **state)
{
	static const char *const good[] = {"memory.max",
					   "hugetlb.2MB.rsvd.max",
					   "a.b",
					   "cpu.weight.nice",
					   "io.cost.qos",
					   "cpuset.mems",
					   "memory.zswap.writeback",
					   "cgroupx.max",
					   "memory.peaks"};
	static const char *const bad[] = {"",
					  ".",
					  "..",
					  "memory",
					  "memory.",
					  ".max",
					  "memory..max",
					  "memory.max.",
					  "memory/max.x",
					  "../memory.max",
					  "memory.max/..",
					  "memory max.x",
					  "memory.m\nx",
					  "memory.max=1",
					  "cgroup.procs",
					  "cgroup.a.b",
					  "memory.pressure",
					  "memory.swap.peak",
					  "m\xc3\xa4.max"};
	char name[LIMIT_NAME_SIZE + 1], controller[LIMIT_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_null(limit_name_error(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_non_null(limit_name_error(bad[i]));
	memset(name, 'a', sizeof(name));
	name[2] = '.';
	name[LIMIT_NAME_SIZE] = '\0';
	assert_non_null(limit_name_error(name));
	name[LIMIT_NAME_SIZE - 1] = '\0';
	assert_null(limit_name_error(name));
	limit_controller(name, controller);
	assert_string_equal(controller, "aa");
}

static void test_expand(void **state)
{
	static const struct {
		const char *value, *expanded;
	} cases[] = {
		{"512M", "536870912"},
		{"512MB", "536870912"},
		{"512MiB", "536870912"},
		{"1k", "1024"},
		{"1kiB", "1024"},
		{"2G", "2147483648"},
		{"1T", "1099511627776"},
		{"7E", "8070450532247928832"},
		{"0M", "0"},
		{"512", "512"},
		{"max", "max"},
		{"M", "M"},
		{"512Mx", "512Mx"},
		{"512BM", "512BM"},
		{"512Mi", "512Mi"},
		{"512m b", "536870912 b"},
		{"5Q", "5Q"},
		{"-1M", "-1M"},
		{"0-3,5", "0-3,5"},
		{"50000 100000", "50000 100000"},
		{"8:0 rbps=1M wiops=max", "8:0 rbps=1048576 wiops=max"},
		{"  1K  ", "  1024  "},
		{"=", "="},
	};
	char buf[64], small[4];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(limit_expand(cases[i].value, buf, sizeof(buf)), 0);
		assert_string_equal(buf, cases[i].expanded);
	}
	assert_int_equal(limit_expand("", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(limit_expand("1\n2", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(limit_expand("8E", buf, sizeof(buf)), -ERANGE);
	assert_int_equal(limit_expand("18446744073709551616", buf, sizeof(buf)), -ERANGE);
	assert_int_equal(limit_expand("99999999999999999999P", buf, sizeof(buf)), -ERANGE);
	assert_int_equal(limit_expand("8:0 rbps=99999999999999999999", buf, sizeof(buf)), -ERANGE);
	assert_int_equal(limit_expand("18446744073709551615", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "18446744073709551615");
	assert_int_equal(limit_expand("18446744073709551615K", buf, sizeof(buf)), -ERANGE);
	assert_int_equal(limit_expand("1K", small, sizeof(small)), -ENAMETOOLONG);
	assert_int_equal(limit_expand("1234", small, sizeof(small)), -ENAMETOOLONG);
	assert_int_equal(limit_expand("123", small, sizeof(small)), 0);
}

static const char *const files[] = {"memory.max", "memory.max.x", "io.max", "pids.max"};
static const char *const values[] = {"", "max\n", "1\n", "2", "8:0 rbps=1\n8:16 rbps=2\n", "a=b\n"};

/* What each file has; and the order in which they were put. */
struct model {
	const char *value[COUNT(files)];
	size_t order[COUNT(files)], count;
};

static void model_put(struct model *m, size_t file, const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		if (m->order[i] != file)
			m->order[n++] = m->order[i];
	m->count = n;
	m->value[file] = value;
	if (value[0])
		m->order[m->count++] = file;
}

static void model_format(const struct model *m, char *buf)
{
	*buf = '\0';
	for (size_t i = 0; i < m->count; i++) {
		char copy[64], *line, *rest = copy;

		strcpy(copy, m->value[m->order[i]]);
		while ((line = strsep(&rest, "\n")))
			if (line[0])
				sprintf(buf + strlen(buf), "%s=%s\n", files[m->order[i]], line);
	}
}

static void check_list(const struct model *m, const char *list)
{
	char wanted[512], got[512] = "", file[LIMIT_NAME_SIZE], value[LIMIT_LIST_SIZE];

	model_format(m, wanted);
	assert_string_equal(list, wanted);
	for (const char *s = list; limit_list_next(&s, file, value);)
		sprintf(got + strlen(got), "%s=%s\n", file, value);
	assert_string_equal(got, wanted);
	for (size_t i = 0; i < COUNT(files); i++) {
		const char *has = m->value[i] ? m->value[i] : "";
		int n = limit_list_get(list, files[i], value, sizeof(value));

		assert_int_equal(n, strlen(value));
		assert_int_equal(n, strlen(has) + (has[0] && has[strlen(has) - 1] != '\n'));
		assert_memory_equal(value, has, strlen(has));
		if (n > 0)
			assert_int_equal(limit_list_get(list, files[i], value, (size_t)n), -ERANGE);
	}
}

static void test_list(void **state)
{
	struct chance c = chance_begin();
	char list[LIMIT_LIST_SIZE] = "";
	struct model m = {0};

	(void)state;
	for (long i = chance_steps(20000); i > 0; i--) {
		size_t file = chance_below(&c, COUNT(files));
		const char *value = values[chance_below(&c, COUNT(values))];

		assert_int_equal(limit_list_put(list, files[file], value), 0);
		model_put(&m, file, value);
		check_list(&m, list);
	}
}

static void test_full(void **state)
{
	char list[LIMIT_LIST_SIZE] = "", before[LIMIT_LIST_SIZE], name[16];
	int i = 0;

	(void)state;
	do {
		strcpy(before, list);
		snprintf(name, sizeof(name), "a.%d", i++);
	} while (limit_list_put(list, name, "0123456789") == 0);
	assert_string_equal(list, before);
	assert_in_range(strlen(list), LIMIT_LIST_SIZE - 24, LIMIT_LIST_SIZE - 1);
	assert_int_equal(limit_list_put(list, "a.0", ""), 0);
	assert_int_equal(limit_list_put(list, name, "0"), 0);
}

/* What somebody else has written there ends the list, and is not taken for one. */
static void test_no_list(void **state)
{
	static const char *const bad[] = {"",
					  "x",
					  "\n",
					  "=1\n",
					  "memory=1\n",
					  "../x.y=1\n",
					  "cgroup.procs=1\n",
					  "x\nmemory.max=1\n"};
	char file[LIMIT_NAME_SIZE], value[LIMIT_LIST_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *s = bad[i];

		assert_false(limit_list_next(&s, file, value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	cmocka_unit_test(test_expand),
		cmocka_unit_test(test_list),	cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
