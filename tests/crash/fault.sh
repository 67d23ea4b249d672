#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# fault.sh [OPERATION...]: make each system call of each operation fail once. The operation succeeds
# all the same, or says why not and exits with 1 to 127; nothing is left over either way.
#
# CRASH_STEP    every how many-th call (1)
# CRASH_BUDGET  seconds per operation (25)
# CRASH_ERRORS  which errors ("ENOMEM EMFILE EINTR ENOSYS")
# CRASH_ONLY    only this number of call
# CRASH_JOBS    operations at a time (number of processors)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# These change nothing, and are to show all there is or to say why not.
operations="$operations look-ls look-show look-ps look-mounts look-key look-of"

fault_at()
{
	case_begin
	op_setup "$1" x >"$work/err" 2>&1 || wrong "set-up failed: $(cat "$work/err")"
	# shellcheck disable=SC2046
	said=$(CONTAINERFS_STATE=$state "$inject" --timeout 10 fail "$2" "$3" -- \
		"$(op_program "$1")" $(op_words "$1" x) 2>"$work/message" </dev/null)
	status=$?
	said_by_it=${said%"$newline"*}
	said=${said##*"$newline"}
	case $said in
	*'died of signal'* | *timeout*) wrong "$said" ;;
	esac
	hit_was "$said" "$work/message"
	if [ $status = 0 ]; then
		succeeded=yes
	else
		succeeded=no
		[ $status -le 127 ] || wrong "exit status $status"
		[ -s "$work/message" ] || wrong "exit status $status without a message"
		# The copy is there by then, and the message says what has failed.
		! grep -q "cp: back from the container's mount namespace" "$work/message" || succeeded=maybe
	fi
	invariants "$1"
	op_after "$1" x $succeeded
	op_again "$1"
	clean_up
	[ -z "$complaints" ] || wrong "(exit status $status: $(cat "$work/message"))"
	case_end "${said:-at $2 $3}: CRASH_ERRORS=$3 CRASH_ONLY=$2 fault.sh $1"
}

# CALL:ERROR, first each call with one of the errors, then with the next: when the time is over, as
# many calls as possible have failed in some way.
faults()
{
	numbers "$calls" | awk -v names="${CRASH_ERRORS:-ENOMEM EMFILE EINTR ENOSYS}" '
		{ call[NR] = $1 }
		END {
			n = split(names, error, " ")
			for (turn = 0; turn < n; turn++)
				for (i = 1; i <= NR; i++)
					print call[i] ":" error[(call[i] + turn) % n + 1]
		}'
}

worker()
{
	worker_begin "$1"
	count_calls "$1"
	cases=0
	for pair in $(faults); do
		! is_late "${CRASH_BUDGET:-25}" || break
		fault_at "$1" "${pair%:*}" "${pair#*:}"
	done
	worker_end "$1" faults
}

need_machine
if [ "${1:-}" = --worker ]; then
	isolate sh "$0" "$@"
	worker "$2"
else
	run_workers "$@"
fi
