/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own namespaces of a container belong to the user namespace that it has: if that becomes another one, they
 * are made anew. A namespace that somebody else shares would stay behind with them, so that is refused.
 */
#pragma once

#include "object.h"

/*
 * Whether that may be done to a container without tasks: no other one shares what it owns (-EBUSY, which names
 * the types and whose), and no nested one has what hangs below its user namespace (-ENOTEMPTY).
 */
int renew_check(const struct hierarchy *h, const struct object *o);

/*
 * All that it owns is made as next says, but in the places that the record does not name yet, and the record
 * written, as by change_commit(); next is adapted to that. Its hostname is kept, and a root that was given;
 * what is in a private view is not.
 */
int renew_commit(const struct hierarchy *h, struct object *o, struct object *next, int r);
