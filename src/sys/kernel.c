/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>

#include "cleanup.h"
#include "text.h"

#define POLL_TRIES 3
#define SHORT_READ 2048
#define OPEN_TRIES 256
#define STACK_SIZE 262144 /* four times what the deepest child needs, without a sanitizer */
#define STACK_GUARD 65536 /* the largest page */

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static int open_by(int dirfd, const char *path, struct open_how *how)
{
	int r;

	/* -EAGAIN: a rename or mount raced with a ".." step; the kernel asks for another try. */
	for (int i = 0; i < OPEN_TRIES; i++) {
		r = result(syscall(SYS_openat2, dirfd, path, how, sizeof(*how)));
		if (r != -EAGAIN)
			break;
	}
	return r;
}

int kernel_openat2(int dirfd, const char *path, int flags, enum lookup how)
{
	static const uint64_t resolve[] = {
		[LOOKUP_IN_ROOT] = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
		[LOOKUP_PLAIN] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
		[LOOKUP_USUAL] = RESOLVE_NO_MAGICLINKS,
		[LOOKUP_HERE] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
				RESOLVE_NO_XDEV,
	};
	struct open_how open_how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.resolve = resolve[how],
	};

	return open_by(dirfd, path, &open_how);
}

int kernel_open_in_root(int root, const char *path, int flags, mode_t mode)
{
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | O_NOCTTY),
		/* openat2(2), unlike open(2), minds a mode that is of no use. */
		.mode = creates ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (flags & O_PATH)
		how.flags &= ~(uint64_t)O_NOCTTY;
	return open_by(root, path, &how);
}

/*
 * The child must not return into this frame, whose stack it does not have, so the call of fn and
 * the exit are part of the assembly. The registers that carry fn and arg survive the system call.
 */
static long clone3_call(struct clone_args *args, int (*fn)(void *), void *arg)
{
#if defined(__x86_64__)
	long ret;
	register int (*fn_reg)(void *) __asm__("r8") = fn;
	register void *arg_reg __asm__("r9") = arg;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(ret)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(fn_reg),
			   "r"(arg_reg), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory", "cc");
	return ret;
#elif defined(__aarch64__)
	register long number __asm__("x8") = SYS_clone3;
	register long ret __asm__("x0") = (long)args;
	register long size __asm__("x1") = sizeof(*args);
	register int (*fn_reg)(void *) __asm__("x2") = fn;
	register void *arg_reg __asm__("x3") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x0, x3\n\t"
			 "blr x2\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(ret)
			 : "r"(number), "r"(size), "r"(fn_reg), "r"(arg_reg), [exit] "i"(SYS_exit)
			 : "memory", "cc", "x30");
	return ret;
#else
#error "clone3 with a stack of its own is written for x86-64 and arm64 only"
#endif
}

/*
 * A child that shared our memory and was killed, or runs another program, has left the functions on
 * its stack without returning: the address sanitizer has to be told that they are gone.
 */
#ifdef __SANITIZE_ADDRESS__
void __asan_unpoison_memory_region(const volatile void *start, size_t size);

static void forget_stack(void *stack)
{
	__asan_unpoison_memory_region(stack, STACK_SIZE);
}
#else
static void forget_stack(void *stack)
{
	(void)stack;
}
#endif

/*
 * A stack that no child has now, for the next one: to map one anew and to touch its pages takes 11 us of the
 * 50 of an agent. It is taken and given back in one step each, so that threads never have the same; one that finds
 * none maps one. After a fork both processes have their own, or the child none, if it was taken.
 */
static _Atomic(char *) kept_stack;

/*
 * A mapping and not an array of the caller's, whose thread may have less stack than that (ulimit -s 64). What
 * runs over its end dies at once, there, and does not write into what is mapped below.
 */
