/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * walk DIR SEED SECONDS: random operations below DIR, a container's directory in the tree, by ordinary
 * system calls, each compared with what a model says of it; again and again the whole of what DIR
 * shows is compared too. At the end the model is printed, a container a line:
 *
 *	NAME own=TYPE,... shared=TYPE,... tasks=N
 *
 * with names relative to DIR. Exit status 1 and a message at the first difference. Everything has to
 * be as the model says: nobody else changes containers below DIR.
 *
 * Tasks are children of this program that sleep, so they end with it (PR_SET_PDEATHSIG).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/chance.h"

#define ITEMS 24
#define TASKS 6
#define TYPES 3
#define DEPTH 5
#define PATH_SIZE 512

static const char *const type_names[TYPES] = {"ipc", "network", "uts"};

/* Item 0 is DIR. Of a type it has nothing (0), its own (1), or another's (2): then group tells whose. */
struct item {
	bool used;
	int parent;
	char name[8];
	int has[TYPES];
	int group[TYPES];
};

struct group {
	ino_t inode;
	char hostname[32];
};

static struct item item[ITEMS];
static struct group *group;
static int group_count;
static struct {
	pid_t pid; /* 0: none */
	int item;
} task[TASKS];
static const char *top;
static struct chance chance;
static char did[4 * PATH_SIZE];
static long operations;

__attribute__((format(printf, 1, 2), noreturn)) static void differs(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "walk: operation %ld, %s: ", operations, did);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
	exit(1);
}

/* What the system call that was just done says, and what the model says: 0 or an errno. */
static void expect(int wanted, int result)
{
	int got = result < 0 ? errno : 0;

	if (got != wanted)
		differs("%s instead of %s", strerror(got), strerror(wanted));
}

static const char *path_of(int i, const char *entry)
{
	static char paths[4][PATH_SIZE];
	static unsigned int next;
	char below[PATH_SIZE] = "", *path = paths[next++ % 4];

	for (; i > 0; i = item[i].parent) {
		char longer[PATH_SIZE];

		snprintf(longer, sizeof(longer), "/%s%.400s", item[i].name, below);
		strcpy(below, longer);
	}
	snprintf(path, PATH_SIZE, "%s%.300s%s%s", top, below, entry[0] ? "/" : "", entry);
	return path;
}

static int depth_of(int i)
{
	return i == 0 ? 0 : 1 + depth_of(item[i].parent);
}

static bool is_within(int i, int above)
{
	for (; i != above; i = item[i].parent)
		if (i == 0)
			return false;
	return true;
}

static int child_named(int parent, const char *name)
{
	for (int i = 1; i < ITEMS; i++)
		if (item[i].used && item[i].parent == parent && strcmp(item[i].name, name) == 0)
			return i;
	return 0;
}

static bool has_child(int parent)
{
	for (int i = 1; i < ITEMS; i++)
		if (item[i].used && item[i].parent == parent)
			return true;
	return false;
}

static int tasks_of(int i)
{
	int n = 0;

	for (int t = 0; t < TASKS; t++)
		n += task[t].pid && task[t].item == i;
	return n;
}

static int tasks_within(int above)
{
	int n = 0;

	for (int t = 0; t < TASKS; t++)
		n += task[t].pid && is_within(task[t].item, above);
	return n;
}

static int any(void)
{
	int i;

	do
		i = (int)chance_below(&chance, ITEMS);
	while (!item[i].used);
	return i;
}

static int any_but_top(void)
{
	int i = any();

	return i ? i : any();
}

static const char *any_name(void)
{
	static const char *const names[] = {"a", "b", "c", "d", "tmp"};

	return names[chance_below(&chance, sizeof(names) / sizeof(names[0]))];
}

/* --- operations --- */

