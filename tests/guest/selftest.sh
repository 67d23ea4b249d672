#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# selftest.sh: is the guest what the tests believe it is? Five boots; a line for each check.
#
# Invariants of this file:
# - `selftest.sh --inside` is the part that runs in the guest. It changes only the guest.
set -u

here=$(cd "$(dirname "$0")" && pwd -P)
failures=0
busybox=/run/.guest/busybox

# check NAME COMMAND...
check()
{
	name=$1
	shift
	if "$@"; then
		echo "ok   $name"
	else
		echo "FAIL $name"
		failures=$((failures + 1))
	fi
}

# --- in the guest ---

is_6_1()
{
	case $(uname -r) in
	6.1.*) ;;
	*) return 1 ;;
	esac
}

has_controllers()
{
	for i in cpuset cpu io memory hugetlb pids rdma misc; do
		grep -qw $i /sys/fs/cgroup/cgroup.controllers || return
	done
}

# is_mounted DIR TYPE
is_mounted()
{
	awk -v dir="$1" -v type=" - $2 " '$5 == dir { found = index($0, type) }
		END { exit !found }' /proc/self/mountinfo
}

has_mounts()
{
	is_mounted / overlay && is_mounted /run tmpfs && is_mounted /tmp tmpfs &&
		is_mounted /proc proc && is_mounted /sys sysfs && is_mounted /dev devtmpfs &&
		is_mounted /dev/pts devpts && is_mounted /sys/fs/cgroup cgroup2
}

enables_controllers()
{
	echo '+memory +pids +cpu' >/sys/fs/cgroup/cgroup.subtree_control &&
		mkdir /sys/fs/cgroup/selftest && echo 3 >/sys/fs/cgroup/selftest/pids.max &&
		rmdir /sys/fs/cgroup/selftest
}

# The working directory is $TMPDIR of the host, hidden by the guest's /tmp but for itself.
keeps_directories()
{
	[ "$PWD" = "$BUILD" ] && [ "$(cat "$BUILD/from-host")" = hello ] &&
		echo changed >from-host && echo guest >"$BUILD/from-guest"
}

# An overlay with / as its lower layer becomes the root of a mount namespace of its own.
pivots_into_overlay()
{
	unshare -m sh -e <<-'EOF'
	mount -t tmpfs tmpfs /mnt
	mkdir /mnt/upper /mnt/work /mnt/root
	mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
	cd /mnt/root
	echo changed >etc/selftest
	mkdir old
	pivot_root . old
	umount -l /old
	[ "$(cat /etc/selftest)" = changed ]
	[ ! -e /old/etc ]
	EOF
}

leaves_root_alone()
{
	[ ! -e /etc/selftest ] && [ ! -e /mnt/root ]
}

loads_modules()
{
	[ -c /dev/fuse ] && modprobe dummy && [ -d /sys/module/dummy ] &&
		$busybox ip link add type veth
}

answers()
{
	$busybox ping -c 1 -W 5 "$1" >/dev/null
}

inside()
{
	check 'kernel 6.1' is_6_1
	check 'root' test "$(id -u)" = 0
	check 'two processors' test "$(nproc)" = 2
	check 'mounts' has_mounts
	check 'all controllers' has_controllers
	check 'controllers can be enabled' enables_controllers
	check 'loopback' answers 127.0.0.1
	check 'no other network' test "$(ls /sys/class/net)" = lo
	check 'kept directories' keeps_directories
	check 'unshare, overlay, pivot_root' pivots_into_overlay
	check 'root untouched by it' leaves_root_alone
	check 'modules' loads_modules
	check 'user namespace' unshare -U -r true
	check 'stdin is empty' test -z "$(cat)"
	[ $failures = 0 ]
}

# --- on the host ---

# guest STATUS ARGUMENTS...: is that the status run.sh exits with?
guest()
{
	want=$1
	shift
	"$here/run.sh" "$@" </dev/null
	status=$?
	[ $status = "$want" ] && return
	echo "     status $status, not $want"
	return 1
}

# Binary, and larger than all buffers on the way; what still runs at the end does not matter.
passes_output()
{
	guest 201 'sleep 1000 & head -c 5000000 /dev/zero | tr "\0" "\r"; printf end; exit 201' \
		>"$work/output"
	passed=$?
	{ head -c 5000000 /dev/zero | tr '\0' '\r' && printf end; } | cmp - "$work/output" &&
		[ $passed = 0 ]
}

panics()
{
	guest 125 'echo c >/proc/sysrq-trigger' 2>"$work/console" && grep -q 'sysrq' "$work/console"
}

times_out()
{
	guest 124 --timeout 3 'sleep 1000' 2>/dev/null
}

host_is_untouched()
{
	[ "$(cat from-host)" = hello ] && [ ! -e from-guest ]
}

main()
{
	work=$(mktemp -d "${TMPDIR:-/tmp}/containerfs-selftest.XXXXXX") || exit
	trap 'rm -rf "$work"' EXIT
	trap 'exit 143' INT TERM HUP
	mkdir "$work/build"
	cd "$work/build" || exit
	echo hello >from-host

	"$here/run.sh" --build "$work/build" --verbose "'$here/selftest.sh' --inside" </dev/null \
		2>"$work/console"
	status=$?
	if [ $status = 77 ]; then
		cat "$work/console" >&2
		exit 77
	fi
	sed -n 's/^init.sh: /     command /p' "$work/console"
	check 'all of these in the guest' test $status = 0
	[ $status = 0 ] || tail -n 20 "$work/console"
	check 'the host is untouched' host_is_untouched
	check 'output is complete; status 201' passes_output
	check 'status of a signal' guest 137 'kill -KILL $$'
	check 'a panic is no status' panics
	check 'time-out' times_out
	[ $failures = 0 ]
}

case ${1:-} in
--inside) inside ;;
*) main ;;
esac
