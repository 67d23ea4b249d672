/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * events: a line for each event, written as it comes and in one piece. Ends when it is interrupted, when
 * nobody reads any more, or when the container is removed.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "verbs.h"

#define LINE_SIZE 8192

static const char *const types[] = {
	[CONTAINER_EVENT_CREATED] = "created", [CONTAINER_EVENT_STARTED] = "started",
	[CONTAINER_EVENT_FROZEN] = "frozen",   [CONTAINER_EVENT_THAWED] = "thawed",
	[CONTAINER_EVENT_STOPPED] = "stopped", [CONTAINER_EVENT_RENAMED] = "renamed",
	[CONTAINER_EVENT_REMOVED] = "removed",
};

static void format_time(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

/* No character of a path needs to be quoted. */
static int format_line(const struct container_event *event, bool json, char *buf, size_t size)
{
	bool stopped = event->type == CONTAINER_EVENT_STOPPED;
	bool known = stopped && event->exit_status >= 0;
	char time[40], status[24] = "";

	format_time(time, sizeof(time));
	if (known)
		snprintf(status, sizeof(status), "%d", cli_exit_status(event->exit_status));
	if (!json)
		return snprintf(buf, size, "%s %s %s %016" PRIx64 "%s%s\n", time,
				types[event->type], event->path, event->id, known ? " " : "",
				status);
	return snprintf(buf, size,
			"{\"time\":\"%s\",\"type\":\"%s\",\"path\":\"%s\",\"id\":\"%016" PRIx64
			"\"%s%s}\n",
			time, types[event->type], event->path, event->id,
			stopped ? ",\"exit_status\":" : "", stopped && !known ? "null" : status);
}

/* 0; 1: nobody reads, or a signal came; -1 and told. */
static int write_line(int signals, const char *line, size_t len)
{
	struct pollfd fds[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = STDOUT_FILENO, .events = POLLOUT},
	};

	while (len > 0) {
		ssize_t n = poll(fds, ARRAY_SIZE(fds), -1);

		/* So much a pipe that can be written to has room for. */
		if (n > 0 && !fds[0].revents)
			n = write(STDOUT_FILENO, line, len < PIPE_BUF ? len : PIPE_BUF);
		if (fds[0].revents || (n < 0 && errno == EPIPE))
			return 1;
		if (n < 0 && errno != EINTR) {
			cli_message(NULL, "write output: %s", strerror(errno));
			return -1;
		}
		line += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* All there are: 0; 1: there will be no more; -1 and told. */
static int print_events(struct container_events *events, int signals, uint64_t id, bool json)
{
	struct container_event event = {.size = sizeof(event)};
	char line[LINE_SIZE];
	int r;

	while ((r = container_events_next(events, &event)) > 0) {
		int len = format_line(&event, json, line, sizeof(line));

		r = write_line(signals, line, (size_t)len);
		if (r != 0)
			return r;
		if (event.type == CONTAINER_EVENT_REMOVED && event.id == id)
			return 1;
	}
	/* Taken down, with all there was. */
	if (r < 0 && errno == ENOENT)
		return 1;
	if (r < 0)
		cli_failed(NULL);
	return r;
}

static int watch(struct container_events *events, int signals, uint64_t id, bool json)
{
	struct pollfd fds[] = {
		{.fd = container_events_fd(events), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
		{.fd = STDOUT_FILENO}, /* tells when nobody reads any more */
	};
	int r = print_events(events, signals, id, json);

	while (r == 0) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return EXIT_FAILED;
		r = fds[1].revents || fds[2].revents ? 1 : print_events(events, signals, id, json);
	}
	return r < 0 ? EXIT_FAILED : 0;
}

/* From before the first look: what it is sent meanwhile ends it as well. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Who watches may be there before all containers. */
static int open_to_watch(const char *name)
{
	int container = container_open(name);

	if (container < 0 && errno == ENOENT && (strcmp(name, "/") == 0 || strcmp(name, ".") == 0))
		container = container_open_init();
	if (container < 0)
		cli_failed(name);
	return container;
}

int verb_events(int argc, char **argv)
{
	autoclose int container = -EBADF;
	autoclose int signals = -EBADF;
	struct container_events *events;
	const char *name;
	bool json = false;
	uint64_t id;
	int status;

	status = cli_json("events", argc, argv, &json);
	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return cli_usage("events", "one name at most");
	name = optind < argc ? argv[optind] : ".";
	container = open_to_watch(name);
	if (container < 0)
		return EXIT_FAILED;
	/* The library holds an fd for each init. */
	cli_allow_fds();
	signals = catch_signals();
	events = container_id(container, &id) < 0 ? NULL : container_events_open(container);
	if (!events)
		return cli_failed(name);
	status = watch(events, signals, id, json);
	container_events_close(events);
	return status;
}
