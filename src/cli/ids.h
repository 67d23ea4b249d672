/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ids as a container numbers them, and as the caller does: both ways through the maps of its user
 * namespace.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDS_NOBODY 65534

struct ids_range {
	uint32_t inside, outside, count;
};
struct ids {
	struct ids_range *range[2]; /* CONTAINER_UID_MAP, CONTAINER_GID_MAP */
	size_t count[2];
};

/* Without a container all ids are themselves, as they are without ids_load(). */
void ids_init(struct ids *ids);

/* Those of a container: 0; -1: told. */
int ids_load(struct ids *ids, int container, const char *name);

/* As the container numbers it, as the caller does; false: it has no such number there. */
bool ids_inside(const struct ids *ids, int which, uint32_t outside, uint32_t *ret_inside);
bool ids_outside(const struct ids *ids, int which, uint32_t inside, uint32_t *ret_outside);

void ids_free(struct ids *ids);
#define autoids __attribute__((cleanup(ids_free)))
