#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The benchmarks: containerfs beside its peers and beside the bare system calls (README.md).
#
#   BUILD=build  ROUNDS=50  ONLY=run,enter,loop,mounts,list,tree,reach  JSON=$BUILD/bench.json
#   MANY=1000 (mounts)  SMALL=1000 LARGE=5000 (containers to list)  PAUSE=0 (ms before each run)
#   CONTAINER=$BUILD/container  SERVER=$BUILD/src/fs/mount.containerfs
#
# It goes through three lives, to leave nothing behind and to touch nothing:
#   start	checks, and moves to a private mount namespace
#   watch	makes a cgroup, waits, takes it down with all that is in it, also on Ctrl-C
#   inside	in that cgroup, in mount and cgroup namespaces of its own, with a fresh /run and
#		with nothing but cgroup v2 below /sys/fs/cgroup: the measurements
# What is mounted, pinned or kept below /run goes with the last process in the mount namespaces.
set -eu

say()
{
	printf '%s\n' "bench: $*" >&2
}

stop()
{
	say "$*"
	exit 1
}

# --- start ---------------------------------------------------------------------------------------

start()
{
	[ "$(id -u)" = 0 ] || stop 'must be run as root'
	here=$(cd "$(dirname "$0")" && pwd)
	BUILD=$(cd "${BUILD:-build}" && pwd) || stop 'BUILD must name the build directory'
	CONTAINER=${CONTAINER:-$BUILD/container}
	SERVER=${SERVER:-$BUILD/src/fs/mount.containerfs}
	ROUNDS=${ROUNDS:-50}
	ONLY=${ONLY:-run,enter,loop,mounts,list,tree,reach}
	JSON=$(realpath -m "${JSON:-$BUILD/bench.json}")
	PAUSE=${PAUSE:-0}
	MANY=${MANY:-1000}
	SMALL=${SMALL:-1000}
	LARGE=${LARGE:-5000}
	case $BUILD$CONTAINER$SERVER in
	*[[:space:]]*) stop 'BUILD, CONTAINER and SERVER may not contain blanks' ;;
	esac
	for i in $(echo "$ONLY" | tr ',' ' '); do
		case $i in
		run | enter | loop | mounts | list | tree | reach) ;;
		*) stop "ONLY=$i: not one of run, enter, loop, mounts, list, tree, reach" ;;
		esac
	done
	for i in tiny pause floor setup bench; do
		[ -x "$BUILD/bench/$i" ] ||
			stop "$BUILD/bench/$i is missing: ninja -C $BUILD bench-programs"
	done
	case $JSON in
	/run/*) stop 'JSON may not be below /run: that is another one here' ;;
	esac
	: >"$JSON"
	export BUILD CONTAINER SERVER ROUNDS PAUSE ONLY JSON MANY SMALL LARGE
	exec "$BUILD/bench/setup" private /bin/sh "$here/run.sh" --watch
}

# --- watch ---------------------------------------------------------------------------------------

# The hierarchy as the host has it mounted: a new mount of it would change its options for all.
find_cgroup()
{
	hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	if [ -z "$hierarchy" ]; then
		hierarchy=/run/bench-cgroup
		mkdir $hierarchy
		mount -t cgroup2 cgroup2 $hierarchy || stop 'this kernel has no cgroup v2'
	fi
}

take_down()
{
	trap '' INT TERM HUP
	[ -d "$1" ] || return 0
	echo 1 >"$1/cgroup.kill" || :
	for i in 1 2 3 4 5 6 7 8 9 10; do
		find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
		[ -d "$1" ] || return 0
		sleep 0.2
	done
	say "cannot remove $1"
}

watch()
{
	mount -t tmpfs -o mode=755 tmpfs /run
	find_cgroup
	for i in "$hierarchy"/containerfs-bench-*; do
		[ -d "/proc/${i##*-}" ] || take_down "$i"
	done
	cgroup=$hierarchy/containerfs-bench-$$
	trap 'take_down "$cgroup"' EXIT
	trap 'exit 130' INT TERM HUP
	mkdir "$cgroup"
	export cgroup
	sh -c 'echo $$ >"$cgroup/cgroup.procs" && exec unshare --cgroup "$@"' sh \
		"$BUILD/bench/setup" private /bin/sh "$0" --inside &
	wait $!
}

# --- inside: what the measurements share ----------------------------------------------------------

B=/run/bench
ROOT=$B/root
CG=/sys/fs/cgroup
STATE=/run/containerfs-bench
OWN=mount,pid,ipc,uts,cgroup

wants()
{
	case ,$ONLY, in
	*,"$1",*) return 0 ;;
	esac
	return 1
}

has()
{
	command -v "$1" >/dev/null 2>&1
}

set_up()
{
	umount -R -l $CG
	mount -t cgroup2 cgroup2 $CG
	mkdir $CG/driver $CG/floor $B $ROOT
	echo $$ >$CG/driver/cgroup.procs
	for i in bin dev etc proc run sys tmp; do
		mkdir $ROOT/$i
	done
	cp "$BUILD/bench/tiny" "$BUILD/bench/pause" $ROOT/bin
	export CONTAINERFS_STATE=$STATE
}

# bundle DIR PROGRAM [network]: the least configuration that sets up what the others set up
bundle()
{
	network=
	if [ "${3:-}" = network ]; then
		network='{"type": "network"},'
	fi
	mkdir "$1"
	cat >"$1/config.json" <<-END
	{
		"ociVersion": "1.0.0",
		"process": {"user": {"uid": 0, "gid": 0}, "args": ["$2"],
			"env": ["PATH=/bin"], "cwd": "/"},
		"root": {"path": "$ROOT"},
		"mounts": [
			{"destination": "/proc", "type": "proc", "source": "proc",
			 "options": ["nosuid", "noexec", "nodev"]},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
			 "options": ["nosuid", "strictatime", "mode=755"]},
			{"destination": "/dev/pts", "type": "devpts", "source": "devpts",
			 "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666",
				"mode=0620"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs",
			 "options": ["nosuid", "noexec", "nodev"]}
		],
		"linux": {
			"cgroupsPath": "/oci-${1##*/}",
			"namespaces": [$network {"type": "pid"}, {"type": "ipc"},
				{"type": "uts"}, {"type": "mount"}, {"type": "cgroup"}]
		}
	}
	END
}

