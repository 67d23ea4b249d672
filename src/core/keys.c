/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A keyring lives as long as something refers to it, and a container may have no task. So there is a
 * user namespace, made with the first key that is added and pinned in the vault under the id of the init container,
 * that nobody lives in: the user keyring of its root has all containers' keyrings in it. Only agents
 * that go there possess them. Others need the serial number, and may do nothing with it but link the
 * keyring, in the group KEYS_GROUP: a task on its way in is that for the one call. No container's user
 * namespace has this group (maps.c), so what is inside cannot do the same, whichever numbers it tries.
 *
 * The kernel asks for the group's right only who is not the owner. So the owner is not root, but a user
 * who is nobody, by the id: one for all would have a quota of 200 keyrings. The keys are root's.
 */
#include "keys.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "account.h"
#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "guard.h"
#include "kernel.h"
#include "lock.h"
#include "record.h"
#include "userns.h"
#include "vault.h"

#define RECORD_SIZE 32
#define HELD " held"
#define PREFIX "containerfs:"
#define NAME_TEXT_SIZE (sizeof(PREFIX) + ID_TEXT_SIZE)
#define POSSESSOR_ALL 0x3f000000u
#define POSSESSOR_USE 0x1f000000u /* all but change this */
#define GROUP_LINK 0x00001000u
#define FEW_GROUPS 1024	      /* as many as have room on the stack */
#define DESCRIPTION_SIZE 4352 /* of a key, with what stands before it */

struct record {
	int serial; /* 0: none */
	bool held;
};

static int parse_record(const char *text, struct record *ret_record)
{
	uint64_t serial;
	int used = text_parse_u64(text, INT32_MAX, &serial);

	if (used < 0 || serial == 0 || (text[used] && strcmp(text + used, HELD) != 0))
		return -EUCLEAN;
	*ret_record = (struct record){(int)serial, text[used] != '\0'};
	return 0;
}

int keys_check(const char *text)
{
	struct record record;

	return parse_record(text, &record);
}

/* Between clone and exec as well: there the error is dropped with all others of keys. */
static int read_record(int dir, struct record *ret_record)
{
	char text[RECORD_SIZE];
	ssize_t n = kernel_readlink(dir, OBJECT_KEYS, text, sizeof(text));

	*ret_record = (struct record){0};
	if (n == -ENOENT)
		return 0;
	if (n < 0 && !object_lacks_record(n))
		return (int)n;
	return n < 0 ? -EUCLEAN : parse_record(text, ret_record);
}

static int read_own(const struct object *o, struct record *ret_record)
{
	int r = read_record(o->dir, ret_record);

	return r == -EUCLEAN ? record_damaged(o->dir, OBJECT_KEYS) : r;
}

static void format_record(struct record record, char text[RECORD_SIZE])
{
	size_t len;

	text_format_u64((uint64_t)record.serial, text);
	len = strlen(text);
	if (record.held)
		text_append(text, RECORD_SIZE, &len, HELD);
}

static void format_name(uint64_t id, char name[NAME_TEXT_SIZE])
{
	memcpy(name, PREFIX, sizeof(PREFIX));
	text_format_id(id, name + strlen(PREFIX));
}

/* A serial number may be another key's by now: "keyring;UID;GID;PERM;NAME" says whose it is. */
static bool read_name(int serial, char text[128])
{
	long n = kernel_keyctl(KEYCTL_DESCRIBE, (unsigned long)serial, (unsigned long)text, 128);

	return n >= 0 && n <= 128 && strncmp(text, "keyring;", 8) == 0;
}

static bool is_called(int serial, const char *name)
{
	char text[128];

	return read_name(serial, text) && strcmp(strrchr(text, ';') + 1, name) == 0;
}

/* A record may have been copied from another container's. */
static bool is_another(int serial, const char *name)
{
	char text[128];

	return read_name(serial, text) && strcmp(strrchr(text, ';') + 1, name) != 0;
}

/* Of a key: it is not there, not any more, or not for us, where another may have its number. */
static bool is_gone(int r)
{
	return r == -ENOKEY || r == -EKEYREVOKED || r == -EKEYEXPIRED || r == -EACCES;
}

