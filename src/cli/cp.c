/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cp: which files, and what they are called where they go. Paths in a container are resolved once, in
 * its root, by the library; copy.c goes on from there by fds.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "cleanup.h"
#include "cli.h"
#include "copy.h"
#include "interrupt.h"
#include "verbs.h"

/* One operand: a path of the host, or of a container. */
struct place {
	const char *text; /* as it was given */
	char name[4096];  /* of the container; empty: the host */
	const char *path;
	int container;
	bool is_init; /* the init container, by whatever name */
	struct ids ids;
	struct there there;
};

static void place_init(struct place *p)
{
	*p = (struct place){.container = -EBADF};
	ids_init(&p->ids);
	there_init(&p->there);
}

static void place_close(struct place *p)
{
	close_fd(&p->container);
	ids_free(&p->ids);
	there_close(&p->there);
}
#define autoplace __attribute__((cleanup(place_close)))

static bool is_init(int container)
{
	autoclose int init = container_open_init();
	uint64_t a, b;

	return init >= 0 && container_id(init, &a) == 0 && container_id(container, &b) == 0 &&
	       a == b;
}

/* "NAME:PATH", where NAME may have slashes; "./a:b" and "../a:b" are paths of the host. */
static int place_open(struct place *p, const char *text)
{
	const char *colon = strchr(text, ':');
	bool is_path = strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;

	p->text = p->path = text;
	if (strcmp(text, "-") == 0) {
		cli_usage("cp",
			  "-: a file of this name is ./- (for a stream: container enter NAME cat "
			  "FILE)");
		return -1;
	}
	if (!colon || is_path)
		return 0;
	p->path = colon + 1;
	if (p->path[0] == '\0' || colon == text || (size_t)(colon - text) >= sizeof(p->name)) {
		cli_usage("cp", "not NAME:PATH: %s", text);
		return -1;
	}
	memcpy(p->name, text, (size_t)(colon - text));
	p->name[colon - text] = '\0';
	p->container = cli_open(p->name);
	if (p->container < 0 || ids_load(&p->ids, p->container, p->name) < 0)
		return -1;
	p->is_init = is_init(p->container);
	return there_open(&p->there, p->container, p->name);
}

/* Whether what is there is the host's: it is where others find it, and who made it is trusted. */
static bool is_hosts(const struct place *p)
{
	return !p->name[0] || p->there.is_hosts;
}

static bool is_mapped(const struct place *p)
{
	return p->ids.range[CONTAINER_UID_MAP] || p->ids.range[CONTAINER_GID_MAP];
}

/* "." is that for whoever is in no other: ".:/" and "./" are too easily mistaken for one another. */
static int check_init(const struct place *to)
{
	if (!to->is_init || to->name[strspn(to->name, "/")] == '\0')
		return 0;
	cli_message(NULL, "cp: %s: that is the host itself: name it /:%s if it is meant", to->text,
		    to->path);
	return -1;
}

static int open_at(const struct place *p, const char *path, int flags)
{
	return p->name[0] ? container_openat(p->container, path, flags | O_CLOEXEC, 0)
			  : open(path, flags | O_CLOEXEC);
}

static int fail(const struct place *p)
{
	const struct container_error *error = container_error_last();

	/* The library may know more than what open(2) says: that it has no root yet, for example. */
	if (p->name[0] && error->code == errno && strcmp(error->step, "open") != 0)
		cli_failed(p->text);
	else
		cli_message(NULL, "cp: %s: %s", p->text, strerror(errno));
	return -1;
}

/* Its last component into buf, "." where that does not name an entry; whether slashes came after. */
static bool last_component(const char *path, char buf[COPY_NAME_MAX], size_t *ret_begin)
{
	size_t end = strlen(path), begin, given = end;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/';)
		begin--;
	snprintf(buf, COPY_NAME_MAX, "%.*s", (int)(end - begin), path + begin);
	if (buf[0] == '\0' || strcmp(buf, "..") == 0)
		memcpy(buf, ".", 2);
	*ret_begin = begin;
	return end < given;
}

/* Where a path is to be that is no directory, for the reason in errno: above it, and its name. */
static int open_parent(const struct place *p, bool is_directory, char name[COPY_NAME_MAX])
{
	char parent[4096];
	size_t begin;
	int reason = errno;
	bool slash = last_component(p->path, name, &begin);

	if (strcmp(name, ".") == 0 || (slash && !is_directory) || begin >= sizeof(parent)) {
		errno = begin >= sizeof(parent) ? ENAMETOOLONG : reason;
		return -1;
	}
	memcpy(parent, p->path, begin);
	parent[begin] = '\0';
	return open_at(p, begin ? parent : ".", O_PATH | O_DIRECTORY);
}

/*
 * What an entry of dir leads to; path is the same entry for the library. Nothing is opened. A link of
 * /proc that is no text is as good as what has been opened there: ELOOP.
 */
static int look_at(const struct place *p, int dir, const char *name, const char *path,
		   struct stat *ret_st)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS,
	};
	autoclose int fd = -EBADF;

	if (p->name[0])
		return container_fstatat(p->container, path, ret_st, 0);
	fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
	return fd < 0 ? -1 : fstat(fd, ret_st);
}

