/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "USER[:GROUP]" and lines of passwd(5) and group(5) against the naive model. The lines come from
 * files of the container: here they are hostile.
 */
#include "account.h"

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

#define PICK(c, list) (list[chance_below(c, sizeof(list) / sizeof(list[0]))])

static void test_wishes(void **state)
{
	struct chance c = chance_begin();
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		check_wish(wishes[i]);
	for (size_t len = 60; len < 70; len++) {
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

static bool check_passwd(const char *line, const struct account_wish *wish,
			 const struct model_id *user)
{
	char *copy = exact_copy(line, strlen(line)), name[ACCOUNT_NAME_SIZE] = "untouched";
	uint64_t wanted_uid, wanted_gid;
	bool wanted = model_passwd_line(copy, user, &wanted_uid, &wanted_gid);
	uid_t uid = 77;
	gid_t gid = 77;

	assert_int_equal(account_passwd_line(copy, wish, &uid, &gid, name), wanted);
	if (wanted) {
		assert_int_equal(uid, wanted_uid);
		assert_int_equal(gid, wanted_gid);
		assert_int_equal(strlen(name), strcspn(copy, ":"));
		assert_memory_equal(name, copy, strlen(name));
	} else {
		assert_int_equal(uid, 77);
		assert_int_equal(gid, 77);
		assert_string_equal(name, "untouched");
	}
	free(copy);
	return wanted;
}

static void test_passwd(void **state)
{
	struct chance c = chance_begin();
	long matched = 0, steps = chance_steps(200000);

	(void)state;
	for (long i = 0; i < steps; i++) {
		struct model_id user, group;
		struct account_wish wish;
		char line[1024];

		random_wish(&c, &wish, &user, &group);
		strcpy(line, PICK(&c, passwd_lines));
		if (chance_one_in(&c, 2))
			chance_mutate(&c, line, strlen(line), sizeof(line), favourites);
		matched += check_passwd(line, &wish, &user);
	}
	printf("# %ld of %ld passwd lines matched\n", matched, steps);
	assert_true(steps < 10000 || matched > steps / 1000);
}

static void test_passwd_long(void **state)
{
	struct account_wish wish;
	struct model_id user, group;
	char line[8192];

	(void)state;
	assert_true(model_account_parse("0", &user, &group));
	assert_int_equal(account_parse("0", &wish), 0);
	for (size_t len = 1; len < 4096; len += len < 80 ? 1 : 997) {
		memset(line, 'n', len);
		strcpy(line + len, ":x:0:0:::");
		assert_int_equal(check_passwd(line, &wish, &user), len < ACCOUNT_NAME_SIZE);
	}
}

static void test_group(void **state)
{
	static const char *const names[] = {"root", "a", "wheel", "daemon", "b", "x", "t", "roo"};
	struct chance c = chance_begin();
	long matched = 0, steps = chance_steps(200000);

	(void)state;
	for (long i = 0; i < steps; i++) {
		const char *name = chance_one_in(&c, 3) ? NULL : PICK(&c, names);
		const char *member = chance_one_in(&c, 3) ? NULL : PICK(&c, names);
		uint64_t wanted_gid;
		gid_t gid = 77;
		char line[1024], *copy;
		bool wanted;

		strcpy(line, PICK(&c, group_lines));
		if (chance_one_in(&c, 2))
			chance_mutate(&c, line, strlen(line), sizeof(line), favourites);
		copy = exact_copy(line, strlen(line));
		wanted = model_group_line(copy, name, member, &wanted_gid);
		assert_int_equal(account_group_line(copy, name, member, &gid), wanted);
		assert_int_equal(gid, wanted ? wanted_gid : 77);
		matched += wanted;
		free(copy);
	}
	printf("# %ld of %ld group lines matched\n", matched, steps);
	assert_true(steps < 10000 || matched > steps / 1000);
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
	struct account_wish wish = {.user = "evil"};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char line[128], name[ACCOUNT_NAME_SIZE];
		uid_t uid;
		gid_t gid;

		snprintf(line, sizeof(line), "evil:x:%s:5:::", numbers[i]);
		assert_false(account_passwd_line(line, &wish, &uid, &gid, name));
		snprintf(line, sizeof(line), "evil:x:5:%s:::", numbers[i]);
		assert_false(account_passwd_line(line, &wish, &uid, &gid, name));
		snprintf(line, sizeof(line), "evil:x:%s:a", numbers[i]);
		assert_false(account_group_line(line, "evil", "a", &gid));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes),	    cmocka_unit_test(test_passwd),
		cmocka_unit_test(test_passwd_long), cmocka_unit_test(test_group),
		cmocka_unit_test(test_never_zero),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
