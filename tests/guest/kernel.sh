# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# kernel.sh: the guest's kernel and initramfs, made once and kept in a cache. Part of run.sh.
#
#   CACHE/current-PACKAGE       a file with the name of one of the directories below
#   CACHE/NAME_VERSION/         a kernel package
#     vmlinux                   uncompressed: under emulation that halves the time to boot
#     release                   its name in /lib/modules and in `uname -r`
#     modules/lib/modules/...   without the drivers of hardware that the guest has not
#     initramfs-KEY.cpio        KEY: a checksum of busybox and of the list of modules
#
# Invariants of this file:
# - Whatever has its final name is complete: it is made aside and renamed, under CACHE/lock.
# - apt is asked only if its lists are newer than current-PACKAGE (the answer takes 3 s). If it
#   has none, what is in the cache does.

initramfs_modules='virtio_pci virtio_console 9pnet_virtio 9p overlay fuse'

cache_dir()
{
	if [ -n "${CONTAINERFS_GUEST_CACHE:-}" ]; then
		echo "$CONTAINERFS_GUEST_CACHE"
	elif [ -n "${XDG_CACHE_HOME:-}" ]; then
		echo "$XDG_CACHE_HOME/containerfs-guest"
	elif [ "$(id -u)" = 0 ]; then
		echo /var/cache/containerfs-guest
	else
		echo "$HOME/.cache/containerfs-guest"
	fi
}

need_packages()
{
	missing=
	for i in qemu-system-x86_64=qemu-system-x86 busybox=busybox-static depmod=kmod \
		xz=xz-utils dpkg-deb=dpkg apt-get=apt flock=util-linux; do
		command -v "${i%=*}" >/dev/null || missing="$missing ${i#*=}"
	done
	# The package busybox has a program of the same name that is linked dynamically.
	case $missing in
	*busybox-static*) ;;
	*) ! ldd "$(command -v busybox)" >/dev/null 2>&1 || missing="$missing busybox-static" ;;
	esac
	[ -z "$missing" ] || skip "packages are missing: apt-get install$missing"
}

# NAME_VERSION of the kernel package that apt would install for $package; nothing if apt knows none.
wanted_kernel()
{
	case $package in
	linux-image-[0-9]*) name=$package ;;
	*)
		name=$(apt-cache depends --important "$package" 2>/dev/null |
			awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }')
		;;
	esac
	[ -z "$name" ] || apt-get download --print-uris "$name" 2>/dev/null |
		awk 'NR == 1 { sub(/_[^_]*$/, "", $2); print $2 }'
}

# unpack_vmlinux BZIMAGE VMLINUX: the offsets are those of Documentation/x86/boot.rst.
unpack_vmlinux()
{
	sectors=$(od -An -tu1 -j497 -N1 "$1")
	start=$(($(od -An -tu4 -j584 -N4 "$1") + (sectors + 1) * 512))
	length=$(od -An -tu4 -j588 -N4 "$1")
	case $(od -An -tx1 -j$start -N4 "$1" | tr -d ' ') in
	fd377a58) unpack=xz ;;
	28b52ffd) unpack=zstd ;;
	*) fail "$1: neither xz nor zstd" ;;
	esac
	# The last four bytes are the size of the result.
	tail -c +$((start + 1)) "$1" | head -c $((length - 4)) | $unpack -dc >"$2"
}

# fetch_kernel NAME_VERSION: into $cache/NAME_VERSION
fetch_kernel()
{
	echo "run.sh: getting $1 (once)" >&2
	new=$cache/new
	rm -rf "$new"
	mkdir -p "$new/deb" "$new/modules/lib/modules"
	(cd "$new/deb" && apt-get -qq -o APT::Sandbox::User=root download "${1%%_*}" >&2) ||
		skip "apt-get download ${1%%_*} failed"
	dpkg-deb -x "$new"/deb/*.deb "$new/all" || fail "cannot unpack $1"
	for i in "$new"/all/lib/modules/* "$new"/all/usr/lib/modules/*; do
		[ ! -d "$i/kernel" ] || mv "$i" "$new/modules/lib/modules"
	done
	release=$(ls "$new/modules/lib/modules")
	unpack_vmlinux "$new/all/boot/vmlinuz-$release" "$new/vmlinux" || fail "cannot unpack $1"

	tree=$new/modules/lib/modules/$release/kernel
	find "$tree/drivers" -mindepth 1 -maxdepth 1 ! -name block ! -name char ! -name net \
		! -name virtio -exec rm -rf {} +
	find "$tree/drivers/net" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
	rm -rf "$tree/sound" "$new/all" "$new/deb"
	depmod -b "$new/modules" "$release" || fail "depmod $release failed"
	echo "$release" >"$new/release"
	rm -rf "${cache:?}/$1"
	mv "$new" "$cache/$1"
}

# make_initramfs FILE: busybox, the modules, and their order of loading
make_initramfs()
{
	new=$cache/new
	rm -rf "$new"
	mkdir -p "$new/bin" "$new/modules"
	cp "$(command -v busybox)" "$new/bin/busybox"
	for i in $initramfs_modules; do
		modprobe -d "$kernel/modules" -S "$release" --show-depends "$i" ||
			fail "$release has no module $i"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r i; do
		cp "$i" "$new/modules"
		i=${i##*/}
		case $i in
		*.xz) xz -d "$new/modules/$i" ;;
		esac
		echo "${i%.xz}" >>"$new/modules/order"
	done
	(cd "$new" && find . | busybox cpio -o -H newc 2>/dev/null) >"$1.new"
	mv "$1.new" "$1"
	rm -rf "$new"
}

# Sets $kernel (a directory of the cache), $release and $initramfs.
prepare_kernel()
{
	cache=$(realpath -m "$(cache_dir)")
	package=${CONTAINERFS_GUEST_PACKAGE:-linux-image-amd64}
	current=$cache/current-$package
	mkdir -p "$cache" || fail "cannot make $cache"
	exec 9>"$cache/lock"
	flock 9
	wanted=
	[ -n "$(find "$current" -newer /var/lib/apt/lists 2>/dev/null)" ] || wanted=$(wanted_kernel)
	if [ -n "$wanted" ]; then
		[ -d "$cache/$wanted" ] || fetch_kernel "$wanted"
		echo "$wanted" >"$current"
	fi
	[ -s "$current" ] || skip "apt knows no package $package: apt-get update"
	kernel=$cache/$(cat "$current")
	release=$(cat "$kernel/release")
	key=$({ echo "$initramfs_modules" && cat "$(command -v busybox)"; } | cksum | tr ' ' -)
	initramfs=$kernel/initramfs-$key.cpio
	[ -f "$initramfs" ] || make_initramfs "$initramfs"
	exec 9>&-
}
