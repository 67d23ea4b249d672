/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containerfs: containers as objects.
 *
 * A container is a named node in a hierarchy. It holds namespaces, a root directory and a set of
 * tasks, one of them perhaps its init, and it exists with or without tasks. The root of the
 * hierarchy, "/", is the init container: what was there before the first container was made.
 *
 * Manners are those of system calls: a file descriptor, a count or 0 on success; -1 and errno on
 * failure. container_error_last() then tells which step failed, on which object.
 *
 * Names: "web", "web/db" count from the container the caller is in, "/web/db" from the init
 * container. A component has 1-255 bytes of [A-Za-z0-9_.+-] and is neither ".", ".." nor one of the
 * entries that the tree of container files reserves (container_name_error() says which rule).
 *
 * A container fd is a directory fd. It stays valid over rename, may be passed over a unix socket
 * and is closed with close(2). Once its container is removed every call on it fails with ENOENT.
 *
 * No call changes the namespaces of the calling thread, container_enter() excepted; none prints,
 * exits, or needs a daemon; all may be used from any thread at once. Unless stated otherwise a call
 * needs CAP_SYS_ADMIN, and works on Linux 6.1 or newer with a cgroup v2 hierarchy mounted (its
 * controllers are not needed).
 *
 * A call that makes or changes something waits for another that is at work on the same container, for
 * as long as that takes. If a signal handler that was installed without SA_RESTART runs meanwhile, the
 * call fails with EINTR, and nothing has been done (but what CONTAINER_REMOVE_KILL has killed).
 * container_wait() and container_freeze() go on with what they wait for. No call is a cancellation point.
 * A call takes up to 80 kB of the thread's stack, and 6 kB more for each container that another is nested in.
 *
 * Environment: CONTAINERFS_STATE names another state directory than /run/containerfs, by an absolute path, which is
 * another hierarchy of its own. It is ignored in set-user-ID programs.
 */
#ifndef CONTAINERFS_CONTAINER_H
#define CONTAINERFS_CONTAINER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of container_create(): the names and values of the 2017 proposal, then ours. */
#define CONTAINER_NEW_FS_NS 0x00000001	     /* own mount namespace: a private view, see set_root */
#define CONTAINER_NEW_EMPTY_FS_NS 0x00000002 /* own mount namespace with nothing in it yet */
#define CONTAINER_NEW_CGROUP_NS 0x00000004
#define CONTAINER_NEW_UTS_NS 0x00000008
#define CONTAINER_NEW_IPC_NS 0x00000010
#define CONTAINER_NEW_USER_NS 0x00000020
#define CONTAINER_NEW_PID_NS 0x00000040
#define CONTAINER_NEW_NET_NS 0x00000080
#define CONTAINER_KILL_ON_CLOSE 0x00000100 /* ends with the last copy of the returned fd */
#define CONTAINER_FD_CLOEXEC 0x00000200	   /* the returned fd is closed by execve(2) */
#define CONTAINER_NEW_TIME_NS 0x00000400
#define CONTAINER_KILL_LAZILY 0x00000800 /* with KILL_ON_CLOSE: not at once */

/* Where a container has a namespace from. */
enum container_ns_mode {
	CONTAINER_NS_INHERIT, /* its parent container's */
	CONTAINER_NS_OWN,     /* its own */
	CONTAINER_NS_SHARE,   /* another's, held by reference */
};

enum container_state {
	CONTAINER_CREATED, /* never had a task */
	CONTAINER_RUNNING, /* has tasks, its own or a nested container's */
	CONTAINER_FROZEN,
	CONTAINER_STOPPED,   /* had tasks, has none */
	CONTAINER_HALTED,    /* the same: its init has called reboot(2) to halt or to power off */
	CONTAINER_REBOOTING, /* the same, to start again: somebody is to do that */
};

/*
 * What failed last in this thread. step is a short phrase ("set root", "join network namespace"), after
 * which there may be "; " and what to do about it; object what it was done to (a path, a name; may be
 * empty). Both end in NUL. Valid until the next failing call of this thread.
 */
struct container_error {
	int code; /* the errno */
	char step[112];
	char object[256];
};
const struct container_error *container_error_last(void);

/*
 * Why a string cannot be the name of a container: a sentence for people, NULL if it can.
 */
const char *container_name_error(const char *name);

/*
 * container_create: make a container and return its fd. (container-objects-2017, (1); containerfs-2006)
 *
 * name may be NULL or end in "/": the container is then called container_N. Namespaces for which no
 * NEW flag is given are inherited from the parent container, not from the caller. Own namespaces
 * exist from now on, with no process and no mount in the caller's mount table; an own pid namespace
 * comes with the first task, and again with the first after init ended.
 *
 * With CONTAINER_KILL_ON_CLOSE own namespaces come with the first task and go with the last one;
 * when the last copy of the fd is closed, also by the end of who had it, its tasks are killed and it is
 * removed within moments, by a process that this library starts for all such containers of a hierarchy
 * and that ends when there are none. With CONTAINER_KILL_LAZILY it is not started: no name leads to the
 * container any more, but what tasks are left are killed by the next call by anyone that makes, changes
 * or removes a container. That is cheaper, and does for tasks that die with the holder anyway
 * (CONTAINER_SPAWN_DIE_WITH_PARENT and an own pid namespace).
 *
 * EINVAL: bad name or flags. EEXIST, ENOENT (parent), EPERM (not privileged; or the parent is not
 * the caller's container nor below it), ENOSPC, EMFILE, ENOMEM; EOPNOTSUPP: no cgroup v2.
 */
