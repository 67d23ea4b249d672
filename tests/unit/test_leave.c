/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a task leaves behind by a move: in directories with files as cgroup v2 has them. A table of trees, then
 * trees at random against a naive model.
 */
#include "leave.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chance.h"
#include "cleanup.h"
#include "cmock.h"

static char dir[] = "/tmp/test_leave.XXXXXX";

static void run(const char *command, const char *a, const char *b)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s %s%s", command, a, b);
	assert_int_equal(system(line), 0);
}

static int tree_new(void)
{
	strcpy(dir, "/tmp/test_leave.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void tree_end(int *top)
{
	run("rm -rf", dir, "");
	close_fd(top);
}

/* "PATH/FILE=TEXT", directories are made. */
static void put(const char *assignment)
{
	char path[512], *value, *slash;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, assignment);
	value = strchr(path, '=');
	*value++ = '\0';
	slash = strrchr(path, '/');
	*slash = '\0';
	run("mkdir -p", path, "");
	*slash = '/';
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", value);
	fclose(f);
}

static void test_common(void **state)
{
	(void)state;
	assert_int_equal(leave_common("/", "/"), 0);
	assert_int_equal(leave_common("/", "/a"), 0);
	assert_int_equal(leave_common("/a", "/"), 0);
	assert_int_equal(leave_common("/a", "/a"), 2);
	assert_int_equal(leave_common("/a", "/ab"), 0);
	assert_int_equal(leave_common("/ab", "/a"), 0);
	assert_int_equal(leave_common("/a/b", "/a/c"), 2);
	assert_int_equal(leave_common("/a/b", "/a/b/c"), 4);
	assert_int_equal(leave_common("/a/bc/d", "/a/b/d"), 2);
}

/* From /u/s to /c/w: what is above both, on the one way, on the other; and what is left, "" for nothing. */
static void test_table(void **state)
{
	static const struct {
		const char *files[5];
		const char *left;
	} cases[] = {
		{{NULL}, ""},
		{{"u/s/memory.max=max", "u/pids.max=max"}, ""},
		{{"memory.max=5"}, ""},
		{{"u/memory.max=1000"}, "memory.max"},
		{{"u/s/memory.max=1000"}, "memory.max"},
		{{"u/memory.max=1000", "c/w/memory.max=1000"}, ""},
		{{"u/memory.max=1000", "c/memory.max=900", "c/w/memory.max=max"}, ""},
		{{"u/memory.max=1000", "c/w/memory.max=1001"}, "memory.max"},
		{{"u/memory.max=1000", "c/w/memory.high=10"}, "memory.max"},
		{{"u/memory.high=1000", "c/w/memory.max=10"}, "memory.high"},
		{{"u/memory.max=9", "u/s/memory.max=5", "c/w/memory.max=5"}, ""},
		{{"u/memory.max=5", "u/s/memory.max=9", "c/w/memory.max=6"}, "memory.max"},
		{{"u/memory.max=9", "c/w/memory.max=9", "u/pids.max=7"}, "pids.max"},
		{{"u/cpu.max=50000 100000", "c/w/cpu.max=5000 10000"}, ""},
		{{"u/cpu.max=50000 100000", "c/w/cpu.max=60000 100000"}, "cpu.max"},
		{{"u/cpu.max=max 100000"}, ""},
		{{"u/cpu.weight=100", "u/io.weight=default 100"}, ""},
		{{"u/cpu.weight=50", "c/w/cpu.weight=1"}, "cpu.weight"},
		{{"u/io.weight=default 10", "c/w/io.weight=default 1"}, "io.weight"},
		{{"u/cpu.idle=1", "c/w/cpu.idle=1"}, "cpu.idle"},
		{{"u/cpu.idle=0"}, ""},
		{{"u/io.max=8:0 rbps=9 wbps=max"}, "io.max"},
		{{"u/io.max=8:0 rbps=9 wbps=max", "c/io.max=8:0 rbps=9 wbps=max"}, ""},
		{{"u/io.max=8:0 rbps=9 wbps=max", "c/io.max=8:1 rbps=9 wbps=max"}, "io.max"},
		{{"u/io.max=8:0 rbps=9 wbps=max", "c/io.max=8:0 rbps=max wbps=9"}, "io.max"},
		{{"u/new.max=what is this?"}, "new.max"},
		{{"u/s/cgroup.type=threaded"}, "cgroup.type"},
		{{"u/s/cgroup.type=domain"}, ""},
		{{"u/s/cgroup.max.depth=1", "u/memory.low=5", "u/memory.current=5"}, ""},
		{{"cpuset.cpus.effective=0-3", "u/cpuset.cpus.effective=0-3"}, ""},
		{{"cpuset.cpus.effective=0-3", "u/cpuset.cpus.effective=0-1"}, "cpuset.cpus"},
		{{"cpuset.cpus.effective=0-3", "u/cpuset.cpus.effective=0-1", "c/cpuset.cpus=1",
		  "c/cpuset.cpus.effective=1"},
		 ""},
		{{"cpuset.cpus.effective=0-3", "u/cpuset.cpus.effective=0-1", "c/cpuset.cpus=1-2",
		  "c/cpuset.cpus.effective=1-2"},
		 "cpuset.cpus"},
		{{"cpuset.mems.effective=0-1", "u/cpuset.mems.effective=0"}, "cpuset.mems"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char what[LIMIT_NAME_SIZE] = "";
		int top = tree_new(), r;

		run("mkdir -p", dir, "/u/s");
		run("mkdir -p", dir, "/c/w");
		for (size_t j = 0; j < 5 && cases[i].files[j]; j++)
			put(cases[i].files[j]);
		r = leave_limits(top, "/u/s", "/c/w", what);
		if (r != (cases[i].left[0] != '\0') || strcmp(what, cases[i].left) != 0)
			fail_msg("case %zu: %d, %s", i, r, what);
		assert_int_equal(leave_limits(top, "/", "/c/w", what), 0);
		assert_int_equal(leave_limits(top, "/c", "/c/w", what), 0);
		tree_end(&top);
	}
}

static void test_not_there(void **state)
{
	char what[LIMIT_NAME_SIZE] = "";
	int top = tree_new();

	(void)state;
	put("c/w/memory.max=5");
	assert_int_equal(leave_limits(top, "/u", "/c/w", what), -ENOENT);
	/* Where it goes to is made before. If it is not there, nothing limits there. */
	put("u/memory.max=5");
	assert_int_equal(leave_limits(top, "/u", "/gone", what), 1);
	tree_end(&top);
}

/* Limits that somebody else may change count for nothing where the task goes, and much where it is. */
static void test_changeable(void **state)
{
	char what[LIMIT_NAME_SIZE] = "";
	int top = tree_new();

	(void)state;
	put("u/memory.max=5");
	put("c/memory.max=5");
	assert_int_equal(leave_limits(top, "/u", "/c", what), 0);
	run("chmod g+w", dir, "/c/memory.max");
	assert_int_equal(leave_limits(top, "/u", "/c", what), 1);
	run("chmod 644", dir, "/c/memory.max");
	if (getuid() == 0) {
		run("chown 1000", dir, "/u/memory.max");
		assert_int_equal(leave_limits(top, "/u", "/c", what), 0);
		run("chown 1000", dir, "/c/memory.max");
		assert_int_equal(leave_limits(top, "/u", "/c", what), 1);
	}
	tree_end(&top);
}

#define LEVELS 3

/* Of two ways below the top with three levels each, with memory.max: the smallest decides. */
static void test_random(void **state)
{
	static const char *const ways[2][LEVELS] = {{"u", "u/s", "u/s/t"}, {"c", "c/w", "c/w/n"}};
	struct chance c = chance_begin();

	(void)state;
	for (int step = 0; step < 300; step++) {
		uint64_t least[2] = {UINT64_MAX, UINT64_MAX};
		char what[LIMIT_NAME_SIZE], text[64];
		int top = tree_new();

		run("mkdir -p", dir, "/u/s/t");
		run("mkdir -p", dir, "/c/w/n");
		for (int way = 0; way < 2; way++)
			for (int level = 0; level < LEVELS; level++) {
				uint64_t value = chance_below(&c, 6);

				if (chance_below(&c, 2))
					continue;
				snprintf(text, sizeof(text), "%s/memory.max=%d", ways[way][level],
					 (int)value);
				put(text);
				least[way] = value < least[way] ? value : least[way];
			}
		assert_int_equal(leave_limits(top, "/u/s/t", "/c/w/n", what), least[0] < least[1]);
		tree_end(&top);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common),	  cmocka_unit_test(test_table),
		cmocka_unit_test(test_not_there), cmocka_unit_test(test_changeable),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
