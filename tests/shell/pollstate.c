/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pollstate FILE WANTED SECONDS: print what FILE holds, then "up", and wait by poll(2) for it to
 * change: each value is a line, until one is WANTED. Exits with 1 when SECONDS have passed, with 3
 * when poll(2) told of a change but the value is the same as before, too often to be chance.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FALSE_ALARMS 3

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The value without its newline; as with sysfs, by reading from the beginning. */
static int get(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	if (n <= 0 || buf[n - 1] != '\n') {
		fprintf(stderr, "pollstate: read: %s\n", n < 0 ? strerror(errno) : "no line");
		return -1;
	}
	buf[n - 1] = '\0';
	return 0;
}

static int watch(int fd, const char *wanted, double end)
{
	char last[64], value[64];
	int alarms = 0;

	if (get(fd, last, sizeof(last)) < 0)
		return 2;
	printf("%s\nup\n", last);
	while (strcmp(last, wanted) != 0) {
		struct pollfd p = {.fd = fd, .events = POLLPRI};
		double left = end - now();
		int n = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;

		if (n < 0 && errno != EINTR)
			return 2;
		if (n <= 0 && left <= 0)
			return 1;
		if (n <= 0)
			continue;
		if (get(fd, value, sizeof(value)) < 0)
			return 2;
		if (strcmp(value, last) != 0)
			printf("%s\n", value);
		else if (++alarms > FALSE_ALARMS)
			return 3;
		memcpy(last, value, sizeof(last));
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	return watch(fd, argv[2], now() + atof(argv[3]));
}
