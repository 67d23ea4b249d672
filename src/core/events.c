/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "ended.h"
#include "error.h"
#include "init.h"
#include "kernel.h"
#include "proc.h"
#include "walk.h"

#define DIR_EVENTS                                                                                 \
	(IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF |          \
	 IN_ONLYDIR)
#define CGROUP_EVENTS (IN_CREATE | IN_ONLYDIR)
#define WATCHES 3	/* its directory, its cgroup, its cgroup.events */
#define END_TIMEOUT 100 /* ms */
#define INIT_SHARE 4	/* of the fds that the process may have */

struct known {
	uint64_t id;
	char *path;
	enum container_state state;
	bool runs;
	char init[INIT_TEXT_SIZE]; /* the record of init: another one means another run */
	bool is_init;		   /* of this run, and not of the one before */
	int pidfd;		   /* of init; -EBADF */
	int watch[WATCHES];	   /* -1: to be set */
};

struct told {
	enum container_event_type type;
	uint64_t id;
	char *path;
	int status;
};

struct container_events {
	int container, inotify;
	bool first, again;
	bool blind;	     /* not all is watched */
	bool due;	     /* something has happened, or a look has failed */
	struct known *known; /* in the order of the last look */
	size_t known_count, known_room, pidfds, pidfd_limit;
	struct told *queue;
	size_t queue_count, queue_room, queue_next;
	char *last_path; /* of the event that was told last */
	/* of the look under way */
	const struct hierarchy *h;
	int root;
	size_t seen; /* so many of known, from the first on */
};

