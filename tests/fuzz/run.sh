#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh SECONDS [TARGET...]: run each fuzz target for that long, beginning with its seeds in
# tests/fuzz/corpus and with what earlier runs found in $FUZZ_CORPUS/NAME, if that is set.
#
# TARGET is a program; without any, those of the build directory ($BUILD, ./build by default) are
# built and run. Fails if a target crashed or broke an invariant; the input is then kept in
# $FUZZ_ARTIFACTS (by default the current directory), and `TARGET FILE` runs it again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ]; then
	echo "usage: run.sh SECONDS [TARGET...]" >&2
	exit 2
fi
seconds=$1
shift
if [ $# -eq 0 ]; then
	build=${BUILD:-$here/../../build}
	ninja -C "$build" fuzzers
	set -- "$build"/tests/fuzz/fuzz_*
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
ran=0
for target in "$@"; do
	if ! { [ -f "$target" ] && [ -x "$target" ]; }; then
		continue
	fi
	name=${target##*/fuzz_}
	found=${FUZZ_CORPUS:-$scratch}/$name
	mkdir -p "$found"
	ran=$((ran + 1))
	# 1024 is longer than any record or line with a meaning; leaks are looked for at the end only.
	if "$target" -max_total_time="$seconds" -max_len=1024 -timeout=10 -detect_leaks=1 \
		-print_final_stats=1 -verbosity=0 \
		-artifact_prefix="${FUZZ_ARTIFACTS:-.}/fuzz_$name-" \
		"$found" "$here/corpus/$name" >"$scratch/log" 2>&1; then
		executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")
		echo "PASS fuzz_$name: ${executed:-?} inputs in $seconds s"
	else
		failed=$((failed + 1))
		tail -n 60 "$scratch/log"
		echo "FAIL fuzz_$name"
	fi
done
if [ "$ran" -eq 0 ]; then
	echo "no fuzz targets" >&2
	exit 77
fi
[ "$failed" -eq 0 ]