# measure: the section's description is on standard input
measure()
{
	cat >$B/spec
	"$BUILD/bench/bench" --rounds "$ROUNDS" --pause "$PAUSE" --json "$JSON" $B/spec ||
		say 'a section failed'
}

# candidate NAME COMMAND...
candidate()
{
	echo "candidate $1"
	shift
	echo "	run $*"
}

BWRAP="bwrap --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup --bind $ROOT / \
--proc /proc --dev /dev --bind /sys /sys"
UNSHARE="unshare --mount --pid --fork --ipc --uts --cgroup --mount-proc --root=$ROOT"

# run_candidates SUFFIX NETWORK LINE: all that run a program in a new container. NETWORK is "" or
# "network", LINE is added to each candidate's description, $B/vault$SUFFIX is a vault.
run_candidates()
{
	net=$2
	{
		candidate "container run --root" "$CONTAINER" run --own $OWN${net:+,network} \
			--root $ROOT -- /bin/tiny
		candidate "container run" "$CONTAINER" run --own $OWN${net:+,network} \
			-- "$BUILD/bench/tiny"
		candidate "crun run" crun --cgroup-manager=cgroupfs run -b "$B/tiny$net" bench
		echo "	after crun --cgroup-manager=cgroupfs delete -f bench"
		candidate "runc run" runc run -b "$B/tiny$net" bench
		echo "	after runc delete -f bench"
		candidate "bwrap" "$BWRAP" ${net:+--unshare-net} /bin/tiny
		candidate "bwrap --as-pid-1" "$BWRAP" --as-pid-1 ${net:+--unshare-net} /bin/tiny
		candidate "unshare" "$UNSHARE" ${net:+--net} /bin/tiny
		candidate "floor" "$BUILD/bench/floor" run ${net:+--network} $ROOT /bin/tiny
		candidate "floor, cgroup" "$BUILD/bench/floor" run ${net:+--network} \
			--cgroup $CG/floor $ROOT /bin/tiny
		candidate "floor, cgroup, vault" "$BUILD/bench/floor" run ${net:+--network} \
			--cgroup $CG/floor --vault "$B/vault$1" $ROOT /bin/tiny
	} | awk -v suffix="${1:+, $1}" -v line="$3" '
		/^candidate/ { $0 = $0 suffix }
		{ print }
		/^\trun/ && line { print line }'
}

