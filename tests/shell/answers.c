/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * answers ASK ANSWER: each line from the one fifo is written to the other, with the pid. The program waits for it in a
 * call with a time limit that the kernel does not begin anew after a stop, and ends if that fails.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct timespec minute = {.tv_sec = 60};
	struct epoll_event event = {.events = EPOLLIN};
	int ask, answer, epoll = epoll_create1(EPOLL_CLOEXEC);
	char word[64];

	if (argc != 3)
		return 2;
	ask = open(argv[1], O_RDWR | O_CLOEXEC);
	answer = open(argv[2], O_RDWR | O_CLOEXEC);
	if (ask < 0 || answer < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, ask, &event) < 0)
		return 2;
	while (syscall(SYS_epoll_pwait2, epoll, &event, 1, &minute, NULL, 8L) == 1) {
		ssize_t n = read(ask, word, sizeof(word) - 1);

		word[n > 0 ? n - 1 : 0] = '\0';
		dprintf(answer, "%s %d\n", word, (int)getpid());
	}
	return 1;
}
