# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# A task that is limited where it is: who may move it out of that by writing to tasks. What limits it here
# is a BPF program, threads that may be limited each, and where cgroup v2 has the controller, pids.max.
#
#	CGROUP2/containerfs-leave-PID       above
#	├── slice                           limited; a task of user 1000's is there
#	└── unit                            adopted by "near"
#	/
#	├── own                             belongs to user 1000
#	│   └── n
#	└── near                            belongs to user 1000, too
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

attack=$BUILD/tests/tree/attack
[ -x "$attack" ] || skip "$attack is not built"
cp "$attack" "$WORK/attack"
attack=$WORK/attack
strong=$WORK/strong
cp "$attack" "$strong" && chmod 4755 "$strong"

mount_tree
mkdir -p "$T/own/n" "$T/near"
root=$(dirname "$(cgroup_of_hierarchy)")
top=$root/containerfs-leave-$$
slice=$top/slice
unit=$top/unit

leave()
{
	for pid in ${sleepers:-}; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[ ! -d "$T/near/root" ] || rm -r "$T/near"
	container rm -r -f near 2>/dev/null
	rmdir "$slice/t" "$slice" "$unit" "$top" 2>/dev/null
	[ ! -d "$top" ] || bad "left: $(find "$top" -type d)"
	[ -z "${switched_on:-}" ] || echo -"$switched_on" >"$root/cgroup.subtree_control"
	finish
}

mkdir "$top" "$slice" "$unit" || skip 'no cgroup can be made'
trap leave EXIT
check container set near cgroup.d="$unit"
check chown 1000:1000 "$T/own" "$T/own/n" "$T/near"

as()
{
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# sleeper CGROUP: a process of user 1000 there. Sets $started.
sleeper()
{
	setpriv --reuid 1000 --regid 1000 --clear-groups sleep 1000 &
	started=$!
	wait_for grep -q '^Uid:.1000.*' "/proc/$started/status"
	wait_for grep -q sleep "/proc/$started/comm"
	echo "$started" >"$1/cgroup.procs" || bad "$1 takes no process"
	sleepers="${sleepers:-} $started"
}

# in_slice CMD...: as user 1000, from there.
in_slice()
{
	sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec setpriv --reuid 1000 --regid 1000 --clear-groups "$@"' \
		sh "$slice" "$@"
}

# puts FILE TEXT CMD...: CMD opens it and writes.
puts()
{
	file=$1 text=$2
	shift 2
	"$@" sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" "$text" "$file"
}

is_in()
{
	grep -q "^0::.*/$2" "/proc/$1/cgroup" || bad "$1 is not in $2, but in $(grep ^0:: "/proc/$1/cgroup")"
}

it 'nothing limits'
sleeper "$slice"
check puts "$T/own/tasks" "$started" as 1000
is "$started" "$(cat "$T/own/tasks")"
check rm "$T/own/tasks"
check puts "$T/own/tasks" 0 in_slice

# kept WHAT: no way out.
kept()
{
	it "$1: by its owner"
	sleeper "$slice"
	task=$started
	says 'Operation not permitted' puts "$T/own/tasks" "$task" as 1000
	says 'Operation not permitted' puts "$T/own/n/tasks" "$task" as 1000
	says 'Operation not permitted' puts "$T/near/tasks" "$task" as 1000
	is_in "$task" slice
	it "$1: by itself"
	says 'Operation not permitted' puts "$T/own/tasks" 0 in_slice
	# It is stopped, and answered, only if namespaces are to be joined.
	check touch "$T/own/uts" && check container enter own -- true
	says 'Operation not permitted' puts "$T/own/tasks" 0 in_slice
	says 'Operation not permitted' puts "$T/own/tasks" "$task" as 1000
	check rm "$T/own/uts"
	it "$1: by a program that is stronger, with an fd of the owner's"
	is 1000 "$(as 1000 id -u)"
	check_not as 1000 sh -c '"$1" say 3 "$2" 3>"$3"' sh "$strong" "$task" "$T/own/tasks"
	is_in "$task" slice
	it "$1: by root in a user namespace of its own"
	check_not as 1000 unshare -Ur sh -c '"$1" say 3 "$2" 3>"$3"' sh "$attack" "$task" "$T/own/tasks"
	is_in "$task" slice
	is '' "$(cat "$T/own/tasks" "$T/own/n/tasks" "$T/near/tasks")"
}

# free WHAT CGROUP: who has the right goes. CGROUP: one that is not below "above", and takes processes.
free()
{
	it "$1: root"
	check puts "$T/own/tasks" "$task" env
	is "$task" "$(cat "$T/own/tasks")"
	it "$1: who may write to what is above both"
	sleeper "$slice"
	check chown 1000 "$top/cgroup.procs"
	says 'Operation not permitted' puts "$T/own/tasks" "$started" as 1000
	check puts "$T/near/tasks" "$started" as 1000
	is "$started" "$(cat "$T/near/tasks")"
	it "$1: but not if that is outside of its cgroup namespace"
	sleeper "$slice"
	says 'Operation not permitted' puts "$T/near/tasks" "$started" \
		sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec unshare -C \
		setpriv --reuid 1000 --regid 1000 --clear-groups "$@"' sh "$slice"
	check puts "$T/near/tasks" "$started" \
		sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec unshare -C \
		setpriv --reuid 1000 --regid 1000 --clear-groups "$@"' sh "$2"
	is_in "$started" unit
	check chown 0 "$top/cgroup.procs"
	check rm "$T/own/tasks" "$T/near/tasks"
}

mkdir "$slice/t" && echo threaded >"$slice/t/cgroup.type"
kept 'threads may be limited each'
free 'threads may be limited each' "$top"
rmdir "$slice/t"
is domain "$(cat "$slice/cgroup.type")"

if "$attack" bpf "$slice" 2>"$WORK/out"; then
	kept 'a BPF program'
	free 'a BPF program' "$top"
	check "$attack" bpf "$slice" off
else
	part_skipped "no BPF program can be attached: $(cat "$WORK/out")"
fi

it 'again nothing limits'
sleeper "$slice"
check puts "$T/own/tasks" "$started" as 1000
check rm "$T/own/tasks"

if grep -qw pids "$root/cgroup.controllers"; then
	grep -qw pids "$root/cgroup.subtree_control" || switched_on=pids
	echo +pids >"$root/cgroup.subtree_control"
	echo +pids >"$top/cgroup.subtree_control"
	echo 50 >"$slice/pids.max"
	kept pids.max
	free pids.max "$root"
	it 'pids.max: where it is limited as much'
	check container set own pids.max=50
	sleeper "$slice"
	check puts "$T/own/n/tasks" "$started" as 1000
	check puts "$T/own/tasks" 0 in_slice
	check container set own pids.max=51
	sleeper "$slice"
	says 'Operation not permitted' puts "$T/own/tasks" "$started" as 1000
	it 'pids.max: a limit that it could take back is none'
	check container set near pids.max=50
	check puts "$T/near/tasks" "$started" as 1000
	check rm "$T/near/tasks"
	sleeper "$slice"
	chown 1000 "$unit"/*/pids.max
	says 'Operation not permitted' puts "$T/near/tasks" "$started" as 1000
	check container set own pids.max=max
	check container set near pids.max=max
fi

for dir in own/n own near; do
	rm "$T/$dir/tasks"
done
check rm -r "$T/own" "$T/near"
