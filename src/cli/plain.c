/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "listing.h"

#define COLUMNS 6

/* A row is its texts, one after the other with a NUL each, in the block of all rows. */
struct rows {
	struct listing_base base;
	bool quiet;
	char *text;
	size_t len, room;
	size_t *start; /* of each row */
	size_t count, row_room;
	size_t width[COLUMNS];
};

static const char *const head[COLUMNS] = {"NAME", "STATE", "TASKS", "INIT", "OWN", "SHARED"};
static const bool right[COLUMNS] = {false, false, true, true, false, false};

static int grow(void **memory, size_t *room, size_t needed, size_t size)
{
	void *grown;

	if (needed <= *room)
		return 0;
	grown = realloc(*memory, 2 * needed * size);
	if (!grown)
		return -1;
	*memory = grown;
	*room = 2 * needed;
	return 0;
}

static int add_row(struct rows *rows, const char *const cell[], size_t count)
{
	if (grow((void **)&rows->start, &rows->row_room, rows->count + 1, sizeof(*rows->start)) < 0)
		return -1;
	rows->start[rows->count++] = rows->len;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(cell[i]);

		if (grow((void **)&rows->text, &rows->room, rows->len + len + 1, 1) < 0)
			return -1;
		memcpy(rows->text + rows->len, cell[i], len + 1);
		rows->len += len + 1;
		if (len > rows->width[i])
			rows->width[i] = len;
	}
	return 0;
}

/* 1: out of memory; it ends the walk. */
static int add_container(const struct container_info *info, void *arg)
{
	struct rows *rows = arg;
	char tasks[24], init[24], own[128], shared[128];

	if (rows->quiet)
		return -add_row(rows, (const char *[]){listing_name(&rows->base, info->path)}, 1);
	init[0] = '\0';
	snprintf(tasks, sizeof(tasks), "%zu", info->tasks);
	if (info->init)
		snprintf(init, sizeof(init), "%d", (int)info->init);
	listing_types(info->own, own, sizeof(own));
	listing_types(info->shared, shared, sizeof(shared));
	return -add_row(rows,
			(const char *[]){listing_name(&rows->base, info->path),
					 listing_state(info->state), tasks, init, own, shared},
			COLUMNS);
}

static int compare_rows(const struct rows *rows, size_t a, size_t b)
{
	return strcmp(rows->text + rows->start[a], rows->text + rows->start[b]);
}

/* A merge sort: qsort_r(3) is not in all libcs that this is built with. */
static void sort_rows(struct rows *rows, size_t *scratch, size_t begin, size_t end)
{
	size_t middle = begin + (end - begin) / 2, a = begin, b = middle, n = 0;

	if (end - begin < 2)
		return;
	sort_rows(rows, scratch, begin, middle);
	sort_rows(rows, scratch, middle, end);
	while (a < middle || b < end) {
		bool from_a = b == end || (a < middle && compare_rows(rows, a, b) <= 0);

		scratch[n++] = rows->start[from_a ? a++ : b++];
	}
	memcpy(rows->start + begin, scratch, n * sizeof(*scratch));
}

/* Bytes one by one: the texts are short, and a call for each would take longer. */
static char *put_cell(char *to, const char *text, size_t len, size_t width, bool to_right)
{
	size_t pad = width - len;

	for (size_t i = 0; to_right && i < pad; i++)
		*to++ = ' ';
	for (size_t i = 0; i < len; i++)
		*to++ = text[i];
	for (size_t i = 0; !to_right && i < pad; i++)
		*to++ = ' ';
	return to;
}

static int print_rows(const struct rows *rows)
{
	size_t columns = rows->quiet ? 1 : COLUMNS, line = 1;
	autofree char *out = NULL;
	char *to;

	for (size_t c = 0; c < columns; c++)
		line += rows->width[c] + 1;
	to = out = malloc(rows->count * line + 1);
	if (!out)
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		const char *text = rows->text + rows->start[i];

		for (size_t c = 0; c < columns; c++) {
			size_t len = strlen(text);
			bool is_last = c == columns - 1;

			to = put_cell(to, text, len, is_last ? len : rows->width[c], right[c]);
			*to++ = is_last ? '\n' : ' ';
			text += len + 1;
		}
	}
	(void)fwrite(out, 1, (size_t)(to - out), stdout);
	return 0;
}

static int no_memory(void)
{
	cli_message(NULL, "out of memory");
	return EXIT_FAILED;
}

/* The status to end with; that output could not be written is told at the end. */
static int list(struct rows *rows, int container, const char *name)
{
	unsigned int flags = CONTAINER_WALK_RECURSIVE | (rows->quiet ? 0 : CONTAINER_WALK_TASKS);
	size_t first = rows->quiet ? 0 : 1;
	autofree size_t *scratch = NULL;
	int r;

	if (!rows->quiet && add_row(rows, head, COLUMNS) < 0)
		return no_memory();
	r = container_walk(container, flags, add_container, rows);
	if (r < 0 && errno != EUCLEAN)
		return cli_failed(name);
	scratch = malloc((rows->count + 1) * sizeof(*scratch));
	if (r > 0 || !scratch)
		return no_memory();
	sort_rows(rows, scratch, first, rows->count);
	if (rows->count > first && print_rows(rows) < 0)
		return no_memory();
	return r < 0 ? cli_failed(name) : 0;
}

int plain_ls(int argc, char **argv)
{
	struct rows rows = {0};
	autoclose int container = -EBADF;
	int i = 1, r;

	if (i < argc && (strcmp(argv[i], "-q") == 0 || strcmp(argv[i], "--quiet") == 0)) {
		rows.quiet = true;
		i++;
	}
	if (argc - i > 1 || (i < argc && argv[i][0] == '-') ||
	    (!rows.quiet && isatty(STDOUT_FILENO)))
		return -1;
	container = listing_open(i < argc ? argv[i] : NULL, &rows.base);
	if (container < 0)
		return container == -2 ? 0 : EXIT_FAILED;
	r = list(&rows, container, i < argc ? argv[i] : NULL);
	free(rows.text);
	free(rows.start);
	return r;
}
