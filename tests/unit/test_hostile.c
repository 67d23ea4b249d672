/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every call that takes a path, on a container that changes what is on that path all the time:
 *
 *   /tmp/h/x          a directory | links to it, of any kind there is, to OUTSIDE    exchanged
 *   /tmp/h/deep/a/b   a directory that moves to /tmp/h/b and back, for the ".." behind it
 *   /tmp/h/m          mounted on, moved to /tmp/h/m2 and back, and unmounted
 *   /tmp/h/n, o       directories with and without a mount below, exchanged
 *   OUTSIDE/secret    says "inside" in the container, "outside" on the host
 *
 * Nothing of the host's OUTSIDE may ever be opened, changed, made in or mounted on. In a container that
 * shares the pid namespace, links through /proc/self and /proc/1 really lead there. TEST_STEPS: how many
 * calls on each container.
 */
#include <containerfs/container.h>

#include <linux/openat2.h>
#include <sys/mount.h>

#include "chance.h"
#include "library.h"

#define STEPS 3000

static struct {
	char outside[128];
	struct stat dir, secret, root; /* the host's */
	long done;
} hostile;

/* In the container. */

static void exchange(const char *a, const char *b)
{
	syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* What leads to OUTSIDE behind them, from /tmp/h. */
static const char *const ways_out[] = {
	"",
	"../..",
	"../../../..",
	"/proc/self/root",
	"/proc/1/root",
	"/proc/self/cwd/../../..",
	"/proc/thread-self/root",
};

static void run_exchanger(void)
{
	child_holds(chdir("/tmp/h") == 0);
	for (;;) {
		for (size_t i = 0; i < COUNT(ways_out); i++)
			exchange("x", (const char[]){'y', (char)('0' + i), '\0'});
		exchange("n", "o");
		/* rename(2) of one directory is what a ".." that comes later is fooled by. */
		if (rename("deep/a/b", "b") == 0)
			rename("b", "deep/a/b");
	}
}

static void run_mounter(void)
{
	child_holds(chdir("/tmp/h") == 0);
	for (;;) {
		mount("m1", "m", NULL, MS_BIND, NULL);
		mount("m", "m2", NULL, MS_MOVE, NULL);
		mount("m2", "m", NULL, MS_MOVE, NULL);
		umount2("m", MNT_DETACH);
		umount2("m2", MNT_DETACH);
		/* Whichever of both has its name now. */
		mount("m1", "n/m", NULL, MS_BIND, NULL);
		umount2("n/m", MNT_DETACH);
		umount2("o/m", MNT_DETACH);
	}
}

static void make_parents(const char *path)
{
	char part[128];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		mkdir(part, 0755);
	}
	mkdir(path, 0755);
}

