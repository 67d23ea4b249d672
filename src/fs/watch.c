/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include <containerfs/container.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cleanup.h"
#include "links.h"

#define TIDY_INTERVAL 1000 /* ms */

/* Linked, so that the thread can tell whether one that epoll reports is closed already. */
struct watch {
	int fd; /* of container_wait_fd() */
	struct fuse_pollhandle *handle;
	struct watch *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct watch *all;
static int epoll_fd = -EBADF;

static void tell(struct watch *w)
{
	if (!w->handle)
		return;
	fuse_lowlevel_notify_poll(w->handle);
	fuse_pollhandle_destroy(w->handle);
	w->handle = NULL;
}

static void changed(const void *reported)
{
	char text[256];

	pthread_mutex_lock(&mutex);
	for (struct watch *w = all; w; w = w->next)
		if (w == reported) {
			/* Reading is what makes the kernel report the next change. */
			while (pread(w->fd, text, sizeof(text), 0) < 0 && errno == EINTR)
				;
			tell(w);
			break;
		}
	pthread_mutex_unlock(&mutex);
}

static void *watch_thread(void *arg)
{
	struct epoll_event events[16];

	(void)arg;
	for (;;) {
		int n = epoll_wait(epoll_fd, events, ARRAY_SIZE(events), TIDY_INTERVAL);

		for (int i = 0; i < n; i++)
			changed(events[i].data.ptr);
		node_tidy();
		links_tidy();
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

struct watch *watch_open(int container)
{
	struct watch *w = calloc(1, sizeof(*w));
	struct epoll_event event = {.events = EPOLLPRI | EPOLLERR, .data.ptr = w};

	if (!w)
		return NULL;
	w->fd = container_wait_fd(container);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	pthread_mutex_lock(&mutex);
	w->next = all;
	all = w;
	pthread_mutex_unlock(&mutex);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &event) < 0) {
		watch_close(w);
		return NULL;
	}
	return w;
}

void watch_notify(struct watch *w, struct fuse_pollhandle *handle)
{
	pthread_mutex_lock(&mutex);
	if (w->handle)
		fuse_pollhandle_destroy(w->handle);
	w->handle = handle;
	pthread_mutex_unlock(&mutex);
}

void watch_close(struct watch *w)
{
	struct watch **p = &all;

	pthread_mutex_lock(&mutex);
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (w->handle)
		fuse_pollhandle_destroy(w->handle);
	close_fd(&w->fd);
	pthread_mutex_unlock(&mutex);
	free(w);
}
