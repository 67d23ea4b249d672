/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xattr FILE NAME [VALUE]: print an extended attribute, or set it. */
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

int main(int argc, char **argv)
{
	char value[256];
	ssize_t n;

	if (argc == 4)
		return setxattr(argv[1], argv[2], argv[3], strlen(argv[3]), 0) < 0;
	n = argc == 3 ? getxattr(argv[1], argv[2], value, sizeof(value) - 1) : -1;
	if (n < 0)
		return 1;
	value[n] = '\0';
	return puts(value) < 0;
}
