/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "proc.h"
#include "record.h"
#include "text.h"

int init_read_text(int dir, char text[INIT_TEXT_SIZE])
{
	ssize_t n = kernel_readlink(dir, OBJECT_INIT, text, INIT_TEXT_SIZE);

	return n >= 0 ? 0 : object_lacks_record(n) ? -ESRCH : (int)n;
}

static int init_parse(const char *text, pid_t *ret_pid, uint64_t *ret_identity)
{
	uint64_t pid;
	int used = text_parse_u64(text, INT32_MAX, &pid);

	if (used < 0 || pid == 0 || text[used] != ' ' ||
	    text_parse_whole_u64(text + used + 1, UINT64_MAX, ret_identity) < 0)
		return -EUCLEAN;
	*ret_pid = (pid_t)pid;
	return 0;
}

int init_check(const char *text)
{
	uint64_t identity;
	pid_t pid;

	return init_parse(text, &pid, &identity);
}

static int init_format(pid_t pid, int pidfd, char text[INIT_TEXT_SIZE])
{
	uint64_t identity;
	size_t len;
	int r = proc_identity(pidfd, pid, &identity);

	if (r < 0)
		return r;
	text_format_u64((uint64_t)pid, text);
	len = strlen(text);
	text[len++] = ' ';
	text_format_u64(identity, text + len);
	return 0;
}

int init_open_text(const char *text)
{
	uint64_t identity;
	pid_t pid;
	int r = init_parse(text, &pid, &identity);

	return r < 0 ? r : proc_open_identified(pid, identity, true);
}

bool init_text_is_of(const char *text, int pidfd)
{
	uint64_t identity;
	pid_t pid;

	return init_parse(text, &pid, &identity) == 0 && proc_has_identity(pidfd, pid, identity);
}

/*
 * Only number 1 of an own pid namespace is known to have been started with all that the container has;
 * any other task may have asked for some of its namespaces only. Of several, those further in are of
 * pid namespaces that tasks have made themselves.
 */
static int init_adopt(const struct hierarchy *h, const struct object *o, struct init *ret_init)
{
	int least = INT_MAX;
	pid_t pids[256];
	ssize_t n;

	if (o->spec.mode[NS_PID] != CONTAINER_NS_OWN)
		return -ESRCH;
	n = object_tasks(h, o, pids, ARRAY_SIZE(pids));
	for (ssize_t i = 0; i < n && i < (ssize_t)ARRAY_SIZE(pids); i++) {
		autoclose int pidfd = pids[i] > 0 ? kernel_pidfd_open(pids[i]) : -ESRCH;
		int depth = pidfd < 0 ? pidfd : proc_nested_init_depth(pids[i]);

		/* Not seen is not the same as not there: then it would be given a second one. */
		if (depth < 0 && depth != -ESRCH && depth != -EINVAL && depth != -ENOENT)
			return depth;
		if (depth <= 0 || depth >= least || !kernel_pidfd_is_alive(pidfd))
			continue;
		close_fd(&ret_init->pidfd);
		ret_init->pid = pids[i];
		ret_init->pidfd = take_fd(&pidfd);
		least = depth;
	}
	if (least == INT_MAX)
		return n < 0 && n != -ENOENT ? (int)n : -ESRCH;
	init_format(ret_init->pid, ret_init->pidfd, ret_init->text);
	init_record(o, ret_init->pid, ret_init->pidfd);
	return 0;
}

int init_find(const struct hierarchy *h, const struct object *o, struct init *ret_init)
{
	uint64_t identity;
	pid_t pid;
	int pidfd;
	int r = init_read_text(o->dir, ret_init->text);

	r = r ? r : init_parse(ret_init->text, &pid, &identity);
	ret_init->pidfd = -EBADF;
	/* The numbers of cgroup.procs and of pidfds are of the caller's namespace. */
	if (!proc_is_own_pid_ns())
		return error_set(-EXDEV, "this /proc is of another pid namespace", "/proc");
	if (r == 0) {
		pidfd = proc_open_identified(pid, identity, false);
		if (pidfd >= 0) {
			ret_init->pid = pid;
			ret_init->pidfd = pidfd;
			return 0;
		}
		r = pidfd;
	}
	return r == -ESRCH || r == -EUCLEAN ? init_adopt(h, o, ret_init) : r;
}

int init_record(const struct object *o, pid_t pid, int pidfd)
{
	char text[INIT_TEXT_SIZE];
	int r = init_format(pid, pidfd, text);

	if (r < 0)
		return r == -ESRCH ? 0 : r;
	return record_write(o->dir, OBJECT_INIT, text);
}

bool init_was_recorded(int dir)
{
	return faccessat(dir, OBJECT_INIT, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int init_peek(int dir, pid_t *ret_pid)
{
	char text[INIT_TEXT_SIZE];
	uint64_t identity;
	int r = init_read_text(dir, text);

	r = r ? r : init_parse(text, ret_pid, &identity);
	r = r ? r : proc_open_identified(*ret_pid, identity, false);
	if (r >= 0)
		close(r);
	else
		*ret_pid = 0;
	return r == -ESRCH || r == -EUCLEAN || r > 0 ? 0 : r;
}
