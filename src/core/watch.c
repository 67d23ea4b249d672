/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watcher has an flock(2) on STATE/held: who makes a container and gets that starts a watcher, which
 * inherits it with the fd. Before it ends it gives the lock back and looks once more: the link of a new
 * container is made before the lock is tried, so one of both sees the other.
 *
 * It learns by inotify(7) of new links, which are touched when their container has its name, and that an
 * fd of a container's directory was closed, which is when it tries the flock on that. Its own fd of each directory stays open, or closing it would wake it.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "cgroup.h"
#include "cleanup.h"
#include "cpu.h"
#include "dir.h"
#include "error.h"
#include "kernel.h"
#include "object.h"
#include "ownstack.h"
#include "reap.h"

#define BLIND_LOOK 500 /* ms between looks if there is no inotify left */
#define LINGER 200     /* ms without anything to watch */
#define START_TIMEOUT 1000
#define CGROUP "watch"
#define END_TIMEOUT 1000 /* ms for a killed watcher to be gone */

struct watched {
	int wd, dir;
	bool look; /* its fd may have been closed */
	char id[ID_TEXT_SIZE];
};

struct watcher {
	const struct hierarchy *h; /* of who started it: its fds are here still */
	int held, inotify, held_wd;
	bool look_for_new;
	bool blind;   /* inotify does not tell all: looked again and again */
	size_t round; /* looks since the last event */
	struct watched *list;
	size_t count, room;
};

static bool is_known(const struct watcher *w, const char *id)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->list[i].id, id) == 0)
			return true;
	return false;
}

/* For the calls that remove. */
#define SPARE_FDS 64

static size_t most_watched(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= SPARE_FDS
		       ? 1
		       : limit.rlim_cur - SPARE_FDS;
}

