/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in a directory, told such that one that could not be read to its end is not taken for a short one.
 * Allocates: not between clone and exec.
 */
#pragma once

#include <dirent.h>

/* Links are not followed. Closed by autodir. */
int dir_open(int at, const char *path, DIR **ret_dir);

/*
 * One entry after the other, but "." and ".."; of subdirectories the names alone. NULL at the end, at once if *r is
 * not 0, and when it could not be read: then *r is -errno.
 */
struct dirent *dir_next_entry(DIR *dir, int *r);
const char *dir_next_subdir(DIR *dir, int *r);
