/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reboots restart|halt|poweroff [term]: print "up" and call reboot(2), with "term" when SIGTERM comes.
 * Exits with 99 if it is not the first process of a pid namespace: it is for those only.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static int command(const char *name)
{
	if (strcmp(name, "restart") == 0)
		return RB_AUTOBOOT;
	return (int)(strcmp(name, "halt") == 0 ? RB_HALT_SYSTEM : RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	sigset_t term;
	int sig;

	if (argc < 2)
		return 2;
	/* The machine's own is number 1, too, but has no parent outside. */
	if (getpid() != 1 || getppid() != 0 || !getenv("container"))
		return 99;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (puts("up") < 0 || fflush(stdout) != 0)
		return 97;
	if (argc > 2)
		sigwait(&term, &sig);
	reboot(command(argv[1]));
	return 98;
}
