/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Id maps of containers: what is set is what tasks have, all that belongs to the user namespace is
 * made anew with it and nothing else is, and what cannot be changed stays as it was.
 */
#include <containerfs/container.h>

#include "chance.h"
#include "library.h"

#define MAP "0 100000 65536\n"
#define OTHER "0 200000 1000\n1000 1000 1\n"
#define IDENTITY "0 0 4294967295\n"
#define GROUPS "0 0 4294967294\n" /* all but that of keyrings */

static void assert_map(int c, int which, const char *wanted)
{
	char buf[4096];
	int len = ok(container_get_id_map(c, which, buf, sizeof(buf)));

	assert_int_equal(len, strlen(buf));
	assert_string_equal(buf, wanted);
}

static void assert_maps(int c, const char *uid, const char *gid)
{
	assert_map(c, CONTAINER_UID_MAP, uid);
	assert_map(c, CONTAINER_GID_MAP, gid);
}

/* A range, for users and groups alike, of so many. */
static void assert_range(int c, unsigned int count)
{
	char uid[4096], gid[4096];
	unsigned int inside, outside, n;

	ok(container_get_id_map(c, CONTAINER_UID_MAP, uid, sizeof(uid)));
	ok(container_get_id_map(c, CONTAINER_GID_MAP, gid, sizeof(gid)));
	assert_string_equal(uid, gid);
	assert_int_equal(sscanf(uid, "%u %u %u", &inside, &outside, &n), 3);
	assert_true(inside == 0 && outside >= 2147483648 && n == count);
}

/* What the script prints in c. */
static void prints(int c, const char *script, const char *wanted)
{
	char out[1024];

	assert_int_equal(run_sh(c, script, out, sizeof(out)), 0);
	assert_string_equal(out, wanted);
}

#define READ_MAPS "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/^ //'"

static void test_set(void **state)
{
	static const unsigned int with[] = {
		0,
		CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS | CONTAINER_NEW_IPC_NS,
		CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS,
		NEW_ALL_BUT_USER,
	};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(with); i++) {
		int c = ok(container_create("u", CONTAINER_NEW_USER_NS | with[i] |
							 CONTAINER_FD_CLOEXEC));

		ok(container_set_ids(c, "host"));
		assert_maps(c, IDENTITY, GROUPS);
		ok(container_set_id_map(c, CONTAINER_UID_MAP, MAP));
		assert_maps(c, MAP, GROUPS);
		prints(c, READ_MAPS "; id -u", MAP GROUPS "0\n");
		ok(container_set_id_map(c, CONTAINER_GID_MAP, OTHER));
		assert_maps(c, MAP, OTHER);
		prints(c, READ_MAPS "; id -u; id -g; id -G", MAP OTHER "0\n0\n0\n");
		/* The other place again, without a newline. */
		ok(container_set_id_map(c, CONTAINER_UID_MAP, "0  5\t1"));
		assert_maps(c, "0 5 1\n", OTHER);
		prints(c, READ_MAPS, "0 5 1\n" OTHER);
		ok(container_remove(c, 0));
		close(c);
	}
}

/* Inodes of the pinned namespaces, by kind. */
static void read_inos(int c, ino_t inos[KINDS])
{
	for (size_t i = 0; i < KINDS; i++)
		inos[i] = kinds[i].clone_flag == CLONE_NEWPID
				  ? 0
				  : ino_of_container(c, kinds[i].clone_flag);
}

