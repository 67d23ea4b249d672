/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of entries: what other code relies on. */
#include "entry.h"

#include <containerfs/container.h>

#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "cmock.h"
#include "models.h"

/* "rm -r" goes in this order: kill first. */
static void test_order(void **state)
{
	(void)state;
	assert_string_equal(entry_of(KIND_TASKS)->name, "tasks");
	for (enum entry_kind k = KIND_NONE; k < KIND_TASKS; k++)
		assert_null(entry_of(k));
	/* What a user namespace owns goes before it, or with it: user is the first of the types. */
	for (enum entry_kind k = KIND_MOUNT; k <= KIND_TIME; k++)
		assert_true(k > KIND_USER);
}

/* No gap: code goes from one kind to the next. */
static void test_complete(void **state)
{
	(void)state;
	for (enum entry_kind k = KIND_TASKS; k < KIND_TABLE_END; k++) {
		const struct entry *e = entry_of(k);

		assert_non_null(e);
		assert_non_null(e->name);
		assert_int_equal(entry_find(e->name), k);
		assert_true(S_ISREG(e->mode) || S_ISLNK(e->mode) || k == KIND_BY_PID);
	}
	assert_null(entry_of(KIND_TABLE_END));
	for (enum entry_kind k = KIND_MADE; k < KIND_LIMIT; k++)
		assert_null(entry_of(k));
	assert_int_equal(entry_find(""), KIND_NONE);
	assert_int_equal(entry_find("."), KIND_NONE);
	assert_int_equal(entry_find("task"), KIND_NONE);
}

/* A nested container can have none of these names, and these are all that it cannot have. */
static void test_names(void **state)
{
	size_t reserved = sizeof(model_reserved) / sizeof(model_reserved[0]);

	(void)state;
	assert_int_equal(reserved, KIND_TABLE_END - KIND_TASKS);
	for (size_t i = 0; i < reserved; i++)
		assert_int_not_equal(entry_find(model_reserved[i]), KIND_NONE);
	for (enum entry_kind k = KIND_TASKS; k < KIND_TABLE_END; k++)
		assert_non_null(container_name_error(entry_of(k)->name));
}

/* A node id is slot times KIND_LIMIT plus kind: kinds must not reach into the next slot. */
static void test_kinds(void **state)
{
	(void)state;
	assert_true(KIND_TABLE_END <= KIND_MADE);
	assert_true(KIND_MADE + (KIND_TIME - KIND_ROOT) < KIND_LIMIT);
	assert_int_equal(KIND_DIR, 1); /* with slot 0: FUSE_ROOT_ID */
}

static void test_namespaces(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (enum entry_kind k = KIND_USER; k <= KIND_TIME; k++) {
		const struct entry *e = entry_of(k);

		assert_int_equal(e->presence, ENTRY_WITH_NS);
		assert_int_not_equal(e->nstype, 0);
		assert_false(seen & (unsigned int)e->nstype);
		seen |= (unsigned int)e->nstype;
		assert_non_null(e->link);
		assert_non_null(e->unlink);
		assert_true(e->asks_who);
	}
	assert_int_equal(seen, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
				       CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
				       CLONE_NEWTIME);
	assert_int_equal(entry_of(KIND_ROOT)->nstype, CLONE_NEWNS);
	for (enum entry_kind k = KIND_TASKS; k < KIND_TABLE_END; k++)
		if (k != KIND_ROOT && (k < KIND_USER || k > KIND_TIME))
			assert_int_equal(entry_of(k)->nstype, 0);
}

/* The mode says what can be done, and there is a function for it. */
static void test_modes(void **state)
{
	(void)state;
	for (enum entry_kind k = KIND_TASKS; k < KIND_TABLE_END; k++) {
		const struct entry *e = entry_of(k);

		/* tasks is written to in a way of its own. */
		if (S_ISREG(e->mode)) {
			assert_int_equal(!!(e->mode & 0444), e->show != NULL);
			assert_int_equal(!!(e->mode & 0222), e->store != NULL || k == KIND_TASKS);
			assert_int_equal(e->mode & 0022, 0);
		}
		assert_int_equal(S_ISLNK(e->mode), e->link != NULL);
		assert_int_equal(e->mode & 07000, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	   cmocka_unit_test(test_complete),
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
