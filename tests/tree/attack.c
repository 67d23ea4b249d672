/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attack: what a shell cannot do to the tree of containers.
 *
 *	attack say FD TEXT               one write(2) to a file that was opened by somebody else
 *	attack aio FD TEXT CMD...        the same by io_submit(2), then execve(2) while it is under way
 *	attack leaderless TASKS DIR      the first thread ends; another writes 0 to TASKS and makes DIR
 *	attack seek DIR                  read the directory from every offset; nothing new may come
 *	attack fuse DIR UID              a file system of UID that reads requests and answers none
 *	attack lock FILE ID              hold the lock of the container with this id (16 hex digits)
 *	attack poll FILE N               open it N times, poll each, wait
 *	attack links FILE N              readlink N times
 *	attack hoard KIND PATH N         open it N times to list, read, write or poll, and keep it; prints how often
 *	attack time PATH N               open, list or read, and close it N times: the 50th and 99th percentile in us
 *	attack bpf CGROUP [off]          a program that lets all packets pass is attached there, or taken away
 *
 * Those that stay print "up" and wait to be killed. Exit status: 0, or 1 with the text of errno; a
 * set-user-ID copy of this program is the stronger one that is made to write. Links nothing of ours.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/fuse.h>

#define OFFSETS 6000
#define NAMES_MAX 512
#define BUFFER 65536

static int fail(const char *what)
{
	fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
	return 1;
}

static int stay(void)
{
	puts("up");
	fflush(stdout);
	while (pause() < 0)
		;
	return 0;
}

static int say(char **argv)
{
	return write(atoi(argv[0]), argv[1], strlen(argv[1])) < 0 ? fail("write") : 0;
}

static int aio(char **argv)
{
	static char buf[4096] __attribute__((aligned(4096)));
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)atoi(argv[0])};
	struct iocb *list[] = {&cb};
	aio_context_t context = 0;

	strncpy(buf, argv[1], sizeof(buf) - 1);
	cb.aio_buf = (uintptr_t)buf;
	cb.aio_nbytes = strlen(buf);
	/* It may be refused: then there is no such attack. */
	fcntl(atoi(argv[0]), F_SETFL, O_DIRECT);
	if (syscall(SYS_io_setup, 1, &context) < 0)
		return fail("io_setup");
	if (syscall(SYS_io_submit, context, 1, list) < 0)
		return fail("io_submit");
	execv(argv[2], argv + 2);
	return fail(argv[2]);
}

static char **leaderless_argv;

static void *without_leader(void *arg)
{
	char path[40];
	char state[256];
	int fd;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	for (;;) {
		FILE *f = fopen(path, "re");
		int zombie = f && fgets(state, sizeof(state), f) && strstr(state, ") Z");

		if (f)
			fclose(f);
		if (zombie)
			break;
		usleep(10000);
	}
	fd = open(leaderless_argv[0], O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0\n", 2) < 0)
		_exit(77);
	_exit(mkdir(leaderless_argv[1], 0755) < 0 ? fail("mkdir") : 0);
}

static int leaderless(char **argv)
{
	pthread_t thread;

	leaderless_argv = argv;
	if (pthread_create(&thread, NULL, without_leader, NULL) != 0)
		return fail("pthread_create");
	pthread_exit(NULL);
}

struct names {
	char *name[NAMES_MAX];
	size_t count;
};

static int find_name(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->name[i], name) == 0)
			return 1;
	return 0;
}

/* All the names of one getdents64(2), which must be whole records; -1: they are not. */
static int take(struct names *n, const char *buf, long len, int known_only)
{
	for (long at = 0; at < len;) {
		uint16_t size;
		const char *name = buf + at + 19;

		memcpy(&size, buf + at + 16, sizeof(size));
		if (size < 24 || at + size > len || !memchr(name, 0, size - 19u)) {
			errno = EUCLEAN;
			return -1;
		}
		if (known_only && !find_name(n, name)) {
			fprintf(stderr, "attack: new name \"%s\"\n", name);
			errno = EUCLEAN;
			return -1;
		}
		if (!known_only && n->count < NAMES_MAX)
			n->name[n->count++] = strdup(name);
		at += size;
	}
	return 0;
}

