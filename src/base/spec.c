/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define FLAG_COUNT 5

struct flag {
	const char *word;
	bool *value;
};

static void flag_list(struct spec *spec, struct flag flags[FLAG_COUNT])
{
	flags[0] = (struct flag){"transient,", &spec->transient};
	flags[1] = (struct flag){"empty,", &spec->empty_root};
	flags[2] = (struct flag){"nested,", &spec->nested};
	flags[3] = (struct flag){"leaf,", &spec->leaf};
	flags[4] = (struct flag){"adopted,", &spec->adopted};
}

/* Each letter means one state of a type, and each state has one letter. */
static const struct letter {
	char letter;
	enum container_ns_mode mode;
	bool pinned, second;
} letters[] = {
	{'i', CONTAINER_NS_INHERIT, false, false}, {'o', CONTAINER_NS_OWN, false, false},
	{'O', CONTAINER_NS_OWN, true, false},	   {'P', CONTAINER_NS_OWN, true, true},
	{'S', CONTAINER_NS_SHARE, true, false},	   {'T', CONTAINER_NS_SHARE, true, true},
};

static char mode_letter(const struct spec *spec, int type)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].mode == spec->mode[type] &&
		    letters[i].pinned == spec->pinned[type] &&
		    letters[i].second == spec->second[type])
			return letters[i].letter;
	return '\0';
}

static int mode_parse(struct spec *spec, int type, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
		if (letters[i].letter != letter)
			continue;
		spec->mode[type] = letters[i].mode;
		spec->pinned[type] = letters[i].pinned;
		spec->second[type] = letters[i].second;
		return 0;
	}
	return -EINVAL;
}

int spec_format(const struct spec *spec, char buf[SPEC_TEXT_SIZE])
{
	char modes[NS_COUNT + 1] = "", number[21];
	size_t len = ID_TEXT_SIZE - 1;
	struct spec copy = *spec;
	struct flag flags[FLAG_COUNT];
	bool any = false;
	int r;

	for (int t = 0; t < NS_COUNT; t++) {
		modes[t] = mode_letter(spec, t);
		if (modes[t] == '\0')
			return -EINVAL;
	}
	text_format_id(spec->id, buf);
	r = text_append(buf, SPEC_TEXT_SIZE, &len, " cg=");
	r = r ? r : text_append(buf, SPEC_TEXT_SIZE, &len, spec->cgroup);
	r = r ? r : text_append(buf, SPEC_TEXT_SIZE, &len, " ns=");
	r = r ? r : text_append(buf, SPEC_TEXT_SIZE, &len, modes);
	if (r == 0 && spec->inode) {
		text_format_u64(spec->inode, number);
		r = text_append(buf, SPEC_TEXT_SIZE, &len, " dir=");
		r = r ? r : text_append(buf, SPEC_TEXT_SIZE, &len, number);
	}
	flag_list(&copy, flags);
	for (size_t i = 0; r == 0 && i < FLAG_COUNT; i++) {
		if (!*flags[i].value)
			continue;
		r = any ? 0 : text_append(buf, SPEC_TEXT_SIZE, &len, " flags=");
		r = r ? r : text_append(buf, SPEC_TEXT_SIZE, &len, flags[i].word);
		any = true;
	}
	return r;
}

/* If s begins with word, the rest of it; else NULL. */
static const char *skip_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncmp(s, word, n) == 0 ? s + n : NULL;
}

bool spec_text_is_transient(const char *text)
{
	return strstr(text, " flags=transient,") != NULL;
}

/* At least one, each at most once, in the order in which they are written. */
static int flags_parse(struct spec *spec, const char *s)
{
	struct flag flags[FLAG_COUNT];
	bool any = false;

	flag_list(spec, flags);
	for (size_t i = 0; i < FLAG_COUNT; i++) {
		const char *rest = skip_word(s, flags[i].word);

		if (!rest)
			continue;
		*flags[i].value = any = true;
		s = rest;
	}
	return any && *s == '\0' ? 0 : -EINVAL;
}

/* Not 0, which locks and pins would take for something else, nor with the bit of second places. */
static bool is_id(uint64_t id)
{
	return id > 0 && id <= INT64_MAX;
}

/* "/ID/ID": its length, or -EINVAL. The last one is the container's own. */
static int chain_parse(const char *s, uint64_t own)
{
	size_t len = strcspn(s, " ");
	uint64_t id = own;

	if (len >= SPEC_CGROUP_SIZE || len % ID_TEXT_SIZE != 0 || !is_id(own))
		return -EINVAL;
	for (size_t i = 0; i < len; i += ID_TEXT_SIZE)
		if (s[i] != '/' || text_parse_id(s + i + 1, &id) < 0 || !is_id(id))
			return -EINVAL;
	return id == own ? (int)len : -EINVAL;
}

/* *s is moved behind " dir=INODE", if it is there. */
static int inode_parse(const char **s, uint64_t *ret_inode)
{
	const char *rest = skip_word(*s, " dir=");
	int used = rest ? text_parse_u64(rest, UINT64_MAX, ret_inode) : 0;

	/* One way to write it. */
	if (!rest)
		*ret_inode = 0;
	else if (used < 0 || rest[0] == '0')
		return -EINVAL;
	*s = rest ? rest + used : *s;
	return 0;
}

/* Listing parses thousands: most of the structure is room for a long chain, which is not touched. */
int spec_parse(const char *text, struct spec *ret_spec)
{
	struct spec spec;
	const char *s, *chain;
	int len;

	if (text_parse_id(text, &spec.id) < 0)
		return -EINVAL;
	chain = skip_word(text + ID_TEXT_SIZE - 1, " cg=");
	len = chain ? chain_parse(chain, spec.id) : -EINVAL;
	s = len < 0 ? NULL : skip_word(chain + len, " ns=");
	if (!s || strlen(s) < NS_COUNT)
		return -EINVAL;
	for (int t = 0; t < NS_COUNT; t++)
		if (mode_parse(&spec, t, s[t]) < 0)
			return -EINVAL;
	s += NS_COUNT;
	if (inode_parse(&s, &spec.inode) < 0)
		return -EINVAL;
	spec.transient = spec.empty_root = spec.nested = spec.leaf = spec.adopted = false;
	if (*s != '\0') {
		s = skip_word(s, " flags=");
		if (!s || flags_parse(&spec, s) < 0)
			return -EINVAL;
	}
	/* It would be found by the first id of its chain. */
	if (spec.adopted && len == 0)
		return -EINVAL;
	memcpy(ret_spec, &spec, offsetof(struct spec, cgroup));
	memcpy(ret_spec->cgroup, chain, (size_t)len);
	ret_spec->cgroup[len] = '\0';
	return 0;
}

bool spec_is_nested_in(const struct spec *spec, const struct spec *parent)
{
	size_t len = strlen(parent->cgroup);

	return strlen(spec->cgroup) == len + ID_TEXT_SIZE &&
	       memcmp(spec->cgroup, parent->cgroup, len) == 0;
}

unsigned int spec_flags(const struct spec *spec, enum container_ns_mode mode)
{
	unsigned int flags = 0;

	for (int t = 0; t < NS_COUNT; t++)
		if (spec->mode[t] == mode)
			flags |= (unsigned int)nstype_info(t)->clone_flag;
	return flags;
}

bool spec_has_pins(const struct spec *spec)
{
	for (int t = 0; t < NS_COUNT; t++)
		if (spec->pinned[t])
			return true;
	return false;
}

uint64_t spec_pin_id(const struct spec *spec, enum nstype type)
{
	return spec->id | (spec->second[type] ? SPEC_SECOND : 0);
}