static int watch_one(struct watcher *w, const char *id)
{
	autoobject struct object o = {.dir = -EBADF};
	char path[sizeof("/proc/self/fd/") + 20] = "/proc/self/fd/";
	struct watched new = {.dir = -EBADF, .look = true};
	int r = w->count < most_watched() ? reap_open_held(w->h, w->held, id, &o) : -EMFILE;

	if (r < 0)
		return r;
	if (w->count == w->room) {
		size_t room = w->room * 2 + 16;
		struct watched *list = realloc(w->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		w->list = list;
		w->room = room;
	}
	text_format_u64((uint64_t)o.dir, path + strlen(path));
	new.wd = inotify_add_watch(w->inotify, path, IN_CLOSE | IN_ONLYDIR);
	w->blind |= new.wd < 0;
	memcpy(new.id, id, sizeof(new.id));
	new.dir = take_fd(&o.dir);
	w->list[w->count++] = new;
	return 0;
}

/* Those that were made since the last look. Whether there is any at all. */
static bool look_for_new(struct watcher *w)
{
	autodir DIR *links = NULL;
	struct dirent *entry;
	int r = dir_open(w->held, ".", &links);
	bool any = r < 0;

	w->look_for_new = false;
	while ((entry = dir_next_entry(links, &r))) {
		if (entry->d_type != DT_LNK || strlen(entry->d_name) != ID_TEXT_SIZE - 1)
			continue;
		any = true;
		if (!is_known(w, entry->d_name))
			watch_one(w, entry->d_name);
	}
	return any || r < 0;
}

static void forget(struct watcher *w, size_t i)
{
	inotify_rm_watch(w->inotify, w->list[i].wd);
	close_fd(&w->list[i].dir);
	w->list[i] = w->list[--w->count];
	/* There is room for one that could not be watched. */
	w->look_for_new = true;
}

static bool is_link_there(const struct watcher *w, const char *id)
{
	return faccessat(w->held, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether nobody has its fd, but it is still there: somebody is at work on it. */
static bool remove_one(const struct watcher *w, const struct watched *one)
{
	autohierarchy struct hierarchy h;

	hierarchy_init(&h);
	if (object_is_held(one->dir))
		return false;
	if (is_link_there(w, one->id) && hierarchy_open(&h, HIERARCHY_END) == 0)
		reap_held(&h, w->held, one->id, false);
	return is_link_there(w, one->id);
}

/*
 * When to look again, in ms; -1: not before something happens. The kernel tells of a closed fd before
 * it releases the lock that goes with it: the first look may come too soon, and so may the second.
 */
static int look_at_marked(struct watcher *w)
{
	static const int delays[] = {5, 20, 100, 1000};
	bool is_last = w->round == ARRAY_SIZE(delays), busy = false, again = false;

	for (size_t i = 0; i < w->count;) {
		struct watched *one = &w->list[i];

		if (one->look) {
			busy |= remove_one(w, one);
			one->look = !is_last;
			again |= one->look;
			if (!is_link_there(w, one->id)) {
				forget(w, i);
				continue;
			}
		}
		i++;
	}
	if (busy)
		w->round = 0;
	if (!again && !busy)
		return -1;
	return delays[busy ? 1 : w->round++];
}

static void note(struct watcher *w, const struct inotify_event *event)
{
	bool all = event->mask & IN_Q_OVERFLOW;
	bool deleted = event->wd == w->held_wd && (event->mask & IN_DELETE) && event->len;

	if (all || (event->wd == w->held_wd && (event->mask & IN_ATTRIB)))
		w->look_for_new = true;
	for (size_t i = 0; i < w->count; i++)
		if (all || event->wd == w->list[i].wd ||
		    (deleted && strcmp(event->name, w->list[i].id) == 0))
			w->list[i].look = true;
}

/* 1: nothing has happened until then. */
static int wait_for_events(struct watcher *w, int timeout)
{
	char buf[4096] __attribute__((aligned(8)));
	struct pollfd poll_fd = {.fd = w->inotify, .events = POLLIN};
	const struct inotify_event *event;
	ssize_t n;

	if (w->blind && (timeout < 0 || timeout > BLIND_LOOK))
		timeout = BLIND_LOOK;
	if (poll(&poll_fd, 1, timeout) == 0) {
		for (size_t i = 0; w->blind && i < w->count; i++)
			w->list[i].look = true;
		w->look_for_new |= w->blind;
		return 1;
	}
	n = read(w->inotify, buf, sizeof(buf));
	if (n <= 0)
		return -errno;
	w->round = 0;
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const void *)(buf + at);
		note(w, event);
	}
	return 0;
}

/* Gives the lock back: whether there really is nothing to watch any more. */
static bool may_end(struct watcher *w)
{
	flock(w->held, LOCK_UN);
	return !look_for_new(w) || flock(w->held, LOCK_EX | LOCK_NB) < 0;
}

static void watch_all(struct watcher *w)
{
	bool lingered = false;
	int r = 0;

	w->look_for_new = true;
	while (r >= 0) {
		int timeout;

		if (w->look_for_new)
			look_for_new(w);
		timeout = look_at_marked(w);
		if (w->count == 0 && lingered && may_end(w))
			return;
		if (w->count == 0)
			timeout = LINGER;
		r = wait_for_events(w, w->look_for_new ? 0 : timeout);
		lingered = w->count == 0 && r == 1;
	}
}

/* A leaf of the hierarchy's own cgroup: it does not end with the unit or container of its starter. */
static void join_cgroup(const struct hierarchy *h)
{
	if (cgroup_make(h->cgroup, CGROUP) == 0)
		kernel_write_file(h->cgroup, CGROUP "/cgroup.procs", "0");
}

/* So that it can be removed. Where controllers are on for those below no process may be: it stays. */
static void leave_cgroup(const struct hierarchy *h)
{
	char controllers[256];

	if (kernel_read_file(h->cgroup, "cgroup.subtree_control", controllers,
			     sizeof(controllers)) > 1)
		return;
	if (kernel_write_file(h->cgroup, "cgroup.procs", "0") == 0)
		cgroup_remove(h->cgroup, CGROUP);
}

static void keep_fds(const struct hierarchy *h, int held, int ready)
{
	const int keep[] = {h->dir, h->cgroup, h->cradle, held, ready};

	/* 0 to 2 go as well, and the container's own fd above all. */
	kernel_close_but(keep, ARRAY_SIZE(keep));
}

struct start_call {
	const struct hierarchy *h;
	int held;
	int ready; /* written to once it is one */
};

static void allow_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* It becomes the watcher, and returns when there is nothing to watch any more. */
static int watcher_main(void *arg)
{
	const struct start_call *c = arg;
	int ready = c->ready;
	struct watcher w = {.h = c->h, .held = c->held};

	prctl(PR_SET_NAME, "containerfs-wat");
	setsid();
	allow_fds();
	cpu_release_all();
	if (chdir("/") < 0)
		return 1;
	join_cgroup(c->h);
	keep_fds(c->h, c->held, ready);
	if (write(ready, "", 1) != 1)
		return 1;
	close(ready);
	w.inotify = inotify_init1(IN_CLOEXEC);
	if (fchdir(w.held) < 0)
		return 1;
	w.held_wd = inotify_add_watch(w.inotify, ".", IN_ATTRIB | IN_DELETE | IN_DELETE_SELF);
	w.blind = w.held_wd < 0;
	if (chdir("/") < 0)
		return 1;
	watch_all(&w);
	leave_cgroup(c->h);
	return 0;
}

/*
 * In an agent, so that the caller has no child that it does not know of: the watcher is an orphan as
 * soon as the agent ends. fork(2), which leaves it a heap that can be used. It has to be waited for,
 * since until it has closed its copy of the container's fd that is not the caller's to close. The agent's
 * stack, of which it has a copy, is too small to remove containers that are nested deep.
 */
static int start_agent(void *arg)
{
	struct start_call *c = arg;
	autoclose int in = -EBADF;
	autoclose int out = -EBADF;
	struct pollfd poll_fd = {.events = POLLIN};
	int tell[2], status = 1;
	pid_t pid;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return -errno;
	in = tell[0];
	c->ready = out = tell[1];
	poll_fd.fd = in;
	pid = fork();
	if (pid == 0) {
		own_stack_run(watcher_main, c, &status);
		_exit(status);
	}
	if (pid < 0)
		return -errno;
	close_fd(&out);
	return poll(&poll_fd, 1, START_TIMEOUT) < 0 ? -errno : 0;
}

void watch_start(const struct hierarchy *h, const char *id_text)
{
	autoclose int held = openat(h->dir, "held", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct start_call call = {.h = h, .held = held};

	if (held < 0)
		return;
	/* Else there is one, which is told. What it does not learn of is found by a sweep. */
	if (flock(held, LOCK_EX | LOCK_NB) == 0)
		agent_run(-1, start_agent, &call);
	else
		utimensat(held, id_text, NULL, AT_SYMLINK_NOFOLLOW);
}

/* It may be on its way out of its leaf: so all of the hierarchy's cgroup is waited for. */
int watch_end(const struct hierarchy *h)
{
	autoclose int leaf = openat(h->cgroup, CGROUP, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (leaf >= 0)
		cgroup_kill(leaf);
	cgroup_wait(h->cgroup, false, false, END_TIMEOUT);
	return cgroup_remove(h->cgroup, CGROUP);
}
