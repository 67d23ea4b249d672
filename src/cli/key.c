/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * key add. (key ls is in container-report.)
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "verbs.h"

#define PAYLOAD_LIMIT ((1 << 20) - 1) /* of the kernel's */

struct payload {
	void *data;
	size_t len;
};

static void payload_forget(struct payload *p)
{
	if (p->data)
		explicit_bzero(p->data, p->len);
	free(p->data);
}

static int read_payload(const char *name, struct payload *p)
{
	p->data = malloc(PAYLOAD_LIMIT + 1);
	while (p->data && p->len <= PAYLOAD_LIMIT) {
		ssize_t n =
			read(STDIN_FILENO, (char *)p->data + p->len, PAYLOAD_LIMIT + 1 - p->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			cli_message(name, "read the payload: %s", strerror(errno));
			return EXIT_FAILED;
		}
		if (n == 0)
			return 0;
		p->len += (size_t)n;
	}
	if (p->data)
		cli_message(name, "the payload is too long: more than %d bytes", PAYLOAD_LIMIT);
	else
		cli_message(name, "read the payload: %s", strerror(errno));
	return EXIT_FAILED;
}

static int key_add(int argc, char **argv)
{
	__attribute__((cleanup(payload_forget))) struct payload p = {0};
	const char *given = argc > 3 ? argv[3] : NULL;
	autoclose int container = -EBADF;
	int serial;

	if (argc < 3 || argc > 4)
		return cli_usage("key", "add NAME TYPE DESCRIPTION [PAYLOAD|-]");
	container = cli_open(argv[0]);
	if (container < 0)
		return EXIT_FAILED;
	if (given && strcmp(given, "-") == 0) {
		if (read_payload(argv[0], &p))
			return EXIT_FAILED;
	} else if (given) {
		p = (struct payload){strdup(given), strlen(given)};
		if (!p.data) {
			cli_message(argv[0], "add key: %s", strerror(errno));
			return EXIT_FAILED;
		}
	}
	serial = container_add_key(container, argv[1], argv[2], p.data, p.len);
	if (serial < 0)
		return cli_failed_on(argv[0], argv[1][0] ? argv[2] : argv[1]);
	printf("%d\n", serial);
	return 0;
}

int verb_key(int argc, char **argv)
{
	bool json = false;
	int status;

	status = cli_json("key", argc, argv, &json);
	if (status >= 0)
		return status;
	if (optind < argc && strcmp(argv[optind], "ls") == 0)
		return -1;
	if (optind == argc || strcmp(argv[optind], "add") != 0)
		return cli_usage("key", "add or ls?");
	if (json)
		return cli_usage("key", "--json is for ls");
	return key_add(argc - optind - 1, argv + optind + 1);
}