int container_create(const char *name, unsigned int flags);

/* The same below the container parent; name is a single component or NULL. */
int container_create_at(int parent, const char *name, unsigned int flags);

/*
 * container_open: the fd (close-on-exec) of an existing container. "/" is the init container, "."
 * the caller's. ENOENT; EPERM: above or beside the caller's own container.
 */
int container_open(const char *name);

/*
 * The same of the init container, for those who come before all others: where there is no hierarchy yet it
 * is made, as by container_create(). EPERM: not privileged, or the caller is in another container.
 */
int container_open_init(void);

/*
 * container_open_at: the fd (close-on-exec) of the container nested in parent whose name this is, one
 * component. Two system calls, and no look at where the caller is: who has the fd of parent may.
 * Its id is written to ret_id, unless that is NULL; 0: its record is damaged. EINVAL: bad name.
 * ENOENT: there is none, or parent is removed.
 */
int container_open_at(int parent, const char *name, uint64_t *ret_id);

/*
 * container_id: the identity, which no other container ever has, by one system call. ENOENT: it is
 * removed (while it is being taken apart it may still be told).
 */
int container_id(int container, uint64_t *id);

/*
 * container_of: the fd of the container that a process is in; pid 0 is the caller.
 * ESRCH: no such process.
 */
int container_of(pid_t pid);

/*
 * container_path: the full name, "/web/db", into buf. Returns its length without the NUL.
 * ERANGE: buf is too small.
 */
ssize_t container_path(int container, char *buf, size_t size);

/*
 * container_rename: give a new name within the same parent: tasks, fds and children do not notice.
 * new_name is one component. EEXIST; EPERM: a path with another parent, or the init container.
 */
int container_rename(int container, const char *new_name);

/*
 * Whose a container is, and what others may do with it, as in the mode of a directory: a container
 * begins as root's, with mode 0755. The calls of this library need privilege whoever the owner is;
 * it is the tree of container files that lets an owner act (containerfs(5)). But what who is not root sees by
 * those that need no privilege is what the mode allows: to read a container lists what is nested in it, to
 * search it shows itself and leads to those.
 *
 * One made with CONTAINER_KILL_ON_CLOSE is root's, with mode 0700, and stays so: EOPNOTSUPP.
 */
struct container_access {
	size_t size; /* set by the caller: sizeof(struct container_access) */
	uid_t uid; /* as the host numbers them; in set_access -1: as it is; the same for all three */
	gid_t gid;
	mode_t mode;
};
int container_get_access(int container, struct container_access *ret_access);
int container_set_access(int container, const struct container_access *access);

/*
 * container_create_for: as container_create_at(), of a container that is somebody's, with this mode, from the
 * first moment on. EINVAL also: size. EOPNOTSUPP also: with CONTAINER_KILL_ON_CLOSE.
 */
int container_create_for(int parent, const char *name, unsigned int flags,
			 const struct container_access *access);

/*
 * container_contains: 1 if below is the container above itself, or nested in it at any depth; else 0.
 * Needs no privilege.
 */
int container_contains(int above, int below);

/* Flags of container_remove(). */
#define CONTAINER_REMOVE_KILL 0x1      /* kill its tasks first */
#define CONTAINER_REMOVE_RECURSIVE 0x2 /* remove nested containers first */

/*
 * container_remove: take the container apart. EBUSY: it has tasks, or with KILL tasks that do not
 * die within five seconds; ENOTEMPTY: it has nested containers. The init container is removed only
 * when it is the last, whatever the flags, and with it all that this library keeps.
 */
int container_remove(int container, unsigned int flags);

/*
 * container_namespace: an nsfs fd of the namespace that a task in the container would have.
 * nstype is one of setns(2)'s CLONE_NEW* constants. ESRCH: an own pid namespace that no task has
 * brought to life. (namespace-entering-2007)
 */
int container_namespace(int container, int nstype);

/*
 * container_root: an O_PATH fd (close-on-exec) of the root directory that a task in the container
 * would have, with what is mounted there; it keeps that mount, and nothing else of the container.
 * ESRCH: an own mount namespace that comes with the first task, and there is none. ENOENT: it was made
 * empty, and has no root yet. EPERM: not below the caller's container.
 */
int container_root(int container);

/*
 * container_cgroup: an fd (O_RDONLY, close-on-exec) of the container's cgroup directory, which is made
 * if there has been no task yet. Of the init container: the hierarchy's. EPERM as above.
 */
int container_cgroup(int container);