static int stack_map(char **ret_stack)
{
	char *all = mmap(NULL, STACK_GUARD + STACK_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (all == MAP_FAILED)
		return -errno;
	if (mprotect(all + STACK_GUARD, STACK_SIZE, PROT_READ | PROT_WRITE) < 0) {
		int r = -errno;

		munmap(all, STACK_GUARD + STACK_SIZE);
		return r;
	}
	*ret_stack = all + STACK_GUARD;
	return 0;
}

static int stack_take(char **ret_stack)
{
	*ret_stack = atomic_exchange(&kept_stack, NULL);
	return *ret_stack ? 0 : stack_map(ret_stack);
}

static void stack_give_back(char *stack)
{
	char *none = NULL;

	forget_stack(stack);
	if (!atomic_compare_exchange_strong(&kept_stack, &none, stack))
		munmap(stack - STACK_GUARD, STACK_GUARD + STACK_SIZE);
}

pid_t kernel_clone(const struct clone_request *req, int (*fn)(void *arg), void *arg)
{
	struct clone_args args = {
		.flags = req->flags,
		.exit_signal = (uint64_t)req->exit_signal,
		.stack_size = STACK_SIZE,
	};
	char *stack = NULL;
	pid_t pid;
	int r = stack_take(&stack);

	if (r < 0)
		return r;
	args.stack = (uint64_t)(uintptr_t)stack;

	if (req->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)req->cgroup;
	}
	if (req->ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)req->ret_pidfd;
	}
	if (req->ret_pid) {
		args.flags |= CLONE_PARENT_SETTID;
		args.parent_tid = (uint64_t)(uintptr_t)req->ret_pid;
	}
	pid = (pid_t)clone3_call(&args, fn, arg);
	stack_give_back(stack);
	return pid;
}

pid_t kernel_fork_pid_ns(void)
{
	struct clone_args args = {.flags = CLONE_PARENT | CLONE_NEWPID};
	int *tid = NULL;

	/* Where a libc keeps the number of its thread; other addresses are for other things. */
	if (prctl(PR_GET_TID_ADDRESS, &tid) == 0 && tid && *tid == (int)syscall(SYS_gettid)) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = (uint64_t)(uintptr_t)tid;
	}
	return (pid_t)result(syscall(SYS_clone3, &args, sizeof(args)));
}

int kernel_pidfd_open(pid_t pid)
{
	return result(syscall(SYS_pidfd_open, pid, 0));
}

int kernel_pidfd_send_signal(int pidfd, int sig)
{
	return result(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

/* A look that failed says nothing of the process. */
bool kernel_pidfd_is_alive(int pidfd)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int n = -1;

	for (int i = 0; n < 0 && i < POLL_TRIES; i++)
		n = poll(&poll_fd, 1, 0);
	return n == 0;
}

/* linux/pidfd.h of 6.15: what is asked for by mask, and told if mask says so afterwards. */
struct pidfd_info {
	uint64_t mask, cgroup;
	uint32_t numbers[11];
	int32_t exit_code;
};
#define PIDFD_INFO_EXIT 8
#define PIDFD_GET_INFO _IOWR(0xff, 11, struct pidfd_info)

int kernel_pidfd_exit_status(int pidfd, int *ret_status)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};

	if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0)
		return -errno;
	if (!(info.mask & PIDFD_INFO_EXIT))
		return -ESRCH;
	*ret_status = info.exit_code;
	return 0;
}

bool kernel_has_thread(pid_t tid)
{
	return syscall(SYS_tgkill, getpid(), tid, 0) == 0;
}

int kernel_close_range(unsigned int first, unsigned int last)
{
	return result(syscall(SYS_close_range, first, last, 0));
}

int kernel_close_from(unsigned int first)
{
	return result(syscall(SYS_close_range, first, ~0u, 0));
}

#define NONE_KEPT UINT_MAX

/* The lowest of keep from fd on. */
static unsigned int next_kept(const int *keep, size_t n, unsigned int fd)
{
	unsigned int next = NONE_KEPT;

	for (size_t i = 0; i < n; i++)
		if (keep[i] >= 0 && (unsigned int)keep[i] >= fd && (unsigned int)keep[i] < next)
			next = (unsigned int)keep[i];
	return next;
}

int kernel_close_but(const int *keep, size_t count)
{
	unsigned int fd = 0, next;
	int r = 0;

	while (r == 0 && (next = next_kept(keep, count, fd)) != NONE_KEPT) {
		if (next > fd)
			r = kernel_close_range(fd, next - 1);
		fd = next + 1;
	}
	return r ? r : kernel_close_from(fd);
}

int kernel_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return result(syscall(SYS_open_tree, dirfd, path, flags | OPEN_TREE_CLOEXEC));
}

int kernel_make_slave(int mnt)
{
	struct mount_attr attr = {.propagation = MS_SLAVE};

	return result(syscall(SYS_mount_setattr, mnt, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
			      sizeof(attr)));
}

int kernel_move_mount(int from, int to_dirfd, const char *to_path)
{
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH;

	if (to_path[0] == '\0')
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	return result(syscall(SYS_move_mount, from, "", to_dirfd, to_path, flags));
}

int kernel_fsopen(const char *fsname)
{
	return result(syscall(SYS_fsopen, fsname, FSOPEN_CLOEXEC));
}

