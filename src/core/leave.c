/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "bound.h"
#include "cleanup.h"
#include "kernel.h"
#include "name.h"
#include "text.h"

#define TEXT_SIZE 4096

/* Both ways, from the cgroup above both. */
struct leave {
	int top;
	const char *from, *to;
	size_t common;
	uid_t owner; /* of the top */
	char *what;
};

size_t leave_common(const char *from, const char *to)
{
	size_t i = 0, common = 0;

	while (from[i] && from[i] == to[i]) {
		i++;
		if ((from[i] == '/' || from[i] == '\0') && (to[i] == '/' || to[i] == '\0'))
			common = i;
	}
	/* "/" has no component. */
	return from[1] == '\0' || to[1] == '\0' ? 0 : common;
}

/* The end of the next component of path after at; at if there is none. */
static size_t next_end(const char *path, size_t at)
{
	size_t begin = at + strspn(path + at, "/");

	return path[begin] ? begin + strcspn(path + begin, "/") : at;
}

static int open_level(int top, const char *path, size_t len)
{
	char relative[PATH_SIZE] = ".";
	int fd;

	if (len + 2 > sizeof(relative))
		return -ENAMETOOLONG;
	memcpy(relative + 1, path, len);
	relative[1 + len] = '\0';
	fd = openat(top, relative, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int leaves(const struct leave *l, const char *what)
{
	size_t len = strnlen(what, LIMIT_NAME_SIZE - 1);

	memcpy(l->what, what, len);
	l->what[len] = '\0';
	return 1;
}

/* What its owner, or who else may write it, can take back after the move is no limit. */
static bool is_fixed(const struct leave *l, int cgroup, const char *file)
{
	struct stat st;

	return fstatat(cgroup, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == l->owner &&
	       (st.st_mode & 022) == 0;
}

/* Whether a cgroup on the other way bounds the same at least as much. */
static bool is_bounded(const struct leave *l, const char *file, enum bound_kind kind,
		       const struct bound *b)
{
	char text[TEXT_SIZE];

	for (size_t at = l->common, end; (end = next_end(l->to, at)) != at; at = end) {
		autoclose int cgroup = open_level(l->top, l->to, end);

		if (cgroup >= 0 && is_fixed(l, cgroup, file) &&
		    kernel_read_file(cgroup, file, text, sizeof(text)) >= 0 &&
		    bound_find(text, kind, b) <= b->value)
			return true;
	}
	return false;
}

static int check_file(const struct leave *l, int cgroup, const char *file)
{
	enum bound_kind kind = bound_kind_of(file);
	char text[TEXT_SIZE];
	struct bound_reader reader = {.text = text};
	struct bound b;
	ssize_t n;
	int r;

	if (kind == BOUND_NONE)
		return 0;
	n = kernel_read_file(cgroup, file, text, sizeof(text));
	if (n < 0)
		return leaves(l, file);
	while ((r = bound_next(&reader, kind, &b)) > 0)
		if (b.value != UINT64_MAX && !(b.comparable && is_bounded(l, file, kind, &b)))
			return leaves(l, file);
	return r < 0 ? leaves(l, file) : 0;
}

struct dirent_raw {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int check_files(const struct leave *l, int cgroup)
{
	char entries[2048] __attribute__((aligned(8)));
	long n;

	while ((n = syscall(SYS_getdents64, cgroup, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent_raw *e = (const void *)(entries + at);
			int r = check_file(l, cgroup, e->name);

			if (r != 0)
				return r;
			at += e->size;
		}
	return n < 0 ? -errno : 0;
}

/* Those of its own: what is attached above both is kept. Without bpf(2) there are none. */
static int check_programs(const struct leave *l, int cgroup)
{
	static const uint8_t types[] = {
		BPF_CGROUP_INET_INGRESS,
		BPF_CGROUP_INET_EGRESS,
		BPF_CGROUP_INET_SOCK_CREATE,
		BPF_CGROUP_SOCK_OPS,
		BPF_CGROUP_DEVICE,
		BPF_CGROUP_INET4_BIND,
		BPF_CGROUP_INET6_BIND,
		BPF_CGROUP_INET4_CONNECT,
		BPF_CGROUP_INET6_CONNECT,
		BPF_CGROUP_INET4_POST_BIND,
		BPF_CGROUP_INET6_POST_BIND,
		BPF_CGROUP_UDP4_SENDMSG,
		BPF_CGROUP_UDP6_SENDMSG,
		BPF_CGROUP_SYSCTL,
		BPF_CGROUP_UDP4_RECVMSG,
		BPF_CGROUP_UDP6_RECVMSG,
		BPF_CGROUP_GETSOCKOPT,
		BPF_CGROUP_SETSOCKOPT,
		BPF_CGROUP_INET4_GETPEERNAME,
		BPF_CGROUP_INET6_GETPEERNAME,
		BPF_CGROUP_INET4_GETSOCKNAME,
		BPF_CGROUP_INET6_GETSOCKNAME,
		BPF_CGROUP_INET_SOCK_RELEASE,
		BPF_LSM_CGROUP,
		49,
		50,
		51,
		52,
		53, /* of Unix sockets, since Linux 6.7 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		union bpf_attr attr = {
			.query = {.target_fd = (uint32_t)cgroup, .attach_type = types[i]}};

		if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0) {
			/* EINVAL: a type that this kernel does not know. EBADF: not a cgroup. */
			if (errno == EINVAL || errno == ENOSYS || errno == EBADF)
				continue;
			return leaves(l, "BPF programs");
		}
		if (attr.query.prog_cnt > 0)
			return leaves(l, "BPF programs");
	}
	return 0;
}

/* Threads may be further below, each with limits of its own, while the process is said to be here. */
static int check_type(const struct leave *l, int cgroup)
{
	char type[64];
	ssize_t n = kernel_read_file(cgroup, "cgroup.type", type, sizeof(type));

	return n < 0 || strcmp(type, "domain\n") == 0 ? 0 : leaves(l, "cgroup.type");
}

static int check_level(const struct leave *l, size_t end)
{
	autoclose int cgroup = open_level(l->top, l->from, end);
	int r = cgroup < 0 ? cgroup : check_type(l, cgroup);

	r = r ? r : check_programs(l, cgroup);
	return r ? r : check_files(l, cgroup);
}

/* What is in force, and made from all that is above, at the last cgroup on the way that has the file. */
static bool effective(const struct leave *l, const char *path, bool fixed, const char *file,
		      const char *set, char text[TEXT_SIZE])
{
	bool found = false;

	for (size_t at = 0, end = 0;; at = end) {
		autoclose int cgroup = open_level(l->top, path, end);

		if (cgroup >= 0 && (!fixed || end <= l->common || is_fixed(l, cgroup, set)) &&
		    kernel_read_file(cgroup, file, text, TEXT_SIZE) >= 0)
			found = true;
		end = next_end(path, end);
		if (end == at)
			return found;
	}
}

static int check_set(const struct leave *l, const char *set)
{
	char file[LIMIT_NAME_SIZE] = "", from[TEXT_SIZE], to[TEXT_SIZE];
	size_t len = 0;

	text_append(file, sizeof(file), &len, set);
	text_append(file, sizeof(file), &len, ".effective");
	if (!effective(l, l->from, false, file, set, from))
		return 0;
	return effective(l, l->to, true, file, set, to) && bound_set_within(to, from)
		       ? 0
		       : leaves(l, set);
}

int leave_limits(int top, const char *from, const char *to, char ret_what[LIMIT_NAME_SIZE])
{
	struct leave l = {top, from, to, leave_common(from, to), 0, ret_what};
	struct stat st;
	int r = fstat(top, &st) < 0 ? -errno : 0;

	l.owner = st.st_uid;
	for (size_t at = l.common, end; r == 0 && (end = next_end(from, at)) != at; at = end)
		r = check_level(&l, end);
	r = r ? r : check_set(&l, "cpuset.cpus");
	return r ? r : check_set(&l, "cpuset.mems");
}
