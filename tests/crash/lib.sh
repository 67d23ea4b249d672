# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# lib.sh: what crash.sh and fault.sh share: a private hierarchy, the operations under test, and the
# invariants that hold after whatever happened to one of them.
#
# Invariants of this file:
# - Every hierarchy is below $work, a fresh directory; the mount namespace is the worker's own, with
#   shared propagation as on a host of systemd, so that every mount that appears in it is ours.
# - A process is known as ours by CONTAINERFS_STATE in its environment; that of the shell does not
#   have it: it is given to each command alone. Only such processes are killed, by pid.
# - /sys/fs/cgroup is only read, but for a directory that one operation needs. What a failure leaves there stays, and the report says so.
# - A failure is written down and the hierarchy given up: the next case begins in a new one.
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../../build}
container=${CONTAINER:-$build/container}
[ -x "$container" ] || container=$build/src/cli/container
inject=${INJECT:-$build/tests/crash/inject}
vaultls=${VAULTLS:-$build/tests/crash/vaultls}
call=${CALL:-$build/tests/crash/call}
newline='
'

operations='create create-user run run-user run-keep set-network set-network-owned set-hostname set-id-map set-ids set-user set-access set-limit adopt rename rm rm-tree rm-elsewhere enter enter-user fork fork-user
	attach attach-task attach-for attach-waiting mount cp key-add reach freeze kill stop reboot first rm-root'

# --- the machine ---

# Skips are visible, and failures where CRASH_REQUIRED is set.
skip()
{
	echo "SKIP $(basename "$0"): $1"
	[ -z "${CRASH_REQUIRED:-}" ] || exit 1
	exit 77
}

need_machine()
{
	[ "$(id -u)" = 0 ] || skip 'needs root'
	for tool in "$container" "$inject" "$vaultls" "$call"; do
		[ -x "$tool" ] || skip "$tool is not built"
	done
	cgroup_mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	[ -n "$cgroup_mount" ] || skip 'no cgroup v2 is mounted'
	unshare -m true 2>/dev/null || skip 'cannot make a mount namespace'
}

# Seconds since the boot: the time of day may jump.
clock()
{
	read -r now _ </proc/uptime
	now=${now%.*}
}

# Whether the operation's time is over. $1: how many seconds it has.
is_late()
{
	clock
	[ $((now - begin)) -ge "$1" ]
}

# Go on in a mount namespace of one's own.
isolate()
{
	[ -z "${CRASH_ISOLATED:-}" ] || return 0
	CRASH_ISOLATED=1 exec unshare -m sh -c 'mount --make-rshared / && exec "$@"' sh "$@"
}

# Run this script once per operation, several at a time; each prints all it has to say at its end.
run_workers()
{
	clock
	begin=$now
	# shellcheck disable=SC2086
	[ $# -gt 0 ] || set -- $operations
	CRASH_SHARED=$(mktemp -d "${TMPDIR:-/tmp}/containerfs-crash.XXXXXX") || exit 1
	export CRASH_SHARED
	printf '%s\n' "$@" |
		xargs -P "${CRASH_JOBS:-$(nproc)}" -n 1 sh "$0" --worker
	status=$?
	rm -rf "$CRASH_SHARED"
	verdict=ok
	[ $status = 0 ] || verdict=FAILED
	clock
	echo "$(basename "$0"): $((now - begin)) s, $verdict"
	[ $status = 0 ]
}

# --- one hierarchy ---

# The time limit is for hangs: nothing here takes a second.
program()
{
	CONTAINERFS_STATE=$state timeout -s KILL 20 "$@"
}

c()
{
	program "$container" "$@"
}

hierarchy_begin()
{
	state=$(mktemp -d "$work/state.XXXXXX") || exit 1
	background=
	target=
	mount_lines
	mounts=$lines
	c create first >"$work/err" 2>&1 || give_up 'create, the first of all'
	cgroup_root=
	find_cgroup
	[ -d "$cgroup_root" ] || give_up "no cgroup: STATE/cgroup is '$cgroup_root'"
	c rm first >"$work/err" 2>&1 || give_up 'rm, the first of all'
}

# The hierarchy's cgroup has another name once "rm /" has begun it anew.
find_cgroup()
{
	before=$cgroup_root
	# shellcheck disable=SC3013 # not of POSIX, but of dash, bash and busybox
	[ ! "$before" -ef "$state/cgroup" ] || return 0
	cgroup_root=$(readlink "$state/cgroup")
	echo "$cgroup_root" >"$CRASH_SHARED/$$"
	[ "$before" = "$cgroup_root" ] || [ ! -d "$before" ] || wrong "cgroup $before is left"
}

# The cgroups of all hierarchies there are, in $roots.
find_roots()
{
	roots=
	for dir in "$cgroup_mount"/containerfs*; do
		roots="$roots $dir "
	done
}

# What appeared during a case and is not this hierarchy's is either another worker's, or was lost by
# a set-up that failed or died before it wrote down what it made. The end will tell. (Nothing but
# these tests may begin or end hierarchies meanwhile.)
note_strays()
{
	[ "$operation" = first ] || return 0
	find_roots
	for dir in $roots; do
		case "$known $cgroup_root " in
		*" $dir "*) ;;
		*) echo "$dir $1" >>"$work/strays" ;;
		esac
	done
}

