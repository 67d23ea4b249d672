/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop devices, for the image files that a file system wants as a block device.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/loop.h>

#include "cleanup.h"
#include "cli.h"
#include "mount.h"

#define TRIES 64 /* somebody else may take what was free a moment ago */

static int open_free(int control, int mode, char path[32])
{
	int number = ioctl(control, LOOP_CTL_GET_FREE);

	if (number < 0)
		return -1;
	snprintf(path, 32, "/dev/loop%d", number);
	return open(path, mode | O_CLOEXEC);
}

/* -1 and errno; EBUSY: try another. */
static int configure(int loop, int file, const char *name, bool read_only)
{
	struct loop_config config = {.fd = (unsigned int)file};

	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
	snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", name);
	return ioctl(loop, LOOP_CONFIGURE, &config);
}

/* As loop_info64 has a device number. */
static uint64_t encode_device(dev_t dev)
{
	return (minor(dev) & 0xff) | (uint64_t)major(dev) << 8 |
	       (uint64_t)(minor(dev) & ~0xffu) << 12;
}

/* The fd if the loop device has this file behind it, the whole of it. */
static int open_if_of(const char *path, const struct stat *file)
{
	autoclose int loop = open(path, O_RDONLY | O_CLOEXEC);
	struct loop_info64 info;

	if (loop < 0 || ioctl(loop, LOOP_GET_STATUS64, &info) < 0)
		return -1;
	if (info.lo_device != encode_device(file->st_dev) || info.lo_inode != file->st_ino ||
	    info.lo_offset != 0 || info.lo_sizelimit != 0)
		return -1;
	return take_fd(&loop);
}

/*
 * A file that is mounted already is so by the loop device that it has: through two of them two file
 * systems would write to it, and neither would know.
 */
static int open_used(const struct stat *file, char path[32])
{
	autodir DIR *blocks = opendir("/sys/block");
	struct dirent *entry;
	int loop = -1;

	while (blocks && loop < 0 && (entry = readdir(blocks)))
		if (strncmp(entry->d_name, "loop", 4) == 0 &&
		    snprintf(path, 32, "/dev/%s", entry->d_name) < 32)
			loop = open_if_of(path, file);
	return loop;
}

int loop_open(const char *name, const char *file, bool read_only, char path[32])
{
	const int mode = read_only ? O_RDONLY : O_RDWR;
	autoclose int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	autoclose int backing = -EBADF;
	struct stat st;
	int used;

	if (control < 0) {
		cli_message(
			name,
			"mount: %s: it needs a loop device; /dev/loop-control: %s (modprobe loop)",
			file, strerror(errno));
		return -1;
	}
	backing = open(file, mode | O_CLOEXEC);
	if (backing < 0 || fstat(backing, &st) < 0) {
		cli_message(name, "mount: %s: %s%s", file, strerror(errno),
			    errno == EROFS ? " (-o ro)" : "");
		return -1;
	}
	used = open_used(&st, path);
	if (used >= 0)
		return used;
	for (int i = 0; i < TRIES; i++) {
		autoclose int loop = open_free(control, mode, path);

		if (loop >= 0 && configure(loop, backing, file, read_only) == 0)
			return take_fd(&loop);
		if (errno != EBUSY)
			break;
	}
	cli_message(name, "mount: %s: set up a loop device: %s", file, strerror(errno));
	return -1;
}
