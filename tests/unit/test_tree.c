/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of names: random operations on the real library and on a naive model of it, which must
 * agree in every result, every errno and, as container_walk() tells it, in the whole tree.
 *
 *   /                 names are few, so that they collide; fds are held over renames and removals of
 *   ├── a             what they are of and of what is above it; some containers end with their fd
 *   │   ├── db        (KILL_ON_CLOSE); paths have odd slashes, names that are not there, and names
 *   │   └── web       that cannot be.
 *   └── container_2
 */
#include <containerfs/container.h>

#include <sched.h>

#include "chance.h"
#include "private_tree.h"

#define DEPTH 5
#define MANY 70 /* containers; from here on more are removed than made */
#define HELD 40

/* A container as the model has it; never freed, since fds outlive it. */
struct node {
	struct node *parent, *next;
	char name[256];
	bool alive, transient;
	unsigned int own;
	uint64_t id; /* as first told by a walk */
	bool seen;
};

struct held {
	int fd;
	struct node *node;
	bool ends_it; /* the fd that a KILL_ON_CLOSE container was made with */
};

struct world {
	struct chance c;
	struct node root, *all;
	struct held held[HELD];
	size_t held_count, alive;
	long step;
	char log[24][400];
	size_t logged;
	long ok, refused;
};

__attribute__((format(printf, 2, 3))) static void note(struct world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->log[w->logged++ % 24], sizeof(w->log[0]), format, args);
	va_end(args);
}

static void disagree(struct world *w, const char *what)
{
	size_t from = w->logged > 24 ? w->logged - 24 : 0;

	for (size_t i = from; i < w->logged; i++)
		print_error("# %s\n", w->log[i % 24]);
	fail_msg("step %ld: %s (error record: %s: %s)", w->step, what,
		 container_error_last()->object, container_error_last()->step);
}

/* got: what the library returned, with errno; wanted: 0 or -errno by the model. */
static void agree(struct world *w, long got, int wanted)
{
	int result = got < 0 ? -errno : 0;
	char text[128];

	if (result == wanted) {
		w->ok += wanted == 0;
		w->refused += wanted != 0;
		if (result < 0 && container_error_last()->code != -result)
			disagree(w, "the error record has another errno");
		return;
	}
	snprintf(text, sizeof(text), "returned %s, the model says %s",
		 result ? strerrorname_np(-result) : "success",
		 wanted ? strerrorname_np(-wanted) : "success");
	disagree(w, text);
}

/* The model. */

static bool name_ok(const char *name)
{
	return container_name_error(name) == NULL; /* has a test of its own */
}