prepare_run()
{
	[ -e $B/vault ] && return
	bundle $B/tiny /bin/tiny
	bundle $B/tinynetwork /bin/tiny network
	"$BUILD/bench/setup" vault $B/vault
}

# --- inside: the sections -------------------------------------------------------------------------

section_run()
{
	prepare_run
	{
		echo "section run, no network namespace"
		echo "yardstick crun run"
		run_candidates "" "" ""
		echo "goal 0.45 container run --root / bwrap"
		echo "goal 0.75 container run --root / unshare"
		echo "goal 0.30 container run --root / crun run"
		echo "compare container run --root / bwrap --as-pid-1"
		echo "compare container run --root / floor, cgroup"
	} | measure
	{
		echo "section run, own network namespace"
		echo "yardstick crun run"
		run_candidates "" network ""
		echo "goal 0.55 container run --root / bwrap"
		echo "goal 0.35 container run --root / crun run"
		echo "compare container run --root / unshare"
		echo "compare container run --root / floor, cgroup"
	} | measure
}

# Leaves running: a container of ours, one of crun's, one of the floor's.
start_paused()
{
	bundle $B/pause /bin/pause
	"$BUILD/bench/floor" run --cgroup $CG/floor --pid-file $B/pid $ROOT /bin/pause &
	if has crun; then
		crun --cgroup-manager=cgroupfs run -d -b $B/pause bench-pause >/dev/null || :
	fi
	if [ -x "$CONTAINER" ]; then
		"$CONTAINER" run -n bench-pause --own $OWN --root $ROOT -- /bin/pause &
	fi
	sleep 1
	pid=$(cat $B/pid)
}

section_enter()
{
	start_paused
	{
		echo "section enter a running container"
		echo "yardstick nsenter"
		candidate "container enter" "$CONTAINER" enter bench-pause -- /bin/tiny
		candidate "nsenter" nsenter -t "$pid" -a /bin/tiny
		candidate "crun exec" crun --cgroup-manager=cgroupfs exec bench-pause /bin/tiny
		candidate "floor" "$BUILD/bench/floor" enter "$pid" /bin/tiny
		candidate "floor, cgroup" "$BUILD/bench/floor" enter \
			--cgroup "$(echo $CG/floor/floor-*)" "$pid" /bin/tiny
		echo "goal 0.42 container enter / nsenter"
		echo "compare container enter / crun exec"
		echo "compare container enter / floor, cgroup"
	} | measure
	kill "$pid"
	if has crun; then
		crun --cgroup-manager=cgroupfs delete -f bench-pause || :
	fi
	if [ -x "$CONTAINER" ]; then
		"$CONTAINER" rm -f bench-pause || :
	fi
}

# loop NAME COMMAND...: a candidate that tells its time itself
loop()
{
	candidate "$@"
	echo "	self"
}