/*
 * container_set_limit: how much of the machine the container and those nested in it may use. file is an
 * interface file of cgroup v2, CONTROLLER.NAME ("memory.max", "cpu.max", "pids.max", "io.max", ...), and
 * value what is written to it: one line, as cgroups(7) and the kernel's cgroup-v2 document have it. Sizes
 * may be written with K, M, G, T, P or E, the powers of 1024 ("512M", "8:0 rbps=1MiB"). What the kernel
 * made of it belongs to the container from now on, and is in force before the first instruction of each
 * task, however often its cgroup is made. A value that begins with "max" takes the limit away again.
 *
 * The controller is switched on where that is needed. For a nested container the tasks of those above it
 * are moved into a cgroup of their own for that, "tasks" below the container's, and are there from now on.
 * A container is limited from above: EPERM for the caller's own and the init container.
 *
 * The limits containers.nested, .depth, .networks and .view are the library's own: how many containers may be in
 * this one, how deep, how many own networks, and the bytes that a private view may take. Those that are not
 * set are 64, 8, 16 and 64M for the outermost container that has another owner than root, a mode that lets
 * others write, or an own user namespace. "max": none; "default": as if it were not set. What would be
 * more than that is EDQUOT, whoever makes it.
 *
 * EOPNOTSUPP: no such controller in this machine's cgroup v2, or the manager of an adopted cgroup has not
 * delegated it; the error's step tells why and what to do. EBUSY: a cgroup on the way has processes that
 * are no container's. EINVAL: not such a file or value; what else the kernel says of the value.
 *
 * container_get_limit: what is in force, as the kernel has it, or with file NULL all that were set, and those of
 * the library's that hold, a line "FILE=VALUE" for each. Returns the length without the NUL. 4096 bytes are always enough for those that
 * were set: ERANGE. ENODATA: this one is not there. Needs no privilege.
 */
int container_set_limit(int container, const char *file, const char *value);
ssize_t container_get_limit(int container, const char *file, char *buf, size_t size);

/*
 * container_adopt_cgroup: the container's cgroup is made below the directory fd (O_PATH will do), which is
 * somebody else's, from now on: his limits and accounting are the container's, too. What
 * else is there is left alone, also when the container is removed. fd stays the caller's. It must be below
 * the mount that STATE's own cgroup is in: EXDEV.
 *
 * EOPNOTSUPP: a nested container, which goes with the outermost one. EBUSY: there are tasks, or limits.
 * ENOTEMPTY: there are nested containers. EINVAL: not a cgroup v2 directory, or a container's.
 */
int container_adopt_cgroup(int container, int fd);

/*
 * container_set_namespace: for the tasks that come from now on. CONTAINER_NS_OWN makes a new one,
 * CONTAINER_NS_INHERIT drops own or shared; CONTAINER_NS_SHARE takes fd, an nsfs fd or another
 * container's fd, and keeps the namespace alive also when its first owner is gone.
 *
 * EINVAL: fd is of another type, or a mount namespace older than this hierarchy (inherit instead);
 * EPERM: pid and user namespaces can be shared only downwards, from an ancestor's own to a container
 * below it; EBUSY: mount, pid or user while there are tasks; EOPNOTSUPP: for CONTAINER_KILL_ON_CLOSE
 * containers OWN is a matter of creation.
 */
int container_set_namespace(int container, int nstype, enum container_ns_mode mode, int fd);

/* Flags of container_set_root(). */
#define CONTAINER_ROOT_RECURSIVE 0x1 /* with all that is mounted below the directory */

/*
 * container_set_root: gives the container a new own mount namespace with this root.
 * (container-objects-2017, (11))
 *
 * fd is a directory, or a detached mount (fsmount(2), open_tree(2)), used as it is: /proc, /sys and
 * /dev are mounted in it where it has such directories. -1: a private copy-on-write view of the
 * parent's root, its changes in memory, with empty /run and /tmp. EBUSY: there are tasks. ENOTDIR.
 */
int container_set_root(int container, int fd, unsigned int flags);

/*
 * The name that uname(2) gives in the container. It must have an own uts namespace: else EPERM. EINVAL: not 1 to 64
 * ASCII characters that print; a task inside can set others.
 */
int container_set_hostname(int container, const char *hostname);
int container_get_hostname(int container, char *buf, size_t size);

/* Which map of ids. */
#define CONTAINER_UID_MAP 0
#define CONTAINER_GID_MAP 1
#define CONTAINER_MAP_OUTSIDE                                                                      \
	0x10 /* or'ed, to get it: outside are ids of the caller's, not of the parent container */

/*
 * container_set_ids: which users and groups the container's own user namespace has.
 *
 *   auto        to begin with: a range of 65536 that no other container, line of /etc/subuid or /etc/subgid or running
 *               process's map has. A nested container, or one of a hierarchy that is in a user namespace
 *               itself, which does not have so many, gets half of what the one above has left.
 *   auto:COUNT  one of 1 to 16777216.
 *   host        all that the parent container has, as themselves: root inside is root outside, for all
 *               that the kernel decides by ids alone. It confines nothing.
 *   a map       the text of one for both, as below.
 *
 * Root inside is the first of a range. In a private view /, /tmp, /run, /dev and /root are his, and the rest is
 * nobody's. A range is free again when the container is removed, and all that share its namespaces.
 *
 * All own namespaces belong to the user namespace, which is made in the parent container's: so its ids count in
 * those of the parent. They are made anew with it, in one step: the private view begins anew, and so do
 * networks; the hostname, and a root that was given, are kept. EINVAL: not such a text. ENOSPC: there are
 * no ids left; or the user namespace would be one of more than 32 in each other. EBUSY: there are tasks, or others
 * share what would be made anew: the object names them. ENOTEMPTY: there are nested containers. EPERM: it has
 * no own user namespace, or the parent does not have these ids.
 *
 * container_get_ids: the same text, but "map" if one was set. Returns its length without the NUL. ERANGE.
 */
int container_set_ids(int container, const char *ids);
ssize_t container_get_ids(int container, char *buf, size_t size);

