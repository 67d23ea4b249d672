# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# lib.sh: what the shell tests are written with. A test begins with
#
#	. "$TESTS/lib.sh"
#
# and ends where the file ends: with 0 if all checks held, else with 1, or with 77 after skip.
# A check that does not hold is told, and the test goes on.
#
# Set by the runner: TESTS (this directory), BUILD, WORK (a directory of the test's own, and the
# current one), CONTAINERFS_STATE (below WORK), TESTS_SLOW (how many times slower than usual this
# machine is), and `container` and `mount.containerfs` on PATH.
set -u

title=
failures=0

finish()
{
	status=$?
	unmount_trees
	out_of_mount_path
	not_shown
	case $status in
	0) [ "$failures" = 0 ] || exit 1 ;;
	77) ;;
	*) bad "the test ended early, with status $status" ;;
	esac
}
trap finish EXIT
trap 'bad "ended by a signal, or out of time"; exit 0' TERM INT HUP

# --- saying ---

# it TEXT: what the checks that follow are about.
it()
{
	title=$1
}

# bad TEXT: a check has failed.
bad()
{
	failures=$((failures + 1))
	echo "FAIL: $title: $1"
}

# skip TEXT: the whole test cannot be done here.
skip()
{
	echo "SKIP: $1"
	[ -z "${TESTS_REQUIRED:-}" ] || failures=1
	[ $failures = 0 ] || exit 0
	exit 77
}

# part_skipped TEXT: a part of the test cannot be done here.
part_skipped()
{
	echo "SKIPPED PART: $1"
	[ -z "${TESTS_REQUIRED:-}" ] || bad "is required: $1"
}

# leaves_containers: the test ends with containers, and means it.
leaves_containers()
{
	: >"$WORK/.leaves"
}

# other_state DIR: a second hierarchy, which the runner shall look after as well.
other_state()
{
	echo "$1" >>"$WORK/.states"
}

show()
{
	sed 's/^/    /' "$@"
}

# --- checks ---

# check CMD...: it succeeds.
check()
{
	"$@" >"$WORK/.out" 2>"$WORK/.err" && return 0
	bad "\"$*\" exited with $?"
	show "$WORK/.out" "$WORK/.err"
	return 1
}

# check_not CMD...: it does not succeed. For container itself, fails_with says more.
check_not()
{
	"$@" >"$WORK/.out" 2>"$WORK/.err" || return 0
	bad "\"$*\" succeeded"
	show "$WORK/.out"
	return 1
}

# exits STATUS CMD...
exits()
{
	wanted=$1
	shift
	"$@" >"$WORK/.out" 2>"$WORK/.err"
	got=$?
	[ $got = "$wanted" ] && return 0
	bad "\"$*\" exited with $got instead of $wanted"
	show "$WORK/.out" "$WORK/.err"
	return 1
}

# All our messages say whose they are. Without grep: a program is dear where the machine is emulated.
check_prefix()
{
	while IFS= read -r line; do
		case $line in
		'container: '*) ;;
		*) bad "a line of the message of \"$1\" does not begin with \"container: \"" ;;
		esac
	done <"$WORK/.err"
}

# fails_with STATUS REGEX CMD...: it exits with STATUS, and what it says on stderr matches the ERE.
fails_with()
{
	wanted=$1 regex=$2 before=$failures
	shift 2
	"$@" >"$WORK/.out" 2>"$WORK/.err"
	got=$?
	[ $got = "$wanted" ] || bad "\"$*\" exited with $got instead of $wanted"
	grep -Eq -- "$regex" "$WORK/.err" || bad "the message of \"$*\" does not match \"$regex\""
	[ "$1$wanted" != container125 ] || check_prefix "$*"
	[ $failures = "$before" ] && return 0
	show "$WORK/.err"
	return 1
}

# is EXPECTED ACTUAL [WHAT]
is()
{
	[ "$1" = "$2" ] && return 0
	bad "${3:+$3: }\"$2\" instead of \"$1\""
	return 1
}

# is_not UNEXPECTED ACTUAL [WHAT]
is_not()
{
	[ "$1" != "$2" ] && return 0
	bad "${3:+$3: }it is \"$2\""
	return 1
}

# matches REGEX TEXT [WHAT]: an ERE, anywhere in the text.
matches()
{
	grep -Eq -- "$1" <<-EOT && return 0
	$2
	EOT
	bad "${3:+$3: }\"$2\" does not match \"$1\""
	return 1
}

