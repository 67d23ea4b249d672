/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Three passes: the records of the hierarchy itself; the containers, by the table of records (record.h),
 * which also tells which identities there are; and all that is named by an identity, elsewhere: links in
 * held/ and adopted/, cgroups, pins. Whose identity no container has, is nobody's.
 *
 * The third is sure only if nobody works meanwhile: it needs the set-up lock, exclusively. A look without
 * it leaves out what an operation may have half done.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "cgroup.h"
#include "cleanup.h"
#include "dir.h"
#include "error.h"
#include "hierarchy.h"
#include "kernel.h"
#include "kill.h"
#include "object.h"
#include "reap.h"
#include "record.h"
#include "vault.h"

/* An identity that a container has. */
struct known {
	uint64_t id;
	char *path; /* of its record */
	bool is_own, transient, adopted;
};

struct check {
	struct hierarchy h;
	bool repair, alone;
	bool changed_names; /* a copy has been found: what is whose is not known */
	int (*fn)(const struct container_problem *, void *);
	void *arg;
	struct known *known;
	size_t count, room;
};

/* "DIR/NAME". */
static void path_of(int dir, const char *name, char path[PATH_SIZE + NAME_SIZE])
{
	size_t len;

	if (kernel_fd_path(dir, path, PATH_SIZE) < 0)
		path[0] = '\0';
	len = strlen(path);
	text_append(path, PATH_SIZE + NAME_SIZE, &len, "/");
	text_append(path, PATH_SIZE + NAME_SIZE, &len, name);
}

/* remedy: what is left to do, or "" if it is mended. */
static int tell(struct check *c, int dir, const char *name, const char *text, const char *remedy)
{
	char path[PATH_SIZE + NAME_SIZE];
	const struct container_problem problem = {
		.size = sizeof(problem),
		.path = path,
		.text = text,
		.remedy = remedy,
		.mended = remedy[0] == '\0',
	};

	path_of(dir, name, path);
	return c->fn(&problem, c->arg);
}

#define BY_REPAIR "container check --repair"
#define BY_REMOVAL "container rm -r -f"

/* What was done about it, or could be. r: of the doing, if it was asked for. */
static int tell_mended(struct check *c, int dir, const char *name, const char *text, int r,
		       const char *otherwise)
{
	return tell(c, dir, name, text, !c->repair ? BY_REPAIR : r < 0 ? otherwise : "");
}

static int remove_any(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EISDIR || errno == EPERM ? reap_remove_tree(dir, name) : -errno;
}

static int tell_stray(struct check *c, int dir, const char *name)
{
	return tell_mended(c, dir, name, "it is none of ours",
			   c->repair ? remove_any(dir, name) : 0, "remove it");
}

/* Once more for each entry: fn returns what tell() does. */
static int for_entries(struct check *c, int dir,
		       int (*fn)(struct check *c, int dir, const struct dirent *entry))
{
	autodir DIR *entries = NULL;
	struct dirent *entry;
	int told, r = dir_open(dir, ".", &entries);

	while ((entry = dir_next_entry(entries, &r))) {
		told = fn(c, dir, entry);
		if (told != 0)
			return told;
	}
	return r;
}

/* --- the hierarchy's own records --- */

static int check_record(struct check *c, const struct hierarchy_record *k)
{
	char text[PATH_SIZE];
	ssize_t n = kernel_readlink(c->h.dir, k->name, text, sizeof(text));
	int r = 0;

	if (n == -ENOENT && k->may_lack)
		return 0;
	if (n >= 0 && (!k->check || k->check(&c->h, text) == 0))
		return 0;
	if (n < 0 && !object_lacks_record(n))
		return (int)n;
	if (c->repair) {
		r = remove_any(c->h.dir, k->name);
		r = r == 0 && k->make ? k->make(&c->h) : r;
	}
	return tell_mended(c, c->h.dir, k->name, n == -ENOENT ? "it is missing" : "it is damaged",
			   r, "remove the state directory when nothing runs any more");
}

static int check_records(struct check *c)
{
	int told = 0;

	for (const struct hierarchy_record *k = hierarchy_records; told == 0 && k->name; k++)
		told = check_record(c, k);
	return told;
}

/* Directories that are root's alone, as locks need. */
static const char *const closed[] = {"limbo", "held", "lists"};

