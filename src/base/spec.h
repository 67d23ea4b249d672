/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a container: what it is, in one line of text, kept as the target of a symbolic link
 * so that it is read by one system call and replaced by one rename(2):
 *
 *   ID cg=IDPATH ns=MODES[ dir=INODE][ flags=WORD,...]
 *   6f0c2a9be31d4475 cg=/0123.../6f0c... ns=OiSoiioi dir=42 flags=transient,
 *
 * An id is never 0 and has 63 bits; that of the init container, whose IDPATH is empty, stands alone; any
 * other is the last one of its IDPATH. dir tells a container's directory from a copy of it.
 *
 * ns has a letter for each type in the order of enum nstype: i inherit, S or T shared (pinned in the
 * vault), O or P own (pinned), o own (held by the tasks only, or not yet there). T and P are pinned in
 * the second of two places: what replaces several pins at once makes the new ones in the other places
 * and then writes the record.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <containerfs/container.h>

#include "nstype.h"

/* Long enough for 40 levels of nesting; a tmpfs keeps up to 128 bytes of a link inside the inode. */
#define SPEC_CGROUP_SIZE 720
#define SPEC_TEXT_SIZE (SPEC_CGROUP_SIZE + 128)

struct spec {
	uint64_t id;
	uint64_t inode; /* of the directory that this was written for; 0: not known */
	enum container_ns_mode mode[NS_COUNT];
	bool pinned[NS_COUNT];
	bool second[NS_COUNT];	       /* pinned in the second place */
	bool transient;		       /* ends with the last copy of its creator's fd */
	bool empty_root;	       /* own mount namespace that has no root yet */
	bool nested;		       /* has, or once had, nested containers */
	bool leaf;		       /* its tasks are in a cgroup of their own, "tasks" */
	bool adopted;		       /* its cgroup, or one above, is in one that was adopted */
	char cgroup[SPEC_CGROUP_SIZE]; /* below the hierarchy's cgroup: "" or "/ID/ID" */
};

/* -ENAMETOOLONG; -EINVAL: a type that is no such state. */
int spec_format(const struct spec *spec, char buf[SPEC_TEXT_SIZE]);

/* Whether by its chain it is a container in this one. */
bool spec_is_nested_in(const struct spec *spec, const struct spec *parent);

/* -EINVAL: not such a record. */
int spec_parse(const char *text, struct spec *ret_spec);

/* Of a record, without parsing it: whether the container ends with its creator's fd. */
bool spec_text_is_transient(const char *text);

/* Types in a given mode, as CLONE_NEW* flags. */
unsigned int spec_flags(const struct spec *spec, enum container_ns_mode mode);

bool spec_has_pins(const struct spec *spec);

/* Pins are named by a number: the id, or, ids having 63 bits, for second places that with the 64th. */
#define SPEC_SECOND (UINT64_C(1) << 63)
uint64_t spec_pin_id(const struct spec *spec, enum nstype type);
