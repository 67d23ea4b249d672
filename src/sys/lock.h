/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks of objects: open-file-description locks on single bytes of one file, the byte's offset
 * being the object's id. They end with the fd, so with the process that holds them.
 *
 * A lock fd is opened for each operation: locks taken through one fd do not exclude each other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

/* Waits. -EINTR: a signal handler without SA_RESTART ran meanwhile. */
int lock_take(int lock_fd, uint64_t id, enum lock_mode mode);

/* -EAGAIN: somebody else has it. */
int lock_try(int lock_fd, uint64_t id, enum lock_mode mode);
int lock_release(int lock_fd, uint64_t id);
int lock_release_all(int lock_fd);
