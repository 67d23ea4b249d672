/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random numbers for tests, from one printed seed: TEST_SEED=N repeats a run, TEST_STEPS=N sets its
 * length. Every test starts from the seed itself, so that it is repeated alone as among others.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct chance {
	uint64_t state;
};

static inline uint64_t chance_seed(void)
{
	static uint64_t seed;
	const char *text = getenv("TEST_SEED");

	if (seed)
		return seed;
	if (text && text[0])
		seed = strtoull(text, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
		seed >>= 16;
	seed += seed == 0;
	printf("# TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

static inline struct chance chance_begin(void)
{
	return (struct chance){chance_seed()};
}

/* splitmix64 */
static inline uint64_t chance_next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline size_t chance_below(struct chance *c, size_t n)
{
	return (size_t)(chance_next(c) % n);
}

/* True once in n times. */
static inline bool chance_one_in(struct chance *c, size_t n)
{
	return chance_below(c, n) == 0;
}

static inline long chance_steps(long otherwise)
{
	const char *text = getenv("TEST_STEPS");

	return text && text[0] ? strtol(text, NULL, 0) : otherwise;
}

/* A copy of len bytes and a NUL in memory of just that size: a sanitizer sees a byte read beyond. */
static inline char *exact_copy(const void *s, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		abort();
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

/*
 * Change a text at a few places: replace, insert, remove, double, cut; the bytes put in are mostly
 * from favourites. Returns the new length. The result has no NUL inside, and one after it.
 */
static inline size_t chance_mutate(struct chance *c, char *buf, size_t len, size_t size,
				   const char *favourites)
{
	for (size_t n = 1 + chance_below(c, 3); n > 0; n--) {
		size_t at = chance_below(c, len + 1), some = 1 + chance_below(c, 4);
		char byte = favourites[chance_below(c, strlen(favourites))];

		if (chance_one_in(c, 4))
			byte = (char)(1 + chance_below(c, 255));
		switch (chance_below(c, 5)) {
		case 0:
			if (at < len)
				buf[at] = byte;
			break;
		case 1:
			if (len + 1 < size) {
				memmove(buf + at + 1, buf + at, len - at);
				buf[at] = byte;
				len++;
			}
			break;
		case 2:
			if (at + some <= len) {
				memmove(buf + at, buf + at + some, len - at - some);
				len -= some;
			}
			break;
		case 3:
			some = at < len ? 1 + chance_below(c, len - at) : 0;
			if (len + some < size) {
				memmove(buf + at + some, buf + at, len - at);
				len += some;
			}
			break;
		default:
			if (chance_one_in(c, 4))
				len = at;
			break;
		}
	}
	buf[len] = '\0';
	return len;
}