/* Room for one more. */
static int grow(void **array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (count < *room)
		return 0;
	grown = realloc(*array, more * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = more;
	return 0;
}

static int tell_status(struct container_events *e, enum container_event_type type,
		       const struct known *k, int status)
{
	char *copy;

	if (e->first)
		return 0;
	copy = strdup(k->path);
	if (!copy ||
	    grow((void **)&e->queue, e->queue_count, &e->queue_room, sizeof(*e->queue)) < 0) {
		free(copy);
		return -ENOMEM;
	}
	e->queue[e->queue_count++] = (struct told){type, k->id, copy, status};
	return 0;
}

static int tell(struct container_events *e, enum container_event_type type, const struct known *k)
{
	return tell_status(e, type, k, -1);
}

/*
 * The next look sees what came before it was set. Out of watches: what is not watched is seen when asked
 * for.
 */
static void watch_fd(struct container_events *e, int *watch, int dir, const char *name,
		     uint32_t events)
{
	char path[sizeof("/proc/self/fd/") + 40] = "/proc/self/fd/";
	size_t len;

	if (*watch >= 0)
		return;
	text_format_u64((uint64_t)dir, path + strlen(path));
	len = strlen(path);
	text_append(path, sizeof(path), &len, name);
	*watch = inotify_add_watch(e->inotify, path, events);
	e->again |= *watch >= 0;
	e->blind |= *watch < 0;
}

/* The cgroup may come later. */
static void watch_container(struct container_events *e, struct known *k, int dir)
{
	struct object o = {.dir = dir};
	autoclose int cgroup = -EBADF;

	watch_fd(e, &k->watch[0], dir, "", DIR_EVENTS);
	if (k->watch[1] >= 0 && k->watch[2] >= 0)
		return;
	cgroup = object_load(dir, &o.spec) < 0 ? -ENOENT : object_open_cgroup(e->h, &o);
	if (cgroup < 0)
		return;
	watch_fd(e, &k->watch[1], cgroup, "", CGROUP_EVENTS);
	watch_fd(e, &k->watch[2], cgroup, "/cgroup.events", IN_MODIFY);
}

/* What was watched is gone: a cgroup may come again. -1: who knows what. */
static void unwatched(struct container_events *e, int watch)
{
	for (size_t i = 0; i < e->known_count; i++)
		for (int w = 0; w < WATCHES; w++)
			if (watch < 0 || e->known[i].watch[w] == watch)
				e->known[i].watch[w] = -1;
}

/* By what there is before, and stays as it is, this costs next to nothing: looks come in one order. */
static struct known *find(struct container_events *e, uint64_t id)
{
	struct known *at = e->known + e->seen, found;
	size_t i = e->seen;

	while (i < e->known_count && e->known[i].id != id)
		i++;
	if (i == e->known_count)
		return NULL;
	found = e->known[i];
	memmove(at + 1, at, (i - e->seen) * sizeof(*at));
	*at = found;
	e->seen++;
	return at;
}

/* Renamed during the look: it is met once more. */
static bool is_seen(const struct container_events *e, uint64_t id)
{
	for (size_t i = 0; i < e->seen; i++)
		if (e->known[i].id == id)
			return true;
	return false;
}

static struct known *add(struct container_events *e, const struct container_info *info)
{
	char *path = strdup(info->path);
	struct known *at;

	if (!path ||
	    grow((void **)&e->known, e->known_count, &e->known_room, sizeof(*e->known)) < 0) {
		free(path);
		return NULL;
	}
	at = e->known + e->seen;
	memmove(at + 1, at, (e->known_count - e->seen) * sizeof(*at));
	*at = (struct known){.id = info->id, .path = path, .pidfd = -EBADF, .watch = {-1, -1, -1}};
	e->known_count++;
	e->seen++;
	return at;
}

/* One that is frozen may have no task. */
static bool runs(const struct container_events *e, const struct container_info *info, int dir)
{
	struct object o = {.dir = dir};
	struct cgroup_events events;
	char path[PATH_SIZE];

	if (info->state != CONTAINER_FROZEN)
		return info->state == CONTAINER_RUNNING;
	return object_load(dir, &o.spec) == 0 && object_cgroup_path(e->h, &o.spec, path) == 0 &&
	       cgroup_read_events_of(e->h->cgroup, path, &events) == 0 && events.populated;
}

static void forget_init(struct container_events *e, struct known *k)
{
	e->pidfds -= k->pidfd >= 0;
	close_fd(&k->pidfd);
	k->is_init = false;
}

/*
 * Opened while it is there to be opened: how it ends can be told by it even when it has been reaped. One that
 * is not, while there are tasks, is of the run before.
 */
static void know_init(struct container_events *e, struct known *k, const char *init, bool has_tasks)
{
	bool room = e->pidfds < e->pidfd_limit;

	forget_init(e, k);
	memcpy(k->init, init, INIT_TEXT_SIZE);
	if (room)
		k->pidfd = init_open_text(init);
	e->pidfds += k->pidfd >= 0;
	k->is_init = k->pidfd >= 0 || !room || !has_tasks;
}

static int recorded_status(const struct known *k, int dir)
{
	int status;

	return dir >= 0 && ended_status(dir, k->init, &status) == 0 ? status : -1;
}

/*
 * The record is by who has waited for it. Without one it may be there to be asked still; only what the kernel
 * tells once it is reaped does not know of reboots.
 */
static int exit_status(const struct known *k, int dir)
{
	struct pollfd poll_fd = {.fd = k->pidfd, .events = POLLIN};
	int status;

	/* A task is out of its cgroup before it has ended: it is given a moment. */
	if (k->pidfd >= 0)
		poll(&poll_fd, 1, END_TIMEOUT);
	status = recorded_status(k, dir);
	if (status < 0 && k->pidfd >= 0 && proc_exit_status(k->pidfd, &status) < 0)
		status = recorded_status(k, dir);
	if (status < 0 && k->pidfd >= 0 && kernel_pidfd_exit_status(k->pidfd, &status) < 0)
		status = -1;
	return status;
}

/* dir: -EBADF if it is gone. */
static int tell_stopped(struct container_events *e, struct known *k, int dir)
{
	int status = k->is_init ? exit_status(k, dir) : -1;

	forget_init(e, k);
	return tell_status(e, CONTAINER_EVENT_STOPPED, k, status);
}

/*
 * Another init in an own pid namespace is another run, also if the container has tasks whenever one looks.
 * Without it init is but the first task, and may be followed by another while others go on. A run begins a
 * moment before its init is recorded.
 */
static int compare_run(struct container_events *e, struct known *k,
		       const struct container_info *info, int dir, const char *init)
{
	bool other = init[0] && strcmp(init, k->init) != 0;
	bool did = k->runs, does = runs(e, info, dir);
	int r = 0;

	if (did && other && k->is_init && (!does || (info->own & CLONE_NEWPID))) {
		r = tell_stopped(e, k, dir);
		did = false;
	}
	if (other)
		know_init(e, k, init, does);
	if (r == 0 && !did && (does || other)) {
		r = tell(e, CONTAINER_EVENT_STARTED, k);
		did = true;
	}
	if (r == 0 && did && !does)
		r = tell_stopped(e, k, dir);
	k->runs = does;
	return r;
}

/*
 * Runs come first: one that is found frozen was started before. One that ends while it is frozen was not
 * thawed, it was killed: only what is found running can have been, or what had no task then.
 */
static int compare_state(struct container_events *e, struct known *k,
			 const struct container_info *info, int dir, const char *init)
{
	bool was = k->state == CONTAINER_FROZEN, is = info->state == CONTAINER_FROZEN,
	     did = k->runs;
	int r = compare_run(e, k, info, dir, init);

	if (r == 0 && is && !was)
		r = tell(e, CONTAINER_EVENT_FROZEN, k);
	if (r == 0 && was && !is && (info->state == CONTAINER_RUNNING || !did))
		r = tell(e, CONTAINER_EVENT_THAWED, k);
	k->state = info->state;
	return r;
}

static int compare_path(struct container_events *e, struct known *k, const char *path)
{
	bool renamed;
	char *copy;

	if (strcmp(k->path, path) == 0)
		return 0;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	/* Of those nested in a renamed one the name is as it was. */
	renamed = strcmp(k->path + name_parent_len(k->path), path + name_parent_len(path)) != 0;
	free(k->path);
	k->path = copy;
	return renamed ? tell(e, CONTAINER_EVENT_RENAMED, k) : 0;
}

static int look_at(const struct container_info *info, void *arg)
{
	struct container_events *e = arg;
	struct known *k = find(e, info->id);
	char init[INIT_TEXT_SIZE] = "";
	autoclose int dir = -EBADF;
	int r = 0;

	if (!k && is_seen(e, info->id))
		return 0;
	dir = object_open_dir(e->root, info->path[1] ? info->path + 1 : ".");
	/* Removed, renamed, or hidden, since: the next look tells. */
	if (dir < 0)
		return dir == -ENOENT || dir == -EACCES ? 0 : dir;
	r = init_read_text(dir, init);
	if (r < 0)
		init[0] = '\0';
	r = r == -ESRCH ? 0 : r;
	if (r == 0 && !k) {
		k = add(e, info);
		r = k ? tell(e, CONTAINER_EVENT_CREATED, k) : -ENOMEM;
	}
	if (r < 0)
		return r;
	watch_container(e, k, dir);
	r = compare_path(e, k, info->path);
	return r ? r : compare_state(e, k, info, dir, init);
}

static void known_free(struct container_events *e, struct known *k)
{
	forget_init(e, k);
	free(k->path);
}

/* Those that were not seen. Nested ones were found after those above: they are told first. */
static int tell_removed(struct container_events *e)
{
	int r = 0;

	while (r == 0 && e->known_count > e->seen) {
		struct known *k = &e->known[e->known_count - 1];

		if (k->runs)
			r = tell_stopped(e, k, -EBADF);
		r = r ? r : tell(e, CONTAINER_EVENT_REMOVED, k);
		known_free(e, k);
		e->known_count--;
	}
	return r;
}

/* Of the records in a container's directory only that of init is looked at. */
static bool is_news(const struct inotify_event *event)
{
	return event->len == 0 || event->name[0] != '@' || strcmp(event->name, OBJECT_INIT) == 0;
}

/* Whether it is time to look. */
static bool drain(struct container_events *e)
{
	char buf[4096] __attribute__((aligned(8)));
	bool news = e->first || e->blind;
	ssize_t n;

	while ((n = read(e->inotify, buf, sizeof(buf))) > 0) {
		const struct inotify_event *event;

		for (char *p = buf; p < buf + n; p += sizeof(*event) + event->len) {
			event = (const void *)p;
			news |= is_news(event);
			if (event->mask & (IN_IGNORED | IN_Q_OVERFLOW))
				unwatched(e, event->wd);
		}
	}
	return news;
}

static int look_once(const struct hierarchy *h, const struct object *o, struct container_events *e)
{
	const unsigned int flags =
		CONTAINER_WALK_RECURSIVE | CONTAINER_WALK_STATE | CONTAINER_WALK_SELF;
	autoclose int root = hierarchy_open_root(h);
	int r = root < 0 ? root : 0;

	e->h = h;
	e->root = root;
	e->seen = 0;
	r = r ? r : walk_containers(h, o, flags, look_at, e);
	/* The container itself is gone: so are all. */
	if (r < 0 && r != -ENOENT)
		return r;
	return tell_removed(e);
}

int events_look(const struct hierarchy *h, const struct object *o, struct container_events *events)
{
	int r = 0;

	events->due |= drain(events);
	if (!events->due)
		return 0;
	do {
		events->again = events->blind = false;
		r = look_once(h, o, events);
		events->first = events->first && events->again;
	} while (r == 0 && events->again);
	events->due = r < 0;
	return r;
}

int events_next(struct container_events *events, struct container_event *ret_event)
{
	const struct told *told;

	free(events->last_path);
	events->last_path = NULL;
	if (events->queue_next == events->queue_count) {
		events->queue_next = events->queue_count = 0;
		return 0;
	}
	told = &events->queue[events->queue_next++];
	events->last_path = told->path;
	ret_event->type = told->type;
	ret_event->id = told->id;
	ret_event->path = told->path;
	ret_event->exit_status = told->status;
	return 1;
}

int events_open(int container, struct container_events **ret_events)
{
	struct container_events *e = calloc(1, sizeof(*e));
	struct rlimit limit;
	int r;

	if (!e)
		return -ENOMEM;
	e->first = true;
	e->pidfd_limit = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / INIT_SHARE : 0;
	e->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	e->container = e->inotify < 0 ? -1 : fcntl(container, F_DUPFD_CLOEXEC, 3);
	r = e->container < 0 ? -errno : 0;
	if (r < 0)
		events_close(e);
	else
		*ret_events = e;
	return r;
}

int events_fd(const struct container_events *events)
{
	return events->inotify;
}

int events_container(const struct container_events *events)
{
	return events->container;
}

void events_close(struct container_events *events)
{
	if (!events)
		return;
	close_fd(&events->inotify);
	close_fd(&events->container);
	for (size_t i = 0; i < events->known_count; i++)
		known_free(events, &events->known[i]);
	for (size_t i = events->queue_next; i < events->queue_count; i++)
		free(events->queue[i].path);
	free(events->known);
	free(events->queue);
	free(events->last_path);
	free(events);
}
