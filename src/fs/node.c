/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "node.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "quota.h"

#define NAME_SIZE 256
#define BUCKETS 4096
#define KEPT_FDS 32
#define KEPT_SECONDS 2

struct node {
	uint64_t id;
	uint64_t slot;
	uint64_t generation;
	uint64_t count; /* lookups of the kernel, and nodes below it */
	struct node *parent;
	struct node *next;   /* in its bucket */
	struct quota *quota; /* of who looked first; NULL: of the root */
	char name[];
};

struct kept_fd {
	struct node *node; /* NULL: free, or to be closed when nobody holds it any more */
	int fd;
	int holders;
	time_t used;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct node **slots; /* NULL or a free one: see free_slot */
static size_t slot_count, free_hint;
static uint64_t last_generation;
static struct node *buckets[BUCKETS];
static struct kept_fd kept[KEPT_FDS];
static char top_path[4096]; /* where the root was found last */

static struct node **bucket_of(uint64_t id)
{
	return &buckets[(id ^ id >> 32) % BUCKETS];
}

static int take_slot(struct node *n)
{
	size_t more = slot_count ? 2 * slot_count : 256;
	struct node **grown;

	while (free_hint < slot_count && slots[free_hint])
		free_hint++;
	if (free_hint == slot_count) {
		grown = realloc(slots, more * sizeof(struct node *));
		if (!grown)
			return -ENOMEM;
		memset(grown + slot_count, 0, (more - slot_count) * sizeof(struct node *));
		slots = grown;
		slot_count = more;
	}
	n->slot = free_hint;
	n->generation = ++last_generation;
	slots[free_hint++] = n;
	return 0;
}

static struct node *make_node(struct node *parent, const char *name, uint64_t id)
{
	struct node *n = calloc(1, sizeof(*n) + NAME_SIZE);

	if (!n || take_slot(n) < 0) {
		free(n);
		return NULL;
	}
	n->id = id;
	n->parent = parent;
	n->count = 1;
	memcpy(n->name, name, strlen(name) + 1);
	n->next = *bucket_of(id);
	*bucket_of(id) = n;
	if (parent)
		parent->count++;
	return n;
}

static void drop(struct kept_fd *k)
{
	k->node = NULL;
	if (k->holders == 0)
		close_fd(&k->fd);
}

static struct kept_fd *find_kept(const struct node *n)
{
	for (size_t i = 0; i < KEPT_FDS; i++)
		if (kept[i].node == n)
			return &kept[i];
	return NULL;
}

static void free_node(struct node *n)
{
	struct node **p = bucket_of(n->id);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	slots[n->slot] = NULL;
	if (n->slot < free_hint)
		free_hint = n->slot;
	if (find_kept(n))
		drop(find_kept(n));
	if (n->quota)
		quota_give(n->quota, QUOTA_NODE, 1);
	quota_put(&n->quota);
	free(n);
}

/* Up the tree, as long as a node is not needed any more. */
static void forget_locked(struct node *n, uint64_t count)
{
	while (n) {
		struct node *parent = n->parent;

		n->count -= count < n->count ? count : n->count;
		if (n->count > 0 || !parent)
			return;
		free_node(n);
		n = parent;
		count = 1;
	}
}

int node_setup(const char *root_path, uint64_t id)
{
	snprintf(top_path, sizeof(top_path), "%s", root_path);
	for (size_t i = 0; i < KEPT_FDS; i++)
		kept[i].fd = -EBADF;
	return make_node(NULL, "", id) ? 0 : -ENOMEM;
}

struct node *node_root(void)
{
	return slots[0];
}

bool node_is_whole_tree(void)
{
	return top_path[1] == '\0';
}

struct node *node_of(uint64_t nodeid, enum entry_kind *ret_kind)
{
	uint64_t slot = nodeid / KIND_LIMIT;
	struct node *n;

	pthread_mutex_lock(&mutex);
	n = slot < slot_count ? slots[slot] : NULL;
	pthread_mutex_unlock(&mutex);
	*ret_kind = (enum entry_kind)(nodeid % KIND_LIMIT);
	return n;
}

struct node *node_look_up(struct node *parent, const char *name, uint64_t id, struct quota *quota)
{
	struct node *n;

