/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/nsfs.h>

#include "agent.h"
#include "cgroup.h"
#include "cleanup.h"
#include "controllers.h"
#include "dir.h"
#include "error.h"
#include "kernel.h"
#include "lock.h"
#include "name.h"
#include "object.h"
#include "proc.h"
#include "reap.h"
#include "record.h"
#include "spec.h"
#include "text.h"
#include "vault.h"
#include "watch.h"

#define DEFAULT_DIR "/run/containerfs"
#define CGROUP_NAME "containerfs"
#define SETUP_LOCK 0 /* no object has this id */
#define HOST_TEXT_SIZE 256
#define CHECK_TRIES 100 /* each 10 ms */
#define LAST_TRIES 40	/* each 5 ms */
#define UUID_SIZE 36

static const char *state_path(void)
{
	const char *path = secure_getenv("CONTAINERFS_STATE");

	return path && path[0] ? path : DEFAULT_DIR;
}

void hierarchy_init(struct hierarchy *h)
{
	*h = (struct hierarchy){.dir = -EBADF,
				.lock = -EBADF,
				.cgroup = -EBADF,
				.cradle = -EBADF,
				.home = {-EBADF, -EBADF},
				.cancel_state = -1};
}

/* Unlocked by hand: a process that another thread has forked meanwhile has a copy of the fd. */
void hierarchy_close(struct hierarchy *h)
{
	if (h->lock >= 0)
		lock_release_all(h->lock);
	home_close(&h->home);
	close_fd(&h->cradle);
	close_fd(&h->cgroup);
	close_fd(&h->lock);
	close_fd(&h->dir);
	if (h->cancel_state >= 0)
		pthread_setcancelstate(h->cancel_state, NULL);
	h->cancel_state = -1;
}

int hierarchy_new_id(uint64_t *ret_id)
{
	do {
		if (getrandom(ret_id, sizeof(*ret_id), 0) != (ssize_t)sizeof(*ret_id))
			return errno == EINTR ? -EAGAIN : -errno;
		*ret_id &= INT64_MAX;
	} while (*ret_id == 0);
	return 0;
}

/*
 * What is locked, or tells names that the modes of containers hide, is root's alone: limbo and what is in
 * it, held, lists. The rest can be passed through and not read, but for the containers' own directories.
 */
