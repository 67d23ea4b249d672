/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A number and perhaps an fd through a unix(7) socket. An fd on its way belongs to the socket: if either side
 * is killed it is closed with that, which cannot be said of a table of fds that two processes share.
 */
#pragma once

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union fdpass_control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* fd < 0: none. Returns 0 or -errno. */
static inline int fdpass_send(int socket, int number, int fd)
{
	union fdpass_control control = {0};
	struct iovec data = {&number, sizeof(number)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * *ret_fd: close-on-exec, or -EBADF if none came. -EMFILE: there was no room for it. -EAGAIN:
 * nothing is there; -EPIPE: nothing ever will.
 */
static inline int fdpass_receive(int socket, int *ret_number, int *ret_fd)
{
	union fdpass_control control = {0};
	struct iovec data = {ret_number, sizeof(*ret_number)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *header;

	*ret_fd = -EBADF;
	if (n != (ssize_t)sizeof(*ret_number))
		return n < 0 ? -errno : -EPIPE;
	if (message.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(header), sizeof(*ret_fd));
	return 0;
}
