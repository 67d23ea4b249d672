/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops.h"

#include <containerfs/container.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "links.h"
#include "share.h"

#define LINK_SIZE 4096

static int read_link(fuse_req_t req, fuse_ino_t ino, char buf[LINK_SIZE])
{
	enum entry_kind kind = (enum entry_kind)(ino % KIND_LIMIT);
	const struct entry *e = ino & BY_PID_LINK ? NULL : entry_of(kind);
	bool asks = ino & BY_PID_LINK || (e && e->asks_who);
	autorequest struct request r;
	/* The number of by-pid is the rest of its node id; what it needs is the caller and the root. */
	fuse_ino_t node = ino & BY_PID_LINK ? FUSE_ROOT_ID : ino;
	int error = request_begin(&r, req, node, REQUEST_WAITS | (asks ? REQUEST_ASKS_WHO : 0));

	if (error < 0)
		return error;
	if (ino & BY_PID_LINK)
		return link_by_pid(&r.who, (pid_t)(ino & ~BY_PID_LINK), buf, LINK_SIZE);
	if (!e || !e->link)
		return -EINVAL;
	return e->link(&r.look, e->nstype, buf, LINK_SIZE);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char buf[LINK_SIZE];
	int e = read_link(req, ino, buf);

	if (e < 0)
		fuse_reply_err(req, -e);
	else
		fuse_reply_readlink(req, buf);
}

/*
 * The entry that is to be made in the request's container, by a caller that may: of a namespace type,
 * or root, and not there yet.
 */
static int begin_new(struct request *r, fuse_req_t req, fuse_ino_t parent, const char *name)
{
	int e = request_begin(r, req, parent, REQUEST_CHANGES);
	enum entry_kind kind = entry_find(name);
	unsigned int types = 0;

	if (e < 0)
		return e;
	if (r->kind != KIND_DIR || kind < KIND_ROOT || kind > KIND_TIME)
		return -EPERM;
	if (r->look.container < 0)
		return -ENOENT;
	e = request_ask(r, request_may_change, NULL);
	e = e ? e : request_types(r, &types);
	if (e == 0 && entry_is_present(entry_of(kind), &r->look, types))
		e = -EEXIST;
	return e < 0 ? e : (int)kind;
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	autorequest struct request r;
	int kind = begin_new(&r, req, parent, name), e = kind;

	if (kind == KIND_ROOT)
		e = share_root(&r, target);
	else if (kind > 0)
		e = share_link(&r, entry_of((enum entry_kind)kind), target);
	if (e < 0)
		fuse_reply_err(req, -e);
	else
		request_reply_entry(&r, (enum entry_kind)kind);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	autorequest struct request r;
	autoclose int other = -EBADF;
	enum entry_kind other_kind = KIND_NONE;
	struct node *n = ino & BY_PID_LINK ? NULL : node_of(ino, &other_kind);
	int kind = begin_new(&r, req, new_parent, new_name), e = kind;

	/* Nothing but a namespace can be in two containers, and only under its own name. */
	if (kind > 0 && (!n || kind != (int)other_kind || kind == KIND_ROOT))
		e = n && other_kind >= KIND_USER && other_kind <= KIND_TIME ? -EINVAL : -EPERM;
	if (e > 0) {
		other = node_open(n);
		e = other < 0 ? other : share_container(&r, other, entry_of(other_kind)->nstype);
	}
	if (e < 0)
		fuse_reply_err(req, -e);
	else
		request_reply_entry(&r, (enum entry_kind)kind);
}

/* touch network: its own from now on. */
static int make_own(const struct request *r, enum entry_kind kind)
{
	if (kind == KIND_ROOT)
		return container_set_root(r->look.container, -1, 0) < 0 ? -errno : 0;
	if (container_set_namespace(r->look.container, entry_of(kind)->nstype, CONTAINER_NS_OWN,
				    -1) < 0)
		return -errno;
	return 0;
}

static int create(struct request *r, fuse_req_t req, fuse_ino_t parent, const char *name)
{
	int kind = begin_new(r, req, parent, name);
	int e = kind < 0 ? kind : make_own(r, (enum entry_kind)kind);

	return e < 0 ? e : kind;
}

/*
 * The kernel wants a regular file for this: there is one for as long as it is open, and whoever
 * looks again finds the link.
 */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fuse_entry_param entry = {0};
	autorequest struct request r;
	int kind = create(&r, req, parent, name), e = kind;

	(void)mode;
	if (e >= 0) {
		node_keep(r.look.node);
		entry.ino = node_id(r.look.node, KIND_MADE + (kind - KIND_ROOT));
		entry.generation = node_generation(r.look.node);
		e = request_attr(&r, (enum entry_kind)(entry.ino % KIND_LIMIT), &entry.attr);
		fi->direct_io = 1;
		fi->fh = 0;
		if (e == 0 && fuse_reply_create(req, &entry, fi) == 0)
			return;
		node_forget(r.look.node, 1);
	}
	if (e < 0)
		fuse_reply_err(req, -e);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	autorequest struct request r = REQUEST_NONE;
	int kind;

	(void)device;
	if (!S_ISREG(mode)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	kind = create(&r, req, parent, name);
	if (kind < 0)
		fuse_reply_err(req, -kind);
	else
		request_reply_entry(&r, KIND_MADE + (enum entry_kind)(kind - KIND_ROOT));
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	autorequest struct request r;
	enum entry_kind kind = entry_find(name);
	const struct entry *entry = entry_of(kind);
	unsigned int types = 0;
	int e = request_begin(&r, req, parent, REQUEST_CHANGES);

	if (e == 0 && (r.kind != KIND_DIR || !node_parent(r.look.node)))
		e = -EPERM;
	e = e ? e : request_types(&r, &types);
	if (e == 0 && (!entry || !entry_is_present(entry, &r.look, types)))
		e = -ENOENT;
	e = e ? e : request_ask(&r, request_may_change, NULL);
	/* The rest of the entries go with the container, and until then they stay. */
	if (e == 0 && entry->unlink)
		e = entry->unlink(&r.look, entry->nstype);
	fuse_reply_err(req, -e);
}
