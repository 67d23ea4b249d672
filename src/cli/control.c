/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verbs that act on one or more existing containers: set, kill, freeze, thaw, wait, stop, reboot,
 * rename, rm, of.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/reboot.h>

#include "cleanup.h"
#include "cli.h"
#include "verbs.h"

enum { OPTION_HALT = 1000, OPTION_POWEROFF };

static const struct option help_only[] = {{"help", no_argument, NULL, 'h'}, {0}};

/* For verbs without options: -1 to go on, else the exit status. */
static int no_options(const char *verb, int argc, char **argv)
{
	int c = cli_option(verb, argc, argv, ":h", help_only);

	if (c == -1)
		return -1;
	return c == -2 ? 0 : EXIT_FAILED;
}

int verb_set(int argc, char **argv)
{
	autoclose int container = -EBADF;
	int r = no_options("set", argc, argv), status = 0;

	if (r >= 0)
		return r;
	if (argc - optind < 2)
		return cli_usage("set", "what is to be set? NAME KEY=VALUE...");
	container = cli_open(argv[optind]);
	if (container < 0)
		return EXIT_FAILED;
	for (int i = optind + 1; i < argc; i++)
		if (cli_set(container, argv[optind], argv[i]))
			status = EXIT_FAILED;
	return status;
}

static int kill_one(int container, const char *name, int sig)
{
	return container_kill(container, sig) < 0 ? cli_failed(name) : 0;
}

int verb_kill(int argc, char **argv)
{
	static const struct option longs[] = {
		{"signal", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	int sig = SIGKILL, c;

	while ((c = cli_option("kill", argc, argv, ":hs:", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		sig = cli_signal(optarg);
		if (sig < 0)
			return cli_usage("kill", "not a signal: %s", optarg);
	}
	return cli_each("kill", argc, argv, kill_one, sig);
}

static int freeze_one(int container, const char *name, int frozen)
{
	return container_freeze(container, frozen) < 0 ? cli_failed(name) : 0;
}

int verb_freeze(int argc, char **argv)
{
	int frozen = 1, r = no_options("freeze", argc, argv);

	return r >= 0 ? r : cli_each("freeze", argc, argv, freeze_one, frozen);
}

int verb_thaw(int argc, char **argv)
{
	int frozen = 0, r = no_options("thaw", argc, argv);

	return r >= 0 ? r : cli_each("thaw", argc, argv, freeze_one, frozen);
}

static int wait_one(int container, const char *name, int timeout)
{
	if (container_wait(container, timeout) == 0)
		return 0;
	if (errno != ETIMEDOUT)
		return cli_failed(name);
	cli_message(name, "wait: there still are tasks");
	return EXIT_TIMEOUT;
}

/* fn with how long, in ms; -1 if it is not said. */
static int each_in_time(const char *verb, int argc, char **argv,
			int (*fn)(int container, const char *name, int timeout))
{
	static const struct option longs[] = {
		{"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	int timeout = -1, c;

	while ((c = cli_option(verb, argc, argv, ":ht:", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		if (cli_seconds(optarg, &timeout) < 0)
			return cli_usage(verb, "not a number of seconds: %s", optarg);
	}
	return cli_each(verb, argc, argv, fn, timeout);
}

int verb_wait(int argc, char **argv)
{
	return each_in_time("wait", argc, argv, wait_one);
}

static int stop_one(int container, const char *name, int timeout)
{
	int r = container_stop(container, timeout);

	if (r > 0)
		cli_message(name, "stop: the time was up: tasks have been killed");
	return r < 0 ? cli_failed(name) : 0;
}

int verb_stop(int argc, char **argv)
{
	return each_in_time("stop", argc, argv, stop_one);
}

static int reboot_one(int container, const char *name, int cmd)
{
	return container_reboot(container, cmd) < 0 ? cli_failed(name) : 0;
}

int verb_reboot(int argc, char **argv)
{
	static const struct option longs[] = {{"halt", no_argument, NULL, OPTION_HALT},
					      {"poweroff", no_argument, NULL, OPTION_POWEROFF},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	int cmd = (int)LINUX_REBOOT_CMD_RESTART, c;

	while ((c = cli_option("reboot", argc, argv, ":h", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		cmd = c == OPTION_HALT ? (int)LINUX_REBOOT_CMD_HALT
				       : (int)LINUX_REBOOT_CMD_POWER_OFF;
	}
	return cli_each("reboot", argc, argv, reboot_one, cmd);
}

int verb_rename(int argc, char **argv)
{
	autoclose int container = -EBADF;
	int r = no_options("rename", argc, argv);

	if (r >= 0)
		return r;
	if (argc - optind != 2)
		return cli_usage("rename", "NAME and NEW");
	container = cli_open(argv[optind]);
	if (container < 0)
		return EXIT_FAILED;
	if (container_rename(container, argv[optind + 1]) < 0)
		return cli_failed_on(argv[optind], argv[optind + 1]);
	return 0;
}

int verb_rm(int argc, char **argv)
{
	static const struct option longs[] = {{"force", no_argument, NULL, 'f'},
					      {"recursive", no_argument, NULL, 'r'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	unsigned int flags = 0;
	int c, status = 0;

	while ((c = cli_option("rm", argc, argv, ":hfr", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		flags |= c == 'f' ? CONTAINER_REMOVE_KILL : CONTAINER_REMOVE_RECURSIVE;
	}
	if (optind >= argc)
		return cli_usage("rm", "which container?");
	for (int i = optind; i < argc; i++) {
		autoclose int container = container_open(argv[i]);

		if (container < 0 && errno == ENOENT && (flags & CONTAINER_REMOVE_KILL))
			continue;
		if (container < 0 || container_remove(container, flags) < 0)
			status = cli_failed(argv[i]);
	}
	return status;
}

int verb_of(int argc, char **argv)
{
	static const struct option longs[] = {
		{"self", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	autoclose int container = -EBADF;
	char path[4096], *end;
	long pid = -1;
	int c;

	while ((c = cli_option("of", argc, argv, ":hs", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		pid = 0;
	}
	if (pid < 0 && argc - optind == 1) {
		errno = 0;
		pid = strtol(argv[optind], &end, 10);
		if (errno || *end || end == argv[optind] || pid <= 0 || pid > INT_MAX)
			return cli_usage("of", "not a pid: %s", argv[optind]);
	} else if (pid < 0 || optind < argc) {
		return cli_usage("of", "a pid, or --self");
	}
	container = container_of((pid_t)pid);
	/* Before any container was made all processes are in what "/" will be. */
	if (container < 0 && errno == ENOENT && container_open("/") < 0 && errno == ENOENT) {
		puts("/");
		return 0;
	}
	if (container < 0 || container_path(container, path, sizeof(path)) < 0)
		return cli_failed(pid ? argv[optind] : NULL);
	puts(path);
	return 0;
}
