/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private mount namespaces for floor.c and setup.c. On failure: NULL is success, else the step. */
#ifndef BENCH_NS_H
#define BENCH_NS_H

/* To see to it that mount namespaces that others make from now on can be pinned in ours. */
const char *ns_private(void);

/* The same, with nothing mounted but one tmpfs. */
const char *ns_vault(void);

/* The mount namespace of pid is kept alive by a bind mount on file, which is made. */
const char *ns_pin(const char *file, int pid);

#endif
