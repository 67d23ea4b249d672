/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/capability.h>

#include "cleanup.h"
#include "files.h"
#include "links.h"
#include "parse.h"

#define NAME_LENGTH 255
#define LISTING_SELF 256 /* bytes that one costs without what is in it */

static void reply_error(fuse_req_t req, int r)
{
	fuse_reply_err(req, -r);
}

static struct stat by_pid_attr(uint64_t ino)
{
	return (struct stat){.st_ino = ino, .st_mode = S_IFLNK | 0777, .st_nlink = 1};
}

static void lookup_by_pid(const struct request *r, const char *name)
{
	struct fuse_entry_param entry = {.generation = 1};
	char target[4096];
	pid_t number;

	if (parse_pid(name, &number) < 0 || number == 0 || name[strlen(name) - 1] == '\n' ||
	    name[0] == '0' || link_by_pid(&r->who, number, target, sizeof(target)) < 0) {
		fuse_reply_err(r->fuse, ENOENT);
		return;
	}
	entry.ino = BY_PID_LINK | (uint64_t)number;
	entry.attr = by_pid_attr(entry.ino);
	fuse_reply_entry(r->fuse, &entry);
}

/* An entry of the container, if it has it now: 1; 0: no. */
static int has_entry(const struct request *r, enum entry_kind kind)
{
	const struct entry *e = entry_of(kind);
	unsigned int types = 0;
	int error = 0;

	if (!e || (r->look.container < 0 && e->presence != ENTRY_AT_TOP))
		return 0;
	if (e->presence == ENTRY_WITH_NS)
		error = request_types(r, &types);
	return error < 0 ? error : entry_is_present(e, &r->look, types);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	autorequest struct request r;
	enum entry_kind kind = entry_find(name);
	bool by_pid = parent % KIND_LIMIT == KIND_BY_PID;
	int e = request_begin(&r, req, parent, by_pid ? REQUEST_ASKS_WHO : REQUEST_LOOKS);

	if (e == 0 && strlen(name) > NAME_LENGTH)
		e = -ENAMETOOLONG;
	if (e == 0 && by_pid) {
		lookup_by_pid(&r, name);
		return;
	}
	if (e == 0 && kind != KIND_NONE)
		e = has_entry(&r, kind);
	if (e > 0)
		request_reply_entry(&r, kind);
	else if (e < 0 || kind != KIND_NONE || r.look.container < 0)
		reply_error(req, e ? e : -ENOENT);
	else
		request_reply_nested(&r, name);
}

static void forget(fuse_ino_t ino, uint64_t count)
{
	enum entry_kind kind;
	struct node *n = ino & BY_PID_LINK ? NULL : node_of(ino, &kind);

	if (n)
		node_forget(n, count);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	forget(ino, count);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static int attr_of(fuse_req_t req, fuse_ino_t ino, struct stat *ret_st)
{
	autorequest struct request r = REQUEST_NONE;
	int e;

	if (ino & BY_PID_LINK) {
		*ret_st = by_pid_attr(ino);
		return 0;
	}
	e = request_begin(&r, req, ino, REQUEST_LOOKS);
	return e ? e : request_attr(&r, r.kind, ret_st);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int e = attr_of(req, ino, &st);

	(void)fi;
	if (e < 0)
		reply_error(req, e);
	else
		fuse_reply_attr(req, &st, 0);
}

struct new_access {
	const struct stat *attr;
	int what;
};

/*
 * The kernel has asked by the owner that there was a moment ago, when it looked; this asks by the one there is: who
 * is not privileged gives nothing away, and its groups alone get it.
 */
static int question_access(const struct request *r, const struct container_guarded *what)
{
	const struct new_access *new = r->about;
	struct container_access access = {.size = sizeof(access)};
	int e = request_may_change(r, what);

	if (e < 0 || container_get_access(r->look.container, &access) < 0)
		return e ? e : -errno;
	if (new->what & FUSE_SET_ATTR_UID &&new->attr->st_uid != access.uid &&
	    !caller_is_capable_over(&r->who, &access, CAP_CHOWN))
		return -EPERM;
	if (new->what & FUSE_SET_ATTR_GID &&new->attr->st_gid != access.gid &&
	    !caller_is_capable_over(&r->who, &access, CAP_CHOWN) &&
	    !(access.uid == r->who.uid && caller_is_in_group(&r->who, new->attr->st_gid)))
		return -EPERM;
	if (new->what & FUSE_SET_ATTR_MODE &&access.uid != r->who.uid &&
	    !caller_is_capable_over(&r->who, &access, CAP_FOWNER))
		return -EPERM;
	return 0;
}

static int change_access(fuse_req_t req, fuse_ino_t ino, const struct stat *attr, int what)
{
	struct container_access access = {
		.size = sizeof(access), .uid = (uid_t)-1, .gid = (gid_t)-1, .mode = (mode_t)-1};
	const struct new_access new = {attr, what};
	autorequest struct request r;
	int e = request_begin(&r, req, ino, REQUEST_CHANGES);

	/* Only the directory has an owner and a mode of its own. */
	if (e == 0 && (r.kind != KIND_DIR || r.look.container < 0))
		e = -EPERM;
	e = e ? e : request_ask(&r, question_access, &new);
	if (e < 0)
		return e;
	if (what & FUSE_SET_ATTR_UID)
		access.uid = attr->st_uid;
	if (what & FUSE_SET_ATTR_GID)
		access.gid = attr->st_gid;
	if (what & FUSE_SET_ATTR_MODE)
		access.mode = attr->st_mode & 07777;
	return container_set_access(r.look.container, &access) < 0 ? -errno : 0;
}

/* Sizes and times are what they are: setting them is part of what shells and touch(1) do. */
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
		struct fuse_file_info *fi)
{
	int e = 0;