/*
 * container_set_id_map: which users or groups outside those of the container's own user namespace
 * are. map is text as proc_pid_uid_map(5) has it: lines "INSIDE OUTSIDE COUNT", 1 to 340 of them; outside
 * is the parent container. The user namespace and all own namespaces are made anew, as above. The other map
 * stays as it is. The last group outside, 4294967294, is left out of every map: with it a task could have the keys of other containers.
 *
 * A caller who is nobody in it, since his ids are not mapped, is root there in container_spawn(),
 * _fork() and _enter(): 0 must be mapped then, or a user be named.
 *
 * EINVAL: not such a map, the step says why. Else as above.
 *
 * container_get_id_map: the map of the user namespace that a task has, as text, a newline after each
 * line. Returns its length without the NUL. 4096 bytes are always enough: ERANGE. ESRCH as in
 * container_namespace().
 */
int container_set_id_map(int container, int which, const char *map);
ssize_t container_get_id_map(int container, int which, char *buf, size_t size);

/*
 * What a first task is started with. size is sizeof(struct container_spawn); zero is a default
 * everywhere but for the fds, where -1 is: start from CONTAINER_SPAWN_INIT.
 */
struct container_spawn {
	size_t size;
	const char *const *argv; /* argv[0] is looked for along PATH of envp, inside */
	const char *const *envp; /* NULL: the caller's environment */
	const char *cwd;	 /* inside the container, not by a magic link; NULL: "/" */
	const char *
		user; /* "USER[:GROUP]" of the container's passwd(5), or numbers; NULL: no change */
	int stdio[3]; /* become 0, 1, 2; -1: the caller's own */
	int nstypes;  /* join only these (CLONE_NEW*); 0: all */
	int root;     /* KILL_ON_CLOSE containers: the root, as in set_root; -1: the view */
	unsigned int root_flags;
	const char *hostname;	     /* KILL_ON_CLOSE containers: hostname to begin with */
	unsigned int flags;	     /* CONTAINER_SPAWN_* */
	int *pidfd;		     /* filled in with a pidfd of the child, if not NULL */
	const sigset_t *signal_mask; /* of the child; NULL: the caller's */
};
#define CONTAINER_SPAWN_INIT                                                                       \
	{                                                                                          \
		.size = sizeof(struct container_spawn), .stdio = {-1, -1, -1}, .root = -1,         \
	}
#define CONTAINER_SPAWN_DIE_WITH_PARENT 0x1 /* SIGKILL when the calling thread ends */
#define CONTAINER_SPAWN_CWD_OPTIONAL 0x2    /* "/" if cwd is not there */

/*
 * container_spawn: start a program in the container without copying the caller's memory, but for a user
 * or a user or time namespace of its own. The child is the caller's child (waitpid(2) it), in the
 * container's cgroup and pid namespace from its first instruction; into an own pid namespace without
 * init it is init. File descriptors above 2 do not reach it. Blocks until the program runs or could not
 * be started.
 *
 * Nothing of the caller can be seen or traced by the container's tasks meanwhile, but they may kill the
 * child, or stop it, and with it the caller until it is killed. Where the container may have made the
 * program, so that it may be a link to /proc/self/exe or a script of that, neither leads to the caller's
 * own program: links and scripts are executed by a file in memory, made for this one start. That program
 * may still be what a file names as its loader; then it runs in the container, but it cannot be written
 * to. What is done by container_fork() and container_enter() has no such help, see there.
 *
 * On failure the step is "exec" if and only if the program itself could not be run; ENOENT then
 * means that there is none of this name. ENOENT otherwise: the container is gone. EPERM: the
 * container is not the caller's nor below it. EBUSY: it is frozen. EINVAL: unknown user,
 * or one with numbers that the container's id maps lack; EFBIG, E2BIG: files of users or groups of over 64 MB, a
 * user in over 65536 groups.
 */
pid_t container_spawn(int container, const struct container_spawn *how);

/*
 * container_fork: fork(2), with the child in the container: 0 in the child, its pid in the caller.
 * The child is in the container's cgroup and namespaces before the call returns in it. Errors as in
 * container_spawn(); the first fork into an own pid namespace makes init. (container-objects-2017, (4))
 *
 * In a user namespace the child, and what enters, cannot be traced or read by the container's tasks
 * (PR_SET_DUMPABLE is 0) until it runs another program, or has got rid of what they must not have and
 * says so. Its fds are the caller's, those with close-on-exec too: close them before execve(2). And
 * until then /proc/PID/exe of it is the caller's own program: execute nothing that the container may
 * have made a link to that, unless from a sealed copy (memfd_create(2)). The same holds for what enters.
 */
pid_t container_fork(int container);

/*
 * container_enter: the calling process itself becomes a task of the container. nstypes: 0 is all,
 * else only these (the 2006 proposal's "only the network namespace"). A pid namespace takes effect
 * for children, as setns(2) says. EPERM: not below the caller's container. EINVAL/EUSERS: the
 * process has threads. On failure nothing has changed, unless the error's step is "half entered".
 */
int container_enter(int container, int nstypes);

