/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image_init: init of a container whose root is an image with nothing in it but this. Tells what it
 * has and sees, a line each, and returns the status N of "exit N"; with "hold" it stays, and says "up".
 */
#include <dirent.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* All names in a directory, in the order of the alphabet. */
static void list(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_shown, alphasort);

	printf("%s:", path);
	for (int i = 0; i < n; i++) {
		printf(" %s", entries[i]->d_name);
		free(entries[i]);
	}
	printf("\n");
	if (n >= 0)
		free(entries);
}

static void tell_key(void)
{
	char text[64] = "";
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
			   "example:word", 0);

	if (key < 0 || syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text) - 1) < 0)
		strcpy(text, "none");
	printf("key: %s\n", text);
}

int main(int argc, char **argv)
{
	char name[64] = "";
	struct statfs fs;

	gethostname(name, sizeof(name) - 1);
	printf("pid: %d\nhostname: %s\n", getpid(), name);
	if (statfs("/", &fs) == 0)
		printf("root: %#lx%s\n", (unsigned long)fs.f_type & 0xffffffff,
		       fs.f_flags & 1 ? " ro" : "");
	list("/");
	list("/proc");
	list("/proc/1/fd");
	tell_key();
	fflush(stdout);
	if (argc > 2 && strcmp(argv[1], "exit") == 0)
		return atoi(argv[2]);
	if (argc > 1 && strcmp(argv[1], "hold") == 0) {
		printf("up\n");
		fflush(stdout);
		pause();
	}
	return 0;
}
