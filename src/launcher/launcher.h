/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What core/launch.c and the launcher have to agree on. */
#pragma once

#define LAUNCHER_FD 3 /* the report: empty, or a negative errno */