# Those that are there still, and no worker's.
judge_strays()
{
	while read -r dir label; do
		[ -d "$dir" ] || continue
		grep -qsxF "$dir" "$CRASH_SHARED"/* && continue
		failures=$((failures + 1))
		[ "$failures" -gt 10 ] ||
			printf '  %s\n    cgroup %s is left\n' "$label" "$dir" >>"$work/details"
	done <"$work/strays"
}

# There is no point in going on.
give_up()
{
	echo "FAIL $1: $(cat "$work/err")"
	cat "$work/details"
	exit 1
}

mount_lines()
{
	lines=0
	while read -r _; do
		lines=$((lines + 1))
	done </proc/self/mountinfo
}

# Processes of this hierarchy. The assignment keeps grep itself out.
our_processes()
{
	CONTAINERFS_STATE='' grep -lszx "CONTAINERFS_STATE=$state" /proc/[0-9]*/environ
}

kill_ours()
{
	for file in $(our_processes); do
		file=${file#/proc/}
		kill -KILL "${file%/environ}" 2>/dev/null
	done
	# shellcheck disable=SC2086
	[ -z "$background" ] || wait $background 2>/dev/null
	background=
}

# Everything away, with force, and without a word: what is wrong has been said already.
hierarchy_abandon()
{
	for name in $(c ls -q 2>/dev/null); do
		c rm -f -r "$name"
	done >/dev/null 2>&1
	c rm / >/dev/null 2>&1
	kill_ours
	grep -o " ${state}[^ ]*" /proc/self/mountinfo | while read -r point; do
		umount -l "$point"
	done
	if [ -d "$cgroup_root" ]; then
		# A hierarchy that has lost all but the record of its root finds its cgroup again.
		rm -rf "$state"/limbo "$state"/held "$state"/host "$state"/tree/[!@]*
		{ c create last && c rm last && c rm /; } >/dev/null 2>&1
		umount -l "$state/cradle" 2>/dev/null
	fi
	[ ! -d "$cgroup_root" ] || wrong "left behind for good: $cgroup_root"
	rm -rf "$state"
}

# The regular end: the init container is removed as the last, and all that was kept goes with it.
hierarchy_end()
{
	[ ! -d "$state" ] || c rm / >"$work/err" 2>&1 || wrong "rm / failed: $(cat "$work/err")"
	[ ! -d "$cgroup_root" ] || wrong "after rm /: cgroup $cgroup_root is left"
	more=$(grep -c " $state" /proc/self/mountinfo)
	[ "$more" = 0 ] || wrong "after rm /: $more mounts are left"
	[ -z "$(our_processes)" ] || wrong "after rm /: processes are left: $(our_processes)"
}

# --- the operations ---

# hit_was LINE MESSAGES: what inject says of the call that it hit, and, in $role, of whose it was. $half:
# whether the operation says that a task is half entered.
hit_was()
{
	hit=$1
	half=false
	! grep -q 'half entered' "$2" || half=true
	role=${1##*pid role: }
	role=${role%%)*}
}

types=uts,ipc,network,mount,pid

# op_program OPERATION: what is under test: container(1), or a call that it has no verb for.
op_program()
{
	case $1 in
	set-access | fork | fork-user | reach | attach* | rm-elsewhere) echo "$call" ;;
	*) echo "$container" ;;
	esac
}