static int make_dirs(int state_dir)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {{"tree", 0755}, {"limbo", 0700}, {"held", 0700}};

	/* The caller's umask is not the hierarchy's. */
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = mkdirat(state_dir, dirs[i].name, dirs[i].mode);

		if (r == 0)
			r = fchmodat(state_dir, dirs[i].name, dirs[i].mode, 0);
		if (r < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Of all records this one is made first. */
static bool has_been_used(int state_dir)
{
	char boot[64];
	ssize_t n = kernel_readlink(state_dir, "boot", boot, sizeof(boot));

	return n == UUID_SIZE && strspn(boot, "0123456789abcdef-") == UUID_SIZE;
}

static int check_unused(int state_dir)
{
	autodir DIR *entries = NULL;
	struct dirent *entry;
	int r = dir_open(state_dir, ".", &entries);

	if (r == -ENOENT)
		return error_set(-EAGAIN, "it was taken down", state_path());
	while ((entry = dir_next_entry(entries, &r)))
		if (strcmp(entry->d_name, "lock") != 0 && strcmp(entry->d_name, "@new.boot") != 0)
			return error_set(-ENOTEMPTY, "neither a state directory nor empty: it has",
					 entry->d_name);
	return r;
}

/*
 * Whatever has names of ours in a state directory is replaced and removed. So none is made where somebody else's
 * files are, whatever the environment says.
 */
static int check_use(int state_dir)
{
	return has_been_used(state_dir) ? 0 : check_unused(state_dir);
}

/* A state directory that others can write to would let them make us act on their names. */
static int check_owner(int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return error_set(-EPERM, "state directory is another user's", state_path());
	if (st.st_mode & 022)
		return error_set(-EPERM, "state directory is open to other users", state_path());
	return 0;
}

static int cgroup_setup(struct hierarchy *h, uint64_t root_id)
{
	char mount[PATH_SIZE], path[PATH_SIZE + HIERARCHY_CGROUP_NAME], id[ID_TEXT_SIZE];
	bool is_default = strcmp(state_path(), DEFAULT_DIR) == 0;
	int r = cgroup_find_mount(mount, sizeof(mount));

	if (r < 0)
		return error_set(r, "find a cgroup v2 mount", "/sys/fs/cgroup");
	text_format_id(root_id, id);
	snprintf(path, sizeof(path), "%s/" CGROUP_NAME "%s%s", mount, is_default ? "" : "-",
		 is_default ? "" : id);
	r = cgroup_make(AT_FDCWD, path);
	if (r < 0)
		return error_set(r, "make cgroup", path);
	cgroup_limit_depth(path);
	r = kernel_replace_link(h->dir, "cgroup", path);
	if (r < 0) {
		/* Without the link nobody finds it; it goes only if it is empty. */
		rmdir(path);
		return error_set(r, "record cgroup", path);
	}
	return 0;
}

/*
 * The identities of the init container's namespaces, in the order of enum nstype: of the default hierarchy,
 * which is the machine's, process 1's, if it is in that one's mount namespace; else the maker's.
 */
static int host_setup(struct hierarchy *h)
{
	bool machine = strcmp(state_path(), DEFAULT_DIR) == 0 && home_is_of(h->dir, 1);
	pid_t pid = machine ? 1 : 0;
	char text[HOST_TEXT_SIZE] = "";
	size_t len = 0;
	int r = 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		autoclose int fd = proc_open_ns(pid, nstype_info(t)->proc);
		char number[21];
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0)
			return error_set(fd < 0 ? fd : -errno, "read namespaces",
					 pid ? "/proc/1/ns" : "/proc/self/ns");
		text_format_u64(st.st_ino, number);
		r = text_append(text, sizeof(text), &len, number);
		r = r ? r : text_append(text, sizeof(text), &len, " ");
	}
	return r ? r : kernel_replace_link(h->dir, "host", text);
}

static int host_parse(const char *text, struct host_ns *ret_host)
{
	for (int t = 0; t < NS_COUNT; t++) {
		int used = text_parse_u64(text, UINT64_MAX, &ret_host->inode[t]);

		if (used < 0 || text[used] != ' ')
			return -EUCLEAN;
		text += used + 1;
	}
	return *text ? -EUCLEAN : 0;
}

int hierarchy_read_host(int state_dir, struct host_ns *ret_host)
{
	char text[HOST_TEXT_SIZE];
	ssize_t n = record_read(state_dir, "host", text, sizeof(text));

	if (n < 0)
		return (int)n;
	return host_parse(text, ret_host) < 0 ? record_damaged(state_dir, "host") : 0;
}

int hierarchy_host_ns(const struct hierarchy *h, struct host_ns *ret_host)
{
	int r = hierarchy_read_host(h->dir, ret_host);

	return r == -ENOENT ? record_damaged(h->dir, "host") : r;
}

int hierarchy_in_host_ns(const struct host_ns *host, enum nstype type)
{
	char path[32] = "/proc/thread-self/ns/";
	size_t len = strlen(path);
	struct stat st;

	text_append(path, sizeof(path), &len, nstype_info(type)->proc);
	if (stat(path, &st) < 0)
		return -errno;
	return st.st_ino == host->inode[type];
}

static int read_boot(char boot[64])
{
	ssize_t n = kernel_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, 64);

	if (n < 0)
		return (int)n;
	boot[strcspn(boot, "\n")] = '\0';
	return 0;
}

/* What an earlier boot left in a state directory that is not on a tmpfs names nothing any more. */
static int forget_earlier_boot(struct hierarchy *h)
{
	char boot[64], recorded[64];
	int r = read_boot(boot);

	if (r < 0)
		return r;
	if (kernel_readlink(h->dir, "boot", recorded, sizeof(recorded)) >= 0 &&
	    strcmp(boot, recorded) != 0) {
		r = reap_forget_all(h->dir);
		if (r < 0)
			return error_set(r, "clear the state of an earlier boot", state_path());
	}
	return kernel_replace_link(h->dir, "boot", boot);
}

