/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * swap A B [A B]...: what the pairs of names mean is exchanged over and over, until it is killed.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	puts("up");
	fflush(stdout);
	for (;;)
		for (int i = 1; i + 1 < argc; i += 2)
			if (syscall(SYS_renameat2, AT_FDCWD, argv[i], AT_FDCWD, argv[i + 1],
				    RENAME_EXCHANGE) < 0) {
				perror(argv[i]);
				return 1;
			}
}
