/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys of a container: added before its tasks come, while they run, and gone with it.
 */
#include <containerfs/container.h>

#include <linux/keyctl.h>

#include "library.h"

static long keyctl(int operation, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, operation, a, b, c, d);
}

static int add(int c, const char *description, const char *payload)
{
	return ok(container_add_key(c, "user", description, payload, strlen(payload)));
}

static bool finds(const char *description, const char *payload)
{
	char text[32] = "";
	long key =
		keyctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (long)"user", (long)description, 0);

	return key > 0 &&
	       keyctl(KEYCTL_READ, key, (long)text, sizeof(text), 0) == (long)strlen(payload) &&
	       strncmp(text, payload, strlen(payload)) == 0;
}

static bool has_keys(void)
{
	return keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) > 0;
}

#define need_keys()                                                                                \
	do {                                                                                       \
		need_private_tree();                                                               \
		if (!has_keys())                                                                   \
			skip();                                                                    \
	} while (0)

struct inside {
	pid_t pid;
	int go;
};

/* A task that looks for "late" when it is told to, and had "early" from birth if that is wanted. */
static struct inside start(int c, bool early)
{
	struct inside inside;
	int pipes[2];
	char byte;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	inside.pid = forked(c);
	if (inside.pid == 0) {
		close(pipes[1]);
		child_holds(finds("early", "one") == early);
		child_holds(!finds("mine", "secret"));
		child_holds(read(pipes[0], &byte, 1) == 1);
		child_holds(finds("late", "two"));
		_exit(0);
	}
	close(pipes[0]);
	inside.go = pipes[1];
	return inside;
}

static void let_look(struct inside *inside)
{
	assert_int_equal(write(inside->go, "x", 1), 1);
	assert_int_equal(status_of(inside->pid), 0);
	close(inside->go);
}

static void test_keys(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS | CONTAINER_NEW_USER_NS,
					     CONTAINER_NEW_PID_NS | CONTAINER_KILL_ON_CLOSE};
	struct inside a, b;
	int c, other;

	(void)state;
	need_keys();
	keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	assert_true(syscall(SYS_add_key, "user", "mine", "secret", 6, KEY_SPEC_SESSION_KEYRING) >
		    0);
	other = make("other", 0);
	add(other, "early", "not here");
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = make("c", flags[i]);
		if (i > 0)
			add(c, "early", "one");
		a = start(c, i > 0);
		add(c, "late", "two");
		b = start(c, i > 0);
		/* What was there is updated, not doubled. */
		assert_int_equal(add(c, "late", "two"), add(c, "late", "two"));
		let_look(&b);
		let_look(&a);
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
	assert_true(finds("mine", "secret"));
	close(other);
}

