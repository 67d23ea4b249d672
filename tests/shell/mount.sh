# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# mount and umount: what is mounted into a running container from outside appears in it and in nobody
# else.
#
#	$WORK/
#	    src/file  src/dir/  src/sub/   a tmpfs with a file is mounted on sub
#	    low/l  up/  work/              layers of an overlay
#	    image  a file system in a file
#	    root/  of the container "given"
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

mkdir -p src/dir src/sub low up work
echo text >src/file
echo low >low/l

check container create a --own mount,uts
check container create a/nested
check container create other --own mount
check container create inherits

# pid_in NAME: of its only task.
pid_in()
{
	container ps --json "$1" | jq -r '.[0].pid'
}

task a
in_a=$(pid_in a)
task other
in_other=$(pid_in other)

# line POINT [PID]: its line in the mount table of a process, by default one in a.
line()
{
	grep " $1 " "/proc/${2:-$in_a}/mountinfo"
}

it 'a new file system appears in the container and in nobody else'
host_mounts=$(mounts)
others=$(cat "/proc/$in_other/mountinfo")
check container mount a -t tmpfs -o size=1m,mode=700,noexec,nosuid none /mnt
matches ' / /mnt rw,nosuid,noexec,relatime - tmpfs none rw,size=1024k,mode=700' "$(line /mnt)"
is "$host_mounts" "$(mounts)" 'mounts of the host'
is "$others" "$(cat "/proc/$in_other/mountinfo")" 'mounts of another container'
is '' "$(line /mnt self)"
check container enter a -- sh -c 'echo inside >/mnt/f'
is inside "$(cat "/proc/$in_a/root/mnt/f")" 'its running task'
is inside "$(container enter a/nested -- cat /mnt/f)" 'a container nested in it'
check_not test -e /mnt/f
check_not container enter other -- test -e /mnt/f

it 'umount'
fails_with 125 '^container: a: unmount: /tmp: ' container umount a /tmp
check container umount a /mnt
is '' "$(line /mnt)"
fails_with 125 '^container: a: unmount: /mnt: Invalid argument .nothing is mounted there' container umount a /mnt
check container mount a -t tmpfs none /mnt
check container mount a -t tmpfs none /srv
fails_with 125 'unmount: /none: No such file' container umount a /none /srv
is '' "$(line /srv)" 'the others are unmounted'
container enter a -- sh -c 'cd /mnt && echo up && exec sleep 1000' >busy 2>&1 &
busy=$!
wait_for grep -q up busy
fails_with 125 '^container: a: unmount: /mnt: .* busy \(container holders ' container umount a /mnt
check container umount -l a /mnt
is '' "$(line /mnt)"
check container kill a
wait $busy
task a
in_a=$(pid_in a)

it 'a container that is frozen, or without tasks'
check container freeze a
check container mount a -t tmpfs none /mnt
check container thaw a
matches tmpfs "$(line /mnt)"
check container freeze a
check container umount a /mnt
check container thaw a
check container create idle --own mount
check container mount idle -t tmpfs none /mnt
matches ' /mnt ' "$(container enter idle -- cat /proc/self/mountinfo)"

it 'a container of run, which nothing but its tasks holds'
start "$WORK/run" container run -n r -- sh -c 'echo up; exec sleep 1000'
check container mount r -t tmpfs none /mnt
check container mount r -t proc none /srv
is 1 "$(container enter r -- sh -c 'cd /srv && ls -d 1')" 'proc of its own pid namespace'
check container umount r /mnt /srv
check container rm -f r
wait "$started"

it 'a directory and a file of the host'
check container mount a --bind src /srv
is text "$(container enter a -- cat /srv/file)"
check container enter a -- sh -c 'echo changed >/srv/file'
is changed "$(cat src/file)"
check container umount a /srv
check container mount a --bind -o ro,nosuid,nodev,noatime src /srv
matches ' /srv ro,nosuid,nodev,noatime ' "$(line /srv)"
check_not container enter a -- sh -c 'echo x >/srv/file'
check container umount a /srv
check container mount a -o bind src /srv
check container umount a /srv
check container enter a -- touch /tmp/f
check container mount a --bind src/file /tmp/f
is changed "$(container enter a -- cat /tmp/f)"
fails_with 125 'a directory goes on a directory.*: /srv: Not a directory' container mount a --bind src/file /srv
check container umount a /tmp/f

