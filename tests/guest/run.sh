#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh: run a command as root on Debian's own kernel, in a machine emulated by QEMU, on a
# throw-away copy of this machine's files. See README.md.
#
# Invariants of this file:
# - stdout has the output of the command and nothing else; what run.sh says is on stderr.
# - The guest cannot write to the host: its root is exported read-only, and QEMU writes to three
#   files in $work: console, output, status.
# - QEMU ends with this script, however that ends.
set -u

# kmod is there, and an ordinary user may not look there.
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd -P)

usage()
{
	cat <<-EOF
	Usage: run.sh [--build DIR] [--timeout SECONDS] [--verbose] [--] COMMAND...
	Boot a QEMU guest, run the shell command line COMMAND in it, exit with its status.

	  --build DIR        BUILD of the command (default: \$BUILD, or build at the top of the tree)
	  --timeout SECONDS  of boot and command together (default 600; 0: none)
	  --verbose          print the messages of the kernel, and times, on stderr at the end

	Exit status: that of COMMAND; 124 time-out; 125 the guest failed; 77 something is missing
	(1 if GUEST_REQUIRED is set); 2 usage.
	EOF
}

fail()
{
	echo "run.sh: $1" >&2
	exit 125
}

skip()
{
	echo "SKIP run.sh: $1" >&2
	[ -z "${GUEST_REQUIRED:-}" ] || exit 1
	exit 77
}

misuse()
{
	echo "run.sh: $1" >&2
	usage >&2
	exit 2
}

parse_arguments()
{
	build=${BUILD:-$here/../../build}
	timeout=600
	verbose=
	while [ $# -gt 0 ]; do
		case $1 in
		--build | --timeout)
			[ $# -gt 1 ] || misuse "$1 needs a value"
			eval "${1#--}=\$2"
			shift
			;;
		--verbose) verbose=yes ;;
		--help)
			usage
			exit 0
			;;
		--)
			shift
			break
			;;
		-*) misuse "unknown option $1" ;;
		*) break ;;
		esac
		shift
	done
	[ $# -gt 0 ] || misuse 'no command'
	case $timeout in
	'' | *[!0-9]*) misuse "$timeout is not a number of seconds" ;;
	esac
	command=$*
	build=$(realpath -m "$build")
}

# The second part of the initramfs: init.sh and, one file per value, what it must do.
make_job()
{
	mkdir -p "$work/job/job"
	cp "$here/init.sh" "$work/job/init"
	chmod 755 "$work/job/init"
	modules=$kernel/modules/lib/modules/$release
	cd "$work/job/job" || exit
	printf '%s\n' "$command" >'command'
	echo "$verbose" >verbose
	echo "$cwd" >cwd
	echo "$build" >build
	echo "$modules" >modules
	echo "$(realpath -m /lib/modules)/$release" >modules-place
	# Directories that the guest's own tmpfs would hide.
	for i in "$cwd" "$build" "$modules"; do
		case $i in
		/tmp/* | /run/* | /dev/shm/*) [ ! -d "$i" ] || echo "$i" ;;
		esac
	done >keep
	cd .. || exit
	{ cat "$initramfs" && find . | busybox cpio -o -H newc 2>/dev/null; } >"$work/initramfs"
}

# PCI and ACPI stay: microvm finds no clock under emulation, and without ACPI there is one
# processor. la57: a fifth level of page tables to walk. init_on_alloc: 15 % of all the time.
# oops=panic: what a broken kernel says is no result.
run_qemu()
{
	mkfifo "$work/output"
	cat "$work/output" &
	reader=$!
	# Held open until the end, so that the reader neither waits for QEMU nor misses it.
	exec 8>"$work/output"
	setpriv --pdeathsig TERM timeout --foreground -k 5 "$timeout" qemu-system-x86_64 \
		-machine q35,smm=off,sata=off,usb=off,vmport=off \
		-accel tcg,thread=multi,tb-size=256 -cpu max,la57=off -smp 2 -m 2G \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$kernel/vmlinux" -initrd "$work/initramfs" \
		-append "console=ttyS0 loglevel=$loglevel panic=-1 oops=panic cgroup_no_v1=all \
mitigations=off init_on_alloc=0 nokaslr nowatchdog cryptomgr.notests" \
		-chardev file,id=console,path="$work/console" -serial chardev:console \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=host,mount_tag=host \
		-device virtio-serial-pci \
		-chardev file,id=output,path="$work/output" \
		-device virtserialport,nr=1,chardev=output \
		-chardev file,id=status,path="$work/status" \
		-device virtserialport,nr=2,chardev=status \
		</dev/null 8>&- &
	qemu=$!
	wait $qemu
	ended=$?
	qemu=
	exec 8>&-
	wait $reader
}

# The kernel speaks only of trouble, unless asked for more. That this machine is slow is none.
show_console()
{
	tr -d '\r' <"$work/console" | grep -v 'hrtimer: interrupt took' >"$work/messages"
	[ -s "$work/messages" ] || return 0
	echo 'run.sh: the console of the guest:' >&2
	cat "$work/messages" >&2
}

# shellcheck disable=SC2317
finish()
{
	trap '' INT TERM HUP
	[ -z "$qemu" ] || { kill "$qemu" && wait "$qemu"; } 2>/dev/null
	rm -rf "$work"
}

main()
{
	parse_arguments "$@"
	loglevel=1
	[ -z "$verbose" ] || loglevel=7
	need_packages
	prepare_kernel
	cwd=$(pwd -P)
	qemu=
	work=$(mktemp -d "${TMPDIR:-/tmp}/containerfs-guest.XXXXXX") || exit 125
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	make_job
	run_qemu
	show_console
	if [ -s "$work/status" ]; then
		exit "$(cat "$work/status")"
	elif [ $ended = 124 ] || [ $ended = 137 ]; then
		echo "run.sh: no end within $timeout s" >&2
		exit 124
	fi
	fail "the guest ended without a status (QEMU: $ended)"
}

# shellcheck source=kernel.sh
. "$here/kernel.sh"
main "$@"
