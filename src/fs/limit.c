/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define AGAIN 20000000 /* ns: the signal may come just before the system call it is to interrupt */

static pthread_key_t key;

/*
 * One for each thread that answers requests. Never freed, but used again by another thread: libfuse
 * may tell of an interruption when the request has been answered and its thread has ended.
 */
struct limit {
	pthread_mutex_t mutex;
	timer_t timer;
	fuse_req_t req; /* the one that is under way, or NULL */
	struct limit *next;
};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct limit *unused;

static void nothing(int sig)
{
	(void)sig;
}

static void give_back(void *arg)
{
	struct limit *l = arg;

	timer_delete(l->timer);
	pthread_mutex_lock(&mutex);
	l->next = unused;
	unused = l;
	pthread_mutex_unlock(&mutex);
}

int limit_setup(void)
{
	/* Without SA_RESTART: that is the point. */
	struct sigaction action = {.sa_handler = nothing};

	if (sigaction(SIGUSR1, &action, NULL) < 0)
		return -errno;
	return -pthread_key_create(&key, give_back);
}

static struct limit *take(void)
{
	struct limit *l;

	pthread_mutex_lock(&mutex);
	l = unused;
	if (l)
		unused = l->next;
	pthread_mutex_unlock(&mutex);
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (l)
		pthread_mutex_init(&l->mutex, NULL);
	return l;
}

/* The calling thread's own; NULL: it cannot have one, and waits without a limit. */
static struct limit *own(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct limit *l = pthread_getspecific(key);

	if (l)
		return l;
	l = take();
	if (!l)
		return NULL;
	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &l->timer) < 0 ||
	    pthread_setspecific(key, l) != 0)
		return NULL;
	return l;
}

static void set(struct limit *l, fuse_req_t req, const struct itimerspec *time)
{
	pthread_mutex_lock(&l->mutex);
	l->req = req;
	timer_settime(l->timer, 0, time, NULL);
	pthread_mutex_unlock(&l->mutex);
}

/* In another thread, which has been told of the interruption; perhaps too late. */
static void interrupted(fuse_req_t req, void *arg)
{
	const struct itimerspec now = {.it_value = {.tv_nsec = 1},
				       .it_interval = {.tv_nsec = AGAIN}};
	struct limit *l = arg;

	pthread_mutex_lock(&l->mutex);
	if (l->req == req)
		timer_settime(l->timer, 0, &now, NULL);
	pthread_mutex_unlock(&l->mutex);
}

void limit_begin(fuse_req_t req, int ms, bool by_caller)
{
	const struct itimerspec limit = {
		.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L},
		.it_interval = {.tv_nsec = AGAIN},
	};
	struct limit *l = own();

	if (!l)
		return;
	set(l, req, &limit);
	if (by_caller)
		fuse_req_interrupt_func(req, interrupted, l);
}

void limit_end(void)
{
	const struct itimerspec never = {0};
	struct limit *l = own();

	if (l)
		set(l, NULL, &never);
}
