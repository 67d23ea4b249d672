/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ls without options for a pipe or a file: the list that scripts ask for most, without the time that
 * loading and running a table library takes. It looks the same as container-report's, to the byte:
 * tests/shell/list.sh compares them.
 */
#pragma once

/* The list of "ls [-q] [NAME]"; -1: something else is asked for. */
int plain_ls(int argc, char **argv);
