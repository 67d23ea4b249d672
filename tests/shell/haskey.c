/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* haskey SERIAL: whether there is such a key, if only to be told that it is not ours. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

int main(int argc, char **argv)
{
	long serial = argc > 1 ? atol(argv[1]) : 0;

	return syscall(SYS_keyctl, KEYCTL_DESCRIBE, serial, 0, 0, 0) < 0 && errno != EACCES;
}
