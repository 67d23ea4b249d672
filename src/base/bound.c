/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bound.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "text.h"

#define RATE_SCALE 1000000
#define WEIGHT_USUAL 100
#define SET_MAX 8192
#define SET_WORD 64

/* The first that fits: a whole name, or how it ends. */
static const struct {
	const char *name;
	enum bound_kind kind;
} kinds[] = {
	{"cpu.max", BOUND_RATE},	 {"cpu.uclamp.max", BOUND_PERCENT},
	{"cpu.weight", BOUND_WEIGHT},	 {"io.weight", BOUND_WEIGHT},
	{"io.bfq.weight", BOUND_WEIGHT}, {"cpu.idle", BOUND_CLASS},
	{"io.prio.class", BOUND_CLASS},	 {".max", BOUND_NUMBER},
	{".high", BOUND_NUMBER},
};

static bool ends_in(const char *s, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && memcmp(s + len - end_len, end, end_len) == 0;
}

enum bound_kind bound_kind_of(const char *file)
{
	size_t len = strlen(file);

	/* cgroup.max.depth and the like bound what is made below. */
	if (strncmp(file, "cgroup.", strlen("cgroup.")) == 0)
		return BOUND_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].name[0] == '.' ? ends_in(file, len, kinds[i].name)
					    : strcmp(file, kinds[i].name) == 0)
			return kinds[i].kind;
	return BOUND_NONE;
}

static size_t word_len(const char *s)
{
	return strcspn(s, " \t\n");
}

static void skip_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

static bool is_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(s, word, len) == 0;
}

/* "max" or decimal digits, all len bytes of it. */
static int parse_number(const char *s, size_t len, uint64_t *ret_value)
{
	int r;

	if (is_word(s, len, "max")) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	r = text_parse_u64(s, UINT64_MAX - 1, ret_value);
	return r < 0 || (size_t)r != len ? -EINVAL : 0;
}

/* "12.5", in hundredths. */
static int parse_percent(const char *s, size_t len, uint64_t *ret_value)
{
	size_t whole = strcspn(s, ". \t\n"), digits = whole < len ? len - whole - 1 : 0;
	uint64_t fraction = 0;
	int r = parse_number(s, whole < len ? whole : len, ret_value);

	if (r < 0 || *ret_value == UINT64_MAX)
		return r;
	if (digits > 2 || (digits > 0 && parse_number(s + whole + 1, digits, &fraction) < 0) ||
	    fraction > 99 || *ret_value > UINT64_MAX / 200)
		return -EINVAL;
	*ret_value = *ret_value * 100 + (digits == 1 ? 10 * fraction : fraction);
	return 0;
}

/* "QUOTA PERIOD", as a part of one processor's time. */
static int parse_rate(const char *line, uint64_t *ret_value)
{
	size_t len = word_len(line);
	const char *period = line + len;
	uint64_t quota, of;

	skip_blanks(&period);
	if (parse_number(line, len, &quota) < 0 ||
	    parse_number(period, word_len(period), &of) < 0 || of == 0 || of == UINT64_MAX)
		return -EINVAL;
	if (quota == UINT64_MAX || quota > UINT64_MAX / RATE_SCALE)
		*ret_value = UINT64_MAX;
	else
		*ret_value = quota * RATE_SCALE / of;
	return 0;
}

/* Weights below the usual one, and classes, bound without a number that says how much. */
static int take_value(struct bound *b, enum bound_kind kind, const char *s, size_t len)
{
	int r;

	b->comparable = kind == BOUND_NUMBER || kind == BOUND_PERCENT;
	if (kind == BOUND_PERCENT)
		return parse_percent(s, len, &b->value);
	if (kind == BOUND_CLASS) {
		b->value = is_word(s, len, "0") || is_word(s, len, "no-change") ? UINT64_MAX : 0;
		return 0;
	}
	r = parse_number(s, len, &b->value);
	if (r == 0 && kind == BOUND_WEIGHT && b->value >= WEIGHT_USUAL)
		b->value = UINT64_MAX;
	return r;
}

/* The first word of a line: a value of its own if nothing follows, else what the values are of. */
static int begin_line(struct bound_reader *reader, enum bound_kind kind, struct bound *b)
{
	const char *line = reader->text;
	size_t len = word_len(line);

	*b = (struct bound){.head = line, .name = line};
	if (kind == BOUND_RATE) {
		reader->text += strcspn(line, "\n");
		b->comparable = true;
		return parse_rate(line, &b->value) < 0 ? -EINVAL : 1;
	}
	reader->text += len;
	skip_blanks(&reader->text);
	if (reader->text[0] == '\n' || reader->text[0] == '\0')
		return take_value(b, kind, line, len) < 0 ? -EINVAL : 1;
	reader->head = line;
	reader->head_len = len;
	return 0;
}

/* "NAME=VALUE", or "VALUE" alone, behind the head of its line. */
static int next_in_line(struct bound_reader *reader, enum bound_kind kind, struct bound *b)
{
	const char *word = reader->text;
	size_t len = word_len(word), name_len = 0;

	while (name_len < len && word[name_len] != '=')
		name_len++;
	*b = (struct bound){.head = reader->head, .head_len = reader->head_len, .name = word};
	if (name_len < len)
		b->name_len = name_len++;
	else
		name_len = 0;
	reader->text += len;
	skip_blanks(&reader->text);
	return take_value(b, kind, word + name_len, len - name_len) < 0 ? -EINVAL : 1;
}

int bound_next(struct bound_reader *reader, enum bound_kind kind, struct bound *ret_bound)
{
	for (;;) {
		int r;

		skip_blanks(&reader->text);
		if (reader->text[0] == '\0')
			return 0;
		if (reader->text[0] == '\n') {
			reader->text++;
			reader->head = NULL;
			continue;
		}
		r = reader->head ? next_in_line(reader, kind, ret_bound)
				 : begin_line(reader, kind, ret_bound);
		if (r != 0)
			return r;
	}
}

static bool same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

uint64_t bound_find(const char *text, enum bound_kind kind, const struct bound *of)
{
	struct bound_reader reader = {.text = text};
	struct bound b;

	while (bound_next(&reader, kind, &b) > 0)
		if (b.comparable && same_bytes(b.head, b.head_len, of->head, of->head_len) &&
		    same_bytes(b.name, b.name_len, of->name, of->name_len))
			return b.value;
	return UINT64_MAX;
}

/* --- sets --- */

struct set {
	uint64_t words[SET_MAX / SET_WORD];
};

static int take_range(struct set *set, const char **s)
{
	uint64_t first, last;
	int r = text_parse_u64(*s, SET_MAX - 1, &first);

	if (r < 0)
		return r;
	*s += r;
	last = first;
	if (**s == '-') {
		(*s)++;
		r = text_parse_u64(*s, SET_MAX - 1, &last);
		if (r < 0)
			return r;
		*s += r;
	}
	for (uint64_t i = first; i <= last; i++)
		set->words[i / SET_WORD] |= UINT64_C(1) << i % SET_WORD;
	return 0;
}

static int parse_set(struct set *set, const char *s)
{
	*set = (struct set){0};
	while (*s && *s != '\n') {
		int r = take_range(set, &s);

		if (r < 0 || (*s && *s != ',' && *s != '\n'))
			return -EINVAL;
		s += *s == ',';
	}
	return 0;
}

bool bound_set_within(const char *inner, const char *outer)
{
	struct set in, out;

	if (parse_set(&in, inner) < 0 || parse_set(&out, outer) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(in.words); i++)
		if (in.words[i] & ~out.words[i])
			return false;
	return true;
}
