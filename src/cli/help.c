/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verbs and their help. man/container.1 says the same; tests/shell/help.sh compares.
 */
#include <string.h>

#include "cli.h"

#define CREATE_HELP                                                                                         \
	"      --own TYPE,...     own namespaces: mount, pid, network, ipc, uts, cgroup, user, time,\n"     \
	"                         or all (without user and time)\n"                                         \
	"      --share TYPE=CONTAINER|PATH\n"                                                               \
	"                         share a namespace of a container or of a file\n"                          \
	"      --root DIR         root directory, used as it is; / is the host's whole tree\n"              \
	"      --hostname H       hostname, in an own uts namespace\n"                                      \
	"      --ids auto[:COUNT]|host|MAP\n"                                                               \
	"                         users and groups of an own user namespace: a range, all, or as uid_map\n" \
	"      --limit FILE=VALUE a limit of a cgroup controller, as memory.max=512M\n"                     \
	"      --cgroup DIR       make its cgroup in this cgroup v2 directory\n"

#define PROGRAM_HELP                                                                               \
	"  -u, --user USER[:GROUP] run as a user of the container, by name or number\n"            \
	"  -w, --workdir DIR      working directory inside\n"                                      \
	"  -e, --env K=V          set an environment variable\n"

#define HELP_HELP "  -h, --help             show this help\n"

