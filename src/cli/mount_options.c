/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount.h"

#include <string.h>
#include <sys/mount.h>

#include <linux/mount.h>

#include "cleanup.h"
#include "cli.h"

/* What is neither here nor a word below is for the file system to know. */
static const struct attribute {
	const char *name;
	uint64_t set, clear;
} attributes[] = {
	{"ro", MOUNT_ATTR_RDONLY, 0},
	{"rw", 0, MOUNT_ATTR_RDONLY},
	{"nosuid", MOUNT_ATTR_NOSUID, 0},
	{"suid", 0, MOUNT_ATTR_NOSUID},
	{"nodev", MOUNT_ATTR_NODEV, 0},
	{"dev", 0, MOUNT_ATTR_NODEV},
	{"noexec", MOUNT_ATTR_NOEXEC, 0},
	{"exec", 0, MOUNT_ATTR_NOEXEC},
	{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
	{"diratime", 0, MOUNT_ATTR_NODIRATIME},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
	{"defaults", 0, 0},
};

/* Whether it is this word; a value may be behind it. */
static bool is_word(const char *option, const char *word)
{
	size_t len = strlen(word);

	return strncmp(option, word, len) == 0 && (option[len] == '\0' || option[len] == '=');
}

/* Whether it is one of the mount itself. The last of two that contradict each other counts. */
static bool parse_attribute(struct mount_options *o, const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const struct attribute *a = &attributes[i];

		if (!is_word(option, a->name))
			continue;
		o->set = (o->set & ~(a->clear)) | a->set;
		o->clear = (o->clear & ~(a->set)) | a->clear;
		return true;
	}
	return false;
}

/* Ends the option at s in NUL, without its quotes; what comes behind it, NULL at the end. */
static char *cut(char *s)
{
	bool quoted = false;
	char *to = s;

	for (; *s && (quoted || *s != ','); s++) {
		if (*s == '"')
			quoted = !quoted;
		else
			*to++ = *s;
	}
	s = *s ? s + 1 : NULL;
	*to = '\0';
	return s;
}

static int add(struct mount_options *o, const char *option)
{
	bool is_bind = is_word(option, "bind"), is_rbind = is_word(option, "rbind");
	bool is_ours = is_bind || is_rbind || option[0] == '\0' || parse_attribute(o, option);

	o->bind |= is_bind || is_rbind;
	o->recursive |= is_rbind;
	if (is_ours)
		return strchr(option, '=') ? cli_usage("mount", "option takes no value: %s", option)
					   : 0;
	if (is_word(option, "remount") || is_word(option, "move"))
		return cli_usage("mount", "option %s: this mounts what is new only", option);
	if (o->count == MOUNT_OPTIONS)
		return cli_usage("mount", "too many options");
	o->option[o->count++] = option;
	return 0;
}

int mount_options_parse(struct mount_options *o, char *text)
{
	int status = 0;

	while (text && status == 0) {
		char *option = text;

		text = cut(text);
		status = add(o, option);
	}
	return status;
}
