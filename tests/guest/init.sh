#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# init.sh: process 1 of the guest, first in the initramfs, then (init running) on the real root.
#
#   /              the initramfs: busybox, modules, /job (what to run; from run.sh)
#     /lower       the host's /, 9p, read-only
#     /upper       tmpfs
#     /root        overlay of the two, becomes /
#       /run       tmpfs; /run/.guest holds busybox, this script and the job
#
# Invariants of this file:
# - It runs on busybox alone (its shell prefers its own applets), never on the host's programs.
# - / of the command is a mount with a parent, as on any machine, so that pivot_root(2) works.
# - A status is sent after the last byte of output, and none if the guest itself fails: run.sh
#   tells the two apart by that.

guest=/run/.guest
PATH=/bin

die()
{
	echo "init.sh: cannot $1" >/dev/console
	reboot -f
}

# tmpfs DIR MODE
tmpfs()
{
	mount -t tmpfs -o "nosuid,nodev,mode=$2" tmpfs "$1" || die "mount $1"
}

# The tmpfs of /tmp, /run and /dev/shm hide directories of the host that the job needs: they are
# set aside before, and put back in their place after.
set_aside()
{
	n=0
	while read -r dir; do
		n=$((n + 1))
		mkdir -p "/keep/$n"
		mount -o bind "/root$dir" "/keep/$n" || die "set aside $dir"
	done </job/keep
}

put_back()
{
	n=0
	while read -r dir; do
		n=$((n + 1))
		mkdir -p "/root$dir"
		mount -o move "/keep/$n" "/root$dir" || die "put back $dir"
	done </job/keep
}

load_modules()
{
	while read -r module; do
		insmod "/modules/$module" || die "load $module"
	done </modules/order
}

# cache=loose: nobody but the guest writes what the guest must see, and it writes to the tmpfs.
mount_root()
{
	mkdir -p /lower /upper /root
	mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /lower ||
		die 'mount the root of the host'
	mount -t tmpfs -o mode=755 tmpfs /upper || die 'mount /upper'
	mkdir /upper/data /upper/work
	mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /root ||
		die 'mount the overlay'
	mkdir -p /root/proc /root/sys /root/dev /root/run /root/tmp
}

mount_dev()
{
	mkdir /dev/pts /dev/shm /dev/mqueue
	mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts ||
		die 'mount /dev/pts'
	mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue || die 'mount /dev/mqueue'
	tmpfs /dev/shm 1777
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr
}

# All modules of the guest's kernel, from the cache of run.sh to where modprobe looks for them.
mount_modules()
{
	read -r from </job/modules
	read -r to </job/modules-place
	mkdir -p "/root$to"
	mount -o bind "/root$from" "/root$to" || die "mount $to"
}

# /proc moves last: the shell finds its applets by /proc/self/exe.
start()
{
	/bin/busybox mkdir -p /proc /sys /dev
	/bin/busybox mount -t proc proc /proc || die 'mount /proc'
	mount -t sysfs sysfs /sys || die 'mount /sys'
	mount -t devtmpfs devtmpfs /dev || die 'mount /dev'
	load_modules
	mount_root
	mount_dev
	mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 \
		/sys/fs/cgroup || die 'mount /sys/fs/cgroup'
	set_aside
	tmpfs /root/run 755
	tmpfs /root/tmp 1777
	mount -o move /sys /root/sys
	mount -o move /dev /root/dev
	put_back
	mount_modules
	mkdir -m 1777 /root/run/lock
	mkdir -m 700 "/root$guest"
	cp /bin/busybox /init /job/* "/root$guest"
	mount -o move /proc /root/proc
	exec /bin/busybox switch_root /root "$guest/busybox" sh "$guest/init" running
}

# What systemd does on the host, as far as containers notice it.
be_a_system()
{
	mount --make-rshared / || die 'make / shared'
	hostname guest
	# From here on a warning of the kernel is news: run.sh shows the console.
	[ -n "$(cat "$guest/verbose")" ] || echo 5 >/proc/sys/kernel/printk
	ip link set lo up
	for i in hardlinks=1 symlinks=1 fifos=1 regular=2; do
		echo "${i#*=}" >"/proc/sys/fs/protected_${i%=*}"
	done
}

# For run.sh --verbose: seconds since the kernel began.
say_when()
{
	[ -n "$(cat "$guest/verbose")" ] || return 0
	read -r uptime _ </proc/uptime
	echo "init.sh: $1 at $uptime s" >/dev/console
}

# run_job: sets $status
run_job()
{
	read -r cwd <"$guest/cwd"
	read -r build <"$guest/build"
	command=$(cat "$guest/command")
	cd "$cwd" || cd /
	say_when started
	setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root TERM=dumb LANG=C.UTF-8 CONTAINERFS_GUEST=1 "BUILD=$build" \
		/bin/sh -c "$command" </dev/null >"$guest/output" 2>&1 &
	# The shell tells of a signal.
	{ wait $!; } 2>/dev/null
	status=$?
	cd /
}

# The driver makes the ports some time after its module is loaded.
find_ports()
{
	for _ in $(seq 500); do
		set -- /dev/vport?p1 /dev/vport?p2
		output_port=$1
		status_port=$2
		[ ! -c "$1" ] || [ ! -c "$2" ] || return 0
		sleep 0.02
	done
	die 'find the ports'
}

# Whatever the command has left running ends here, or it would hold the output open.
kill_all_but()
{
	for i in /proc/[0-9]*; do
		case ${i#/proc/} in
		1 | "$1") ;;
		*) kill -KILL "${i#/proc/}" ;;
		esac
	done 2>/dev/null
}

run()
{
	be_a_system
	find_ports
	mkfifo "$guest/output"
	cat "$guest/output" >"$output_port" &
	writer=$!
	run_job
	kill_all_but $writer
	(sleep 10 && kill -KILL $writer) &
	wait $writer
	say_when "exited $status"
	echo 0 >/proc/sys/kernel/printk
	echo $status >"$status_port"
	reboot -f
}

case ${1:-} in
running) run ;;
*) start ;;
esac
