/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers whose threads have little stack: the stacks of children are not on it. And what lives on by itself, the
 * watcher, has enough for containers that are nested as deep as they can be.
 */
#include <containerfs/container.h>

#include <pthread.h>
#include <sys/socket.h>

#include "library.h"

#define LITTLE 73728	   /* of a container and what is near it */
#define LITTLE_DEEP 262144 /* as the header says, however deep it is */
#define THREADS 6
#define ROUNDS 20
#define PAGE 4096

struct work {
	void *(*fn)(void *arg);
	int index;
	pthread_t thread;
};

static void begin(struct work *w, size_t stack)
{
	pthread_attr_t attr;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, stack), 0);
	assert_int_equal(pthread_create(&w->thread, &attr, w->fn, w), 0);
	pthread_attr_destroy(&attr);
}

static void finish(struct work *w)
{
	void *failed;

	assert_int_equal(pthread_join(w->thread, &failed), 0);
	assert_null(failed);
}

static char told;

/* In a thread cmocka's checks cannot be used: the first that does not hold is told. */
#define holds(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			dprintf(2, "# %s:%d: %s (%s; %s: %s)\n", __FILE__, __LINE__, #what,        \
				strerror(errno), container_error_last()->step,                     \
				container_error_last()->object);                                   \
			return &told;                                                              \
		}                                                                                  \
	} while (0)

static int spawned(int c)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int status;
	pid_t pid;

	how.argv = argv;
	pid = container_spawn(c, &how);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int closed(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static int count_one(const struct container_info *info, void *arg)
{
	(void)info;
	(*(int *)arg)++;
	return 0;
}

/* Each call that has a child do something. */
static void *calls(void *arg)
{
	const unsigned int flags = CONTAINER_NEW_UTS_NS | CONTAINER_NEW_FS_NS |
				   CONTAINER_NEW_NET_NS | CONTAINER_NEW_USER_NS |
				   CONTAINER_FD_CLOEXEC;
	const struct work *w = arg;
	char name[32], nested[48];
	int c, count = 0;

	snprintf(name, sizeof(name), "c%d", w->index);
	snprintf(nested, sizeof(nested), "%s/nested", name);
	c = container_create(name, flags);
	holds(c >= 0);
	holds(spawned(c) == 0);
	holds(closed(container_create(nested, CONTAINER_NEW_IPC_NS)) == 0);
	holds(container_set_namespace(c, CLONE_NEWIPC, CONTAINER_NS_OWN, -1) == 0);
	holds(container_set_hostname(c, "other") == 0);
	holds(closed(container_socket(c, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == 0);
	holds(closed(container_root(c)) == 0);
	holds(closed(container_openat(c, "/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) == 0);
	holds(container_mkdirat(c, "/tmp/stack", 0700) == 0);
	holds(closed(container_namespace(c, CLONE_NEWNET)) == 0);
	holds(container_walk(c, CONTAINER_WALK_SELF | CONTAINER_WALK_TASKS, count_one, &count) >=
	      0);
	holds(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE) == 0);
	close(c);
	return NULL;
}

static void test_little(void **state)
{
	struct work w = {.fn = calls};

	(void)state;
	need_private_tree();
	begin(&w, LITTLE);
	finish(&w);
}

static void *many_calls(void *arg)
{
	void *failed = NULL;

	for (int i = 0; i < ROUNDS && !failed; i++)
		failed = calls(arg);
	return failed;
}

static void spawn_one(void *arg)
{
	int c = container_open(arg);

	child_holds(c >= 0);
	child_holds(spawned(c) == 0);
}

/* Stacks of several threads at once, and of forks that are made meanwhile, are not one another's. */
static void test_threads(void **state)
{
	char name[] = "forked";
	struct work w[THREADS];
	int c, r = 0;

	(void)state;
	need_private_tree();
	c = make(name, CONTAINER_NEW_UTS_NS);
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct work){.fn = many_calls, .index = i};
		begin(&w[i], LITTLE);
	}
	for (int i = 0; i < ROUNDS && r == 0; i++)
		r = in_child(spawn_one, name);
	for (int i = 0; i < THREADS; i++)
		finish(&w[i]);
	assert_int_equal(r, 0);
	ok(container_remove(c, 0));
	close(c);
}

/* As deep as names go below c, which is called name; the last one's is left in path. */
static int nest(char *path, const char *name)
{
	int n = 0, fd;

	snprintf(path, PAGE, "%s", name);
	do {
		strcat(path, "/n");
		fd = container_create(path, CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC);
		n += fd >= 0;
		closed(fd);
	} while (fd >= 0 && n < 1000);
	path[strlen(path) - 2] = '\0';
	return n;
}

static void *deep_calls(void *arg)
{
	char path[PAGE];
	int c, deep, count = 0;

	(void)arg;
	c = container_create("c", CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC);
	holds(c >= 0);
	holds(nest(path, "c") > 30);
	deep = container_open(path);
	holds(deep >= 0);
	holds(spawned(deep) == 0);
	holds(container_set_hostname(deep, "deep") == 0);
	holds(container_walk(c, CONTAINER_WALK_TASKS | CONTAINER_WALK_RECURSIVE, count_one,
			     &count) >= 0 &&
	      count > 30);
	close(deep);
	holds(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE) == 0);
	close(c);
	return NULL;
}

static void test_deep(void **state)
{
	struct work w = {.fn = deep_calls};

	(void)state;
	need_private_tree();
	begin(&w, LITTLE_DEEP);
	finish(&w);
}

static bool is_empty(const char *entry)
{
	char path[PAGE];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/%s", getenv("CONTAINERFS_STATE"), entry);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	return dir && closedir(dir) == 0 && n == 2;
}

/* By the watcher alone: nobody makes a call that would sweep. */
static void test_watcher_deep(void **state)
{
	char path[PAGE];
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_KILL_ON_CLOSE);
	assert_true(nest(path, "c") > 30);
	close(c);
	for (int i = 0; i < 500 && !(is_empty("limbo") && is_empty("held")); i++)
		usleep(20000);
	assert_true(is_empty("held"));
	assert_true(is_empty("limbo"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_little),
		library_test(test_threads),
		library_test(test_deep),
		library_test(test_watcher_deep),
	};

	return private_tree_run(tests);
}
