/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "mountinfo.h"
#include "name.h"
#include "text.h"

/* clang-format off */
static const char *const types[] = {
	"ext2", "ext3", "ext4",	 "xfs",	 "btrfs", "f2fs", "bcachefs", "zfs", "jfs", "reiserfs",
	"vfat", "exfat", "ntfs3", "erofs", "9p",  "virtiofs", "nfs",   "nfs4", "cifs", "ceph",
};
/* clang-format on */

static const char *const left_out[] = {"dev", "proc", "run", "sys", "tmp"};

/* A line of the mount table. */
struct candidate {
	const char *path; /* without its '/' */
	dev_t dev;
	bool is_covered, is_overlay;
};

/* What is to be covered: pointers to texts that somebody else has. */
struct points {
	const char **at;
	size_t count;
};

static bool is_covered_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

static bool is_covered_path(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
		size_t len = strlen(left_out[i]);

		if (strncmp(path, left_out[i], len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return false;
	}
	return path[0] != '\0';
}

/* Takes the table apart where it is. Returns how many lines there are; the last of "/" is *ret_root. */
static size_t read_candidates(char *text, struct candidate *all, const struct candidate **ret_root)
{
	size_t count = 0;

	*ret_root = NULL;
	for (char *line = text, *next; line; line = next) {
		struct candidate *c = &all[count];
		struct container_mount m;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (mountinfo_parse(line, &m) < 0 || m.target[0] != '/')
			continue;
		c->path = m.target + 1;
		c->dev = m.dev;
		c->is_covered = is_covered_type(m.type);
		c->is_overlay = strcmp(m.type, "overlay") == 0;
		if (c->path[0] == '\0')
			*ret_root = c;
		count++;
	}
	return count;
}

/*
 * Whatever its type, a part of the root's file system that is mounted once more is there below that mount as
 * well, but without what that mount forbids. Where the root is an overlay, others are a view's.
 */
static bool is_covered(const struct candidate *c, const struct candidate *root)
{
	bool covered = c->is_covered ||
		       (root && (c->dev == root->dev || (root->is_overlay && c->is_overlay)));

	return covered && is_covered_path(c->path);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that what is mounted below another comes behind that. */
static void sort_points(struct points *p)
{
	size_t kept = 0;

	qsort(p->at, p->count, sizeof(*p->at), compare);
	for (size_t i = 0; i < p->count; i++)
		if (kept == 0 || strcmp(p->at[kept - 1], p->at[i]) != 0)
			p->at[kept++] = p->at[i];
	p->count = kept;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static int points_from_table(char *text, struct points *p)
{
	size_t lines = count_lines(text), count;
	autofree struct candidate *all = malloc(lines * sizeof(*all));
	const struct candidate *root;

	p->at = malloc(lines * sizeof(*p->at));
	if (!all || !p->at)
		return -ENOMEM;
	count = read_candidates(text, all, &root);
	for (size_t i = 0; i < count; i++)
		if (is_covered(&all[i], root))
			p->at[p->count++] = all[i].path;
	sort_points(p);
	return 0;
}

struct table_call {
	int mount_ns, proc;
	int fd; /* result */
};

static int table_agent(void *arg)
{
	struct table_call *c = arg;

	if (setns(c->mount_ns, CLONE_NEWNS) < 0)
		return -errno;
	c->fd = openat(c->proc, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	return c->fd < 0 ? -errno : 0;
}

static int open_table(int mount_ns)
{
	autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct table_call call = {mount_ns, proc, -EBADF};
	int r = proc < 0 ? -errno : 0;

	if (r == 0 && mount_ns < 0) {
		call.fd = openat(proc, "thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
		return call.fd < 0 ? -errno : call.fd;
	}
	r = r ? r : agent_run_thread(table_agent, &call);
	return r < 0 ? r : call.fd;
}

/* The whole of it. */
static int read_table(int mount_ns, char **ret_text)
{
	autofree char *text = NULL;
	autofile FILE *f = NULL;
	size_t room = 0;
	int fd = open_table(mount_ns);

	if (fd < 0)
		return fd;
	f = fdopen(fd, "re");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	if (getdelim(&text, &room, '\0', f) < 0 || ferror(f))
		return -EIO;
	*ret_text = text;
	text = NULL;
	return 0;
}

/*
 * Reading mountinfo takes as long as a tenth of a container's life on a small table, and longer than
 * all of it on a large one. Since Linux 6.8 the ids of all mounts are to be had in a moment, and an
 * id is never used twice: the list is kept with a hash of the ids it was made from, in the link
 * STATE/mounts, and made again when they have changed.
 */
#define IDS_AT_ONCE 4096
#define HASH_START 0xcbf29ce484222325u /* FNV-1a */
#define HASH_FACTOR 0x100000001b3u
#ifndef SYS_listmount
#define SYS_listmount 458
#endif

struct mount_ids_request {
	uint32_t size, spare;
	uint64_t mount, after;
};

static int hash_mounts(uint64_t *ret_hash)
{
	struct mount_ids_request request = {.size = sizeof(request), .mount = UINT64_MAX};
	autofree uint64_t *ids = malloc(IDS_AT_ONCE * sizeof(*ids));
	uint64_t hash = HASH_START;
	long n;

	if (!ids)
		return -ENOMEM;
	do {
		n = syscall(SYS_listmount, &request, ids, IDS_AT_ONCE, 0);
		if (n < 0)
			return -errno;
		for (long i = 0; i < n; i++)
			hash = (hash ^ ids[i]) * HASH_FACTOR;
		request.after = n ? ids[n - 1] : 0;
	} while (n == IDS_AT_ONCE);
	*ret_hash = hash;
	return 0;
}

/* "HASH" and ":POINT" for each. Cuts text, which the points are of. */
static int points_from_cache(int state_dir, uint64_t hash, char text[PATH_SIZE], struct points *p)
{
	uint64_t cached;
	size_t count = 0;

	if (kernel_readlink(state_dir, "mounts", text, PATH_SIZE) < 0 ||
	    text_parse_id(text, &cached) < 0 || cached != hash)
		return 0;
	for (const char *s = text; *s; s++)
		count += *s == ':';
	p->at = malloc((count + 1) * sizeof(*p->at));
	if (!p->at)
		return -ENOMEM;
	for (char *s = strchr(text, ':'); s; s = strchr(s, ':')) {
		*s++ = '\0';
		p->at[p->count++] = s;
	}
	return 1;
}

static void points_to_cache(const struct points *p, int state_dir, uint64_t hash)
{
	char text[PATH_SIZE];
	size_t len = ID_TEXT_SIZE - 1;

	text_format_id(hash, text);
	for (size_t i = 0; i < p->count; i++)
		if (strchr(p->at[i], ':') || text_append(text, sizeof(text), &len, ":") < 0 ||
		    text_append(text, sizeof(text), &len, p->at[i]) < 0)
			return;
	/* Without it the next one takes longer, and nothing else. */
	kernel_replace_link(state_dir, "mounts", text);
}

/* In one block: the array, then the texts. */
static int plan_points(const struct points *p, char **ret_memory, struct root_plan *plan)
{
	size_t bytes = p->count * sizeof(struct view_mount);
	char *memory, *text;

	for (size_t i = 0; i < p->count; i++)
		bytes += strlen(p->at[i]) + 1;
	memory = malloc(bytes + 1);
	if (!memory)
		return -ENOMEM;
	plan->mounts = (struct view_mount *)memory;
	plan->mount_count = p->count;
	text = (char *)(plan->mounts + p->count);
	for (size_t i = 0; i < p->count; i++) {
		plan->mounts[i] = (struct view_mount){text, -EBADF};
		text = stpcpy(text, p->at[i]) + 1;
	}
	*ret_memory = memory;
	return 0;
}

/* The cache is of the caller's table, which is the init container's. */
int view_list_mounts(int state_dir, int mount_ns, char **ret_memory, struct root_plan *plan)
{
	autofree char *table = NULL;
	autofree const char **at = NULL;
	char cached[PATH_SIZE];
	struct points p = {0};
	uint64_t hash = 0;
	bool hashed = mount_ns < 0 && hash_mounts(&hash) == 0;
	int r = hashed ? points_from_cache(state_dir, hash, cached, &p) : 0;

	if (r == 0) {
		r = read_table(mount_ns, &table);
		r = r ? r : points_from_table(table, &p);
		if (r == 0 && hashed)
			points_to_cache(&p, state_dir, hash);
	}
	at = p.at;
	(void)at;
	r = r < 0 ? r : plan_points(&p, ret_memory, plan);
	return r < 0 ? error_set(r, "list what is mounted", "/proc/self/mountinfo") : 0;
}
