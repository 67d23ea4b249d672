/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hang: a file system of an ordinary user's, which takes what is read from its file and never answers, and a process
 * whose memory, or whose program, is that file: whoever looks at it waits for the user. Links nothing of ours.
 *
 *	hang memory DIR WHERE
 *		DIR is such a file system of user 1000, to whom this belongs from then on. Prints the pid of a process
 *		of that user, and waits. WHERE the file lies in its memory: "code", where it has its system calls from;
 *		"rseq", what the kernel tells it at; "limit", the time limit of a call in which it waits.
 *	hang exec DIR
 *		The same, of one that executes a program whose interpreter is the file.
 *	hang flush DIR
 *		The same, of one that executes a program, for which the file is to be closed.
 *	hang peek PID
 *		The control: read a word of that process's code with ptrace(2). Prints "up", and "done" when it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/fuse.h>

#define USER 1000
#define FILE_ID 2
#define SIZE 65536
#define LONG_CACHED 1000

static char buffer[1 << 17];

static int fail(const char *what)
{
	fprintf(stderr, "hang: %s: %s\n", what, strerror(errno));
	return 2;
}

/* --- the file system --- */

struct answer {
	struct fuse_out_header head;
	union {
		struct fuse_init_out init;
		struct fuse_attr_out attr;
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	};
};

static struct fuse_attr attr_of(uint64_t id)
{
	return (struct fuse_attr){
		.ino = id,
		.size = id == FILE_ID ? SIZE : 0,
		.mode = id == FILE_ID ? S_IFREG | 0777 : S_IFDIR | 0777,
		.nlink = 1,
		.uid = USER,
	};
}

/* The length of the answer; 0: there is none. */
static size_t make_answer(const struct fuse_in_header *in, struct answer *a)
{
	switch (in->opcode) {
	case FUSE_INIT:
		/* Not FUSE_ASYNC_READ: who reads waits itself. */
		a->init = (struct fuse_init_out){.major = FUSE_KERNEL_VERSION,
						 .minor = FUSE_KERNEL_MINOR_VERSION,
						 .max_write = 4096};
		return sizeof(a->init);
	case FUSE_GETATTR:
		a->attr = (struct fuse_attr_out){.attr_valid = LONG_CACHED,
						 .attr = attr_of(in->nodeid)};
		return sizeof(a->attr);
	case FUSE_LOOKUP:
		a->entry = (struct fuse_entry_out){.nodeid = FILE_ID,
						   .entry_valid = LONG_CACHED,
						   .attr_valid = LONG_CACHED,
						   .attr = attr_of(FILE_ID)};
		return sizeof(a->entry);
	case FUSE_OPEN:
		a->open = (struct fuse_open_out){0};
		return sizeof(a->open);
	default:
		return 0;
	}
}

static void serve(int fd)
{
	for (;;) {
		const struct fuse_in_header *in = (const void *)buffer;
		struct answer a = {.head = {0}};
		size_t len;

		if (read(fd, buffer, sizeof(buffer)) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			_exit(0);
		}
		a.head.unique = in->unique;
		if (in->opcode == FUSE_READ || in->opcode == FUSE_FLUSH ||
		    in->opcode == FUSE_INTERRUPT)
			continue;
		len = make_answer(in, &a);
		a.head.error = len ? 0 : -ENOSYS;
		a.head.len = (uint32_t)(sizeof(a.head) + len);
		if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET &&
		    write(fd, &a, a.head.len) < 0 && errno != ENOENT)
			_exit(1);
	}
}

static int become_user(void)
{
	return setgroups(0, NULL) < 0 || setgid(USER) < 0 || setuid(USER) < 0 ? -1 : 0;
}

/* Mounted, and served by a child of the user's. */
static int mount_it(const char *dir)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[100];
	pid_t pid;

	if (fd < 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%d,group_id=%d", fd, USER,
		 USER);
	if (mount("hang", dir, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (become_user() < 0)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd);
	}
	close(fd);
	return pid < 0 ? -1 : 0;
}

/* --- whose memory it is --- */

/* Without a word of libc: what it is made of may be gone. */
static void wait_for_ever(void)
{
	for (;;)
		syscall(SYS_pause);
}

