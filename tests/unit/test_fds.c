/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which fds reach whom, from a caller that has many open without close-on-exec, far up as well: a task
 * has 0, 1 and 2; a child of container_fork() and a process that enters have the caller's and none of
 * the library's; what outlives a call has none of the caller's.
 */
#include <containerfs/container.h>

#include "library.h"
#include "task.h"

#define OPEN 40
#define FAR_FD 3000

static int opened[OPEN + 1];
static struct stat marker; /* what they are of */

static void open_many(void)
{
	char path[96];

	allow_fds(FAR_FD);
	snprintf(path, sizeof(path), "%s/marker", private_tree.dir);
	for (int i = 0; i < OPEN; i++)
		opened[i] = open(path, O_RDWR | O_CREAT, 0600);
	opened[OPEN] = dup2(opened[0], FAR_FD);
	assert_int_equal(opened[OPEN], FAR_FD);
	assert_int_equal(fstat(FAR_FD, &marker), 0);
	unlink(path);
}

static void close_many(void)
{
	for (int i = 0; i <= OPEN; i++)
		close(opened[i]);
}

static void check_spawned(int c, struct container_spawn how)
{
	const char *const argv[] = {"sh", "-c", "cd /proc/self/fd; echo *", NULL};
	char text[512];

	how.argv = argv;
	assert_int_equal(run_output(c, &how, text, sizeof(text)), 0);
	/* 3 is the directory that the shell reads. */
	if (strcmp(text, "0 1 2 3\n") != 0)
		fail_msg("a task has fds %s", text);
}

static void test_spawn(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS, CONTAINER_NEW_USER_NS,
					     CONTAINER_KILL_ON_CLOSE | CONTAINER_NEW_TIME_NS};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int c, user;

	(void)state;
	need_private_tree();
	open_many();
	for (size_t i = 0; i < COUNT(flags); i++) {
		/* Its own fd is one of those without close-on-exec. */
		c = ok(container_create("c", flags[i] | CONTAINER_NEW_FS_NS));
		for (user = 0; user < 2; user++) {
			how.user = user ? "0:0" : NULL;
			check_spawned(c, how);
			how.stdio[0] = opened[3];
			how.stdio[2] = FAR_FD;
			check_spawned(c, how);
			how.stdio[0] = how.stdio[2] = -1;
		}
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
	close_many();
}

struct closed {
	int c;
	const char *script; /* whose interpreter is not there */
};

/* Numbers that are free are those of the first fds that the library opens. */
static void spawn_with_closed(void *arg)
{
	const struct closed *with = arg;
	const char *const bad[] = {with->script, NULL};
	const char *const good[] = {"sh", "-c", "test ! -e /proc/self/fd/0", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pid;

	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		how.argv = bad;
		if (container_spawn(with->c, &how) != -1 || errno != ENOENT)
			_exit(1 + fd);
		how.argv = good;
		pid = container_spawn(with->c, &how);
		if (pid < 0 || status_of(pid) != 0)
			_exit(10 + fd);
	}
}

static void test_spawn_with_closed(void **state)
{
	static const unsigned int flags[] = {CONTAINER_NEW_FS_NS,
					     CONTAINER_NEW_FS_NS | CONTAINER_NEW_USER_NS};
	struct closed with;
	struct task task;
	char script[96];

	(void)state;
	need_private_tree();
	snprintf(script, sizeof(script), "%s/script", private_tree.dir);
	with.script = script;
	for (size_t i = 0; i < COUNT(flags); i++) {
		int fd = open(script, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

		assert_int_equal(write(fd, "#!/none\n", 8), 8);
		close(fd);
		with.c = ok(container_create("c", flags[i]));
		/* A view has what was there when it was made. */
		task = task_begin(spawn_with_closed, &with);
		assert_int_equal(task_end(&task), 0);
		unlink(script);
		ok(container_remove(with.c, CONTAINER_REMOVE_KILL));
		close(with.c);
	}
}

/* In a child: the same that the caller had, whatever they are of. */
static void check_same_fds(const bool before[FAR_FD + 1])
{
	for (int fd = 0; fd <= FAR_FD; fd++)
		if ((fcntl(fd, F_GETFD) >= 0) != before[fd]) {
			dprintf(2, "# fd %d: %s\n", fd, before[fd] ? "lost" : "of the library's");
			_exit(1);
		}
}

static void note_fds(bool fds[FAR_FD + 1])
{
	for (int fd = 0; fd <= FAR_FD; fd++)
		fds[fd] = fcntl(fd, F_GETFD) >= 0;
}

struct entering {
	int c;
	bool fds[FAR_FD + 1];
};

static void enter(void *arg)
{
	struct entering *e = arg;

	child_holds(container_enter(e->c, 0) == 0);
	check_same_fds(e->fds);
}

static void test_fork_and_enter(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS, CONTAINER_NEW_USER_NS};
	struct entering e;
	pid_t pid, init;

	(void)state;
	need_private_tree();
	open_many();
	for (size_t i = 0; i < COUNT(flags); i++) {
		e.c = ok(container_create("c", flags[i] | CONTAINER_NEW_FS_NS));
		init = task_pause_in(e.c);
		note_fds(e.fds);
		pid = forked(e.c);
		if (pid == 0) {
			check_same_fds(e.fds);
			_exit(0);
		}
		assert_int_equal(status_of(pid), 0);
		assert_int_equal(in_child(enter, &e), 0);
		/* The lock is the caller's alone: a child that lives does not keep it. */
		ok(container_set_stop(e.c, SIGTERM, 1000));
		kill(init, SIGKILL);
		status_of(init);
		ok(container_remove(e.c, CONTAINER_REMOVE_KILL));
		close(e.c);
	}
	close_many();
}

/* The process in the cgroup "watch" of the hierarchy. */
static pid_t find_watcher(void)
{
	char path[4200];
	int pid = 0;
	FILE *f;

	private_tree_note_cgroup();
	snprintf(path, sizeof(path), "%s/watch/cgroup.procs", private_tree.cgroup);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

/* The first that the watcher should not have: its number, or -1. */
static int find_wrong_fd(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	int wrong = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (wrong < 0 && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		/* One of the container's directory of its own, but not the creator's. */
		if ((st.st_dev == marker.st_dev && st.st_ino == marker.st_ino) ||
		    S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode) || fd >= FAR_FD)
			wrong = fd;
	}
	closedir(dir);
	return wrong;
}

/* It says that it is there a moment before it closes what it says that to. */
static void check_watcher(pid_t pid)
{
	int wrong = find_wrong_fd(pid);

	for (int i = 0; i < 100 && wrong >= 0; i++) {
		usleep(10000);
		wrong = find_wrong_fd(pid);
	}
	if (wrong >= 0)
		fail_msg("the watcher has fd %d of the caller's", wrong);
}

static void test_watcher(void **state)
{
	pid_t watcher;
	int c;

	(void)state;
	need_private_tree();
	open_many();
	c = ok(container_create("c", CONTAINER_KILL_ON_CLOSE | CONTAINER_NEW_UTS_NS));
	watcher = find_watcher();
	assert_true(watcher > 0);
	check_watcher(watcher);
	/* If it had the creator's fd the container would stay. */
	close(c);
	for (int i = 0; i < 2000 && !is_gone("c"); i++)
		usleep(1000);
	assert_true(is_gone("c"));
	close_many();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_spawn),
		library_test(test_spawn_with_closed),
		library_test(test_fork_and_enter),
		library_test(test_watcher),
	};

	return private_tree_run(tests);
}
