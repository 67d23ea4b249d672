/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <containerfs/container.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "fdpass.h"
#include "kernel.h"
#include "made.h"
#include "root.h"
#include "text.h"

#define STOP_LOOK 50	      /* ms */
#define KERNEL_MAP_SIZE 16384 /* 340 lines of three columns of 10 */

static const char *const map_files[2] = {"uid_map", "gid_map"};

int userns_open_proc(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char self[24];

	if (proc >= 0 && readlinkat(proc, "self", self, sizeof(self)) > 0)
		return proc;
	/* It is of a pid namespace in which the caller is not, or there is none. */
	close_fd(&proc);
	return root_new_proc();
}

struct maker {
	int parent;  /* user namespace to make one in; -EBADF: the caller's */
	int user_ns; /* none is made, this one is joined; -EBADF: nor that */
	bool makes_user;
	int proc, to;
	unsigned int types;
	struct ns_set set;
	struct userns_maps maps;
};

/* 0 if that is somebody, else the first who is. */
static int first_id(int proc, const char *path, uint32_t *ret_id)
{
	char text[KERNEL_MAP_SIZE];
	struct id_map map;
	uint32_t zero;
	ssize_t n = kernel_read_file(proc, path, text, sizeof(text));

	if (n < 0)
		return error_set((int)n, "read", path);
	if (id_map_parse(text, &map))
		return error_set(-EPERM, "the user namespace above has no ids", NULL);
	*ret_id = id_map_to_outside(&map, 0, &zero) ? 0 : map.range[0].inside;
	return 0;
}

/* The raw calls: those of a libc would change all threads of a process, or wait for them. */
int userns_become_first(int proc)
{
	uint32_t uid = 0, gid = 0;
	int r = first_id(proc, "self/uid_map", &uid);

	r = r ? r : first_id(proc, "self/gid_map", &gid);
	if (r < 0)
		return r;
	if ((syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM) ||
	    syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return error_set(-errno, "become root of the user namespace above", NULL);
	return 0;
}

/*
 * Who is in the user namespace of a container may be stopped by root of that, for as long as that wants. Whoever waits
 * for it wakes it; but may be killed itself, and then no lock or other fd of the caller's shall be kept.
 */
static int keep_only(const int *fds, size_t count)
{
	int r = kernel_close_but(fds, count);

	return r < 0 ? error_set(r, "leave the caller's fds", NULL) : 0;
}

/* --- the writer, a child of the maker --- */

struct writer {
	const struct maker *maker;
	int from;  /* a socket */
	int close; /* the maker's end of it */
};

/* All ids that there are where the writer is, as themselves; but no group of keyrings (core/keys.h). */
static int all_ids(const struct maker *m, int which, char text[ID_MAP_TEXT_SIZE])
{
	char own[sizeof("self/gid_map")] = "self/", kernels[KERNEL_MAP_SIZE];
	struct id_map map;
	size_t len = strlen(own);
	ssize_t n;
	int r;

	text_append(own, sizeof(own), &len, map_files[which]);
	n = kernel_read_file(m->proc, own, kernels, sizeof(kernels));
	if (n < 0 || id_map_parse(kernels, &map))
		return n < 0 ? (int)n : -EPERM;
	id_map_make_identity(&map);
	if (which == CONTAINER_GID_MAP)
		id_map_remove_last(&map);
	r = id_map_format(&map, '\n', text);
	return r < 0 ? r : 0;
}

static int write_map(const struct maker *m, int dir, int which)
{
	char text[ID_MAP_TEXT_SIZE];
	int r;

	if (m->maps.text[which][0])
		return kernel_write_file(dir, map_files[which], m->maps.text[which]);
	r = all_ids(m, which, text);
	return r ? r : kernel_write_file(dir, map_files[which], text);
}

static int write_maps(const struct maker *m, int dir)
{
	int r = 0;

	if (m->parent >= 0 && setns(m->parent, CLONE_NEWUSER) < 0)
		return -errno;
	/* Owned by root outside, who this process still is, since the maker cannot be traced. */
	for (int which = 0; r == 0 && which < 2; which++)
		r = write_map(m, dir, which);
	return r;
}

/* of: the child that sends it, which somebody may stop; 0: the parent. */
static int wait_fd(int from, pid_t of, int *ret_fd)
{
	struct pollfd poll_fd = {.fd = from, .events = POLLIN};
	int number, r;

	while ((r = poll(&poll_fd, 1, of ? STOP_LOOK : -1)) <= 0) {
		if (r < 0 && errno != EINTR)
			return -errno;
		if (of)
			agent_wake(of);
	}
	return fdpass_receive(from, &number, ret_fd);
}

static int writer_main(void *arg)
{
	const struct writer *w = arg;
	int dir = -EBADF, r;

	/* Then a maker that ends is the end of the socket. */
	close(w->close);
	r = wait_fd(w->from, 0, &dir);
	return -(r ? r : write_maps(w->maker, dir));
}

/* Who writes the maps must be there before the maker has left the user namespace it is in. */
static int writer_start(const struct maker *m, struct writer *w, int *ret_to, int *ret_pid)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*w = (struct writer){.maker = m, .from = pair[0], .close = pair[1]};
	r = agent_start(writer_main, w, ret_pid);
	close(pair[0]);
	*ret_to = pair[1];
	return r;
}

