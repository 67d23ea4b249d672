/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a container: what it is, in one line of text, kept as the target of a symbolic link
 * so that it is read by one system call and replaced by one rename(2):
 *
 *   ID cg=IDPATH ns=MODES[ flags=WORD,...]
 *   6f0c2a9be31d4475 cg=/0123.../6f0c... ns=OiSoiioi flags=transient,
 *
 * ns has a letter for each type in the order of enum nstype: i inherit, S shared (pinned in the
 * vault), O own (pinned), o own (held by the tasks only, or not yet there).
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
	enum container_ns_mode mode[NS_COUNT];
	bool pinned[NS_COUNT];
	bool transient;		       /* ends with the last copy of its creator's fd */
	bool empty_root;	       /* own mount namespace that has no root yet */
	bool nested;		       /* has, or once had, nested containers */
	char cgroup[SPEC_CGROUP_SIZE]; /* below the hierarchy's cgroup: "" or "/ID/ID" */
};

/* -ENAMETOOLONG. */
int spec_format(const struct spec *spec, char buf[SPEC_TEXT_SIZE]);

/* -EINVAL: not such a record. */
int spec_parse(const char *text, struct spec *ret_spec);

/* Types in a given mode, as CLONE_NEW* flags. */
unsigned int spec_flags(const struct spec *spec, enum container_ns_mode mode);

bool spec_has_pins(const struct spec *spec);