section_loop()
{
	prepare_run
	lib=$BUILD/bench/libloop
	floor=$BUILD/bench/floor
	for net in "" --network; do
		{
			echo "section in one process: create + run + remove${net:+, own network}"
			echo "yardstick floor, cgroup"
			loop "library" "$lib" run $net --loop 20 $ROOT /bin/tiny
			loop "floor" "$floor" run $net --loop 20 $ROOT /bin/tiny
			loop "floor, cgroup" "$floor" run $net --loop 20 --cgroup $CG/floor \
				$ROOT /bin/tiny
			loop "floor, cgroup, vault" "$floor" run $net --loop 20 --cgroup $CG/floor \
				--vault $B/vault $ROOT /bin/tiny
			echo "goal 1.3 library / floor, cgroup"
			echo "compare library / floor, cgroup, vault"
		} | measure
	done
	{
		echo "section create + remove: five own namespaces, no task"
		echo "yardstick floor, cgroup"
		loop "library" "$lib" empty --loop 20
		loop "library, view" "$lib" empty --view --loop 20
		loop "floor" "$floor" pin --loop 20
		loop "floor, cgroup" "$floor" pin --loop 20 --cgroup $CG/floor
		candidate "container create; rm" "$CONTAINER" create \
			--own uts,network,ipc,mount,pid bench-five
		echo "	run $CONTAINER rm bench-five"
		echo "compare library / floor, cgroup"
	} | measure
}

# The root as a mount of its own. A mere directory costs 0.1 us for each mount that the host has
# anywhere on the same file system: open_tree(2) and bind mounts look through them all.
# mounted SUFFIX LINE: the same two candidates here and where there are many mounts
mounted()
{
	candidate "container run --root MOUNT$1" "$CONTAINER" run --own $OWN \
		--root $B/mounted -- /bin/tiny
	printf '%b' "$2"
	candidate "floor, cgroup, vault, MOUNT$1" "$BUILD/bench/floor" run --cgroup $CG/floor \
		--vault "$B/vault${1#, }" $B/mounted /bin/tiny
	printf '%b' "$2"
}

section_mounts()
{
	prepare_run
	mkdir $B/many $B/mounted
	mount -t tmpfs tmpfs $B/mounted
	cp -r $ROOT/. $B/mounted
	"$BUILD/bench/setup" many $B/ns-many $B/many "$MANY"
	nsenter --mount=$B/ns-many "$BUILD/bench/setup" vault $B/vaultmany
	few=$(wc -l </proc/self/mountinfo)
	there="\\tmntns $B/ns-many\\n\\tenv CONTAINERFS_STATE=$STATE-many"
	{
		echo "section run with $few and with $((few + MANY)) mounts on the host"
		echo "yardstick crun run"
		run_candidates "" "" ""
		run_candidates many "" "$there"
		mounted "" ""
		mounted ", many" "$there\\n"
		echo "goal 1.1 container run --root, many / container run --root"
		echo "goal 1.1 container run --root MOUNT, many / container run --root MOUNT"
		echo "compare container run --root, many / crun run, many"
		for i in "container run" "crun run" "runc run" bwrap "bwrap --as-pid-1" unshare \
			floor "floor, cgroup" "floor, cgroup, vault" \
			"floor, cgroup, vault, MOUNT"; do
			echo "compare $i, many / $i"
		done
	} | measure
	if [ -x "$CONTAINER" ]; then
		CONTAINERFS_STATE=$STATE-many nsenter --mount=$B/ns-many "$CONTAINER" rm / || :
	fi
}

# copies N: as many state directories as N in $B/crun-N, of one container that runs
copies()
{
	root=$B/crun-$1
	crun --root "$root" --cgroup-manager=cgroupfs run -d -b $B/listed c1 >/dev/null || return 0
	(
		cd "$root"
		seq -f 'c%.0f' 2 "$1" | xargs mkdir
		for i in c1/*; do
			# shellcheck disable=SC2016
			seq -f "c%.0f/${i##*/}" 2 "$1" |
				xargs sh -c 'tee "$@" >/dev/null <"$0"' "$i"
		done
	)
	found=$(crun --root "$root" list -q | wc -l)
	[ "$found" = "$1" ] || say "crun list shows $found containers, not $1"
}