# op_words OPERATION NAME: the command line under test. No word of it has a blank.
op_words()
{
	case $1 in
	set-access) echo "set-access $2 1000 100 0750" ;;
	attach-for) echo "attach-for $2 $target" ;;
	attach*) echo "attach $2 $target" ;;
	fork | fork-user) echo "fork $2" ;;
	reach | rm-elsewhere) echo "$1 $2" ;;
	mount) echo "mount $2 --bind /etc /mnt" ;;
	cp) echo "cp $work/file $2:/tmp" ;;
	key-add) echo "key add $2 user crash payload" ;;
	freeze) echo "freeze $2" ;;
	look-ls) echo 'ls -a --json' ;;
	look-show | look-ps | look-mounts) echo "${1#look-} $2 --json" ;;
	look-key) echo "key ls $2 --json" ;;
	look-of) echo "of $task" ;;
	reboot) echo "reboot --halt $2" ;;
	kill) echo "kill $2" ;;
	stop) echo "stop -t 0.05 $2" ;;
	create | first) echo "create --own $types $2" ;;
	create-user) echo "create --own user,$types $2" ;;
	run-user) echo "run --own user,$types -- /bin/true" ;;
	run) echo 'run -- /bin/true' ;;
	run-keep) echo "run --keep -n $2 -- true" ;;
	set-network*) echo "set $2 network=own" ;;
	set-hostname) echo "set $2 hostname=h" ;;
	set-id-map) echo "set $2 uid_map=0:100000:65536" ;;
	set-ids) echo "set $2 ids=auto:70000" ;;
	set-user) echo "set $2 user=own" ;;
	set-limit) echo "set $2/nested $limit" ;;
	adopt) echo "set $2 cgroup.d=$adopted" ;;
	rename) echo "rename $2 $2-new" ;;
	rm) echo "rm $2" ;;
	rm-tree) echo "rm -f -r $2" ;;
	enter | enter-user) echo "enter $2 -- true" ;;
	rm-root) echo 'rm /' ;;
	*) return 1 ;;
	esac
}

# op_setup OPERATION NAME: what has to be there before.
op_setup()
{
	case $1 in
	create | create-user | run | run-user | run-keep | rm-root) ;;
	first) c rm / ;; # with it goes all that the first operation makes
	set-network | rename) c create "$2" ;;
	set-network-owned) c create "$2" && c create --own network "$2/nested" && program "$call" set-access "$2" 7 8 0755 ;;
	set-access) c create "$2" && program "$call" set-access "$2" 7 8 0700 ;;
	set-hostname) c create --own uts "$2" ;;
	set-id-map | set-ids) c create --own user,uts,network,mount,pid "$2" ;;
	set-user) c create --own uts,network,mount,pid "$2" ;;
	enter-user | fork-user) c create --own user,$types "$2" ;;
	cp) echo text >"$work/file" && c create --own $types "$2" ;;
	rm | rm-elsewhere | enter | fork | mount | key-add | reach) c create --own $types "$2" ;;
	# The tasks of the container above are moved.
	set-limit) find_limit && c create "$2" && c create "$2/nested" && busy "$2" ;;
	adopt) adopted=$cgroup_mount/crash.containerfs-$$ && mkdir -p "$adopted" && c create --own cgroup "$2" ;;
	rm-tree)
		c create --own $types "$2" && c create --own $types "$2/nested" && busy "$2"
		;;
	look-*)
		c create --own user,$types "$2" && c create --own uts "$2/nested" && busy "$2" &&
			c key add "$2" user crash payload && task=$(c ps --json "$2" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p') &&
			looked=$(eval "c $(op_words "$1" "$2")")
		;;
	freeze | stop | reboot) c create --own $types "$2" && busy "$2" ;;
	# Where one write to the kernel is not enough, and no init's end does it.
	kill) c create --own "${types%,pid}" "$2" && busy "$2" "$build/tests/shell/leaderless" ;;
	attach) c create --own "${types%,pid}" "$2" && target_begin ;;
	attach-task | attach-for) c create --own $types "$2" && busy "$2" && target_begin ;;
	attach-waiting) c create --own $types "$2" && busy "$2" && target_begin waiting ;;
	esac
}

