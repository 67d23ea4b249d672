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
#include "record.h"
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
	return record_write(o->dir, OBJECT_ENDED, record);
}

/* "PID IDENTITY STATUS". */
int ended_check(const char *text)
{
	const char *last = strrchr(text, ' ');
	size_t len = last ? (size_t)(last - text) : 0;
	char init[INIT_TEXT_SIZE];
	uint64_t status;

	if (len == 0 || len >= sizeof(init) ||
	    text_parse_whole_u64(last + 1, UINT16_MAX, &status) < 0)
		return -EUCLEAN;
	memcpy(init, text, len);
	init[len] = '\0';
	return init_check(init);
}

/* 1, 0, -errno. */
static int is_expected(int dir, const char *text)
{
	char ending[INIT_TEXT_SIZE];
	ssize_t n = kernel_readlink(dir, OBJECT_ENDING, ending, sizeof(ending));

	if (n < 0)
		return object_lacks_record(n) ? 0 : (int)n;
	return strcmp(ending, text) == 0;
}

/* Without a lock: another who stops it may use the temporary name in this moment. */
void ended_expect(const struct object *o, const char *text)
{
	for (int i = 0; i < EXPECT_TRIES && is_expected(o->dir, text) <= 0; i++)
		kernel_replace_link(o->dir, OBJECT_ENDING, text);
}

int ended_status(int dir, const char *text, int *ret_status)
{
	char record[ENDED_SIZE];
	size_t len = strlen(text);
	uint64_t status;
	ssize_t n = kernel_readlink(dir, OBJECT_ENDED, record, sizeof(record));

	*ret_status = -1;
	if (n < 0)
		return object_lacks_record(n) ? 0 : (int)n;
	if (strncmp(record, text, len) == 0 && record[len] == ' ' &&
	    text_parse_whole_u64(record + len + 1, UINT16_MAX, &status) == 0)
		*ret_status = (int)status;
	return 0;
}

static int state_of(const struct object *o, const char *text, int status,
		    enum container_state *ret_state)
{
	int expected;

	*ret_state = CONTAINER_STOPPED;
	if (status < 0 || o->spec.mode[NS_PID] != CONTAINER_NS_OWN || !WIFSIGNALED(status))
		return 0;
	if (WTERMSIG(status) == SIGINT)
		*ret_state = CONTAINER_HALTED;
	if (WTERMSIG(status) != SIGHUP)
		return 0;
	/* Some inits answer to being stopped by a reboot. */
	expected = is_expected(o->dir, text);
	if (expected == 0)
		*ret_state = CONTAINER_REBOOTING;
	return expected < 0 ? expected : 0;
}

int ended_state(const struct object *o, enum container_state *ret_state, int *ret_status)
{
	char text[INIT_TEXT_SIZE];
	int r = init_read_text(o->dir, text);

	*ret_status = -1;
	*ret_state = CONTAINER_CREATED;
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	r = ended_status(o->dir, text, ret_status);
	return r ? r : state_of(o, text, *ret_status, ret_state);
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
	r = state_of(o, ret_ended->text, ret_ended->status, &ret_ended->state);
	return r < 0 ? r : 1;
}