const struct verb verbs[] = {
	{"create", NULL, "make a container",
	 "create [OPTION]... [NAME]\n"
	 "Make a container. It exists until it is removed, with or without tasks; namespaces that are\n"
	 "neither own nor shared are its parent's. Without NAME it is called container_N, and its name\n"
	 "is printed; if it cannot be, the container is removed again.\n\n" CREATE_HELP HELP_HELP},
	{"run", NULL, "make a container, run a command in it, remove it",
	 "run [OPTION]... [--] [CMD [ARG...]]\n"
	 "Run CMD (your shell) as init of a new container with own mount, pid, ipc, uts and cgroup\n"
	 "namespaces, and remove it afterwards. Its root is a private copy-on-write view of the host's:\n"
	 "what is changed inside is gone afterwards.\n\n"
	 "  -n, --name NAME        its name; container_N without\n" CREATE_HELP
	 "      --inherit TYPE,... do not make these own\n"
	 "      --keep             do not remove it afterwards\n" PROGRAM_HELP HELP_HELP},
	{"enter", "exec", "run a command in an existing container",
	 "enter [OPTION]... NAME [--] [CMD [ARG...]]\n"
	 "Run CMD (your shell) in a container: in all its namespaces and its cgroup.\n\n"
	 "      --only TYPE,...    join only these namespaces\n" PROGRAM_HELP HELP_HELP},
	{"ls", "list", "list containers",
	 "ls [OPTION]... [NAME]\n"
	 "List the containers below NAME, nested ones included; below the current one without NAME.\n\n"
	 "  -a, --all              the container itself too, as <current>\n"
	 "  -q, --quiet            names only\n"
	 "      --tree             as a tree\n"
	 "  -o, --output COL,...   columns: NAME STATE TASKS INIT OWN SHARED ROOT ID PATH OWNER\n"
	 "      --json             as a JSON array\n" HELP_HELP},
	{"show", NULL, "show all about a container",
	 "show NAME [--json]\n"
	 "Show all that is known of a container.\n\n"
	 "      --json             as a JSON array of one object\n" HELP_HELP},
	{"ps", NULL, "list the tasks of a container",
	 "ps NAME [--json]\n"
	 "List the tasks of a container, not those of nested ones.\n\n"
	 "      --json             as a JSON array\n" HELP_HELP},
	{"stats", NULL, "tell what containers use",
	 "stats [--json] [NAME...]\n"
	 "Tell what containers and those nested in them use of the machine, and their limits. Without NAME:\n"
	 "all below the current one. What no cgroup controller counts here is empty.\n\n"
	 "      --json             as a JSON array\n" HELP_HELP},
	{"of", NULL, "tell which container a process is in",
	 "of PID|--self\n"
	 "Print the full name of the container that a process is in.\n\n"
	 "  -s, --self             of this process\n" HELP_HELP},
	{"set", NULL, "change a container",
	 "set NAME KEY=VALUE...\n"
	 "Change a container for the tasks that come from now on.\n\n"
	 "  CONTROLLER.NAME=VALUE  a limit, at once: memory.max=512M pids.max=100 cpu.max=\"50000 100000\"\n"
	 "  containers.NAME=N|max  what is allotted to those in it: nested, depth, networks; view: its memory\n"
	 "  cgroup.d=DIR           make its cgroup in this cgroup v2 directory from now on\n"
	 "  hostname=H             what uname(2) says inside\n"
	 "  root=DIR|view          the root directory: DIR as it is, or a private view\n"
	 "  ids=auto[:COUNT]|host|MAP\n"
	 "                         users and groups of an own user namespace, which is made anew\n"
	 "  uid_map=\"INSIDE OUTSIDE COUNT[,...]\"\n"
	 "                         the same for its users alone, as the parent counts them\n"
	 "  gid_map=...            and for its groups\n"
	 "  stop_signal=SIGNAL     what stop sends: TERM to begin with\n"
	 "  stop_timeout=S         seconds until stop kills: 10 to begin with\n"
	 "  TYPE=own               a new namespace of its own\n"
	 "  TYPE=inherit           the parent container's\n"
	 "  TYPE=CONTAINER|PATH    that of a container or of a file (/run/netns/x, /proc/N/ns/net)\n" HELP_HELP},
	{"kill", NULL, "signal all tasks",
	 "kill [-s SIGNAL] NAME...\n"
	 "Send a signal, KILL without -s, to all tasks of containers and of those nested in them.\n\n"
	 "  -s, --signal SIGNAL    name or number\n" HELP_HELP},
	{"freeze", "pause", "stop all tasks where they are",
	 "freeze NAME...\n"
	 "Stop all tasks of containers and of those nested in them.\n\n" HELP_HELP},
	{"thaw", "unpause", "let frozen tasks go on",
	 "thaw NAME...\n"
	 "Let the tasks of frozen containers go on.\n\n" HELP_HELP},
	{"wait", NULL, "wait until no task is left",
	 "wait [--timeout S] NAME...\n"
	 "Wait until containers and those nested in them have no task.\n\n"
	 "  -t, --timeout S        at most S seconds for each; then the status is 124\n" HELP_HELP},
	{"stop", NULL, "let containers end in order",
	 "stop [-t S] NAME...\n"
	 "Tell init, or all tasks where there is none, by the stop signal to end; kill what is left after the\n"
	 "grace period. Nested containers end first.\n\n"
	 "  -t, --timeout S        S seconds in all, instead of the stop_timeout of each\n" HELP_HELP},
	{"reboot", NULL, "end containers as by reboot(2)",
	 "reboot [--halt|--poweroff] NAME...\n"
	 "End init and all tasks with it, as if init had called reboot(2). The run or enter that has\n"
	 "started init starts its command again.\n\n"
	 "      --halt             it is not to be started again\n"
	 "      --poweroff         the same\n" HELP_HELP},
	{"events", NULL, "tell what happens, as it happens",
	 "events [--json] [NAME]\n"
	 "Print a line for each event of a container and of those nested in it, until interrupted: created,\n"
	 "started, frozen, thawed, stopped with the exit status of init, renamed, removed. Without NAME: of\n"
	 "the current container. It fails while there is no hierarchy, before the first container is made.\n\n"
	 "      --json             an object on each line\n" HELP_HELP},
	{"key", NULL, "add and list keys of a container",
	 "key add NAME TYPE DESCRIPTION [PAYLOAD|-]\n"
	 "       container key ls [--json] NAME\n"
	 "Add a key to the keyring of a container, or list the keys in it. With \"-\" the payload is read\n"
	 "from standard input. The key's serial number is printed.\n\n"
	 "      --json             as a JSON array\n" HELP_HELP},
	{"rename", "mv", "rename a container",
	 "rename NAME NEW\n"
	 "Give a container a new name below the same parent. Its tasks do not notice.\n\n" HELP_HELP},
	{"rm", "remove", "remove containers",
	 "rm [-f] [-r] NAME...\n"
	 "Remove containers that have no tasks. \"/\" takes down the whole hierarchy, if it is empty.\n\n"
	 "  -f, --force            kill their tasks first; what does not exist is no error\n"
	 "  -r, --recursive        remove nested containers first\n" HELP_HELP},
	{"mount", NULL, "mount something into a container",
	 "mount [OPTION]... -t TYPE|--bind NAME SOURCE TARGET\n"
	 "Mount a new file system, or with --bind a file or directory of the host, at TARGET in a\n"
	 "container, which may be running: its tasks see it, and nobody else. SOURCE is yours; TARGET is\n"
	 "there already and cannot lead out of the container's root. A file system image gets a loop\n"
	 "device.\n\n"
	 "  -t, --type TYPE        type of the new file system\n"
	 "  -o, --options OPT,...  ro nosuid nodev noexec noatime nosymfollow ..., and those of TYPE\n"
	 "      --bind             what SOURCE is; also -o bind, or rbind\n"
	 "  -r, --recursive        with all that is mounted below SOURCE\n"
	 "      --map-ids          files belong to the ids of its own user namespace of the same number;\n"
	 "                         not for what is made in that, as tmpfs is\n" HELP_HELP},
	{"umount", NULL, "unmount in a container",
	 "umount [-l] NAME TARGET...\n"
	 "Unmount what is mounted at TARGET in a container.\n\n"
	 "  -l, --lazy             take it away at once; who uses it goes on with it\n" HELP_HELP},
	{"mounts", NULL, "list the mounts of a container",
	 "mounts NAME [--json]\n"
	 "List what is mounted in a container, as its root shows it, with or without tasks.\n\n"
	 "      --json             as a JSON array\n" HELP_HELP},
	{"holders", NULL, "tell who keeps the mounts of a container busy",
	 "holders NAME [PATH] [--json]\n"
	 "List which processes of the machine keep the mounts of a container busy, and how: by a working\n"
	 "or root directory, a program, an open file, a mapping; and in which other mount namespaces their\n"
	 "file systems are. With PATH, a mount point in the container, only of that mount; also what is\n"
	 "mounted on it is told then.\n\n"
	 "      --json             as a JSON array\n" HELP_HELP},
	{"cp", NULL, "copy files into, out of and between containers",
	 "cp [-a] [--special] SOURCE... TARGET\n"
	 "Copy files and whole directories with owner, mode, times and attributes; links stay links.\n"
	 "SOURCE and TARGET are NAME:PATH in a container, and at most one of the two a path of the host\n"
	 "(./a:b, if there is a colon in it). Into a TARGET that is a directory, else under its name.\n"
	 "Owners keep their number, as each container numbers them. A TARGET that is or leads to a device,\n"
	 "fifo or socket is refused, and so is - (./- is a file): for a stream, container enter NAME cat FILE.\n"
	 "What is there is replaced, but not by itself, nor by a second SOURCE of the same name, nor if\n"
	 "something is mounted there. The host itself is a TARGET only as a path or as /:PATH.\n\n"
	 "  -a, --archive          is always so: all that belongs to a file, and whole directories\n"
	 "      --special          out of a container, too: set-id bits, capabilities and devices\n" HELP_HELP},
	{"check", NULL, "look for damage, and mend it",
	 "check [--repair]\n"
	 "Tell what is damaged in the state directory, and what is left of containers that are no more: a\n"
	 "line for each finding, and what can be done. The status is 1 if anything is left to be done.\n\n"
	 "      --repair           mend what can be mended\n" HELP_HELP},
	{NULL, NULL, NULL, NULL},
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (strcmp(v->name, name) == 0 || (v->alias && strcmp(v->alias, name) == 0))
			return v;
	return NULL;
}