static int lay_over_code(int fd)
{
	char *code = (char *)getauxval(AT_SYSINFO_EHDR);

	/* Over all of the vDSO, which has no more than two pages, and none of its neighbours. */
	return mmap(code, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED
		       ? -1
		       : 0;
}

/* The page is dropped after the kernel has written to it: it is to be read again from the file. */
static int lay_over_rseq(int fd)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || syscall(SYS_rseq, page, 32, 0, 0x53053053) < 0)
		return -1;
	return mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static struct {
	int fd;
	struct timespec *limit;
} waits;

static void *take_limit(void *arg)
{
	usleep(100000);
	if (mmap(waits.limit, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, waits.fd, 0) == MAP_FAILED)
		_exit(1);
	return arg;
}

/* The kernel has read it when the call began; who is to say what is left of it reads it again. */
static int lay_over_limit(int fd)
{
	struct timespec *limit =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (limit == MAP_FAILED)
		return -1;
	limit->tv_sec = 1000;
	waits.fd = fd;
	waits.limit = limit;
	if (pthread_create(&thread, NULL, take_limit, NULL) != 0)
		return -1;
	syscall(SYS_ppoll, NULL, 0, limit, NULL, 8);
	return 0;
}

static int open_file(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/file", dir);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int tell(void)
{
	printf("%d\nup\n", (int)getpid());
	return fflush(stdout);
}

static int memory(char **argv)
{
	int fd, (*lay)(int) = strcmp(argv[1], "code") == 0   ? lay_over_code
			      : strcmp(argv[1], "rseq") == 0 ? lay_over_rseq
							     : lay_over_limit;
	pid_t pid;

	if (mount_it(argv[0]) < 0)
		return fail(argv[0]);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (become_user() < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(fail("setuid"));
		fd = open_file(argv[0]);
		tell();
		if (fd < 0 || lay(fd) < 0)
			_exit(fail("map"));
		wait_for_ever();
	}
	return pid < 0 ? fail("fork") : wait(NULL) < 0;
}

static int make_script(const char *dir, const char *script)
{
	char text[4096];
	int fd = open(script, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755), r;

	snprintf(text, sizeof(text), "#!%s/file\n", dir);
	r = fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, 0755) < 0 ? -1 : 0;
	close(fd);
	return r;
}

static int execute_as_user(const char *program, const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (become_user() < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 ||
		    (file && open_file(file) < 0))
			_exit(fail("setuid"));
		tell();
		execl(program, program, "1000", (char *)NULL);
		_exit(fail(program));
	}
	return pid < 0 ? fail("fork") : wait(NULL) < 0;
}

static int execute(char **argv)
{
	char script[4096];
	int r;

	snprintf(script, sizeof(script), "%s.script", argv[0]);
	if (mount_it(argv[0]) < 0 || make_script(argv[0], script) < 0)
		return fail(argv[0]);
	r = execute_as_user(script, NULL);
	unlink(script);
	return r;
}

static int flush(char **argv)
{
	return mount_it(argv[0]) < 0 ? fail(argv[0]) : execute_as_user("/bin/sleep", argv[0]);
}

static unsigned long code_of(pid_t pid)
{
	unsigned long auxv[512];
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, auxv, sizeof(auxv));
	for (ssize_t i = 0; (i + 2) * (ssize_t)sizeof(auxv[0]) <= n; i += 2)
		if (auxv[i] == AT_SYSINFO_EHDR)
			return auxv[i + 1];
	return 0;
}

static int peek(char **argv)
{
	pid_t pid = (pid_t)atoi(argv[0]);
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ||
	    waitpid(pid, &status, 0) < 0)
		return fail("trace");
	puts("up");
	fflush(stdout);
	errno = 0;
	if (ptrace(PTRACE_PEEKTEXT, pid, code_of(pid), 0) == -1 && errno)
		return fail("peek");
	puts("done");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} list[] = {{"memory", 2, memory},
		    {"exec", 1, execute},
		    {"flush", 1, flush},
		    {"peek", 1, peek}};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (argc >= 2 + list[i].args && strcmp(argv[1], list[i].name) == 0)
			return list[i].run(argv + 2);
	fputs("usage: hang KIND ARGUMENT... (see hang.c)\n", stderr);
	return 2;
}
