/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a container: what is formatted is parsed again as the same, and a text that is taken
 * for a record is formatted again as the same text. So no two texts mean the same container.
 */
#include "spec.h"

#include <errno.h>
#include <sched.h>

#include "chance.h"
#include "cmock.h"
#include "models.h"
#include "text.h"

#define LEVELS ((SPEC_CGROUP_SIZE - 1) / ID_TEXT_SIZE)

static uint64_t random_id(struct chance *c)
{
	return (chance_next(c) & INT64_MAX) | 1;
}

static void random_spec(struct chance *c, struct spec *spec)
{
	size_t levels = chance_below(c, chance_one_in(c, 10) ? LEVELS + 1 : 4);

	*spec = (struct spec){.id = random_id(c)};
	if (chance_one_in(c, 2))
		spec->inode = chance_one_in(c, 2) ? chance_next(c) | 1 : 1 + chance_below(c, 1000);
	for (size_t i = 0; i < levels; i++) {
		spec->cgroup[i * ID_TEXT_SIZE] = '/';
		text_format_id(i + 1 < levels ? random_id(c) : spec->id,
			       spec->cgroup + i * ID_TEXT_SIZE + 1);
	}
	for (int t = 0; t < NS_COUNT; t++) {
		spec->mode[t] = (enum container_ns_mode)chance_below(c, 3);
		spec->pinned[t] = spec->mode[t] == CONTAINER_NS_SHARE ||
				  (spec->mode[t] == CONTAINER_NS_OWN && chance_one_in(c, 2));
		spec->second[t] = spec->pinned[t] && chance_one_in(c, 2);
	}
	spec->transient = chance_one_in(c, 3);
	spec->empty_root = chance_one_in(c, 3);
	spec->nested = chance_one_in(c, 3);
	spec->leaf = chance_one_in(c, 3);
	spec->adopted = levels && chance_one_in(c, 3);
}

/* If it is a record, then it is the only way to write it. */
static bool check_text(const char *text)
{
	char *copy = exact_copy(text, strlen(text)), back[SPEC_TEXT_SIZE];
	struct spec spec, untouched;
	bool taken;

	memset(&spec, 0x5a, sizeof(spec));
	untouched = spec;
	taken = spec_parse(copy, &spec) == 0;
	if (taken) {
		assert_int_equal(spec_format(&spec, back), 0);
		assert_string_equal(back, copy);
		assert_int_equal(spec_text_is_transient(copy), spec.transient);
	} else {
		assert_int_equal(spec_parse(copy, &spec), -EINVAL);
		assert_memory_equal(&spec, &untouched, sizeof(spec));
	}
	free(copy);
	return taken;
}

static void test_round_trip(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(50000); i > 0; i--) {
		struct spec spec, back;
		char *text = malloc(SPEC_TEXT_SIZE);

		assert_non_null(text);
		random_spec(&c, &spec);
		assert_int_equal(spec_format(&spec, text), 0);
		text = realloc(text, strlen(text) + 1);
		assert_int_equal(spec_parse(text, &back), 0);
		assert_true(model_spec_equal(&spec, &back));
		assert_true(check_text(text));
		free(text);
	}
}

static void test_mutations(void **state)
{
	struct chance c = chance_begin();
	long taken = 0, steps = chance_steps(300000);

	(void)state;
	for (long i = 0; i < steps; i++) {
		char text[SPEC_TEXT_SIZE + 64];
		struct spec spec;

		random_spec(&c, &spec);
		spec_format(&spec, text);
		chance_mutate(&c, text, strlen(text), sizeof(text),
			      "iSTOPo /=,cgnsflagtranientmpy0f");
		taken += check_text(text);
	}
	printf("# %ld of %ld mutations were records\n", taken, steps);
}

