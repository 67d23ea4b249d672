# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 200
#
# Eight processes create, enter, change, rename, kill and remove in one tree for STRESS_SECONDS (30), by
# the numbers of STRESS_SEED. Every command ends, with 0 or with an error that makes sense; and nothing
# is left that no name reaches.
#
#	/
#	├── a b c d e        come and go, and change their names
#	│   └── x y          so do these
#	└── stays            own uts, network; it must not notice
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

workers=8
duration=${STRESS_SECONDS:-30}
seed=${STRESS_SEED:-$(date +%s)}
: "${VAULTLS:=$BUILD/tests/crash/vaultls}"

# What may be said: somebody else was there first; or shared its uts namespace before it had its hostname.
expected='File exists|No such file|removed|[Bb]usy|not empty|No such process|has no task|supported|was killed before|no own uts namespace'

# --- a worker, a process of its own ---

# random N: sets $number, 0 to N-1.
random()
{
	state=$(((state * 1103515245 + 12345) & 2147483647))
	number=$(((state >> 12) % $1))
}

# Sets $name.
pick_name()
{
	random 5
	set -- a b c d e
	shift $number
	name=$1
	random 3
	case $number in
	1) name=$name/x ;;
	2) name=$name/y ;;
	esac
}

# Sets $last, another last component for $name.
pick_last()
{
	random 5
	set -- a b c d e
	shift $number
	last=$1
	case $name in
	*/x) last=y ;;
	*/y) last=x ;;
	esac
}

# do_one VERB ARG...: 124 is a hang; a command that is killed with its container ends with 137.
do_one()
{
	timeout "$(seconds 20)" container "$@" >"$log.out" 2>"$log.err" </dev/null
	status=$?
	case $status in
	0) echo "$1 ok" ;;
	137) echo "$1 killed" ;;
	125)
		if grep -Evq "$expected" "$log.err"; then
			echo "$1 WRONG \"$*\": $(cat "$log.err")"
		else
			echo "$1 refused"
		fi
		;;
	*) echo "$1 WRONG \"$*\": status $status: $(cat "$log.err")" ;;
	esac
}

# Start, and kill the CLI itself a moment later, wherever it is.
kill_in_the_middle()
{
	container "$@" >"$log.out" 2>"$log.err" </dev/null &
	victim=$!
	random 6
	sleep 0.00$number
	kill -KILL $victim 2>/dev/null
	wait $victim 2>/dev/null
	echo "kill-9 ok"
}

step()
{
	pick_name
	random 26
	case $number in
	0 | 1) do_one create "$name" ;;
	2 | 3) do_one create --own uts,network,ipc "$name" ;;
	4) do_one create --own all --hostname h "$name" ;;
	5 | 6 | 7) do_one enter "$name" -- true ;;
	8) do_one enter "$name" -- sleep 0.05 ;;
	9 | 10 | 11)
		pick_last
		do_one rename "$name" "$last"
		;;
	12 | 13) do_one rm "$name" ;;
	14 | 15) do_one rm -r "$name" ;;
	16) do_one rm -f -r "$name" ;;
	17) do_one kill "$name" ;;
	18) do_one set "$name" network=own ipc=inherit ;;
	19) do_one set "$name" uts=stays network=inherit ;;
	20) do_one set "$name" root=view ;;
	21) do_one run -n "$name" -- true ;;
	22) do_one ls -a --json ;;
	23) do_one run --share network=stays -- true ;;
	24) kill_in_the_middle run -n "$name" -- sleep 0.1 ;;
	25)
		random 4
		case $number in
		0) kill_in_the_middle create --own all "$name" ;;
		1) kill_in_the_middle rm -f -r "$name" ;;
		2) kill_in_the_middle set "$name" network=own ;;
		3) kill_in_the_middle rename "$name" z ;;
		esac
		;;
	esac
}

worker()
{
	state=$((seed + $1 * 7919))
	log=$WORK/worker$1
	while [ "$(date +%s)" -lt "$end" ]; do
		step
	done >"$log"
}

# --- what must hold then ---

# Of each container that is listed: its name, its id.
listed()
{
	container ls --json | jq -r '.[] | "\(.name) \(.id)"'
}

check_invariants()
{
	it 'every command ended as it may'
	cat "$WORK"/worker[0-9] >"$WORK/all"
	sed 's/ WRONG .*/ WRONG/' "$WORK/all" | sort | uniq -c | sort -rn >"$WORK/summary"
	if grep ' WRONG ' "$WORK/all" >"$WORK/wrong"; then
		bad "$(wc -l <"$WORK/wrong") of $(wc -l <"$WORK/all") commands did not"
		sort "$WORK/wrong" | uniq -c | sort -rn | head -n 20 | show
	fi
	for verb in create enter rename rm set run ls kill-9; do
		grep -qx "$verb ok" "$WORK/all" || bad "$verb never succeeded: $(grep "^$verb" "$WORK/summary")"
	done

	it 'who had no part in it'
	is stays "$(container enter stays -- hostname)"
	is 0 "$(field stays tasks)"

	it 'after one more operation nothing is left that no name reaches'
	check container create probe
	check container rm probe
	for entry in "$CONTAINERFS_STATE"/limbo/* "$CONTAINERFS_STATE"/held/*; do
		if [ -e "$entry" ] || [ -L "$entry" ]; then
			bad "left: ${entry#"$CONTAINERFS_STATE"/}"
		fi
	done
	listed >"$WORK/listed"
	cut -d ' ' -f 2 "$WORK/listed" | sort >"$WORK/ids"
	find "$(cgroup_of_hierarchy)" -mindepth 1 -type d | grep -Eo '/[0-9a-f]{16}$' | tr -d / | sort >"$WORK/cgroups"
	is '' "$(comm -13 "$WORK/ids" "$WORK/cgroups")" 'cgroups of no container'
	if [ -x "$VAULTLS" ]; then
		"$VAULTLS" "$CONTAINERFS_STATE" | cut -d ' ' -f 4 | sort -u >"$WORK/pins"
		is '' "$(comm -13 "$WORK/ids" "$WORK/pins")" 'pins of no container'
	else
		part_skipped "$VAULTLS is not built"
	fi
	is '' "$(find "$(cgroup_of_hierarchy)" -name cgroup.procs -exec cat {} +)" 'processes'
	[ "$(mounts)" -le $((lines + 1)) ] || bad "$(($(mounts) - lines)) lines more in mountinfo"

	it 'what is there works'
	while read -r name _; do
		# Some inherit the pid namespace of one that has no task now.
		container enter "$name" -- true </dev/null 2>"$WORK/err" ||
			matches 'above has no task' "$(cat "$WORK/err")" "enter $name"
	done <"$WORK/listed"
}

lines=$(mounts)
check container create stays --own network --hostname stays
end=$(($(date +%s) + duration))
pids=
for i in $(seq $workers); do
	worker "$i" &
	pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
check_invariants
for name in $(container ls -q | grep -v /); do
	check container rm -f -r "$name"
done
[ "$failures" = 0 ] || {
	echo "STRESS_SEED=$seed; commands:"
	show "$WORK/summary"
}
