/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "walk.h"

#define DIR_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
#define INIT_SIZE 48

struct known {
	uint64_t id;
	char *path;
	enum container_state state;
	char init[INIT_SIZE]; /* the record of init: another one means another run */
	bool seen;	      /* in this look */
};

struct told {
	enum container_event_type type;
	uint64_t id;
	char *path;
};

struct container_events {
	int container, inotify;
	bool first, again;
	struct known *known;
	size_t known_count;
	struct told *queue;
	size_t queue_count, queue_next;
	char *last_path; /* of the event that was told last */
	/* of the look under way */
	const struct hierarchy *h;
	int root;
};

static int tell(struct container_events *e, enum container_event_type type, uint64_t id,
		const char *path)
{
	struct told *queue;
	char *copy;

	if (e->first)
		return 0;
	copy = strdup(path);
	queue = copy ? realloc(e->queue, (e->queue_count + 1) * sizeof(*queue)) : NULL;
	if (!queue) {
		free(copy);
		return -ENOMEM;
	}
	queue[e->queue_count++] = (struct told){type, id, copy};
	e->queue = queue;
	return 0;
}

static void watch_fd(struct container_events *e, int dir, const char *name, uint32_t events)
{
	char path[sizeof("/proc/self/fd/") + 40] = "/proc/self/fd/";
	size_t len;

	if (dir < 0)
		return;
	text_format_u64((uint64_t)dir, path + strlen(path));
	len = strlen(path);
	if (text_append(path, sizeof(path), &len, name) < 0)
		return;
	/* Watched already: the same watch. Out of watches: what is not watched is seen with others. */
	inotify_add_watch(e->inotify, path, events);
}

static void watch_container(struct container_events *e, int dir)
{
	struct object o = {.dir = dir};
	autoclose int cgroup = -EBADF;

	if (object_load(dir, &o.spec) < 0)
		return;
	watch_fd(e, dir, "", DIR_EVENTS);
	cgroup = object_open_cgroup(e->h, &o);
	watch_fd(e, cgroup, "", IN_CREATE | IN_ONLYDIR);
	watch_fd(e, cgroup, "/cgroup.events", IN_MODIFY);
}

static struct known *find(struct container_events *e, uint64_t id)
{
	for (size_t i = 0; i < e->known_count; i++)
		if (e->known[i].id == id)
			return &e->known[i];
	return NULL;
}

/* The look that follows the setting of new watches sees what happened before they were set. */
static struct known *add(struct container_events *e, const struct container_info *info)
{
	struct known *known = realloc(e->known, (e->known_count + 1) * sizeof(*known));

	if (!known)
		return NULL;
	e->known = known;
	known += e->known_count;
	*known = (struct known){.id = info->id, .path = strdup(info->path)};
	if (!known->path)
		return NULL;
	e->known_count++;
	e->again = true;
	return known;
}

static bool runs(enum container_state state)
{
	return state == CONTAINER_RUNNING || state == CONTAINER_FROZEN;
}

static int compare_state(struct container_events *e, struct known *k, enum container_state state,
			 const char *init)
{
	enum container_state old = k->state;
	bool other_run = strcmp(init, k->init) != 0 && init[0];
	int r = 0;

	if (runs(old) && (!runs(state) || (other_run && k->init[0])))
		r = tell(e, CONTAINER_EVENT_STOPPED, k->id, k->path);
	if (r == 0 && !runs(old) && (runs(state) || other_run))
		r = tell(e, CONTAINER_EVENT_STARTED, k->id, k->path);
	if (r == 0 && !runs(old) && !runs(state) && other_run)
		r = tell(e, CONTAINER_EVENT_STOPPED, k->id, k->path);
	if (r == 0 && runs(old) && runs(state) && other_run && k->init[0])
		r = tell(e, CONTAINER_EVENT_STARTED, k->id, k->path);
	if (r == 0 && state == CONTAINER_FROZEN && old != CONTAINER_FROZEN)
		r = tell(e, CONTAINER_EVENT_FROZEN, k->id, k->path);
	if (r == 0 && state == CONTAINER_RUNNING && old == CONTAINER_FROZEN)
		r = tell(e, CONTAINER_EVENT_THAWED, k->id, k->path);
	k->state = state;
	memcpy(k->init, init, INIT_SIZE);
	return r;
}

static int compare_path(struct container_events *e, struct known *k, const char *path)
{
	char *copy;
	int r = 0;

	if (strcmp(k->path, path) == 0)
		return 0;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	/* Of those nested in a renamed one the name is as it was. */
	if (strcmp(k->path + name_parent_len(k->path), path + name_parent_len(path)) != 0)
		r = tell(e, CONTAINER_EVENT_RENAMED, k->id, path);
	free(k->path);
	k->path = copy;
	return r;
}

static int look_at(const struct container_info *info, void *arg)
{
	struct container_events *e = arg;
	struct known *k = find(e, info->id);
	char init[INIT_SIZE] = "";
	autoclose int dir = openat(e->root, info->path[1] ? info->path + 1 : ".",
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (dir < 0)
		return 0;
	if (kernel_readlink(dir, OBJECT_INIT, init, sizeof(init)) < 0)
		init[0] = '\0';
	watch_container(e, dir);
	if (!k) {
		k = add(e, info);
		r = k ? tell(e, CONTAINER_EVENT_CREATED, k->id, k->path) : -ENOMEM;
	}
	if (!k || r < 0)
		return r;
	k->seen = true;
	r = compare_path(e, k, info->path);
	return r ? r : compare_state(e, k, info->state, init);
}

/* Nested ones were found after those above: they are told first. */
static int tell_removed(struct container_events *e)
{
	int r = 0;

	for (size_t i = e->known_count; r == 0 && i-- > 0;) {
		struct known *k = &e->known[i];

		if (k->seen)
			continue;
		if (runs(k->state))
			r = tell(e, CONTAINER_EVENT_STOPPED, k->id, k->path);
		r = r ? r : tell(e, CONTAINER_EVENT_REMOVED, k->id, k->path);
		free(k->path);
		memmove(k, k + 1, (--e->known_count - i) * sizeof(*k));
	}
	return r;
}

static void drain(const struct container_events *e)
{
	char buf[4096] __attribute__((aligned(8)));

	while (read(e->inotify, buf, sizeof(buf)) > 0)
		;
}

static int look_once(const struct hierarchy *h, const struct object *o, struct container_events *e)
{
	const unsigned int flags =
		CONTAINER_WALK_RECURSIVE | CONTAINER_WALK_STATE | CONTAINER_WALK_SELF;
	autoclose int root = hierarchy_open_root(h);
	int r = root < 0 ? root : 0;

	e->h = h;
	e->root = root;
	for (size_t i = 0; i < e->known_count; i++)
		e->known[i].seen = false;
	r = r ? r : walk_containers(h, o, flags, look_at, e);
	/* The container itself is gone: so are all. */
	if (r < 0 && r != -ENOENT)
		return r;
	return tell_removed(e);
}

int events_look(const struct hierarchy *h, const struct object *o, struct container_events *events)
{
	int r = 0;

	drain(events);
	do {
		events->again = false;
		r = look_once(h, o, events);
		events->first = events->first && events->again;
	} while (r == 0 && events->again);
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
	return 1;
}

int events_open(int container, struct container_events **ret_events)
{
	struct container_events *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->first = true;
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
		free(events->known[i].path);
	for (size_t i = events->queue_next; i < events->queue_count; i++)
		free(events->queue[i].path);
	free(events->known);
	free(events->queue);
	free(events->last_path);
	free(events);
}
