/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a container's last init has ended: the link @ended, "PID IDENTITY STATUS". And that it is being
 * stopped: the link @ending, "PID IDENTITY". Both begin with the record of the init that they are about
 * (init.h), and say nothing once another init is recorded: so nobody has to clear them, and who comes
 * late does no harm.
 *
 * An init that calls reboot(2) in its own pid namespace is seen ended by SIGHUP or SIGINT by the
 * kernel's doing; no signal of these numbers from anybody can end the first process of a pid namespace.
 */
#pragma once

#include "init.h"
#include "object.h"

/* Of an init that was recorded as text. Locks the container. -ESRCH: another init has come. */
int ended_record(const struct hierarchy *h, const struct object *o, const char *text, int status);

/* It is being stopped: if it reboots, it is not to be started again. Best effort. */
void ended_expect(const struct object *o, const char *text);

/* The status, as waitpid(2) has it, with which the init that was recorded as text has ended; -1: nobody knows. */
int ended_status(int dir, const char *text, int *ret_status);

/* Of a container without tasks: stopped, halted or rebooting; and the status of its last init, or -1. */
int ended_state(const struct object *o, enum container_state *ret_state, int *ret_status);

struct ended {
	char text[INIT_TEXT_SIZE];
	int status;
	enum container_state state; /* as above */
};

/*
 * The end of the process of a pidfd: 1; 0: it is not the container's last init. -EBUSY: it has not ended.
 * -ESRCH: not to be known. Takes no lock.
 */
int ended_look(const struct object *o, int pidfd, struct ended *ret_ended);

/* Whether a text is such a record: -EUCLEAN. */
int ended_check(const char *text);
