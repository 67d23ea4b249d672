/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * key ls: what is in the keyring of a container. What the keys contain is not told, nor can be.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "report.h"
#include "verbs.h"

static const struct report_column columns[] = {
	{"ID", "id", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	{"TYPE", "type", 0, SCOLS_JSON_STRING},
	{"USER", "user", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER},
	{"DESCRIPTION", "description", 0, SCOLS_JSON_STRING},
};

static int add_key(const struct container_key *key, void *arg)
{
	struct libscols_line *line = scols_table_new_line(arg, NULL);
	char serial[16], user[16];

	snprintf(serial, sizeof(serial), "%d", key->serial);
	snprintf(user, sizeof(user), "%u", key->uid);
	if (!line || scols_line_set_data(line, 0, serial) < 0 ||
	    scols_line_set_data(line, 1, key->type) < 0 || scols_line_set_data(line, 2, user) < 0 ||
	    scols_line_set_data(line, 3, key->description) < 0)
		return report_no_memory();
	return 0;
}

static int list(const char *name, bool json)
{
	autoclose int container = cli_open(name);
	struct libscols_table *table;
	int r, status = EXIT_FAILED;

	if (container < 0)
		return EXIT_FAILED;
	table = report_table(columns, ARRAY_SIZE(columns), json, false);
	if (!table)
		return EXIT_FAILED;
	r = container_keys(container, add_key, table);
	if (r < 0)
		cli_failed(name);
	else if (r == 0)
		status = report_print(table, json);
	scols_unref_table(table);
	return status;
}

/* Its options were looked at before (key.c). */
int verb_key_ls(int argc, char **argv)
{
	bool json = false;
	int status;

	status = cli_json("key", argc, argv, &json);
	if (status >= 0)
		return status;
	if (argc - optind != 2 || strcmp(argv[optind], "ls") != 0)
		return cli_usage("key", "ls and one container");
	return list(argv[optind + 1], json);
}