	pthread_mutex_lock(&mutex);
	for (n = *bucket_of(id); n; n = n->next)
		if (n->id == id && n->parent == parent)
			break;
	if (n) {
		n->count++;
		if (strcmp(n->name, name) != 0)
			memcpy(n->name, name, strlen(name) + 1);
	} else if (quota) {
		n = make_node(parent, name, id);
		if (n)
			n->quota = quota_keep(quota);
	}
	/* Somebody else was faster. */
	if (quota && (!n || n->count > 1))
		quota_give(quota, QUOTA_NODE, 1);
	pthread_mutex_unlock(&mutex);
	return n;
}

void node_keep(struct node *n)
{
	pthread_mutex_lock(&mutex);
	n->count++;
	pthread_mutex_unlock(&mutex);
}

void node_forget(struct node *n, uint64_t count)
{
	pthread_mutex_lock(&mutex);
	forget_locked(n, count);
	pthread_mutex_unlock(&mutex);
}

uint64_t node_id(const struct node *n, enum entry_kind kind)
{
	return n->slot * KIND_LIMIT + kind;
}

/* The same for all mounts, and for as long as the container lives. */
uint64_t node_inode(const struct node *n, enum entry_kind kind)
{
	return n->parent ? n->id * KIND_LIMIT + kind : kind;
}

uint64_t node_generation(const struct node *n)
{
	return n->generation;
}

struct node *node_parent(const struct node *n)
{
	return n->parent;
}

/* One that is kept, if there is one, and its directory still has a name. */
static bool hold_kept(const struct node *n, struct node_hold *hold)
{
	struct kept_fd *k;

	pthread_mutex_lock(&mutex);
	k = find_kept(n);
	if (k) {
		k->holders++;
		k->used = time(NULL);
	}
	pthread_mutex_unlock(&mutex);
	if (!k)
		return false;
	hold->fd = k->fd;
	hold->kept = k;
	if (fstat(k->fd, &hold->st) == 0 && hold->st.st_nlink > 0)
		return true;
	pthread_mutex_lock(&mutex);
	drop(k);
	pthread_mutex_unlock(&mutex);
	node_release(hold);
	return false;
}

/* Keep it in place of the one that was used longest ago, and is not in use now. */
static void keep(struct node *n, struct node_hold *hold)
{
	struct kept_fd *oldest = NULL;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < KEPT_FDS && !find_kept(n); i++) {
		struct kept_fd *k = &kept[i];

		if (k->holders == 0 && (!oldest || !k->node || k->used < oldest->used))
			oldest = k;
		if (oldest && !oldest->node)
			break;
	}
	if (oldest) {
		close_fd(&oldest->fd);
		*oldest = (struct kept_fd){n, hold->fd, 1, time(NULL)};
		hold->kept = oldest;
	}
	pthread_mutex_unlock(&mutex);
}

void node_release(struct node_hold *hold)
{
	if (hold->kept) {
		pthread_mutex_lock(&mutex);
		if (--hold->kept->holders == 0 && !hold->kept->node)
			close_fd(&hold->kept->fd);
		pthread_mutex_unlock(&mutex);
		hold->kept = NULL;
		hold->fd = -EBADF;
	}
	close_fd(&hold->fd);
}

void node_tidy(void)
{
	time_t now = time(NULL);

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < KEPT_FDS; i++)
		if (kept[i].node && now - kept[i].used > KEPT_SECONDS)
			drop(&kept[i]);
	pthread_mutex_unlock(&mutex);
}

struct wanted {
	uint64_t id;
	char name[NAME_SIZE];
};

static int is_wanted(const struct container_info *info, void *arg)
{
	struct wanted *w = arg;

	if (info->id != w->id)
		return 0;
	strncpy(w->name, info->name, sizeof(w->name) - 1);
	return 1;
}

static int open_by_name(int parent, const char *name, uint64_t id)
{
	uint64_t found;
	autoclose int fd = container_open_at(parent, name, &found);

	if (fd < 0)
		return -errno;
	return found == id ? take_fd(&fd) : -ESTALE;
}

static void get_name(const struct node *n, char name[NAME_SIZE])
{
	pthread_mutex_lock(&mutex);
	memcpy(name, n->name, strlen(n->name) + 1);
	pthread_mutex_unlock(&mutex);
}

