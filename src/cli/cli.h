/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the verbs share: messages, names, lists of namespace types, running a program in the
 * foreground. Public library only.
 */
#pragma once

#include <containerfs/container.h>
#include <stdbool.h>
#include <stddef.h>

#define EXIT_FAILED 125	   /* ours; the command's own status is passed through */
#define EXIT_NOT_RUN 126   /* found but not runnable */
#define EXIT_NOT_FOUND 127 /* no such command */
#define EXIT_TIMEOUT 124   /* as timeout(1) */

/* A verb as it is described; what it does is in the table of the program that has it. */
struct verb {
	const char *name, *alias;
	const char *summary; /* a line for the overview */
	const char *help;    /* after "Usage: container " */
};
extern const struct verb verbs[];		/* name NULL at the end */
const struct verb *verb_find(const char *name); /* by name or alias; NULL */

/*
 * "container: WHAT: message". What does not print is shown as tables show it, a part between colons that
 * is empty as two quotes.
 */
void cli_message(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tell of the last error of the library, with a remedy where there is one; returns EXIT_FAILED. */
int cli_failed(const char *what);

/* The same of an operand: the library's error does not say if it is that which is empty. */
int cli_failed_on(const char *what, const char *operand);

/* The same of errno, for a step of the caller's. */
int cli_errno(const char *what, const char *step, const char *object);

/* As in messages and tables: "\x1b" for what does not print. Owned; NULL: out of memory. */
char *cli_printable(const char *text);

/* A wrong call: the reason if any, and how to get help; returns EXIT_FAILED. */
int cli_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * getopt_long(3) with --help and -h for all: -1 at the end; -2: help was printed; -3: a wrong option,
 * told.
 */
struct option;
int cli_option(const char *verb, int argc, char **argv, const char *shorts,
	       const struct option *longs);

/* For verbs that have --json and no other option: -1, or the status to end with. */
int cli_json(const char *verb, int argc, char **argv, bool *ret_json);

/* "uts,network" or "all" to CONTAINER_NEW_* or CLONE_NEW* flags; -1 and told. */
int cli_types(const char *verb, const char *list, bool clone_flags, unsigned int *ret_flags);
int cli_type_flag(const char *name, size_t len); /* CLONE_NEW*; -1 */
const char *cli_type_name(unsigned int clone_flag);

int cli_open(const char *name); /* told on failure */

/* A signal by number, or by name with or without "SIG": "USR1", "RTMIN+3"; -1. */
int cli_signal(const char *text);

/* "SIGUSR1"; the number if it has no name. */
#define CLI_SIGNAL_SIZE 24
void cli_signal_name(int sig, char buf[CLI_SIGNAL_SIZE]);

/* "0.5" to 500 ms: 0; -1. */
int cli_seconds(const char *text, int *ret_ms);

/* A status of waitpid(2) as a shell tells it: 128 plus N if signal N ended it. */
int cli_exit_status(int status);

/* TYPE=CONTAINER|PATH|own|inherit and so on, one setting: 0, or EXIT_FAILED and told. */
int cli_set(int container, const char *name, const char *setting);

/* The container's cgroup in this directory: 0, or EXIT_FAILED and told. */
int cli_adopt(int container, const char *name, const char *path);

/* auto, auto:COUNT, host, or a map as uid_map= takes it. */
int cli_set_ids(int container, const char *name, const char *value);

/* Options that tell how a program runs, common to run and enter. */
struct cli_program {
	struct container_spawn spawn;
	const char **envp; /* owned */
	size_t env_count;
	const char *argv_default[2];
	bool is_default;
	bool is_last; /* its container goes with it, and nobody will ask how it ended */
};
#define CLI_PROGRAM_OPTIONS "u:w:e:"
#define CLI_PROGRAM_LONG_OPTIONS                                                                   \
	{"user", required_argument, NULL, 'u'}, {"workdir", required_argument, NULL, 'w'},         \
	{                                                                                          \
		"env", required_argument, NULL, 'e'                                                \
	}
int cli_program_init(struct cli_program *p);
/* One of these options: 0, or EXIT_FAILED and told; -1: it is another. */
int cli_program_option(struct cli_program *p, int option, const char *value);
void cli_program_argv(struct cli_program *p, int argc, char **argv);
void cli_program_free(struct cli_program *p);
#define autoprogram __attribute__((cleanup(cli_program_free)))

/*
 * Start it and wait for it with terminal and signals passed through; again, if it was init and has called
 * reboot(2) to restart. Returns the exit status for the shell, 0 after a halt.
 */
int cli_program_run(struct cli_program *p, int container, const char *name);

/*
 * Become container-report, which has the verbs with tables: it is beside this program, or where it
 * was installed.
 */
int cli_report(char **argv);

/*
 * What main() returns: the status of run(argc, argv), once all output is written. Before it: that none of the
 * standard fds is one of ours. For those that are closed there is one then that can be neither read from nor
 * written to as they are, and that no other program gets. And a stack that is large enough.
 */
int cli_main(int (*run)(int argc, char **argv), int argc, char **argv);

/* As many fds as the hard limit allows. */
void cli_allow_fds(void);

/*
 * The same operation for each name: all are tried. fn returns 0, or the status to end with and has told;
 * the last such status is returned.
 */
int cli_each(const char *verb, int argc, char **argv,
	     int (*fn)(int container, const char *name, int value), int value);
