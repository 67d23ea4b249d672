/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "USER[:GROUP]" and lines of passwd(5) and group(5) against the naive model. The lines come from
 * files of the container: here they are hostile.
 */
#include "account.h"

#include <errno.h>

#include "chance.h"
#include "cmock.h"
#include "models.h"

static void check_wish(const char *text)
{
	char *copy = exact_copy(text, strlen(text));
	struct model_id user, group;
	struct account_wish wish, untouched;

	memset(&wish, 0x5a, sizeof(wish));
	untouched = wish;
	if (!model_account_parse(copy, &user, &group)) {
		assert_int_equal(account_parse(copy, &wish), -EINVAL);
		assert_memory_equal(&wish, &untouched, sizeof(wish));
		free(copy);
		return;
	}
	assert_int_equal(account_parse(copy, &wish), 0);
	assert_int_equal(wish.has_uid, user.is_number);
	assert_int_equal(wish.has_group, group.asked);
	assert_int_equal(wish.has_gid, group.is_number);
	if (user.is_number)
		assert_int_equal(wish.uid, user.number);
	else
		assert_string_equal(wish.user, user.name);
	if (group.is_number)
		assert_int_equal(wish.gid, group.number);
	else
		assert_string_equal(wish.group, group.name);
	free(copy);
}

static const char *const wishes[] = {
	"root",
	"0",
	"nobody:nogroup",
	"1000:1000",
	"daemon:1",
	"1:daemon",
	"a",
	"www-data",
	"4294967294",
	"4294967295",
	"4294967296",
	"4294967294:4294967295",
	"18446744073709551616",
	"18446744073709551617",
	"00",
	"000000000000000000000000000000000000000000000000000000000000001",
	"0x0",
	"1a",
	"-1",
	"+0",
	".",
	"-",
	"+",
	"",
	":",
	"a:",
	":a",
	"a:b:c",
	"a::",
	"0:0:0",
	"a:-1",
	" root",
	"root ",
	"root\n",
	"a,b",
	"\xff",
	"r\xc3\xb6ot",
};

static const char *const passwd_lines[] = {
	"root:x:0:0:root:/root:/bin/sh",
	"daemon:x:1:1::/:",
	"a:x:1000:1000:,,,:/home/a:/bin/sh",
	"nobody:*:65534:65534::/:",
	"x:x:4294967294:4294967294:::",
	"",
	":",
	"::",
	":::",
	"::::",
	":::::::",
	"root",
	"root:",
	"root:x",
	"root:x:",
	"root:x:0",
	"root:x:0:",
	"root:x:0:0",
	"root:x:0:0:",
	"root:x:00:0:::",
	"root:x::0:::",
	"root:x:0::::",
	"root:x:-1:0:::",
	"root:x:+0:0:::",
	"root:x: 0:0:::",
	"root:x:0 :0:::",
	"root:x:0x0:0:::",
	"root:x:4294967295:0:::",
	"root:x:4294967296:0:::",
	"root:x:18446744073709551616:0:::",
	"root:x:0:4294967295:::",
	":x:0:0:::",
	"+::0:0:::",
	"-root::0:0:::",
	"#root:x:0:0:::",
	"root\t:x:0:0:::",
	"roo:t:0:0:::",
	"root::0:0:::",
	"rootx:x:0:0:::",
	"roo:x:0:0:::",
	"1000:x:5:5:::",
	"a:1000:1000:1000:::",
	"a:x:1000:1000:\xff\xfe:/:",
};

static const char *const group_lines[] = {
	"root:x:0:",
	"daemon:x:1:a,root",
	"a:x:1000:root",
	"wheel:x:10:root,a,b",
	"",
	":",
	"::",
	":::",
	"a",
	"a:x",
	"a:x:5",
	"a:x:5:",
	"a:x:5:,",
	"a:x:5:,,",
	"a:x:5:roo,t",
	"a:x:5:rootx",
	"a:x:5:xroot",
	"a:x:5:a,,root",
	"a:x:5: root",
	"a:x:5:root ",
	"a:x:5:root\n",
	"a:x:5:b\nroot",
	"a:x:4294967295:root",
	"a:x:-1:root",
	"a:x::root",
	"a:x:0x5:root",
	"a:x:5:b:root",
	"a:x:5:root:b",
	"+:x:5:root",
	"#a:x:5:root",
	"a:root:5:b",
	"root:5:root:root",
	"a:x:18446744073709551621:root",
};

