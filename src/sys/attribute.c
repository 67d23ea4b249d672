/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attribute.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/mount.h>

#include "cleanup.h"

/* The kernel's numbers, which not every libc has names for. */
static const struct {
	uint64_t told;
	uint64_t attribute;
} attributes[] = {
	{0x0001, MOUNT_ATTR_RDONLY},	  {0x0002, MOUNT_ATTR_NOSUID},
	{0x0004, MOUNT_ATTR_NODEV},	  {0x0008, MOUNT_ATTR_NOEXEC},
	{0x0400, MOUNT_ATTR_NOATIME},	  {0x0800, MOUNT_ATTR_NODIRATIME},
	{0x2000, MOUNT_ATTR_NOSYMFOLLOW},
};
#define TOLD_RELATIME 0x1000

uint64_t attribute_from_statfs(uint64_t flags)
{
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (flags & attributes[i].told)
			set |= attributes[i].attribute;
	if (!(flags & TOLD_RELATIME) && !(set & MOUNT_ATTR_NOATIME))
		set |= MOUNT_ATTR_STRICTATIME;
	return set;
}

int attribute_of(int fd, uint64_t *ret_attributes)
{
	struct statfs sfs;

	if (fstatfs(fd, &sfs) < 0)
		return -errno;
	*ret_attributes = attribute_from_statfs((uint64_t)sfs.f_flags);
	return 0;
}

int attribute_add(int mnt, uint64_t more)
{
	struct mount_attr attr = {.attr_set = more & ~(uint64_t)MOUNT_ATTR_STRICTATIME};

	if (attr.attr_set & MOUNT_ATTR_NOATIME)
		attr.attr_clr = MOUNT_ATTR__ATIME;
	if (attr.attr_set == 0)
		return 0;
	return syscall(SYS_mount_setattr, mnt, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ? -errno : 0;
}