static struct node *child_of(struct world *w, const struct node *parent, const char *name)
{
	for (struct node *n = w->all; n; n = n->next)
		if (n->alive && n->parent == parent && strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

static bool has_nested(struct world *w, const struct node *parent)
{
	for (struct node *n = w->all; n; n = n->next)
		if (n->alive && n->parent == parent)
			return true;
	return false;
}

static void die(struct world *w, struct node *node)
{
	if (!node->alive)
		return;
	for (struct node *n = w->all; n; n = n->next)
		if (n->parent == node)
			die(w, n);
	node->alive = false;
	w->alive--;
}

static size_t depth_of(const struct node *n)
{
	return n->parent ? depth_of(n->parent) + 1 : 0;
}

static void path_of(const struct node *n, char *buf)
{
	if (!n->parent) {
		buf[0] = '\0';
		return;
	}
	path_of(n->parent, buf);
	strcat(strcat(buf, "/"), n->name);
}

static int resolve(struct world *w, const char *path, struct node **ret_node)
{
	struct node *at = &w->root;
	char copy[4096], *saved, *part;

	*ret_node = at;
	if (strcmp(path, ".") == 0)
		return 0;
	strcpy(copy, path);
	for (part = strtok_r(copy, "/", &saved); part; part = strtok_r(NULL, "/", &saved)) {
		if (!name_ok(part))
			return -EINVAL;
		at = child_of(w, at, part);
		if (!at)
			return -ENOENT;
	}
	*ret_node = at;
	return 0;
}

static struct node *add(struct world *w, struct node *parent, const char *name, unsigned int flags)
{
	static const struct {
		unsigned int create, clone;
	} types[] = {
		{CONTAINER_NEW_EMPTY_FS_NS, CLONE_NEWNS},
		{CONTAINER_NEW_CGROUP_NS, CLONE_NEWCGROUP},
		{CONTAINER_NEW_UTS_NS, CLONE_NEWUTS},
		{CONTAINER_NEW_IPC_NS, CLONE_NEWIPC},
		{CONTAINER_NEW_PID_NS, CLONE_NEWPID},
	};
	struct node *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->parent = parent;
	strcpy(n->name, name);
	n->alive = true;
	n->transient = flags & CONTAINER_KILL_ON_CLOSE;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (flags & types[i].create)
			n->own |= types[i].clone;
	n->next = w->all;
	w->all = n;
	w->alive++;
	return n;
}

/* Random arguments. */

static struct node *random_node(struct world *w)
{
	size_t k = chance_below(&w->c, w->alive + 1);

	for (struct node *n = w->all; n; n = n->next)
		if (n->alive && k-- == 0)
			return n;
	return &w->root;
}

static const char *random_name(struct world *w)
{
	static const char *const good[] = {
		"a",	      "b",   "c",  "db", "web", "container_2", "container_07",
		"container_", "...", "-x",
	};
	static const char *const bad[] = {"tasks", "..",   ".",	  "@spec",
					  "a b",   "self", "a\n", "\xc3\xa4"};
	static char longest[258];

	if (longest[0] == '\0')
		memset(longest, 'l', 256);
	if (chance_one_in(&w->c, 40)) {
		longest[255] = chance_one_in(&w->c, 2) ? 'l' : '\0';
		return longest;
	}
	if (chance_one_in(&w->c, 15))
		return bad[chance_below(&w->c, sizeof(bad) / sizeof(bad[0]))];
	return good[chance_below(&w->c, sizeof(good) / sizeof(good[0]))];
}

/* The path of some container, written in some way; sometimes of none. Never "". */
static void random_path(struct world *w, char *buf)
{
	char plain[4096], *to = buf;

	path_of(random_node(w), plain);
	if (chance_one_in(&w->c, 12))
		strcat(strcat(plain, "/"), random_name(w));
	if (plain[0] == '\0')
		strcpy(plain, "/");
	for (const char *s = plain; *s; s++) {
		/* The first slash may be left out: the caller is in the init container. */
		if (s == plain && s[1] && chance_one_in(&w->c, 3))
			continue;
		*to++ = *s;
		if (*s == '/' && chance_one_in(&w->c, 20))
			*to++ = '/';
	}
	if (chance_one_in(&w->c, 20))
		*to++ = '/';
	*to = '\0';
	if (chance_one_in(&w->c, 60))
		strcpy(buf, ".");
}

/* Held fds. */

static void hold(struct world *w, int fd, struct node *node, bool ends_it)
{
	assert_true(w->held_count < HELD);
	w->held[w->held_count++] = (struct held){fd, node, ends_it};
}

/* Close one; the next writing operation then ends a KILL_ON_CLOSE container. */
static void let_go(struct world *w, size_t i)
{
	struct held h = w->held[i];

	note(w, "%ld: close fd %d of %s%s", w->step, h.fd, h.node->name,
	     h.ends_it ? ", its end" : "");
	close(h.fd);
	w->held[i] = w->held[--w->held_count];
	if (!h.ends_it)
		return;
	die(w, h.node);
	agree(w, container_create("tasks", 0), -EINVAL);
}

static struct held *random_held(struct world *w)
{
	return w->held_count ? &w->held[chance_below(&w->c, w->held_count)] : NULL;
}

/* The fd of a random container: a held one, which may be removed, or one opened for this. */
static int random_fd(struct world *w, struct node **ret_node, bool *ret_opened)
{
	struct held *h = chance_one_in(&w->c, 2) ? random_held(w) : NULL;
	char path[4096];
	int fd;

	*ret_opened = !h;
	if (h) {
		*ret_node = h->node;
		return h->fd;
	}
	*ret_node = random_node(w);
	path_of(*ret_node, path);
	fd = container_open(path[0] ? path : "/");
	if (fd < 0)
		disagree(w, "cannot open what is there");
	return fd;
}

static int state_of(const struct node *n)
{
	return n->alive ? 0 : -ENOENT;
}

/* The operations. */

static unsigned int random_flags(struct world *w)
{
	static const unsigned int types[] = {
		CONTAINER_NEW_EMPTY_FS_NS, CONTAINER_NEW_CGROUP_NS, CONTAINER_NEW_UTS_NS,
		CONTAINER_NEW_IPC_NS,	   CONTAINER_NEW_PID_NS,
	};
	unsigned int flags = chance_one_in(&w->c, 2) ? CONTAINER_FD_CLOEXEC : 0;

	if (chance_one_in(&w->c, 10) && w->held_count < HELD)
		return flags | CONTAINER_KILL_ON_CLOSE;
	if (chance_one_in(&w->c, 40))
		return flags | 0x800;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (chance_one_in(&w->c, 12))
			flags |= types[i];
	return flags;
}

static void take_numbered_name(struct world *w, int fd, char *name)
{
	char path[4096];
	const char *number;

	if (container_path(fd, path, sizeof(path)) < 0)
		disagree(w, "a container just made has no path");
	strcpy(name, strrchr(path, '/') + 1);
	number = name + strlen("container_");
	if (strncmp(name, "container_", strlen("container_")) != 0 || !*number ||
	    number[strspn(number, "0123456789")])
		disagree(w, "not a name container_N");
}

/* name NULL: numbered. fd is what the library returned, wanted what the model says of the parent. */
static void made(struct world *w, int fd, struct node *parent, const char *name, unsigned int flags,
		 int wanted)
{
	char numbered[256];

	if (wanted == 0 && (flags & 0x800))
		wanted = -EINVAL;
	if (wanted == 0 && name && !name_ok(name))
		wanted = -EINVAL;
	if (wanted == 0 && name && child_of(w, parent, name))
		wanted = -EEXIST;
	agree(w, fd, wanted);
	if (wanted < 0)
		return;
	if (!!(fcntl(fd, F_GETFD) & FD_CLOEXEC) != !!(flags & CONTAINER_FD_CLOEXEC))
		disagree(w, "close-on-exec is not what was asked for");
	if (!name) {
		take_numbered_name(w, fd, numbered);
		if (child_of(w, parent, numbered))
			disagree(w, "a numbered name that was taken");
		name = numbered;
	}
	parent = add(w, parent, name, flags);
	if (parent->transient || (w->held_count < HELD && chance_one_in(&w->c, 3)))
		hold(w, fd, parent, parent->transient);
	else
		close(fd);
}

static void op_create(struct world *w)
{
	const char *name = chance_one_in(&w->c, 10) ? NULL : random_name(w);
	unsigned int flags = random_flags(w);
	char path[4096 + 300] = "";
	struct node *parent = &w->root;
	int wanted = 0;

	if (!name || !chance_one_in(&w->c, 4)) {
		random_path(w, path);
		if (path[strlen(path) - 1] != '/')
			strcat(path, "/");
		wanted = resolve(w, path, &parent);
	}
	if (wanted == 0 && depth_of(parent) >= DEPTH)
		return;
	strcat(path, name ? name : "");
	note(w, "%ld: create %s 0x%x", w->step, path, flags);
	made(w, container_create(path, flags), parent, name, flags, wanted);
}

static void op_create_at(struct world *w)
{
	const char *name = chance_one_in(&w->c, 10) ? NULL : random_name(w);
	unsigned int flags = random_flags(w);
	struct node *parent;
	bool opened;
	int fd = random_fd(w, &parent, &opened);

	if (depth_of(parent) < DEPTH) {
		note(w, "%ld: create_at %d (%s), %s 0x%x", w->step, fd, parent->name,
		     name ? name : "NULL", flags);
		made(w, container_create_at(fd, name, flags), parent, name, flags,
		     state_of(parent));
	}
	if (opened)
		close(fd);
}

static int model_rename(struct world *w, struct node *node, const char *new_name)
{
	const char *slash = strrchr(new_name, '/'), *name = slash ? slash + 1 : new_name;
	char above[4096];
	struct node *parent;
	int r = state_of(node);

	if (r < 0)
		return r;
	if (!node->parent)
		return -EPERM;
	if (!name_ok(name))
		return -EINVAL;
	if (slash) {
		memcpy(above, new_name, (size_t)(name - new_name));
		above[name - new_name] = '\0';
		r = resolve(w, above, &parent);
		if (r < 0)
			return r;
		if (parent != node->parent)
			return -EPERM;
	}
	if (child_of(w, node->parent, name))
		return -EEXIST;
	strcpy(node->name, name);
	return 0;
}

static void op_rename(struct world *w)
{
	struct node *node;
	bool opened;
	int fd = random_fd(w, &node, &opened);
	char new_name[4096 + 300] = "";

	if (chance_one_in(&w->c, 3)) {
		if (node->parent && chance_one_in(&w->c, 2))
			path_of(node->parent, new_name);
		else
			random_path(w, new_name);
		strcat(new_name, "/");
	}
	strcat(new_name, random_name(w));
	note(w, "%ld: rename %d (%s) to %s", w->step, fd, node->name, new_name);
	/* The model changes the name, so the library goes first. */
	{
		int r = container_rename(fd, new_name), saved = errno;
		int wanted = model_rename(w, node, new_name);

		errno = saved;
		agree(w, r, wanted);
	}
	if (opened)
		close(fd);
}

static void op_remove(struct world *w)
{
	static const unsigned int choices[] = {
		0,
		0,
		0,
		CONTAINER_REMOVE_KILL,
		CONTAINER_REMOVE_RECURSIVE,
		CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE,
		4,
	};
	unsigned int flags = choices[chance_below(&w->c, sizeof(choices) / sizeof(choices[0]))];
	struct node *node;
	bool opened;
	int fd = random_fd(w, &node, &opened);
	bool nested = has_nested(w, node);
	int wanted = state_of(node);

	if (wanted == 0 && flags & 4)
		wanted = -EINVAL;
	else if (wanted == 0 && nested && (!node->parent || !(flags & CONTAINER_REMOVE_RECURSIVE)))
		wanted = -ENOTEMPTY;
	/* The end of the hierarchy is another test. */
	if (node->parent || nested) {
		note(w, "%ld: remove %d (%s) 0x%x", w->step, fd, node->name, flags);
		agree(w, container_remove(fd, flags), wanted);
		if (wanted == 0)
			die(w, node);
	}
	if (opened)
		close(fd);
}

static void op_open(struct world *w)
{
	struct node *node;
	char path[4096];
	int wanted, fd;

	random_path(w, path);
	wanted = resolve(w, path, &node);
	note(w, "%ld: open %s", w->step, path);
	fd = container_open(path);
	agree(w, fd, wanted);
	if (wanted == 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		disagree(w, "not close-on-exec");
	if (wanted == 0 && w->held_count < HELD && chance_one_in(&w->c, 3))
		hold(w, fd, node, false);
	else if (fd >= 0)
		close(fd);
}

static void op_path(struct world *w)
{
	struct held *h = random_held(w);
	char wanted[4096], got[4096] = "";
	size_t len, size;
	ssize_t r;

	if (!h)
		return;
	path_of(h->node, wanted);
	if (wanted[0] == '\0')
		strcpy(wanted, "/");
	len = strlen(wanted);
	size = chance_one_in(&w->c, 4) ? chance_below(&w->c, len + 3) : sizeof(got);
	note(w, "%ld: path of %d (%s) into %zu bytes", w->step, h->fd, wanted, size);
	r = container_path(h->fd, got, size);
	if (!h->node->alive) {
		agree(w, r, -ENOENT);
	} else {
		agree(w, r, size > len ? 0 : -ERANGE);
		if (r >= 0 && ((size_t)r != len || strcmp(got, wanted) != 0))
			disagree(w, got);
	}
}

static void op_close(struct world *w)
{
	if (w->held_count)
		let_go(w, chance_below(&w->c, w->held_count));
}

/* Compare the tree. */

struct walked {
	struct world *w;
	const struct node *from;
	bool with_self;
	size_t count, stop_after;
	struct node *above[DEPTH + 2]; /* the last container seen at each depth */
};

static int compare(const struct container_info *info, void *arg)
{
	struct walked *walked = arg;
	struct world *w = walked->w;
	struct node *node;
	char path[4096];
	size_t depth;

	if (resolve(w, info->path, &node) < 0)
		disagree(w, "the walk tells of a container that the model has not");
	path_of(node, path);
	if (strcmp(info->path, path[0] ? path : "/") != 0 || strcmp(info->name, node->name) != 0)
		disagree(w, "a path or name is not as it should be");
	depth = depth_of(node) - depth_of(walked->from) - (walked->with_self ? 0 : 1);
	if (info->depth != depth || depth > DEPTH)
		disagree(w, "a depth is wrong");
	if (depth > 0 && walked->above[depth - 1] != node->parent)
		disagree(w, "a container came before its parent");
	walked->above[depth] = node;
	if (!node->seen)
		node->id = info->id;
	node->seen = true;
	if (node->id != info->id)
		disagree(w, "an id has changed");
	if (info->size != sizeof(*info) || info->own != node->own || info->shared != 0 ||
	    (info->transient != 0) != node->transient || info->init != 0 || info->tasks != 0)
		disagree(w, "what the walk tells of a container is wrong");
	if (info->state != (node->parent ? CONTAINER_CREATED : CONTAINER_RUNNING))
		disagree(w, "a state is wrong");
	walked->count++;
	return walked->stop_after && walked->count == walked->stop_after ? 42 : 0;
}

static size_t count_below(struct world *w, const struct node *from, bool recursive)
{
	size_t n = 0;

	for (struct node *node = w->all; node; node = node->next) {
		const struct node *above = node->parent;

		while (recursive && above && above != from)
			above = above->parent;
		n += node->alive && above == from;
	}
	return n;
}

static void walk_from(struct world *w, int fd, const struct node *from, unsigned int flags)
{
	struct walked walked = {
		.w = w,
		.from = from,
		.with_self = flags & CONTAINER_WALK_SELF,
	};
	size_t wanted = count_below(w, from, flags & CONTAINER_WALK_RECURSIVE) + walked.with_self;
	int r;

	if (wanted && chance_one_in(&w->c, 8))
		walked.stop_after = 1 + chance_below(&w->c, wanted);
	r = container_walk(fd, flags, compare, &walked);
	if (!from->alive) {
		agree(w, r, -ENOENT);
	} else if (walked.stop_after) {
		if (r != 42 || walked.count != walked.stop_after)
			disagree(w, "the walk did not end as it was told");
	} else {
		agree(w, r, 0);
		if (walked.count != wanted)
			disagree(w, "the walk has not told of all");
	}
}

static void check_all(struct world *w)
{
	int root = container_open("/");

	if (root < 0)
		disagree(w, "cannot open the root");
	walk_from(w, root, &w->root, CONTAINER_WALK_RECURSIVE);
	close(root);
}

static void op_walk(struct world *w)
{
	unsigned int flags = 0;
	struct node *node;
	bool opened;
	int fd = random_fd(w, &node, &opened);

	flags |= chance_one_in(&w->c, 2) ? CONTAINER_WALK_RECURSIVE : 0;
	flags |= chance_one_in(&w->c, 2) ? CONTAINER_WALK_SELF : 0;
	flags |= chance_one_in(&w->c, 2) ? CONTAINER_WALK_STATE : 0;
	flags |= chance_one_in(&w->c, 2) ? CONTAINER_WALK_TASKS : 0;
	note(w, "%ld: walk from %d (%s) 0x%x", w->step, fd, node->name, flags);
	walk_from(w, fd, node, flags);
	if (opened)
		close(fd);
}

static void step(struct world *w)
{
	bool many = w->alive > MANY;
	size_t k = chance_below(&w->c, 100);

	if (k < (many ? 5 : 25))
		op_create(w);
	else if (k < (many ? 8 : 40))
		op_create_at(w);
	else if (k < 58)
		op_rename(w);
	else if (k < 74)
		op_remove(w);
	else if (k < 84)
		op_open(w);
	else if (k < 90)
		op_path(w);
	else if (k < 95)
		op_walk(w);
	else
		op_close(w);
	/* All of it at each step while that is cheap, and now and then also when it is not. */
	if (w->alive < 12 || chance_one_in(&w->c, 10))
		check_all(w);
}

/* Bottom up with flags 0, as rmdir(1) would. */
static void remove_all(struct world *w)
{
	while (w->alive) {
		for (struct node *n = w->all; n; n = n->next) {
			char path[4096];
			int fd;

			if (!n->alive || has_nested(w, n))
				continue;
			path_of(n, path);
			note(w, "at the end: remove %s", path);
			fd = container_open(path);
			agree(w, fd, 0);
			agree(w, container_remove(fd, 0), 0);
			agree(w, container_remove(fd, 0), -ENOENT);
			close(fd);
			die(w, n);
		}
	}
}

static void test_random(void **state)
{
	static struct world w;
	long steps = chance_steps(6000);
	int root;

	(void)state;
	need_private_tree();
	w.c = chance_begin();
	w.root.alive = true;
	root = container_create("tasks", 0);
	assert_int_equal(root, -1);
	for (w.step = 0; w.step < steps; w.step++)
		step(&w);
	while (w.held_count)
		let_go(&w, 0);
	check_all(&w);
	remove_all(&w);
	check_all(&w);
	print_message("# %ld steps, %ld results, %ld errors\n", steps, w.ok, w.refused);
	while (w.all) {
		struct node *next = w.all->next;

		free(w.all);
		w.all = next;
	}
}

/* The end of the hierarchy: refused while a container is there, then nothing of it remains. */
static void test_take_down(void **state)
{
	char path[96];
	struct stat st;
	int a, root;

	(void)state;
	need_private_tree();
	a = container_create("a", CONTAINER_NEW_UTS_NS);
	assert_true(a >= 0);
	root = container_open("/");
	assert_true(root >= 0);
	private_tree_note_cgroup();
	assert_int_equal(access(private_tree.cgroup, F_OK), 0);
	assert_true(file_has("/proc/self/mountinfo", private_tree.dir));
	assert_int_equal(container_remove(root, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE),
			 -1);
	assert_int_equal(errno, ENOTEMPTY);
	assert_int_equal(container_remove(root, 0), -1);
	assert_int_equal(errno, ENOTEMPTY);
	assert_int_equal(container_remove(a, 0), 0);
	assert_int_equal(container_remove(root, 0), 0);

	snprintf(path, sizeof(path), "%s/state", private_tree.dir);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(access(private_tree.cgroup, F_OK), -1);
	assert_false(file_has("/proc/self/mountinfo", private_tree.dir));
	/* Reading finds no hierarchy, and makes none. */
	assert_int_equal(container_open("/"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(container_path(root, path, sizeof(path)), -1);
	assert_int_equal(errno, ENOENT);
	snprintf(path, sizeof(path), "%s/state", private_tree.dir);
	assert_int_equal(stat(path, &st), -1);
	/* A new one begins with the next container; fds of the old one are of nothing. */
	close(a);
	a = container_create("a", 0);
	assert_true(a >= 0);
	assert_int_equal(container_create_at(root, "b", 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(container_remove(root, 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(container_remove(a, 0), 0);
	close(a);
	close(root);
	/* Or with whoever asks for it. */
	root = container_open("/");
	assert_int_equal(container_remove(root, 0), 0);
	close(root);
	assert_int_equal(stat(path, &st), -1);
	root = container_open_init();
	assert_true(root >= 0);
	assert_int_equal(stat(path, &st), 0);
	a = container_open("/");
	assert_true(a >= 0);
	close(a);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_take_down),
	};

	chance_seed();
	return private_tree_run(tests);
}
