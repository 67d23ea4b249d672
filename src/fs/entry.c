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
	[KIND_USER] = {"user", LINK, ENTRY_WITH_NS, CLONE_NEWUSER, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_MOUNT] = {"mount", LINK, ENTRY_WITH_NS, CLONE_NEWNS, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_PID] = {"pid", LINK, ENTRY_WITH_NS, CLONE_NEWPID, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_NETWORK] = {"network", LINK, ENTRY_WITH_NS, CLONE_NEWNET, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_IPC] = {"ipc", LINK, ENTRY_WITH_NS, CLONE_NEWIPC, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_UTS] = {"uts", LINK, ENTRY_WITH_NS, CLONE_NEWUTS, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_CGROUP] = {"cgroup", LINK, ENTRY_WITH_NS, CLONE_NEWCGROUP, true, .link = link_namespace, .unlink = files_inherit},
	[KIND_TIME] = {"time", LINK, ENTRY_WITH_NS, CLONE_NEWTIME, true, .link = link_namespace, .unlink = files_inherit},
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
