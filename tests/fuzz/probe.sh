#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whether CLANG (the first argument) can build a libFuzzer target: succeeds if so. Prints nothing.
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
printf '#include <stddef.h>\n#include <stdint.h>\n%s\n' \
	'int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { (void)d; return n > 1; }' >"$dir/x.c"
"$1" -fsanitize=fuzzer,address,undefined "$dir/x.c" -o "$dir/x" >/dev/null 2>&1
