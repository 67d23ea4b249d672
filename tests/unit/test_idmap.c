/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Id maps: what is taken for one, against a naive model that looks at every id; and that a map is
 * formatted as the text that is parsed as the same map.
 */
#include "idmap.h"

#include <errno.h>
#include <stdio.h>

#include "chance.h"
#include "cmock.h"
#include "models.h"

/* Taken by both or by none; if taken, then as the same map, which is written and parsed again. */
static bool check_text(const char *text)
{
	char *copy = exact_copy(text, strlen(text)), back[ID_MAP_TEXT_SIZE];
	static struct id_map map, again, untouched;
	static struct model_map model;
	const char *why;
	bool wanted = model_map_parse(text, &model);
	int len;

	memset(&map, 0x5a, sizeof(map));
	untouched = map;
	why = id_map_parse(copy, &map);
	if (wanted != !why)
		fail_msg("\"%s\": %s, and the model %s it", text, why ? why : "taken",
			 wanted ? "takes" : "refuses");
	if (why) {
		assert_memory_equal(&map, &untouched, sizeof(map));
	} else {
		assert_int_equal(map.count, model.count);
		for (size_t i = 0; i < map.count; i++) {
			assert_int_equal(map.range[i].inside, model.line[i][0]);
			assert_int_equal(map.range[i].outside, model.line[i][1]);
			assert_int_equal(map.range[i].count, model.line[i][2]);
		}
		len = id_map_format(&map, '\n', back);
		assert_true(len > 0 && (size_t)len == strlen(back) && len < ID_MAP_TEXT_SIZE - 1);
		assert_null(id_map_parse(back, &again));
		assert_int_equal(again.count, map.count);
		assert_memory_equal(again.range, map.range, map.count * sizeof(map.range[0]));
		/* One newline more fits, and changes nothing. */
		strcat(back, "\n");
		assert_null(id_map_parse(back, &again));
		assert_int_equal(again.count, map.count);
	}
	free(copy);
	return !why;
}

static void test_taken(void **state)
{
	static const char *const good[] = {
		"0 0 4294967295",
		ID_MAP_IDENTITY,
		"0 100000 65536",
		"         0     100000      65536\n",
		"0\t1\t2\n",
		"1 0 4294967294",
		"4294967294 4294967294 1",
		"0 1000 1\n1 100000 65535\n",
		"1 100000 65535\n0 1000 1",
		"0 10 10\n10 0 10",
		"0 0 1 \n1 1 1 ",
		"007 08 09",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!check_text(good[i]))
			fail_msg("refused: \"%s\"", good[i]);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "at least one line"},
		{"\n", "INSIDE OUTSIDE COUNT"},
		{"0", "INSIDE OUTSIDE COUNT"},
		{"0 0", "INSIDE OUTSIDE COUNT"},
		{"0 0 ", "INSIDE OUTSIDE COUNT"},
		{"0 0 1 1", "INSIDE OUTSIDE COUNT"},
		{"0 0 1\n\n", "INSIDE OUTSIDE COUNT"},
		{"\n0 0 1", "INSIDE OUTSIDE COUNT"},
		{"0 0 1\r\n", "INSIDE OUTSIDE COUNT"},
		{"0 0 1,1 1 1", "INSIDE OUTSIDE COUNT"},
		{"0 0 -1", "INSIDE OUTSIDE COUNT"},
		{"+0 0 1", "INSIDE OUTSIDE COUNT"},
		{"0x0 0 1", "INSIDE OUTSIDE COUNT"},
		{"a 0 1", "INSIDE OUTSIDE COUNT"},
		{"0 0 1a", "INSIDE OUTSIDE COUNT"},
		{"0 0 1.", "INSIDE OUTSIDE COUNT"},
		{"4294967295 0 1", "INSIDE OUTSIDE COUNT"},
		{"0 4294967295 1", "INSIDE OUTSIDE COUNT"},
		{"0 0 4294967296", "INSIDE OUTSIDE COUNT"},
		{"0 0 18446744073709551617", "INSIDE OUTSIDE COUNT"},
		{"0 0 0", "at least one id"},
		{"1 0 4294967295", "beyond the last"},
		{"0 1 4294967295", "beyond the last"},
		{"4294967294 0 2", "beyond the last"},
		{"0 0 2\n1 10 1", "overlap inside"},
		{"0 10 2\n0 20 2", "overlap inside"},
		{"0 10 2\n5 11 1", "overlap outside"},
		{"5 0 1\n0 0 4294967295", "overlap inside"},
	};
	struct id_map map;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = id_map_parse(bad[i].text, &map);

		if (!why || !strstr(why, bad[i].why))
			fail_msg("\"%s\": %s, wanted: %s", bad[i].text, why ? why : "taken",
				 bad[i].why);
		check_text(bad[i].text);
	}
}

