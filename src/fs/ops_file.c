/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "move.h"
#include "watch.h"

#define WRITE_MAX 16384

/*
 * One that is open; none for what op_create() has just made. What is read is made when it is read from
 * the beginning. Once a request is answered the file may be closed, in another thread: who still
 * needs it has a reference.
 */
struct open_file {
	atomic_int references;
	pthread_mutex_t mutex;
	char *text;
	size_t len;
	struct watch *watch;
	struct caller *opener;			/* of a file open for writing; it is large */
	struct quota *quota;			/* of who opened */
	bool is_counted, is_writer, is_watched; /* there */
};

static struct open_file *file_of(const struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

static int count(struct open_file *f, bool *is, enum quota_kind kind)
{
	int e = *is ? 0 : quota_take(f->quota, kind, 1);

	*is = e == 0;
	return e;
}

static void close_quota(struct open_file *f)
{
	if (f->is_counted)
		quota_give(f->quota, QUOTA_FILE, 1);
	if (f->is_writer)
		quota_give(f->quota, QUOTA_WRITER, 1);
	if (f->is_watched)
		quota_give(f->quota, QUOTA_WATCH, 1);
	if (f->text)
		quota_give(f->quota, QUOTA_TEXT, f->len);
	quota_put(&f->quota);
}

static void put_file(struct open_file **file)
{
	struct open_file *f = *file;

	if (!f || atomic_fetch_sub(&f->references, 1) > 1)
		return;
	if (f->watch)
		watch_close(f->watch);
	if (f->opener)
		caller_close(f->opener);
	free(f->opener);
	close_quota(f);
	pthread_mutex_destroy(&f->mutex);
	free(f->text);
	free(f);
}
#define autoput __attribute__((cleanup(put_file)))

static struct open_file *get_file(const struct fuse_file_info *fi)
{
	struct open_file *f = file_of(fi);

	if (f)
		atomic_fetch_add(&f->references, 1);
	return f;
}

static struct open_file *make_file(fuse_req_t req)
{
	struct open_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->quota = request_quota(req);
	if (!f->quota) {
		free(f);
		return NULL;
	}
	atomic_init(&f->references, 1);
	pthread_mutex_init(&f->mutex, NULL);
	return f;
}

/* Who may not change the container now cannot have others do it through this fd. */
static int check_open(struct request *r, struct open_file *f, int flags)
{
	const struct entry *e = entry_of(r->kind);
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	int error;

	/* Such writes may be under way when the call has returned. */
	if (flags & O_DIRECT)
		return -EINVAL;
	/* What "touch network" has just made. */
	if (r->kind >= KIND_MADE)
		return 0;
	if (!e || !S_ISREG(e->mode))
		return -EINVAL;
	if (!writes)
		return e->show ? 0 : -EACCES;
	if (!e->store && r->kind != KIND_TASKS)
		return -EACCES;
	error = caller_may_change(&r->who, r->look.container);
	if (error < 0)
		return error;
	/* Each holds two fds of ours: nobody may use them up. */
	error = count(f, &f->is_writer, QUOTA_WRITER);
	if (error < 0)
		return error;
	f->opener = malloc(sizeof(*f->opener));
	if (!f->opener)
		return -ENOMEM;
	*f->opener = r->who;
	caller_init(&r->who);
	return 0;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
	autorequest struct request r;
	struct open_file *f;
	int e = request_begin(&r, req, ino, writes ? REQUEST_CHANGES : REQUEST_LOOKS);

	f = e < 0 ? NULL : make_file(req);
	e = e ? e : f ? count(f, &f->is_counted, QUOTA_FILE) : -ENOMEM;
	e = e ? e : check_open(&r, f, fi->flags);
	fi->fh = (uint64_t)(uintptr_t)f;
	/* Its size is not known before it is read; two reads may differ. */
	fi->direct_io = 1;
	if (e == 0 && fuse_reply_open(req, fi) == 0)
		return;
	put_file(&f);
	if (e < 0)
		fuse_reply_err(req, -e);
}

/* Into memory, whole: what fails is an error, never half a text. */
static int show(const struct entry *e, const struct look *l, char **ret_text, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r = out ? e->show(l, out) : -ENOMEM;

	if (out && fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* In place of what was read before. */
static int set_text(struct open_file *f, char *text, size_t len)
{
	size_t old = f->text ? f->len : 0;
	int e = len > old ? quota_take(f->quota, QUOTA_TEXT, len - old) : 0;

	if (e < 0) {
		free(text);
		return e;
	}
	if (len < old)
		quota_give(f->quota, QUOTA_TEXT, old - len);
	free(f->text);
	f->text = text;
	f->len = len;
	return 0;
}

static int fill(fuse_req_t req, fuse_ino_t ino, struct open_file *f)
{
	autorequest struct request r = REQUEST_NONE;
	const struct entry *e = entry_of((enum entry_kind)(ino % KIND_LIMIT));
	char *text = NULL;
	size_t len = 0;
	int error;

	if (!e || !e->show)
		return -EBADF;
	error = request_begin(&r, req, ino, REQUEST_WAITS | (e->asks_who ? REQUEST_ASKS_WHO : 0));
	if (error == 0 && r.look.container < 0)
		error = -ENOENT;
	error = error ? error : show(e, &r.look, &text, &len);
	if (error < 0)
		return error;
	return set_text(f, text, len);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	autoput struct open_file *f = get_file(fi);
	int e = 0;

	if (!f) {
		fuse_reply_err(req, EBADF);
		return;
	}
	pthread_mutex_lock(&f->mutex);
	if (offset == 0 || !f->text)
		e = fill(req, ino, f);
	if (e < 0) {
		fuse_reply_err(req, -e);
	} else {
		size_t at = (size_t)offset < f->len ? (size_t)offset : f->len;

		fuse_reply_buf(req, f->text + at, size < f->len - at ? size : f->len - at);
	}
	pthread_mutex_unlock(&f->mutex);
}

static int check_write(struct request *r, const char *text, size_t size)
{
	if (r->look.container < 0)
		return -ENOENT;
	if (memchr(text, '\0', size))
		return -EINVAL;
	return request_ask(r, request_may_store, NULL);
}

/* One write is one value, wherever in the file it is said to go. */
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	autorequest struct request r = REQUEST_NONE;
	autoput struct open_file *f = get_file(fi);
	autofree char *text = NULL;
	const struct entry *e;
	int error;

	(void)offset;
	text = size > WRITE_MAX ? NULL : strndup(buf, size);
	if (!text) {
		fuse_reply_err(req, size > WRITE_MAX ? E2BIG : ENOMEM);
		return;
	}
	error = request_begin(&r, req, ino,
			      ino % KIND_LIMIT == KIND_TASKS ? REQUEST_MOVES : REQUEST_CHANGES);
	e = entry_of(r.kind);
	if (error == 0 && (!e || !f || !f->opener))
		error = -EINVAL;
	if (error == 0) {
		r.look.opener = f->opener;
		error = check_write(&r, buf, size);
	}
	if (error == 0 && r.kind == KIND_TASKS) {
		move_store(&r, text, size);
		return;
	}
	error = error ? error : e->store(&r.look, text);
	if (error < 0)
		fuse_reply_err(req, -error);
	else
		fuse_reply_write(req, size);
}

/* POLLPRI: it is not what was read last. As with other such files, POLLIN is always there. */
static unsigned int poll_state(fuse_req_t req, fuse_ino_t ino, struct open_file *f,
			       struct fuse_pollhandle *handle)
{
	autorequest struct request r;
	autofree char *text = NULL;
	size_t len;
	int e = request_begin(&r, req, ino, REQUEST_WAITS);

	if (e == 0 && handle && !f->watch) {
		e = count(f, &f->is_watched, QUOTA_WATCH);
		f->watch = e < 0 ? NULL : watch_open(r.look.container);
	}
	watch_notify(f->watch, handle);
	e = e ? e : show(entry_of(KIND_STATE), &r.look, &text, &len);
	if (e < 0 || !text)
		return POLLIN | POLLPRI | POLLERR;
	return POLLIN | (f->text && strcmp(text, f->text) != 0 ? POLLPRI : 0);
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	     struct fuse_pollhandle *handle)
{
	struct open_file *f = file_of(fi);
	unsigned int events = POLLIN | POLLOUT;

	if (ino % KIND_LIMIT == KIND_STATE) {
		pthread_mutex_lock(&f->mutex);
		events = poll_state(req, ino, f, handle);
		pthread_mutex_unlock(&f->mutex);
	} else if (handle) {
		fuse_pollhandle_destroy(handle);
	}
	fuse_reply_poll(req, events);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_file *f = file_of(fi);

	(void)ino;
	put_file(&f);
	fuse_reply_err(req, 0);
}