static int map_error(int r)
{
	if (r == -EPERM)
		return error_set(r, "map ids of the user namespace: the one above has no such ids",
				 NULL);
	return error_set(r, "map ids of the user namespace", NULL);
}

static int user_ns_error(int r)
{
	if (r == -ENOSPC)
		return error_set(r, "make a user namespace: they nest 32 deep", NULL);
	return error_set(r, "make namespaces", "user");
}

/* --- the maker --- */

static int go_to_parent(const struct maker *m)
{
	int r;

	if (m->parent < 0)
		return 0;
	if (setns(m->parent, CLONE_NEWUSER) < 0)
		return error_set(-errno, "join namespace", "user");
	/* Only somebody who is somebody there may make one; and the kernel forgets who ends with whom. */
	r = userns_become_first(m->proc);
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = error_set(-errno, "set the parent-death signal", NULL);
	return r;
}

static int make_user(const struct maker *m, int to_writer)
{
	autoclose int self = -EBADF;
	int r = go_to_parent(m);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWUSER) < 0)
		return user_ns_error(-errno);
	self = openat(m->proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = self < 0 ? -errno : fdpass_send(to_writer, 0, self);
	return r < 0 ? map_error(r) : 0;
}

static int make_user_with_maps(const struct maker *m)
{
	autoclose int to = -EBADF;
	struct writer w;
	int pid = -1, written;
	int r = writer_start(m, &w, &to, &pid);

	if (r < 0)
		return error_set(r, "start who writes the id maps", NULL);
	r = make_user(m, to);
	close_fd(&to);
	written = agent_wait(pid);
	return r ? r : written ? map_error(written) : 0;
}

/* It may be killed with its cgroup at any moment, too. */
static int own_files(const struct maker *m)
{
	int keep[NS_COUNT + 4] = {m->parent, m->user_ns, m->proc, m->to};

	memcpy(keep + 4, m->set.fd, sizeof(m->set.fd));
	if (unshare(CLONE_FILES) < 0)
		return error_set(-errno, "leave the caller's fds", NULL);
	return keep_only(keep, ARRAY_SIZE(keep));
}

static int maker_agent(void *arg)
{
	struct maker *m = arg;
	unsigned int made = m->types | (m->makes_user ? CLONE_NEWUSER : 0);
	int r = own_files(m);

	if (r < 0)
		return r;
	/* What the new one is to be a copy of. */
	if ((m->types & CLONE_NEWUTS) && m->set.fd[NS_UTS] >= 0 &&
	    setns(m->set.fd[NS_UTS], CLONE_NEWUTS) < 0)
		return error_set(-errno, "join namespace", "uts");
	if (m->makes_user)
		r = make_user_with_maps(m);
	else if (m->user_ns >= 0 && setns(m->user_ns, CLONE_NEWUSER) < 0)
		r = error_set(-errno, "join namespace", "user");
	if (r == 0 && m->types && unshare((int)m->types) < 0)
		r = error_set(-errno, "make namespaces", NULL);
	r = r ? r : made_open(m->proc, made, &m->set);
	return r ? r : made_send(m->to, made, &m->set);
}

