/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * This program goes on as a copy of itself that no container can change, from its beginning. argv: that
 * of a verb, with the name of the program before it. Returns 0 in the copy; else EXIT_FAILED, and it is
 * told why.
 */
int cli_seal(char **verb_argv);
