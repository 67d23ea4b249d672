/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holes that other runtimes had, tried here, each named by its CVE:
 *
 *   2016-9962   a task of the container looks into what enters it, between setns(2) and execve(2)
 *   2024-21626  a working directory, or a program, by an fd that was not meant for the container
 *
 * The prober is a root with all capabilities in the container's user namespace. It tries each process
 * that is new. The caller has in its memory what the prober knows the address of.
 */
#include <containerfs/container.h>

#include <linux/reboot.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include "chance.h"
#include "library.h"
#include "task.h"

#define STEPS 60
#define USER_NS (CONTAINER_NEW_USER_NS | CONTAINER_NEW_FS_NS)

/* CVE-2016-9962: what the prober found out, shared with it. */

struct found {
	atomic_long tried;		   /* processes looked at */
	atomic_long mem, fd, root, traced; /* those whose ... was the caller's */
	atomic_long args, mounts;	   /* the same, of what everybody may read */
	long root_ino, root_dev;	   /* the host's */
	long outer_dev;			   /* of what the library has open */
	bool inside;			   /* the prober sees no process outside of the container */
};

static struct found *found;
static volatile uint64_t secret; /* 0 in the prober */

static void found_begin(void)
{
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_true(found != MAP_FAILED);
}

static void try_memory(pid_t pid)
{
	char path[64];
	uint64_t value = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&secret) == sizeof(value) && value)
		found->mem++;
	close(fd);
}

static void try_fds(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 2) {
			/* A file system of the host's, where the caller and the library have files open. */
			if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			    (long)st.st_dev == found->outer_dev)
				found->fd++;
		}
	if (dir)
		closedir(dir);
}

static void try_links(pid_t pid)
{
	static const char *const links[] = {"root", "cwd"};
	struct stat st;
	char path[64];

	for (size_t i = 0; i < COUNT(links); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s/", (int)pid, links[i]);
		if (stat(path, &st) == 0 && (long)st.st_ino == found->root_ino &&
		    (long)st.st_dev == found->root_dev)
			found->root++;
	}
}

static bool shows(pid_t pid, const char *file, const char *text)
{
	char path[64], buf[65536];
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buf + len, sizeof(buf) - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	return memmem(buf, len, text, strlen(text));
}

static void try_shown(pid_t pid)
{
	found->args += shows(pid, "cmdline", program_invocation_short_name);
	found->mounts += shows(pid, "mountinfo", "/cradle ");
}

/* Seized, it is the caller's if the caller's memory is seen. */
static void try_trace(pid_t pid)
{
	long value;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return;
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	if (waitpid(pid, NULL, __WALL) == pid) {
		errno = 0;
		value = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)&secret, NULL);
		if (errno == 0 && value)
			found->traced++;
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
}

/* What is new: the number that was given last, and those before it. */
static pid_t last_pid(void)
{
	char text[128] = "", *last;
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);

	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	last = strrchr(text, ' ');
	return last ? (pid_t)atoi(last) : 0;
}

static void probe(void)
{
	pid_t self = (pid_t)syscall(SYS_getpid), begin = last_pid();

	secret = 0;
	for (;;) {
		pid_t last = last_pid();

		for (pid_t pid = last; pid > begin && pid > last - 4; pid--) {
			if (pid == self)
				continue;
			try_memory(pid);
			try_fds(pid);
			try_links(pid);
			try_shown(pid);
			try_trace(pid);
			found->tried++;
		}
	}
}

static pid_t start_prober(int c)
{
	pid_t pid = forked(c);

	if (pid == 0) {
		probe();
		_exit(0);
	}
	return pid;
}

/* What goes on in the container meanwhile: all that has a process of ours in it. */

static void do_spawn(int c)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pid;

	how.argv = argv;
	pid = (pid_t)ok(container_spawn(c, &how));
	status_of(pid);
}

static void do_spawn_user(int c)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pid;

	how.argv = argv;
	how.user = "0:0";
	pid = (pid_t)ok(container_spawn(c, &how));
	status_of(pid);
}

static void do_fork(int c)
{
	pid_t pid = forked(c);

	if (pid == 0) {
		usleep(300);
		_exit(0);
	}
	status_of(pid);
}

static void enter(void *arg)
{
	child_holds(container_enter(*(int *)arg, 0) == 0);
	usleep(300);
}

static void do_enter(int c)
{
	assert_int_equal(in_child(enter, &c), 0);
}

static void do_attach(int c)
{
	struct task task = task_begin(task_pause, NULL);

	container_attach(c, task.pid, CLONE_NEWUTS | CLONE_NEWPID);
	task_kill(&task);
}

