/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "error.h"
#include "fdpass.h"
#include "text.h"

/* All that an agent opens of itself, by an fd of /proc: paths may name something else by then. */
int made_open(int proc, unsigned int types, struct ns_set *set)
{
	for (int t = 0; t < NS_COUNT; t++) {
		char path[32] = "self/ns/";
		size_t len = strlen(path);

		if (!(types & (unsigned int)nstype_info(t)->clone_flag))
			continue;
		text_append(path, sizeof(path), &len, nstype_info(t)->proc_for_new);
		close_fd(&set->fd[t]);
		set->fd[t] = openat(proc, path, O_RDONLY | O_CLOEXEC);
		if (set->fd[t] < 0)
			return error_set(-errno, "open namespace", nstype_info(t)->name);
	}
	return 0;
}

int made_send(int to, unsigned int types, const struct ns_set *set)
{
	int r = 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++)
		if (types & (unsigned int)nstype_info(t)->clone_flag)
			r = fdpass_send(to, t, set->fd[t]);
	return r < 0 ? error_set(r, "hand over namespaces", NULL) : 0;
}

int made_receive(int from, unsigned int types, struct ns_set *set)
{
	int type, fd, r = 0;

	for (int t = 0; r == 0 && t < NS_COUNT; t++) {
		if (!(types & (unsigned int)nstype_info(t)->clone_flag))
			continue;
		r = fdpass_receive(from, &type, &fd);
		if (r < 0)
			break;
		close_fd(&set->fd[type]);
		set->fd[type] = fd;
	}
	return r < 0 ? error_set(r, "take over namespaces", NULL) : 0;
}

int made_pair(int *ret_from, int *ret_to)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(-errno, "make namespaces", NULL);
	*ret_from = pair[0];
	*ret_to = pair[1];
	return 0;
}
