/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What core/launch.c and the launcher have to agree on. */
#pragma once

#define LAUNCHER_FD 3
#define LAUNCHER_REPORT 65536 /* in the file: beyond the program */