/* One that brings a key along, and is told when to look. */
static struct inside bring(void)
{
	struct inside inside;
	int go[2], ready[2];
	char byte;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	inside.pid = fork();
	if (inside.pid == 0) {
		close(go[1]);
		keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
		child_holds(syscall(SYS_add_key, "user", "mine", "secret", 6,
				    KEY_SPEC_SESSION_KEYRING) > 0);
		child_holds(finds("mine", "secret"));
		child_holds(write(ready[1], "x", 1) == 1);
		child_holds(read(go[0], &byte, 1) == 1);
		child_holds(!finds("mine", "secret"));
		child_holds(finds("early", "one"));
		child_holds(finds("late", "two"));
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	inside.go = go[1];
	return inside;
}

/* A task that is moved in leaves its keys behind, and has those of the container, also as its first. */
static void test_keys_moved(void **state)
{
	struct inside inside;
	int c;

	(void)state;
	need_keys();
	for (int first = 0; first < 2; first++) {
		c = make("c", CONTAINER_NEW_UTS_NS);
		if (!first)
			add(c, "early", "one");
		inside = bring();
		ok(container_attach(c, inside.pid, 0));
		if (first)
			add(c, "early", "one");
		add(c, "late", "two");
		let_look(&inside);
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
}

/* All tasks have ended, and the keyring that they made has with them. */
static void test_keys_again(void **state)
{
	struct inside inside;
	char text[8];
	int c;

	(void)state;
	need_keys();
	c = make("c", 0);
	assert_int_equal(run_sh(c, "true", text, sizeof(text)), 0);
	/* The kernel disposes of it a moment later. */
	usleep(50000);
	add(c, "early", "one");
	inside = start(c, true);
	add(c, "late", "two");
	let_look(&inside);
	close(c);
}

static void test_keys_revoked(void **state)
{
	char text[32] = "";
	long keyring;
	int c;

	(void)state;
	need_keys();
	keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	c = make("c", 0);
	add(c, "key", "payload");
	assert_true(readlinkat(c, "@keys", text, sizeof(text) - 1) > 0);
	keyring = strtol(text, NULL, 10);
	assert_int_equal(keyctl(KEYCTL_LINK, keyring, KEY_SPEC_SESSION_KEYRING, 0, 0), 0);
	assert_true(finds("key", "payload"));
	ok(container_remove(c, 0));
	assert_false(finds("key", "payload"));
	assert_int_equal(keyctl(KEYCTL_READ, keyring, 0, 0, 0), -1);
	assert_int_equal(errno, EKEYREVOKED);
	fails(ENOENT, container_add_key(c, "user", "key", "x", 1));
	close(c);
}

struct found {
	size_t count;
	char text[4096]; /* "TYPE DESCRIPTION\n" of each */
	int last;
};

static int note(const struct container_key *key, void *arg)
{
	struct found *found = arg;
	size_t len = strlen(found->text);

	assert_int_equal(key->size, sizeof(*key));
	assert_int_equal(key->uid, getuid());
	assert_true(key->permissions & 0x3f000000);
	snprintf(found->text + len, sizeof(found->text) - len, "%s %s\n", key->type,
		 key->description);
	found->count++;
	found->last = key->serial;
	return 0;
}

static int stop_at_once(const struct container_key *key, void *arg)
{
	(void)key;
	(void)arg;
	return 7;
}

static void test_keys_list(void **state)
{
	struct found found = {0};
	char name[3000];
	pid_t pid;
	int c, serial;

	(void)state;
	need_keys();
	c = make("c", CONTAINER_NEW_PID_NS);
	assert_int_equal(ok(container_keys(c, note, &found)), 0);
	assert_int_equal(found.count, 0);
	/* What only tasks hold. */
	pid = spawn_sh(c, "exec sleep 1000", NULL);
	assert_int_equal(ok(container_keys(c, note, &found)), 0);
	assert_int_equal(found.count, 0);
	serial = add(c, "one;two", "payload");
	assert_int_equal(ok(container_keys(c, note, &found)), 0);
	assert_string_equal(found.text, "user one;two\n");
	assert_int_equal(found.last, serial);
	assert_int_equal(ok(container_keys(c, stop_at_once, NULL)), 7);
	/* More than there is room for at first, in both respects. */
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%02d%0*d", i, i == 50 ? 2000 : 1, 0);
		add(c, name, "x");
	}
	found = (struct found){0};
	assert_int_equal(ok(container_keys(c, note, &found)), 0);
	assert_int_equal(found.count, 101);
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	found = (struct found){0};
	assert_int_equal(ok(container_keys(c, note, &found)), 0);
	assert_int_equal(found.count, 101);
	ok(container_remove(c, CONTAINER_REMOVE_KILL));
	fails(ENOENT, container_keys(c, note, &found));
	/* A keyring that has ended with its tasks. */
	close(c);
	c = make("c", 0);
	assert_int_equal(status_of(spawn_sh(c, "true", NULL)), 0);
	found = (struct found){0};
	assert_int_equal(ok(container_keys(c, note, &found)), 0);
	assert_int_equal(found.count, 0);
	close(c);
}

static void test_keys_errors(void **state)
{
	int c, root;

	(void)state;
	need_keys();
	c = make("c", 0);
	root = ok(container_open("/"));
	fails(ENODEV, container_add_key(c, "none", "key", "x", 1));
	fails(EPERM, container_add_key(root, "user", "key", "x", 1));
	fails(EINVAL, container_add_key(c, "user", "key", NULL, 0));
	close(root);
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_keys),       library_test(test_keys_moved),
		library_test(test_keys_again), library_test(test_keys_revoked),
		library_test(test_keys_list),  library_test(test_keys_errors),
	};

	return private_tree_run(tests);
}