/*
 * container_attach: another process becomes a task of the container, as by container_enter(), while it
 * runs: all its threads are stopped for a moment, and join by system calls of their own. nstypes: 0 is
 * all, else only these; what it has already is left out. (namespace-entering-2007)
 *
 * The container must be the caller's or below it, and the process in a container that is above it or in
 * the container itself: tasks move downwards only. Joining is checked by the kernel as if the process
 * had called setns(2), with its own credentials, on a process of the library's, which one in a user
 * namespace below the caller's may not look at: EPERM, with few exceptions. Stopping it needs
 * CAP_SYS_PTRACE over it, or to be its equal. If all that it lacks is membership it is not stopped. A
 * system call in which it waits is begun anew, or goes on with the time left, unless a handler runs; also those that
 * end with EINTR after SIGSTOP and SIGCONT (containerfs(5) says what does not go on). Signal handlers, blocked signals and a stopped state stay as they are.
 *
 * All or nothing: on failure it is as it was, unless the error's step is "half entered". EPERM: upwards,
 * sideways, or not allowed to the caller or to the process. EINVAL: the caller itself (container_enter()
 * is for that); unknown types; threads, with a mount or user namespace to join, or in different
 * namespaces; a pid namespace that is not below its own. EUSERS: threads, and a time namespace. ESRCH: no
 * such process, a thread, a zombie, or one of the kernel's; an own namespace of the container that no task
 * has brought to life. EBUSY: the container or the process is frozen, somebody traces it, or it did not
 * stop within a second. EPROTO: where it was to join it did something else, which was not done, or it joined
 * others: hostile is who shares its memory or its fds. EOPNOTSUPP: a 32-bit program; a
 * writer (see below) that is a thread of the kernel's, of io_uring. ENOENT: the container is removed.
 *
 * Blocks for up to a second, some more if the process hinders it, and while the container is being changed
 * by others. If the calling process is killed meanwhile the move is completed or has not begun. If the
 * library's child that does it is killed (ECANCELED; EBUSY: by its own timer, as the process kept it) it is
 * undone; only in the moment when the process makes those system calls it is "half entered" then, and may
 * crash. If both are killed, it may be in the container's cgroup alone. A process that is half entered is
 * in the container's cgroup if it has any of its namespaces.
 */
int container_attach(int container, pid_t pid, int nstypes);

/* The same for the process that a pidfd is of, whose number may be another's by now. */
int container_attach_pidfd(int container, int pidfd, int nstypes);

/*
 * container_attach_writer: the same for a file server, of a thread (pid: its number, or its process's
 * first) that waits for the server in a write(2) or other system call at this moment, and thus cannot be
 * stopped. answer(arg) is called once after it was asked to stop, and shall make its system call
 * return successfully, without waiting. It is called in a child that shares the memory and the fds of
 * the calling thread, which waits for it, and must take no lock that the caller may hold.
 *
 * On success it was called. If the move fails before, it was not called, and the server answers with
 * the error; if it fails after, the system call of the thread fails with that error, unless the thread
 * could not be stopped or has ended.
 */
int container_attach_writer(int container, pid_t pid, int nstypes, void (*answer)(void *arg),
			    void *arg);

/* What is about to be done, as a guard is told. */
struct container_guarded {
	size_t size;	      /* of this structure */
	pid_t pid;	      /* the process that is to be moved, else 0 */
	const pid_t *threads; /* of it, some or all; NULL: they run, or nothing is moved */
	size_t thread_count;
};

/*
 * container_set_guard: for a program with more rights than those it acts for, a file server for example. What
 * it finds out about somebody's right before it calls may have changed when the library acts: the container has
 * another owner or name, the process to be moved has executed a set-user-ID program. So a guard decides once
 * more, when that cannot change any longer. It belongs to the calling thread; NULL: none.
 *
 * The calls that create, remove, rename, change (container_set_*, container_adopt_cgroup, container_add_key),
 * freeze, kill or enter a container, start a task in it or move a process to it call guard(what, arg) when they
 * hold the locks under which they act, before they have changed anything. Its owner and mode do not change
 * meanwhile; in calls on a name those of its parent do not either. The guard returns 0, or a negative errno,
 * which becomes the call's error.
 *
 * Of a process that is to be moved (what->pid) it may return 1: it is then called again, for some threads at a
 * time, until it was asked of all, while all stand still: they execute nothing and change no credentials. That
 * call is made in a child that shares the memory and the fds of the calling thread, which waits for it, and which
 * may be killed: a guard must not allocate, take locks or wait for long there, nor call what is guarded.
 *
 * Where the lock is held for more than a second by somebody else, container_kill() and thawing do not wait for it:
 * whoever holds it may be waiting for their effect.
 */
void container_set_guard(int (*guard)(const struct container_guarded *what, void *arg), void *arg);

/*
 * container_attach_for: container_attach_writer() with answer, or container_attach_pidfd() without, by who
 * acts for somebody else with rights of its own. cgroup v2 lets nobody move a process who may not write to
 * cgroup.procs of the cgroup above both places: that keeps it where it is limited. So may_leave is called
 * if something limits the process, a number, a weight or a BPF program of its cgroup and of those above
 * it up to that one, and it would be limited less or not at all after the move. It returns 0 if those for whom
 * it is done may write to procs, an O_PATH fd of that file, borrowed; else a negative errno, which fails the
 * call. EPERM: "it would leave what limits it behind". depth: how many levels the process's cgroup is below
 * that one. It is called in the calling thread, before the process is stopped, with locks held: it may call
 * nothing of the library. Whether it is needed is looked at again when the process stands still.
 */
struct container_attach_for {
	size_t size;  /* set by the caller: sizeof(struct container_attach_for) */
	int pidfd;    /* without answer */
	pid_t writer; /* with answer */
	int nstypes;
	void (*answer)(void *arg);
	int (*may_leave)(void *arg, int procs, unsigned int depth);
	void *arg;
};
int container_attach_for(int container, const struct container_attach_for *request);

