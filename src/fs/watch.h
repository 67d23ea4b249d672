/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * poll(2) of state: one thread waits for the cgroups of the containers whose state somebody polls,
 * and tells the kernel, which then asks again. It also tidies up what is kept for a moment.
 */
#pragma once

#include "request.h"

struct watch;

/* Starts the thread: 0 or -errno. */
int watch_setup(void);

/* Watch a container: NULL and errno. The fd is borrowed for the call only. */
struct watch *watch_open(int container);

/* Tell handle (taken over; may be NULL) of the next change. Without a watch nothing is told. */
void watch_notify(struct watch *w, struct fuse_pollhandle *handle);
void watch_close(struct watch *w);
