/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nstype.h"

#include <errno.h>
#include <string.h>

#include <containerfs/container.h>
#include <linux/sched.h>

#include "cleanup.h"

static const struct nstype_info table[NS_COUNT] = {
	[NS_NETWORK] = {"network", "net", "net", CLONE_NEWNET, CONTAINER_NEW_NET_NS, false},
	[NS_UTS] = {"uts", "uts", "uts", CLONE_NEWUTS, CONTAINER_NEW_UTS_NS, false},
	[NS_IPC] = {"ipc", "ipc", "ipc", CLONE_NEWIPC, CONTAINER_NEW_IPC_NS, false},
	[NS_CGROUP] = {"cgroup", "cgroup", "cgroup", CLONE_NEWCGROUP, CONTAINER_NEW_CGROUP_NS,
		       false},
	[NS_TIME] = {"time", "time", "time_for_children", CLONE_NEWTIME, CONTAINER_NEW_TIME_NS,
		     false},
	[NS_PID] = {"pid", "pid", "pid_for_children", CLONE_NEWPID, CONTAINER_NEW_PID_NS, true},
	[NS_MOUNT] = {"mount", "mnt", "mnt", CLONE_NEWNS, CONTAINER_NEW_FS_NS, false},
	[NS_USER] = {"user", "user", "user", CLONE_NEWUSER, CONTAINER_NEW_USER_NS, true},
};

const struct nstype_info *nstype_info(enum nstype type)
{
	return &table[type];
}

int nstype_parse(const char *name, size_t len)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (strlen(table[t].name) == len && memcmp(table[t].name, name, len) == 0)
			return t;
	return -EINVAL;
}

int nstype_of_flag(int clone_flag)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (table[t].clone_flag == clone_flag)
			return t;
	return -EINVAL;
}

void ns_set_init(struct ns_set *set)
{
	for (int t = 0; t < NS_COUNT; t++)
		set->fd[t] = -EBADF;
}

void ns_set_close(struct ns_set *set)
{
	for (int t = 0; t < NS_COUNT; t++)
		close_fd(&set->fd[t]);
}