	if (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_MODE))
		e = change_access(req, ino, attr, what);
	if (e < 0)
		reply_error(req, e);
	else
		op_getattr(req, ino, fi);
}

/* --- listing: made whole when a directory is opened, so that it cannot change under its reader --- */

struct listing {
	atomic_int references; /* as of open files */
	fuse_req_t req;
	struct node *node;
	struct quota *quota;
	int error; /* why it could not be made whole */
	char *data;
	size_t len, room;
};

static void put_listing(struct listing **listing)
{
	struct listing *l = *listing;

	if (!l || atomic_fetch_sub(&l->references, 1) > 1)
		return;
	quota_give(l->quota, QUOTA_LISTING, LISTING_SELF + l->room);
	quota_put(&l->quota);
	free(l->data);
	free(l);
}
#define autolisting __attribute__((cleanup(put_listing)))

static int resize(struct listing *l, size_t room)
{
	char *resized;

	if (room > l->room)
		l->error = quota_take(l->quota, QUOTA_LISTING, room - l->room);
	if (l->error < 0)
		return l->error;
	resized = realloc(l->data, room);
	if (resized)
		l->data = resized;
	else
		l->error = -ENOMEM;
	/* What was taken for room that did not come, or is left over. */
	if (!resized && room > l->room)
		quota_give(l->quota, QUOTA_LISTING, room - l->room);
	if (resized && room < l->room)
		quota_give(l->quota, QUOTA_LISTING, l->room - room);
	l->room = resized ? room : l->room;
	return l->error;
}

static int add(struct listing *l, const char *name, uint64_t ino, mode_t mode)
{
	struct stat st = {.st_ino = ino, .st_mode = mode};
	size_t size = 24 + ((strlen(name) + 7) & ~(size_t)7);

	if (l->len + size > l->room && resize(l, 2 * l->room + 4096) < 0)
		return l->error;
	fuse_add_direntry(l->req, l->data + l->len, l->room - l->len, name, &st,
			  (off_t)(l->len + size));
	l->len += size;
	return 0;
}

static int add_entries(struct listing *l, const struct request *r)
{
	unsigned int types = 0;
	int e = r->look.container < 0 ? 0 : request_types(r, &types);

	for (enum entry_kind k = KIND_TASKS; e == 0 && k < KIND_TABLE_END; k++) {
		const struct entry *entry = entry_of(k);

		if (r->look.container < 0 && entry->presence != ENTRY_AT_TOP)
			continue;
		if (entry_is_present(entry, &r->look, types))
			e = add(l, entry->name, node_inode(l->node, k), entry->mode);
	}
	return e;
}

static int add_nested(const struct container_info *info, void *arg)
{
	/* The number of its directory: as node_inode() makes it. */
	return add(arg, info->name, info->id * KIND_LIMIT + KIND_DIR, S_IFDIR) < 0 ? 1 : 0;
}

struct pid_listing {
	struct listing *l;
	const struct caller *who;
};