/*
 * container_kill: a signal to all tasks of the container and of those nested in it. SIGKILL reaches tasks that
 * fork meanwhile, and is done when there is no task any more. EBUSY: after two seconds there still is one, which
 * the kernel keeps; the error's object says who, its state, and the kernel's function in which it waits:
 * "4711 D request_wait_answer". ESRCH: no task.
 */
int container_kill(int container, int sig);

/* container_freeze: stop (1) or go on (0), nested ones included. Waits up to two seconds: EBUSY. */
int container_freeze(int container, int frozen);

/*
 * container_wait: until the container and those in it have no task; timeout in milliseconds, -1: no
 * limit. ETIMEDOUT. A container that never had a task has none.
 *
 * container_wait_fd: an fd for poll(2) on which POLLPRI tells that it is time to look once more:
 * that the first task has come or the last has ended, nested ones included, or that all are frozen or
 * none is any more. It is the container's cgroup.events, which is made if it is not there yet: reading
 * it from its beginning, pread(fd, buf, size, 0), gives lines "populated 0|1" and "frozen 0|1", and
 * POLLPRI is told of changes after that: so read it before each poll(2), the first one too. A read
 * that fails with ENODEV: the container is removed, of which poll(2) may not tell.
 */
int container_wait(int container, int timeout);
int container_wait_fd(int container);

/*
 * container_tasks: the pids, in the caller's pid namespace, of the container's own tasks (nested
 * containers' not included). Returns how many there are; at most n are written to pids.
 */
ssize_t container_tasks(int container, pid_t *pids, size_t n);

/*
 * Reaching in from outside. What these calls open is opened in the container's namespaces and is the
 * caller's; nothing of the caller ever is inside.
 */

/*
 * container_socket: socket(2) in the container's network namespace. (container-objects-2017, (5))
 *
 * Asks for the fd only: also outside of the part of the hierarchy that the caller is in, it is the
 * kernel that asks for CAP_SYS_ADMIN over the namespace. Errors are those of socket(2), with ESRCH: a
 * CONTAINER_KILL_ON_CLOSE container has its own network with its first task.
 */
int container_socket(int container, int domain, int type, int protocol);

/*
 * The calls of these names, with a container in place of the directory: paths, absolute or not, begin
 * at its root directory and see what is mounted there, as its tasks do. They cannot lead out of it,
 * whatever the container does meanwhile: "/" of a symbolic link is its root, ".." of that is itself,
 * and links of /proc that are no text (magic links) are not followed: ELOOP. (container-objects-2017, (6))
 *
 * The caller is who creates and opens: with its ids, its umask and its privilege. What the container
 * has put there is opened too, be it a fifo that waits (O_NONBLOCK) or a device; a terminal never
 * becomes the caller's controlling one. Returned fds are close-on-exec, and are in what the container
 * has mounted: to use one with ".." or a path is to trust the container, openat2(2) apart.
 *
 * Errors are those of the calls; ENOENT also: it has no root yet; ESRCH: a CONTAINER_KILL_ON_CLOSE
 * container has its own mounts with its first task; EAGAIN: too much was renamed meanwhile, try again;
 * EPERM also: the container is not the caller's nor below it.
 *
 * mode is of use with O_CREAT and O_TMPFILE. renameat's flags are those of renameat2(2). fstatat knows
 * AT_SYMLINK_NOFOLLOW. readlinkat, as usual, writes no NUL.
 */
struct stat;
int container_openat(int container, const char *path, int flags, mode_t mode);
int container_mkdirat(int container, const char *path, mode_t mode);
int container_mknodat(int container, const char *path, mode_t mode, dev_t dev);
int container_symlinkat(const char *target, int container, const char *path);
int container_unlinkat(int container, const char *path, int flags);
int container_renameat(int container, const char *from, const char *to, unsigned int flags);
int container_fstatat(int container, const char *path, struct stat *ret_st, int flags);
ssize_t container_readlinkat(int container, const char *path, char *buf, size_t size);

/*
 * container_fsopen: fsopen(2) in the container: proc, sysfs, mqueue, tmpfs, network file systems take
 * its pid, network, ipc, cgroup and user namespaces. The caller goes on with fsconfig(2) and fsmount(2)
 * as usual, and may mount the result anywhere. flags: FSOPEN_CLOEXEC. (container-objects-2017, (2))
 *
 * ENODEV: no such file system. ESRCH: a namespace that this one needs comes with the first task. EPERM:
 * the container is not the caller's nor below it; or it has its own user namespace, but the mount
 * namespace of another.
 */
int container_fsopen(int container, const char *fsname, unsigned int flags);

/* Flags of container_move_mount(), and CONTAINER_ROOT_RECURSIVE. */
#define CONTAINER_ROOT 0x10	       /* path is "/": the mount becomes the container's root */
#define CONTAINER_MOUNT_PROPAGATE 0x20 /* leave the mount's propagation as it is */

/*
 * container_move_mount: attach a detached mount (fsmount(2), open_tree(2) with OPEN_TREE_CLONE) at a
 * path of the container, which may be running: its tasks see it, and nobody else. The path is resolved
 * as in container_openat(). The mount and those below it become slaves: what the host mounts there later
 * is seen, what the container mounts is not seen outside. mount_fd stays the caller's; used for
 * anything more it is the mount in the container.
 *
 * If the mount namespace is of another user namespace than the caller's, privilege in there can take
 * nothing away from the mount: read-only, nosuid, nodev, noexec and the handling of access times stay as
 * they are, and what is mounted below it cannot be unmounted alone. With CONTAINER_MOUNT_PROPAGATE it
 * becomes a slave all the same.
 *
 * With path "/" and CONTAINER_ROOT the mount becomes the root of a container that was made with
 * CONTAINER_NEW_EMPTY_FS_NS, as by container_set_root(); one that is made with CONTAINER_KILL_ON_CLOSE
 * gets its own namespaces now, the pid namespace excepted. (container-objects-2017, (3))
 *
 * EPERM: it has no mount namespace of its own; or as ever. EINVAL: mount_fd is not a detached mount.
 * ENOTDIR: a directory on a file, or the other way. EBUSY (CONTAINER_ROOT): it has a root. ENOENT, ESRCH as in container_openat().
 */
