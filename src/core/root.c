/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/mount.h>

#include "attribute.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "text.h"

#define TMPFS_INODE 1024 /* bytes of memory that the kernel has for one, and more */
#define TMPFS_INODES_LEAST 256
#define NOTHING_SPECIAL (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* With one of these a view's /dev would be of no use, were it a directory of its upper layer. */
#define FORBIDS_DEV (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW)

static const struct node {
	const char *name;
	unsigned int major, minor;
} nodes[] = {
	{"null", 1, 3},	  {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct link {
	const char *name, *target;
} links[] = {
	{"ptmx", "pts/ptmx"},	       {"fd", "/proc/self/fd"},	      {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
};

void root_build_init(struct root_build *b, const struct root_plan *plan)
{
	*b = (struct root_build){
		.root = -EBADF,
		.scratch = -EBADF,
		.lower = -EBADF,
		.proc = -EBADF,
		.sys = -EBADF,
		.dev = -EBADF,
		.pts = -EBADF,
		.terminal = -EBADF,
		.mounts = plan->mounts,
		.mount_count = plan->mount_count,
	};
	for (size_t i = 0; i < b->mount_count; i++)
		b->mounts[i].fd = -EBADF;
}

void root_build_close(struct root_build *b)
{
	int *const fds[] = {&b->root, &b->scratch, &b->lower, &b->proc,
			    &b->sys,  &b->dev,	   &b->pts,   &b->terminal};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close_fd(fds[i]);
	for (size_t i = 0; i < b->mount_count; i++)
		close_fd(&b->mounts[i].fd);
}

static int new_mount(const char *fsname, const char *key, const char *value,
		     unsigned int attributes)
{
	autoclose int fs = kernel_fsopen(fsname);
	int r = fs < 0 ? fs : 0;

	if (r == 0 && key)
		r = kernel_fsconfig_set(fs, key, value);
	r = r ? r : kernel_fsmount(fs, attributes);
	return r < 0 ? error_set(r, "make mount", fsname) : r;
}

/* With size bytes, and so many inodes that those cost no more. */
static int new_tmpfs(const char *mode, const char *size, unsigned int attributes)
{
	autoclose int fs = kernel_fsopen("tmpfs");
	int r = fs < 0 ? fs : kernel_fsconfig_set(fs, "mode", mode);
	uint64_t bytes;
	char inodes[21];

	if (r == 0 && size[0] && text_parse_whole_u64(size, INT64_MAX, &bytes) >= 0) {
		text_format_u64(bytes / TMPFS_INODE + TMPFS_INODES_LEAST, inodes);
		r = kernel_fsconfig_set(fs, "size", size);
		r = r ? r : kernel_fsconfig_set(fs, "nr_inodes", inodes);
	}
	r = r ? r : kernel_fsmount(fs, attributes);
	return r < 0 ? error_set(r, "make mount", "tmpfs") : r;
}

/* -1 and errno. */
static int make_slave(int tree, bool recursive)
{
	struct mount_attr attr = {.propagation = MS_SLAVE};
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	return (int)syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof(attr));
}

/*
 * A clone of a directory's mount gets the host's later mounts (slave) but sends it none: what is
 * mounted on it in the container would otherwise appear on the host too.
 */
static int clone_tree(int fd, bool recursive)
{
	unsigned int flags = recursive ? AT_RECURSIVE : 0;
	int tree =
		kernel_open_tree(fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | flags);

	if (tree < 0)
		return tree;
	if (make_slave(tree, recursive) < 0) {
		int r = -errno;

		close(tree);
		return r;
	}
	return tree;
}

int root_open_source(const struct root_plan *plan, struct root_build *b)
{
	if (plan->terminal >= 0) {
		char path[sizeof("/proc/self/fd/") + 20] = "/proc/self/fd/";

		text_format_u64((uint64_t)plan->terminal, path + strlen(path));
		/* A terminal of another mount namespace cannot be cloned: then there is no console. */
		b->terminal = kernel_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	}
	if (plan->kind != ROOT_GIVEN)
		return 0;
	b->root = clone_tree(plan->given, plan->recursive);
	/* -EINVAL: it is a detached mount, on kernels that do not clone those; it is used up then. */
	if (b->root == -EINVAL) {
		b->root = fcntl(plan->given, F_DUPFD_CLOEXEC, 3);
		if (b->root >= 0 && make_slave(b->root, true) < 0)
			return error_set(-errno, "take the root", NULL);
	}
	return b->root < 0 ? error_set(b->root, "take the root", NULL) : 0;
}

static int make_opaque(int dirfd, const char *path, mode_t mode, const uint32_t owner[2])
{
	autoclose int fd = -EBADF;

	if (mkdirat(dirfd, path, 0700) < 0)
		return -errno;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchown(fd, owner[0], owner[1]) < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0 ? -errno : 0;
}

static int fill_dev(int dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		dev_t dev = makedev(nodes[i].major, nodes[i].minor);

		if (mknodat(dir, nodes[i].name, S_IFCHR | 0666, dev) < 0)
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dir, links[i].name) < 0)
			return -errno;
	if (mkdirat(dir, "pts", 0755) < 0 || mkdirat(dir, "shm", 01777) < 0)
		return -errno;
	return mknodat(dir, "console", S_IFREG | 0600, 0) < 0 ? -errno : 0;
}