# busy NAME [PROGRAM]: a task in the container, running before this returns.
busy()
{
	rm -f "$work/ready"
	mkfifo "$work/ready"
	CONTAINERFS_STATE=$state timeout -s KILL 60 "$container" enter "$1" -- \
		sh -c "${2:+$2 >/dev/null & sleep 0.2;} echo ready; exec sleep 50" >"$work/ready" 2>/dev/null </dev/null &
	background="$background $!"
	read -r line <"$work/ready" && [ "$line" = ready ]
}

# target_begin [waiting]: a process in no container that is to be moved: $target. It does what it is told, by two fifos.
# waiting: in a call that the kernel does not begin anew, with a time limit, and ends when that fails.
target_begin()
{
	rm -f "$work/ask" "$work/answer"
	mkfifo "$work/ask" "$work/answer"
	# shellcheck disable=SC2016
	case ${1:-} in
	waiting) set -- "$build/tests/shell/answers" "$work/ask" "$work/answer" ;;
	*) set -- sh -c 'exec 3<>"$1/ask" 4<>"$1/answer"
		while read -r word <&3; do echo "$word $$" >&4; done' sh "$work" ;;
	esac
	CONTAINERFS_STATE=$state timeout -s KILL 60 "$@" </dev/null &
	background="$background $!"
	target=$(target_ask here)
	target=${target#here }
	[ -n "$target" ]
}

target_ask()
{
	# shellcheck disable=SC2016
	timeout -s KILL 5 sh -c 'echo "$2" >"$1/ask" && head -n 1 "$1/answer"' sh "$work" "$1"
}

target_end()
{
	[ -z "$target" ] || kill -KILL "$target" 2>/dev/null
	target=
}

# Those that "attach" joins. Of the pid namespace it is that of the children.
namespaces='uts ipc net mnt pid_for_children'

# check_target NAME DONE: all or nothing, as container.h says, and it runs as before. If the agent itself was
# killed in the middle of a call that is not its own, the process may have died. If nobody is left to go on
# it may be in the cgroup of the container and still in its old namespaces.
check_target()
{
	if ! kill -0 "$target" 2>/dev/null; then
		may_have_died || wrong 'the process that was to be moved has died'
		return
	fi
	grep -Eq '^State:[[:space:]]*[RS]' "/proc/$target/status" ||
		wrong "it is left in state $(grep State: "/proc/$target/status")"
	grep -q '^TracerPid:[[:space:]]*0$' "/proc/$target/status" || wrong 'it is left traced'
	[ "$(target_ask works)" = "works $target" ] || wrong 'it does not run any more'
	id=$(listing | awk -v name="$1" '$2 == name { print $3 }')
	moved=no
	case $(cat "/proc/$target/cgroup") in
	*"0::/${cgroup_root##*/}/$id"*) moved=yes ;;
	esac
	# shellcheck disable=SC2016,SC2086
	inside=$(c enter "$1" -- sh -c 'cd /proc/self/ns && readlink "$@"' sh $namespaces)
	# shellcheck disable=SC2086
	has=$(cd "/proc/$target/ns" && readlink $namespaces)
	# shellcheck disable=SC2086
	before=$(cd /proc/self/ns && readlink $namespaces)
	case $moved:$2:$has in
	no:yes:*) wrong 'said success, has not moved it' ;;
	yes:no:*) $half || wrong 'said failure, has moved it' ;;
	"yes:$2:$inside" | "no:$2:$before") ;;
	"yes:maybe:$before") is_alone || $half || wrong 'moved, and has joined nothing, and nobody says so' ;;
	*) $half || wrong "half moved: moved $moved, has $has" ;;
	esac
}

