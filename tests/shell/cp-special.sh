# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# cp: what a container has made gives nobody rights elsewhere, unless that is asked for; the host is not the target
# by mistake; what is mounted in a container stays mounted.
#
#	own	own mount		mapped	own mount, user, with other ids
#	other	own mount		bare	nothing of its own: the host's files
# shellcheck disable=SC2086 # names without spaces
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

umask 022
check container create own --own mount
check container create other --own mount
check container create bare
places='own other'
if has_type user; then
	places='own other mapped'
	check container create mapped --own mount,user
	check container set mapped 'uid_map=0 100000 65536' 'gid_map=0 100000 65536'
else
	part_skipped 'no user namespaces'
fi

mkdir src src/dir
echo x >src/setuid
cp src/setuid src/setgid
cp src/setuid src/plain
chmod 4755 src/setuid
chmod 2755 src/setgid
chmod 3777 src/dir
mknod src/null c 1 3
mknod src/disk b 7 77
mkfifo src/fifo
# VFS_CAP_REVISION_2, effective, CAP_NET_RAW
has_capabilities=
if command -v setcap >/dev/null && setcap cap_net_raw+ep src/plain 2>/dev/null; then
	has_capabilities=1
fi

# rights DIR: what is there that gives rights, as a list
rights()
{
	(cd "$1" && find . \( -perm /6000 ! -type d \) -o -type c -o -type b) | sort | tr -d './' | tr '\n' ' '
}
rights_in()
{
	container enter -w "$2" "$1" -- sh -c 'find . \( -perm /6000 ! -type d \) -o -type c -o -type b' | sort | tr -d './' | tr '\n' ' '
}
left_out='^container: cp: set-id bits and capabilities are left out \(--special keeps them\)$'

it 'into a container'
for c in $places; do
	case $c in
	mapped)
		fails_with 125 'src/null: a device, which is copied with --special only: Operation not permitted' container cp src $c:/tmp/src
		is 'setgid setuid ' "$(rights_in $c /tmp/src)" "$c: without"
		;;
	*)
		check container cp src $c:/tmp/src
		is 'disk null setgid setuid ' "$(rights_in $c /tmp/src)" "$c: without"
		;;
	esac
	check container enter $c -- rm -r /tmp/src
	check container cp --special src $c:/tmp/src
	is 'disk null setgid setuid ' "$(rights_in $c /tmp/src)" "$c: with"
	is 3777 "$(container enter $c -- stat -c %a /tmp/src/dir)"
done

it 'out of a container'
for c in $places; do
	fails_with 125 "$left_out" container cp $c:/tmp/src out-$c
	grep -Eq "^container: cp: $c:/tmp/src/null: a device, which is copied with --special only: Operation not permitted$" "$WORK/.err" ||
		bad 'a device is not told'
	is '' "$(rights out-$c)" "$c: without"
	is 'dir fifo plain setgid setuid' "$(cd out-$c && echo *)"
	is '755 755 3777 ' "$(cd out-$c && stat -c %a setuid setgid dir | tr '\n' ' ')"
	[ ! "$has_capabilities" ] || is '' "$(getcap out-$c/plain)"
	exits 0 container cp $c:/tmp/src/setuid one
	matches "$left_out" "$(cat "$WORK/.err")"
	is 755 "$(stat -c %a one)"
	exits 0 container cp $c:/tmp/src/dir $c:/tmp/src/fifo "$WORK"
	is '' "$(cat "$WORK/.err")" 'nothing was left out'
	rm -r dir fifo
	check container cp --special $c:/tmp/src with-$c
	is 'disk null setgid setuid ' "$(rights with-$c)" "$c: with"
done

it 'by a container that has the host'\''s files'
for c in bare /; do
	exits 125 container cp own:/tmp/src "$c:$WORK/in-bare"
	is '' "$(rights in-bare)" "own to $c"
	exits 125 container cp src "$c:$WORK/in-bare2"
	is '' "$(rights in-bare2)" "the host to $c"
	exits 125 container cp "$c:$WORK/src" in-bare3
	is '' "$(rights in-bare3)" "$c to the host"
	check container cp "$c:$WORK/src" own:/tmp/back
	is 'disk null setgid setuid ' "$(rights_in own /tmp/back)" "$c to own"
	check container enter own -- rm -r /tmp/back
	rm -r in-bare in-bare2 in-bare3
