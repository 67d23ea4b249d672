/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys of a container: added before its tasks come, while they run, and gone with it.
 */
#include <containerfs/container.h>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#include "library.h"

#define KEYS_GROUP 4294967294u
#define POSSESSOR_LINK_ONLY 0x3f001000

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

/* As who comes in does it. */
static long link_keyring(long keyring)
{
	const gid_t group = KEYS_GROUP;
	gid_t own[64];
	long count = syscall(SYS_getgroups, COUNT(own), own), r;

	assert_true(count >= 0);
	assert_int_equal(syscall(SYS_setgroups, 1, &group), 0);
	r = keyctl(KEYCTL_LINK, keyring, KEY_SPEC_SESSION_KEYRING, 0, 0);
	assert_int_equal(syscall(SYS_setgroups, count, own), 0);
	return r;
}

static long keyring_of(int c)
{
	char text[32] = "";

	assert_true(readlinkat(c, "@keys", text, sizeof(text) - 1) > 0);
	return strtol(text, NULL, 10);
}

static bool denied(long r)
{
	return r < 0 && (errno == EACCES || errno == EPERM);
}

/* All that is done to a key, or to what is in a keyring, by its number. */
static bool all_denied(long key)
{
	char text[256];

	return denied(keyctl(KEYCTL_LINK, key, KEY_SPEC_SESSION_KEYRING, 0, 0)) &&
	       denied(keyctl(KEYCTL_READ, key, (long)text, sizeof(text), 0)) &&
	       denied(keyctl(KEYCTL_DESCRIBE, key, (long)text, sizeof(text), 0)) &&
	       denied(keyctl(KEYCTL_SEARCH, key, (long)"user", (long)"early", 0)) &&
	       denied(keyctl(KEYCTL_GET_KEYRING_ID, key, 0, 0, 0)) &&
	       denied(keyctl(KEYCTL_MOVE, key, key, KEY_SPEC_SESSION_KEYRING, 0)) &&
	       denied(keyctl(KEYCTL_SETPERM, key, 0x3f3f3f3f, 0, 0)) &&
	       denied(keyctl(KEYCTL_CHOWN, key, 0, 0, 0)) &&
	       denied(keyctl(KEYCTL_SET_TIMEOUT, key, 1000, 0, 0)) &&
	       denied(keyctl(KEYCTL_INVALIDATE, key, 0, 0, 0)) &&
	       denied(keyctl(KEYCTL_REVOKE, key, 0, 0, 0)) &&
	       denied(syscall(SYS_add_key, "user", "planted", "x", 1, key));
}

struct stolen {
	long keyring, key;
	uid_t owner; /* of the keyring */
};

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	child_holds(syscall(SYS_capset, &header, none) == 0);
}

static bool shown(const char *text)
{
	static char keys[1 << 16];
	FILE *file = fopen("/proc/keys", "re");
	size_t n = file ? fread(keys, 1, sizeof(keys) - 1, file) : 0;

	keys[n] = '\0';
	if (file)
		fclose(file);
	return strstr(keys, text);
}

/* Its own keyring, which it has: it may not be opened to others. */
static void keeps_own(long keyring)
{
	child_holds(finds("own", "mine"));
	child_holds(keyctl(KEYCTL_READ, keyring, 0, 0, 0) > 0);
	child_holds(denied(keyctl(KEYCTL_SETPERM, keyring, 0x3f3f3f3f, 0, 0)));
	child_holds(denied(keyctl(KEYCTL_CHOWN, keyring, 0, 0, 0)));
}

static void steal(const struct stolen *what, bool has_user_ns, long own)
{
	const gid_t group = KEYS_GROUP;

	if (!has_user_ns)
		drop_capabilities();
	(void)!syscall(SYS_setgroups, 1, &group);
	setfsgid(KEYS_GROUP);
	for (int as_owner = 0; as_owner <= has_user_ns; as_owner++) {
		if (as_owner) {
			setfsuid(what->owner);
			child_holds((uid_t)setfsuid(what->owner) == what->owner);
		}
		child_holds(all_denied(what->keyring));
		child_holds(all_denied(what->key));
	}
	setfsuid(0);
	child_holds(!finds("early", "one"));
	keeps_own(own);
}

/*
 * Who is root's id for the kernel, by an own user namespace or without capabilities, and knows the numbers:
 * of a keyring that only tasks hold, and of one with a key.
 */
