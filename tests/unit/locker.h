/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user who is nobody tries to open and to lock all that is below a directory, all the time, and keeps
 * what it has got for a while. Names that it may not list are told to it by root: what it is refused is
 * refused by the thing itself.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LOCKER_UID 65534
#define LOCKER_KEPT 64

/* flock(2) and fcntl(2), for reading and for writing, and a lease: whether any was had. */
static inline bool locker_lock(int fd)
{
	struct flock read_lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET},
		     write_lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	bool any = flock(fd, LOCK_SH | LOCK_NB) == 0;

	any |= fcntl(fd, F_OFD_SETLK, &read_lock) == 0;
	any |= fcntl(fd, F_OFD_SETLK, &write_lock) == 0;
	any |= fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
	return any;
}

/* One line for each path that was had: "PATH". */
static inline void locker_try(const char *path, FILE *out)
{
	static const int modes[] = {O_RDONLY, O_RDWR, O_WRONLY};
	static int kept[LOCKER_KEPT] = {0};
	static size_t next;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int fd = open(path, modes[i] | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

		if (fd < 0)
			continue;
		fprintf(out, "%s\n", path);
		locker_lock(fd);
		if (kept[next] > 0)
			close(kept[next]);
		kept[next] = fd;
		next = (next + 1) % LOCKER_KEPT;
	}
}

static inline void locker_read(FILE *in, FILE *out)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, in)) > 0) {
		line[n - 1] = '\0';
		locker_try(line, out);
		fflush(out);
	}
	free(line);
}

static FILE *locker_to;

static inline int locker_name(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return fprintf(locker_to, "%s\n", path) < 0;
}

/* Until killed; not a descendant of whoever it is that is attacked, nor in a container. */
static inline void locker_run(const char *dir, FILE *out)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		_exit(1);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[1]);
		if (setgid(LOCKER_UID) < 0 || setuid(LOCKER_UID) < 0)
			_exit(1);
		locker_read(fdopen(ends[0], "r"), out);
		_exit(0);
	}
	close(ends[0]);
	locker_to = fdopen(ends[1], "w");
	signal(SIGPIPE, SIG_IGN);
	/* What goes meanwhile ends the walk: it begins again. */
	do
		nftw(dir, locker_name, 16, FTW_PHYS);
	while (pid > 0 && fflush(locker_to) == 0);
	_exit(1);
}