int container_move_mount(int container, int mount_fd, const char *path, unsigned int flags);

/*
 * container_umount: umount2(2) in the container, with its flags; MNT_DETACH takes what is mounted out
 * of the tree at once, and lets those who use it finish. (per-process-namespaces-2001) EBUSY: in use.
 * EINVAL: not a mount point; or path ends in "." or "..", or is the root. The rest as above.
 */
int container_umount(int container, const char *path, int flags);

/* What container_mounts() tells of one mount: a line of proc_pid_mountinfo(5), its escapes undone. */
struct container_mount {
	size_t size;	     /* of what the library fills in */
	uint64_t id, parent; /* mount ids, as in statx(2) and /proc/PID/fdinfo */
	dev_t dev;	     /* as st_dev of its files, with most file systems */
	uint64_t shared;     /* its peer group; 0: it is not shared */
	uint64_t master;     /* the peer group that it is a slave of; 0: none */
	int unbindable;
	const char *root;   /* directory of the file system; texts are valid during the callback */
	const char *target; /* where it is in the container */
	const char *options;
	const char *type;
	const char *source;
	const char *super_options; /* of the file system */
};

/*
 * container_mounts: call fn for each mount that is seen from the container's root, with or without
 * tasks, in the order that the kernel has them in. fn ends this by returning a positive value, which is
 * then returned. A container without an own mount namespace has that of the container it inherits it
 * from. Errors as in container_openat(), and ENOENT: /proc is not mounted where the caller is.
 */
int container_mounts(int container, int (*fn)(const struct container_mount *mount, void *arg),
		     void *arg);

/*
 * container_add_key: add_key(2) to the container's keyring, which its tasks find through their session
 * keyring, those that run already as well. Returns the key's serial number; a key of this type and description is updated. (container-objects-2017, (9))
 *
 * A task that comes into a container has a new session keyring: the caller's is not visible inside. One
 * that container_attach() moves gets one too, unless it had nothing to join and so was not stopped; and
 * finds the container's keys if it is root outside. Nobody else finds them: others may not even see what the
 * keys are called, unless they have CAP_SETGID in the user namespace of the host.
 * When the container is removed its keyring is revoked. ENODEV: no such type; EDQUOT; EPERM as ever, and
 * where the user namespace is not that of the host.
 */
int container_add_key(int container, const char *type, const char *description, const void *payload,
		      size_t len);

/*
 * container_keys: call fn for each key in the container's keyring; what is in keyrings that it holds is not
 * told. fn ends it by returning a positive value, which is then returned. What a key contains can be read
 * by the container's tasks only.
 */
struct container_key {
	size_t size;
	int serial;
	uid_t uid;
	gid_t gid;
	unsigned int permissions; /* as in keyctl_setperm(3) */
	const char *type;	  /* valid during the callback */
	const char *description;
};
int container_keys(int container, int (*fn)(const struct container_key *key, void *arg), void *arg);

/*
 * container_stop: let its tasks end in an orderly way, those of nested containers first; then it is
 * there without tasks. With an own pid namespace its init gets the stop signal and may end the others,
 * which the kernel does at the latest when init ends; else all tasks get it. What is left after timeout
 * ms in all (-1: after the grace period of each container) is killed: then 1 is returned, else 0. A
 * frozen one goes on, into the signal. One that is rebooting stays as it is, stopped. EBUSY: tasks do not
 * die, as for container_kill(). Blocks. (namespace-entering-2007)
 *
 * container_set_stop: the stop signal, SIGTERM unless set, and the grace period in ms, 10000 unless set.
 */
int container_stop(int container, int timeout);
int container_set_stop(int container, int sig, int grace);
int container_get_stop(int container, int *ret_sig, int *ret_grace);

/*
 * container_reboot: as if its init had called reboot(2) in its own pid namespace: init and all with it
 * are killed, and who waits for init sees it ended by SIGHUP (cmd LINUX_REBOOT_CMD_RESTART) or SIGINT
 * (..._HALT, ..._POWER_OFF): to start it again is up to him. EPERM: no own pid namespace. ESRCH: no init.
 *
 * container_ended: who waits for init tells, by its pidfd, that it has ended, before it is reaped
 * (waitid(2) with WNOWAIT): how it did, which the kernel says, is then the container's state and exit
 * status. It has to be the caller's child, or one that he could ptrace. Returns CONTAINER_STOPPED, CONTAINER_HALTED, or CONTAINER_REBOOTING: then it is up to the caller to
 * start it again. 0: it was not the init that the container had last. An init that reboots when
 * container_stop() tells it to end has stopped. Of a CONTAINER_KILL_ON_CLOSE container that has stopped
 * nothing is recorded. EBUSY: it has not ended. ESRCH: not to be known.
 */
int container_reboot(int container, int cmd);
int container_ended(int container, int pidfd);

