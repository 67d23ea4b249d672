/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user that a task becomes, by the files of the root directory that the caller has by now. Used between clone
 * and exec.
 */
#pragma once

#include "account.h"

/* groups has room for ACCOUNT_GROUPS. Sets the error. */
int user_become(const struct account_wish *wish, gid_t *groups);
