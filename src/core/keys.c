/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A keyring lives as long as something refers to it, and a container may have no task. So there is a
 * user namespace, made with the first key that is added and pinned in the vault under the id of the init container,
 * that nobody lives in: the user keyring of its root has all containers' keyrings in it. Only agents
 * that go there possess them. Others need the serial number, and may do nothing with it but link the
 * keyring, as root of the host's user namespace.
 */
#include "keys.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "lock.h"
#include "make.h"
#include "vault.h"

#define RECORD_SIZE 32
#define HELD " held"
#define PREFIX "containerfs:"
#define NAME_TEXT_SIZE (sizeof(PREFIX) + ID_TEXT_SIZE)
#define POSSESSOR_ALL 0x3f000000u
#define USER_LINK 0x00100000u

struct record {
	int serial; /* 0: none */
	bool held;
};

static int read_record(int dir, struct record *ret_record)
{
	char text[RECORD_SIZE];
	uint64_t serial;
	ssize_t n = kernel_readlink(dir, OBJECT_KEYS, text, sizeof(text));
	int used;

	*ret_record = (struct record){0};
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	used = text_parse_u64(text, INT32_MAX, &serial);
	if (used < 0 || (text[used] && strcmp(text + used, HELD) != 0))
		return -EUCLEAN;
	*ret_record = (struct record){(int)serial, text[used] != '\0'};
	return 0;
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
static bool is_called(int serial, const char *name)
{
	char text[128];
	long n = kernel_keyctl(KEYCTL_DESCRIBE, (unsigned long)serial, (unsigned long)text,
			       sizeof(text));
	const char *end;

	if (n < 0 || n > (long)sizeof(text) || strncmp(text, "keyring;", 8) != 0)
		return false;
	end = strrchr(text, ';');
	return strcmp(end + 1, name) == 0;
}

static int link_to(int serial, int keyring, const char *name)
{
	long r = kernel_keyctl(KEYCTL_LINK, (unsigned long)serial, (unsigned long)keyring, 0);

	if (r < 0 || is_called(serial, name))
		return (int)r;
	kernel_keyctl(KEYCTL_UNLINK, (unsigned long)serial, (unsigned long)keyring, 0);
	return -ENOKEY;
}

static int make_keyring(const char *name, int in)
{
	int serial = kernel_add_key("keyring", name, NULL, 0, in);
	long r = serial;

	if (serial > 0)
		r = kernel_keyctl(KEYCTL_SETPERM, (unsigned long)serial, POSSESSOR_ALL | USER_LINK,
				  0);
	return r < 0 ? error_set((int)r, "make keyring", name) : serial;
}

/* 1: somebody else was faster. */
static int make_first(int dir, const char *name, struct record old)
{
	char text[RECORD_SIZE];
	int serial = make_keyring(name, KEY_SPEC_SESSION_KEYRING), r;

	if (serial < 0)
		return serial;
	format_record((struct record){.serial = serial}, text);
	if (old.serial)
		return kernel_replace_link(dir, OBJECT_KEYS, text);
	r = symlinkat(text, dir, OBJECT_KEYS) < 0 ? -errno : 0;
	if (r < 0)
		kernel_keyctl(KEYCTL_UNLINK, (unsigned long)serial,
			      (unsigned long)KEY_SPEC_SESSION_KEYRING, 0);
	return r == -EEXIST ? 1 : r;
}

static int join_keyring(int dir, const char *name)
{
	int r = 1;

	for (int i = 0; r == 1 && i < 3; i++) {
		struct record record;

		r = read_record(dir, &record);
		if (r < 0)
			return r;
		if (record.serial && link_to(record.serial, KEY_SPEC_SESSION_KEYRING, name) == 0)
			return 0;
		/* One that is held but not to be had was revoked, or is another user's. */
		r = record.held ? 0 : make_first(dir, name, record);
	}
	return r;
}

int keys_join(int dir, uint64_t id)
{
	char name[NAME_TEXT_SIZE];
	long r = kernel_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0);

	/* Without keys, or where a filter denies them, there is nothing to be seen. */
	if (r == -ENOSYS || r == -EPERM)
		return 0;
	format_name(id, name);
	if (r < 0)
		return error_set((int)r, "leave the caller's session keyring", NULL);
	/* Without room for a keyring or its record the task does without keys that come later. */
	join_keyring(dir, name);
	return 0;
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
	int r = open_init_container(h, &root);

	if (r < 0)
		return r;
	fd = vault_open_pin(h->cradle, root.spec.id, NS_USER);
	if (fd != -ENOENT || !make)
		return take_fd(&fd);
	fd = make_user_ns(&root);
	r = fd < 0 ? fd : vault_set_pin(h->cradle, root.spec.id, NS_USER, fd);
	return r < 0 ? r : take_fd(&fd);
}

