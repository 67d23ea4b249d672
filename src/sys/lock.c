/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int lock_range(int lock_fd, int command, short type, uint64_t id, off_t len)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(id & INT64_MAX),
		.l_len = len,
	};
	int r;

	/* What need not wait is not interrupted for good. */
	do
		r = fcntl(lock_fd, command, &lock);
	while (r < 0 && errno == EINTR && command != F_OFD_SETLKW);
	if (r < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return 0;
}

static int lock_apply(int lock_fd, int command, short type, uint64_t id)
{
	return lock_range(lock_fd, command, type, id, 1);
}

int lock_take(int lock_fd, uint64_t id, enum lock_mode mode)
{
	return lock_apply(lock_fd, F_OFD_SETLKW, mode == LOCK_SHARED ? F_RDLCK : F_WRLCK, id);
}

int lock_try(int lock_fd, uint64_t id, enum lock_mode mode)
{
	return lock_apply(lock_fd, F_OFD_SETLK, mode == LOCK_SHARED ? F_RDLCK : F_WRLCK, id);
}

int lock_release(int lock_fd, uint64_t id)
{
	return lock_apply(lock_fd, F_OFD_SETLK, F_UNLCK, id);
}

int lock_release_all(int lock_fd)
{
	return lock_range(lock_fd, F_OFD_SETLK, F_UNLCK, 0, 0);
}
