/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits and adopted cgroups by the library: errors, and what runs at the same time. Which limit it is
 * does not matter: one of a controller that this machine has in cgroup v2.
 */
#include <containerfs/container.h>

#include <dirent.h>
#include <pthread.h>

#include "library.h"
#include "task.h"

/* For a controller: a limit that every kernel with it has, and two values. */
static const struct limit {
	const char *controller, *file, *set, *is, *other;
} limits[] = {
	{"pids", "pids.max", "1K", "1024\n", "2000"},
	{"memory", "memory.high", "512M", "536870912\n", "1073741824"},
	{"hugetlb", "hugetlb.2MB.max", "2M", "2097152\n", "4194304"},
	{"hugetlb", "hugetlb.1GB.max", "1G", "1073741824\n", "2147483648"},
};

/* The cgroup2 mount, from the init container's cgroup. */
static int open_mount(void)
{
	int some = make("some", 0), root = ok(container_open("/")),
	    cgroup = ok(container_cgroup(root));
	int mount = openat(cgroup, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(mount >= 0);
	ok(container_remove(some, 0));
	close(some);
	close(cgroup);
	close(root);
	return mount;
}

static void read_at(int dir, const char *file, char *buf, size_t size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

/* NULL: none here. */
static const struct limit *find_limit(void)
{
	int mount = open_mount();
	char list[512];

	read_at(mount, "cgroup.controllers", list, sizeof(list));
	close(mount);
	for (size_t i = 0; i < COUNT(limits); i++) {
		int c, r;

		if (!strstr(list, limits[i].controller))
			continue;
		c = make("probe", 0);
		r = container_set_limit(c, limits[i].file, limits[i].set);
		ok(container_remove(c, 0));
		close(c);
		if (r == 0)
			return &limits[i];
	}
	return NULL;
}

static void check_in_force(int c, const struct limit *l)
{
	int cgroup = ok(container_cgroup(c));
	char text[64];

	read_at(cgroup, l->file, text, sizeof(text));
	assert_string_equal(text, l->is);
	close(cgroup);
}

static void test_set_and_get(void **state)
{
	const struct limit *l;
	char buf[4096], small[4];
	int c, root;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	root = ok(container_open("/"));
	assert_int_equal(ok(container_get_limit(c, NULL, buf, sizeof(buf))), 0);
	fails(ENODATA, container_get_limit(c, "pids.max", buf, sizeof(buf)));
	fails(EINVAL, container_get_limit(c, "cgroup.procs", buf, sizeof(buf)));
	fails(EINVAL, container_set_limit(c, "cgroup.procs", "1"));
	fails(EINVAL, container_set_limit(c, "pids.max", ""));
	fails(EBADF, container_set_limit(-1, "pids.max", "1"));
	fails(EOPNOTSUPP, container_set_limit(c, "nosuch.max", "1"));
	l = find_limit();
	if (!l) {
		print_message("# skipped: no controller in cgroup v2\n");
		goto end;
	}
	fails(EPERM, container_set_limit(root, l->file, l->set));
	ok(container_set_limit(c, l->file, l->set));
	check_in_force(c, l);
	assert_int_equal(ok(container_get_limit(c, l->file, buf, sizeof(buf))), strlen(l->is));
	assert_string_equal(buf, l->is);
	assert_int_equal(ok(container_get_limit(c, NULL, buf, sizeof(buf))),
			 strlen(l->file) + 1 + strlen(l->is));
	fails(ERANGE, container_get_limit(c, l->file, small, sizeof(small)));
	fails(ERANGE, container_get_limit(c, NULL, small, sizeof(small)));
	fails(EINVAL, container_set_limit(c, l->file, "nonsense"));
	check_in_force(c, l);
	ok(container_set_limit(c, l->file, "max"));
	assert_int_equal(ok(container_get_limit(c, NULL, buf, sizeof(buf))), 0);
end:
	ok(container_remove(c, 0));
	fails(ENOENT, container_set_limit(c, "pids.max", "1"));
	fails(ENOENT, container_get_limit(c, NULL, buf, sizeof(buf)));
	close(root);
	close(c);
}

/* It ends with its fd, and had its limit before its first task. */
static void test_transient(void **state)
{
	const struct limit *l;
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	l = find_limit();
	if (!l)
		return;
	c = make("c", CONTAINER_KILL_ON_CLOSE | CONTAINER_NEW_PID_NS);
	ok(container_set_limit(c, l->file, l->set));
	pid = spawn_sh(c, "sleep 1000", NULL);
	check_in_force(c, l);
	assert_true(info_of(c).init > 0);
	close(c);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
}

/* The container with those nested in it, and its task. */
static void end_all(int c, pid_t pid)
{
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	ok(container_wait(c, 5000));
	ok(container_remove(c, CONTAINER_REMOVE_RECURSIVE));
}

static bool stop_racing;

struct racer {
	pthread_t thread;
	int container;
	char why[128]; /* it failed */
};

/* Tasks come into the parent all the time, by spawn and by fork(2) of those that are there. */
static void *race(void *arg)
{
	struct racer *racer = arg;

	while (!__atomic_load_n(&stop_racing, __ATOMIC_RELAXED)) {
		const char *const argv[] = {"sh", "-c", "(true & wait) & wait", NULL};
		struct container_spawn how = CONTAINER_SPAWN_INIT;
		int status;
		pid_t pid;

		how.argv = argv;
		pid = container_spawn(racer->container, &how);
		if (pid < 0)
			snprintf(racer->why, sizeof(racer->why), "%s",
				 container_error_last()->step);
		else if (waitpid(pid, &status, 0) != pid || status)
			snprintf(racer->why, sizeof(racer->why), "a task failed");
	}
	return NULL;
}

static void check_runs(int c, pid_t pid)
{
	struct container_info info = info_of(c);
	int cgroup, status = 0;
	char own[256], leaf[256], events[256];
	pid_t ended;

	if (info.tasks >= 1)
		return;
	cgroup = ok(container_cgroup(c));
	read_at(cgroup, "cgroup.procs", own, sizeof(own));
	read_at(cgroup, "tasks/cgroup.procs", leaf, sizeof(leaf));
	read_at(cgroup, "cgroup.events", events, sizeof(events));
	ended = waitpid(pid, &status, WNOHANG);
	fail_msg("%zu tasks, state %d; of %d waitpid says %d, %x; own: %s leaf: %s events: %s",
		 info.tasks, (int)info.state, (int)pid, (int)ended, (unsigned int)status, own, leaf,
		 events);
}

static void test_nested_race(void **state)
{
	const struct limit *l;
	struct racer racer[2];
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	l = find_limit();
	if (!l)
		return;
	for (int round = 0; round < 5; round++) {
		int nested[3];

		stop_racing = false;
		c = make("c", 0);
		pid = spawn_sh(c, "while :; do (true); done", NULL);
		for (size_t i = 0; i < COUNT(racer); i++) {
			racer[i] = (struct racer){.container = c};
			assert_int_equal(pthread_create(&racer[i].thread, NULL, race, &racer[i]),
					 0);
		}
		for (size_t i = 0; i < COUNT(nested); i++) {
			nested[i] = ok(container_create_at(c, NULL, CONTAINER_FD_CLOEXEC));
			if (container_set_limit(nested[i], l->file, l->set) < 0)
				fail_msg("%s: %s", container_error_last()->step, strerror(errno));
			check_in_force(nested[i], l);
		}
		__atomic_store_n(&stop_racing, true, __ATOMIC_RELAXED);
		for (size_t i = 0; i < COUNT(racer); i++) {
			pthread_join(racer[i].thread, NULL);
			assert_string_equal(racer[i].why, "");
		}
		check_runs(c, pid);
		end_all(c, pid);
		for (size_t i = 0; i < COUNT(nested); i++)
			close(nested[i]);
		close(c);
	}
}

static void check_of(pid_t pid, const char *name)
{
	int of = ok(container_of(pid));
	char path[64];

	assert_true(ok(container_path(of, path, sizeof(path))) > 0);
	assert_string_equal(path, name);
	close(of);
}

/* Membership alone. */
static void check_attach(int c, pid_t pid, const char *name)
{
	ok(container_attach(c, pid, CLONE_NEWUTS));
	check_of(pid, name);
}

/* A task of a container that moved to the leaf is found, signalled, frozen and waited for as before. */
static void test_leaf(void **state)
{
	const struct limit *l;
	struct task other;
	pid_t pid, pids[4];
	int c, nested;
	char text[64];

	(void)state;
	need_private_tree();
	l = find_limit();
	if (!l)
		return;
	c = make("c", CONTAINER_NEW_PID_NS);
	nested = ok(container_create_at(c, "nested", CONTAINER_FD_CLOEXEC));
	pid = spawn_sh(c, "trap 'exit 7' USR1; while :; do sleep 0.01; done", NULL);
	ok(container_set_limit(nested, l->file, l->set));
	assert_in_range(ok(container_tasks(c, pids, COUNT(pids))), 1, 2);
	assert_int_equal(info_of(c).init, pid);
	check_of(pid, "/c");
	ok(container_freeze(c, 1));
	assert_int_equal(info_of(c).state, CONTAINER_FROZEN);
	fails(EBUSY, container_spawn(c, &(struct container_spawn){
						.size = sizeof(struct container_spawn),
						.argv = (const char *const[]){"true", NULL},
						.stdio = {-1, -1, -1},
						.root = -1}));
	ok(container_freeze(c, 0));
	assert_int_equal(run_sh(c, "exit 3", text, sizeof(text)), 3);
	other = task_begin(task_pause, NULL);
	check_attach(c, other.pid, "/c");
	check_attach(nested, other.pid, "/c/nested");
	task_kill(&other);
	ok(container_kill(c, SIGUSR1));
	assert_int_equal(status_of(pid), 7);
	ok(container_wait(c, 5000));
	assert_int_equal(info_of(c).state, CONTAINER_STOPPED);
	ok(container_remove(c, CONTAINER_REMOVE_RECURSIVE));
	close(nested);
	close(c);
}

static void test_adopt(void **state)
{
	char name[64];
	int c, nested, mount, dir;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	mount = open_mount();
	snprintf(name, sizeof(name), "containerfs-adopt-unit-%d", (int)getpid());
	assert_int_equal(mkdirat(mount, name, 0755), 0);
	dir = openat(mount, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fails(EBADF, container_adopt_cgroup(c, 1000));
	fails(EINVAL, container_adopt_cgroup(c, c));
	ok(container_adopt_cgroup(c, dir));
	nested = ok(container_create_at(c, "nested", CONTAINER_FD_CLOEXEC));
	fails(EOPNOTSUPP, container_adopt_cgroup(nested, dir));
	fails(ENOTEMPTY, container_adopt_cgroup(c, dir));
	pid = spawn_sh(nested, "sleep 1000", NULL);
	check_of(pid, "/c/nested");
	fails(EBUSY, container_remove(c, CONTAINER_REMOVE_RECURSIVE));
	end_all(c, pid);
	close(nested);
	close(c);
	/* It goes with its fd, from there too. */
	c = make("c", CONTAINER_KILL_ON_CLOSE);
	ok(container_adopt_cgroup(c, dir));
	pid = spawn_sh(c, "sleep 1000", NULL);
	close(c);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	for (int i = 0; i < 500 && unlinkat(mount, name, AT_REMOVEDIR) < 0; i++)
		usleep(10000);
	assert_int_equal(faccessat(mount, name, F_OK, 0), -1);
	/* Who has removed it may not be done with the rest. */
	c = ok(container_open("/"));
	for (int i = 0; i < 500 && container_remove(c, 0) < 0; i++)
		usleep(10000);
	close(c);
	close(dir);
	close(mount);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_set_and_get), library_test(test_transient),
		library_test(test_nested_race), library_test(test_leaf),
		library_test(test_adopt),
	};

	return private_tree_run(tests);
}