/*
 * /dev, /run and /tmp of a view are opaque directories of its upper layer: no mounts are needed. If root is
 * somebody else there the home of root is one, too: the other one is not root's.
 */
static int fill_upper(int scratch, const uint32_t owner[2])
{
	autoclose int dev = -EBADF;
	int r;

	if (mkdirat(scratch, "upper", 0755) < 0 || mkdirat(scratch, "work", 0755) < 0)
		return -errno;
	r = make_opaque(scratch, "upper/tmp", 01777, owner);
	r = r ? r : make_opaque(scratch, "upper/run", 0755, owner);
	r = r ? r : make_opaque(scratch, "upper/dev", 0755, owner);
	if (r == 0 && (owner[0] || owner[1]))
		r = make_opaque(scratch, "upper/root", 0700, owner);
	if (r < 0)
		return r;
	dev = openat(scratch, "upper/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dev < 0 ? -errno : fill_dev(dev);
}

/* Linux 6.13 and newer: layers by fd. -EINVAL or -ENOPARAM-like answers: not known here. */
static int overlay_by_fd(int lower, int scratch, const char *upper, const char *work,
			 uint64_t attributes)
{
	autoclose int fs = kernel_fsopen("overlay");
	autoclose int up = openat(scratch, upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int wk = openat(scratch, work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fs < 0 || up < 0 || wk < 0)
		return fs < 0 ? fs : -errno;
	r = kernel_fsconfig_fd(fs, "lowerdir+", lower);
	if (r < 0)
		return -EOPNOTSUPP;
	r = kernel_fsconfig_fd(fs, "upperdir", up);
	r = r ? r : kernel_fsconfig_fd(fs, "workdir", wk);
	return r ? r : kernel_fsmount(fs, (unsigned int)attributes);
}

/* In the new mount namespace; the tree is mounted for a moment, and its fd closed. */
static int overlay_by_path(int *lower, const char *upper, const char *work, uint64_t attributes)
{
	autoclose int fs = kernel_fsopen("overlay");
	autoclose int mnt = -EBADF;
	int r = fs < 0 ? fs : kernel_move_mount(*lower, AT_FDCWD, "/lower");

	close_fd(lower);
	if (r < 0)
		return r;
	r = kernel_fsconfig_set(fs, "lowerdir", "/lower");
	r = r ? r : kernel_fsconfig_set(fs, "upperdir", upper);
	r = r ? r : kernel_fsconfig_set(fs, "workdir", work);
	mnt = r ? r : kernel_fsmount(fs, (unsigned int)attributes);
	/* Whether there is an overlay or not: what it shows is the host's. */
	if (umount2("/lower", MNT_DETACH) < 0)
		return -errno;
	return take_fd(&mnt);
}

static int overlay_error(int r)
{
	if (r == -EINVAL)
		return error_set(r, "private view: overlayfs nests twice at most", "/");
	return error_set(r, "private view", "/");
}

/* The mode and owner of the upper directory are those that the view's root shows. */
static int copy_root_mode(int lower, int scratch, const uint32_t owner[2])
{
	struct stat st;

	if (fstat(lower, &st) < 0)
		return -errno;
	if (owner[0] || owner[1]) {
		st.st_uid = owner[0];
		st.st_gid = owner[1];
	}
	if (fchownat(scratch, "upper", st.st_uid, st.st_gid, 0) < 0)
		return -errno;
	return fchmodat(scratch, "upper", st.st_mode & 07777, 0) < 0 ? -errno : 0;
}

/* Layers of the i-th submount, below where the scratch file system is mounted: "/upper/u3". */
struct layers {
	char upper[32], work[32];
};

static struct layers layer_paths(const char *below, size_t i)
{
	struct layers l = {{0}, {0}};
	char number[21];
	size_t upper = 0, work = 0;

	text_format_u64(i, number);
	text_append(l.upper, sizeof(l.upper), &upper, below);
	text_append(l.upper, sizeof(l.upper), &upper, "u");
	text_append(l.upper, sizeof(l.upper), &upper, number);
	text_append(l.work, sizeof(l.work), &work, below);
	text_append(l.work, sizeof(l.work), &work, "w");
	text_append(l.work, sizeof(l.work), &work, number);
	return l;
}

/* A file cannot be laid over: it is the host's own, and cannot be written to. */
static int view_file(int file)
{
	autoclose int mnt = clone_tree(file, false);
	int r = mnt < 0 ? mnt : attribute_add(mnt, MOUNT_ATTR_RDONLY);

	return r < 0 ? r : take_fd(&mnt);
}

/* The detached overlay; or, where layers are taken by path, a clone to be laid over later. */
static int view_submount(const struct root_build *b, int lower, const char *path, size_t i)
{
	autoclose int at = openat(lower, path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct layers l = layer_paths("", i);
	uint64_t attributes;
	struct stat st;
	int r;

	if (at < 0 || fstat(at, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISDIR(st.st_mode))
		return view_file(at);
	r = attribute_of(at, &attributes);
	if (r < 0)
		return r;
	if (mkdirat(b->scratch, l.upper, 0700) < 0 || mkdirat(b->scratch, l.work, 0700) < 0 ||
	    fchownat(b->scratch, l.upper, st.st_uid, st.st_gid, 0) < 0 ||
	    fchmodat(b->scratch, l.upper, st.st_mode & 07777, 0) < 0)
		return -errno;
	if (b->lower >= 0)
		return clone_tree(at, false);
	return overlay_by_fd(at, b->scratch, l.upper, l.work, attributes);
}

/* Something is wanting here, not there: then the view would be another than it is meant to be. */
static bool is_want(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOSPC;
}

/* One that cannot be laid over (its file system refuses to be a layer) is left out. */
static int view_submounts(struct root_build *b, int lower)
{
	for (size_t i = 0; i < b->mount_count; i++) {
		struct view_mount *m = &b->mounts[i];

		m->fd = view_submount(b, lower, m->path, i);
		if (is_want(m->fd))
			return error_set(m->fd, "private view", m->path);
	}
	return 0;
}

int root_build_view(const struct root_plan *plan, struct root_build *b)
{
	autoclose int lower = -EBADF;
	int r;

	if (plan->kind != ROOT_VIEW)
		return 0;
	lower = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lower < 0)
		return error_set(-errno, "open", "/");
	r = attribute_of(lower, &b->attributes);
	if (r < 0)
		return error_set(r, "look at", "/");
	b->attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	b->scratch = new_tmpfs("0700", plan->memory_size, NOTHING_SPECIAL);
	if (b->scratch < 0)
		return b->scratch;
	r = fill_upper(b->scratch, plan->owner);
	r = r ? r : copy_root_mode(lower, b->scratch, plan->owner);
	if (r < 0)
		return error_set(r, "fill the private view", NULL);
	b->root = overlay_by_fd(lower, b->scratch, "upper", "work", b->attributes);
	if (b->root == -EOPNOTSUPP) {
		b->lower = clone_tree(lower, false);
		if (b->lower < 0)
			return error_set(b->lower, "clone", "/");
	} else if (b->root < 0) {
		return overlay_error(b->root);
	}
	return view_submounts(b, lower);
}

int root_new_proc(void)
{
	return new_mount("proc", NULL, NULL, NOTHING_SPECIAL);
}

/* Inherited: the parent container's own /proc, if it has one. */
static int parents_proc(void)
{
	autoclose int dir = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -EBADF : clone_tree(dir, false);
}

int root_special(const struct root_plan *plan, struct root_build *b)
{
	int r = 0;

	if (plan->kind == ROOT_EMPTY)
		return 0;
	if (plan->new_proc)
		r = b->proc = root_new_proc();
	else if (plan->parents_proc)
		b->proc = parents_proc();
	/* With all that is mounted below it a given root is taken as it is but for /proc. */
	if (r < 0 || (plan->kind == ROOT_GIVEN && plan->recursive))
		return r < 0 ? r : 0;
	b->sys = new_mount("sysfs", NULL, NULL, NOTHING_SPECIAL | MOUNT_ATTR_RDONLY);
	if (b->sys < 0)
		return b->sys;
	if (plan->kind == ROOT_GIVEN || (b->attributes & FORBIDS_DEV)) {
		b->dev =
			new_tmpfs("0755", plan->memory_size, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
		r = b->dev < 0 ? b->dev : fill_dev(b->dev);
		if (r < 0)
			return error_default(r, "fill /dev", NULL);
	}
	/* A mount of devpts is an instance of its own since Linux 4.7. */
	b->pts = new_mount("devpts", "ptmxmode", "0666", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return b->pts < 0 ? b->pts : 0;
}

/*
 * Attach below the new root. The path is followed without any symbolic link: in a given root they
 * are somebody else's. What is not there as a directory is left out.
 */
static int attach_below(int root, int *mnt, const char *path, bool is_dir)
{
	autoclose int target = -EBADF;
	int r;

	if (*mnt < 0)
		return 0;
	target = kernel_openat2(root, path, O_PATH | (is_dir ? O_DIRECTORY : 0), LOOKUP_PLAIN);
	if (target < 0) {
		if (target == -ENOENT || target == -ELOOP || target == -ENOTDIR) {
			close_fd(mnt);
			return 0;
		}
		return error_set(target, "open mount point", path);
	}
	r = kernel_move_mount(*mnt, target, "");
	close_fd(mnt);
	return r < 0 ? error_set(r, "mount", path) : 0;
}

/* Kernels whose overlayfs takes paths only. */
static int lay_over_by_path(struct root_build *b)
{
	b->root = overlay_by_path(&b->lower, "/upper/upper", "/upper/work", b->attributes);
	if (b->root < 0)
		return overlay_error(b->root);
	for (size_t i = 0; i < b->mount_count; i++) {
		struct layers l = layer_paths("/upper/", i);
		int *fd = &b->mounts[i].fd;
		uint64_t attributes;
		struct stat st;
		int r;

		if (*fd < 0 || (fstat(*fd, &st) == 0 && !S_ISDIR(st.st_mode)))
			continue;
		r = attribute_of(*fd, &attributes);
		if (r < 0)
			return error_set(r, "private view", b->mounts[i].path);
		*fd = overlay_by_path(fd, l.upper, l.work, attributes);
		if (is_want(*fd))
			return error_set(*fd, "private view", b->mounts[i].path);
	}
	return 0;
}

/*
 * The new root covers the cradle's: no old root has to be unmounted, which would wait for an RCU
 * grace period. Who leaves the chroot by a trick finds an empty read-only tmpfs, and setns(2) goes
 * to the topmost mount.
 */
static int become_root(int root)
{
	autoclose int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = slash < 0 ? -errno : kernel_move_mount(root, slash, "");

	if (r < 0)
		return error_set(r, "attach the root", NULL);
	if (fchdir(root) < 0 || chroot(".") < 0)
		return error_set(-errno, "change the root", NULL);
	return 0;
}

int root_attach(const struct root_plan *plan, struct root_build *b)
{
	int r = 0;

	if (plan->kind == ROOT_EMPTY)
		return 0;
	/*
	 * The upper layer's mount stays, hidden below the new root: closing the last fd of a mount that
	 * is attached nowhere would wait for an RCU grace period too.
	 */
	if (b->scratch >= 0)
		r = kernel_move_mount(b->scratch, AT_FDCWD, "/upper");
	if (r < 0)
		return error_set(r, "mount the upper layer", NULL);
	if (b->lower >= 0)
		r = lay_over_by_path(b);
	r = r ? r : become_root(b->root);
	for (size_t i = 0; r == 0 && i < b->mount_count; i++)
		r = attach_below(b->root, &b->mounts[i].fd, b->mounts[i].path, false);
	r = r ? r : attach_below(b->root, &b->proc, "proc", true);
	r = r ? r : attach_below(b->root, &b->sys, "sys", true);
	r = r ? r : attach_below(b->root, &b->dev, "dev", true);
	r = r ? r : attach_below(b->root, &b->pts, "dev/pts", true);
	return r ? r : attach_below(b->root, &b->terminal, "dev/console", false);
}

int root_renew_proc(int proc)
{
	struct statfs sfs;
	int r = 0;

	/* "/proc" of a container's own choosing, a symbolic link for example, is left alone. */
	autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int dir =
		root < 0 ? -errno
			 : kernel_openat2(root, "proc", O_PATH | O_DIRECTORY, LOOKUP_PLAIN);

	if (dir < 0)
		return dir == -EMFILE || dir == -ENFILE || dir == -ENOMEM ? dir : 0;
	if (fstatfs(dir, &sfs) == 0 && sfs.f_type == PROC_SUPER_MAGIC &&
	    umount2("/proc", MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
		r = attribute_add(proc, attribute_from_statfs((uint64_t)sfs.f_flags));
		close_fd(&dir);
		dir = kernel_openat2(root, "proc", O_PATH | O_DIRECTORY, LOOKUP_PLAIN);
	}
	return dir < 0 || r < 0 ? r : kernel_move_mount(proc, dir, "");
}
