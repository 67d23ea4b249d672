/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t pending; /* what a handler knows is global */

static void remember(int sig)
{
	pending = sig;
}

/* Calls are restarted: what is not asked about a signal shall not fail by one. */
void interrupt_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction action = {
		.sa_handler = remember,
		.sa_flags = SA_RESTART | (int)SA_RESETHAND,
	};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction old;

		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

bool interrupt_pending(void)
{
	return pending != 0;
}

void interrupt_end(void)
{
	if (pending == 0)
		return;
	if (signal(pending, SIG_DFL) != SIG_ERR)
		kill(getpid(), pending);
}