static void test_belonging(void **state)
{
	ino_t before[KINDS], after[KINDS];
	char host[65];
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("u",
				CONTAINER_NEW_USER_NS | NEW_ALL_BUT_USER | CONTAINER_FD_CLOEXEC));
	ok(container_set_hostname(c, "kept"));
	/* Made later, it belongs to it all the same. */
	ok(container_set_namespace(c, CLONE_NEWIPC, CONTAINER_NS_OWN, -1));
	read_inos(c, before);
	ok(container_set_id_map(c, CONTAINER_UID_MAP, MAP));
	read_inos(c, after);
	ok(container_set_id_map(c, CONTAINER_GID_MAP, MAP));
	for (size_t i = 0; i < KINDS; i++) {
		bool same = before[i] == after[i];
		bool wanted = kinds[i].clone_flag == CLONE_NEWPID;

		if (same != wanted)
			fail_msg("%s: %s", kinds[i].name, same ? "the same" : "another");
	}
	ok(container_get_hostname(c, host, sizeof(host)));
	assert_string_equal(host, "kept");
	/* Root in it may do what its own namespaces let it. */
	prints(c, "hostname x && hostname; mount -t tmpfs n /mnt && ip link set lo up && echo up",
	       "x\nup\n");
	/* All that is there once it has changed again and again goes with it. */
	for (int i = 0; i < 5; i++)
		ok(container_set_id_map(c, i % 2, i % 3 ? MAP : OTHER));
	ok(container_set_namespace(c, CLONE_NEWUTS, CONTAINER_NS_INHERIT, -1));
	ok(container_set_namespace(c, CLONE_NEWNET, CONTAINER_NS_OWN, -1));
	ok(container_set_root(c, -1, 0));
	assert_int_equal(ok(container_remove(c, 0)), 0);
	close(c);
}

/* Files are those of the users outside. */
static void test_owner(void **state)
{
	char out[64];
	struct stat st;
	int c, root;

	(void)state;
	need_private_tree();
	c = ok(container_create("u", CONTAINER_NEW_USER_NS | CONTAINER_NEW_FS_NS |
					     CONTAINER_FD_CLOEXEC));
	ok(container_set_id_map(c, CONTAINER_UID_MAP, MAP));
	ok(container_set_id_map(c, CONTAINER_GID_MAP, OTHER));
	assert_int_equal(
		run_sh(c, "umask 022; echo 1 >/tmp/x; stat -c %u:%g /tmp/x /", out, sizeof(out)),
		0);
	assert_string_equal(out, "0:0\n0:0\n");
	root = ok(container_root(c));
	assert_int_equal(fstatat(root, "tmp/x", &st, 0), 0);
	assert_int_equal(st.st_uid, 100000);
	assert_int_equal(st.st_gid, 200000);
	close(root);
	close(c);
}

static void entered(void *arg)
{
	child_holds(container_enter(*(int *)arg, 0) == 0);
	child_holds(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getgroups(0, NULL) == 0);
}