/* What happens to a container and to those nested in it. */
enum container_event_type {
	CONTAINER_EVENT_CREATED,
	CONTAINER_EVENT_STARTED, /* has tasks now */
	CONTAINER_EVENT_FROZEN,
	CONTAINER_EVENT_THAWED,
	CONTAINER_EVENT_STOPPED, /* has none any more; see exit_status */
	CONTAINER_EVENT_RENAMED, /* path is the new one */
	CONTAINER_EVENT_REMOVED,
};
struct container_event {
	size_t size; /* set by the caller: sizeof(struct container_event) */
	enum container_event_type type;
	uint64_t id;
	const char *path; /* full name; valid until the next call on the same events */
	int exit_status;  /* STOPPED: that of init, as waitpid(2) has it; -1: not known */
};

/*
 * container_events_open: watch a container and those nested in it, from now on. NULL and errno on
 * failure. container_events_fd: an fd for poll(2), owned by the events: POLLIN tells that it is time to
 * call container_events_next() until it returns 0. That returns 1 and one event, and does not block.
 * Events of one container come in order; what is made and removed again between two calls is not told.
 * exit_status is known if container_ended() was called, or if init was not reaped yet and the caller is its
 * parent or could ptrace it; or with Linux 6.15, but for a reboot, which then looks like an end by
 * SIGKILL or with 0. For that a pidfd of each init is held: at most a quarter of the fds that the process
 * may have.
 * One thread at a time may use an events object. Needs no privilege but to see the containers.
 */
struct container_events;
struct container_events *container_events_open(int container);
int container_events_fd(const struct container_events *events);
int container_events_next(struct container_events *events, struct container_event *ret_event);
void container_events_close(struct container_events *events);

/* What listing tells of one container. */
struct container_info {
	size_t size; /* set by the caller: sizeof(struct container_info) */
	uint64_t id;
	enum container_state state;
	unsigned int depth;	/* below where container_walk() began */
	unsigned int own;	/* CLONE_NEW* of own namespaces */
	unsigned int shared;	/* CLONE_NEW* of shared ones */
	unsigned int transient; /* KILL_ON_CLOSE */
	uid_t owner;		/* only with CONTAINER_WALK_OWNER */
	const char *name;	/* last component; valid during the callback, "" for "/" */
	const char *path;	/* full name; valid during the callback */
	const char
		*root; /* with CONTAINER_WALK_ROOT: "" inherited, "view", or a directory's path */
	pid_t init;    /* 0: none; only with CONTAINER_WALK_TASKS */
	size_t tasks;  /* own tasks; only with CONTAINER_WALK_TASKS */
	int exit_status; /* of its last init, as waitpid(2) has it; -1: not known, or there are tasks */
};
#define CONTAINER_WALK_CHILDREN 0x0  /* those directly nested */
#define CONTAINER_WALK_RECURSIVE 0x1 /* and those nested in them */
#define CONTAINER_WALK_STATE 0x2     /* fill in state: else it is CONTAINER_CREATED */
#define CONTAINER_WALK_TASKS 0x6     /* fill in state, init and tasks: dearer */
#define CONTAINER_WALK_SELF 0x8	     /* begin with the container itself, at depth 0 */
#define CONTAINER_WALK_ROOT 0x10     /* fill in root */
#define CONTAINER_WALK_OWNER 0x20    /* fill in owner */
#define CONTAINER_WALK_NAMES 0x40    /* name and id only, of those directly nested: cheapest */

/*
 * container_walk: call fn for each nested container, parents before children, in no other order. fn
 * ends the walk by returning a positive value, which is then returned. Takes no lock: what is made or
 * removed meanwhile may be seen or not.
 */
int container_walk(int container, unsigned int flags,
		   int (*fn)(const struct container_info *info, void *arg), void *arg);

/*
 * container_stat: what container_walk() tells of the container itself, in few system calls and
 * without a callback. flags: CONTAINER_WALK_STATE, _TASKS, _ROOT, _OWNER. info->size is set by the
 * caller. The texts are written to buf, where name, path and root point to; buf NULL: they are empty,
 * and need no calls. 8192 bytes are always enough. EINVAL: other flags, or size. ERANGE: buf is too
 * small.
 */
int container_stat(int container, unsigned int flags, struct container_info *info, char *buf,
		   size_t size);

/* Something that is wrong with the state directory, the vault or the cgroups. */
struct container_problem {
	size_t size;	    /* sizeof(struct container_problem) of the library */
	const char *path;   /* of the file that is damaged, or of what belongs to nobody */
	const char *text;   /* what is wrong: for people, as the next */
	const char *remedy; /* what is left to be done; "" if it has been mended */
	int mended;
};
#define CONTAINER_CHECK_REPAIR 0x1 /* mend what can be mended */

/*
 * container_check: look at all records of the hierarchy and of its containers, whether they are what they
 * should be, and for what is of no container: links, cgroups, pinned namespaces. fn is called for each
 * finding; a value of it other than 0 ends the check, and is returned. No container is used, nor is the
 * hierarchy opened in the usual way, so that it works where nothing else does. Without _REPAIR nothing is
 * changed. With it damaged records go whose loss makes no container less confined, and what is of no
 * container goes, tasks in such cgroups too; it waits for a second for other operations to end, then EBUSY.
 * ENOENT: there is no hierarchy. EPERM, EACCES: not root.
 */
int container_check(unsigned int flags,
		    int (*fn)(const struct container_problem *problem, void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#endif