static int add_pids(int container, const struct pid_listing *p)
{
	autofree pid_t *pids = NULL;
	ssize_t n = tasks_list(container, &pids);
	int e = n == -ENOMEM ? -ENOMEM : 0;

	/* Any other failure: it has been removed meanwhile. */
	for (ssize_t i = 0; e == 0 && i < n; i++) {
		pid_t number = caller_number(p->who, pids[i]);
		char name[16];

		snprintf(name, sizeof(name), "%d", number);
		if (number > 0)
			e = add(p->l, name, BY_PID_LINK | (uint64_t)number, S_IFLNK);
	}
	return e;
}

static int add_pids_of(const struct container_info *info, void *arg)
{
	const struct pid_listing *p = arg;
	autoclose int container = container_open(info->path);

	/* Removed meanwhile, perhaps; or in a directory that the caller may not look into. */
	if (container < 0 || !link_may_tell(p->who, container))
		return 0;
	return add_pids(container, p) < 0;
}

static int add_by_pid(struct listing *l, const struct request *r)
{
	struct pid_listing p = {l, &r->who};

	if (r->look.container < 0)
		return 0;
	return container_walk(r->look.container, CONTAINER_WALK_SELF | CONTAINER_WALK_RECURSIVE,
			      add_pids_of, &p) > 0
		       ? (l->error ? l->error : -ENOMEM)
		       : 0;
}

static int list(struct listing *l, const struct request *r)
{
	const struct node *parent = node_parent(r->look.node);
	int e = add(l, ".", node_inode(l->node, r->kind), S_IFDIR);

	e = e ? e : add(l, "..", parent ? node_inode(parent, KIND_DIR) : 1, S_IFDIR);
	if (e == 0 && r->kind == KIND_BY_PID)
		return add_by_pid(l, r);
	e = e ? e : add_entries(l, r);
	if (e == 0 && r->look.container >= 0) {
		int n = container_walk(r->look.container, CONTAINER_WALK_NAMES, add_nested, l);

		/* One with a damaged record can be seen by container(1) only; the others are all right. */
		e = n > 0 ? l->error : n < 0 && errno != EUCLEAN ? -errno : 0;
	}
	return e;
}

static int make_listing(const struct request *r, struct listing **ret_listing)
{
	autoquota struct quota *quota = request_quota(r->fuse);
	struct listing *l;
	int e = quota ? quota_take(quota, QUOTA_LISTING, LISTING_SELF) : -ENOMEM;

	if (e < 0)
		return e;
	l = calloc(1, sizeof(*l));
	if (!l) {
		quota_give(quota, QUOTA_LISTING, LISTING_SELF);
		return -ENOMEM;
	}
	atomic_init(&l->references, 1);
	l->req = r->fuse;
	l->node = r->look.node;
	l->quota = quota_keep(quota);
	*ret_listing = l;
	return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool by_pid = ino % KIND_LIMIT == KIND_BY_PID;
	autorequest struct request r;
	struct listing *l = NULL;
	int e = request_begin(&r, req, ino, by_pid ? REQUEST_ASKS_WHO : REQUEST_LOOKS);

	e = e ? e : make_listing(&r, &l);
	if (e < 0 || !l) {
		reply_error(req, e);
		return;
	}
	e = list(l, &r);
	/* It may be kept open for long. */
	e = e ? e : resize(l, l->len);
	fi->fh = (uint64_t)(uintptr_t)l;
	if (e == 0 && fuse_reply_open(req, fi) == 0)
		return;
	put_listing(&l);
	if (e < 0)
		reply_error(req, e);
}

/* The length of the entry there, as struct fuse_dirent is: ino, off, namelen, type, name, padding. */
static size_t entry_size(const struct listing *l, size_t at)
{
	uint32_t name_len;

	memcpy(&name_len, l->data + at + 16, sizeof(name_len));
	return (24 + name_len + 7) & ~(size_t)7;
}

/* Whole entries only, as many as there is room for. The offset is whatever lseek(2) made of it. */
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	autolisting struct listing *l = (struct listing *)(uintptr_t)fi->fh;
	size_t from = 0, end;

	(void)ino;
	atomic_fetch_add(&l->references, 1);
	while (from < l->len && (off_t)from < offset)
		from += entry_size(l, from);
	end = from;
	while (end < l->len && end + entry_size(l, end) - from <= size)
		end += entry_size(l, end);
	fuse_reply_buf(req, l->data + from, end - from);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct listing *l = (struct listing *)(uintptr_t)fi->fh;

	(void)ino;
	put_listing(&l);
	fuse_reply_err(req, 0);
}

/* --- making, renaming, removing containers --- */

/*
 * It belongs to whoever makes it, from the first moment on. Without a hierarchy the first container makes it;
 * below another root there is nothing to make.
 */