static int link_named(int serial, int keyring, const char *name)
{
	long r = kernel_keyctl(KEYCTL_LINK, (unsigned long)serial, (unsigned long)keyring, 0);

	if (r < 0 || is_called(serial, name))
		return (int)r;
	kernel_keyctl(KEYCTL_UNLINK, (unsigned long)serial, (unsigned long)keyring, 0);
	return -ENOKEY;
}

/*
 * -EPERM: it is not for this caller. -ECANCELED: whoever goes on after that has a group too much. Raw
 * calls: see become_user(). Not setfsgid(2), after which the caller's memory would not be dumpable.
 */
static int link_to(int serial, int keyring, const char *name)
{
	const gid_t group = KEYS_GROUP;
	gid_t few[FEW_GROUPS], *own = few;
	long count = syscall(SYS_getgroups, FEW_GROUPS, own);
	size_t size = 0;
	int r = -EPERM;

	if (count < 0) {
		size = ACCOUNT_GROUPS * sizeof(*own);
		own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (own == MAP_FAILED)
			return -ENOMEM;
		count = syscall(SYS_getgroups, ACCOUNT_GROUPS, own);
	}
	if (count >= 0 && syscall(SYS_setgroups, 1, &group) == 0) {
		r = link_named(serial, keyring, name);
		if (syscall(SYS_setgroups, count, own) < 0)
			r = -ECANCELED;
	}
	if (size)
		munmap(own, size);
	return r;
}

/* A number that is no user's, by habit. */
static uid_t owner_of(uint64_t id)
{
	return 0x80000000u | (uint32_t)(id ^ id >> 32) >> 2;
}

/* Its group before the group's right. */
static int make_keyring(uint64_t id, const char *name, int in)
{
	int serial = kernel_add_key("keyring", name, NULL, 0, in);
	long r = serial;

	if (r > 0)
		r = kernel_keyctl(KEYCTL_CHOWN, (unsigned long)serial, owner_of(id), KEYS_GROUP);
	if (r >= 0)
		r = kernel_keyctl(KEYCTL_SETPERM, (unsigned long)serial, POSSESSOR_ALL | GROUP_LINK,
				  0);
	if (r < 0 && serial > 0)
		kernel_keyctl(KEYCTL_UNLINK, (unsigned long)serial, (unsigned long)in, 0);
	return r < 0 ? error_set((int)r, "make keyring", name) : serial;
}

/* 1: somebody else was faster. */
static int make_first(int dir, uint64_t id, const char *name, struct record old, int in)
{
	char text[RECORD_SIZE];
	int serial = make_keyring(id, name, in), r;

	if (serial < 0)
		return serial;
	format_record((struct record){.serial = serial}, text);
	if (old.serial)
		r = kernel_replace_link(dir, OBJECT_KEYS, text);
	else
		r = symlinkat(text, dir, OBJECT_KEYS) < 0 ? -errno : 0;
	if (r < 0)
		kernel_keyctl(KEYCTL_UNLINK, (unsigned long)serial, (unsigned long)in, 0);
	return r == -EEXIST ? 1 : r < 0 ? r : serial;
}

/* The serial number of what is linked now; 0: it is not to be had. */
static int take_into(int keyring, int dir, uint64_t id)
{
	char name[NAME_TEXT_SIZE];
	struct record record;
	int r = 1;

	format_name(id, name);
	/* No serial number is 1: the first is 3. */
	for (int i = 0; r == 1 && i < 3; i++) {
		if (read_record(dir, &record) < 0)
			return 0;
		r = record.serial ? link_to(record.serial, keyring, name) : -ENOKEY;
		if (r == -ECANCELED)
			return error_set(r, "leave the group of the keyrings", NULL);
		if (r == 0)
			return record.serial;
		/* One that is held but not to be had was revoked. */
		r = record.held || r == -EPERM ? 0 : make_first(dir, id, name, record, keyring);
	}
	if (r > 1)
		return r;
	/* Without room for a keyring or its record the task does without keys that come later. */
	error_clear();
	return 0;
}

int keys_take(int dir, uint64_t id)
{
	return take_into(KEY_SPEC_THREAD_KEYRING, dir, id);
}