/* Where processes have other numbers it leads nowhere for us: /dev/stdout of a container. */
static bool is_own_fd(int dir, const char *name)
{
	static const char fds[] = "/proc/self/fd/";
	char text[sizeof(fds)];

	return readlinkat(dir, name, text, sizeof(text)) == sizeof(text) &&
	       memcmp(text, fds, sizeof(fds) - 1) == 0;
}

/* Streams are not what is meant by a file to be replaced. -1: told. */
static int check_target(const struct place *to, int dir, const char *name, bool is_in_it)
{
	char text[sizeof(to->name) + 4096 + COPY_NAME_MAX];
	struct stat st;
	int r;

	snprintf(text, sizeof(text), "%s%s%s", to->text, is_in_it ? "/" : "", is_in_it ? name : "");
	r = look_at(to, dir, name, text + (to->path - to->text), &st);
	if (r < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return fail(to);
	if (r < 0 ? errno != ELOOP && !is_own_fd(dir, name)
		  : S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return 0;
	cli_message(
		NULL,
		"cp: %s: it is or leads to something else than a regular file or directory, and is "
		"not replaced",
		text);
	return -1;
}

/* -1: told. */
static int copy_one(struct copy *c, const struct place *from, const struct place *to)
{
	autoclose int src = open_at(from, from->path, O_PATH | O_NOFOLLOW);
	autoclose int dir = -EBADF;
	char name[COPY_NAME_MAX];
	bool is_in_it;
	struct stat st;
	size_t begin;

	if (src < 0 || fstat(src, &st) < 0)
		return fail(from);
	last_component(from->path, name, &begin);
	dir = open_at(to, to->path, O_PATH | O_DIRECTORY);
	is_in_it = dir >= 0;
	if (dir < 0 && !c->several && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		dir = open_parent(to, S_ISDIR(st.st_mode), name);
	if (dir < 0)
		return fail(to);
	if (check_target(to, dir, name, is_in_it) < 0)
		return -1;
	copy_tree(c, &src, from->text, dir, name);
	return 0;
}

/*
 * What gives rights, whoever has made it: set-id bits, capabilities, devices. From the host it may go into a
 * container, but devices only if they could be made in there as well.
 */
static void refuse_special(struct copy *c, const struct place *from, const struct place *to,
			   bool special)
{
	bool inward = is_hosts(from) && !is_mapped(from) && !is_hosts(to);
	bool inside = from->name[0] && strcmp(from->name, to->name) == 0 && !is_hosts(to);

	c->no_set_id = !special && !inward && !inside;
	c->no_devices = c->no_set_id || (!special && !inside && is_mapped(to));
}

/* -1: told. before: where the last one was from; it gets this one. */
static int copy_from(struct copy *c, const char *source, const struct place *to, bool special,
		     char before[])
{
	autoplace struct place from;
	int r;

	place_init(&from);
	if (place_open(&from, source) < 0)
		return -1;
	if (!from.name[0] && !to->name[0]) {
		cli_usage("cp", "neither is in a container: %s, %s", source, to->text);
		return -1;
	}
	if (strcmp(before, from.name) != 0)
		made_forget_links(&c->made);
	memcpy(before, from.name, sizeof(from.name));
	c->from = &from.ids;
	refuse_special(c, &from, to, special);
	r = copy_one(c, &from, to);
	c->from = NULL;
	return r;
}

/* All operands but the last go there. */
static int copy_all(char **operands, int count, bool special)
{
	autoplace struct place to;
	autocopy struct copy c = {.status = 0};
	char before[sizeof(to.name)] = "";

	place_init(&to);
	if (place_open(&to, operands[count - 1]) < 0 || check_init(&to) < 0 ||
	    copy_init(&c, &to.ids, &to.there, count > 2) < 0)
		return EXIT_FAILED;
	for (int i = 0; i < count - 1 && !interrupt_pending(); i++)
		if (copy_from(&c, operands[i], &to, special, before) < 0)
			c.status = EXIT_FAILED;
	if (c.owners_lost)
		cli_message(NULL, "cp: owners that have no number on the other side are %d now",
			    IDS_NOBODY);
	if (c.set_id_lost)
		cli_message(NULL,
			    "cp: set-id bits and capabilities are left out (--special keeps them)");
	return c.status;
}

int verb_cp(int argc, char **argv)
{
	static const struct option longs[] = {{"archive", no_argument, NULL, 'a'},
					      {"special", no_argument, NULL, 's'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	bool special = false;
	int c, status;

	while ((c = cli_option("cp", argc, argv, ":ha", longs)) != -1)
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		else if (c == 's')
			special = true;
	if (argc - optind < 2)
		return cli_usage("cp", "SOURCE... and TARGET");
	/* A file deep in a tree has two of them for each directory above it. */
	cli_allow_fds();
	interrupt_catch();
	status = copy_all(argv + optind, argc - optind, special);
	interrupt_end();
	return status;
}