done

it 'between containers'
for from in $places; do
	for to in $places; do
		if [ $from = $to ]; then
			check container cp $from:/tmp/src $to:/tmp/between
			is 'disk null setgid setuid ' "$(rights_in $to /tmp/between)" "within $from"
		else
			exits 125 container cp $from:/tmp/src $to:/tmp/between
			is '' "$(rights_in $to /tmp/between)" "$from to $to"
			check container cp --special $from:/tmp/src $to:/tmp/with
			is 'disk null setgid setuid ' "$(rights_in $to /tmp/with)" "$from to $to, with"
		fi
		container enter $to -- rm -rf /tmp/between /tmp/with
	done
done

it 'the host by mistake'
mkdir etc host
echo web >etc/issue
echo host >host/issue
check container cp etc own:/tmp/etc
fails_with 125 "^container: cp: \\.:$WORK/host: that is the host itself: name it /:$WORK/host if it is meant$" \
	container cp own:/tmp/etc/issue ".:$WORK/host"
is host "$(cat host/issue)"
fails_with 125 'that is the host itself' container cp own:/tmp/etc src ".:$WORK"
check container cp ".:$WORK/etc/issue" own:/tmp/by-dot
check container cp own:/tmp/etc/issue "/:$WORK/host"
is web "$(cat host/issue)" 'by its name'

it 'what is mounted in the container stays mounted'
echo source >bound
echo new >new
check container enter own -- sh -c 'echo old >/tmp/target; mkdir /tmp/dir; echo old >/tmp/dir/target; ln -s target /tmp/link'
check container mount own --bind "$WORK/bound" /tmp/target
check container mount own --bind "$WORK/bound" /tmp/dir/target
fails_with 125 'cp: new: something is mounted there: ' container cp new own:/tmp/target
mkdir dir
cp new dir/target
cp new dir/after
fails_with 125 'cp: dir/target: something is mounted there: ' container cp dir own:/tmp
is new "$(container enter own -- cat /tmp/dir/after)" 'the others are copied'
fails_with 125 'something is mounted there: ' container cp other:/tmp/src/plain own:/tmp/target
is 'source source' "$(container enter own -- sh -c 'echo $(cat /tmp/target /tmp/dir/target)')"
is source "$(cat bound)"
is 2 "$(container mounts own | grep -Ec '/tmp/(dir/)?target')"
is '' "$(container enter own -- find /srv -name '.container-cp*')" 'temporary files'
exits 0 container cp new own:/tmp/link
is new "$(container enter own -- cat /tmp/link)" 'a link to it is replaced'
if [ "$places" != 'own other' ]; then
	check container enter mapped -- sh -c 'echo old >/tmp/target'
	check container mount mapped --bind "$WORK/bound" /tmp/target
	fails_with 125 'something is mounted there' container cp new mapped:/tmp/target
	is source "$(container enter mapped -- cat /tmp/target)"
fi
mount --bind bound new
fails_with 125 'something is mounted there' container cp own:/tmp/src/plain new
is source "$(cat new)" 'on the host'
umount new

it 'from a root directory and a working directory of its own'
if ldd "$(command -v container)" >/dev/null 2>&1; then
	part_skipped 'the program is not static'
else
	mkdir bin proc sys work
	cp "$(command -v container)" bin/
	mount -t proc proc proc
	mount --rbind --make-rslave /sys sys
	echo chrooted >work/file
	echo second >work/second
	chrooted()
	{
		(cd work && exec env CONTAINERFS_STATE="${CONTAINERFS_STATE#"$WORK"}" unshare -R "$WORK" -w /work /bin/container "$@")
	}
	check chrooted cp file second own:/tmp
	check chrooted cp own:/tmp/file back
	is chrooted "$(cat work/back)"
	is second "$(container enter own -- cat /tmp/second)"
	umount -R sys
	umount proc
fi

check container rm -r -f own other bare
[ "$places" = 'own other' ] || check container rm -f mapped
