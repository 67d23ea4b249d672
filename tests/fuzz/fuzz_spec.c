/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec_parse: whatever it takes for a record is written again as the same text, is consistent, and
 * names a cgroup that cannot lead out of the hierarchy's.
 */
#include <errno.h>

#include "fuzz.h"
#include "spec.h"
#include "text.h"

static void check_consistent(const struct spec *spec)
{
	size_t len = strnlen(spec->cgroup, sizeof(spec->cgroup));

	holds(len < sizeof(spec->cgroup));
	holds(len % ID_TEXT_SIZE == 0);
	for (size_t i = 0; i < len; i++) {
		if (i % ID_TEXT_SIZE == 0)
			holds(spec->cgroup[i] == '/');
		else
			holds(strchr("0123456789abcdef", spec->cgroup[i]));
	}
	for (int t = 0; t < NS_COUNT; t++) {
		holds(spec->mode[t] <= CONTAINER_NS_SHARE);
		holds(spec->mode[t] != CONTAINER_NS_INHERIT || !spec->pinned[t]);
		holds(spec->mode[t] != CONTAINER_NS_SHARE || spec->pinned[t]);
		holds(!spec->second[t] || spec->pinned[t]);
	}
	holds((spec_flags(spec, CONTAINER_NS_OWN) & spec_flags(spec, CONTAINER_NS_SHARE)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), back[SPEC_TEXT_SIZE];
	struct spec spec, untouched;
	int r;

	memset(&spec, 0x5a, sizeof(spec));
	untouched = spec;
	r = spec_parse(text, &spec);
	if (r == 0) {
		check_consistent(&spec);
		holds(spec_format(&spec, back) == 0);
		holds(strcmp(back, text) == 0);
	} else {
		holds(r == -EINVAL);
		holds(memcmp(&spec, &untouched, sizeof(spec)) == 0);
	}
	free(text);
	return 0;
}
