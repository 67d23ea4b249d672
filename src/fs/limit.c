/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define TIME_LIMIT 5   /* s */
#define AGAIN 20000000 /* ns: the signal may come just before the system call it is to interrupt */

static pthread_key_t key; /* its destructor removes the timer of a thread that ends */

/* One for each thread that answers requests. */
struct limit {
	pthread_mutex_t mutex;
	timer_t timer;
	bool has_timer;
	bool active; /* a request of the thread is under way */
};
static _Thread_local struct limit own = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void nothing(int sig)
{
	(void)sig;
}

static void remove_timer(void *arg)
{
	(void)arg;
	if (own.has_timer)
		timer_delete(own.timer);
	own.has_timer = false;
}

int limit_setup(void)
{
	/* Without SA_RESTART: that is the point. */
	struct sigaction action = {.sa_handler = nothing};

	if (sigaction(SIGUSR1, &action, NULL) < 0)
		return -errno;
	return -pthread_key_create(&key, remove_timer);
}

static bool get_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};

	if (own.has_timer)
		return true;
	event._sigev_un._tid = gettid();
	own.has_timer = timer_create(CLOCK_MONOTONIC, &event, &own.timer) == 0;
	/* Any value but NULL: the destructor is called for it. */
	pthread_setspecific(key, &key);
	return own.has_timer;
}

static void set(struct limit *l, bool active, const struct itimerspec *time)
{
	pthread_mutex_lock(&l->mutex);
	l->active = active;
	timer_settime(l->timer, 0, time, NULL);
	pthread_mutex_unlock(&l->mutex);
}

/* In another thread, which has been told of the interruption; perhaps too late. */
static void interrupted(fuse_req_t req, void *arg)
{
	const struct itimerspec now = {.it_value = {.tv_nsec = 1},
				       .it_interval = {.tv_nsec = AGAIN}};
	struct limit *l = arg;

	(void)req;
	pthread_mutex_lock(&l->mutex);
	if (l->active)
		timer_settime(l->timer, 0, &now, NULL);
	pthread_mutex_unlock(&l->mutex);
}

void limit_begin(fuse_req_t req)
{
	const struct itimerspec limit = {.it_value = {.tv_sec = TIME_LIMIT},
					 .it_interval = {.tv_nsec = AGAIN}};

	if (!get_timer())
		return;
	set(&own, true, &limit);
	fuse_req_interrupt_func(req, interrupted, &own);
}

void limit_end(void)
{
	const struct itimerspec never = {0};

	if (own.has_timer)
		set(&own, false, &never);
}