# lists [NAME...]: these are all the containers there are, by `container ls -q`.
lists()
{
	expected=$(printf '%s\n' "$@" | sort)
	is "$expected" "$(container ls -q 2>&1 | sort)" 'container ls -q'
}

# field NAME KEY: what `show --json` says.
field()
{
	container show --json "$1" | jq -r ".[0].$2"
}

# init_of NAME: the pid of its init. It is told a moment after init has begun to run.
init_of()
{
	wait_for has_init "$1"
	field "$1" init
}

has_init()
{
	[ "$(field "$1" init)" != 0 ]
}

# --- waiting, and things in the background ---

# seconds N: as many seconds as N take on a usual machine.
seconds()
{
	echo $(($1 * ${TESTS_SLOW:-1}))
}

# wait_for CMD...: until it succeeds, for 10 seconds.
wait_for()
{
	tries=$(($(seconds 10) * 25))
	while [ $tries -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.04
		tries=$((tries - 1))
	done
	bad "waited too long for \"$*\""
	return 1
}

# start FILE CMD...: CMD in the background, its output in FILE, until that has a line "up". Sets
# $started, the pid. SIGINT and SIGQUIT are not ignored, as the shell would have it.
start()
{
	output=$1
	shift
	: >"$output"
	env --default-signal=INT,QUIT "$@" >"$output" 2>&1 </dev/null &
	started=$!
	tries=$(($(seconds 10) * 50))
	while ! grep -qx up "$output"; do
		tries=$((tries - 1))
		if [ $tries = 0 ] || ! kill -0 $started 2>/dev/null; then
			bad "\"$*\" did not get up"
			show "$output"
			return 1
		fi
		sleep 0.02
	done
}

# task CONTAINER [CMD...]: a task there, by default one that sleeps. Sets $started.
task()
{
	into=$1
	shift
	[ $# -gt 0 ] || set -- sleep 1000
	start "$WORK/.task.$(echo "$into" | tr / _)" container enter "$into" -- sh -c 'echo up; exec "$@"' sh "$@"
}

# ends STATUS PID: the background process ends, with this status, within 10 seconds.
ends()
{
	wait_for gone "$2" || return 1
	wait "$2"
	is "$1" $? 'exit status'
}

# gone PID: it has ended, or does not exist.
gone()
{
	! read -r _ _ state _ <"/proc/$1/stat" 2>/dev/null || [ "$state" = Z ]
}

# --- the tree of containers, mounted ---

# mount_tree [OPTION...]: it is mounted on $WORK/containers, until the test ends. Sets $T. The test is
# skipped where there is no FUSE.
mount_tree()
{
	T=$WORK/containers
	mount_tree_on "$T" "$@"
}

# mount_tree_on DIR [OPTION...]: one more.
mount_tree_on()
{
	[ -c /dev/fuse ] || skip 'no /dev/fuse'
	point=$1
	shift
	mkdir -p "$point"
	echo "$point" >>"$WORK/.trees"
	check mount.containerfs "$@" none "$point" && is_mounted "$point"
}

# is_mounted DIR
is_mounted()
{
	grep -q " $1 .* - fuse.containerfs " /proc/self/mountinfo
}

# server_of DIR: the pid of the server of what is mounted there.
server_of()
{
	pgrep -f "mount[.]containerfs .*none $1( |\$)"
}

# unmount_tree DIR: it can be unmounted, and its server is gone then.
unmount_tree()
{
	server=$(server_of "$1")
	check umount "$1" || umount -l "$1"
	[ -z "$server" ] || wait_for gone "$server"
}

unmount_trees()
{
	[ -e "$WORK/.trees" ] || return 0
	cd "$WORK" || return 0
	title='the end of the test'
	while read -r point; do
		! is_mounted "$point" || unmount_tree "$point"
	done <"$WORK/.trees"
	rm -f "$WORK/.trees"
}

# in_mount_path: mount(8) finds mount.containerfs of the build under test in /sbin, in this test's
# mount namespace: a directory of links lies over it, and nothing of the host is changed.
in_mount_path()
{
	sbin=$(realpath /sbin)
	mkdir "$WORK/.sbin"
	check mount --bind "$sbin" "$WORK/.sbin" || return 1
	check mount --make-private "$WORK/.sbin"
	check mount -t tmpfs -o mode=755 sbin "$sbin" || return 1
	(cd "$WORK/.sbin" && for program in *; do
		[ "$program" = mount.containerfs ] || echo "$WORK/.sbin/$program"
	done) | xargs ln -s -t "$sbin"
	ln -s "$BUILD/src/fs/mount.containerfs" "$sbin/"
	echo "$sbin" >"$WORK/.over"
}

# tree_by_hand NAME: the test mounts the tree itself, by mount(8), on $T: that is $WORK/NAME. It is
# unmounted when the test ends. The test is skipped where there is no FUSE.
tree_by_hand()
{
	[ -c /dev/fuse ] || skip 'no /dev/fuse'
	in_mount_path
	T=$WORK/$1
	mkdir "$T"
	echo "$T" >>"$WORK/.trees"
}

# typed: the commands from stdin, in a shell of their own, with $T for /NAME. "typed bash": in bash.
typed()
{
	sed "s|/${T##*/}\\>|$T|g" >"$WORK/.typed"
	"${1:-sh}" "$WORK/.typed" 2>&1
}

out_of_mount_path()
{
	[ -e "$WORK/.over" ] || return 0
	read -r sbin <"$WORK/.over"
	umount "$sbin" || umount -l "$sbin"
	umount "$WORK/.sbin" || umount -l "$WORK/.sbin"
	rm "$WORK/.over"
}

# says REGEX CMD...: it does not succeed, and what it says on stderr matches the ERE. For programs that
# are not ours, of which nothing but this is known.
says()
{
	regex=$1
	shift
	if "$@" >"$WORK/.out" 2>"$WORK/.err"; then
		bad "\"$*\" succeeded"
		show "$WORK/.out"
		return 1
	fi
	grep -Eq -- "$regex" "$WORK/.err" && return 0
	bad "the message of \"$*\" does not match \"$regex\""
	show "$WORK/.err"
	return 1
}

# put TEXT FILE: one write(2), with a newline. Not by the echo of dash, which says "I/O error" to every
# error.
put()
{
	sh -c 'exec env printf "%s\n" "$1" >"$2"' sh "$1" "$2"
}

# put_fails ERROR TEXT FILE: opening or writing the file fails with this error, an ERE.
put_fails()
{
	says "$1" put "$2" "$3"
}

# --- the machine ---

# shown PROGRAM: a copy where a view shows it, as /tmp, where what is built may lie, is the view's own. Prints its path.
shown()
{
	dir=$(mktemp -d /var/tmp/containerfs-shell.XXXXXX)
	echo "$dir" >>"$WORK/.shown"
	chmod 755 "$dir"
	cp "$1" "$dir/"
	echo "$dir/${1##*/}"
}

not_shown()
{
	[ ! -e "$WORK/.shown" ] || while read -r dir; do
		rm -r "$dir"
	done <"$WORK/.shown"
	rm -f "$WORK/.shown"
}

mounts()
{
	grep -c . /proc/self/mountinfo
}

# The directory of the hierarchy's cgroup.
cgroup_of_hierarchy()
{
	readlink "$CONTAINERFS_STATE/cgroup"
}

# namespace TYPE: the identity of the caller's; TYPE as in /proc/PID/ns.
namespace()
{
	readlink "/proc/self/ns/$1"
}

# proc_name TYPE: the name that /proc/PID/ns has for it.
proc_name()
{
	case $1 in
	mount) echo mnt ;;
	network) echo net ;;
	*) echo "$1" ;;
	esac
}

# namespace_in CONTAINER TYPE: the one that a task there has; TYPE as containerfs calls it.
namespace_in()
{
	container enter --only "$2" "$1" -- readlink "/proc/self/ns/$(proc_name "$2")"
}

# A view of a view is an overlay on an overlay: where / is one already, that is one too many.
views_nest()
{
	[ "$(stat -f -c %T /)" != overlayfs ]
}

# Whether the kernel has namespaces of TYPE, and lets us make one.
has_type()
{
	case $1 in
	time) [ -e /proc/self/ns/time ] ;;
	user) unshare -U true 2>/dev/null ;;
	*) true ;;
	esac
}

# make_root DIR [PROGRAM...]: a small root directory: a shell, the programs, what they are linked to.
make_root()
{
	root=$1
	shift
	mkdir -p "$root/bin" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp"
	for program in sh cat ls id hostname readlink "$@"; do
		path=$(command -v "$program")
		cp -L "$path" "$root/bin/$program"
		ldd "$path" 2>/dev/null | grep -o '/[^ ]*'
	done | sort -u | while read -r path; do
		mkdir -p "$root${path%/*}"
		cp -L "$path" "$root$path"
	done
}