static void put_inside(const char *dir)
{
	char path[192];
	int fd;

	snprintf(path, sizeof(path), "%s/secret", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	child_holds(fd >= 0 && write(fd, "inside", 6) == 6);
	close(fd);
}

static void lay_out(void)
{
	static const char *const dirs[] = {
		"/tmp/h/x",  "/tmp/h/deep/a/b", "/tmp/h/m",   "/tmp/h/m1",
		"/tmp/h/m2", "/tmp/h/n/m",	"/tmp/h/o/m",
	};
	char target[192], link[32];

	for (size_t i = 0; i < COUNT(dirs); i++) {
		make_parents(dirs[i]);
		put_inside(dirs[i]);
	}
	make_parents(hostile.outside);
	put_inside(hostile.outside);
	for (size_t i = 0; i < COUNT(ways_out); i++) {
		snprintf(target, sizeof(target), "%s%s", ways_out[i], hostile.outside);
		snprintf(link, sizeof(link), "/tmp/h/y%zu", i);
		child_holds(symlink(target, link) == 0);
	}
}

static pid_t fork_hostile(int c, void (*fn)(void))
{
	pid_t pid = forked(c);

	if (pid == 0) {
		fn();
		_exit(0);
	}
	return pid;
}

/* Outside. */

static const char *some_path(struct chance *chance)
{
	static const char *const ways[] = {
		"/tmp/h/x",
		"tmp/h/deep/a/b/../../../x",
		"/tmp/h/m",
		"tmp/h/m/../x",
		"/tmp/h/deep/a/b/../../../../../../../..",
		"/tmp/h/x/../h/x",
		"/tmp/h/m2/",
		"/tmp/h/n/m",
		"tmp/h/n/../o/m/../../x",
		"/proc/self/root",
		"/proc/1/cwd/../../../..",
	};
	static const bool leads_on[COUNT(ways)] = {[4] = true, [9] = true, [10] = true};
	static char path[256];
	size_t i = chance_below(chance, COUNT(ways));

	snprintf(path, sizeof(path), "%s%s", ways[i], leads_on[i] ? hostile.outside : "");
	return path;
}

static void check_not_outside(const struct stat *st)
{
	const struct stat *no[] = {&hostile.dir, &hostile.secret};

	for (size_t i = 0; i < COUNT(no); i++)
		if (st->st_dev == no[i]->st_dev && st->st_ino == no[i]->st_ino)
			fail_msg("call %ld reached outside", hostile.done);
}

static void try_open(int c, const char *dir, int flags)
{
	char path[320], text[8] = "";
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, flags & O_CREAT ? "made" : "secret");
	fd = container_openat(c, path, flags, 0600);
	if (fd < 0)
		return;
	assert_int_equal(fstat(fd, &st), 0);
	check_not_outside(&st);
	if (!(flags & O_CREAT)) {
		assert_int_equal(read(fd, text, 7), 6);
		assert_string_equal(text, "inside");
	}
	close(fd);
}

static void try_stat(int c, const char *path, int flags)
{
	struct stat st;

	if (container_fstatat(c, path, &st, flags) == 0)
		check_not_outside(&st);
}

