/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * talk serve ADDRESS PORT WORD: says "up", and sends WORD to the first who connects.
 * talk ADDRESS PORT: connects, and prints what it gets.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

static int serve(int s, const struct sockaddr_in *address, const char *word)
{
	if (bind(s, (const struct sockaddr *)address, sizeof(*address)) < 0 || listen(s, 1) < 0)
		return failed("serve");
	printf("up\n");
	fflush(stdout);
	s = accept(s, NULL, NULL);
	if (s < 0 || write(s, word, strlen(word)) < 0)
		return failed("accept");
	return 0;
}

static int ask(int s, const struct sockaddr_in *address)
{
	char text[64];
	ssize_t n;

	if (connect(s, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return failed("connect");
	n = read(s, text, sizeof(text));
	if (n < 0)
		return failed("read");
	printf("%.*s\n", (int)n, text);
	return 0;
}

int main(int argc, char **argv)
{
	int serves = argc == 5 && strcmp(argv[1], "serve") == 0;
	struct sockaddr_in address = {.sin_family = AF_INET};
	int s;

	if (!serves && argc != 3)
		return 2;
	argv += 1 + serves;
	if (inet_pton(AF_INET, argv[0], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((in_port_t)atoi(argv[1]));
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s < 0)
		return failed("socket");
	return serves ? serve(s, &address, argv[2]) : ask(s, &address);
}