/* Parts of records put together anew: far more of these are nearly right than of mutations. */
static void test_parts(void **state)
{
	static const char *const parts[] = {
		"0123456789abcdef",  " cg=",	  " dir=",	"17",	    "/0123456789abcdef",
		"/fedcba9876543210", " ns=",	  "OiSoiiii",	"iiiiiiii", "SSSSSSSS",
		"PTPTPTPT",	     " flags=",	  "transient,", "empty,",   "leaf,",
		"adopted,",	     "transient", ",",		" ",	    "",
	};
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(100000); i > 0; i--) {
		char text[512] = "0123456789abcdef cg=/0123456789abcdef ns=iiiiiiii";

		if (chance_one_in(&c, 4))
			text[chance_below(&c, strlen(text))] = '\0';
		for (size_t n = chance_below(&c, 5); n > 0; n--)
			strcat(text, parts[chance_below(&c, sizeof(parts) / sizeof(parts[0]))]);
		check_text(text);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"0123456789abcdef",
		"0123456789abcdef cg= ns=",
		"0123456789abcdef cg= ns=iiiiiii",
		"0123456789abcdef cg= ns=iiiiiiiii",
		"0123456789abcdef cg= ns=iiiiiiiI",
		"0123456789abcdef cg= ns=iiiiiiii ",
		"0123456789abcdef cg= ns=iiiiiiii\n",
		"0123456789abcdef  cg= ns=iiiiiiii",
		"0123456789ABCDEF cg= ns=iiiiiiii",
		"0123456789abcdef cg=/ ns=iiiiiiii",
		"0123456789abcdef cg=/../../../../../x ns=iiiiiiii",
		"0123456789abcdef cg=0123456789abcdef/ ns=iiiiiiii",
		"0123456789abcdef cg=/0123456789abcde/ ns=iiiiiiii",
		"0123456789abcdef cg=//0123456789abcde ns=iiiiiiii",
		"0123456789abcdef cg= ns=iiiiiiii flags=transient",
		"0123456789abcdef cg= ns=iiiiiiii flags=other,",
		"0123456789abcdef cg= ns=iiiiiiii flags",
		/* Of no container, or not of one. */
		"0000000000000000 cg= ns=iiiiiiii",
		"0000000000000000 cg=/0000000000000000 ns=iiiiiiii",
		"0123456789abcdef cg=/0000000000000000/0123456789abcdef ns=iiiiiiii",
		"8123456789abcdef cg=/8123456789abcdef ns=iiiiiiii",
		"0123456789abcdef cg=/fedcba9876543210 ns=iiiiiiii",
		"0123456789abcdef cg=/0123456789abcdef/1123456789abcdef ns=iiiiiiii",
		"0123456789abcdef cg= ns=iiiiiiii flags=adopted,",
		"0123456789abcdef cg= ns=iiiiiiii dir=",
		"0123456789abcdef cg= ns=iiiiiiii dir=0",
		"0123456789abcdef cg= ns=iiiiiiii dir=07",
		"0123456789abcdef cg= ns=iiiiiiii flags=nested, dir=7",
	};
	struct spec spec;

	(void)state;
	assert_int_equal(spec_parse("0123456789abcdef cg= ns=iiiiiiii", &spec), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(spec_parse(bad[i], &spec), -EINVAL);
}

/* A chain as long as fits is taken; one level more is not, nor does anything beyond it matter. */
static void test_longest(void **state)
{
	char text[2 * SPEC_TEXT_SIZE];
	struct spec spec;

	(void)state;
	assert_true(LEVELS >= 40);
	for (size_t levels = LEVELS - 1; levels < LEVELS + 3; levels++) {
		strcpy(text, "0123456789abcdef cg=");
		for (size_t i = 0; i < levels; i++)
			strcat(text, "/0123456789abcdef");
		strcat(text, " ns=OOOOOOOO flags=transient,empty,");
		assert_int_equal(spec_parse(text, &spec), levels <= LEVELS ? 0 : -EINVAL);
		check_text(text);
	}
}

static void test_flags(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(2000); i > 0; i--) {
		unsigned int flags[3] = {0};
		struct spec spec;
		bool pins = false;

		random_spec(&c, &spec);
		for (int t = 0; t < NS_COUNT; t++) {
			flags[spec.mode[t]] |= (unsigned int)nstype_info(t)->clone_flag;
			pins |= spec.pinned[t];
		}
		for (int mode = 0; mode < 3; mode++)
			assert_int_equal(spec_flags(&spec, (enum container_ns_mode)mode),
					 flags[mode]);
		assert_int_equal(spec_has_pins(&spec), pins);
	}
}

/* The two places of a type have two names, and no two containers' are the same. */
static void test_pin_ids(void **state)
{
	struct spec spec = {.id = 0x0123456789abcdef, .second = {[NS_UTS] = true}};
	char text[SPEC_TEXT_SIZE];

	(void)state;
	assert_true(spec_pin_id(&spec, NS_USER) == 0x0123456789abcdef);
	assert_true(spec_pin_id(&spec, NS_UTS) == 0x8123456789abcdef);
	/* Not pinned, or inherited, in the second place: there is no such thing. */
	assert_int_equal(spec_format(&spec, text), -EINVAL);
	spec.mode[NS_UTS] = CONTAINER_NS_OWN;
	assert_int_equal(spec_format(&spec, text), -EINVAL);
	spec.pinned[NS_UTS] = true;
	assert_int_equal(spec_format(&spec, text), 0);
	assert_string_equal(text, "0123456789abcdef cg= ns=iPiiiiii");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_parts),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_longest),	   cmocka_unit_test(test_flags),
		cmocka_unit_test(test_pin_ids),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
