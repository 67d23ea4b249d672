/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ended.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "error.h"
#include "kernel.h"
#include "lock.h"
#include "proc.h"
#include "text.h"

#define EXPECT_TRIES 10
#define ENDED_SIZE (INIT_TEXT_SIZE + 22)

int ended_record(const struct hierarchy *h, const struct object *o, const char *text, int status)
{
	char now[INIT_TEXT_SIZE], record[ENDED_SIZE] = "", number[21];
	struct spec spec;
	size_t len = 0;
	int r = lock_take(h->lock, o->spec.id, LOCK_EXCLUSIVE);

	r = r ? r : object_load(o->dir, &spec);
	/* Those who record an end have the lock: the end of an older one is not put over it. */
	r = r ? r : init_read_text(o->dir, now);
	if (r == 0 && strcmp(now, text) != 0)
		r = -ESRCH;
	if (r < 0)
		return r;
	text_format_u64((uint64_t)status, number);
	text_append(record, sizeof(record), &len, text);
	text_append(record, sizeof(record), &len, " ");
	text_append(record, sizeof(record), &len, number);
	return kernel_replace_link(o->dir, OBJECT_ENDED, record);
}

static bool is_expected(int dir, const char *text)
{
	char ending[INIT_TEXT_SIZE];

	return kernel_readlink(dir, OBJECT_ENDING, ending, sizeof(ending)) >= 0 &&
	       strcmp(ending, text) == 0;
}

/* Without a lock: another who stops it may use the temporary name in this moment. */
void ended_expect(const struct object *o, const char *text)
{
	for (int i = 0; i < EXPECT_TRIES && !is_expected(o->dir, text); i++)
		kernel_replace_link(o->dir, OBJECT_ENDING, text);
}

int ended_status(int dir, const char *text)
{
	char record[ENDED_SIZE];
	size_t len = strlen(text);
	uint64_t status;

	if (kernel_readlink(dir, OBJECT_ENDED, record, sizeof(record)) < 0 ||
	    strncmp(record, text, len) != 0 || record[len] != ' ' ||
	    text_parse_whole_u64(record + len + 1, UINT16_MAX, &status) < 0)
		return -1;
	return (int)status;
}

static enum container_state state_of(const struct object *o, const char *text, int status)
{
	if (status < 0 || o->spec.mode[NS_PID] != CONTAINER_NS_OWN || !WIFSIGNALED(status))
		return CONTAINER_STOPPED;
	if (WTERMSIG(status) == SIGINT)
		return CONTAINER_HALTED;
	/* Some inits answer to being stopped by a reboot. */
	return WTERMSIG(status) == SIGHUP && !is_expected(o->dir, text) ? CONTAINER_REBOOTING
									: CONTAINER_STOPPED;
}

enum container_state ended_state(const struct object *o, int *ret_status)
{
	char text[INIT_TEXT_SIZE];

	*ret_status = -1;
	if (init_read_text(o->dir, text) < 0)
		return CONTAINER_CREATED;
	*ret_status = ended_status(o->dir, text);
	return state_of(o, text, *ret_status);
}

int ended_look(const struct object *o, int pidfd, struct ended *ret_ended)
{
	int r = init_read_text(o->dir, ret_ended->text);

	if (r < 0 || !init_text_is_of(ret_ended->text, pidfd))
		return r == -ESRCH ? 0 : r;
	r = proc_exit_status(pidfd, &ret_ended->status);
	if (r < 0)
		return error_set(r, r == -EBUSY ? "it has not ended" : "how it ended is not known",
				 NULL);
	ret_ended->state = state_of(o, ret_ended->text, ret_ended->status);
	return 1;
}
