/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ways: one write to a file, or one more thing done to a name, by each way there is. Links nothing of ours.
 *
 *	ways HOW FD|FILE TEXT
 *		write, pwritev2 (RWF_NOWAIT), append, writev, aio, splice, sendfile, copy, vmsplice, mmap, int80, uring,
 *		uring-async (by a thread of the kernel's), uring-sqpoll (by another, that runs for ever), uring-as (with
 *		credentials that the process had before it dropped all capabilities), handle (open_by_handle_at(2)).
 *		FD: a number, of what somebody else has opened.
 *	ways uring-mkdir DIR NAME		the same for a name
 *	ways uring-exec FILE TEXT PROGRAM	PROGRAM is executed while the write is under way
 *	ways landlock FILE TEXT		write(2) in a sandbox of Landlock's that may do nothing but write there
 *	ways alone FILE TEXT			write(2) with no_new_privs
 *
 * Exit status: 0; 1 with the text of errno: it was refused; 77: the kernel has no such way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>

#define NONE 77
#define ENTRIES 4

static const char *text;
static size_t size;

static int fail(const char *what)
{
	fprintf(stderr, "ways: %s: %s\n", what, strerror(errno));
	return 1;
}

static int none(const char *what)
{
	fprintf(stderr, "ways: %s: %s\n", what, strerror(errno));
	return NONE;
}

static int result(ssize_t n)
{
	return n < 0 ? fail("write") : 0;
}

/* --- system calls --- */

static int by_write(int fd)
{
	return result(write(fd, text, size));
}

static int by_pwritev2(int fd)
{
	struct iovec data = {(void *)(uintptr_t)text, size};
	ssize_t n = pwritev2(fd, &data, 1, 0, RWF_NOWAIT);

	return n < 0 && errno == EOPNOTSUPP ? none("RWF_NOWAIT") : result(n);
}

static int by_append(int fd)
{
	struct iovec data = {(void *)(uintptr_t)text, size};

	return result(pwritev2(fd, &data, 1, -1, RWF_APPEND | RWF_DSYNC));
}

static int by_writev(int fd)
{
	struct iovec data = {(void *)(uintptr_t)text, size};

	return result(writev(fd, &data, 1));
}

static int by_aio(int fd)
{
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)fd};
	struct iocb *list[] = {&cb};
	struct io_event event;
	aio_context_t context = 0;

	cb.aio_buf = (uintptr_t)text;
	cb.aio_nbytes = size;
	if (syscall(SYS_io_setup, 1, &context) < 0)
		return none("io_setup");
	if (syscall(SYS_io_submit, context, 1, list) != 1 ||
	    syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
		return fail("aio");
	errno = event.res < 0 ? (int)-event.res : 0;
	return result((ssize_t)event.res);
}

static int filled_pipe(int pipe_fds[2])
{
	if (pipe(pipe_fds) < 0 || write(pipe_fds[1], text, size) < 0)
		return -1;
	close(pipe_fds[1]);
	return 0;
}

static int by_splice(int fd)
{
	int fds[2];

	if (filled_pipe(fds) < 0)
		return none("pipe");
	return result(splice(fds[0], NULL, fd, NULL, size, 0));
}

static int by_vmsplice(int fd)
{
	struct iovec data = {(void *)(uintptr_t)text, size};
	int fds[2];

	if (pipe(fds) < 0 || vmsplice(fds[1], &data, 1, SPLICE_F_GIFT) < 0)
		return none("vmsplice");
	return result(splice(fds[0], NULL, fd, NULL, size, SPLICE_F_MOVE));
}

static int filled_file(void)
{
	int fd = memfd_create("ways", 0);

	if (fd < 0 || write(fd, text, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fd;
}

static int by_sendfile(int fd)
{
	return result(sendfile(fd, filled_file(), NULL, size));
}

static int by_copy(int fd)
{
	ssize_t n = copy_file_range(filled_file(), NULL, fd, NULL, size, 0);

	return n < 0 && errno == EXDEV ? none("copy_file_range") : result(n);
}

static int by_mmap(int fd)
{
	char *page = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return fail("mmap");
	memcpy(page, text, size);
	return msync(page, 4096, MS_SYNC) < 0 ? fail("msync") : 0;
}

/* write(2) of the 32-bit system calls: what it writes must be at an address of 32 bits. */
static int by_int80(int fd)
{
#if defined(__x86_64__)
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r = 4;

	if (low == MAP_FAILED)
		return none("mmap");
	memcpy(low, text, size);
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(fd), "c"(low), "d"(size)
			 : "memory", "r8", "r9", "r10", "r11");
	if (r == -ENOSYS)
		return NONE;
	errno = r < 0 ? (int)-r : 0;
	return result(r);
#else
	(void)fd;
	return NONE;
#endif
}

/* By its handle, which the kernel keeps for whoever has one. */
static int by_handle(int fd)
{
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + 128];
	} h = {.head = {.handle_bytes = 128}};
	int mount_id, again;

	if (name_to_handle_at(fd, "", &h.head, &mount_id, AT_EMPTY_PATH) < 0)
		return none("name_to_handle_at");
	again = open_by_handle_at(fd, &h.head, O_WRONLY);
	return again < 0 ? fail("open_by_handle_at") : by_write(again);
}

/* --- io_uring --- */

struct ring {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *sqe;
};

static int ring_open(struct ring *r, unsigned int flags)
{
	*r = (struct ring){.p = {.flags = flags, .sq_thread_idle = 1000}};
	r->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &r->p);
	if (r->fd < 0)
		return -1;
	r->sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		     IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		     IORING_OFF_CQ_RING);
	r->sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		      IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED || (void *)r->sqe == MAP_FAILED ? -1 : 0;
}