/* m->proc is closed in any case. */
static int run_maker(struct maker *m, int cgroup, struct ns_set *set)
{
	autoclose int proc = m->proc;
	autoclose int from = -EBADF;
	autoclose int to = -EBADF;
	unsigned int made = m->types | (m->makes_user ? CLONE_NEWUSER : 0);
	int r = proc < 0 ? error_set(proc, "open", "/proc") : made_pair(&from, &to);

	m->to = to;
	m->set = *set;
	/* Nothing but a cgroup namespace has to do with where it is made. */
	if (!(m->types & CLONE_NEWCGROUP))
		cgroup = -EBADF;
	r = r ? r : agent_run_apart(cgroup, maker_agent, m, sizeof(*m));
	return r ? r : made_receive(from, made, set);
}

int userns_make(int parent, const struct userns_maps *maps, int cgroup, unsigned int types,
		struct ns_set *set)
{
	autofree struct maker *m = malloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct maker){
		.parent = parent,
		.user_ns = -EBADF,
		.makes_user = true,
		.proc = userns_open_proc(),
		.types = types,
		.maps = *maps,
	};
	return run_maker(m, cgroup, set);
}

int userns_fill(int user_ns, int cgroup, unsigned int types, struct ns_set *set)
{
	autofree struct maker *m = malloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct maker){
		.parent = -EBADF,
		.user_ns = user_ns,
		.proc = userns_open_proc(),
		.types = types,
	};
	return run_maker(m, cgroup, set);
}

struct reader {
	int user_ns, proc, to;
};

/* Root of that user namespace shall not trace it: its memory is a copy of the caller's. */
static int reader_main(void *arg)
{
	const struct reader *reader = arg;
	const int keep[] = {reader->user_ns, reader->proc, reader->to};
	autoclose int self = -EBADF;
	char byte;
	int r = keep_only(keep, ARRAY_SIZE(keep));

	/* A caller that ends is the end of the socket, whose other end is closed here. */
	if (r < 0)
		return -r;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setns(reader->user_ns, CLONE_NEWUSER) < 0)
		return errno;
	self = openat(reader->proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self < 0 || fdpass_send(reader->to, 0, self) < 0)
		return EIO;
	/* Until it has been looked at. */
	return recv(reader->to, &byte, 1, 0) < 0 ? errno : 0;
}

static int read_of(int dir, struct userns_maps *ret_maps)
{
	char text[KERNEL_MAP_SIZE];

	for (int which = 0; which < 2; which++) {
		ssize_t n = kernel_read_file(dir, map_files[which], text, sizeof(text));
		struct id_map map = {.count = 0};
		int r = n < 0 ? (int)n : 0;

		if (n > 0 && id_map_parse(text, &map))
			r = -EIO;
		r = r ? r : id_map_format(&map, '\n', ret_maps->text[which]);
		if (r < 0)
			return r;
	}
	return 0;
}

int userns_read_maps(int user_ns, struct userns_maps *ret_maps)
{
	autoclose int proc = userns_open_proc();
	autoclose int from = -EBADF;
	autoclose int to = -EBADF;
	autoclose int dir = -EBADF;
	struct reader reader = {user_ns, proc, -EBADF};
	int pid = -1, ended, r = proc < 0 ? proc : made_pair(&from, &to);

	reader.to = to;
	r = r ? r : agent_start(reader_main, &reader, &pid);
	if (r < 0)
		return error_default(r, "read id maps", NULL);
	close_fd(&to);
	r = wait_fd(from, pid, &dir);
	r = r ? r : read_of(dir, ret_maps);
	shutdown(from, SHUT_RDWR);
	close_fd(&from);
	ended = agent_wait(pid);
	r = ended && r == -EPIPE ? ended : r;
	return r < 0 ? error_set(r, "read id maps", NULL) : 0;
}