# No kernel fails ptrace(2) or wait4(2) of who is stopped, and there; what is then not put back may end it.
may_have_died()
{
	case $role:$hit in
	'agent:failed at '*' ptrace '* | 'agent:failed at '*' wait4 '*) return 0 ;;
	'agent:failed at '*) return 1 ;;
	agent:*) return 0 ;;
	esac
	return 1
}

# Whether all that could undo it were killed with the agent.
is_alone()
{
	case $role:${CRASH_MODE:-} in
	agent:*kill-all*) return 0 ;;
	esac
	return 1
}

# check_access NAME DONE: whose it is and its mode are the old ones or the new ones.
check_access()
{
	access=$(program "$call" get-access "$1" 2>&1)
	case $2:$access in
	yes:'1000 100 750' | no:'7 8 700' | maybe:'1000 100 750' | maybe:'7 8 700') ;;
	*) wrong "done: $2; access: $access" ;;
	esac
}

# op_after OPERATION NAME DONE: the container is in its old or its new state, and in working order.
# DONE is yes (the operation said success), no (it said failure) or maybe (it was killed).
op_after()
{
	present=no
	renamed=no
	others=
	for name in $listed; do
		case $name in
		"$2") present=yes ;;
		"$2-new") renamed=yes ;;
		"$2/nested") ;;
		*) others="$others $name" ;;
		esac
	done
	[ -z "$others" ] || wrong "unexpected containers:$others"
	case $1:$present$renamed in
	create*:* | first:* | run*:* | rm*:* | *:yesno | rename:noyes) ;;
	*) wrong "the container is lost, or there twice" ;;
	esac
	case $1:$3:$present$renamed in
	create*:yes:no* | first:yes:no* | run-keep:yes:no* | \
		rename:yes:yes* | rm:yes:yes* | rm-tree:yes:yes* | rm-elsewhere:yes:yes*)
		wrong 'said success, has not done it'
		;;
	# Not so for rm: what fails once the name is gone is said, and left to the next operation.
	create*:no:yes* | first:no:yes* | rename:no:no*)
		wrong 'said failure, has done it'
		;;
	esac
	works=$2
	[ $renamed = no ] || works=$2-new
	if [ "$1" = first ] && ! c run --root / -- true >"$work/err" 2>&1; then
		wrong "run --root / does not work: $(cat "$work/err")"
	fi
	case $1:$present in
	set-id-map:yes | set-ids:yes | set-user:yes) check_id_map "$1" "$2" "$3" ;;
	set-limit:yes) check_limit "$2" "$3" ;;
	adopt:yes) check_adopted "$2" "$3" ;;
	set-access:yes) check_access "$2" "$3" ;;
	attach*:yes) check_target "$2" "$3" ;;
	mount:yes) check_word "$3" /mnt "$(c mounts "$2" | grep -o '^/mnt ')" ;;
	cp:yes) check_word "$3" text "$(c enter "$2" -- cat /tmp/file 2>/dev/null)" ;;
	# It may have failed to print the number of what it has added.
	key-add:yes) [ "$3" != yes ] || c key ls "$2" | grep -q crash || wrong 'said success, has not done it' ;;
	stop:yes | kill:yes) [ "$3" != yes ] || [ "$(shown "$2" tasks)" = 0 ] || wrong 'said success, has not done it' ;;
	look-*:yes)
		case $3:${said_by_it:-} in
		yes:"$looked" | no:* | maybe:*) ;;
		*) wrong "said success, and not all: $said_by_it" ;;
		esac
		;;
	freeze:yes)
		[ "$3" != yes ] || [ "$(shown "$2" state)" = frozen ] || wrong 'said success, has not done it'
		c thaw "$2" >"$work/err" 2>&1 || wrong "thaw does not work: $(cat "$work/err")"
		;;
	esac
	target_end
	[ "$present$renamed" = nono ] || c enter "$works" -- true >"$work/err" 2>&1 ||
		wrong "enter $works does not work: $(cat "$work/err")"
}

