/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quotas of the file server's users: at random against a model, and whose turn it is. */
#include "quota.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "chance.h"
#include "cmock.h"

#define USERS 5
#define STEPS 20000

/* What one of each kind costs, found out and not copied. */
static size_t cost_of(enum quota_kind kind)
{
	struct quota *q = quota_open_uid(4711);
	size_t cost;

	assert_int_equal(quota_take(q, kind, 1), 0);
	cost = quota_bytes(q);
	quota_give(q, kind, 1);
	assert_int_equal(quota_bytes(q), 0);
	quota_put(&q);
	assert_null(q);
	return cost;
}

static void test_random(void **state)
{
	struct chance c = chance_begin();
	size_t have[USERS][QUOTA_KINDS] = {0}, bytes[USERS] = {0}, cost[QUOTA_KINDS];
	struct quota *users[USERS];

	(void)state;
	for (int k = 0; k < QUOTA_KINDS; k++)
		cost[k] = cost_of((enum quota_kind)k);
	for (int i = 0; i < USERS; i++)
		users[i] = quota_open_uid(i == 0 ? 0 : 1000u + 65536u * (uid_t)i);
	for (int step = 0; step < STEPS; step++) {
		size_t user = chance_below(&c, USERS), kind = chance_below(&c, QUOTA_KINDS);
		size_t n = 1 + chance_below(&c, QUOTA_MAX / 64 / cost[kind] + 1);

		if (chance_below(&c, 3)) {
			bool fits = user == 0 || bytes[user] + n * cost[kind] <= QUOTA_MAX;

			assert_int_equal(quota_take(users[user], (enum quota_kind)kind, n),
					 fits ? 0 : -ENFILE);
			have[user][kind] += fits ? n : 0;
			bytes[user] += fits ? n * cost[kind] : 0;
		} else {
			n = n < have[user][kind] ? n : have[user][kind];
			quota_give(users[user], (enum quota_kind)kind, n);
			have[user][kind] -= n;
			bytes[user] -= n * cost[kind];
		}
		assert_int_equal(quota_bytes(users[user]), bytes[user]);
	}
	for (int i = 0; i < USERS; i++)
		quota_put(&users[i]);
}

static void test_same(void **state)
{
	struct quota *a = quota_open_uid(1), *b = quota_open_uid(1), *c = quota_open_uid(2);
	struct quota *self = quota_open(getpid(), 1), *kept = quota_keep(a);

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_equal(a, kept);
	assert_ptr_equal(a, self);
	assert_ptr_not_equal(a, c);
	quota_put(&a);
	quota_put(&b);
	quota_put(&c);
	quota_put(&self);
	assert_int_equal(quota_take(kept, QUOTA_FILE, 1), 0);
	quota_give(kept, QUOTA_FILE, 1);
	quota_put(&kept);
}

static atomic_int running, most;

static void *take_turns(void *arg)
{
	struct quota *q = arg;

	for (int i = 0; i < 50; i++) {
		int now;

		quota_turn_begin(q);
		now = atomic_fetch_add(&running, 1) + 1;
		if (now > atomic_load(&most))
			atomic_store(&most, now);
		usleep(100);
		atomic_fetch_sub(&running, 1);
		quota_turn_end(q);
	}
	return NULL;
}

static int most_at_a_time(uid_t uid)
{
	struct quota *q = quota_open_uid(uid);
	pthread_t threads[16];

	atomic_store(&most, 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_turns, q), 0);
	for (int i = 0; i < 16; i++)
		pthread_join(threads[i], NULL);
	quota_put(&q);
	return atomic_load(&most);
}

static void test_turns(void **state)
{
	(void)state;
	assert_in_range(most_at_a_time(1000), 1, 2);
	/* Root waits for nobody. */
	assert_in_range(most_at_a_time(0), 3, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