/* n lines of one id each, all of width digits. */
static char *many_lines(size_t n, unsigned int first)
{
	char *text = malloc(n * 40 + 1), *s = text;

	assert_non_null(text);
	*s = '\0';
	for (size_t i = 0; i < n; i++)
		s += sprintf(s, "%zu %zu 1\n", first + i, first + i);
	return text;
}

static void test_limits(void **state)
{
	struct id_map map;
	char *text;

	(void)state;
	text = many_lines(ID_MAP_RANGES, 1);
	assert_true(check_text(text));
	free(text);
	text = many_lines(ID_MAP_RANGES + 1, 1);
	assert_string_equal(id_map_parse(text, &map), "an id map has at most 340 lines");
	free(text);
	/* 24 bytes a line: 170 are 4080 of 4095. */
	text = many_lines(170, 1000000000);
	assert_int_equal(strlen(text), 170 * 24);
	assert_true(check_text(text));
	free(text);
	text = many_lines(171, 1000000000);
	assert_string_equal(id_map_parse(text, &map), "an id map has less than 4096 bytes");
	assert_false(check_text(text));
	free(text);
}

static uint32_t random_id(struct chance *c)
{
	static const uint32_t odd[] = {0,     1,	  2,	      65535,	  65536,
				       99999, 4294967293, 4294967294, 4294967295, 2147483648};

	if (chance_one_in(c, 4))
		return odd[chance_below(c, sizeof(odd) / sizeof(odd[0]))];
	if (chance_one_in(c, 4))
		return (uint32_t)chance_next(c);
	return (uint32_t)chance_below(c, 40);
}

/* A few lines with small numbers: about as many overlap as do not. */
static void random_map(struct chance *c, char *text, size_t size)
{
	size_t len = 0;

	for (size_t n = 1 + chance_below(c, 4); n > 0 && len < size - 64; n--)
		len += (size_t)snprintf(text + len, size - len, "%u %u %u%s", random_id(c),
					random_id(c), 1 + (uint32_t)chance_below(c, 12),
					n > 1 || chance_one_in(c, 2) ? "\n" : "");
}

static void test_random(void **state)
{
	struct chance c = chance_begin();
	long taken = 0, steps = chance_steps(200000);
	char text[512];

	(void)state;
	for (long i = 0; i < steps; i++) {
		random_map(&c, text, 256);
		if (chance_one_in(&c, 3))
			chance_mutate(&c, text, strlen(text), sizeof(text), "0123456789 \n\t-+x");
		taken += check_text(text);
	}
	printf("# %ld of %ld were maps\n", taken, steps);
	assert_true(steps < 1000 || (taken > steps / 20 && taken < steps));
}

static void test_remove_last(void **state)
{
	static const struct {
		const char *map, *without;
	} cases[] = {
		{"0 0 4294967295", "0 0 4294967294"},
		{"0 0 4294967294", "0 0 4294967294"},
		{"4294967294 0 1", "4294967294 0 1"},
		{"0 4294967294 1", ""},
		{"0 4294967293 2\n5 5 1", "0 4294967293 1\n5 5 1"},
		{"0 4294967294 1\n5 5 1\n6 7 1", "6 7 1\n5 5 1"},
	};
	char text[ID_MAP_TEXT_SIZE];
	struct id_map map;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(id_map_parse(cases[i].map, &map));
		id_map_remove_last(&map);
		assert_true(id_map_format(&map, '\n', text) >= 0);
		assert_string_equal(text, cases[i].without);
		assert_false(id_map_has_outside(&map, ID_MAP_LAST));
	}
}

static void test_has_outside(void **state)
{
	struct chance c = chance_begin();
	char text[512];

	(void)state;
	for (long i = chance_steps(20000); i > 0; i--) {
		uint32_t id = random_id(&c);
		struct id_map map;
		bool has = false;

		random_map(&c, text, 256);
		if (id_map_parse(text, &map))
			continue;
		for (size_t r = 0; r < map.count; r++)
			for (uint64_t k = 0; k < map.range[r].count; k++)
				has |= map.range[r].outside + k == id;
		assert_int_equal(id_map_has_outside(&map, id), has);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),	    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),	    cmocka_unit_test(test_random),
		cmocka_unit_test(test_remove_last), cmocka_unit_test(test_has_outside),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
