/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables by libsmartcols, and the one JSON form: an array of objects.
 */
#pragma once

#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>

struct report_column {
	const char *name; /* in the table's head */
	const char *json; /* as a member of an object */
	int flags;	  /* SCOLS_FL_* */
	int json_type;	  /* SCOLS_JSON_* */
};

/* Tell that there is no memory; returns EXIT_FAILED. */
int report_no_memory(void);

/* NULL: out of memory, told. */
struct libscols_table *report_table(const struct report_column *columns, size_t count, bool json,
				    bool tree);

/* By the first column, and with tree nested ones below their parents: 0, or EXIT_FAILED and told. */
int report_sort(struct libscols_table *table, bool tree);

/* Returns the exit status, told. */
int report_print(struct libscols_table *table, bool json);
