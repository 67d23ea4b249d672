/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry.h"

#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "links.h"
#include "node.h"

#define VALUE (S_IFREG | 0444)
#define SETTING (S_IFREG | 0644)
#define COMMAND (S_IFREG | 0200)
#define LINK (S_IFLNK | 0777)

#define NAMESPACE(n, flag)                                                                         \
	{                                                                                          \
		.name = n, .mode = LINK, .presence = ENTRY_WITH_NS, .nstype = flag,                \
		.asks_who = true, .link = link_##flag, .unlink = unlink_##flag                     \
	}

/* The functions of a namespace type differ by nothing but the type. */
#define NAMESPACE_FUNCTIONS(flag)                                                                  \
	static int link_##flag(const struct look *l, char *buf, size_t size)                       \
	{                                                                                          \
		return link_namespace(l, flag, buf, size);                                         \
	}                                                                                          \
	static int unlink_##flag(const struct look *l)                                             \
	{                                                                                          \
		return files_inherit(l, flag);                                                     \
	}

NAMESPACE_FUNCTIONS(CLONE_NEWUSER)
NAMESPACE_FUNCTIONS(CLONE_NEWNS)
NAMESPACE_FUNCTIONS(CLONE_NEWPID)
NAMESPACE_FUNCTIONS(CLONE_NEWNET)
NAMESPACE_FUNCTIONS(CLONE_NEWIPC)
NAMESPACE_FUNCTIONS(CLONE_NEWUTS)
NAMESPACE_FUNCTIONS(CLONE_NEWCGROUP)
NAMESPACE_FUNCTIONS(CLONE_NEWTIME)

/* clang-format off */
static const struct entry table[KIND_TABLE_END] = {
	[KIND_TASKS] = {"tasks", SETTING, .asks_who = true, .show = tasks_show, .unlink = tasks_unlink},
	[KIND_INIT] = {"init", VALUE, .asks_who = true, .show = init_show},
	[KIND_STATE] = {"state", VALUE, .show = state_show},
	[KIND_ID] = {"id", VALUE, .show = id_show},
	[KIND_STATUS] = {"status", VALUE, .asks_who = true, .show = status_show},
	[KIND_HOSTNAME] = {"hostname", SETTING, .show = hostname_show, .store = hostname_store},
	[KIND_FREEZE] = {"freeze", SETTING, ENTRY_BELOW_TOP, .show = freeze_show, .store = freeze_store},
	[KIND_KILL] = {"kill", COMMAND, ENTRY_BELOW_TOP, .store = kill_store},
	[KIND_UID_MAP] = {"uid_map", SETTING, .show = uid_map_show, .store = uid_map_store},
	[KIND_GID_MAP] = {"gid_map", SETTING, .show = gid_map_show, .store = gid_map_store},
	[KIND_CGROUP_D] = {"cgroup.d", LINK, .link = link_cgroup},
	[KIND_ROOT] = {"root", LINK, ENTRY_WITH_NS, CLONE_NEWNS, .asks_who = true, .link = link_root, .unlink = files_unset_root},
	[KIND_USER] = NAMESPACE("user", CLONE_NEWUSER),
	[KIND_MOUNT] = NAMESPACE("mount", CLONE_NEWNS),
	[KIND_PID] = NAMESPACE("pid", CLONE_NEWPID),
	[KIND_NETWORK] = NAMESPACE("network", CLONE_NEWNET),
	[KIND_IPC] = NAMESPACE("ipc", CLONE_NEWIPC),
	[KIND_UTS] = NAMESPACE("uts", CLONE_NEWUTS),
	[KIND_CGROUP] = NAMESPACE("cgroup", CLONE_NEWCGROUP),
	[KIND_TIME] = NAMESPACE("time", CLONE_NEWTIME),
	[KIND_INIT_CONTAINER] = {"init_container", LINK, ENTRY_AT_TOP, .link = link_init_container},
	[KIND_SELF] = {"self", LINK, ENTRY_AT_TOP, .asks_who = true, .link = link_self},
	[KIND_BY_PID] = {"by-pid", S_IFDIR | 0555, ENTRY_AT_TOP},
};
/* clang-format on */

const struct entry *entry_of(enum entry_kind kind)
{
	return kind < KIND_TABLE_END && table[kind].name ? &table[kind] : NULL;
}

enum entry_kind entry_find(const char *name)
{
	for (enum entry_kind k = KIND_TASKS; k < KIND_TABLE_END; k++)
		if (strcmp(table[k].name, name) == 0)
			return k;
	return KIND_NONE;
}

bool entry_is_present(const struct entry *e, const struct look *l, unsigned int types)
{
	bool top = !node_parent(l->node);

	switch (e->presence) {
	case ENTRY_AT_TOP:
		return top;
	case ENTRY_BELOW_TOP:
		return !top;
	case ENTRY_WITH_NS:
		return types & (unsigned int)e->nstype;
	case ENTRY_ALWAYS:
		break;
	}
	return true;
}
