/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/mount.h>
#include <linux/nsfs.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "record.h"
#include "root.h"
#include "text.h"

#define PIN_NAME_SIZE 32
#define NUMBERS_TRIED 20000 /* several batches of a CPU */

#ifndef NS_GET_MNTNS_ID /* linux/nsfs.h has it since 6.11 */
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
#endif

static void pin_name(uint64_t id, enum nstype type, char buf[PIN_NAME_SIZE])
{
	size_t len = ID_TEXT_SIZE - 1;

	text_format_id(id, buf);
	text_append(buf, PIN_NAME_SIZE, &len, ".");
	text_append(buf, PIN_NAME_SIZE, &len, nstype_info(type)->name);
}

/* In an agent: the root directory becomes a new tmpfs, the only mount of the mount namespace. */
static int become_tmpfs(void)
{
	/* Opened here: a mount is attached below a directory of the agent's present namespace. */
	autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int fs = kernel_fsopen("tmpfs");
	autoclose int mnt = -EBADF;
	int r;

	if (fs < 0 || root < 0)
		return fs < 0 ? fs : -errno;
	r = kernel_fsconfig_set(fs, "mode", "0755");
	if (r < 0)
		return r;
	mnt = kernel_fsmount(fs, 0);
	if (mnt < 0)
		return mnt;
	r = kernel_move_mount(mnt, root, "");
	if (r < 0)
		return r;
	if (fchdir(mnt) < 0)
		return -errno;
	r = kernel_pivot_root_here();
	if (r < 0)
		return r;
	return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}

