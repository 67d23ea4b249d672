/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* echo PID > tasks. */
#pragma once

#include "request.h"

/* Moves, and answers the write of size bytes. */
void move_store(struct request *r, const char *text, size_t size);