# In $limit, one of a controller that this machine has in cgroup v2.
find_limit()
{
	limit=
	read -r words <"$cgroup_mount/cgroup.controllers"
	for word in $words; do
		case $word in
		pids) limit=pids.max=1000 ;;
		memory) limit=memory.max=1073741824 ;;
		hugetlb) [ ! -e /sys/kernel/mm/hugepages/hugepages-2048kB ] || limit=hugetlb.2MB.max=2097152 ;;
		esac
	done
	[ -n "$limit" ] || echo 'no controller in cgroup v2' >&2
	[ -n "$limit" ]
}

# shown CONTAINER KEY
shown()
{
	c show "$1" | sed -n "s/^$2: //p"
}

# check_word SUCCEEDED WORD FOUND: after success it is found, after a failure it is not.
check_word()
{
	case $1:${3% } in
	yes:"$2" | no: | maybe:"$2" | maybe:) ;;
	*) wrong "done: $1; found: '$3' instead of '$2'" ;;
	esac
}

# What is told is in force for the next task; the tasks of the container above are still in it.
check_limit()
{
	c enter "$1/nested" -- true >"$work/err" 2>&1 || wrong "enter nested: $(cat "$work/err")"
	told=$(shown "$1/nested" limits)
	id=$(shown "$1/nested" id)
	has=$(cat "$(find "$cgroup_root" -name "$id")/${limit%%=*}" 2>/dev/null)
	case $told:$2 in
	"$limit":*) [ "$has" = "${limit#*=}" ] || wrong "limit '$told' is '$has'" ;;
	:maybe | :no) ;;
	*) wrong "the limit is '$told', and '$has' in force" ;;
	esac
	[ "$(c ps "$1" | grep -c sleep)" = 1 ] || wrong "its task is not in it: $(c ps "$1")"
}

# It is where its record says, which is where its cgroup namespace begins.
check_adopted()
{
	[ "$2" != yes ] || [ "$(c enter "$1" -- sed -n 's/^0:://p' /proc/self/cgroup 2>&1)" = / ] ||
		wrong 'its cgroup namespace is of another cgroup'
	id=$(shown "$1" id)
	[ "$2" != yes ] || [ -d "$adopted/$id" ] || wrong 'its cgroup is not in the adopted one'
}

# The tasks of container $1 have the map that is told, old or new, and own what they have.
check_id_map()
{
	told=$(shown "$2" uid_map)
	# shellcheck disable=SC2016
	has=$(c enter "$2" -- sh -c 'read -r a b c </proc/self/uid_map
		hostname inside && mount -t tmpfs none /mnt && echo $a $b $c' 2>&1)
	[ "${told:-0 0 4294967295}" = "$has" ] || wrong "the id map is '$told', but for its tasks '$has'"
	case $1:${told##* }:$3 in
	set-id-map:65536:* | set-ids:70000:* | set-user:65536:*) ;;
	# Those that it had before.
	set-ids:65536:maybe | set-ids:65536:no | set-user::maybe | set-user::no) ;;
	*) wrong "the id map is '$told'" ;;
	esac
}

# The operation works, on a fresh name.
op_again()
{
	case $1 in
	first | rm-root) clean_up ;;
	esac
	# shellcheck disable=SC2046
	{ op_setup "$1" fresh && program "$(op_program "$1")" $(op_words "$1" fresh); } \
		>"$work/err" 2>&1 ||
		wrong "the operation does not work any more: $(cat "$work/err")"
	target_end
}

