/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that starts others in a container can be made to run itself there: /bin/sh of the container
 * is a link to /proc/self/exe, or a script of "#!/proc/self/exe". A task of the container then has this
 * program's file as /proc/PID/exe, and if it has the owner's id it can write to it (CVE-2019-5736). So
 * what goes there is a copy in memory that nobody can change.
 */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef MFD_EXEC /* sys/mman.h has it since glibc 2.39; Linux 6.3 */
#define MFD_EXEC 0x0010U
#endif

extern char **environ;

static int new_file(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("container", flags | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create("container", flags) : fd;
}

static int copy(int from, int to)
{
	struct stat st;
	off_t at = 0;

	if (fstat(from, &st) < 0)
		return -1;
	while (at < st.st_size)
		if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
			return -1;
	return fcntl(to, F_ADD_SEALS, SEALS);
}

int cli_seal(char **verb_argv)
{
	autoclose int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	autoclose int sealed = -EBADF;

	if (self >= 0 && fcntl(self, F_GET_SEALS) == SEALS)
		return prctl(PR_SET_NAME, "container");
	sealed = self < 0 ? -1 : new_file();
	if (sealed >= 0 && copy(self, sealed) == 0)
		fexecve(sealed, verb_argv - 1, environ);
	cli_message(NULL, "copy the program out of the container's reach: %s", strerror(errno));
	return EXIT_FAILED;
}