it 'with what is mounted below it'
check mount -t tmpfs none src/sub
touch src/sub/below
check container mount a --bind src /srv
is '' "$(ls "/proc/$in_a/root/srv/sub")"
check container umount a /srv
for how in --recursive -r '-o rbind'; do
	# shellcheck disable=SC2086
	check container mount a --bind -o ro $how src /srv
	is below "$(ls "/proc/$in_a/root/srv/sub")" "$how"
	check_not container enter a -- touch /srv/sub/new
	check container umount -l a /srv
done
check umount src/sub

it 'the target stays in the container'
ln -s "$WORK" "/proc/$in_a/root/tmp/out"
fails_with 125 'mount point: /tmp/out: No such file' container mount a -t tmpfs none /tmp/out
check container mount a -t tmpfs none ../../../mnt
matches tmpfs "$(line /mnt)"
check container umount a /../mnt
is "$host_mounts" "$(mounts)" 'mounts of the host'

it 'an overlay whose layers are outside'
check container mount a -t overlay -o lowerdir=low,upperdir=up,workdir="$WORK/work" none /srv
is low "$(container enter a -- cat /srv/l)"
check container enter a -- sh -c 'echo new >/srv/n; rm /srv/l'
is new "$(cat up/n)"
[ -c up/l ] || bad 'no whiteout in the upper layer'
is low "$(cat low/l)"
check container umount a /srv
check container mount a -t overlay -o 'lowerdir="low:up"' none /srv
is new "$(container enter a -- cat /srv/n)"
check container umount a /srv