# fill N: as many containers of ours, idle, with a state directory of their own
fill()
{
	if [ ! -x "$BUILD/bench/libloop" ] || [ ! -x "$CONTAINER" ]; then
		say "left out: container ls, $1: $CONTAINER or libloop is missing"
		return 1
	fi
	CONTAINERFS_STATE=$STATE-$1 "$BUILD/bench/libloop" fill "$1" || {
		say "left out: container ls, $1"
		return 1
	}
	found=$(CONTAINERFS_STATE=$STATE-$1 "$CONTAINER" ls -q | wc -l)
	if [ "$found" != "$1" ]; then
		say "left out: container ls, $1: it shows $found"
		return 1
	fi
	: >$B/filled-"$1"
}

# What runs, this script and its helpers not counted.
count_tasks()
{
	find $CG -path $CG/driver -prune -o -name cgroup.procs -exec cat {} + | wc -l
}

# An idle container costs no process and, but for the vault, no mount on the host.
check_idle()
{
	mounts=$(($(wc -l </proc/self/mountinfo) - $1))
	tasks=$(($(count_tasks) - $2))
	verdict=MISSED
	[ $mounts -le 1 ] && [ $tasks -le 0 ] && verdict=ok
	printf '\n%s idle containers: %s more mounts here (goal 1), %s more processes (0): %s\n' \
		"$SMALL" "$mounts" "$tasks" "$verdict"
}

section_list()
{
	for n in "$SMALL" "$LARGE"; do
		if has crun; then
			bundle $B/listed /bin/pause
			sed -i "s|/oci-listed|/oci-listed-$n|" $B/listed/config.json
			copies "$n"
			rm -r $B/listed
		fi
		mounts=$(wc -l </proc/self/mountinfo)
		tasks=$(count_tasks)
		fill "$n" || continue
		if [ "$n" = "$SMALL" ]; then
			check_idle "$mounts" "$tasks"
		fi
	done
	{
		echo "section list $SMALL and $LARGE containers"
		echo "yardstick crun list -q, $SMALL"
		for n in "$SMALL" "$LARGE"; do
			if [ -e $B/filled-"$n" ]; then
				candidate "container ls, $n" "$CONTAINER" ls
				echo "	env CONTAINERFS_STATE=$STATE-$n"
				candidate "container ls -q, $n" "$CONTAINER" ls -q
				echo "	env CONTAINERFS_STATE=$STATE-$n"
			fi
			candidate "crun list -q, $n" crun --root "$B/crun-$n" list -q
			candidate "crun list, $n" crun --root "$B/crun-$n" list
		done
		echo "goal 0.2 container ls, $SMALL / crun list -q, $SMALL"
		echo "goal 5.5 container ls, $LARGE / container ls, $SMALL"
		echo "compare container ls -q, $SMALL / crun list -q, $SMALL"
		echo "compare container ls, $LARGE / crun list -q, $LARGE"
		echo "compare crun list -q, $LARGE / crun list -q, $SMALL"
	} | measure
}

# tree_section TITLE OPERATION ENTRY CGROUP_ENTRY TMPFS_ENTRY [TIMES]: one operation on an entry of the
# tree, and beside it on the empty FUSE file system, cgroupfs and tmpfs. Where the entry is -: not on it.
tree_section()
{
	echo "section $1"
	echo "yardstick empty FUSE"
	loop "containerfs" "$BUILD/bench/treeloop" "$2" "${6:-100}" "$B/tree/$3"
	loop "empty FUSE" "$BUILD/bench/treeloop" "$2" "${6:-100}" "$B/empty/$3"
	[ "$4" = - ] || loop "cgroupfs" "$BUILD/bench/treeloop" "$2" "${6:-100}" "$CG/tree/$4"
	[ "$5" = - ] || loop "tmpfs" "$BUILD/bench/treeloop" "$2" "${6:-100}" "$B/tmpfs/$5"
}

