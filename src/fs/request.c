/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <containerfs/container.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "limit.h"

#define CHANGE_LIMIT 3000 /* ms */
#define LOOK_LIMIT 500
#define WAITING_MAX (REQUEST_THREADS - 64)

bool request_read_only;
static atomic_int waiting;

/* A request that has not asked whether its caller may change anything changes nothing. */
static int guard(const struct container_guarded *what, void *arg)
{
	const struct request *r = arg;

	return r->question ? r->question(r, what) : -EPERM;
}

struct quota *request_quota(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return quota_open(ctx->pid, ctx->uid);
}

/*
 * A thread is taken by each request, and for a while by one that waits. Of those that do not wait few of one
 * user are worked on at a time: there are few processors.
 */
static int take_thread(struct request *r, bool waits)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(r->fuse);
	struct quota *q = waits ? request_quota(r->fuse) : quota_open_uid(ctx->uid);
	int e = q ? quota_take(q, QUOTA_REQUEST, 1) : -ENOMEM;

	if (e < 0) {
		quota_put(&q);
		return e;
	}
	r->quota = q;
	r->has_turn = !waits;
	if (r->has_turn)
		quota_turn_begin(q);
	return 0;
}

static void give_thread(struct request *r)
{
	if (!r->quota)
		return;
	if (r->has_turn)
		quota_turn_end(r->quota);
	quota_give(r->quota, QUOTA_REQUEST, 1);
	quota_put(&r->quota);
}

int request_begin(struct request *r, fuse_req_t req, fuse_ino_t ino, unsigned int need)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	bool changes = (need & REQUEST_CHANGES) == REQUEST_CHANGES;
	struct node *n;
	int e = 0;

	*r = (struct request){.fuse = req, .look = {.container = -EBADF}, .hold = {.fd = -EBADF}};
	caller_init(&r->who);
	if (changes && request_read_only)
		return -EROFS;
	e = take_thread(r, need & REQUEST_WAITS);
	if (e < 0)
		return e;
	if (need & REQUEST_WAITS) {
		/* The other threads are for what does not wait. */
		r->limited = true;
		if (atomic_fetch_add(&waiting, 1) >= WAITING_MAX)
			return -EAGAIN;
		limit_begin(req, changes ? CHANGE_LIMIT : LOOK_LIMIT, need != REQUEST_MOVES);
	}
	n = node_of(ino, &r->kind);
	if (!n)
		return -ESTALE;
	r->look.node = n;
	e = node_hold(n, &r->hold);
	/* No hierarchy yet, or no more: an empty directory, in which the first container can be made. */
	if (e < 0 && !(e == -ENOENT && n == node_root()))
		return e;
	r->look.container = r->hold.fd;
	e = 0;
	if (need & REQUEST_ASKS_WHO) {
		e = caller_open(&r->who, ctx->pid, ctx->uid, ctx->gid);
		r->look.who = &r->who;
	}
	if (e == 0 && changes) {
		container_set_guard(guard, r);
		r->guarded = true;
	}
	return e;
}

int request_ask(struct request *r, request_question *question, const void *about)
{
	const struct container_guarded what = {.size = sizeof(what)};

	r->question = question;
	r->about = about;
	return question(r, &what);
}

void request_end(struct request *r)
{
	if (r->limited) {
		atomic_fetch_sub(&waiting, 1);
		limit_end();
	}
	if (r->guarded)
		container_set_guard(NULL, NULL);
	node_release(&r->hold);
	caller_close(&r->who);
	give_thread(r);
}

int request_may_change(const struct request *r, const struct container_guarded *what)
{
	(void)what;
	return caller_may_change(&r->who, r->look.container);
}

/* Either may have been moved elsewhere since the file was opened. */
int request_may_store(const struct request *r, const struct container_guarded *what)
{
	if (!caller_equals(r->look.opener, r->look.who) &&
	    caller_may_change(r->look.opener, r->look.container) < 0)
		return -EPERM;
	return request_may_change(r, what);
}

int request_types(const struct request *r, unsigned int *ret_types)
{
	struct container_info info = {.size = sizeof(info)};

	if (container_stat(r->look.container, 0, &info, NULL, 0) < 0)
		return -errno;
	*ret_types = info.own | info.shared;
	return 0;
}

int request_attr(const struct request *r, enum entry_kind kind, struct stat *ret_st)
{
	struct container_access access = {.size = sizeof(access), .mode = 0755};
	const struct entry *e = entry_of(kind);
	struct stat dir = {.st_nlink = 2};

	if (r->look.container >= 0) {
		dir = r->hold.st;
		if (container_get_access(r->look.container, &access) < 0)
			return -errno;
	}
	*ret_st = (struct stat){
		.st_ino = node_inode(r->look.node, kind),
		.st_mode = e ? e->mode : S_IFREG | 0644,
		.st_nlink = 1,
		.st_uid = access.uid,
		.st_gid = access.gid,
		.st_blksize = 4096,
		.st_atim = dir.st_atim,
		.st_mtim = dir.st_mtim,
		.st_ctim = dir.st_ctim,
	};
	if (kind == KIND_DIR) {
		ret_st->st_mode = S_IFDIR | access.mode;
		/* by-pid is one more directory of the root. */
		ret_st->st_nlink = dir.st_nlink + (r->look.node == node_root());
	} else if (kind == KIND_BY_PID) {
		ret_st->st_nlink = 2;
	}
	if (request_read_only)
		ret_st->st_mode &= S_ISLNK(ret_st->st_mode) ? ~0u : ~0222u;
	return 0;
}

/* Nothing may be kept by the kernel: others change containers too, and say nothing to us. */
static void reply(const struct request *r, enum entry_kind kind)
{
	struct fuse_entry_param entry = {
		.ino = node_id(r->look.node, kind),
		.generation = node_generation(r->look.node),
	};
	int e = request_attr(r, kind, &entry.attr);

	if (e < 0 || fuse_reply_entry(r->fuse, &entry) < 0) {
		node_forget(r->look.node, 1);
		if (e < 0)
			fuse_reply_err(r->fuse, -e);
	}
}

void request_reply_entry(const struct request *r, enum entry_kind kind)
{
	node_keep(r->look.node);
	reply(r, kind);
}

/* Who looks at a container first has its node on his quota, as long as the kernel knows it. */
static int look_up(const struct request *r, const char *name, uint64_t id, struct node **ret_node)
{
	autoquota struct quota *quota = NULL;
	int e;

	*ret_node = node_look_up(r->look.node, name, id, NULL);
	if (*ret_node)
		return 0;
	quota = request_quota(r->fuse);
	e = quota ? quota_take(quota, QUOTA_NODE, 1) : -ENOMEM;
	if (e < 0)
		return e;
	*ret_node = node_look_up(r->look.node, name, id, quota);
	return *ret_node ? 0 : -ENOMEM;
}

void request_reply_nested(const struct request *r, const char *name)
{
	uint64_t id;
	int e;
	autoclose int fd = container_open_at(r->look.container, name, &id);
	struct request nested = {.fuse = r->fuse, .look = {.container = fd}};

	if (fd < 0 || fstat(fd, &nested.hold.st) < 0) {
		/* What can be no name is nobody's name. */
		fuse_reply_err(r->fuse, errno == EINVAL ? ENOENT : errno);
		return;
	}
	e = look_up(r, name, id, &nested.look.node);
	if (e < 0)
		fuse_reply_err(r->fuse, -e);
	else
		reply(&nested, KIND_DIR);
}
