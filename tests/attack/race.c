/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * race: execve(2) of a stronger program against a move by the tree. Run by an ordinary user with a full bounding set,
 * who owns the container whose file TASKS is. Links nothing of ours.
 *
 *	race exec TASKS PROGRAM TRIES LOW HIGH
 *		Each try forks a process that executes PROGRAM, a set-user-ID copy of this program, after a random time of
 *		LOW to HIGH us; meanwhile its number is written to TASKS. Prints how often it was moved and was root inside,
 *		which may not be: then the exit status is 1.
 *	race self TASKS WHO DELAY PROGRAM...
 *		A thread writes 0 to TASKS, another one executes PROGRAM after DELAY ms. WHO, which writes: "first" or
 *		"second" of the two.
 *	race inside FILE
 *		What is executed: exits with 42 if it is root and FILE, of the root that it is to be kept from, is there.
 *	race stay
 *		Prints "up" and waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK "/marked"
#define ROOT_INSIDE 42

static int fail(const char *what)
{
	fprintf(stderr, "race: %s: %s\n", what, strerror(errno));
	return 2;
}

static int stay(char **argv)
{
	(void)argv;
	puts("up");
	fflush(stdout);
	while (pause() < 0)
		;
	return 0;
}

static int inside(char **argv)
{
	return geteuid() == 0 && access(argv[0], F_OK) == 0 ? ROOT_INSIDE : 0;
}

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void execute_after(int go, const char *program, long delay)
{
	char c;
	long start;

	if (read(go, &c, 1) != 1)
		_exit(1);
	for (start = now_us(); now_us() - start < delay;)
		;
	execl(program, program, "inside", MARK, (char *)NULL);
	_exit(1);
}

/* Whether the program was root inside; -1: an error. *written: the move was said to have been done. */
static int try_once(const char *tasks, const char *program, long delay, int *written)
{
	int go[2], status = 0, fd = open(tasks, O_WRONLY | O_CLOEXEC);
	char text[16];
	pid_t pid;

	if (fd < 0 || pipe(go) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		execute_after(go[0], program, delay);
	snprintf(text, sizeof(text), "%d", (int)pid);
	if (write(go[1], "x", 1) != 1)
		return -1;
	*written = write(fd, text, strlen(text)) > 0;
	close(fd);
	close(go[0]);
	close(go[1]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == ROOT_INSIDE;
}

static int exec_race(char **argv)
{
	long low = atol(argv[3]), high = atol(argv[4]);
	int tries = atoi(argv[2]), hits = 0, moved = 0;

	srand((unsigned int)getpid());
	for (int i = 0; i < tries; i++) {
		int written = 0;
		int r = try_once(argv[0], argv[1], low + rand() % (high - low + 1), &written);

		if (r < 0)
			return fail(argv[0]);
		hits += r;
		moved += written;
	}
	printf("%d tries, %d moved, %d hits\n", tries, moved, hits);
	return hits != 0;
}

static char **self_argv;

static void *write_self(void *arg)
{
	int fd = open(self_argv[0], O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, "0\n", 2);

	(void)arg;
	/* Only if nothing was executed. */
	if (n < 0)
		fail("write");
	return NULL;
}

static void *execute(void *arg)
{
	(void)arg;
	usleep((useconds_t)atoi(self_argv[2]) * 1000);
	execv(self_argv[3], self_argv + 3);
	fail(self_argv[3]);
	return NULL;
}

static int self_race(char **argv)
{
	int first = strcmp(argv[1], "first") == 0;
	pthread_t thread;

	self_argv = argv;
	if (pthread_create(&thread, NULL, first ? execute : write_self, NULL) != 0)
		return fail("pthread_create");
	(first ? write_self : execute)(NULL);
	pthread_join(thread, NULL);
	return 3;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} list[] = {
		{"exec", 5, exec_race},
		{"self", 4, self_race},
		{"inside", 1, inside},
		{"stay", 0, stay},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (argc >= 2 + list[i].args && strcmp(argv[1], list[i].name) == 0)
			return list[i].run(argv + 2);
	fputs("usage: race KIND ARGUMENT... (see race.c)\n", stderr);
	return 2;
}