static void do_fsopen(int c)
{
	static const char *const names[] = {"proc", "mqueue", "tmpfs"};

	for (size_t i = 0; i < COUNT(names); i++)
		close(ok(container_fsopen(c, names[i], FSOPEN_CLOEXEC)));
}

static void do_files(int c)
{
	close(ok(container_root(c)));
	close(ok(container_openat(c, "/etc/passwd", O_RDONLY, 0)));
	close(ok(container_socket(c, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
}

static void do_mount(int c)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, private_tree.dir,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	ok(container_move_mount(c, tree, "/mnt", 0));
	close(tree);
	ok(container_umount(c, "/mnt", MNT_DETACH));
}

static void do_key(int c)
{
	ok(container_add_key(c, "user", "cve", "payload", 7));
}

static void do_maps(int c)
{
	int nested =
		ok(container_create_at(c, "nested", CONTAINER_NEW_USER_NS | CONTAINER_NEW_UTS_NS));
	char text[4096];

	ok(container_get_id_map(nested, CONTAINER_UID_MAP, text, sizeof(text)));
	ok(container_set_id_map(nested, CONTAINER_UID_MAP, "0 0 1000\n"));
	ok(container_remove(nested, 0));
	close(nested);
	nested = ok(container_create_at(c, "inherits", CONTAINER_NEW_UTS_NS));
	ok(container_get_id_map(nested, CONTAINER_UID_MAP, text, sizeof(text)));
	ok(container_remove(nested, 0));
	close(nested);
}

static const struct {
	const char *name;
	void (*fn)(int c);
} doings[] = {
	{"spawn", do_spawn},   {"spawn as a user", do_spawn_user},
	{"fork", do_fork},     {"enter", do_enter},
	{"attach", do_attach}, {"fsopen", do_fsopen},
	{"files", do_files},   {"mount", do_mount},
	{"keys", do_key},      {"id maps", do_maps},
};

/* Told of each, and failed for at the end. */
static bool is_clean(const char *what, long tried)
{
	bool clean = !found->mem && !found->fd && !found->root && !found->traced;

	printf("# %s: %ld processes tried; memory %ld, fds %ld, root %ld, traced %ld times\n", what,
	       (long)found->tried - tried, (long)found->mem, (long)found->fd, (long)found->root,
	       (long)found->traced);
	/* Who forks or enters has its caller's arguments until it executes. */
	if (strcmp(what, "fsopen") == 0 && found->inside) {
		printf("# %s: arguments %ld, mounts %ld times\n", what, (long)found->args,
		       (long)found->mounts);
		clean &= !found->args && !found->mounts;
	}
	/* What hides a child that shares the caller's memory hides the caller as well. */
	if (prctl(PR_GET_DUMPABLE) != 1) {
		print_error("# %s: the caller cannot be traced any more\n", what);
		clean = false;
	}
	found->mem = found->fd = found->root = found->traced = found->args = found->mounts = 0;
	return clean;
}

static void check_prober(int c, long steps)
{
	pid_t init = task_pause_in(c), prober = start_prober(c);
	bool clean = true;
	long tried;

	for (size_t i = 0; i < COUNT(doings); i++) {
		tried = found->tried;
		for (long n = 0; n < steps; n++)
			doings[i].fn(c);
		clean &= is_clean(doings[i].name, tried);
	}
	assert_true(found->tried > steps);
	assert_true(clean);
	task_ends(prober);
	task_ends(init);
}

/* An agent that a task of the container stops goes on. */
static void run_stopper(void)
{
	pid_t self = (pid_t)syscall(SYS_getpid), begin = last_pid();

	for (;;) {
		pid_t last = last_pid();

		for (pid_t pid = last; pid > begin && pid > last - 4; pid--)
			if (pid != self && kill(pid, SIGSTOP) == 0)
				found->tried++;
		/* It is looked whether a stopped one goes on, not whether it ever gets anywhere. */
		usleep(200);
	}
}

static void be_stopped(void *arg)
{
	for (int i = 0; i < 8; i++) {
		pid_t pid;

		do_fsopen(*(int *)arg);
		pid = forked(*(int *)arg);
		if (pid == 0)
			_exit(0);
		/* In it, it is theirs to stop. */
		task_ends(pid);
		if (i % 4 == 0)
			do_attach(*(int *)arg);
	}
}

static void test_stopped(void **state)
{
	pid_t init, stopper;
	int c;

	(void)state;
	need_private_tree();
	found_begin();
	c = make("c", USER_NS | CONTAINER_NEW_PID_NS);
	init = task_pause_in(c);
	stopper = forked(c);
	if (stopper == 0)
		run_stopper();
	assert_int_equal(in_child(be_stopped, &c), 0);
	printf("# %ld times stopped\n", (long)found->tried);
	assert_true(found->tried > 0);
	ok(container_remove(c, CONTAINER_REMOVE_KILL));
	status_of(stopper);
	status_of(init);
	munmap(found, sizeof(*found));
	close(c);
}

static void test_2016_9962(void **state)
{
	static const unsigned int flags[] = {CONTAINER_NEW_PID_NS, 0};
	struct stat st;
	int c;

	(void)state;
	need_private_tree();
	found_begin();
	assert_int_equal(stat("/", &st), 0);
	found->root_ino = (long)st.st_ino;
	found->root_dev = (long)st.st_dev;
	assert_int_equal(stat(private_tree.dir, &st), 0);
	found->outer_dev = (long)st.st_dev;
	secret = 0x5ec7e7;
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = make("c", USER_NS | flags[i] | CONTAINER_NEW_UTS_NS);
		found->inside = flags[i] & CONTAINER_NEW_PID_NS;
		check_prober(c, chance_steps(STEPS));
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
	munmap(found, sizeof(*found));
}

/* CVE-2024-21626: each path leads to a file system of the host's, if anywhere. */

#define FDS 24
#define FAR_FD 1500

/* fds that the caller has forgotten to close, of the host's root. */
static void open_fds(int fds[FDS + 1])
{
	allow_fds(FAR_FD);
	for (int i = 0; i < FDS; i++) {
		fds[i] = open("/", O_RDONLY | O_DIRECTORY);
		assert_true(fds[i] >= 0);
	}
	fds[FDS] = dup2(fds[0], FAR_FD);
	assert_int_equal(fds[FDS], FAR_FD);
}

static void close_fds(const int fds[FDS + 1])
{
	for (int i = 0; i <= FDS; i++)
		close(fds[i]);
}

static void check_cwd(int c, const char *cwd, bool optional)
{
	const char *const argv[] = {"readlink", "/proc/self/cwd", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	char text[256];

	how.argv = argv;
	how.cwd = cwd;
	how.flags = optional ? CONTAINER_SPAWN_CWD_OPTIONAL : 0;
	if (!optional) {
		if (container_spawn(c, &how) != -1)
			fail_msg("\"%s\" was a directory to work in", cwd);
		assert_string_equal(container_error_last()->step, "change directory");
		return;
	}
	assert_int_equal(run_output(c, &how, text, sizeof(text)), 0);
	assert_string_equal(text, "/\n");
}

static void check_program(int c, const char *path)
{
	const char *const argv[] = {path, NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	fails(ENOENT, container_spawn(c, &how));
	assert_string_equal(container_error_last()->step, "exec");
}

static void check_script(int c, int n)
{
	char text[64];
	int fd = ok(container_openat(c, "/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755));

	dprintf(fd, "#!/proc/self/fd/%d/bin/sh\n", n);
	close(fd);
	check_program(c, "/tmp/script");
	snprintf(text, sizeof(text), "/proc/self/fd/%d/bin/sh", n);
	check_program(c, text);
}

static void check_ways(int c, int n)
{
	char path[64], link[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", n);
	snprintf(link, sizeof(link), "/tmp/link%d", n);
	ok(container_symlinkat(path, c, link));
	for (int optional = 0; optional < 2; optional++) {
		check_cwd(c, path, optional);
		check_cwd(c, link, optional);
	}
	strcat(path, "/..");
	check_cwd(c, path, false);
}

static void test_2024_21626(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS,
					     CONTAINER_NEW_PID_NS | CONTAINER_NEW_USER_NS};
	int c, fds[FDS + 1];

	(void)state;
	need_private_tree();
	open_fds(fds);
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = ok(container_create("c", flags[i] | CONTAINER_NEW_FS_NS));
		/* Those of the library are among them. */
		for (int n = 3; n < FDS + 40; n++)
			check_ways(c, n);
		check_ways(c, FAR_FD);
		check_script(c, fds[0]);
		check_script(c, FAR_FD);
		if (!flags[i]) {
			check_cwd(c, "/proc/1/root", false);
			check_cwd(c, "/proc/1/cwd", true);
		}
		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
	close_fds(fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_2016_9962),
		library_test(test_stopped),
		library_test(test_2024_21626),
	};

	return private_tree_run(tests);
}