void keys_drop(int serial)
{
	if (serial > 0)
		kernel_keyctl(KEYCTL_UNLINK, (unsigned long)serial,
			      (unsigned long)KEY_SPEC_THREAD_KEYRING, 0);
}

/* 1: without keys, or where a filter denies them, there is nothing to be seen. */
static int leave_session(void)
{
	long r = kernel_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0);

	if (r == -ENOSYS || r == -EPERM)
		return 1;
	return r < 0 ? error_set((int)r, "leave the caller's session keyring", NULL) : 0;
}

int keys_join_taken(int serial)
{
	int r = leave_session();

	if (r == 0 && serial > 0)
		kernel_keyctl(KEYCTL_LINK, (unsigned long)serial,
			      (unsigned long)KEY_SPEC_SESSION_KEYRING, 0);
	keys_drop(serial);
	return r < 0 ? r : 0;
}

int keys_join(int dir, uint64_t id)
{
	int r = leave_session();

	r = r ? r : take_into(KEY_SPEC_SESSION_KEYRING, dir, id);
	return r < 0 ? r : 0;
}

static int open_init_container(const struct hierarchy *h, struct object *ret_o)
{
	ret_o->dir = hierarchy_open_root(h);
	return ret_o->dir < 0 ? ret_o->dir : object_load(ret_o->dir, &ret_o->spec);
}

static int open_place(const struct hierarchy *h, bool make)
{
	autoobject struct object root = {.dir = -EBADF};
	autoclose int fd = -EBADF;
	struct userns_maps maps = {.text = {"", ""}};
	struct ns_set set;
	int r = open_init_container(h, &root);

	if (r < 0)
		return r;
	fd = vault_open_pin(h->cradle, root.spec.id, NS_USER);
	if (fd != -ENOENT || !make)
		return take_fd(&fd);
	/* What it was made for may fail for another reason. */
	error_clear();
	ns_set_init(&set);
	r = userns_make(-EBADF, &maps, -EBADF, 0, &set);
	fd = take_fd(&set.fd[NS_USER]);
	r = r ? r : vault_set_pin(h->cradle, root.spec.id, NS_USER, fd);
	return r < 0 ? r : take_fd(&fd);
}

struct keys_call {
	int place;
	uint64_t id;
	struct record record;
	const char *name, *type, *description;
	const void *payload;
	size_t len;
	int key; /* result */
};

/*
 * From here on the agent possesses what is in the user keyring. As the kernel makes that and the one it is
 * in they are open to root; once closed this cannot be changed, and fails.
 */
static int go(int place)
{
	long r;

	if (setns(place, CLONE_NEWUSER) < 0)
		return error_set(-errno, "join namespace", "user");
	kernel_keyctl(KEYCTL_SETPERM, (unsigned long)KEY_SPEC_USER_SESSION_KEYRING, POSSESSOR_USE,
		      0);
	kernel_keyctl(KEYCTL_SETPERM, (unsigned long)KEY_SPEC_USER_KEYRING, POSSESSOR_USE, 0);
	r = kernel_keyctl(KEYCTL_LINK, (unsigned long)KEY_SPEC_USER_KEYRING,
			  (unsigned long)KEY_SPEC_PROCESS_KEYRING, 0);
	return r < 0 ? error_set((int)r, "possess the keyrings", NULL) : 0;
}

/*
 * That of the tasks; if they are gone, and it with them, or there were none, a new one. Had before going:
 * the group is not there where the keyrings are kept.
 */
static int hold_agent(void *arg)
{
	struct keys_call *c = arg;
	int r = c->record.serial ? link_to(c->record.serial, KEY_SPEC_PROCESS_KEYRING, c->name)
				 : -ENOKEY;

	if (r == -EPERM || r == -ECANCELED)
		return error_set(r, "link keyring", c->name);
	if (r < 0)
		r = c->record.serial = make_keyring(c->id, c->name, KEY_SPEC_PROCESS_KEYRING);
	r = r < 0 ? r : go(c->place);
	if (r == 0)
		r = (int)kernel_keyctl(KEYCTL_LINK, (unsigned long)c->record.serial,
				       (unsigned long)KEY_SPEC_USER_KEYRING, 0);
	return r < 0 ? error_default(r, "hold keyring", c->name) : 0;
}