static const char favourites[] = ":,0123456789root\n-+ x";

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define PICK(c, list) (list[chance_below(c, COUNT(list))])

static void test_wishes(void **state)
{
	struct chance c = chance_begin();
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		check_wish(wishes[i]);
	for (size_t len = 250; len < 262; len++) {
		memset(text, 'u', sizeof(text));
		text[len] = '\0';
		check_wish(text);
		memset(text, '0', 3);
		check_wish(text);
		memset(text, '0', len);
		check_wish(text);
		memcpy(text, "u:", 2);
		check_wish(text);
		memset(text + 2, 'g', len - 2);
		check_wish(text);
	}
	for (long i = chance_steps(200000); i > 0; i--) {
		strcpy(text, PICK(&c, wishes));
		chance_mutate(&c, text, strlen(text), sizeof(text), favourites);
		check_wish(text);
	}
}

/* A wish that the parser took, and the same for the model. */
static void random_wish(struct chance *c, struct account_wish *wish, struct model_id *user,
			struct model_id *group)
{
	for (;;) {
		char text[256];

		strcpy(text, PICK(c, wishes));
		if (chance_one_in(c, 4))
			chance_mutate(c, text, strlen(text), sizeof(text), favourites);
		if (!model_account_parse(text, user, group))
			continue;
		assert_int_equal(account_parse(text, wish), 0);
		return;
	}
}

static long check_file(const struct model_wanted *wanted, const char *text, struct chance *c)
{
	char *copy = exact_copy(text, strlen(text));
	long found;

	assert_true(model_account_file(
		wanted, copy, chance_one_in(c, 2) ? 1 + chance_below(c, 9) : 4096, &found));
	free(copy);
	return found;
}

static long check_passwd(const char *text, const struct account_wish *wish,
			 const struct model_id *user, struct chance *c)
{
	const struct model_wanted wanted = {.user = user, .wish = wish};

	return check_file(&wanted, text, c);
}

/* Some lines of a list, some of them changed, the last perhaps without a newline. */
static void random_file(struct chance *c, const char *const *lines, size_t count, char *text,
			size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t n = 1 + chance_below(c, 4); n > 0 && len + 256 < size; n--) {
		char line[512];

		strcpy(line, lines[chance_below(c, count)]);
		if (chance_one_in(c, 2))
			chance_mutate(c, line, strlen(line), 250, favourites);
		len += (size_t)snprintf(text + len, size - len, "%s%s", line,
					n == 1 && chance_one_in(c, 2) ? "" : "\n");
	}
}

static void test_passwd(void **state)
{
	struct chance c = chance_begin();
	long matched = 0, steps = chance_steps(200000);

	(void)state;
	for (long i = 0; i < steps; i++) {
		struct model_id user, group;
		struct account_wish wish;
		char text[2048];

		random_wish(&c, &wish, &user, &group);
		random_file(&c, passwd_lines, COUNT(passwd_lines), text, sizeof(text));
		matched += check_passwd(text, &wish, &user, &c);
	}
	printf("# %ld passwd lines of %ld files matched\n", matched, steps);
	assert_true(steps < 10000 || matched > steps / 1000);
}

/* Longer than any buffer: the line counts, and no part of it does. */
static void test_long(void **state)
{
	static const char *const hidden[] = {"ann", "ann:x:0:0:::", "ann:x:0:ann", ",ann:x:0:ann"};
	struct chance c = chance_begin();
	struct account_wish wish, number;
	struct model_id user, zero, group;
	char *text = malloc(1 << 20);

	(void)state;
	assert_non_null(text);
	assert_true(model_account_parse("ann", &user, &group));
	assert_int_equal(account_parse("ann", &wish), 0);
	assert_true(model_account_parse("0", &zero, &group));
	assert_int_equal(account_parse("0", &number), 0);
	for (size_t len = 1; len < 600000; len += len < 300 ? 1 : len < 20000 ? 997 : 99991) {
		const struct model_wanted members = {.member = "ann"};
		long name_is_known;

		memset(text, 'n', len);
		strcpy(text + len, ":x:0:0:::");
		name_is_known = check_passwd(text, &number, &zero, &c);
		assert_int_equal(name_is_known, 1);
		for (size_t i = 0; i < COUNT(hidden); i++) {
			sprintf(text, "big:x:5:");
			memset(text + 8, 'n', len);
			strcpy(text + 8 + len, hidden[i]);
			check_file(&members, text, &c);
			assert_int_equal(check_passwd(text, &wish, &user, &c), 0);
		}
		memcpy(text + 8 + len, ",ann", 5);
		assert_int_equal(check_file(&members, text, &c), 1);
	}
	free(text);
}

