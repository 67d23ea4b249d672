/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "way.h"

#include <errno.h>
#include <sched.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "vault.h"

void way_init(struct way *way, enum nstype type)
{
	*way = (struct way){.type = type, .cradle = -EBADF};
	join_plan_init(&way->plan);
}

void way_close(struct way *way)
{
	join_plan_close(&way->plan);
}

/* -ESRCH: an own namespace that no task has brought to life. */
static int find(const struct hierarchy *h, const struct object *o, struct way *way)
{
	const enum nstype type = way->type;
	const struct nstype_info *info = nstype_info(type);
	int r;

	way_init(way, type);
	way->cradle = h->cradle;
	/* One agent goes to the vault and on from there: half the price of a plan with an open pin. */
	if (way_is_short(o, type)) {
		way->pin = spec_pin_id(&o->spec, type);
		return 0;
	}
	r = join_plan_make(h, o, (unsigned int)info->clone_flag, &way->plan);
	if (r == 0 && way->plan.make)
		r = join_none_yet(type);
	return r;
}

static int go_by_pin(struct way *way)
{
	autoclose int ns = vault_enter_pin(way->cradle, way->pin, way->type);

	way->lost = ns == -ENOENT;
	if (ns < 0)
		return ns == -ENOENT ? error_set(ns, "pinned namespace is lost, or its container",
						 nstype_info(way->type)->name)
				     : error_set(ns, "open pinned namespaces", NULL);
	return setns(ns, nstype_info(way->type)->clone_flag) < 0 ? -errno : 0;
}

int way_go(struct way *way)
{
	const struct nstype_info *info = nstype_info(way->type);
	int r = 0, ns = join_plan_fd(&way->plan, way->type);

	if (way->pin)
		r = go_by_pin(way);
	else if (ns >= 0)
		r = setns(ns, info->clone_flag) < 0 ? -errno : 0;
	return r < 0 ? error_default(r, "join namespace", info->name) : 0;
}

int way_run(const struct hierarchy *h, const struct object *o, struct way *way,
	    int (*check)(const struct object *o), int (*agent)(void *arg), void *arg)
{
	struct object now = *o;
	int r = 0;

	for (int i = 0; r == 0; i++) {
		way_close(way);
		r = check ? check(&now) : 0;
		r = r ? r : find(h, &now, way);
		r = r ? r : agent_run_thread(agent, arg);
		if (!way->lost || i == JOIN_TRIES)
			return r;
		error_clear();
		way->lost = false;
		r = object_load(o->dir, &now.spec);
	}
	return r;
}