/* By all ways in; as root, or as the one who is asked for. */
static void test_who(void **state)
{
	const char *const argv[] = {"sh", "-c", "id -u; id -g; grep CapEff /proc/self/status",
				    NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	char out[256];
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("u", CONTAINER_NEW_USER_NS | CONTAINER_NEW_UTS_NS |
					     CONTAINER_FD_CLOEXEC));
	ok(container_set_id_map(c, CONTAINER_UID_MAP, MAP));
	ok(container_set_id_map(c, CONTAINER_GID_MAP, MAP));
	pid = forked(c);
	if (pid == 0) {
		child_holds(getuid() == 0 && getgid() == 0 && getgroups(0, NULL) == 0);
		child_holds(sethostname("mine", 4) == 0);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(in_child(entered, &c), 0);
	how.argv = argv;
	how.user = "7:8";
	assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
	assert_string_equal(out, "7\n8\nCapEff:\t0000000000000000\n");
	how.user = "70000:70000";
	fails(EINVAL, container_spawn(c, &how));
	/* No 0: only those who are there can be. */
	ok(container_set_id_map(c, CONTAINER_UID_MAP, "7 100007 1"));
	how.user = NULL;
	fails(EINVAL, container_spawn(c, &how));
	assert_non_null(strstr(container_error_last()->step, "have no 0"));
	how.user = "7:8";
	assert_int_equal(run_output(c, &how, out, sizeof(out)), 0);
	assert_string_equal(out, "7\n8\nCapEff:\t0000000000000000\n");
	/* The caller is somebody: he stays who he is. */
	ok(container_set_id_map(c, CONTAINER_UID_MAP, "7 0 1"));
	ok(container_set_id_map(c, CONTAINER_GID_MAP, "8 0 1"));
	prints(c, "id -u; id -g", "7\n8\n");
	close(c);
}

static void test_transient(void **state)
{
	int c = -1;

	(void)state;
	need_private_tree();
	c = ok(container_create("t", CONTAINER_NEW_USER_NS | CONTAINER_NEW_FS_NS |
					     CONTAINER_NEW_UTS_NS | CONTAINER_NEW_PID_NS |
					     CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC));
	ok(container_set_ids(c, "host"));
	assert_maps(c, IDENTITY, GROUPS);
	ok(container_set_id_map(c, CONTAINER_UID_MAP, MAP));
	ok(container_set_id_map(c, CONTAINER_GID_MAP, OTHER));
	ok(container_set_id_map(c, CONTAINER_GID_MAP, MAP));
	assert_maps(c, MAP, MAP);
	prints(c, READ_MAPS "; id -u; echo $$; mount -t tmpfs n /mnt && hostname x && hostname",
	       MAP MAP "0\n1\nx\n");
	ok(container_wait(c, 5000));
	ok(container_set_id_map(c, CONTAINER_UID_MAP, OTHER));
	prints(c, READ_MAPS, OTHER MAP);
	close(c);
}

static void test_inherited(void **state)
{
	int u, c, host, shared;
	pid_t pid;

	(void)state;
	need_private_tree();
	u = ok(container_create("u", CONTAINER_NEW_USER_NS | CONTAINER_FD_CLOEXEC));
	ok(container_set_ids(u, "host"));
	ok(container_set_id_map(u, CONTAINER_UID_MAP, OTHER));
	c = ok(container_create("u/c", CONTAINER_FD_CLOEXEC));
	shared = ok(container_create("u/s", CONTAINER_FD_CLOEXEC));
	host = ok(container_open("/"));
	ok(container_set_namespace(shared, CLONE_NEWUSER, CONTAINER_NS_SHARE, u));
	assert_maps(c, OTHER, GROUPS);
	assert_maps(shared, OTHER, GROUPS);
	assert_maps(host, IDENTITY, IDENTITY);
	prints(c, "id -u", "0\n");
	fails(EPERM, container_set_id_map(c, CONTAINER_UID_MAP, MAP));
	fails(EPERM, container_set_id_map(shared, CONTAINER_UID_MAP, MAP));
	fails(EPERM, container_set_id_map(host, CONTAINER_UID_MAP, MAP));
	fails(ENOTEMPTY, container_set_id_map(u, CONTAINER_UID_MAP, MAP));
	ok(container_remove(c, 0));
	ok(container_remove(shared, 0));
	pid = spawn_sh(u, "exec sleep 100", NULL);
	fails(EBUSY, container_set_id_map(u, CONTAINER_UID_MAP, MAP));
	kill(pid, SIGKILL);
	status_of(pid);
	ok(container_wait(u, 5000));
	assert_maps(u, OTHER, GROUPS);
	/* An own one that is new has a range, whatever the last one had. */
	ok(container_set_namespace(u, CLONE_NEWUSER, CONTAINER_NS_OWN, -1));
	assert_maps(u, OTHER, GROUPS);
	prints(u, READ_MAPS, OTHER GROUPS);
	ok(container_set_namespace(u, CLONE_NEWUSER, CONTAINER_NS_INHERIT, -1));
	assert_maps(u, IDENTITY, IDENTITY);
	ok(container_set_namespace(u, CLONE_NEWUSER, CONTAINER_NS_OWN, -1));
	assert_range(u, 65536);
	ok(container_set_ids(u, "host"));
	prints(u, READ_MAPS, IDENTITY GROUPS);
	close(u);
	close(c);
	close(shared);
	close(host);
}

/* In no way is it somebody's inside. */
static void test_keyrings_group(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("u", CONTAINER_NEW_USER_NS | CONTAINER_FD_CLOEXEC));
	ok(container_set_id_map(c, CONTAINER_UID_MAP, IDENTITY));
	ok(container_set_id_map(c, CONTAINER_GID_MAP, IDENTITY));
	assert_maps(c, IDENTITY, GROUPS);
	prints(c, READ_MAPS, IDENTITY GROUPS);
	ok(container_set_id_map(c, CONTAINER_GID_MAP, "5 4294967294 1\n0 7 1"));
	assert_map(c, CONTAINER_GID_MAP, "0 7 1\n");
	fails(EINVAL, container_set_id_map(c, CONTAINER_GID_MAP, "0 4294967294 1"));
	close(c);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "x", "0 0 0", "0 0 1\n0 1 1", "0 4294967295 1"};
	ino_t before[KINDS], after[KINDS];
	char buf[64];
	int c;

	(void)state;
	need_private_tree();
	c = ok(container_create("u",
				CONTAINER_NEW_USER_NS | NEW_ALL_BUT_USER | CONTAINER_FD_CLOEXEC));
	ok(container_set_ids(c, "host"));
	ok(container_set_id_map(c, CONTAINER_UID_MAP, MAP));
	read_inos(c, before);
	for (size_t i = 0; i < COUNT(bad); i++)
		fails(EINVAL, container_set_id_map(c, CONTAINER_UID_MAP, bad[i]));
	fails(EINVAL, container_set_id_map(c, 2, MAP));
	fails(EINVAL, container_set_id_map(c, -1, MAP));
	fails(EINVAL, container_get_id_map(c, 2, buf, sizeof(buf)));
	/* With its NUL it has 16 bytes. */
	fails(ERANGE, container_get_id_map(c, CONTAINER_UID_MAP, buf, 15));
	assert_int_equal(ok(container_get_id_map(c, CONTAINER_UID_MAP, buf, 16)), 15);
	read_inos(c, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_maps(c, MAP, GROUPS);
	close(c);
}

