#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# syscall-names.sh CC [ARG...]: a C initialiser, [__NR_x] = "x", for each system call that the
# headers of this compiler know. Names that only mark a place in the numbering are left out.
set -eu
"$@" -E -dM -include sys/syscall.h -x c /dev/null |
	sed -n 's/^#define __NR_\([a-z][a-z0-9_]*\) .*/[__NR_\1] = "\1",/p' |
	grep -v -e __NR_syscalls -e __NR_arch_specific -e __NR_sync_file_range2 |
	LC_ALL=C sort