static void test_group(void **state)
{
	static const char *const names[] = {"root", "a", "wheel", "daemon", "b", "x", "t", "roo"};
	struct chance c = chance_begin();
	long matched = 0, steps = chance_steps(200000);

	(void)state;
	for (long i = 0; i < steps; i++) {
		const struct model_wanted wanted = {
			.name = chance_one_in(&c, 3) ? NULL : PICK(&c, names),
			.member = chance_one_in(&c, 3) ? NULL : PICK(&c, names),
		};
		char text[2048];

		random_file(&c, group_lines, COUNT(group_lines), text, sizeof(text));
		matched += check_file(&wanted, text, &c);
	}
	printf("# %ld group lines of %ld files matched\n", matched, steps);
	assert_true(steps < 10000 || matched > steps / 1000);
}

/* A NUL is a byte of a name or number like others, and none that is asked for. */
static void test_nul(void **state)
{
	static const char passwd[] = "ann\0:x:1:1:::\nann:x:2\0:2:::\n\0ann:x:3:3:::\nann:x:4:4:::";
	static const char group[] = "g\0:x:1:ann\0,\0ann\ng:x:2:\0\ng:x:3\0:ann\ng:x:4:b\0,ann\n";
	const struct account_wish wish = {.user = "ann"};
	struct account_reader reader;
	bool found;

	(void)state;
	account_passwd_begin(&reader, &wish);
	account_read(&reader, passwd, sizeof(passwd) - 1, &found);
	assert_true(found);
	assert_int_equal(reader.uid, 4);
	account_group_begin(&reader, NULL, "ann");
	account_read(&reader, group, sizeof(group) - 1, &found);
	assert_true(found);
	assert_int_equal(reader.gid, 4);
	account_group_begin(&reader, "g", NULL);
	account_read(&reader, group, sizeof(group) - 1, &found);
	assert_true(found);
	assert_int_equal(reader.gid, 2);
}

/* In order, each once, and no more than there is room for. */
static void test_groups(void **state)
{
	struct account_groups groups = {.list = calloc(ACCOUNT_GROUPS, sizeof(gid_t))};
	struct chance c = chance_begin();
	unsigned char seen[1024] = {0};
	size_t wanted = 0;

	(void)state;
	assert_non_null(groups.list);
	for (int i = 0; i < 2000; i++) {
		gid_t gid = (gid_t)chance_below(&c, sizeof(seen));

		wanted += !seen[gid];
		seen[gid] = 1;
		assert_int_equal(account_groups_add(&groups, gid), 0);
		assert_int_equal(groups.count, wanted);
	}
	for (size_t i = 1; i < groups.count; i++)
		assert_true(groups.list[i - 1] < groups.list[i] && seen[groups.list[i]]);
	for (gid_t gid = 100000; groups.count < ACCOUNT_GROUPS; gid++)
		assert_int_equal(account_groups_add(&groups, gid), 0);
	assert_int_equal(account_groups_add(&groups, 99999), -E2BIG);
	assert_int_equal(account_groups_add(&groups, 100000), 0);
	free(groups.list);
}

/* Nobody becomes root by an odd number: what is not plainly 0 is not 0. */
static void test_never_zero(void **state)
{
	static const char *const numbers[] = {
		"4294967296", "4294967295", "18446744073709551616",
		"0x0",	      "-0",	    "+0",
		" 0",	      "0 ",	    "",
		"0a",	      "-1",	    "\xd9\xa0",
	};
	const struct account_wish wish = {.user = "evil"};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct account_reader reader;
		char text[128];
		bool found;

		account_passwd_begin(&reader, &wish);
		snprintf(text, sizeof(text), "evil:x:%s:5:::\nevil:x:5:%s:::\n", numbers[i],
			 numbers[i]);
		account_read(&reader, text, strlen(text), &found);
		assert_false(found);
		account_group_begin(&reader, "evil", "a");
		snprintf(text, sizeof(text), "evil:x:%s:a\n", numbers[i]);
		account_read(&reader, text, strlen(text), &found);
		assert_false(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes),	   cmocka_unit_test(test_passwd),
		cmocka_unit_test(test_long),	   cmocka_unit_test(test_group),
		cmocka_unit_test(test_nul),	   cmocka_unit_test(test_groups),
		cmocka_unit_test(test_never_zero),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