/* Of the caller's or of the container's own making. */
static int new_tmpfs(int c, bool inside)
{
	int fs = inside ? ok(container_fsopen(c, "tmpfs", FSOPEN_CLOEXEC))
			: (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	int mnt;

	assert_int_equal(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	assert_true(mnt >= 0);
	close(fs);
	return mnt;
}

static void try_mount(int c, const char *path, struct chance *chance)
{
	int mnt = new_tmpfs(c, chance_below(chance, 2));

	container_move_mount(c, mnt, path, 0);
	close(mnt);
	container_umount(c, path, MNT_DETACH | (chance_below(chance, 2) ? UMOUNT_NOFOLLOW : 0));
}

/* The directory that a task begins in is a path of the container's as well. */
static void try_spawn(int c, const char *cwd)
{
	const char *const argv[] = {"stat", "-c", "%d %i", ".", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	char text[64] = "", outside[64];
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	how.argv = argv;
	how.cwd = cwd;
	how.stdio[1] = pipes[1];
	pid = container_spawn(c, &how);
	close(pipes[1]);
	if (pid > 0) {
		(void)!read(pipes[0], text, sizeof(text) - 1);
		status_of(pid);
	}
	close(pipes[0]);
	snprintf(outside, sizeof(outside), "%ld %ld\n", (long)hostile.dir.st_dev,
		 (long)hostile.dir.st_ino);
	if (strcmp(text, outside) == 0)
		fail_msg("call %ld began outside", hostile.done);
}

/* An ordinary call by the fd of the root, with a path that the kernel keeps inside. */
static void try_root(int c, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int root = ok(container_root(c));
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	struct stat st;

	assert_int_equal(fstat(root, &st), 0);
	assert_false(st.st_dev == hostile.root.st_dev && st.st_ino == hostile.root.st_ino);
	if (fd >= 0 && fstat(fd, &st) == 0)
		check_not_outside(&st);
	close(root);
	close(fd);
}

static void try_one(int c, struct chance *chance)
{
	char dir[256], path[320], other[320], text[64];

	snprintf(dir, sizeof(dir), "%s", some_path(chance));
	snprintf(path, sizeof(path), "%s/made", dir);
	snprintf(other, sizeof(other), "%s/made2", some_path(chance));
	/* Dearer than all others together. */
	if (chance_one_in(chance, 100))
		try_spawn(c, dir);
	switch (chance_below(chance, 16)) {
	case 0:
		container_mkdirat(c, path, 0700);
		break;
	case 1:
		container_unlinkat(c, path, AT_REMOVEDIR);
		break;
	case 2:
		container_unlinkat(c, path, 0);
		break;
	case 3:
		container_mknodat(c, path, S_IFIFO | 0600, 0);
		break;
	case 4:
		container_symlinkat("/secret", c, path);
		break;
	case 5:
		container_renameat(c, path, "/tmp/h/moved", 0);
		break;
	case 6:
		container_renameat(c, "/tmp/h/moved", path, 0);
		break;
	case 7:
		container_readlinkat(c, dir, text, sizeof(text));
		break;
	case 8:
		try_stat(c, dir, chance_below(chance, 2) ? AT_SYMLINK_NOFOLLOW : 0);
		break;
	case 9:
		try_open(c, dir, O_WRONLY | O_CREAT | O_NONBLOCK);
		break;
	case 10:
		try_mount(c, dir, chance);
		break;
	case 11:
		container_renameat(c, path, other, RENAME_EXCHANGE);
		break;
	case 12:
		container_renameat(c, path, other, 0);
		break;
	case 13:
		container_unlinkat(c, other, chance_below(chance, 2) ? AT_REMOVEDIR : 0);
		break;
	case 14:
		try_root(c, dir);
		break;
	default:
		try_open(c, dir, O_RDONLY);
	}
}

static void check_outside(void)
{
	char path[192], text[8] = "";
	struct stat st;
	DIR *dir = opendir(hostile.outside);
	int fd;

	assert_non_null(dir);
	for (int i = 0; i < 3; i++)
		assert_non_null(readdir(dir));
	assert_null(readdir(dir));
	closedir(dir);
	assert_int_equal(stat(hostile.outside, &st), 0);
	assert_int_equal(st.st_ino, hostile.dir.st_ino);
	assert_memory_equal(&st.st_mtim, &hostile.dir.st_mtim, sizeof(st.st_mtim));
	assert_memory_equal(&st.st_ctim, &hostile.dir.st_ctim, sizeof(st.st_ctim));
	snprintf(path, sizeof(path), "%s/secret", hostile.outside);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, 7), 7);
	assert_memory_equal(text, "outside", 7);
	close(fd);
	assert_false(file_has("/proc/self/mountinfo", hostile.outside));
}

static void begin(void)
{
	char path[192];
	int fd;

	snprintf(hostile.outside, sizeof(hostile.outside), "%s/outside", private_tree.dir);
	assert_int_equal(mkdir(hostile.outside, 0755), 0);
	snprintf(path, sizeof(path), "%s/secret", hostile.outside);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "outside", 7), 7);
	close(fd);
	assert_int_equal(stat("/", &hostile.root), 0);
	assert_int_equal(stat(hostile.outside, &hostile.dir), 0);
	assert_int_equal(stat(path, &hostile.secret), 0);
}

static void forget(void)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/secret", hostile.outside);
	unlink(path);
	rmdir(hostile.outside);
}

static void check_paths(int c, struct chance *chance)
{
	pid_t pid[3];

	pid[0] = fork_hostile(c, lay_out);
	assert_int_equal(status_of(pid[0]), 0);
	pid[0] = forked(c);
	if (pid[0] == 0)
		for (;;)
			pause();
	pid[1] = fork_hostile(c, run_exchanger);
	pid[2] = fork_hostile(c, run_mounter);
	for (hostile.done = 0; hostile.done < chance_steps(STEPS); hostile.done++)
		try_one(c, chance);
	ok(container_kill(c, SIGKILL));
	for (int i = 2; i >= 0; i--)
		assert_int_equal(status_of(pid[i]), 128 + SIGKILL);
	check_outside();
}

static void test_paths(void **state)
{
	static const unsigned int flags[] = {CONTAINER_NEW_PID_NS, 0,
					     CONTAINER_NEW_PID_NS | CONTAINER_NEW_USER_NS};
	struct chance chance = chance_begin();
	int c;

	(void)state;
	need_private_tree();
	begin();
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = ok(container_create("c",
					CONTAINER_NEW_FS_NS | flags[i] | CONTAINER_FD_CLOEXEC));
		check_paths(c, &chance);
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {library_test(test_paths)};

	return private_tree_run(tests);
}
