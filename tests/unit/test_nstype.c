/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The invariants of the table of namespace types, and what the running kernel says to it. */
#include "nstype.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <containerfs/container.h>
#include <linux/nsfs.h>

#include "cleanup.h"
#include "cmock.h"
#include "name.h"

static void test_unique(void **state)
{
	unsigned int clone_flags = 0, create_flags = 0;

	(void)state;
	for (int t = 0; t < NS_COUNT; t++) {
		const struct nstype_info *a = nstype_info(t);
		unsigned int flag = (unsigned int)a->clone_flag;

		assert_int_equal(__builtin_popcount(flag), 1);
		assert_int_equal(__builtin_popcount(a->create_flag), 1);
		assert_int_equal(clone_flags & flag, 0);
		assert_int_equal(create_flags & a->create_flag, 0);
		clone_flags |= flag;
		create_flags |= a->create_flag;
		for (int u = 0; u < t; u++) {
			assert_string_not_equal(a->name, nstype_info(u)->name);
			assert_string_not_equal(a->proc, nstype_info(u)->proc);
			assert_string_not_equal(a->proc_for_new, nstype_info(u)->proc_for_new);
		}
	}
	assert_int_equal(clone_flags, CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP |
					      CLONE_NEWTIME | CLONE_NEWPID | CLONE_NEWNS |
					      CLONE_NEWUSER);
}

/* The values that the 2017 proposal gave, and that it has no other meaning for. */
static void test_create_flags(void **state)
{
	static const struct {
		const char *name;
		unsigned int flag;
	} wanted[] = {
		{"mount", 0x1}, {"cgroup", 0x4}, {"uts", 0x8},	    {"ipc", 0x10},
		{"user", 0x20}, {"pid", 0x40},	 {"network", 0x80}, {"time", 0x400},
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(wanted), NS_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int t = nstype_parse(wanted[i].name, strlen(wanted[i].name));

		assert_in_range(t, 0, NS_COUNT - 1);
		assert_int_equal(nstype_info(t)->create_flag, wanted[i].flag);
	}
	assert_int_equal(CONTAINER_NEW_EMPTY_FS_NS, 0x2);
	assert_int_equal(CONTAINER_KILL_ON_CLOSE, 0x100);
	assert_int_equal(CONTAINER_FD_CLOEXEC, 0x200);
}

static void test_parse(void **state)
{
	(void)state;
	for (int t = 0; t < NS_COUNT; t++) {
		const struct nstype_info *info = nstype_info(t);
		char longer[64];

		assert_int_equal(nstype_parse(info->name, strlen(info->name)), t);
		assert_int_equal(nstype_parse(info->name, strlen(info->name) - 1), -EINVAL);
		snprintf(longer, sizeof(longer), "%s,x", info->name);
		assert_int_equal(nstype_parse(longer, strlen(info->name)), t);
		assert_int_equal(nstype_parse(longer, strlen(info->name) + 1), -EINVAL);
		assert_int_equal(nstype_of_flag(info->clone_flag), t);
		assert_int_equal(nstype_of_flag(info->clone_flag | CLONE_FS), -EINVAL);
		/* Each type is an entry of the tree of files, so none can name a container. */
		assert_non_null(name_error(info->name, strlen(info->name)));
	}
	assert_int_equal(nstype_parse("", 0), -EINVAL);
	assert_int_equal(nstype_parse("NETWORK", 7), -EINVAL);
	assert_int_equal(nstype_of_flag(0), -EINVAL);
	assert_int_equal(nstype_of_flag(-1), -EINVAL);
	assert_int_equal(nstype_of_flag(CLONE_NEWNET | CLONE_NEWUTS), -EINVAL);
	assert_int_equal(nstype_of_flag(CLONE_VM), -EINVAL);
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(NS_USER, NS_COUNT - 1);
	assert_int_equal(NS_MOUNT, NS_COUNT - 2);
	for (int t = 0; t < NS_COUNT; t++)
		assert_int_equal(nstype_info(t)->hierarchical, t == NS_PID || t == NS_USER);
}

/* The names in /proc are the kernel's, and what is behind them is of the type. */
static void test_kernel_agrees(void **state)
{
	(void)state;
	for (int t = 0; t < NS_COUNT; t++) {
		const struct nstype_info *info = nstype_info(t);
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", info->proc);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(ioctl(fd, NS_GET_NSTYPE), info->clone_flag);
		close(fd);
		snprintf(path, sizeof(path), "/proc/self/ns/%s", info->proc_for_new);
		assert_int_equal(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	}
}

static void test_set(void **state)
{
	struct ns_set set;
	int fd[NS_COUNT];

	(void)state;
	ns_set_init(&set);
	for (int t = 0; t < NS_COUNT; t++)
		assert_int_equal(set.fd[t], -EBADF);
	for (int t = 0; t < NS_COUNT; t += 2)
		set.fd[t] = fd[t] = open("/", O_PATH | O_CLOEXEC);
	errno = ENODATA;
	ns_set_close(&set);
	assert_int_equal(errno, ENODATA);
	for (int t = 0; t < NS_COUNT; t++)
		assert_int_equal(set.fd[t], -EBADF);
	for (int t = 0; t < NS_COUNT; t += 2)
		assert_int_equal(fcntl(fd[t], F_GETFD), -1);
	ns_set_close(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unique),	      cmocka_unit_test(test_create_flags),
		cmocka_unit_test(test_parse),	      cmocka_unit_test(test_order),
		cmocka_unit_test(test_kernel_agrees), cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
