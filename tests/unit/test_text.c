/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers in text against the C library's: what strtoull(3) makes of the same digits is the truth,
 * and what it would let pass besides (signs, spaces, "0x") must be refused.
 */
#include "text.h"

#include <ctype.h>
#include <errno.h>

#include "chance.h"
#include "cmock.h"

static int model_parse(const char *s, uint64_t max, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(s, &end, 10);
	if (errno == ERANGE || value > max)
		return -ERANGE;
	*ret_value = value;
	return (int)(end - s);
}

static void check_parse(const char *text, uint64_t max)
{
	char *s = exact_copy(text, strlen(text));
	uint64_t value = 77, wanted = 77, whole = 77;
	int r = model_parse(s, max, &wanted);

	assert_int_equal(text_parse_u64(s, max, &value), r);
	assert_true(value == wanted);
	if (r >= 0 && s[r] != '\0')
		r = -EINVAL;
	assert_int_equal(text_parse_whole_u64(s, max, &whole), r < 0 ? r : 0);
	assert_true(whole == (r < 0 ? 77 : wanted));
	free(s);
}

static const uint64_t edges[] = {
	0,
	1,
	9,
	10,
	11,
	63,
	99,
	100,
	INT32_MAX,
	UINT32_MAX - 1,
	UINT32_MAX,
	4294967296u,
	INT64_MAX,
	9999999999999999999u,
	10000000000000000000u,
	UINT64_MAX - 1,
	UINT64_MAX,
};

static void test_parse_edges(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"-0",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1\n",
		"0x10",
		"0",
		"00",
		"000000000000000000000000001",
		"18446744073709551615",
		"18446744073709551616",
		"18446744073709551620",
		"18446744073709551625",
		"184467440737095516150",
		"99999999999999999999",
		"99999999999999999999999999999999999999",
		"1a",
		"a1",
		"1.5",
		"1e3",
		"\xd9\xa1",
		"1\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t m = 0; m < sizeof(edges) / sizeof(edges[0]); m++)
			check_parse(texts[i], edges[m]);
	/* Each edge, and its neighbours, with each edge as the limit. */
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (size_t m = 0; m < sizeof(edges) / sizeof(edges[0]); m++)
			for (int d = -1; d <= 1; d++) {
				char text[32];

				snprintf(text, sizeof(text), "%llu",
					 (unsigned long long)(edges[i] + (uint64_t)d));
				check_parse(text, edges[m]);
			}
}

static uint64_t random_number(struct chance *c)
{
	uint64_t n = chance_next(c) >> chance_below(c, 64);

	if (chance_one_in(c, 4))
		n = edges[chance_below(c, sizeof(edges) / sizeof(edges[0]))] + chance_below(c, 3) -
		    1;
	return n;
}

static void test_parse_random(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(200000); i > 0; i--) {
		uint64_t max = random_number(&c);
		char text[64];
		size_t len;

		len = (size_t)snprintf(text, sizeof(text), "%llu",
				       (unsigned long long)(chance_one_in(&c, 3)
								    ? max + chance_below(&c, 3) - 1
								    : random_number(&c)));
		if (chance_one_in(&c, 3))
			chance_mutate(&c, text, len, sizeof(text), "0123456789+- x");
		check_parse(text, max);
	}
}

static void test_format_u64(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(100000); i > 0; i--) {
		uint64_t n = random_number(&c), back;
		char *buf = exact_copy("....................", 20), wanted[32];
		int len = snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)n);

		assert_int_equal(text_format_u64(n, buf), len);
		assert_string_equal(buf, wanted);
		assert_int_equal(text_parse_whole_u64(buf, UINT64_MAX, &back), 0);
		assert_true(back == n);
		free(buf);
	}
}

static int model_parse_id(const char *s, uint64_t *ret_id)
{
	char digits[ID_TEXT_SIZE] = "";

	for (int i = 0; i < 16; i++) {
		if (s[i] == '\0' || !strchr("0123456789abcdef", s[i]))
			return -EINVAL;
		digits[i] = s[i];
	}
	*ret_id = strtoull(digits, NULL, 16);
	return 16;
}

static void test_id(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(100000); i > 0; i--) {
		uint64_t id = random_number(&c), value = 77, wanted = 77;
		char *buf = exact_copy("................", 16), text[64], *copy;
		size_t len;

		text_format_id(id, buf);
		len = (size_t)snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
		assert_string_equal(buf, text);
		assert_int_equal(text_parse_id(buf, &value), 16);
		assert_true(value == id);
		free(buf);

		value = 77;
		len = chance_mutate(&c, text, len, sizeof(text), "0129abcdefABCDEFgx/ ");
		copy = exact_copy(text, len);
		assert_int_equal(text_parse_id(copy, &value), model_parse_id(copy, &wanted));
		assert_true(value == wanted);
		free(copy);
	}
}

static void test_append(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(20000); i > 0; i--) {
		size_t size = 1 + chance_below(&c, 40), len = 0;
		char *buf = exact_copy("########################################", size - 1);
		char model[128] = "";

		buf[0] = '\0';
		for (int k = 0; k < 8; k++) {
			static const char words[] = "abcdefghijklmnopqrstuvwxyz";
			const char *word = words + 14 + chance_below(&c, 13);
			int wanted = strlen(model) + strlen(word) < size ? 0 : -ENAMETOOLONG;

			assert_int_equal(text_append(buf, size, &len, word), wanted);
			if (wanted == 0)
				strcat(model, word);
			assert_string_equal(buf, model);
			assert_int_equal(len, strlen(model));
		}
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_edges), cmocka_unit_test(test_parse_random),
		cmocka_unit_test(test_format_u64),  cmocka_unit_test(test_id),
		cmocka_unit_test(test_append),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