static void test_keys_apart(void **state)
{
	static const unsigned int flags[] = {CONTAINER_NEW_USER_NS | CONTAINER_NEW_PID_NS,
					     CONTAINER_NEW_USER_NS, 0};
	char text[128] = "";
	struct stolen what;
	struct inside victim;
	unsigned int permissions;
	int c, thief;
	pid_t pid;

	(void)state;
	need_keys();
	c = make("c", 0);
	victim = start(c, false);
	what.keyring = what.key = keyring_of(c);
	keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	assert_int_equal(link_keyring(what.keyring), 0);
	assert_true(keyctl(KEYCTL_DESCRIBE, what.keyring, (long)text, sizeof(text), 0) > 0);
	assert_int_equal(sscanf(text, "keyring;%u;%*u;%x", &what.owner, &permissions), 2);
	keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	for (int held = 0; held < 2; held++) {
		if (held)
			what.key = add(c, "early", "one");
		assert_int_equal(keyring_of(c), what.keyring);
		for (size_t i = 0; i < COUNT(flags); i++) {
			thief = make_with_host_ids("thief", flags[i]);
			add(thief, "own", "mine");
			pid = forked(thief);
			if (pid == 0) {
				steal(&what, flags[i] != 0, keyring_of(thief));
				_exit(0);
			}
			assert_int_equal(status_of(pid), 0);
			ok(container_remove(thief, CONTAINER_REMOVE_KILL));
			close(thief);
		}
	}
	assert_true(what.owner != 0);
	assert_int_equal(permissions, POSSESSOR_LINK_ONLY);
	assert_true(denied(keyctl(KEYCTL_LINK, what.keyring, KEY_SPEC_SESSION_KEYRING, 0, 0)));
	add(c, "late", "two");
	let_look(&victim);
	ok(container_remove(c, CONTAINER_REMOVE_KILL));
	close(c);
}

/* Nor is that in which all of them are kept open to root: the kernel tells what a keyring has in it. */
static void test_keys_place(void **state)
{
	enum { HELD = 23 };
	char mark[32];
	int c[HELD];

	(void)state;
	snprintf(mark, sizeof(mark), "mark-%d", (int)getpid());
	need_keys();
	for (int i = 0; i < HELD; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		c[i] = make(name, 0);
		add(c[i], mark, "one");
	}
	assert_false(shown("_uid.0: 23\n"));
	assert_false(shown(mark));
	for (int i = 0; i < HELD; i++) {
		ok(container_remove(c[i], 0));
		close(c[i]);
	}
}

/* Its root is another user of the host. */
static void test_keys_mapped(void **state)
{
	struct inside a, b;
	int c;

	(void)state;
	need_keys();
	for (int first = 0; first < 2; first++) {
		c = make("c", CONTAINER_NEW_USER_NS | CONTAINER_NEW_PID_NS);
		ok(container_set_id_map(c, CONTAINER_UID_MAP, "0 100000 65536"));
		ok(container_set_id_map(c, CONTAINER_GID_MAP, "0 100000 65536"));
		if (!first)
			add(c, "early", "one");
		a = start(c, !first);
		add(c, "late", "two");
		b = start(c, !first);
		let_look(&b);
		let_look(&a);
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
}

/* The process that enters has its groups as before, and no more keys than those. */
static void test_keys_groups(void **state)
{
	const gid_t groups[] = {3, 5, 70000};
	gid_t now[8];
	pid_t pid;
	int c;

	(void)state;
	need_keys();
	c = make("c", CONTAINER_NEW_UTS_NS);
	add(c, "early", "one");
	pid = fork();
	if (pid == 0) {
		child_holds(syscall(SYS_setgroups, COUNT(groups), groups) == 0);
		child_holds(container_enter(c, 0) == 0);
		child_holds(syscall(SYS_getgroups, COUNT(now), now) == (long)COUNT(groups));
		child_holds(memcmp(now, groups, sizeof(groups)) == 0);
		child_holds(prctl(PR_GET_DUMPABLE) == 1);
		child_holds(finds("early", "one"));
		child_holds(keyctl(KEYCTL_READ, KEY_SPEC_THREAD_KEYRING, 0, 0, 0) <= 0);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	ok(container_remove(c, CONTAINER_REMOVE_KILL));
	close(c);
}

static void test_keys_revoked(void **state)
{
	long keyring;
	int c;

	(void)state;
	need_keys();
	keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	c = make("c", 0);
	add(c, "key", "payload");
	keyring = keyring_of(c);
	assert_int_equal(link_keyring(keyring), 0);
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
	assert_int_equal(key->permissions & 0x00ffffff, 0);
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
		library_test(test_keys),	library_test(test_keys_moved),
		library_test(test_keys_again),	library_test(test_keys_revoked),
		library_test(test_keys_list),	library_test(test_keys_errors),
		library_test(test_keys_place),	library_test(test_keys_apart),
		library_test(test_keys_mapped), library_test(test_keys_groups),
	};

	return private_tree_run(tests);
}