it 'an image'
modprobe -a ext4 loop 2>/dev/null
if command -v mkfs.ext4 >/dev/null && [ -e /dev/loop-control ] && grep -qw ext4 /proc/filesystems; then
	truncate -s 4M image
	check mkfs.ext4 -q image
	check container mount a -t ext4 image /srv
	check container enter a -- sh -c 'echo on-disk >/srv/f'
	used=$(line /srv | grep -o '/dev/loop[0-9]*')
	# Two loop devices for one file would be two file systems on it.
	check container mount other -t ext4 image /mnt
	is "$used" "$(line /mnt "$in_other" | grep -o '/dev/loop[0-9]*')"
	is on-disk "$(container enter other -- cat /mnt/f)"
	check container umount other /mnt
	check container umount a /srv
	check_not test -e "/sys/block/${used#/dev/}/loop/backing_file"
	check container mount a -t ext4 -o ro image /srv
	is 1 "$(cat "/sys/block/${used#/dev/}/ro")"
	is on-disk "$(container enter a -- cat /srv/f)"
	check container umount a /srv
	echo nothing >image
	fails_with 125 '^container: a: mount: image: ' container mount a -t ext4 image /srv
	fails_with 125 '^container: a: mount: none: ' container mount a -t ext4 none /srv
else
	part_skipped 'no mkfs.ext4, ext4 or loop device'
fi

it 'ids of its own user namespace'
if has_type user; then
	check container create u --own mount,user
	check container set u 'uid_map=0 100000 65536' 'gid_map=0 100000 65536'
	check container mount u -t tmpfs none /mnt
	is 0:0 "$(container enter u -- stat -c %u:%g /mnt)" 'what is made in it is its own'
	check container mount u --bind src /srv
	is 65534:65534 "$(container enter u -- stat -c %u:%g /srv/file)"
	check container umount u /srv
	mount -t tmpfs none src/sub
	check container mount u --bind -r -o ro,nosuid src /srv
	says '(denied|permitted)' container enter u -- mount -o remount,bind,rw /srv
	says '(denied|permitted)' container enter u -- mount -o remount,bind,rw,suid /srv
	check_not container enter u -- umount /srv/sub
	check_not container enter u -- unshare -m sh -c 'mount -o remount,bind,rw /srv && touch /srv/new'
	check container umount -l u /srv
	check umount src/sub
	check container enter u -- touch /tmp/f
	check container mount u --bind -o ro src/file /tmp/f
	is changed "$(container enter u -- cat /tmp/f)"
	check_not container enter u -- sh -c 'mount -o remount,bind,rw /tmp/f && echo x >/tmp/f'
	check container umount u /tmp/f
	is changed "$(cat src/file)"
	chown 7:8 src/file
	if container mount u --bind --map-ids src /srv 2>err; then
		is 7:8 "$(container enter u -- stat -c %u:%g /srv/file)"
		check container enter u -- touch /srv/new
		is 0:0 "$(stat -c %u:%g src/new)"
	else
		part_skipped "$(cat err)"
	fi
	for type in tmpfs proc; do
		fails_with 125 '^container: u: map ids: none: Invalid argument \(it is made in that user namespace: ' \
			container mount u --map-ids -t $type none /opt
	done
	fails_with 125 '^container: u: map ids: none: .* \(its file system does not take an id map\)' \
		container mount u --map-ids -t overlay -o lowerdir=low:up none /opt
else
	part_skipped 'no user namespaces'
fi
fails_with 125 '^container: a: map ids: it has no own user namespace' container mount a --map-ids --bind src /srv

it 'no own mount namespace: nothing is mounted on the host, or in the container above'
fails_with 125 '^container: inherits: it has no own mount namespace: /mnt: .* \(mount into the container' \
	container mount inherits -t tmpfs none /mnt
fails_with 125 'the init container stays as it is' container mount / -t tmpfs none /mnt
fails_with 125 'it has no own mount namespace' container mount a/nested -t tmpfs none /mnt
fails_with 125 'it has no own mount namespace' container umount inherits /proc
is "$host_mounts" "$(mounts)"

it 'wrong input'
fails_with 125 "^container: a: mount option: size: Invalid argument: tmpfs: Bad value for 'size'" \
	container mount a -t tmpfs -o size=x none /mnt
fails_with 125 "Unknown parameter 'bogus'" container mount a -t tmpfs -o bogus none /mnt
fails_with 125 '^container: a: fsopen: nofs: No such device' container mount a -t nofs none /mnt
fails_with 125 '^container: a: bind: none: No such file' container mount a --bind none /mnt
fails_with 125 'open mount point: /none: No such file' container mount a --bind src /none
fails_with 125 '^container: a: it has a root: /: ' container mount a --bind src /
check container enter a -- ln -s / /tmp/root
for path in . ./ /. .. /tmp/.. /tmp/root /tmp/root/.; do
	fails_with 125 "^container: a: it has a root: $path: " container mount a --bind src "$path"
done
check container enter a -- test ! -e /in-src
fails_with 125 '^container: none: ' container mount none --bind src /mnt
fails_with 125 '^container: none: ' container umount none /mnt
fails_with 125 'no option of a bind mount: size=1' container mount a --bind -o ro,size=1 src /mnt
fails_with 125 'option remount' container mount a -o remount,ro -t tmpfs none /mnt
for option in ro=1 rw=0 noexec=1 defaults=1 atime= bind=1 rbind=0; do
	fails_with 125 "^container: mount: option takes no value: $option;" \
		container mount a -t tmpfs -o "size=1m,$option" none /mnt
done
fails_with 125 '--recursive is for --bind' container mount a -t tmpfs -r none /mnt
fails_with 125 '--bind and --type' container mount a -t tmpfs --bind none /mnt
fails_with 125 'or --bind' container mount a none /mnt
fails_with 125 'NAME, SOURCE and TARGET' container mount a --bind src
fails_with 125 'NAME and TARGET' container umount a
long=$(head -c 300 /dev/zero | tr '\0' a)
fails_with 125 'lowerdir: the value is longer than 255 bytes' container mount a -t overlay -o lowerdir="$long" none /mnt
is '' "$(line /mnt)"

it 'while its namespaces are changed'
check container create changes --own mount,ipc,network
(
	while [ ! -e "$WORK/enough" ]; do
		container set changes ipc=inherit && container set changes ipc=own &&
			container set changes network=inherit && container set changes network=own || exit
	done
) &
changing=$!
i=0
while [ $i -lt 40 ]; do
	check container mount changes -t tmpfs none /mnt && check container umount changes /mnt
	i=$((i + 1))
done
: >"$WORK/enough"
check wait $changing
check container rm changes

check container rm -f -r a other inherits idle
[ ! -e "$CONTAINERFS_STATE/tree/u" ] || check container rm -f u
is "$host_mounts" "$(mounts)" 'mounts of the host'
