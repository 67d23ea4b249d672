/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "error.h"
#include "kernel.h"
#include "object.h"
#include "record.h"

#define ACCESS_TEXT_SIZE 64
#define MODE_MAX 07777
#define MODE_SHOWN 0777

static const struct container_access common = {.size = sizeof(common), .mode = 0755};

/* Three numbers with a space after each but the last. */
static int parse(const char *text, struct container_access *ret_access)
{
	const uint64_t max[3] = {UINT32_MAX - 1, UINT32_MAX - 1, MODE_MAX};
	uint64_t value[3];

	for (int i = 0; i < 3; i++) {
		int used = text_parse_u64(text, max[i], &value[i]);

		if (used < 0 || text[used] != (i < 2 ? ' ' : '\0'))
			return -EUCLEAN;
		text += used + 1;
	}
	*ret_access = common;
	ret_access->uid = (uid_t)value[0];
	ret_access->gid = (gid_t)value[1];
	ret_access->mode = (mode_t)value[2];
	return 0;
}

/* "./@owner" is "@owner". */
static int damaged(int dir, const char *path)
{
	return record_damaged(dir, strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

int access_check(const char *text)
{
	struct container_access access;

	return parse(text, &access);
}

int access_load_at(int dir, const char *name, struct container_access *ret_access)
{
	char path[NAME_SIZE + sizeof("/" OBJECT_OWNER)] = "", text[ACCESS_TEXT_SIZE];
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (text_append(path, sizeof(path), &len, name) < 0 ||
	    text_append(path, sizeof(path), &len, "/" OBJECT_OWNER) < 0)
		return -ENAMETOOLONG;
	n = kernel_readlink(dir, path, text, sizeof(text));
	if (n == -ENOENT) {
		/* What the directory was made with: it is shown by that, and never was another's. */
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		*ret_access = common;
		ret_access->mode = st.st_mode & MODE_SHOWN;
		return 0;
	}
	if (n < 0 && !object_lacks_record(n))
		return (int)n;
	return n < 0 || parse(text, ret_access) < 0 ? damaged(dir, path) : 0;
}

int access_load(int dir, struct container_access *ret_access)
{
	return access_load_at(dir, ".", ret_access);
}

/* What the kernel asks by is the directory's own mode; writing in it is never another's than root's. */
static mode_t shown_mode(const struct container_access *access)
{
	return S_IRWXU | (access->mode & (S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH));
}

/* An access control list, as its attribute has it: linux/posix_acl_xattr.h. */
#define ACL_NAME "system.posix_acl_access"
#define ACL_VERSION 2
#define ACL_NO_ID UINT32_MAX
enum { ACL_ROOT, ACL_OWNER, ACL_GROUP, ACL_MASK, ACL_OTHERS, ACL_ENTRIES };

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, permissions;
		uint32_t id;
	} entries[ACL_ENTRIES];
};

/* Root's directory, in which the owner may do what the mode says of owners, but for writing. */
static struct acl make_acl(const struct container_access *access)
{
	static const uint16_t tags[] = {0x01, 0x02, 0x04, 0x10, 0x20};
	const mode_t permissions[] = {7, access->mode >> 6 & 5, access->mode >> 3 & 5, 5,
				      access->mode & 5};
	struct acl acl = {.version = htole32(ACL_VERSION)};

	for (int i = 0; i < ACL_ENTRIES; i++) {
		acl.entries[i].tag = htole16(tags[i]);
		acl.entries[i].permissions = htole16((uint16_t)permissions[i]);
		acl.entries[i].id = htole32(i == ACL_OWNER ? access->uid : ACL_NO_ID);
	}
	return acl;
}

bool access_is_shown(int dir, const struct container_access *access)
{
	const struct acl wanted = make_acl(access);
	struct acl acl;
	struct stat st;
	ssize_t n = fgetxattr(dir, ACL_NAME, &acl, sizeof(acl));

	if (fstat(dir, &st) < 0)
		return true;
	if (st.st_uid != 0 || st.st_gid != access->gid)
		return false;
	if (access->uid && (n >= 0 || errno != EOPNOTSUPP))
		return n == (ssize_t)sizeof(acl) && memcmp(&acl, &wanted, sizeof(acl)) == 0;
	return n < 0 && (st.st_mode & MODE_SHOWN) == shown_mode(access);
}

/*
 * Closed first, so that nobody sees what neither the old nor the new one lets him see. Where there are no
 * access control lists an owner other than root is one of the others, or of the group.
 */
int access_show(int dir, const struct container_access *access)
{
	const struct acl acl = make_acl(access);

	if (access_is_shown(dir, access))
		return 0;
	if (fchmod(dir, S_IRWXU) < 0)
		return -errno;
	if (fremovexattr(dir, ACL_NAME) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		return -errno;
	if (fchown(dir, (uid_t)-1, access->gid) < 0)
		return -errno;
	if (access->uid && fsetxattr(dir, ACL_NAME, &acl, sizeof(acl), 0) == 0)
		return 0;
	if (access->uid && errno != EOPNOTSUPP)
		return -errno;
	return fchmod(dir, shown_mode(access)) < 0 ? -errno : 0;
}

int access_refuse(void)
{
	return error_set(-EOPNOTSUPP, "it ends with its creator's fd, and stays root's alone",
			 NULL);
}

static int write_record(int dir, const struct container_access *access)
{
	char text[ACCESS_TEXT_SIZE];

	snprintf(text, sizeof(text), "%u %u %u", access->uid, access->gid, access->mode);
	return record_write(dir, OBJECT_OWNER, text);
}

/* Killed after the directory was closed, it is hidden from others, which a check finds. */
static int replace(int dir, const struct container_access *old, const struct container_access *new)
{
	int r = access_is_shown(dir, new) || fchmod(dir, S_IRWXU) == 0 ? 0 : -errno;

	r = r ? r : write_record(dir, new);
	r = r ? r : access_show(dir, new);
	if (r == 0)
		return 0;
	/* What has failed has not been done. */
	error_default(r, "show the container's directory", NULL);
	if (write_record(dir, old) == 0)
		access_show(dir, old);
	return r;
}

int access_store(int dir, const struct container_access *access)
{
	struct container_access old = common, new;
	int r = access_load(dir, &old);

	if (r < 0 && r != -EUCLEAN)
		return r;
	if (r < 0) {
		error_clear();
		old = common;
		old.mode = S_IRWXU;
	}
	new = old;
	if (r < 0)
		new.mode = common.mode;
	if (access->uid != (uid_t)-1)
		new.uid = access->uid;
	if (access->gid != (gid_t)-1)
		new.gid = access->gid;
	if (access->mode != (mode_t)-1)
		new.mode = access->mode;
	if (new.mode > MODE_MAX)
		return error_set(-EINVAL, "not a mode", NULL);
	return replace(dir, &old, &new);
}