/* "TYPE;UID;GID;PERMISSIONS;DESCRIPTION" */
static bool parse_key(char *text, struct container_key *key)
{
	char *field[4] = {text};
	uint64_t number[2];

	for (int i = 0; i < 4; i++) {
		char *end = strchr(field[i], ';');

		if (!end)
			return false;
		*end = '\0';
		if (i < 3)
			field[i + 1] = end + 1;
		else
			key->description = end + 1;
	}
	for (int i = 0; i < 2; i++)
		if (text_parse_whole_u64(field[i + 1], UINT32_MAX, &number[i]) < 0)
			return false;
	key->type = text;
	key->uid = (uid_t)number[0];
	key->gid = (gid_t)number[1];
	key->permissions = (unsigned int)strtoul(field[3], NULL, 16);
	return true;
}

/* As keys are made their descriptions can be seen by root in any container that has root's id. */
static void hide_key(int serial)
{
	char text[DESCRIPTION_SIZE];
	struct container_key key;
	long n = kernel_keyctl(KEYCTL_DESCRIBE, (unsigned long)serial, (unsigned long)text,
			       sizeof(text));

	if (n > 0 && n <= (long)sizeof(text) && parse_key(text, &key))
		kernel_keyctl(KEYCTL_SETPERM, (unsigned long)serial,
			      key.permissions & POSSESSOR_ALL, 0);
}

static int add_agent(void *arg)
{
	struct keys_call *c = arg;
	int r = go(c->place);

	if (r < 0)
		return r;
	c->key = kernel_add_key(c->type, c->description, c->payload, c->len, c->record.serial);
	if (c->key < 0)
		return error_set(c->key, "add key", c->description);
	hide_key(c->key);
	return 0;
}

static int add_locked(const struct hierarchy *h, const struct object *o, struct keys_call *call)
{
	char name[NAME_TEXT_SIZE], text[RECORD_SIZE];
	autoclose int place = -EBADF;
	int r = read_own(o, &call->record);

	if (r < 0)
		return r;
	place = open_place(h, true);
	if (place < 0)
		return place;
	format_name(o->spec.id, name);
	call->place = place;
	call->id = o->spec.id;
	call->name = name;
	if (!call->record.held) {
		r = agent_run_apart(-1, hold_agent, call, sizeof(*call));
		if (r < 0)
			return r;
		call->record.held = true;
		format_record(call->record, text);
		r = kernel_replace_link(o->dir, OBJECT_KEYS, text);
	}
	r = r ? r : agent_run_apart(-1, add_agent, call, sizeof(*call));
	return r ? r : call->key;
}

int keys_add(const struct hierarchy *h, struct object *o, const char *type, const char *description,
	     const void *payload, size_t len)
{
	struct keys_call call = {
		.type = type, .description = description, .payload = payload, .len = len};
	autoobject struct object root = {.dir = -EBADF};
	int r = object_check_below_caller(h, o);

	if (r == 0 && object_is_root(o))
		r = error_set(-EPERM, "the init container stays as it is", NULL);
	/* The init container's lock first: it is above. It is for the place of all keyrings. */
	r = r ? r : open_init_container(h, &root);
	r = r ? r : lock_take(h->lock, root.spec.id, LOCK_EXCLUSIVE);
	r = r ? r : lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);
	r = r ? r : object_load(o->dir, &o->spec);
	r = r ? r : guard_ask_container();
	return r ? r : add_locked(h, o, &call);
}

#define LIST_ROOM 64
#define LIST_LIMIT (1 << 20) /* keys; a keyring holds fewer */
#define LIST_TEXT 128	     /* bytes for each, to begin with */

struct keys_listing {
	int place;
	int keyring;
	const char *name;
	size_t room, text_room; /* how much of each there is */
	size_t count;
	int32_t *serials;
	char *text; /* what is said of each, one after the other, each with its NUL */
};