# 1000 containers, directories of the empty FUSE file system, cgroups, directories.
prepare_tree()
{
	mkdir $B/tree $B/empty $B/tmpfs $CG/tree
	export CONTAINERFS_STATE=$STATE-tree
	"$BUILD/bench/libloop" fill "$SMALL"
	"$CONTAINER" create c0
	"$CONTAINER" create five --own mount,network,ipc,uts,cgroup
	"$SERVER" none $B/tree
	"$BUILD/bench/empty_fuse" "$SMALL" $B/empty
	mount -t tmpfs tmpfs $B/tmpfs
	seq -f "$CG/tree/c%.0f" 0 "$SMALL" | xargs mkdir
	seq -f "$B/tmpfs/c%.0f" "$SMALL" | xargs mkdir
	echo created >$B/tmpfs/c1/state
}

take_tree_down()
{
	umount $B/tree $B/empty
	find $CG/tree -depth -type d -exec rmdir {} +
	"$CONTAINER" ls -q | xargs -n 500 "$CONTAINER" rm
	"$CONTAINER" rm / || :
	export CONTAINERFS_STATE=$STATE
}

section_tree()
{
	if [ ! -x "$SERVER" ] || [ ! -x "$BUILD/bench/empty_fuse" ] || ! [ -e /dev/fuse ]; then
		say "left out: tree: $SERVER, empty_fuse or /dev/fuse is missing"
		return
	fi
	prepare_tree
	{
		tree_section "the tree: fstat of a container, one request" fstat c1 c1 c1
		echo "goal 1.3 containerfs / empty FUSE"
	} | measure
	{
		tree_section "the tree: stat of a container by its name" stat c1 c1 c1
		echo "goal 1.3 containerfs / empty FUSE"
	} | measure
	{
		tree_section "the tree: list $SMALL containers" list . . . 20
		echo "goal 2 containerfs / empty FUSE"
		echo "compare containerfs / cgroupfs"
	} | measure
	{
		tree_section "the tree: cat state" cat c1/state c1/cgroup.events c1/state
		echo "compare containerfs / empty FUSE"
		echo "compare containerfs / cgroupfs"
	} | measure
	{
		tree_section "the tree: mkdir and rmdir" mkdir c1 c1 c1 20
		loop "library" "$BUILD/bench/libloop" none --loop 20
		echo "compare containerfs / library"
		echo "compare library / cgroupfs"
	} | measure
	{
		tree_section "the tree: echo \$\$ >tasks, one after another" move \
			c0/tasks c0/cgroup.procs - 20
		loop "containerfs, own uts" "$BUILD/bench/treeloop" move 20 $B/tree/c1/tasks
		loop "containerfs, five types" "$BUILD/bench/treeloop" move 20 $B/tree/five/tasks
		loop "one millisecond" echo 1000
		echo "goal 1 containerfs / one millisecond"
		echo "goal 1 containerfs, five types / one millisecond"
	} | measure
	{
		tree_section "the tree: echo \$\$ >tasks, the first after a pause" lone \
			c0/tasks c0/cgroup.procs - 1
		echo "compare containerfs / cgroupfs"
	} | measure
	take_tree_down
}

# One that waits, with a private view of the host: what nsenter(1) starts is to be found in it.
start_reached()
{
	mkdir $B/source
	"$CONTAINER" create --own mount,network,ipc,uts,pid,cgroup reached
	"$CONTAINER" enter reached -- "$BUILD/bench/pause" &
	sleep 1
	pid=$("$CONTAINER" ps reached | awk 'END { print $1 }')
	cgroup=$CG$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
}

