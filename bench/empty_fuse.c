/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of any FUSE file system: a server that answers each request at once, from nothing. Its
 * mount options and its loop are those of mount.containerfs (src/fs/main.c), so that what is left
 * between the two is what mount.containerfs does for an answer.
 *
 *   empty_fuse ENTRIES DIRECTORY	mounts on DIRECTORY; in the background once that is done
 *
 * The root has ENTRIES directories, c1 and so on, all of them the same one: in it are a file "state"
 * to be read and a file "tasks" to be written to, and one directory more, of any name, can be made and
 * removed.
 */
#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, DIRECTORY, STATE, TASKS, MADE };

static const char state_text[] = "created\n";

static char *listing; /* of the root; made once */
static size_t listing_len;
static size_t *offsets; /* where each entry ends */
static size_t count;
static atomic_bool made;

static struct stat attr(fuse_ino_t ino)
{
	bool is_dir = ino == ROOT || ino == DIRECTORY || ino == MADE;

	return (struct stat){
		.st_ino = ino,
		.st_mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644,
		.st_nlink = is_dir ? 2 : 1,
		.st_blksize = 4096,
	};
}

static void reply_entry(fuse_req_t req, fuse_ino_t ino)
{
	struct fuse_entry_param entry = {.ino = ino, .generation = 1, .attr = attr(ino)};

	fuse_reply_entry(req, &entry);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (parent == ROOT && name[0] == 'c')
		reply_entry(req, DIRECTORY);
	else if (parent == DIRECTORY && strcmp(name, "state") == 0)
		reply_entry(req, STATE);
	else if (parent == DIRECTORY && strcmp(name, "tasks") == 0)
		reply_entry(req, TASKS);
	else if (parent == DIRECTORY && made)
		reply_entry(req, MADE);
	else
		fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = attr(ino);

	(void)fi;
	fuse_reply_attr(req, &st, 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *changed, int what,
		       struct fuse_file_info *fi)
{
	(void)changed;
	(void)what;
	op_getattr(req, ino, fi);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	made = true;
	reply_entry(req, MADE);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	made = false;
	fuse_reply_err(req, 0);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fuse_reply_open(req, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	size_t len = sizeof(state_text) - 1, at = (size_t)offset < len ? (size_t)offset : len;

	(void)ino;
	(void)fi;
	fuse_reply_buf(req, state_text + at, size < len - at ? size : len - at);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	(void)ino;
	(void)buf;
	(void)offset;
	(void)fi;
	fuse_reply_write(req, size);
}

/* Offsets count entries. */
static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	size_t first = ino == ROOT && (size_t)offset < count ? (size_t)offset : count;
	size_t last = first, begin = first ? offsets[first - 1] : 0;

	(void)fi;
	while (last < count && offsets[last] - begin <= size)
		last++;
	fuse_reply_buf(req, listing + begin, (last ? offsets[last - 1] : 0) - begin);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_release,
};

static bool make_listing(size_t n)
{
	char name[32];

	listing = malloc(n * 64);
	offsets = calloc(n + 1, sizeof(*offsets));
	if (!listing || !offsets)
		return false;
	for (count = 0; count < n; count++) {
		const struct stat st = attr(DIRECTORY);

		snprintf(name, sizeof(name), "c%zu", count + 1);
		listing_len += fuse_add_direntry(NULL, listing + listing_len, 64, name, &st,
						 (off_t)count + 1);
		offsets[count] = listing_len;
	}
	return true;
}

static int serve(struct fuse_session *session, const char *point)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	if (!config || fuse_set_signal_handlers(session) < 0 ||
	    fuse_session_mount(session, point) < 0 || fuse_daemonize(0) < 0)
		return 1;
	fuse_loop_cfg_set_max_threads(config, 64);
	fuse_loop_cfg_set_idle_threads(config, 8);
	fuse_loop_cfg_set_clone_fd(config, 0);
	r = fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	return r < 0;
}

int main(int argc, char **argv)
{
	char options[] = "allow_other,default_permissions,nosuid,nodev,noexec,fsname=none";
	char *args_list[] = {argv[0], (char[]){"-o"}, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, args_list);
	struct fuse_session *session;
	int r;

	if (argc != 3 || !make_listing(strtoul(argv[1], NULL, 10))) {
		fputs("usage: empty_fuse ENTRIES DIRECTORY\n", stderr);
		return 2;
	}
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!session)
		return 1;
	r = serve(session, argv[2]);
	fuse_session_destroy(session);
	free(listing);
	free(offsets);
	return r;
}
