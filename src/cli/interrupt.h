/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals that end a program, heeded only once it has cleared up what is unfinished.
 */
#pragma once

#include <stdbool.h>

/* From now on INT, TERM and HUP are remembered, but for those that are ignored; the same one again ends. */
void interrupt_catch(void);

/* Whether to stop as soon as can be. */
bool interrupt_pending(void);

/* Ends by the signal that came, if one did. */
void interrupt_end(void);