# reach_section TITLE OPERATION TIMES ARG
reach_section()
{
	echo "section $1"
	echo "yardstick bare"
	for i in library bare; do
		loop "$i" "$BUILD/bench/reachloop" "$2" $i "$3" reached "$4"
	done
}

section_reach()
{
	start_reached
	tiny=$BUILD/bench/tiny
	{
		reach_section "a socket in a container's network namespace" socket 200 -
		loop "child, setns, SCM_RIGHTS" "$BUILD/bench/reachloop" socket child 200 reached -
		loop "30 microseconds" echo 30
		echo "goal 1 library / 30 microseconds"
		echo "compare library / child, setns, SCM_RIGHTS"
		echo "compare library / bare"
	} | measure
	{
		reach_section "a directory mounted into it" mount 50 $B/source
		loop "bare, in a child" "$BUILD/bench/reachloop" mount child 50 reached $B/source
		echo "goal 2 library / bare, in a child"
		echo "compare library / bare"
	} | measure
	{
		echo "section a directory mounted into it, by a command"
		echo "yardstick nsenter mount"
		candidate "container mount" "$CONTAINER" mount reached --bind /etc /mnt
		echo "	after $CONTAINER umount -l reached /mnt"
		candidate "nsenter mount" nsenter -t "$pid" -m mount --bind /etc /mnt
		echo "	after $CONTAINER umount -l reached /mnt"
		echo "compare container mount / nsenter mount"
	} | measure
	{
		reach_section "a file in its root opened" open 200 /etc/passwd
		candidate "nsenter cat" nsenter -t "$pid" -m cat /etc/passwd
		echo "compare library / bare"
		echo "compare library / nsenter cat"
	} | measure
	{
		echo "section a program spawned into it"
		echo "yardstick floor, cgroup"
		loop "library" "$BUILD/bench/reachloop" spawn library 50 reached "$tiny"
		loop "floor" "$BUILD/bench/floor" spawn --loop 50 "$pid" "$tiny"
		loop "floor, cgroup" "$BUILD/bench/floor" spawn --loop 50 --cgroup "$cgroup" \
			"$pid" "$tiny"
		candidate "nsenter" nsenter -t "$pid" -a "$tiny"
		echo "goal 1.2 library / floor, cgroup"
		echo "compare library / nsenter"
	} | measure
	kill "$pid"
	"$CONTAINER" rm -f reached || :
}

# --- inside: from here to the end -----------------------------------------------------------------

version()
{
	has "$1" || return 0
	printf '%s: %s\n' "$1" "$("$@" 2>/dev/null | head -n 1)"
}

tell_machine()
{
	load=$(cut -d ' ' -f 1 /proc/loadavg)
	printf '%s, Linux %s, %s CPUs, load %s, %s\n' "$(uname -m)" "$(uname -r)" "$(nproc)" \
		"$load" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
	version crun --version
	version runc --version
	version bwrap --version
	version unshare --version
	{
		printf '[\n\t{"kind": "machine", "kernel": "%s", ' "$(uname -r)"
		printf '"machine": "%s", "cpus": %s, "load": %s}\n]\n' \
			"$(uname -m)" "$(nproc)" "$load"
	} >"$JSON"
	case $load in
	0.[0-4]*) ;;
	*) echo "The machine is busy: trust ratios only." ;;
	esac
}

inside()
{
	set_up
	tell_machine
	for i in run enter loop mounts list tree reach; do
		if wants $i; then
			section_$i
		fi
	done
	if [ -x "$CONTAINER" ] && [ -e $STATE ]; then
		"$CONTAINER" rm / || say "$STATE could not be taken down"
	fi
	printf '\nFigures: %s\n' "$JSON"
}

case ${1:-} in
--watch) watch ;;
--inside) inside ;;
'') start ;;
*) stop 'takes no arguments: see the head of run.sh' ;;
esac
