/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watcher: a process that removes containers made with KILL_ON_CLOSE as soon as the last copy of
 * their fd is closed. There is one for a hierarchy, while it has such containers and a moment longer;
 * whoever makes one starts it if none is there. Nothing depends on it: what it does the next sweep would
 * do, later, so it may be killed at any time.
 */
#pragma once

#include "hierarchy.h"

/* Called when a container that has a link below held has got its name. Best effort. */
void watch_start(const struct hierarchy *h, const char *id_text);

/* Before the hierarchy is taken down. */
int watch_end(const struct hierarchy *h);