static int check_directories(struct check *c)
{
	struct stat st;
	int told = 0;

	for (size_t i = 0; told == 0 && i < ARRAY_SIZE(closed); i++) {
		int r = 0;

		if (fstatat(c->h.dir, closed[i], &st, AT_SYMLINK_NOFOLLOW) < 0 && i == 2)
			continue;
		if (errno == ENOENT || !S_ISDIR(st.st_mode)) {
			if (c->repair) {
				r = remove_any(c->h.dir, closed[i]);
				r = r == 0 && mkdirat(c->h.dir, closed[i], 0700) < 0 ? -errno : r;
			}
			told = tell_mended(c, c->h.dir, closed[i], "it is no directory", r, "");
		} else if (st.st_mode & 077) {
			if (c->repair && fchmodat(c->h.dir, closed[i], 0700, 0) < 0)
				r = -errno;
			told = tell_mended(c, c->h.dir, closed[i],
					   "others can look into it, and lock what is in it", r,
					   "chmod 700");
		}
		errno = 0;
	}
	return told;
}

static bool is_of_hierarchy(const char *name)
{
	static const char *const others[] = {"tree",	"limbo", "held",   "lists",
					     "adopted", "lock",	 "cradle", "ids"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(name, others[i]) == 0)
			return true;
	for (const struct hierarchy_record *k = hierarchy_records; k->name; k++)
		if (strcmp(name, k->name) == 0)
			return true;
	return strncmp(name, RECORD_NEW, strlen(RECORD_NEW)) == 0;
}

/* The directory may have been somebody else's before: what is not ours there is not removed. */
static int check_top_entry(struct check *c, int dir, const struct dirent *entry)
{
	return is_of_hierarchy(entry->d_name)
		       ? 0
		       : tell(c, dir, entry->d_name, "it is none of ours", "remove it");
}

/* --- containers --- */