static int make(const struct request *r, const char *name, mode_t mode)
{
	const struct container_access access = {
		.size = sizeof(access), .uid = r->who.uid, .gid = r->who.gid, .mode = mode & 07777};
	autoclose int top = r->look.container < 0 ? container_open_init() : -EBADF;
	int parent = r->look.container < 0 ? top : r->look.container;

	if (parent < 0)
		return -1;
	if (access.uid == 0 && access.gid == 0 && access.mode == 0755)
		return container_create_at(parent, name, CONTAINER_FD_CLOEXEC);
	return container_create_for(parent, name, CONTAINER_FD_CLOEXEC, &access);
}

static int question_make(const struct request *r, const struct container_guarded *what)
{
	int e;

	(void)what;
	if (r->look.container < 0)
		return caller_is_privileged(&r->who) ? 0 : -EPERM;
	e = caller_may_change_in(&r->who, r->look.container);
	return e ? e : caller_may_write(&r->who, r->look.container, -EBADF);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	autorequest struct request r;
	autoclose int made = -EBADF;
	int e = request_begin(&r, req, parent, REQUEST_CHANGES);

	if (e == 0 && (r.kind != KIND_DIR || (r.look.container < 0 && !node_is_whole_tree())))
		e = r.kind != KIND_DIR ? -EPERM : -ENOENT;
	e = e ? e : request_ask(&r, question_make, NULL);
	if (e == 0 && strlen(name) > NAME_LENGTH)
		e = -ENAMETOOLONG;
	if (e == 0) {
		made = make(&r, name, mode);
		e = made < 0 ? -errno : 0;
	}
	if (e == 0 && r.look.container < 0) {
		e = node_hold(r.look.node, &r.hold);
		r.look.container = r.hold.fd;
	}
	if (e < 0)
		reply_error(req, e);
	else
		request_reply_nested(&r, name);
}

/* A nested container whose name is renamed or removed. */
struct victim {
	const char *name;
	int fd;
	uint64_t id;
};

/* As the kernel has asked, of the directory and the container that there are now, if they still are a pair. */
static int question_name(const struct request *r, const struct container_guarded *what)
{
	const struct victim *v = r->about;
	autoclose int now = -EBADF;
	uint64_t id;
	int e = caller_may_change_in(&r->who, r->look.container);

	(void)what;
	now = e ? -EBADF : container_open_at(r->look.container, v->name, &id);
	if (e < 0 || now < 0)
		return e ? e : -errno;
	return id != v->id ? -ESTALE : caller_may_write(&r->who, r->look.container, now);
}

static int open_to_change(struct request *r, const char *name, struct victim *v)
{
	*v = (struct victim){.name = name, .fd = -EBADF};
	if (r->kind != KIND_DIR || entry_find(name) != KIND_NONE)
		return -EPERM;
	if (r->look.container < 0)
		return -ENOENT;
	v->fd = container_open_at(r->look.container, name, &v->id);
	return v->fd < 0 ? -errno : request_ask(r, question_name, v);
}

static void victim_close(struct victim *v)
{
	close_fd(&v->fd);
}
#define autovictim __attribute__((cleanup(victim_close)))

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	autorequest struct request r;
	autovictim struct victim v = {.fd = -EBADF};
	int e = request_begin(&r, req, parent, REQUEST_CHANGES);

	e = e ? e : open_to_change(&r, name, &v);
	if (e == 0)
		e = container_remove(v.fd, 0) < 0 ? -errno : 0;
	reply_error(req, e);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned int flags)
{
	autorequest struct request r;
	autovictim struct victim v = {.fd = -EBADF};
	int e = request_begin(&r, req, parent, REQUEST_CHANGES);

	if (e == 0 && (flags & ~(unsigned int)RENAME_NOREPLACE))
		e = -EINVAL;
	/* Never EXDEV: mv(1) would copy and delete. */
	if (e == 0 && (parent != new_parent || entry_find(new_name) != KIND_NONE))
		e = -EPERM;
	if (e == 0 && strlen(new_name) > NAME_LENGTH)
		e = -ENAMETOOLONG;
	e = e ? e : open_to_change(&r, name, &v);
	if (e == 0)
		e = container_rename(v.fd, new_name) < 0 ? -errno : 0;
	if (e == 0)
		node_renamed(r.look.node, name, new_name);
	reply_error(req, e);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_LENGTH};

	(void)ino;
	fuse_reply_statfs(req, &st);
}