static int seek(char **argv)
{
	static char buf[BUFFER];
	struct names n = {.count = 0};
	int fd = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long len;

	if (fd < 0)
		return fail(argv[0]);
	while ((len = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		if (take(&n, buf, len, 0) < 0)
			return fail("records");
	for (off_t offset = 1; offset < OFFSETS; offset++) {
		if (lseek(fd, offset, SEEK_SET) < 0)
			return fail("lseek");
		len = syscall(SYS_getdents64, fd, buf, sizeof(buf));
		if (len < 0 && errno != EINVAL) {
			fprintf(stderr, "attack: offset %ld\n", (long)offset);
			return fail("getdents64");
		}
		if (len > 0 && take(&n, buf, len, 1) < 0) {
			fprintf(stderr, "attack: offset %ld\n", (long)offset);
			return fail("records");
		}
	}
	return 0;
}

/* Only FUSE_INIT, and what is asked about the root directory. */
static int answer(int fd, const struct fuse_in_header *in)
{
	struct {
		struct fuse_out_header head;
		union {
			struct fuse_init_out init;
			struct fuse_attr_out attr;
		};
	} out = {.head = {.unique = in->unique}};

	if (in->opcode == FUSE_INIT) {
		out.init = (struct fuse_init_out){.major = FUSE_KERNEL_VERSION,
						  .minor = FUSE_KERNEL_MINOR_VERSION,
						  .max_write = 4096};
		out.head.len = sizeof(out.head) + sizeof(out.init);
	} else if (in->opcode == FUSE_GETATTR && in->nodeid == FUSE_ROOT_ID) {
		out.attr = (struct fuse_attr_out){
			.attr_valid = 100, .attr = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2}};
		out.head.len = sizeof(out.head) + sizeof(out.attr);
	} else {
		return 0;
	}
	return write(fd, &out, out.head.len) < 0 ? -1 : 0;
}

static int hung_fuse(char **argv)
{
	static char buf[BUFFER];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[100];

	if (fd < 0)
		return fail("/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%s,group_id=0", fd,
		 argv[1]);
	if (mount("hung", argv[0], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return fail("mount");
	puts("up");
	fflush(stdout);
	for (;;) {
		if (read(fd, buf, sizeof(buf)) < 0 && errno != EINTR && errno != ENOENT)
			return 0;
		answer(fd, (const struct fuse_in_header *)buf);
	}
}

static int hold_lock(char **argv)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int fd = open(argv[0], O_RDWR | O_CLOEXEC);

	lock.l_start = (off_t)(strtoull(argv[1], NULL, 16) & INT64_MAX);
	if (fd < 0 || fcntl(fd, F_OFD_SETLKW, &lock) < 0)
		return fail("lock");
	return stay();
}

static int poll_many(char **argv)
{
	struct rlimit limit;
	int n = atoi(argv[1]);

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < n; i++) {
		struct pollfd p = {.fd = open(argv[0], O_RDONLY | O_CLOEXEC), .events = POLLPRI};

		if (p.fd < 0)
			break;
		poll(&p, 1, 1);
	}
	return stay();
}

static int read_links(char **argv)
{
	char buf[4096];

	for (int i = atoi(argv[1]); i > 0; i--)
		if (readlink(argv[0], buf, sizeof(buf)) < 0)
			return fail(argv[0]);
	return 0;
}

/* Read whole, as ls and cat do. */
static int take_one(const char *kind, const char *path)
{
	static char buf[BUFFER];
	int fd = open(path, kind[0] == 'w' ? O_WRONLY : O_RDONLY);
	struct pollfd p = {.fd = fd, .events = POLLPRI};

	if (fd < 0)
		return -1;
	if (kind[0] == 'l')
		return syscall(SYS_getdents64, fd, buf, sizeof(buf)) < 0 ? -1 : fd;
	if (kind[0] == 'p')
		return poll(&p, 1, 1) < 0 || p.revents & POLLERR ? -1 : fd;
	return kind[0] == 'r' && read(fd, buf, sizeof(buf)) < 0 ? -1 : fd;
}

static int hoard(char **argv)
{
	struct rlimit limit;
	int n = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (n < atoi(argv[2]) && take_one(argv[0], argv[1]) >= 0)
		n++;
	printf("%d %s\n", n, n < atoi(argv[2]) ? strerror(errno) : "all");
	return stay();
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int time_many(char **argv)
{
	struct stat st;
	int n = atoi(argv[1]);
	int64_t *took = calloc((size_t)n, sizeof(*took));

	if (!took || n < 100 || stat(argv[0], &st) < 0)
		return fail(argv[0]);
	for (int i = 0; i < n; i++) {
		int64_t begin = now_ns();
		int fd = take_one(S_ISDIR(st.st_mode) ? "list" : "read", argv[0]);

		if (fd < 0)
			return fail(argv[0]);
		close(fd);
		took[i] = now_ns() - begin;
		usleep(500);
	}
	qsort(took, (size_t)n, sizeof(*took), by_size);
	printf("%lld %lld\n", (long long)took[n / 2] / 1000, (long long)took[n * 99 / 100] / 1000);
	free(took);
	return 0;
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* "return 1". */
static int load_program(void)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SKB,
		.insns = (uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(code[0]),
		.license = (uintptr_t) "GPL",
		.expected_attach_type = BPF_CGROUP_INET_EGRESS,
	};

	return (int)bpf(BPF_PROG_LOAD, &attr);
}

static int attach_program(char **argv)
{
	int off = argv[1] && strcmp(argv[1], "off") == 0;
	union bpf_attr attr = {.attach_type = BPF_CGROUP_INET_EGRESS};
	int cgroup = open(argv[0], O_RDONLY | O_DIRECTORY), program = off ? 0 : load_program();

	if (cgroup < 0 || program < 0)
		return fail(cgroup < 0 ? argv[0] : "bpf: load");
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	if (bpf(off ? BPF_PROG_DETACH : BPF_PROG_ATTACH, &attr) < 0)
		return fail("bpf: attach or detach");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} list[] = {
		{"say", 2, say},	{"aio", 3, aio},	  {"leaderless", 2, leaderless},
		{"seek", 1, seek},	{"fuse", 2, hung_fuse},	  {"lock", 2, hold_lock},
		{"poll", 2, poll_many}, {"links", 2, read_links}, {"bpf", 1, attach_program},
		{"hoard", 3, hoard},	{"time", 2, time_many},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (argc >= 2 + list[i].args && strcmp(argv[1], list[i].name) == 0)
			return list[i].run(argv + 2);
	fputs("usage: attack KIND ARGUMENT... (see attack.c)\n", stderr);
	return 2;
}
