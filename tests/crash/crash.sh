#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# crash.sh [OPERATION...]: kill each operation at each of its system calls in turn, and see that
# nothing is lost, that nothing is left over after the next operation, and that it works again.
#
# CRASH_STEP    every how many-th call (1)
# CRASH_BUDGET  seconds per operation (18); those that are over say at how many calls they got
# CRASH_MODE    kill | kill-all, and --exit: after the call instead of before it (kill)
# CRASH_ONLY    only this number of call
# CRASH_JOBS    operations at a time (number of processors)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

crash_at()
{
	case_begin
	# shellcheck disable=SC2046
	op_setup "$1" x >"$work/err" 2>&1 || wrong "set-up failed: $(cat "$work/err")"
	# shellcheck disable=SC2046,SC2086
	said=$(CONTAINERFS_STATE=$state "$inject" --timeout 10 ${CRASH_MODE:-kill} "$2" -- \
		"$(op_program "$1")" $(op_words "$1" x) 2>"$work/err" </dev/null)
	status=$?
	case $status in
	0 | 3) ;;
	*) wrong "inject: status $status: $said $(cat "$work/err")" ;;
	esac
	said=${said##*"$newline"}
	hit_was "$said" "$work/err"
	invariants "$1"
	op_after "$1" x maybe
	op_again "$1"
	clean_up
	case_end "${said:-at $2}: CRASH_ONLY=$2 crash.sh $1"
}

worker()
{
	worker_begin "$1"
	count_calls "$1"
	cases=0
	for n in $(numbers "$calls"); do
		! is_late "${CRASH_BUDGET:-18}" || break
		crash_at "$1" "$n"
	done
	worker_end "$1" kills
}

need_machine
if [ "${1:-}" = --worker ]; then
	isolate sh "$0" "$@"
	worker "$2"
else
	run_workers "$@"
fi
