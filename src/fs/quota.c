/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "quota.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "cleanup.h"

#define BUCKETS 256
#define TURNS 2
#define SHRUNK (1 << 20)  /* bytes */
#define NS_DEPTH 34	  /* the kernel nests them 32 deep */
#define NOBODY 0xfffffffe /* those of whom it cannot be told who they are, together */

/*
 * What one of a kind costs: memory of ours and of the kernel's, and for what is scarcer than memory so much
 * that it is enough for several users. There are 16384 fds, and 512 threads.
 */
static const size_t costs[QUOTA_KINDS] = {
	[QUOTA_LISTING] = 1,	     [QUOTA_TEXT] = 1,	       [QUOTA_FILE] = 2 << 10,
	[QUOTA_WRITER] = 32 << 10,   [QUOTA_WATCH] = 16 << 10, [QUOTA_NODE] = 384,
	[QUOTA_REQUEST] = 256 << 10,
};

struct quota {
	uid_t uid;
	uint64_t ns; /* the inode of a user namespace that stands for a user; 0: the uid does */
	size_t references;
	size_t bytes;
	int running;
	pthread_cond_t turn;
	struct quota *next; /* in its bucket */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct quota *buckets[BUCKETS];
static size_t given_back; /* bytes of memory, since they were asked about */

static struct quota **bucket_of(uid_t uid, uint64_t ns)
{
	return &buckets[(uid ^ uid >> 16 ^ ns) % BUCKETS];
}

static bool is_root(const struct quota *q)
{
	return q->uid == 0 && q->ns == 0;
}

static struct quota *find(uid_t uid, uint64_t ns)
{
	struct quota *q = *bucket_of(uid, ns);

	while (q && (q->uid != uid || q->ns != ns))
		q = q->next;
	return q;
}

static struct quota *open_quota(uid_t uid, uint64_t ns)
{
	struct quota *q;

	pthread_mutex_lock(&mutex);
	q = find(uid, ns);
	if (!q) {
		q = calloc(1, sizeof(*q));
		if (q) {
			q->uid = uid;
			q->ns = ns;
			pthread_cond_init(&q->turn, NULL);
			q->next = *bucket_of(uid, ns);
			*bucket_of(uid, ns) = q;
		}
	}
	if (q)
		q->references++;
	pthread_mutex_unlock(&mutex);
	return q;
}

struct quota *quota_open_uid(uid_t uid)
{
	return open_quota(uid, 0);
}

struct quota *quota_keep(struct quota *q)
{
	pthread_mutex_lock(&mutex);
	q->references++;
	pthread_mutex_unlock(&mutex);
	return q;
}

void quota_put(struct quota **quota)
{
	struct quota *q = *quota, **p;

	*quota = NULL;
	if (!q)
		return;
	pthread_mutex_lock(&mutex);
	if (--q->references == 0) {
		p = bucket_of(q->uid, q->ns);
		while (*p != q)
			p = &(*p)->next;
		*p = q->next;
		pthread_cond_destroy(&q->turn);
		free(q);
	}
	pthread_mutex_unlock(&mutex);
}

/* The number in "user:[4026531837]". */
static uint64_t user_ns_of(const char *proc)
{
	char link[64];
	ssize_t n = readlink(proc, link, sizeof(link) - 1);

	if (n < 0)
		return 0;
	link[n] = '\0';
	return strchr(link, '[') ? strtoull(strchr(link, '[') + 1, NULL, 10) : 0;
}

/* From a user namespace up to the one whose parent is ours: who made that, and its number. */
static int find_outermost(const char *proc, uint64_t ours, uid_t *ret_uid, uint64_t *ret_ns)
{
	autoclose int fd = open(proc, O_RDONLY | O_CLOEXEC);
	struct stat st;

	for (int i = 0; fd >= 0 && i < NS_DEPTH; i++) {
		autoclose int parent = ioctl(fd, NS_GET_PARENT);

		if (parent < 0 || fstat(parent, &st) < 0)
			return -EPERM;
		if (st.st_ino == ours) {
			*ret_ns = fstat(fd, &st) == 0 ? st.st_ino : 0;
			return ioctl(fd, NS_GET_OWNER_UID, ret_uid) < 0 ? -EPERM : 0;
		}
		close_fd(&fd);
		fd = take_fd(&parent);
	}
	return -EPERM;
}

struct quota *quota_open(pid_t tid, uid_t uid)
{
	uint64_t ours = user_ns_of("/proc/self/ns/user"), ns = 0;
	char path[32];

	/* 0: in no pid namespace below ours, and so in no user namespace that anybody inside could make. */
	if (tid == 0)
		return open_quota(uid, 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", tid);
	if (user_ns_of(path) == ours)
		return open_quota(uid, 0);
	if (find_outermost(path, ours, &uid, &ns) < 0)
		return open_quota(NOBODY, 0);
	return open_quota(uid, uid == 0 ? ns : 0);
}

int quota_take(struct quota *q, enum quota_kind kind, size_t n)
{
	size_t more = n * costs[kind];
	int r = 0;

	pthread_mutex_lock(&mutex);
	if (q->bytes + more > QUOTA_MAX && !is_root(q))
		r = -ENFILE;
	else
		q->bytes += more;
	pthread_mutex_unlock(&mutex);
	return r;
}

void quota_give(struct quota *q, enum quota_kind kind, size_t n)
{
	pthread_mutex_lock(&mutex);
	q->bytes -= n * costs[kind];
	/* Threads come and go, and are none of it. */
	if (kind != QUOTA_REQUEST)
		given_back += n * costs[kind];
	pthread_mutex_unlock(&mutex);
}

bool quota_has_shrunk(void)
{
	bool much;

	pthread_mutex_lock(&mutex);
	much = given_back > SHRUNK;
	if (much)
		given_back = 0;
	pthread_mutex_unlock(&mutex);
	return much;
}

size_t quota_bytes(struct quota *q)
{
	size_t bytes;

	pthread_mutex_lock(&mutex);
	bytes = q->bytes;
	pthread_mutex_unlock(&mutex);
	return bytes;
}

void quota_turn_begin(struct quota *q)
{
	pthread_mutex_lock(&mutex);
	while (q->running >= TURNS && !is_root(q))
		pthread_cond_wait(&q->turn, &mutex);
	q->running++;
	pthread_mutex_unlock(&mutex);
}

void quota_turn_end(struct quota *q)
{
	pthread_mutex_lock(&mutex);
	q->running--;
	pthread_cond_signal(&q->turn);
	pthread_mutex_unlock(&mutex);
}
