/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include <containerfs/container.h>

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cleanup.h"
#include "links.h"
#include "surrogate.h"

#define TIDY_INTERVAL 1000 /* ms */
#define LOOK_INTERVAL 200  /* ms, while anybody polls */

/* A container that somebody polls, once however many do. */
struct watched {
	uint64_t id;
	size_t count; /* of watches */
	int fd;	      /* of container_wait_fd() */
	struct watched *next;
};

/* Of one open file. */
struct watch {
	struct watched *of;
	struct fuse_pollhandle *handle;
	struct watch *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct watched *containers;
static struct watch *watches;
static int epoll_fd = -EBADF;

static void tell(struct watch *w)
{
	if (!w->handle)
		return;
	fuse_lowlevel_notify_poll(w->handle);
	fuse_pollhandle_destroy(w->handle);
	w->handle = NULL;
}

/* Reading is what makes the kernel report the next change. */
static void tell_all(const struct watched *c)
{
	char text[256];

	while (pread(c->fd, text, sizeof(text), 0) < 0 && errno == EINTR)
		;
	for (struct watch *w = watches; w; w = w->next)
		if (w->of == c)
			tell(w);
}

/* By the id: what epoll reports may be closed already. */
static void changed(uint64_t id)
{
	pthread_mutex_lock(&mutex);
	for (const struct watched *c = containers; c; c = c->next)
		if (c->id == id)
			tell_all(c);
	pthread_mutex_unlock(&mutex);
}

/* When a cgroup is removed the kernel wakes nobody, but says so if asked. Whether there is any to ask for. */
static bool look_for_removed(void)
{
	bool any;

	pthread_mutex_lock(&mutex);
	any = containers != NULL;
	for (const struct watched *c = containers; c; c = c->next) {
		struct pollfd events = {.fd = c->fd, .events = POLLPRI};

		if (poll(&events, 1, 0) > 0)
			tell_all(c);
	}
	pthread_mutex_unlock(&mutex);
	return any;
}

static void *watch_thread(void *arg)
{
	int interval = TIDY_INTERVAL;
	struct epoll_event events[16];

	(void)arg;
	for (;;) {
		int n = epoll_wait(epoll_fd, events, ARRAY_SIZE(events), interval);

		for (int i = 0; i < n; i++)
			changed(events[i].data.u64);
		interval = look_for_removed() ? LOOK_INTERVAL : TIDY_INTERVAL;
		node_tidy();
		links_tidy();
		surrogate_tidy();
		if (quota_has_shrunk())
			malloc_trim(0);
	}
	return NULL;
}

int watch_setup(void)
{
	pthread_t thread;
	sigset_t signals, old;
	int r;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return -errno;
	/* Those that end the server are for the main thread. */
	sigfillset(&signals);
	pthread_sigmask(SIG_SETMASK, &signals, &old);
	r = pthread_create(&thread, NULL, watch_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

static void drop(struct watched *c)
{
	struct watched **p = &containers;

	if (--c->count > 0)
		return;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	close_fd(&c->fd);
	free(c);
}

static struct watched *find(uint64_t id)
{
	struct watched *c = containers;

	while (c && c->id != id)
		c = c->next;
	return c;
}

static struct watch *take_watch(struct watch **w)
{
	struct watch *taken = *w;

	*w = NULL;
	return taken;
}

/* fd is taken over. */
static struct watched *start(int fd, uint64_t id)
{
	struct epoll_event event = {.events = EPOLLPRI | EPOLLERR, .data.u64 = id};
	struct watched *c = calloc(1, sizeof(*c));

	if (!c || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		close_fd(&fd);
		free(c);
		return NULL;
	}
	*c = (struct watched){.id = id, .fd = fd, .next = containers};
	containers = c;
	return c;
}

struct watch *watch_open(int container)
{
	/* Before the mutex: it may have to wait for who changes the container. */
	autoclose int fd = container_wait_fd(container);
	autofree struct watch *w = calloc(1, sizeof(*w));
	uint64_t id;

	if (!w || fd < 0 || container_id(container, &id) < 0)
		return NULL;
	pthread_mutex_lock(&mutex);
	w->of = find(id);
	if (!w->of)
		w->of = start(take_fd(&fd), id);
	if (w->of) {
		w->of->count++;
		w->next = watches;
		watches = w;
	}
	pthread_mutex_unlock(&mutex);
	if (!w->of)
		return NULL;
	return take_watch(&w);
}

void watch_notify(struct watch *w, struct fuse_pollhandle *handle)
{
	struct fuse_pollhandle *old = handle;

	pthread_mutex_lock(&mutex);
	if (w && handle) {
		old = w->handle;
		w->handle = handle;
	}
	pthread_mutex_unlock(&mutex);
	if (old)
		fuse_pollhandle_destroy(old);
}

void watch_close(struct watch *w)
{
	struct watch **p = &watches;

	pthread_mutex_lock(&mutex);
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	drop(w->of);
	pthread_mutex_unlock(&mutex);
	if (w->handle)
		fuse_pollhandle_destroy(w->handle);
	free(w);
}