static int touch(const char *path)
{
	autoclose int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

static int unmount_and_unlink(const char *name)
{
	/* Most names are not there, and that takes one call. */
	if (unlink(name) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	/* -EINVAL: nothing is mounted there. */
	if (umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != ENOENT && errno != EINVAL)
		return -errno;
	return unlink(name) < 0 && errno != ENOENT ? -errno : 0;
}

/* Where a pin that replaces another waits until that is gone; valid if the other is not there. */
static void waiting_name(const char *name, char buf[PIN_NAME_SIZE + sizeof(".new")])
{
	size_t len = 0;

	buf[0] = '\0';
	text_append(buf, PIN_NAME_SIZE + sizeof(".new"), &len, name);
	text_append(buf, PIN_NAME_SIZE + sizeof(".new"), &len, ".new");
}

static int unpin_here(const char *name)
{
	char waiting[PIN_NAME_SIZE + sizeof(".new")];
	int r = unmount_and_unlink(name);

	waiting_name(name, waiting);
	return r ? r : unmount_and_unlink(waiting);
}

/* The old one goes only after the new one has proved that it can be mounted. */
static int replace_pin(int tree, const char *name)
{
	char waiting[PIN_NAME_SIZE + sizeof(".new")];
	int r;

	waiting_name(name, waiting);
	r = unmount_and_unlink(waiting);
	r = r ? r : touch(waiting);
	if (r < 0)
		return r;
	r = kernel_move_mount(tree, AT_FDCWD, waiting);
	if (r < 0) {
		unlink(waiting);
		return r;
	}
	r = unmount_and_unlink(name);
	r = r ? r : touch(name);
	r = r ? r : kernel_move_mount(tree, AT_FDCWD, name);
	return r ? r : unmount_and_unlink(waiting);
}

static int pin_here(int ns, const char *name)
{
	autoclose int tree = kernel_open_tree(ns, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	int r = tree < 0 ? tree : touch(name);

	if (r == -EEXIST)
		return replace_pin(tree, name);
	return r ? r : kernel_move_mount(tree, AT_FDCWD, name);
}

/* In an agent: the mount namespace that the cradle is mounted in. */
static int go_home(int home)
{
	return home >= 0 && setns(home, CLONE_NEWNS) < 0 ? -errno : 0;
}

struct setup {
	int home, state_dir, proc;
	int cradle;	 /* result */
	uint64_t number; /* result: of the vault */
};

static int new_proc(void *arg)
{
	int *fd = arg;

	*fd = root_new_proc();
	return 0;
}

/* Of a pid namespace that nobody is in, its only process being gone: it shows none. */
static int empty_proc(void)
{
	int fd = -ECANCELED;
	struct clone_request req = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWPID,
		.cgroup = -EBADF,
	};
	pid_t pid = kernel_clone(&req, new_proc, &fd);

	if (pid < 0)
		return pid;
	while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	return fd;
}

/*
 * Directories that root.c mounts on for a moment, on kernels where overlayfs takes no fds; and a /proc, since
 * a user namespace may mount one only where one is mounted already that hides nothing.
 */
static int cradle_fill(int proc)
{
	if (mkdir("/lower", 0755) < 0 || mkdir("/upper", 0755) < 0 || mkdir("/hidden", 0700) < 0)
		return -errno;
	return proc < 0 ? 0 : kernel_move_mount(proc, AT_FDCWD, "/hidden");
}

static int open_own_mount_ns(int proc)
{
	int fd = openat(proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The number of the agent's mount namespace, 0 where the kernel does not tell (before 6.11). */
static int own_mount_ns_number(int proc, uint64_t *ret_number)
{
	autoclose int fd = open_own_mount_ns(proc);

	if (fd < 0)
		return fd;
	if (ioctl(fd, NS_GET_MNTNS_ID, ret_number) < 0)
		*ret_number = 0;
	return 0;
}

static int move_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

/* New mount namespaces on one CPU until one has a number above floor; returns that. */
static int number_on_cpu(int proc, int cpu, uint64_t floor, uint64_t *ret_number)
{
	int r = move_to_cpu(cpu);

	for (int i = 0; r == 0 && i < NUMBERS_TRIED; i++) {
		if (unshare(CLONE_NEWNS) < 0)
			return -errno;
		r = own_mount_ns_number(proc, ret_number);
		if (r < 0 || *ret_number == 0 || *ret_number > floor)
			return r;
	}
	return r < 0 ? r : -ENOSPC;
}

/*
 * A new mount namespace that is newer than the one numbered floor, and older than all that are made
 * later, in the kernel's eyes: it compares numbers, and since Linux 6.18 each CPU takes its numbers
 * from a batch of its own. So it is made on the CPU whose numbers are the lowest.
 */
static int unshare_oldest(int proc, uint64_t floor)
{
	uint64_t lowest = UINT64_MAX, number = 0;
	int lowest_cpu = -1;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int r;

		if (!CPU_ISSET(cpu, &cpus))
			continue;
		r = number_on_cpu(proc, cpu, floor, &number);
		if (r < 0)
			return r;
		if (number == 0)
			return sched_setaffinity(0, sizeof(cpus), &cpus) < 0 ? -errno : 0;
		if (number < lowest) {
			lowest = number;
			lowest_cpu = cpu;
		}
	}
	if (lowest_cpu < 0)
		return -EINVAL;
	if (move_to_cpu(lowest_cpu) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		return -errno;
	return 0;
}

/* The agent ends in the cradle; both fds stay in the caller's table. */
static int setup_agent(void *arg)
{
	struct setup *s = arg;
	autoclose int vault = -EBADF;
	/* Here, where one is mounted; in a user namespace that hides some of it there can be none. */
	autoclose int proc = empty_proc();
	uint64_t number = 0;
	int r = go_home(s->home);

	r = r ? r : own_mount_ns_number(s->proc, &number);
	if (r < 0 || (proc < 0 && proc != -EPERM))
		return r < 0 ? r : proc;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	r = become_tmpfs();
	r = r ? r : cradle_fill(proc);
	r = r ? r : unshare_oldest(s->proc, number);
	if (r < 0)
		return r;
	s->cradle = open_own_mount_ns(s->proc);
	if (s->cradle < 0)
		return s->cradle;
	r = own_mount_ns_number(s->proc, &number);
	r = r ? r : unshare_oldest(s->proc, number);
	r = r ? r : become_tmpfs();
	if (r < 0)
		return r;
	r = own_mount_ns_number(s->proc, &s->number);
	if (r < 0)
		return r;
	vault = open_own_mount_ns(s->proc);
	if (vault < 0)
		return vault;
	if (setns(s->cradle, CLONE_NEWNS) < 0)
		return -errno;
	r = pin_here(vault, "/vault");
	if (r < 0)
		return r;
	/* The file system itself: containers keep a hidden copy of this mount below their root. */
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0 ? -errno : 0;
}

static int set_propagation(int tree, uint64_t propagation)
{
	struct mount_attr attr = {.propagation = propagation};

	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno
											    : 0;
}

/* In an agent, which has a working directory of its own: umount2(2) takes no directory fd. */
static int unmount_cradle(int state_dir)
{
	if (fchdir(state_dir) < 0)
		return -errno;
	return umount2("cradle", MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL ? -errno : 0;
}

/*
 * Unbindable: a copy of it in a container that has the host's tree as its root would be a mount
 * namespace inside a newer one, which the kernel refuses. Below a shared mount it can become so only
 * after it is attached. To the peers and slaves of a shared mount it cannot be propagated at all: then
 * the state directory becomes a private mount of itself first.
 */
static int attach_cradle(int tree, int state_dir)
{
	autoclose int self = -EBADF;
	int r = set_propagation(tree, MS_UNBINDABLE);

	r = r ? r : kernel_move_mount(tree, state_dir, "cradle");
	if (r != -EINVAL)
		return r;
	r = set_propagation(tree, MS_PRIVATE);
	r = r ? r : kernel_move_mount(tree, state_dir, "cradle");
	if (r == 0) {
		r = set_propagation(tree, MS_UNBINDABLE);
		if (r < 0)
			unmount_cradle(state_dir);
	}
	if (r != -EINVAL)
		return r;
	self = kernel_open_tree(state_dir, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	if (self < 0)
		return self;
	r = set_propagation(self, MS_PRIVATE);
	r = r ? r : kernel_replace_link(state_dir, "bound", "1");
	r = r ? r : kernel_move_mount(self, state_dir, "");
	r = r ? r : set_propagation(self, MS_PRIVATE);
	r = r ? r : set_propagation(tree, MS_UNBINDABLE);
	return r ? r : kernel_move_mount(tree, self, "cradle");
}

static int attach_agent(void *arg)
{
	const struct setup *s = arg;
	autoclose int tree = -EBADF;
	int r = go_home(s->home);

	r = r ? r : (tree = kernel_open_tree(s->cradle, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
	return r < 0 ? r : attach_cradle(tree, s->state_dir);
}

int vault_setup(int state_dir, int home)
{
	char number[21];
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int file = -EBADF;
	struct setup s = {home, state_dir, proc, .cradle = -EBADF};
	int r;

	if (proc < 0)
		return error_set(-errno, "open", "/proc");
	r = agent_run(-1, setup_agent, &s);
	if (r < 0) {
		close_fd(&s.cradle);
		return error_set(r, "make the vault", NULL);
	}
	text_format_u64(s.number, number);
	r = kernel_replace_link(state_dir, "vault", number);
	if (r < 0) {
		error_set(r, "record the vault", NULL);
	} else {
		file = openat(state_dir, "cradle", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			      0600);
		r = file < 0 ? error_set(-errno, "make the vault's mount point", NULL) : 0;
	}
	if (r == 0)
		r = agent_run(-1, attach_agent, &s);
	close_fd(&s.cradle);
	return r < 0 ? error_default(r, "mount the vault", NULL) : 0;
}

struct at_home {
	int state_dir, home;
};

static int teardown_agent(void *arg)
{
	const struct at_home *a = arg;
	int r = go_home(a->home);

	return r ? r : unmount_cradle(a->state_dir);
}

int vault_teardown(int state_dir, int home)
{
	struct at_home a = {state_dir, home};

	return agent_run(-1, teardown_agent, &a);
}

static int make_unbindable(int state_dir)
{
	autoclose int cradle = kernel_open_tree(state_dir, "cradle", 0);

	return cradle < 0 ? cradle : set_propagation(cradle, MS_UNBINDABLE);
}

static int unbindable_agent(void *arg)
{
	const struct at_home *a = arg;
	int r = go_home(a->home);

	return r ? r : make_unbindable(a->state_dir);
}

/* Killed between attaching it and this, whoever made it has left it as it is. */
int vault_make_unbindable(int state_dir, int home)
{
	struct at_home a = {state_dir, home};

	return home < 0 ? make_unbindable(state_dir) : agent_run_thread(unbindable_agent, &a);
}

int vault_read_number(int state_dir, uint64_t *ret_number)
{
	char text[21];
	ssize_t n = record_read(state_dir, "vault", text, sizeof(text));

	if (n < 0 && n != -ENOENT)
		return (int)n;
	if (n < 0 || text_parse_whole_u64(text, UINT64_MAX, ret_number) < 0)
		return record_damaged(state_dir, "vault");
	return 0;
}

int vault_outdate(int proc, uint64_t number)
{
	uint64_t own;

	for (int i = 0; number && i < NUMBERS_TRIED; i++) {
		int r = own_mount_ns_number(proc, &own);

		if (r < 0 || own > number)
			return r;
		if (unshare(CLONE_NEWNS) < 0)
			return -errno;
	}
	return number ? -ENOSPC : 0;
}

int vault_enter(int cradle)
{
	autoclose int vault = -EBADF;

	if (setns(cradle, CLONE_NEWNS) < 0)
		return -errno;
	vault = open("/vault", O_RDONLY | O_CLOEXEC);
	if (vault < 0)
		return -errno;
	return setns(vault, CLONE_NEWNS) < 0 ? -errno : 0;
}

int vault_pin(const struct spec *spec, const struct ns_set *set)
{
	for (int t = 0; t < NS_COUNT; t++) {
		char name[PIN_NAME_SIZE];
		int r;

		if (set->fd[t] < 0)
			continue;
		pin_name(spec_pin_id(spec, t), t, name);
		r = pin_here(set->fd[t], name);
		if (r < 0)
			return error_set(r, "pin namespace", nstype_info(t)->name);
	}
	return 0;
}

/* -ENOENT also for a file that nothing is mounted on: whoever made it was killed before that. */
static int open_pin_at(const char *name)
{
	autoclose int fd = openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return kernel_is_nsfs(fd) ? take_fd(&fd) : -ENOENT;
}

static int open_pin(const char *name)
{
	char waiting[PIN_NAME_SIZE + sizeof(".new")];
	int fd = open_pin_at(name);

	waiting_name(name, waiting);
	return fd == -ENOENT ? open_pin_at(waiting) : fd;
}

int vault_enter_pin(int cradle, uint64_t id, enum nstype type)
{
	char name[PIN_NAME_SIZE];
	int r = vault_enter(cradle);

	pin_name(id, type, name);
	return r ? r : open_pin(name);
}

int vault_enter_pins(int cradle, const uint64_t id[NS_COUNT], struct ns_set *set)
{
	int r = vault_enter(cradle);

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		char name[PIN_NAME_SIZE];

		if (id[t] == 0)
			continue;
		pin_name(id[t], t, name);
		set->fd[t] = open_pin(name);
		if (set->fd[t] == -ENOENT)
			return error_set(-ENOENT, "pinned namespace is lost", nstype_info(t)->name);
		r = set->fd[t] < 0 ? set->fd[t] : 0;
	}
	return r < 0 ? error_set(r, "open pinned namespaces", NULL) : 0;
}

struct open_pins {
	int cradle;
	const uint64_t *id;
	struct ns_set *set;
};

static int open_pins_agent(void *arg)
{
	struct open_pins *o = arg;

	return vault_enter_pins(o->cradle, o->id, o->set);
}

int vault_open_pins(int cradle, const uint64_t id[NS_COUNT], struct ns_set *set)
{
	struct open_pins o = {cradle, id, set};
	int r = agent_run_thread(open_pins_agent, &o);

	return r < 0 ? error_default(r, "open pinned namespaces", NULL) : 0;
}

int vault_open_pin(int cradle, uint64_t id, enum nstype type)
{
	uint64_t ids[NS_COUNT] = {0};
	struct ns_set set;
	int r;

	ns_set_init(&set);
	ids[type] = id;
	r = vault_open_pins(cradle, ids, &set);
	if (r < 0) {
		ns_set_close(&set);
		return r;
	}
	return set.fd[type];
}

struct change_pin {
	int cradle;
	uint64_t id;
	enum nstype type;
	int fd;
};

static int change_pin_agent(void *arg)
{
	struct change_pin *c = arg;
	char name[PIN_NAME_SIZE];
	int r = vault_enter(c->cradle);

	pin_name(c->id, c->type, name);
	if (r < 0)
		return r;
	return c->fd >= 0 ? pin_here(c->fd, name) : unpin_here(name);
}

int vault_set_pin(int cradle, uint64_t id, enum nstype type, int fd)
{
	struct change_pin c = {cradle, id, type, fd};
	int r = agent_run(-1, change_pin_agent, &c);

	return r < 0 ? error_set(r, "pin namespace", nstype_info(type)->name) : 0;
}

struct unpin {
	int cradle;
	const uint64_t *id;
	uint64_t or_id; /* of all types, in the other place; or 0 */
};

static int unpin_agent(void *arg)
{
	struct unpin *u = arg;
	char name[PIN_NAME_SIZE];
	int r = vault_enter(u->cradle);

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		if (u->id[t] == 0)
			continue;
		pin_name(u->id[t], t, name);
		r = unpin_here(name);
		if (r < 0 || u->or_id == 0)
			continue;
		pin_name(u->or_id, t, name);
		r = unpin_here(name);
	}
	return r;
}

static int unpin(int cradle, const uint64_t id[NS_COUNT], uint64_t or_id)
{
	struct unpin u = {cradle, id, or_id};
	int r = agent_run(-1, unpin_agent, &u);

	return r < 0 ? error_set(r, "unpin namespaces", NULL) : 0;
}

int vault_unpin(int cradle, const uint64_t id[NS_COUNT])
{
	return unpin(cradle, id, 0);
}

int vault_unpin_all(int cradle, uint64_t id)
{
	uint64_t ids[NS_COUNT];

	for (int t = 0; t < NS_COUNT; t++)
		ids[t] = id;
	return unpin(cradle, ids, id | SPEC_SECOND);
}

struct number_call {
	int cradle, proc;
	uint64_t number;
};

static int number_agent(void *arg)
{
	struct number_call *c = arg;
	int r = vault_enter(c->cradle);

	return r ? r : own_mount_ns_number(c->proc, &c->number);
}

int vault_record_number(int state_dir, int cradle)
{
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct number_call call = {.cradle = cradle, .proc = proc};
	char number[21];
	int r = proc < 0 ? -errno : agent_run(-1, number_agent, &call);

	text_format_u64(call.number, number);
	return r ? r : kernel_replace_link(state_dir, "vault", number);
}

struct list_call {
	int cradle;
	char *text;
	size_t size, len;
};

/* Of getdents64(2); no libc has it. */
struct directory_entry {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static int add_names(struct list_call *c, const char *buf, long n)
{
	const struct directory_entry *entry;
	int r = 0;

	for (long at = 0; r == 0 && at < n; at += entry->size) {
		entry = (const void *)(buf + at);
		if (entry->name[0] == '.')
			continue;
		r = text_append(c->text, c->size, &c->len, entry->name);
		r = r ? r : text_append(c->text, c->size, &c->len, "\n");
	}
	return r < 0 ? -ERANGE : 0;
}

static int list_agent(void *arg)
{
	struct list_call *c = arg;
	char buf[2048] __attribute__((aligned(8)));
	autoclose int dir = -EBADF;
	int r = vault_enter(c->cradle);
	long n;

	if (r < 0)
		return r;
	dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	while (r == 0 && (n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) != 0)
		r = n < 0 ? -errno : add_names(c, buf, n);
	return r;
}

#define LIST_SIZE 65536
#define LIST_MOST ((size_t)1 << 28)

int vault_list(int cradle, char **ret_list)
{
	struct list_call call = {.cradle = cradle};
	int r = -ERANGE;

	for (call.size = LIST_SIZE; r == -ERANGE && call.size < LIST_MOST; call.size *= 4) {
		free(call.text);
		call.text = calloc(1, call.size);
		call.len = 0;
		r = call.text ? agent_run(-1, list_agent, &call) : -ENOMEM;
	}
	if (r < 0) {
		free(call.text);
		return error_set(r, "list the vault", NULL);
	}
	*ret_list = call.text;
	return 0;
}
