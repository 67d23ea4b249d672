/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lockall DIR: as nobody, open and lock all that is below DIR, again and again, until killed. Each path
 * that could be opened is a line of the output. What is root's alone is named by root.
 */
#include "../unit/locker.h"

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	locker_run(argv[1], stdout);
	return 1;
}