static unsigned int *word(char *ring, unsigned int offset)
{
	return (unsigned int *)(void *)(ring + offset);
}

/* The first one that the ring ever has. */
static int ring_submit(struct ring *r, const struct io_uring_sqe *sqe, unsigned int wait)
{
	unsigned int flags = wait ? IORING_ENTER_GETEVENTS : 0;

	r->sqe[0] = *sqe;
	*word(r->sq, r->p.sq_off.array) = 0;
	__atomic_store_n(word(r->sq, r->p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (r->p.flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	return syscall(SYS_io_uring_enter, r->fd, 1, wait, flags, NULL, 0) < 0 ? -1 : 0;
}

static int ring_do(struct ring *r, const struct io_uring_sqe *sqe)
{
	const struct io_uring_cqe *cqe;

	if (ring_submit(r, sqe, 1) < 0)
		return none("io_uring_enter");
	while (__atomic_load_n(word(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	cqe = (const void *)(r->cq + r->p.cq_off.cqes);
	errno = cqe->res < 0 ? -cqe->res : 0;
	return cqe->res < 0 ? fail("io_uring") : 0;
}

static struct io_uring_sqe write_of(int fd)
{
	return (struct io_uring_sqe){
		.opcode = IORING_OP_WRITE,
		.fd = fd,
		.addr = (uintptr_t)text,
		.len = (uint32_t)size,
	};
}

static int by_uring(int fd)
{
	struct io_uring_sqe sqe = write_of(fd);
	struct ring r;

	return ring_open(&r, 0) < 0 ? none("io_uring_setup") : ring_do(&r, &sqe);
}

static int by_uring_async(int fd)
{
	struct io_uring_sqe sqe = write_of(fd);
	struct ring r;

	sqe.flags = IOSQE_ASYNC;
	return ring_open(&r, 0) < 0 ? none("io_uring_setup") : ring_do(&r, &sqe);
}

static int by_uring_sqpoll(int fd)
{
	struct io_uring_sqe sqe = write_of(fd);
	struct ring r;

	return ring_open(&r, IORING_SETUP_SQPOLL) < 0 ? none("io_uring_setup") : ring_do(&r, &sqe);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none_at_all[2] = {{0}};

	return syscall(SYS_capset, &header, none_at_all) < 0 ? -1 : 0;
}

static int by_uring_as(int fd)
{
	struct io_uring_sqe sqe = write_of(fd);
	struct ring r;
	long personality;

	if (ring_open(&r, 0) < 0)
		return none("io_uring_setup");
	personality = syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	if (personality < 0 || drop_capabilities() < 0)
		return none("personality");
	sqe.personality = (uint16_t)personality;
	return ring_do(&r, &sqe);
}

static int uring_mkdir(char **argv)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_MKDIRAT, .len = 0755, .flags = IOSQE_ASYNC};
	struct ring r;

	sqe.fd = open(argv[0], O_RDONLY | O_DIRECTORY);
	sqe.addr = (uintptr_t)argv[1];
	if (sqe.fd < 0)
		return fail(argv[0]);
	return ring_open(&r, 0) < 0 ? none("io_uring_setup") : ring_do(&r, &sqe);
}

static int open_for(const char *file)
{
	return file[0] >= '0' && file[0] <= '9' ? atoi(file) : open(file, O_WRONLY);
}

static int uring_exec(char **argv)
{
	struct io_uring_sqe sqe;
	struct ring r;

	text = argv[1];
	size = strlen(text);
	sqe = write_of(open_for(argv[0]));
	sqe.flags = IOSQE_ASYNC;
	if (sqe.fd < 0)
		return fail(argv[0]);
	if (ring_open(&r, 0) < 0 || ring_submit(&r, &sqe, 0) < 0)
		return none("io_uring");
	execv(argv[2], argv + 2);
	return fail(argv[2]);
}

/* --- sandboxes --- */

static int say(char **argv)
{
	int fd = open_for(argv[0]);

	text = argv[1];
	size = strlen(text);
	return fd < 0 ? fail(argv[0]) : by_write(fd);
}

static int alone(char **argv)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? NONE : say(argv);
}

static int landlock(char **argv)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = (1ull << 13) - 1};
	int fd = open_for(argv[0]);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return fail(argv[0]);
	if (rules < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return none("landlock");
	text = argv[1];
	size = strlen(text);
	return by_write(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*by)(int fd);
	} ways[] = {
		{"write", by_write},
		{"pwritev2", by_pwritev2},
		{"append", by_append},
		{"writev", by_writev},
		{"aio", by_aio},
		{"splice", by_splice},
		{"vmsplice", by_vmsplice},
		{"sendfile", by_sendfile},
		{"copy", by_copy},
		{"mmap", by_mmap},
		{"int80", by_int80},
		{"handle", by_handle},
		{"uring", by_uring},
		{"uring-async", by_uring_async},
		{"uring-sqpoll", by_uring_sqpoll},
		{"uring-as", by_uring_as},
	};
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} others[] = {
		{"uring-mkdir", 2, uring_mkdir},
		{"uring-exec", 3, uring_exec},
		{"landlock", 2, landlock},
		{"alone", 2, alone},
	};

	for (size_t i = 0; argc == 4 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0) {
			int fd = open_for(argv[2]);

			text = argv[3];
			size = strlen(text);
			return fd < 0 ? fail(argv[2]) : ways[i].by(fd);
		}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (argc >= 2 + others[i].args && strcmp(argv[1], others[i].name) == 0)
			return others[i].run(argv + 2);
	fputs("usage: ways HOW ARGUMENT... (see ways.c)\n", stderr);
	return 2;
}