int kernel_fsconfig_set(int fs, const char *key, const char *value)
{
	return result(syscall(SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			      key, value, 0));
}

int kernel_fsconfig_fd(int fs, const char *key, int fd)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd));
}

int kernel_fsmount(int fs, unsigned int attributes)
{
	int r = result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));

	if (r < 0)
		return r;
	return result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes));
}

int kernel_pivot_root_here(void)
{
	return result(syscall(SYS_pivot_root, ".", "."));
}

ssize_t kernel_read_file(int dirfd, const char *path, char *buf, size_t size)
{
	autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len == size)
			return -E2BIG;
		/* The kernel's text files give less than a page at the end only: no second read. */
		if (n < SHORT_READ)
			break;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

int kernel_write_file(int dirfd, const char *path, const char *text)
{
	autoclose int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

ssize_t kernel_readlink(int dirfd, const char *path, char *buf, size_t size)
{
	ssize_t n = readlinkat(dirfd, path, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

ssize_t kernel_fd_path(int fd, char *buf, size_t size)
{
	char link[sizeof("/proc/self/fd/") + 20] = "/proc/self/fd/";

	text_format_u64((uint64_t)fd, link + strlen(link));
	return kernel_readlink(AT_FDCWD, link, buf, size);
}

int kernel_exchange(int dirfd, const char *a, const char *b)
{
	return result(syscall(SYS_renameat2, dirfd, a, dirfd, b, RENAME_EXCHANGE));
}

int kernel_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	return result(syscall(SYS_renameat2, from_dir, from, to_dir, to, RENAME_NOREPLACE));
}

int kernel_dir_is_empty(int dir)
{
	char buf[256] __attribute__((aligned(8)));
	long n = syscall(SYS_getdents64, dir, buf, sizeof(buf));

	if (n < 0)
		return -errno;
	/* "." and ".." are 24 bytes each: a longer answer has more. */
	if (n > 48)
		return lseek(dir, 0, SEEK_SET) < 0 ? -errno : 0;
	return 1;
}

bool kernel_is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int kernel_replace_link(int dirfd, const char *path, const char *target)
{
	char temporary[64] = "@new.";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	if (symlinkat(target, dirfd, path) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (len + 6 > sizeof(temporary))
		return -ENAMETOOLONG;
	memcpy(temporary + 5, name, len + 1);
	/* Whoever writes holds the object's lock: what is in the way was left by a killed writer. */
	if (symlinkat(target, dirfd, temporary) < 0) {
		if (errno != EEXIST || unlinkat(dirfd, temporary, 0) < 0)
			return -errno;
		if (symlinkat(target, dirfd, temporary) < 0)
			return -errno;
	}
	return result(renameat(dirfd, temporary, dirfd, path));
}

int64_t kernel_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void kernel_block_signals(sigset_t *ret_old)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, ret_old);
}

void kernel_restore_signals(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
}

bool kernel_is_nsfs(int fd)
{
	struct statfs sfs;

	return fstatfs(fd, &sfs) == 0 && sfs.f_type == NSFS_MAGIC;
}

/* struct statx of linux/stat.h, which cannot be included beside musl's headers. */
struct statx_text {
	uint32_t mask;
	uint8_t before[140];
	uint64_t mount_id;
	uint64_t after[13];
};
#define STATX_MOUNT_ID 0x1000U

static int mount_id(int fd, uint64_t *ret_id)
{
	struct statx_text text;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MOUNT_ID, &text) < 0)
		return -errno;
	*ret_id = text.mount_id;
	return text.mask & STATX_MOUNT_ID ? 0 : -EOPNOTSUPP;
}

int kernel_same_place(int a, int b)
{
	uint64_t id_a = 0, id_b = 0;
	struct stat st_a, st_b;
	int r;

	if (fstat(a, &st_a) < 0 || fstat(b, &st_b) < 0)
		return -errno;
	if (st_a.st_ino != st_b.st_ino || st_a.st_dev != st_b.st_dev)
		return 0;
	r = mount_id(a, &id_a);
	r = r ? r : mount_id(b, &id_b);
	return r ? r : id_a == id_b;
}

int kernel_add_key(const char *type, const char *description, const void *payload, size_t len,
		   int keyring)
{
	return result(syscall(SYS_add_key, type, description, payload, len, keyring));
}

long kernel_keyctl(int operation, unsigned long a, unsigned long b, unsigned long c)
{
	return result(syscall(SYS_keyctl, operation, a, b, c, 0));
}
