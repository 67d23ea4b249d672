/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A limit on how long a request may wait: a signal that does nothing interrupts the system call that
 * the thread waits in, again and again, once the time is over or the kernel says that the caller
 * was interrupted. The library then gives up with EINTR.
 */
#pragma once

#include "request.h"

/* For the whole process, before any thread: 0 or -errno. */
int limit_setup(void);

/*
 * Not nested; the thread that begins also ends, after the answer or before. by_caller: a signal to the
 * caller ends it as well.
 */
void limit_begin(fuse_req_t req, int ms, bool by_caller);
void limit_end(void);
