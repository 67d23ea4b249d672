/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program sees of a file system: one operation, again and again. The same for the tree of
 * containers, an empty FUSE file system (empty_fuse.c), cgroupfs and tmpfs.
 *
 *   treeloop fstat DIR	what is known of an open directory: with FUSE one request
 *   treeloop stat FILE		the same by name
 *   treeloop list DIR		open, read all entries, close
 *   treeloop cat FILE		open, read to the end, close
 *   treeloop mkdir DIR		make a directory in DIR and remove it
 *   treeloop move FILE		echo $$ >FILE, by a new process each time; fork and exit are not timed
 *   treeloop lone FILE		the same, each time after a pause of 50 ms: the first process to be moved
 *				for a while waits for the kernel (a grace period of RCU), later ones do not
 *
 * After the operation may stand how many times (100). Prints the median time of one in microseconds,
 * since among moves some still wait; the first one of all is not counted, but for lone.
 */
#include "timing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 32768 /* as much as glibc's readdir(3) asks for */

static void die(const char *what)
{
	fprintf(stderr, "treeloop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/* Each returns the time that is not to be counted. */

static double op_fstat(void *arg)
{
	const char *path = arg;
	static int fd = -1;
	struct stat st;

	if (fd < 0)
		fd = open_or_die(path, O_RDONLY | O_DIRECTORY);
	if (fstat(fd, &st) < 0)
		die(path);
	return 0;
}

static double op_stat(void *arg)
{
	const char *path = arg;
	struct stat st;

	if (stat(path, &st) < 0)
		die(path);
	return 0;
}

static double op_list(void *arg)
{
	const char *path = arg;
	static char buf[BUFFER];
	int fd = open_or_die(path, O_RDONLY | O_DIRECTORY);
	long n;

	/* Not readdir(3): two libcs ask for different amounts. */
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		;
	if (n < 0)
		die(path);
	close(fd);
	return 0;
}

static double op_cat(void *arg)
{
	const char *path = arg;
	char buf[4096];
	int fd = open_or_die(path, O_RDONLY);
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	if (n < 0)
		die(path);
	close(fd);
	return 0;
}

static double op_mkdir(void *arg)
{
	const char *path = arg;
	char made[4096];

	snprintf(made, sizeof(made), "%s/made", path);
	if (mkdir(made, 0755) < 0 || rmdir(made) < 0)
		die(made);
	return 0;
}

static void move(const char *path, double *ret_took)
{
	char text[16];
	double begin = timing_now();
	int fd = open_or_die(path, O_WRONLY);
	int len = snprintf(text, sizeof(text), "%d\n", getpid());

	if (write(fd, text, (size_t)len) != len)
		die(path);
	close(fd);
	*ret_took = timing_now() - begin;
}

static double op_move(void *arg)
{
	const char *path = arg;
	static double *took;
	double begin = timing_now();
	int status;
	pid_t pid;

	if (!took)
		took = mmap(NULL, sizeof(*took), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (took == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		move(path, took);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		exit(1);
	return timing_now() - begin - *took;
}

static double op_lone(void *arg)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	double begin = timing_now();

	nanosleep(&pause, NULL);
	return timing_now() - begin + op_move(arg);
}

static const struct {
	const char *name;
	double (*once)(void *arg);
} ops[] = {
	{"fstat", op_fstat}, {"stat", op_stat}, {"list", op_list}, {"cat", op_cat},
	{"mkdir", op_mkdir}, {"move", op_move}, {"lone", op_lone},
};

int main(int argc, char **argv)
{
	unsigned long loop = argc == 4 ? strtoul(argv[2], NULL, 10) : 100;

	for (size_t i = 0; argc >= 3 && argc <= 4 && loop && i < sizeof(ops) / sizeof(ops[0]);
	     i++) {
		if (strcmp(argv[1], ops[i].name) != 0)
			continue;
		printf("%.3f\n",
		       timing_median(ops[i].once, argv[argc - 1], loop, ops[i].once != op_lone));
		return 0;
	}
	fputs("usage: treeloop fstat|stat|list|cat|mkdir|move|lone [N] PATH\n", stderr);
	return 2;
}