static void do_mkdir(void)
{
	int parent = any(), free_one = 1;
	const char *name = any_name(), *path = path_of(parent, name);

	while (free_one < ITEMS && item[free_one].used)
		free_one++;
	if (free_one == ITEMS || depth_of(parent) >= DEPTH)
		return;
	snprintf(did, sizeof(did), "mkdir %s", path);
	expect(child_named(parent, name) ? EEXIST : 0, mkdir(path, 0755));
	if (child_named(parent, name))
		return;
	item[free_one] = (struct item){.used = true, .parent = parent};
	strcpy(item[free_one].name, name);
}

static void do_rmdir(void)
{
	int i = any_but_top(), r;
	bool busy = tasks_of(i) > 0, full = has_child(i);

	snprintf(did, sizeof(did), "rmdir %s", path_of(i, ""));
	if (i == 0)
		return;
	r = rmdir(path_of(i, ""));
	if (busy && full)
		expect(errno == EBUSY ? EBUSY : ENOTEMPTY, r);
	else
		expect(busy ? EBUSY : full ? ENOTEMPTY : 0, r);
	item[i].used = busy || full;
}

static void do_rename(void)
{
	int i = any_but_top(), other;
	const char *name = any_name();

	if (i == 0)
		return;
	snprintf(did, sizeof(did), "mv %s %s", path_of(i, ""), path_of(item[i].parent, name));
	other = child_named(item[i].parent, name);
	expect(other && other != i ? EEXIST : 0,
	       rename(path_of(i, ""), path_of(item[i].parent, name)));
	if (!other)
		strcpy(item[i].name, name);
}

static void do_move(void)
{
	int i = any_but_top(), to = any();
	const char *name = any_name();

	if (i == 0 || to == item[i].parent || is_within(to, i) || child_named(to, name))
		return;
	snprintf(did, sizeof(did), "mv %s %s", path_of(i, ""), path_of(to, name));
	expect(EPERM, rename(path_of(i, ""), path_of(to, name)));
}

static int new_group(int i, int type)
{
	struct stat st;

	group = realloc(group, (size_t)(group_count + 1) * sizeof(*group));
	if (!group)
		abort();
	group[group_count] = (struct group){0};
	if (stat(path_of(i, type_names[type]), &st) < 0)
		differs("it is made, and stat says %s", strerror(errno));
	group[group_count].inode = st.st_ino;
	return group_count++;
}