/* From outside: there may be no /proc inside that shows the task. */
static void read_task_map(pid_t pid, const char *name, char buf[4096])
{
	unsigned int inside, outside, count;
	char path[64];
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = fopen(path, "re");
	assert_non_null(f);
	buf[0] = '\0';
	while (fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		len += (size_t)snprintf(buf + len, 4096 - len, "%u %u %u\n", inside, outside,
					count);
	fclose(f);
}

static void assert_task_maps(int c)
{
	pid_t pid = spawn_sh(c, "exec sleep 100", NULL);
	char buf[4096];

	read_task_map(pid, "uid_map", buf);
	assert_map(c, CONTAINER_UID_MAP, buf);
	read_task_map(pid, "gid_map", buf);
	assert_map(c, CONTAINER_GID_MAP, buf);
	kill(pid, SIGKILL);
	status_of(pid);
	ok(container_wait(c, 5000));
}

/* Whatever is done to a container, its task has the maps that are told. */
static void random_change(struct chance *c, int u)
{
	static const char *const maps[] = {MAP, OTHER, IDENTITY, "0 7 1\n"};
	static const enum container_ns_mode modes[] = {CONTAINER_NS_OWN, CONTAINER_NS_INHERIT};
	static const char *const ids[] = {"auto", "host", "auto:70000", MAP};
	int flag = kinds[chance_below(c, KINDS)].clone_flag;

	if (chance_one_in(c, 3))
		container_set_ids(u, ids[chance_below(c, 4)]);
	else if (chance_one_in(c, 2))
		container_set_id_map(u, (int)chance_below(c, 2), maps[chance_below(c, 4)]);
	else if (chance_one_in(c, 3))
		container_set_root(u, -1, 0);
	else
		container_set_namespace(u, flag, modes[chance_below(c, 2)], -1);
}

static void test_random(void **state)
{
	struct chance c = chance_begin();

	(void)state;
	need_private_tree();
	for (long i = chance_steps(40); i > 0; i--) {
		unsigned int flags = (unsigned int)chance_next(&c) & 0x4dd;
		int u = ok(container_create("u",
					    flags | CONTAINER_NEW_USER_NS | CONTAINER_FD_CLOEXEC));

		for (size_t n = 1 + chance_below(&c, 5); n > 0; n--) {
			kept((random_change(&c, u), 0));
			assert_task_maps(u);
		}
		ok(container_remove(u, 0));
		close(u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_set),	      library_test(test_belonging),
		library_test(test_owner),     library_test(test_who),
		library_test(test_transient), library_test(test_inherited),
		library_test(test_refused),   library_test(test_keyrings_group),
		library_test(test_random),
	};

	chance_seed();
	return private_tree_run(tests);
}