static int root_setup(struct hierarchy *h, uint64_t id)
{
	struct spec spec = {.id = id};
	char text[SPEC_TEXT_SIZE];
	autoclose int root = openat(h->dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return -errno;
	r = spec_format(&spec, text);
	return r ? r : kernel_replace_link(root, "@spec", text);
}

/* The id of the root, so that a set-up that was killed goes on with the cgroup it made. */
static uint64_t root_id(struct hierarchy *h)
{
	char text[SPEC_TEXT_SIZE];
	struct spec spec;

	if (kernel_readlink(h->dir, "tree/@spec", text, sizeof(text)) < 0 ||
	    spec_parse(text, &spec) < 0)
		return 0;
	return spec.id;
}

/*
 * What is done to the hierarchy's cgroup is done to all that is in it: another one's name is not taken for
 * it. With another state directory than the usual one its name ends with the id of the init container.
 */
static bool is_cgroup_name(struct hierarchy *h, const char *name)
{
	char own[HIERARCHY_CGROUP_NAME] = CGROUP_NAME "-";
	uint64_t id, named;

	if (strcmp(name, CGROUP_NAME) == 0)
		return true;
	id = root_id(h);
	if (id)
		text_format_id(id, own + strlen(own));
	/* Its own record is damaged. */
	else if (strncmp(name, own, strlen(own)) == 0 &&
		 text_parse_id(name + strlen(own), &named) > 0)
		return strlen(name) == strlen(own) + ID_TEXT_SIZE - 1;
	return strcmp(name, own) == 0;
}

static int check_cgroup_record(struct hierarchy *h, const char *text)
{
	return text[0] == '/' && is_cgroup_name(h, text + name_parent_len(text)) ? 0 : -EUCLEAN;
}

static int make_cgroup_record(struct hierarchy *h)
{
	return cgroup_setup(h, root_id(h));
}

static int check_host_record(struct hierarchy *h, const char *text)
{
	struct host_ns host;

	(void)h;
	return host_parse(text, &host);
}

static int check_boot_record(struct hierarchy *h, const char *text)
{
	char boot[64];

	(void)h;
	return read_boot(boot) < 0 || strcmp(boot, text) == 0 ? 0 : -EUCLEAN;
}

static int make_boot_record(struct hierarchy *h)
{
	char boot[64];
	int r = read_boot(boot);

	return r < 0 ? r : kernel_replace_link(h->dir, "boot", boot);
}

static int check_vault_record(struct hierarchy *h, const char *text)
{
	uint64_t number;

	(void)h;
	return text_parse_whole_u64(text, UINT64_MAX, &number) < 0 ? -EUCLEAN : 0;
}

static int make_vault_record(struct hierarchy *h)
{
	return vault_record_number(h->dir, h->cradle);
}

static int check_home_record(struct hierarchy *h, const char *text)
{
	(void)h;
	return home_check_record(text);
}

const struct hierarchy_record hierarchy_records[] = {
	{"cgroup", false, check_cgroup_record, make_cgroup_record},
	{"host", false, check_host_record, host_setup},
	{"boot", false, check_boot_record, make_boot_record},
	{"vault", false, check_vault_record, make_vault_record},
	{"mounts", true, NULL, NULL},
	{"bound", true, NULL, NULL},
	{"home", true, check_home_record, NULL},
	{HIERARCHY_CONTROLLERS, true, NULL, NULL},
	{NULL, true, NULL, NULL},
};

/* With another state directory than the usual one the name of the cgroup has the id. */
int hierarchy_make_root(struct hierarchy *h)
{
	char path[PATH_SIZE];
	ssize_t n = kernel_readlink(h->dir, "cgroup", path, sizeof(path));
	const char *dash = n < 0 ? NULL : strrchr(path, '-');
	uint64_t id = 0;
	int r = 0;

	if (!dash || strlen(dash) != ID_TEXT_SIZE || text_parse_id(dash + 1, &id) < 0)
		r = hierarchy_new_id(&id);
	return r ? r : root_setup(h, id);
}

/* All that there is of a hierarchy without containers, but for what is mounted and its cgroup. */
static int remove_state(struct hierarchy *h)
{
	static const char *const links[] = {"cgroup", "host",	"boot",
					    "vault",  "mounts", "bound",
					    "cradle", "home",	HIERARCHY_CONTROLLERS};
	static const char *const dirs[] = {"tree", "held", "limbo", "adopted", "lists", "ids"};

	/* Of what is none of ours in there nobody knows any more. */
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = reap_remove_tree(h->dir, dirs[i]);

		if (r < 0 && r != -ENOTDIR)
			return r;
		if (r < 0 && unlinkat(h->dir, dirs[i], 0) < 0)
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (unlinkat(h->dir, links[i], 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR || reap_remove_tree(h->dir, links[i]) < 0)
			return -errno;
	}
	return unlinkat(h->dir, "lock", 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* After a set-up that could not be: nobody has seen anything of it. */
static void setup_undo(struct hierarchy *h)
{
	char path[PATH_SIZE];

	if (kernel_readlink(h->dir, "cgroup", path, sizeof(path)) > 0)
		rmdir(path);
	remove_state(h);
	rmdir(state_path());
}

/*
 * Where it is to be: the default one is the machine's, and so in process 1's mount namespace, if that may be
 * entered; another is in the caller's. A service has one that ends with it.
 */
static int choose_home(struct hierarchy *h)
{
	int r;

	if (strcmp(state_path(), DEFAULT_DIR) == 0)
		home_of_machine(h->dir, state_path(), &h->home);
	r = home_record(h->dir, &h->home);
	return r < 0 ? error_set(r, "record the mount namespace of", state_path()) : 0;
}

/* The cradle of a home that is gone: unlinked, it is mounted nowhere any more. */
static int forget_cradle(struct hierarchy *h)
{
	return unlinkat(h->dir, "cradle", 0) < 0 && errno != ENOENT
		       ? error_set(-errno, "remove what is left of the cradle", state_path())
		       : 0;
}

/*
 * All steps may be repeated; mounting the cradle comes last and is what makes the hierarchy exist.
 */
static int setup_locked(struct hierarchy *h)
{
	uint64_t id;
	int r = make_dirs(h->dir);

	id = r == 0 ? root_id(h) : 0;
	if (r == 0 && id == 0) {
		r = hierarchy_new_id(&id);
		r = r ? r : root_setup(h, id);
	}
	r = r ? r : cgroup_setup(h, id);
	r = r ? r : forget_cradle(h);
	r = r ? r : choose_home(h);
	r = r ? r : host_setup(h);
	return r ? r : vault_setup(hierarchy_mounted_dir(h), h->home.ns);
}

/* The caller's umask is not the hierarchy's. Another may have put something else in its place. */
static int make_state_dir(const char *path)
{
	autoclose int fd = -EBADF;
	struct stat st;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	return st.st_uid == geteuid() ? fchmod(fd, 0711) : 0;
}

/* O_NOFOLLOW: the last component is ours to make; a link there was put by somebody else. */
static int open_state_dir(struct hierarchy *h, enum hierarchy_use use)
{
	const char *path = state_path();

	/* The watcher has another directory. */
	if (path[0] != '/')
		return error_set(-EINVAL, "CONTAINERFS_STATE is not an absolute path", path);
	h->dir = openat(AT_FDCWD, path, HIERARCHY_DIR_FLAGS | O_CLOEXEC);
	if (h->dir < 0 && errno == ENOENT && use >= HIERARCHY_WRITE) {
		if (make_state_dir(path) < 0)
			return error_set(-errno, "make state directory", path);
		h->dir = openat(AT_FDCWD, path, HIERARCHY_DIR_FLAGS | O_CLOEXEC);
	}
	if (h->dir < 0)
		return error_set(-errno, "open state directory", path);
	return 0;
}

/* 1, or 0 if there is none in the mount namespace that state_dir is of. */
static int open_cradle(struct hierarchy *h, int state_dir)
{
	close_fd(&h->cradle);
	h->cradle = openat(state_dir, "cradle", O_RDONLY | O_CLOEXEC);
	if (h->cradle < 0)
		return errno == ENOENT ? 0 : error_set(-errno, "open the cradle", state_path());
	if (kernel_is_nsfs(h->cradle))
		return 1;
	close_fd(&h->cradle);
	return 0;
}

/* In whatever mount namespace it is. All else is done by the caller's own fd of the state directory. */
static int find_cradle(struct hierarchy *h)
{
	int r = open_cradle(h, h->dir);

	r = r ? r : home_find(h->dir, state_path(), &h->home);
	return r > 0 && h->home.dir >= 0 ? open_cradle(h, h->home.dir) : r;
}

/* Made; by path: the directory may have become a mount of itself. */
static int open_made(struct hierarchy *h)
{
	autoclose int before = -EBADF;
	int r;

	if (h->home.ns >= 0) {
		r = home_reopen(state_path(), &h->home);
		return r ? r : open_cradle(h, h->home.dir);
	}
	before = take_fd(&h->dir);
	r = open_state_dir(h, HIERARCHY_READ);
	/* Above it there may be directories of others, who have put another in its place. */
	if (r == 0 && !kernel_is_same_file(before, h->dir))
		r = error_set(-ESTALE, "it was replaced meanwhile", state_path());
	return r ? r : open_cradle(h, h->dir);
}

/* Who mounts the cradle may have been killed just after it did: that is all, and stays. */
static void undo_unmade(struct hierarchy *h)
{
	autoclose int dir = fcntl(h->dir, F_DUPFD_CLOEXEC, 3);

	if (open_made(h) > 0)
		return;
	if (h->dir < 0)
		h->dir = take_fd(&dir);
	setup_undo(h);
}

static int make(struct hierarchy *h)
{
	bool is_first = faccessat(h->dir, "host", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	int r = setup_locked(h);

	if (r < 0 && is_first)
		undo_unmade(h);
	r = r ? r : open_made(h);
	return r == 0 ? -EIO : r;
}

/* Nothing is made where none may be; if there is a lock, that is asked under it. */
static int open_lock_to_make(struct hierarchy *h)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	struct stat st;
	int r;

	close_fd(&h->lock);
	h->lock = openat(h->dir, "lock", flags);
	if (h->lock < 0 && errno == ENOENT) {
		r = check_use(h->dir);
		if (r < 0 && faccessat(h->dir, "lock", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return r;
		h->lock = openat(h->dir, "lock", flags | O_CREAT, 0600);
	}
	if (h->lock < 0)
		return error_set(errno == ENOENT ? -EAGAIN : -errno, "open lock", state_path());
	r = lock_take(h->lock, SETUP_LOCK, LOCK_EXCLUSIVE);
	if (r < 0 || fstat(h->lock, &st) < 0)
		return error_set(r ? r : -errno, "lock", state_path());
	/* Taken down before the lock was had, others may be at work with the next one. */
	return st.st_nlink ? check_use(h->dir)
			   : error_set(-EAGAIN, "it was taken down", state_path());
}

static int setup(struct hierarchy *h)
{
	int r = open_lock_to_make(h);

	if (r < 0)
		return r;
	r = forget_earlier_boot(h);
	r = r ? r : find_cradle(h);
	if (r == 0)
		r = make(h);
	return r < 0 ? error_default(r, "set up", state_path()) : 0;
}

/* Somebody has removed it, being empty: it is made again, if cgroup v2 still is mounted there. */
static int remake_cgroup(const char *path)
{
	char above[PATH_SIZE];
	size_t len = name_parent_len(path);
	struct statfs sfs;

	memcpy(above, path, len);
	above[len] = '\0';
	if (statfs(above, &sfs) < 0 || sfs.f_type != CGROUP2_SUPER_MAGIC) {
		errno = ENOENT;
		return -1;
	}
	if (cgroup_make(AT_FDCWD, path) < 0)
		return -1;
	cgroup_limit_depth(path);
	return openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int hierarchy_open_cgroup(struct hierarchy *h)
{
	char path[PATH_SIZE];
	struct statfs sfs;
	const char *name;
	ssize_t n = record_read(h->dir, "cgroup", path, sizeof(path));

	if (n < 0 && n != -ENOENT)
		return error_default((int)n, "find the cgroup of", state_path());
	if (n < 0 && !has_been_used(h->dir))
		return error_set(-ENOENT, "there is no hierarchy", state_path());
	name = n < 0 ? "" : path + name_parent_len(path);
	if (n < 0 || path[0] != '/' || !is_cgroup_name(h, name))
		return record_damaged(h->dir, "cgroup");
	memcpy(h->cgroup_name, name, strlen(name) + 1);
	h->cgroup = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->cgroup < 0 && errno == ENOENT)
		h->cgroup = remake_cgroup(path);
	if (h->cgroup < 0)
		return error_set(errno == ENOENT ? -EOPNOTSUPP : -errno,
				 "find the hierarchy's cgroup v2 directory", path);
	if (fstatfs(h->cgroup, &sfs) < 0)
		return error_set(-errno, "look at the hierarchy's cgroup", path);
	if (sfs.f_type != CGROUP2_SUPER_MAGIC)
		return record_damaged(h->dir, "cgroup");
	return 0;
}

/*
 * Root of a user namespace may have the rights to change files, and not those that go with them: what it began
 * could not be ended. The kernel tells the owner of the cradle to those who are in that user namespace or above it.
 */
static int check_user_ns(const struct hierarchy *h)
{
	autoclose int owner = ioctl(h->cradle, NS_GET_USERNS);

	return owner >= 0 || errno != EPERM
		       ? 0
		       : error_set(-EPERM,
				   "its hierarchy belongs to a user namespace above the caller's",
				   state_path());
}

/*
 * Whoever writes has the set-up lock shared, so that the hierarchy is not taken down meanwhile. If it
 * was before the lock was had, -EAGAIN: the lock file has no name any more.
 */
static int open_for_writing(struct hierarchy *h)
{
	struct stat st;
	int r = find_cradle(h);

	/* Looked for once more under the lock: it may be about to be made. */
	if (r < 0 && r != -EXDEV)
		return r;
	if (r <= 0) {
		r = setup(h);
		if (r < 0)
			return r;
	} else {
		h->lock = openat(h->dir, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (h->lock < 0)
			return error_set(errno == ENOENT ? -EAGAIN : -errno, "open lock",
					 state_path());
	}
	r = check_user_ns(h);
	if (r < 0)
		return r;
	r = lock_take(h->lock, SETUP_LOCK, LOCK_SHARED);
	if (r < 0 || fstat(h->lock, &st) < 0)
		return error_set(r ? r : -errno, "lock", state_path());
	return st.st_nlink ? 0 : error_set(-EAGAIN, "it was taken down", state_path());
}

static int open_once(struct hierarchy *h, enum hierarchy_use use)
{
	int r;

	hierarchy_init(h);
	r = open_state_dir(h, use);
	if (r < 0)
		return r;
	r = check_owner(h->dir);
	if (r < 0)
		return r;
	if (use == HIERARCHY_LOOK)
		return 0;
	if (use == HIERARCHY_REACH || use == HIERARCHY_PINS) {
		r = find_cradle(h);
		if (r <= 0)
			return r ? r : error_set(-ENOENT, "there is no hierarchy", state_path());
	}
	if (use == HIERARCHY_PINS)
		return 0;
	if (use < HIERARCHY_WRITE) {
		r = hierarchy_open_cgroup(h);
		return r ? r : object_chain_of(h, 0, h->caller);
	}
	r = open_for_writing(h);
	if (r < 0)
		return r;
	r = hierarchy_open_cgroup(h);
	if (r == 0 && use != HIERARCHY_END)
		r = object_chain_of(h, 0, h->caller);
	return r < 0 || use != HIERARCHY_SWEEP ? r : reap_sweep(h);
}

int hierarchy_open_to_check(struct hierarchy *h, bool make_lock, bool *ret_alone)
{
	int r;

	hierarchy_init(h);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &h->cancel_state);
	*ret_alone = false;
	r = open_state_dir(h, HIERARCHY_LOOK);
	r = r ? r : check_owner(h->dir);
	r = r ? r : find_cradle(h);
	if (r <= 0)
		return r ? r : error_set(-ENOENT, "there is no hierarchy", state_path());
	r = make_lock ? check_user_ns(h) : 0;
	if (r < 0)
		return r;
	h->lock = openat(h->dir, "lock",
			 O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make_lock ? O_CREAT : 0), 0600);
	if (h->lock < 0)
		return errno == EACCES || errno == EPERM
			       ? error_set(-errno, "open lock", state_path())
			       : record_damaged(h->dir, "lock");
	r = lock_try(h->lock, SETUP_LOCK, LOCK_EXCLUSIVE);
	for (int i = 0; r == -EAGAIN && i < CHECK_TRIES; i++) {
		poll(NULL, 0, 10);
		r = lock_try(h->lock, SETUP_LOCK, LOCK_EXCLUSIVE);
	}
	*ret_alone = r == 0;
	return r == -EAGAIN ? 0 : r;
}

int hierarchy_open(struct hierarchy *h, enum hierarchy_use use)
{
	int cancel_state, r;

	/* Cancelled, it would leave locks behind, and agents that use its memory. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	r = open_once(h, use);
	/* Taken down by somebody in this very moment: it is made anew. */
	for (int i = 0; r == -EAGAIN && i < 100; i++) {
		hierarchy_close(h);
		r = open_once(h, use);
	}
	h->cancel_state = cancel_state;
	return r;
}

int hierarchy_open_root(const struct hierarchy *h)
{
	int fd = openat(h->dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* Everything but the directory's own name is removed under the set-up lock. */
static int remove_cgroup(struct hierarchy *h)
{
	autoclose int top = -EBADF;
	char path[PATH_SIZE];
	int r;

	if (kernel_readlink(h->dir, "cgroup", path, sizeof(path)) < 0)
		return -EIO;
	r = cgroup_remove(AT_FDCWD, path);
	if (r < 0)
		return r;
	path[name_parent_len(path)] = '\0';
	top = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top >= 0)
		controllers_disable(h->dir, top);
	return 0;
}

struct remove_call {
	int home, dir;
	bool bound;
};

/* What is unmounted is what the fd is of: its name may lead elsewhere by now. */
static int remove_dir_agent(void *arg)
{
	const struct remove_call *c = arg;

	if (c->home >= 0 && setns(c->home, CLONE_NEWNS) < 0)
		return -errno;
	if (c->bound && (fchdir(c->dir) < 0 || umount2(".", MNT_DETACH) < 0) && errno != EINVAL)
		return -errno;
	if (chdir("/") < 0)
		return -errno;
	return rmdir(state_path()) < 0 && errno != ENOENT ? -errno : 0;
}

int hierarchy_remove(struct hierarchy *h)
{
	struct remove_call call = {.home = h->home.ns, .dir = hierarchy_mounted_dir(h)};
	int r = lock_try(h->lock, SETUP_LOCK, LOCK_EXCLUSIVE);

	/* The watcher has it for a moment after the end of what it has watched. */
	for (int i = 0; r == -EAGAIN && i < LAST_TRIES; i++) {
		poll(NULL, 0, 5);
		r = lock_try(h->lock, SETUP_LOCK, LOCK_EXCLUSIVE);
	}
	if (r < 0)
		return r == -EAGAIN ? error_set(-EBUSY, "another operation is under way", NULL) : r;
	r = reap_check_empty(h);
	if (r < 0)
		return r;
	r = watch_end(h);
	r = r ? r : remove_cgroup(h);
	if (r < 0)
		return r;
	r = vault_teardown(hierarchy_mounted_dir(h), h->home.ns);
	if (r < 0)
		return r;
	call.bound = faccessat(h->dir, "bound", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	r = remove_state(h);
	if (r < 0)
		return r;
	return agent_run_thread(remove_dir_agent, &call);
}