static int grow(struct check *c)
{
	size_t room = c->room ? 2 * c->room : 64;
	struct known *grown;

	if (c->count < c->room)
		return 0;
	grown = realloc(c->known, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->known = grown;
	c->room = room;
	return 0;
}

static int add_known(struct check *c, int dir, const struct spec *spec)
{
	char path[PATH_SIZE + NAME_SIZE];
	struct stat st;
	int r = grow(c);

	if (r == 0 && fstat(dir, &st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	path_of(dir, OBJECT_SPEC, path);
	c->known[c->count] = (struct known){.id = spec->id,
					    .path = strdup(path),
					    .is_own = spec->inode == st.st_ino,
					    .transient = spec->transient,
					    .adopted = spec->adopted};
	return c->known[c->count].path ? (int)(c->count++, 0) : -ENOMEM;
}

static int mend_record(struct check *c, int dir, const struct record_kind *k)
{
	static const struct container_access closed_to_all = {.size = sizeof(closed_to_all),
							      .mode = 0700};
	int r = remove_any(dir, k->name);

	(void)c;
	return r == 0 && k->remedy == RECORD_CLOSED ? access_store(dir, &closed_to_all) : r;
}

static int tell_damaged(struct check *c, int dir, const struct record_kind *k)
{
	static const char *const by_hand[] = {
		[RECORD_REMOVES] = BY_REMOVAL " removes the container",
		[RECORD_BY_HAND] = "remove it, and set anew what it said; or " BY_REMOVAL,
	};
	char text[96] = "it is damaged, and not known is ";
	size_t len = strlen(text);
	int r = 0;

	text_append(text, sizeof(text), &len, k->lost);
	if (by_hand[k->remedy])
		return tell(c, dir, k->name, text, by_hand[k->remedy]);
	if (c->repair)
		r = mend_record(c, dir, k);
	return tell_mended(c, dir, k->name, text, r, "remove it");
}

static bool is_sound(int dir, const struct record_kind *k)
{
	char text[PATH_SIZE];
	ssize_t n = kernel_readlink(dir, k->name, text, sizeof(text));

	/* Gone meanwhile. */
	return n == -ENOENT || (n >= 0 && k->check(text) == 0);
}

/* What is left of a killed operation is the next one's to take, unless it cannot. */
static bool is_leftover(const struct dirent *entry)
{
	return strncmp(entry->d_name, RECORD_NEW, strlen(RECORD_NEW)) == 0 &&
	       entry->d_type != DT_DIR;
}

static bool is_nested(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && !name_error(entry->d_name, strlen(entry->d_name));
}

static int check_entry(struct check *c, int dir, const struct dirent *entry)
{
	const struct record_kind *k = record_kind_of(entry->d_name);

	if (is_nested(entry) || is_leftover(entry))
		return 0;
	if (!k)
		return tell_stray(c, dir, entry->d_name);
	/* Told already, with its directory. */
	if (strcmp(k->name, OBJECT_SPEC) == 0 || is_sound(dir, k))
		return 0;
	return tell_damaged(c, dir, k);
}

/* A damaged record is told by itself. */
static int check_shown(struct check *c, int dir)
{
	struct container_access access;

	if (access_load(dir, &access) < 0 || access_is_shown(dir, &access))
		return 0;
	return tell_mended(c, dir, ".", "the directory is not shown as its owner and mode say",
			   c->repair ? access_show(dir, &access) : 0, "chmod 700");
}

static int check_mode(struct check *c, int dir, const struct spec *spec)
{
	struct stat st;
	int r = 0;

	if (fstat(dir, &st) < 0)
		return -errno;
	if (!spec->transient)
		return check_shown(c, dir);
	if ((st.st_mode & 077) == 0)
		return 0;
	if (c->repair && fchmod(dir, 0700) < 0)
		r = -errno;
	return tell_mended(c, dir, ".", "others can look into it, and lock it", r, "chmod 700");
}

static int check_below(struct check *c, int dir, const struct spec *spec);

/* above: id 0 if its record is damaged. */
static int check_container(struct check *c, int above_dir, const char *name,
			   const struct spec *above)
{
	autoclose int dir =
		openat(above_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct spec spec;
	struct stat st;
	int told = 0, r;

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = object_load(dir, &spec);
	/* Renamed or removed meanwhile, it is found again, or gone. */
	if (r == -ENOENT && fstatat(above_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (r == 0 && above->id && !spec_is_nested_in(&spec, above))
		r = -EUCLEAN;
	if (r < 0) {
		spec = (struct spec){0};
		told = tell_damaged(c, dir, record_kind_of(OBJECT_SPEC));
	} else {
		r = add_known(c, dir, &spec);
		told = r ? r : check_mode(c, dir, &spec);
	}
	return told ? told : check_below(c, dir, &spec);
}

static int check_below(struct check *c, int dir, const struct spec *spec)
{
	autodir DIR *children = NULL;
	const char *name;
	int told = for_entries(c, dir, check_entry), r = 0;

	r = told ? told : dir_open(dir, ".", &children);
	while ((name = object_next_child(children, &r))) {
		told = check_container(c, dir, name, spec);
		if (told != 0)
			return told;
	}
	return r;
}

static int check_tree(struct check *c)
{
	autoclose int root = hierarchy_open_root(&c->h);
	struct spec spec = {0};
	int r = root < 0 ? root : object_load(root, &spec), told = 0;

	if (root < 0)
		return tell(c, c->h.dir, "tree", "it is no directory",
			    "remove the state directory when nothing runs any more");
	if (r < 0 || spec.cgroup[0]) {
		r = 0;
		if (c->repair)
			r = remove_any(root, OBJECT_SPEC);
		if (c->repair && r == 0)
			r = hierarchy_make_root(&c->h);
		told = tell_mended(c, root, OBJECT_SPEC, "the init container's record is damaged",
				   r, "remove the state directory when nothing runs any more");
		if (told == 0 && c->repair)
			object_load(root, &spec);
	}
	r = told ? told : spec.id ? add_known(c, root, &spec) : 0;
	return r ? r : check_below(c, root, &spec);
}

/* --- who is who --- */

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	/* The one that the record was written for first. */
	return y->is_own - x->is_own;
}

static const struct known *find_known(const struct check *c, uint64_t id)
{
	const struct known key = {.id = id};

	for (size_t low = 0, high = c->count; low < high;) {
		size_t middle = (low + high) / 2;

		if (c->known[middle].id == key.id)
			return &c->known[middle];
		if (c->known[middle].id < key.id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int tell_copy(struct check *c, const struct known *one, const struct known *of)
{
	const struct container_problem problem = {
		.size = sizeof(problem),
		.path = one->path,
		.text = "another container has the same identity: it is a copy",
		.remedy = BY_REMOVAL " removes it, and nothing of the other",
	};

	(void)of;
	c->changed_names = true;
	return c->fn(&problem, c->arg);
}

static int check_copies(struct check *c)
{
	int told = 0;

	qsort(c->known, c->count, sizeof(*c->known), compare_known);
	for (size_t i = 1; told == 0 && i < c->count; i++) {
		const struct known *first = &c->known[i - 1], *second = &c->known[i];

		if (first->id != second->id)
			continue;
		/* If neither is known to be the one, both are told. */
		if (!first->is_own && (i < 2 || c->known[i - 2].id != first->id))
			told = tell_copy(c, first, second);
		told = told ? told : tell_copy(c, second, first);
	}
	return told;
}

/* --- what is named by an identity --- */

static bool parse_whole_id(const char *name, uint64_t *ret_id)
{
	return text_parse_id(name, ret_id) > 0 && strlen(name) == ID_TEXT_SIZE - 1;
}

/* Being made or removed: somebody's. */
static bool is_in_limbo(const struct check *c, uint64_t id)
{
	char path[sizeof("limbo/") + ID_TEXT_SIZE] = "limbo/";

	text_format_id(id, path + strlen(path));
	return faccessat(c->h.dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int check_held(struct check *c, int dir, const struct dirent *entry)
{
	const struct known *known;
	uint64_t id;

	if (is_leftover(entry))
		return 0;
	if (!parse_whole_id(entry->d_name, &id) || entry->d_type != DT_LNK)
		return tell_stray(c, dir, entry->d_name);
	known = find_known(c, id);
	if (!c->alone || (known && known->transient) || (!known && is_in_limbo(c, id)))
		return 0;
	return tell_mended(c, dir, entry->d_name,
			   known ? "its container does not end with its creator's fd"
				 : "it is of no container",
			   c->repair ? remove_any(dir, entry->d_name) : 0, "remove it");
}

static int check_adopted(struct check *c, int dir, const struct dirent *entry)
{
	char path[PATH_SIZE];
	const struct known *known;
	uint64_t id;
	ssize_t n;

	if (is_leftover(entry))
		return 0;
	if (!parse_whole_id(entry->d_name, &id))
		return tell_stray(c, dir, entry->d_name);
	known = find_known(c, id);
	n = kernel_readlink(dir, entry->d_name, path, sizeof(path));
	if (n == -ENOENT)
		return 0;
	if (known && known->adopted && (n < 0 || !object_is_adopted_path(path)))
		return tell(c, dir, entry->d_name,
			    "it is damaged, and not known is where the cgroup of its container is",
			    "put the path of the cgroup there; or " BY_REMOVAL);
	if (known || !c->alone || is_in_limbo(c, id))
		return 0;
	return tell_mended(c, dir, entry->d_name, "it is of no container",
			   c->repair ? remove_any(dir, entry->d_name) : 0, "remove it");
}

static int check_limbo(struct check *c, int dir, const struct dirent *entry)
{
	uint64_t id;

	if (parse_whole_id(entry->d_name, &id) && entry->d_type == DT_DIR)
		return 0;
	return tell_stray(c, dir, entry->d_name);
}

/* ID, or ID.PID while it is written. */
static int check_list(struct check *c, int dir, const struct dirent *entry)
{
	uint64_t id;

	if (text_parse_id(entry->d_name, &id) > 0 && entry->d_type == DT_REG)
		return 0;
	return tell_stray(c, dir, entry->d_name);
}

/* Who has a range of ids, or shares in one. */
static int check_range_entry(struct check *c, int dir, const struct dirent *entry)
{
	uint64_t id;

	if (parse_whole_id(entry->d_name, &id) &&
	    (!c->alone || find_known(c, id) || is_in_limbo(c, id)))
		return 0;
	return tell_stray(c, dir, entry->d_name);
}

/* "N", or "@ID" while it is taken; and "@seen". */
static int check_range(struct check *c, int dir, const struct dirent *entry)
{
	autoclose int range = -EBADF;
	uint64_t number;

	if (strcmp(entry->d_name, "@seen") == 0)
		return 0;
	if (entry->d_type != DT_DIR ||
	    (text_parse_whole_u64(entry->d_name, UINT32_MAX, &number) < 0 &&
	     (entry->d_name[0] != '@' || !parse_whole_id(entry->d_name + 1, &number))))
		return tell_stray(c, dir, entry->d_name);
	range = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return range < 0 ? 0 : for_entries(c, range, check_range_entry);
}

/* Its chain is its path below the hierarchy's. */
static int kill_cgroup(struct check *c, int parent, const char *name)
{
	autoclose int cgroup = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char top[PATH_SIZE], path[PATH_SIZE];
	struct spec spec = {0};
	size_t len;
	int r = cgroup < 0 ? -errno : 0;

	if (r < 0 || kernel_fd_path(c->h.cgroup, top, sizeof(top)) < 0 ||
	    kernel_fd_path(cgroup, path, sizeof(path)) < 0)
		return r ? r : -EIO;
	len = strlen(top);
	if (strncmp(path, top, len) != 0 || path[len] != '/' ||
	    strlen(path + len) >= SPEC_CGROUP_SIZE)
		return -EXDEV;
	memcpy(spec.cgroup, path + len, strlen(path + len) + 1);
	r = kill_all(&c->h, &spec, cgroup, KILL_TIMEOUT);
	return r ? r : cgroup_remove(parent, name);
}

static int check_cgroups_below(struct check *c, int cgroup);

static int check_cgroup(struct check *c, int dir, const struct dirent *entry)
{
	autoclose int nested = -EBADF;
	uint64_t id;

	if (entry->d_type != DT_DIR || !parse_whole_id(entry->d_name, &id))
		return 0;
	if (!find_known(c, id) && !is_in_limbo(c, id))
		return tell_mended(c, dir, entry->d_name, "it is the cgroup of no container",
				   c->repair ? kill_cgroup(c, dir, entry->d_name) : 0,
				   "end the tasks in it");
	nested = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return nested < 0 ? 0 : check_cgroups_below(c, nested);
}

static int check_cgroups_below(struct check *c, int cgroup)
{
	return for_entries(c, cgroup, check_cgroup);
}

static int check_cgroups(struct check *c)
{
	autoclose int top = openat(c->h.cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return top < 0 ? -errno : check_cgroups_below(c, top);
}

/* A line for each, of which the id is the beginning. */
static int check_pins(struct check *c)
{
	autofree char *list = NULL;
	uint64_t id, last = 0;
	int told = 0, r = vault_list(c->h.cradle, &list);

	for (const char *s = list; r == 0 && told == 0 && *s; s += strcspn(s, "\n") + 1) {
		if (text_parse_id(s, &id) < 0)
			continue;
		id &= ~SPEC_SECOND;
		if (id == last || find_known(c, id) || is_in_limbo(c, id))
			continue;
		last = id;
		told = tell_mended(c, c->h.dir, "cradle",
				   "the namespaces of a container that is no more are pinned there",
				   c->repair ? vault_unpin_all(c->h.cradle, id) : 0, "");
	}
	return r ? r : told;
}

/* --- all --- */

static int check_dir(struct check *c, const char *name,
		     int (*fn)(struct check *c, int dir, const struct dirent *entry))
{
	autoclose int dir = openat(c->h.dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	return for_entries(c, dir, fn);
}

static int check_named(struct check *c)
{
	int r = check_dir(c, "limbo", check_limbo);

	r = r ? r : check_dir(c, "lists", check_list);
	r = r ? r : check_dir(c, "held", check_held);
	r = r ? r : check_dir(c, "adopted", check_adopted);
	r = r ? r : check_dir(c, "ids", check_range);
	/* Without knowing who is there, or with others at work, all that is left may be somebody's. */
	if (r != 0 || !c->alone)
		return r;
	if (hierarchy_open_cgroup(&c->h) == 0)
		r = check_cgroups(c);
	error_clear();
	return r ? r : check_pins(c);
}

static int check_all(struct check *c)
{
	int r = check_dir(c, ".", check_top_entry);

	r = r ? r : check_directories(c);
	r = r ? r : check_tree(c);
	/* After the init container's, whose id is in the name of the cgroup. */
	r = r ? r : check_records(c);
	r = r ? r : check_copies(c);
	return r ? r : check_named(c);
}

int check_state(unsigned int flags, int (*fn)(const struct container_problem *, void *), void *arg)
{
	struct check c = {.repair = flags & CONTAINER_CHECK_REPAIR, .fn = fn, .arg = arg};
	int r;

	if (flags & ~(unsigned int)CONTAINER_CHECK_REPAIR)
		return error_set(-EINVAL, "unknown flags", NULL);
	r = hierarchy_open_to_check(&c.h, c.repair, &c.alone);
	if (r == 0 && c.repair && !c.alone)
		r = error_set(-EBUSY, "another operation is under way", NULL);
	r = r ? r : check_all(&c);
	for (size_t i = 0; i < c.count; i++)
		free(c.known[i].path);
	free(c.known);
	hierarchy_close(&c.h);
	return r;
}
