/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines of mountinfo: those that a random mount would have, written by a naive writer, come back as they
 * were; what is cut off or changed is refused or at least read within its bounds.
 */
#include "mountinfo.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "chance.h"
#include "cmock.h"

/* As the kernel writes a name into a table of blanks. */
static void escape(const char *s, char *to)
{
	for (; *s; s++)
		to += strchr(" \t\n\\#", *s) ? sprintf(to, "\\%03o", (unsigned char)*s)
					     : sprintf(to, "%c", *s);
	*to = '\0';
}

static void random_name(struct chance *c, char *s, size_t max)
{
	static const char bytes[] = "ab/ \t\n\\#\"\x01\xc3\xa9"
				    "0147";
	size_t len = chance_below(c, max);

	for (size_t i = 0; i < len; i++)
		s[i] = bytes[chance_below(c, sizeof(bytes) - 1)];
	s[len] = '\0';
}

static void check_random(struct chance *c)
{
	struct container_mount m;
	char root[20], target[20], source[20], r[100], t[100], s[100], text[600];
	unsigned int major = (unsigned int)chance_below(c, 4000),
		     shared = (unsigned int)chance_below(c, 3);
	unsigned int master = (unsigned int)chance_below(c, 3),
		     odd = (unsigned int)chance_below(c, 2);
	char *line;

	random_name(c, root, sizeof(root));
	random_name(c, target, sizeof(target));
	random_name(c, source, sizeof(source));
	escape(root, r);
	escape(target, t);
	escape(source, s);
	snprintf(text, sizeof(text), "%u 7 %u:99 /%s /%s rw,nosuid ", major + 1, major, r, t);
	if (shared)
		sprintf(text + strlen(text), "shared:%u ", shared);
	if (master)
		sprintf(text + strlen(text), "master:%u propagate_from:3 ", master);
	sprintf(text + strlen(text), "%s- fuse.x %s rw,size=3,x=\\040y\n", odd ? "unbindable " : "",
		s);
	line = exact_copy(text, strlen(text));
	assert_int_equal(mountinfo_parse(line, &m), 0);
	assert_int_equal(m.size, sizeof(m));
	assert_int_equal(m.id, major + 1);
	assert_int_equal(m.parent, 7);
	assert_true(m.dev == makedev(major, 99));
	assert_string_equal(m.root + 1, root);
	assert_string_equal(m.target + 1, target);
	assert_string_equal(m.options, "rw,nosuid");
	assert_string_equal(m.type, "fuse.x");
	assert_string_equal(m.source, source);
	assert_string_equal(m.super_options, "rw,size=3,x= y");
	assert_int_equal(m.shared, shared);
	assert_int_equal(m.master, master);
	assert_int_equal(m.unbindable, odd);
	free(line);
	/* Cut off anywhere before the last field: no line. */
	line = exact_copy(text, chance_below(c, (size_t)(strrchr(text, ' ') - text)));
	assert_int_equal(mountinfo_parse(line, &m), -EINVAL);
	free(line);
}

static void test_lines(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	for (long i = chance_steps(20000); i > 0; i--)
		check_random(&c);
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"\n",
		"1 2 3:4 / / rw - t s",
		"x 2 3:4 / / rw - t s o",
		"1 -2 3:4 / / rw - t s o",
		"1 2 3 / / rw - t s o",
		"1 2 3:4x / / rw - t s o",
		"1 2 3:4 / / rw shared:x - t s o",
		"1 2 3:4 / / rw shared:1 t s o",
	};
	struct container_mount m;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *line = exact_copy(wrong[i], strlen(wrong[i]));

		assert_int_equal(mountinfo_parse(line, &m), -EINVAL);
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused),
	};

	chance_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