static void do_touch(void)
{
	int i = any_but_top(), type = (int)chance_below(&chance, TYPES), fd;
	const char *path = path_of(i, type_names[type]);

	if (i == 0)
		return;
	snprintf(did, sizeof(did), "touch %s", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	expect(item[i].has[type] ? EEXIST : 0, fd);
	if (fd < 0)
		return;
	close(fd);
	item[i].has[type] = 1;
	item[i].group[type] = new_group(i, type);
}

static void relative(int from, int to, const char *entry, char target[PATH_SIZE])
{
	target[0] = '\0';
	for (int n = depth_of(from); n > 0; n--)
		strcat(target, "../");
	strcat(target, path_of(to, entry) + strlen(top) + 1);
}

static void do_link(void)
{
	int i = any_but_top(), other = any_but_top(), type = (int)chance_below(&chance, TYPES);
	int way = (int)chance_below(&chance, 3), r;
	char path[PATH_SIZE], target[PATH_SIZE];

	if (i == 0 || other == 0 || (way && !item[other].has[type]))
		return;
	strcpy(path, path_of(i, type_names[type]));
	strcpy(target, path_of(other, type_names[type]));
	if (way == 1)
		relative(i, other, type_names[type], target);
	snprintf(did, sizeof(did), "ln %s %s %s", way ? "-s" : "", target, path);
	r = way ? symlink(target, path) : link(target, path);
	if (item[i].has[type] && (way || item[other].has[type])) {
		expect(EEXIST, r);
		return;
	}
	if (!item[other].has[type] && item[i].has[type]) {
		expect(errno == EEXIST ? EEXIST : ENOENT, r);
		return;
	}
	expect(item[other].has[type] ? 0 : ENOENT, r);
	if (r < 0)
		return;
	item[i].has[type] = 2;
	item[i].group[type] = item[other].group[type];
}

static void do_unlink(void)
{
	int i = any_but_top(), type = (int)chance_below(&chance, TYPES);

	if (i == 0)
		return;
	snprintf(did, sizeof(did), "rm %s", path_of(i, type_names[type]));
	expect(item[i].has[type] ? 0 : ENOENT, unlink(path_of(i, type_names[type])));
	item[i].has[type] = 0;
}

static int put(int i, const char *entry, const char *text)
{
	const char *path = path_of(i, entry);
	int fd = open(path, O_WRONLY | O_CLOEXEC), e;
	ssize_t n;

	snprintf(did, sizeof(did), "echo %s >%s", text, path);
	if (fd < 0)
		differs("open: %s", strerror(errno));
	n = write(fd, text, strlen(text));
	e = errno;
	close(fd);
	errno = e;
	return n < 0 ? -1 : 0;
}

static void get(int i, const char *entry, char *buf, size_t size)
{
	const char *path = path_of(i, entry);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		differs("read %s: %s", path, strerror(errno));
	buf[n] = '\0';
	close(fd);
	if (n > 0 && buf[n - 1] != '\n')
		differs("%s does not end in a newline", path);
}

static void do_hostname(void)
{
	int i = any_but_top(), uts = TYPES - 1;
	char name[32];

	if (i == 0)
		return;
	snprintf(name, sizeof(name), "h%llx\n", (unsigned long long)chance_next(&chance));
	expect(item[i].has[uts] == 1 ? 0 : EPERM, put(i, "hostname", name));
	if (item[i].has[uts] == 1)
		strcpy(group[item[i].group[uts]].hostname, name);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid < 0)
		differs("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void do_task(void)
{
	int i = any(), t = (int)chance_below(&chance, TASKS);
	bool is_new = !task[t].pid;
	char text[16];

	if (is_new) {
		task[t].pid = sleeper();
		task[t].item = 0;
		snprintf(text, sizeof(text), "%d", task[t].pid);
		expect(0, put(0, "tasks", text));
	}
	snprintf(text, sizeof(text), "%d\n", task[t].pid);
	expect(is_within(i, task[t].item) ? 0 : EPERM, put(i, "tasks", text));
	if (is_within(i, task[t].item))
		task[t].item = i;
}

static void do_kill(void)
{
	int i = any_but_top();
	int way = (int)chance_below(&chance, 2);

	if (i == 0)
		return;
	if (way) {
		snprintf(did, sizeof(did), "rm %s", path_of(i, "tasks"));
		expect(0, unlink(path_of(i, "tasks")));
	} else {
		expect(tasks_within(i) ? 0 : ESRCH, put(i, "kill", "KILL"));
	}
	for (int t = 0; t < TASKS; t++)
		if (task[t].pid && is_within(task[t].item, i)) {
			waitpid(task[t].pid, NULL, 0);
			task[t].pid = 0;
		}
}

static void do_freeze(void)
{
	int i = any_but_top();
	char state[32];

	if (i == 0 || tasks_within(i) == 0)
		return;
	expect(0, put(i, "freeze", "1\n"));
	get(i, "state", state, sizeof(state));
	if (strcmp(state, "frozen\n") != 0)
		differs("state is %s", state);
	expect(0, put(i, "freeze", "0\n"));
	get(i, "state", state, sizeof(state));
	if (strcmp(state, "running\n") != 0)
		differs("state is %s", state);
}

/* --- the whole --- */

static bool is_fixed(const char *name)
{
	static const char *const names[] = {".",       "..",	  "tasks",    "init",	"state",
					    "id",      "status",  "hostname", "freeze", "kill",
					    "uid_map", "gid_map", "cgroup.d"};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		if (strcmp(names[n], name) == 0)
			return true;
	return false;
}

static void check_entries(int i)
{
	DIR *dir = opendir(path_of(i, ""));
	int wanted = 0, found = 0;
	struct dirent *e;

	snprintf(did, sizeof(did), "ls %s", path_of(i, ""));
	if (!dir)
		differs("%s", strerror(errno));
	for (int n = 1; n < ITEMS; n++)
		wanted += item[n].used && item[n].parent == i;
	for (int t = 0; t < TYPES; t++)
		wanted += item[i].has[t] != 0;
	while ((e = readdir(dir))) {
		bool known = child_named(i, e->d_name) != 0;

		if (is_fixed(e->d_name))
			continue;
		for (int t = 0; t < TYPES; t++)
			known |= item[i].has[t] && strcmp(type_names[t], e->d_name) == 0;
		if (!known)
			differs("\"%s\" should not be there", e->d_name);
		found++;
	}
	closedir(dir);
	if (found != wanted)
		differs("%d entries instead of %d", found, wanted);
}

static void check_values(int i)
{
	char text[512], *p = text;
	int count = 0, uts = TYPES - 1;
	struct stat st;

	for (int t = 0; t < TYPES; t++)
		if (item[i].has[t] && (stat(path_of(i, type_names[t]), &st) < 0 ||
				       st.st_ino != group[item[i].group[t]].inode))
			differs("%s is another one", path_of(i, type_names[t]));
	if (item[i].has[uts] && group[item[i].group[uts]].hostname[0]) {
		get(i, "hostname", text, sizeof(text));
		if (strcmp(text, group[item[i].group[uts]].hostname) != 0)
			differs("the hostname is %s", text);
	}
	get(i, "tasks", text, sizeof(text));
	while (*p) {
		pid_t pid = (pid_t)strtol(p, &p, 10);
		bool known = false;

		for (int t = 0; t < TASKS; t++)
			known |= task[t].pid == pid && task[t].item == i;
		if (!known)
			differs("task %d in %s", pid, path_of(i, ""));
		p += strspn(p, "\n");
		count++;
	}
	if (count != tasks_of(i))
		differs("%d tasks instead of %d in %s", count, tasks_of(i), path_of(i, ""));
}

static void check_all(void)
{
	for (int i = 0; i < ITEMS; i++)
		if (item[i].used) {
			check_entries(i);
			check_values(i);
		}
}

static void print_types(int i, int has)
{
	const char *between = "";

	for (int t = 0; t < TYPES; t++)
		if (item[i].has[t] == has) {
			printf("%s%s", between, type_names[t]);
			between = ",";
		}
}

static void print_all(void)
{
	for (int i = 1; i < ITEMS; i++)
		if (item[i].used) {
			printf("%s own=", path_of(i, "") + strlen(top) + 1);
			print_types(i, 1);
			printf(" shared=");
			print_types(i, 2);
			printf(" tasks=%d\n", tasks_of(i));
		}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static void (*const list[])(void) = {do_mkdir,	do_mkdir, do_mkdir,  do_rmdir,	do_rmdir,
					     do_rename, do_move,  do_touch,  do_touch,	do_link,
					     do_link,	do_link,  do_unlink, do_unlink, do_hostname,
					     do_task,	do_task,  do_kill,   do_freeze};
	time_t end;

	if (argc != 4)
		return 2;
	top = argv[1];
	chance.state = strtoull(argv[2], NULL, 0);
	end = time(NULL) + atoi(argv[3]);
	item[0].used = true;
	while (time(NULL) < end) {
		list[chance_below(&chance, sizeof(list) / sizeof(list[0]))]();
		if (++operations % 32 == 0)
			check_all();
	}
	check_all();
	print_all();
	fprintf(stderr, "%ld operations\n", operations);
	/* The tasks stay until it is known that the other view shows them too. */
	pause();
	return 0;
}
