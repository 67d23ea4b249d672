/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What files of cgroup v2 say as bounds: kinds, values, and sets against a naive model. */
#include "bound.h"

#include <errno.h>

#include "chance.h"
#include "cmock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_kinds(void **state)
{
	static const struct {
		const char *file;
		enum bound_kind kind;
	} cases[] = {
		{"memory.max", BOUND_NUMBER},
		{"memory.swap.high", BOUND_NUMBER},
		{"hugetlb.2MB.rsvd.max", BOUND_NUMBER},
		{"io.max", BOUND_NUMBER},
		{"cpu.max", BOUND_RATE},
		{"cpu.uclamp.max", BOUND_PERCENT},
		{"cpu.weight", BOUND_WEIGHT},
		{"io.weight", BOUND_WEIGHT},
		{"cpu.idle", BOUND_CLASS},
		{"io.prio.class", BOUND_CLASS},
		{"cpu.max.burst", BOUND_NONE},
		{"cpu.weight.nice", BOUND_NONE},
		{"memory.low", BOUND_NONE},
		{"memory.current", BOUND_NONE},
		{"cgroup.max.depth", BOUND_NONE},
		{"cgroup.max", BOUND_NONE},
		{"max", BOUND_NONE},
		{"", BOUND_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(bound_kind_of(cases[i].file), cases[i].kind);
}

/* Of "HEAD/NAME": the value that the text has, and whether it can be compared. */
static void test_values(void **state)
{
	static const struct {
		enum bound_kind kind;
		const char *text, *head, *name;
		uint64_t value;
		bool comparable;
	} cases[] = {
		{BOUND_NUMBER, "max\n", "", "", UINT64_MAX, true},
		{BOUND_NUMBER, "4096\n", "", "", 4096, true},
		{BOUND_NUMBER, "0", "", "", 0, true},
		{BOUND_NUMBER, "8:0 rbps=max wbps=17\n", "8:0", "wbps", 17, true},
		{BOUND_NUMBER, "8:0 rbps=1\n8:16 rbps=2\n", "8:16", "rbps", 2, true},
		{BOUND_NUMBER, "sev 10\nsev_es max\n", "sev", "", 10, true},
		{BOUND_NUMBER, "\n\n7\n", "", "", 7, true},
		{BOUND_RATE, "max 100000\n", "", "", UINT64_MAX, true},
		{BOUND_RATE, "50000 100000\n", "", "", 500000, true},
		{BOUND_RATE, "5000 10000\n", "", "", 500000, true},
		{BOUND_RATE, "300000 100000\n", "", "", 3000000, true},
		{BOUND_PERCENT, "max\n", "", "", UINT64_MAX, true},
		{BOUND_PERCENT, "12.50\n", "", "", 1250, true},
		{BOUND_PERCENT, "12.5\n", "", "", 1250, true},
		{BOUND_PERCENT, "7", "", "", 700, true},
		{BOUND_WEIGHT, "100\n", "", "", UINT64_MAX, false},
		{BOUND_WEIGHT, "10000\n", "", "", UINT64_MAX, false},
		{BOUND_WEIGHT, "99\n", "", "", 99, false},
		{BOUND_WEIGHT, "default 50\n", "default", "", 50, false},
		{BOUND_WEIGHT, "default 100\n8:0 10\n", "8:0", "", 10, false},
		{BOUND_CLASS, "0\n", "", "", UINT64_MAX, false},
		{BOUND_CLASS, "1\n", "", "", 0, false},
		{BOUND_CLASS, "no-change\n", "", "", UINT64_MAX, false},
		{BOUND_CLASS, "idle\n", "", "", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bound_reader reader = {.text = cases[i].text};
		struct bound b;
		bool found = false;

		while (bound_next(&reader, cases[i].kind, &b) > 0) {
			if (b.head_len != strlen(cases[i].head) ||
			    memcmp(b.head, cases[i].head, b.head_len) != 0 ||
			    b.name_len != strlen(cases[i].name) ||
			    memcmp(b.name, cases[i].name, b.name_len) != 0)
				continue;
			found = true;
			assert_true(b.value == cases[i].value);
			assert_int_equal(b.comparable, cases[i].comparable);
			assert_true(bound_find(cases[i].text, cases[i].kind, &b) ==
				    (b.comparable ? b.value : UINT64_MAX));
		}
		assert_true(found);
	}
}

static void test_nonsense(void **state)
{
	static const struct {
		enum bound_kind kind;
		const char *text;
	} cases[] = {
		{BOUND_NUMBER, "-1\n"},
		{BOUND_NUMBER, "1k\n"},
		{BOUND_NUMBER, "maximum\n"},
		{BOUND_NUMBER, "8:0 rbps=\n"},
		{BOUND_NUMBER, "8:0 rbps=x\n"},
		{BOUND_RATE, "5\n"},
		{BOUND_RATE, "5 0\n"},
		{BOUND_RATE, "5 max\n"},
		{BOUND_PERCENT, "1.234\n"},
		{BOUND_PERCENT, "1.x\n"},
		{BOUND_PERCENT, ".5\n"},
		{BOUND_WEIGHT, "idle\n"},
		{BOUND_NUMBER, "18446744073709551616\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bound_reader reader = {.text = cases[i].text};
		struct bound b;

		assert_int_equal(bound_next(&reader, cases[i].kind, &b), -EINVAL);
	}
}

static void write_set(uint64_t bits, struct chance *c, char text[1024])
{
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < 64; i++) {
		int last = i;

		if (!(bits >> i & 1))
			continue;
		while (last < 63 && bits >> (last + 1) & 1 && chance_below(c, 4) > 0)
			last++;
		len += (size_t)snprintf(text + len, 1024 - len, last > i ? "%s%d-%d" : "%s%d",
					len ? "," : "", i, last);
		i = last;
	}
	strcpy(text + len, "\n");
}

static void test_sets(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t a = chance_next(&c) & chance_next(&c), b = chance_next(&c);
		char inner[1024], outer[1024];

		if (chance_below(&c, 2))
			a &= b;
		write_set(a, &c, inner);
		write_set(b, &c, outer);
		assert_int_equal(bound_set_within(inner, outer), (a & ~b) == 0);
	}
	assert_false(bound_set_within("0-", "0-3"));
	assert_false(bound_set_within("0", "9000"));
	assert_false(bound_set_within("x", "0"));
	assert_true(bound_set_within("", "0"));
	assert_true(bound_set_within("4095,64-127", "0-8191\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
