/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vaultls: print the names in the root directory of a hierarchy's vault, one a line, each with the
 * number of mounts on it and the id of its container: "pin 8123456789abcdef.uts 1 0123456789abcdef".
 * The highest bit of a name says that it is the second of the two places for a pin.
 *
 *	vaultls STATE
 *
 * STATE/cradle is a mount namespace; in it, /vault is another one, and the namespaces of containers
 * are pinned as files in that one's root directory. Both hold no program, so this one goes there
 * itself and needs nothing but the /proc that it opened before. No STATE/cradle, or no /vault in
 * it, is an empty vault: nothing printed, success.
 *
 * Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT. Changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_PLACE (1ULL << 63)

/* -ENOENT; -EINVAL: a file that is no mount namespace, such as one not yet mounted on. */
static int go_into(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = setns(fd, CLONE_NEWNS) ? -errno : 0;
	close(fd);
	return ret;
}

/* How many lines of mountinfo are for /NAME. Their fifth field is the mount point. */
static int count_mounts(int proc, const char *name, int *ret_n)
{
	int fd = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[4096], point[256];

	if (!f)
		return -errno;
	*ret_n = 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s /%255s", point) == 1 && !strcmp(point, name))
			++*ret_n;
	fclose(f);
	return 0;
}

static int print_root(int proc)
{
	DIR *dir = opendir("/");
	struct dirent *d;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (d = readdir(dir))) {
		int n;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		r = count_mounts(proc, d->d_name, &n);
		if (r == 0)
			printf("pin %s %d %016llx\n", d->d_name, n,
			       strtoull(d->d_name, NULL, 16) & ~SECOND_PLACE);
	}
	closedir(dir);
	if (r == 0 && fflush(stdout))
		r = -errno;
	return r;
}

int main(int argc, char **argv)
{
	const char *step = "enter the vault";
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ret;

	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: vaultls STATE-DIRECTORY\n");
		return EXIT_FAILURE;
	}
	ret = go_into("cradle");
	if (!ret)
		ret = go_into("/vault");
	if (ret == -ENOENT)
		return EXIT_SUCCESS;
	if (!ret) {
		step = "list the vault";
		ret = print_root(proc);
	}
	if (ret)
		fprintf(stderr, "vaultls: %s: %s: %s\n", argv[1], step, strerror(-ret));
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