/* -ERANGE: no room for what is said of them all. One that is gone meanwhile is said nothing of. */
static int describe_all(struct keys_listing *l)
{
	size_t len = 0;

	for (size_t i = 0; i < l->count; i++) {
		char *text = l->text + len;
		size_t left = l->text_room - len;
		long n = kernel_keyctl(KEYCTL_DESCRIBE, (unsigned long)l->serials[i],
				       (unsigned long)text, left);

		if (n > (long)left || left == 0)
			return -ERANGE;
		if (n < 0 && !is_gone((int)n))
			return (int)n;
		if (n <= 0)
			*text = '\0';
		len += n <= 0 ? 1 : (size_t)n;
	}
	return 0;
}

static int list_agent(void *arg)
{
	struct keys_listing *l = arg;
	int r = l->place >= 0 ? go(l->place)
			      : link_to(l->keyring, KEY_SPEC_PROCESS_KEYRING, l->name);
	long n = r < 0 ? r
		       : kernel_keyctl(KEYCTL_READ, (unsigned long)l->keyring,
				       (unsigned long)l->serials, l->room * sizeof(*l->serials));

	if (n < 0)
		return (int)n;
	l->count = (size_t)n / sizeof(*l->serials);
	return l->count > l->room ? -ERANGE : describe_all(l);
}

static int list_with_room(struct keys_listing *l, size_t room)
{
	free(l->serials);
	free(l->text);
	l->room = room;
	l->text_room = room * LIST_TEXT;
	l->serials = calloc(l->room, sizeof(*l->serials));
	l->text = malloc(l->text_room);
	return l->serials && l->text ? agent_run(-1, list_agent, l) : -ENOMEM;
}

static int tell_keys(const struct keys_listing *l,
		     int (*fn)(const struct container_key *key, void *arg), void *arg)
{
	char *text = l->text;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->count; i++) {
		struct container_key key = {.size = sizeof(key), .serial = l->serials[i]};
		char *next = text + strlen(text) + 1;

		if (parse_key(text, &key))
			r = fn(&key, arg);
		text = next;
	}
	return r;
}

int keys_list(const struct hierarchy *h, const struct object *o,
	      int (*fn)(const struct container_key *key, void *arg), void *arg)
{
	char name[NAME_TEXT_SIZE];
	autoclose int place = -EBADF;
	struct keys_listing l = {.name = name};
	struct record record;
	int r = read_record(o->dir, &record);

	/* None was ever made. */
	if (r < 0 || !record.serial)
		return r;
	place = record.held ? open_place(h, false) : -EBADF;
	if (record.held && place < 0)
		return place;
	format_name(o->spec.id, name);
	l.place = place;
	l.keyring = record.serial;
	r = -ERANGE;
	for (size_t room = LIST_ROOM; r == -ERANGE && room <= LIST_LIMIT; room *= 4)
		r = list_with_room(&l, room);
	/* It has ended with the tasks that made it; the number may be another key's, who does not allow it. */
	if ((r == -ENOKEY || r == -EACCES) && !record.held)
		r = 0;
	else
		r = r < 0 ? r : tell_keys(&l, fn, arg);
	free(l.serials);
	free(l.text);
	return r;
}

static int revoke_agent(void *arg)
{
	struct keys_call *c = arg;
	long r = go(c->place);

	if (r == 0 && is_another(c->record.serial, c->name))
		return 0;
	if (r == 0)
		r = kernel_keyctl(KEYCTL_REVOKE, (unsigned long)c->record.serial, 0, 0);
	if (r == 0 || is_gone((int)r))
		r = kernel_keyctl(KEYCTL_UNLINK, (unsigned long)c->record.serial,
				  (unsigned long)KEY_SPEC_USER_KEYRING, 0);
	return r == -ENOENT || is_gone((int)r) ? 0 : (int)r;
}

int keys_revoke(const struct hierarchy *h, const struct object *o)
{
	autoclose int place = -EBADF;
	char name[NAME_TEXT_SIZE];
	struct keys_call call = {.name = name};
	int r = read_record(o->dir, &call.record);

	/* A damaged record names nothing. */
	if (r < 0)
		return r == -EUCLEAN ? 0 : r;
	/* What only tasks hold ends with them. */
	if (!call.record.held)
		return 0;
	place = open_place(h, false);
	if (place < 0)
		return place == -ENOENT ? 0 : place;
	format_name(o->spec.id, name);
	call.place = place;
	return agent_run_apart(-1, revoke_agent, &call, sizeof(call));
}