clean_up()
{
	for name in $(c ls -q); do
		case $name in
		*/*) ;; # goes with its parent
		*) c rm -f -r "$name" >"$work/err" 2>&1 || wrong "rm -f -r: $(cat "$work/err")" ;;
		esac
	done
	[ -z "${adopted:-}" ] || [ ! -d "$adopted" ] || rmdir "$adopted" || wrong "left in $adopted"
	if [ -n "$background" ]; then
		background_tree=
		processes_left no
		kill_ours
	fi
	for dir in "$cgroup_root"/????????????????; do
		[ ! -d "$dir" ] || wrong "after rm: cgroup $dir is left"
	done
}

# --- invariants ---

# wrong TEXT: one more thing is wrong with this case.
wrong()
{
	complaints="$complaints${complaints:+$newline}$1"
}

# What there is, one thing a line: "DIRECTORY PATH-BELOW-IT", "pin NAME MOUNTS ID", and "keys NAME", the one pin
# that the init container may have: its user namespace has the keyrings of all.
facts()
{
	echo "keys $(readlink "$state/tree/@spec" | cut -d ' ' -f 1).user"
	find "$state/tree" "$cgroup_root" -mindepth 1 -type d -printf '%H %P\n'
	"$vaultls" "$state"
	[ ! -d "$state/ids" ] || (cd "$state/ids" && find . -mindepth 1 ! -name @seen -printf 'range %P %y\n')
}

# "listed NAME ID" of each container, parents first, from the documented list. The init container is
# not one of them: it is there always.
listing()
{
	c ls -a --json | awk '
		BEGIN { RS = "}" }
		function field(key, s)
		{
			if (!match($0, "\"" key "\": *\"[^\"]*\""))
				return ""
			s = substr($0, RSTART, RLENGTH)
			sub(/^[^:]*: *"/, "", s)
			sub(/"$/, "", s)
			return s
		}
		field("path") ~ "^/." {
			print "listed", substr(field("path"), 2), field("id")
		}'
}

# Directories, cgroups and pins against the listing: prints what does not belong.
compare()
{
	awk -v tree="$state/tree" -v root="$cgroup_root" '
		$1 == "listed" {
			path[$2] = $3
			parent = $2
			if (sub(/\/[^\/]*$/, "", parent))
				path[$2] = path[parent] "/" $3
			cgroup[path[$2]] = id[$3] = 1
			missing[$2] = 1
		}
		$1 == tree {
			if (!($2 in path))
				print "tree/" $2 " is no listed container"
			delete missing[$2]
		}
		$1 == root {
			# The container of a cgroup is what is left of the first name that is no id.
			n = split($2, part, "/")
			of = ""
			for (i = 1; i <= n && part[i] ~ /^[0-9a-f]+$/ && length(part[i]) == 16; i++)
				of = of (i > 1 ? "/" : "") part[i]
			if (of == "" ? n > 1 : !(of in cgroup))
				print "cgroup " $2 " is of no listed container"
		}
		$1 == "range" && $3 == "d" {
			unused[$2] = 1
		}
		$1 == "range" && $3 == "l" {
			split($2, part, "/")
			used[part[1]] = 1
			if (!(part[2] in id))
				print "the range of ids " $2 " is of no listed container"
		}
		$1 == "keys" {
			keys = $2
		}
		$1 == "pin" {
			if (!($4 in id) && $2 != keys)
				print "pin " $2 " is of no listed container"
			if ($3 > 1) # none: a file that the next pin will go on
				print "pin " $2 " has " $3 " mounts on it"
		}
		END {
			for (name in missing)
				print name " is listed, but not in the tree"
			for (name in unused)
				# One that is about to be taken goes with the next change, or the container.
				if (!(name in used) && !(substr(name, 1, 1) == "@" && substr(name, 2) in id))
					print "nobody has the range of ids " name
		}'
}

# Those that die need a moment, and orphans that the machine's init is to reap may have to wait for it to look:
# init of their pid namespace ends after them. $1: whether the tasks of listed containers may stay.
processes_left()
{
	for time in 0.01 0.02 0.05 0.1 0.2 0.5 1 2; do
		left=
		for file in $(our_processes); do
			pid=${file#/proc/}
			pid=${pid%/environ}
			case $1:$(cat "/proc/$pid/cgroup" 2>/dev/null) in
			yes:*"0::/${cgroup_root##*/}/"*) ;;
			*:) ;;
			*) case " $background_tree " in
			*" $pid "*) ;;
			*) left="$left $pid" ;;
			esac ;;
			esac
		done
		[ -n "$left" ] || return 0
		sleep $time
	done
	for pid in $left; do
		wrong "process $pid is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
}