struct keys_call {
	int place;
	struct record record;
	const char *name, *type, *description;
	const void *payload;
	size_t len;
	int key; /* result */
};

/* From here on the agent possesses what is in the user keyring. */
static int go(int place)
{
	long r;

	if (setns(place, CLONE_NEWUSER) < 0)
		return error_set(-errno, "join namespace", "user");
	r = kernel_keyctl(KEYCTL_LINK, (unsigned long)KEY_SPEC_USER_KEYRING,
			  (unsigned long)KEY_SPEC_PROCESS_KEYRING, 0);
	return r < 0 ? error_set((int)r, "possess the keyrings", NULL) : 0;
}

/* That of the tasks; if they are gone, and it with them, or there were none, a new one. */
static int hold_agent(void *arg)
{
	struct keys_call *c = arg;
	int r = go(c->place);

	if (r == 0 && c->record.serial)
		r = link_to(c->record.serial, KEY_SPEC_USER_KEYRING, c->name);
	else if (r == 0)
		r = -ENOKEY;
	if (r < 0)
		r = c->record.serial = make_keyring(c->name, KEY_SPEC_USER_KEYRING);
	return r < 0 ? r : 0;
}

static int add_agent(void *arg)
{
	struct keys_call *c = arg;
	int r = go(c->place);

	if (r < 0)
		return r;
	c->key = kernel_add_key(c->type, c->description, c->payload, c->len, c->record.serial);
	return c->key < 0 ? error_set(c->key, "add key", c->description) : 0;
}

static int add_locked(const struct hierarchy *h, const struct object *o, struct keys_call *call)
{
	char name[NAME_TEXT_SIZE], text[RECORD_SIZE];
	autoclose int place = -EBADF;
	int r = read_record(o->dir, &call->record);

	if (r < 0)
		return r;
	place = open_place(h, true);
	if (place < 0)
		return place;
	format_name(o->spec.id, name);
	call->place = place;
	call->name = name;
	if (!call->record.held) {
		r = agent_run_apart(-1, hold_agent, call, sizeof(*call));
		call->record.held = true;
		format_record(call->record, text);
		r = r ? r : kernel_replace_link(o->dir, OBJECT_KEYS, text);
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
	return r ? r : add_locked(h, o, &call);
}

/* Revoked already, or expired, is as good. */
static int revoke_agent(void *arg)
{
	struct keys_call *c = arg;
	int r = go(c->place);

	if (r == 0) {
		kernel_keyctl(KEYCTL_REVOKE, (unsigned long)c->record.serial, 0, 0);
		kernel_keyctl(KEYCTL_UNLINK, (unsigned long)c->record.serial,
			      (unsigned long)KEY_SPEC_USER_KEYRING, 0);
	}
	return r;
}

int keys_revoke(const struct hierarchy *h, int dir)
{
	autoclose int place = -EBADF;
	struct keys_call call = {0};

	/* What only tasks hold ends with them. A damaged record names nothing. */
	if (read_record(dir, &call.record) < 0 || !call.record.held)
		return 0;
	place = open_place(h, false);
	if (place < 0)
		return place == -ENOENT ? 0 : place;
	call.place = place;
	return agent_run_apart(-1, revoke_agent, &call, sizeof(call));
}