static void set_name(struct node *n, const char *name)
{
	pthread_mutex_lock(&mutex);
	memcpy(n->name, name, strlen(name) + 1);
	pthread_mutex_unlock(&mutex);
}

static int open_below(struct node *n, int parent)
{
	struct wanted w = {.id = n->id};
	char name[NAME_SIZE];
	int fd;

	get_name(n, name);
	fd = open_by_name(parent, name, n->id);
	if (fd != -ENOENT && fd != -ESTALE)
		return fd;
	/* Renamed by somebody else, or gone. */
	if (container_walk(parent, CONTAINER_WALK_NAMES, is_wanted, &w) <= 0)
		return -ENOENT;
	fd = open_by_name(parent, w.name, n->id);
	if (fd >= 0)
		set_name(n, w.name);
	return fd == -ESTALE ? -ENOENT : fd;
}

struct wanted_path {
	uint64_t id;
	char *path;
};

static int has_wanted_id(const struct container_info *info, void *arg)
{
	const struct wanted_path *w = arg;

	if (info->id != w->id)
		return 0;
	snprintf(w->path, sizeof(top_path), "%s", info->path);
	return 1;
}

static int open_top_path(uint64_t id)
{
	autoclose int fd = -EBADF;
	char path[sizeof(top_path)];
	uint64_t found;

	pthread_mutex_lock(&mutex);
	memcpy(path, top_path, sizeof(path));
	pthread_mutex_unlock(&mutex);
	fd = container_open(path);
	if (fd < 0 || container_id(fd, &found) < 0)
		return -errno;
	return found == id || path[1] == '\0' ? take_fd(&fd) : -ENOENT;
}

/* The root of the mount, wherever it is by now. */
static int open_top(const struct node *n)
{
	autoclose int all = -EBADF;
	char path[sizeof(top_path)];
	struct wanted_path w = {n->id, path};
	int fd = open_top_path(n->id);

	if (fd != -ENOENT || node_is_whole_tree())
		return fd;
	all = container_open("/");
	if (all < 0 || container_walk(all, CONTAINER_WALK_RECURSIVE, has_wanted_id, &w) <= 0)
		return -ENOENT;
	pthread_mutex_lock(&mutex);
	memcpy(top_path, path, sizeof(path));
	pthread_mutex_unlock(&mutex);
	return open_top_path(n->id);
}

int node_hold(struct node *n, struct node_hold *ret_hold)
{
	struct node_hold hold = {.fd = -EBADF};

	if (!hold_kept(n, &hold)) {
		if (n->parent) {
			struct node_hold parent;
			int r = node_hold(n->parent, &parent);

			hold.fd = r < 0 ? r : open_below(n, parent.fd);
			if (r == 0)
				node_release(&parent);
		} else {
			hold.fd = open_top(n);
		}
		if (hold.fd < 0)
			return hold.fd;
		if (fstat(hold.fd, &hold.st) < 0) {
			node_release(&hold);
			return -EIO;
		}
		keep(n, &hold);
	}
	*ret_hold = hold;
	return 0;
}

int node_open(struct node *n)
{
	struct node_hold hold;
	int fd, r = node_hold(n, &hold);

	if (r < 0)
		return r;
	fd = fcntl(hold.fd, F_DUPFD_CLOEXEC, 3);
	fd = fd < 0 ? -errno : fd;
	node_release(&hold);
	return fd;
}

int node_path(struct node *n, char *buf, size_t size)
{
	char name[NAME_SIZE];
	size_t len;
	int r;

	if (!n->parent) {
		buf[0] = '\0';
		return 0;
	}
	r = node_path(n->parent, buf, size);
	if (r < 0)
		return r;
	get_name(n, name);
	len = strlen(buf);
	if (len + strlen(name) + 2 > size)
		return -ENAMETOOLONG;
	if (len > 0)
		buf[len++] = '/';
	memcpy(buf + len, name, strlen(name) + 1);
	return 0;
}

void node_renamed(struct node *parent, const char *name, const char *new_name)
{
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < slot_count; i++)
		if (slots[i] && slots[i]->parent == parent && strcmp(slots[i]->name, name) == 0)
			memcpy(slots[i]->name, new_name, strlen(new_name) + 1);
	pthread_mutex_unlock(&mutex);
}