# One more harmless operation. What it sweeps it does not wait for: tasks that die need a moment.
sweep()
{
	for try in 1 2 3 4 5 6 7 8 9 10; do
		{ c create probe && c rm probe; } >"$work/err" 2>&1 || {
			wrong "the next operation failed: $(cat "$work/err")"
			return
		}
		[ -n "$(ls "$state/limbo")" ] || return
		sleep "0.0$try"
	done
}

# invariants OPERATION: after one more operation nothing is left that no name reaches. Sets $listed.
invariants()
{
	sweep
	find_cgroup
	for file in "$state"/limbo/* "$state"/held/*; do
		[ ! -e "$file" ] || wrong "left in ${file#"$state"/}"
	done
	# What is started in the background is ours, and is meant to be there.
	background_tree=$background
	for pid in $background; do
		children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
		background_tree="$background_tree $children"
	done
	case $1 in
	rm-tree | set-limit | attach-task | attach-for | attach-waiting | freeze | kill | stop | reboot | look-*) processes_left yes ;;
	*) processes_left no ;;
	esac
	list=$(listing)
	listed=
	while read -r _ name _; do
		listed="$listed $name"
	done <<-end
		$list
	end
	complaint=$({
		echo "$list"
		facts
	} 2>&1 | compare)
	[ -z "$complaint" ] || wrong "$complaint"
	mount_lines # one more is the vault
	more=$((lines - mounts))
	[ $more -le 1 ] || wrong "$more more mounts in the host's table"
}

# --- cases ---

case_begin()
{
	complaints=
	find_roots
	known=$roots
}

# case_end LABEL: write down what is wrong, if anything is, and go on in a new hierarchy.
case_end()
{
	cases=$((cases + 1))
	note_strays "$1"
	[ -n "$complaints" ] || return 0
	failures=$((failures + 1))
	# A report of ten failures is as good as one of a hundred.
	hierarchy_abandon
	[ "$failures" -gt 10 ] || {
		echo "  $1"
		echo "$complaints" | sed 's/^/    /'
	} >>"$work/details"
	complaints=
	hierarchy_begin
}

# CRASH_ONLY, or the numbers 1 to $1 in steps of CRASH_STEP, first every eighth, so that a worker
# whose time is over has seen calls from everywhere.
numbers()
{
	awk -v n="$1" -v step="${CRASH_STEP:-1}" -v only="${CRASH_ONLY:-}" 'BEGIN {
		if (only) {
			print only
			exit
		}
		split("0 4 2 6 1 5 3 7", first, " ")
		for (i = 1; i <= 8; i++)
			for (k = first[i]; 1 + k * step <= n; k += 8)
				print 1 + k * step
	}'
}

# How many system calls the operation makes; it has to succeed.
count_calls()
{
	case_begin
	op_setup "$1" x >"$work/err" 2>&1 || give_up "$1: set-up failed"
	# shellcheck disable=SC2046
	calls=$(CONTAINERFS_STATE=$state "$inject" count -- "$(op_program "$1")" \
		$(op_words "$1" x) 2>"$work/err" </dev/null) || give_up "$1: does not work at all"
	calls=${calls##*"$newline"}
	target_end
	clean_up
	case_end "$1, with nothing done to it"
}

worker_begin()
{
	operation=$1
	work=$(mktemp -d "${TMPDIR:-/tmp}/containerfs-crash.XXXXXX") || exit 1
	trap 'rm -rf "$work"' EXIT
	: >"$work/details"
	: >"$work/strays"
	: "${CRASH_SHARED:=$work}"
	cases=0
	failures=0
	complaints=
	clock
	begin=$now
	hierarchy_begin
}

# worker_end OPERATION WORD: the one line of an operation, and its failures.
worker_end()
{
	case_begin
	hierarchy_end
	case_end "$1, at its end"
	hierarchy_abandon
	judge_strays
	rm -f "$CRASH_SHARED/$$"
	word=ok
	[ "$failures" = 0 ] || word=FAIL
	clock
	printf '%-4s %-13s calls %-4s %s %-5s failures %-4s %s s\n' "$word" "$1" "$calls" "$2" \
		"$cases" "$failures" "$((now - begin))"
	cat "$work/details"
	[ "$failures" = 0 ]
}
