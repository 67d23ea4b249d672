# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# holders: each way to keep a mount busy is told, of processes in the container and of others; what is told
# is why umount says EBUSY, and without it umount succeeds.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create a --own mount
check container create other --own mount
check container mount a -t tmpfs none /mnt
check container mount a -t tmpfs none /srv
check container cp "$(command -v sleep)" "$(command -v sh)" a:/mnt
check container enter a -- sh -c 'mkdir /mnt/dir && echo text >/mnt/file'

# holders [PATH]: CONTAINER HOW PATH of those that are told of, in one line each.
holders()
{
	container holders --json a "$@" | jq -r '.[] | "\(.container) \(.how) \(.path)"' | sort
}

# background CMD...: its pid is $started, when it has come up.
background()
{
	start "$WORK/background" "$@"
}

# stop: what is started.
stop()
{
	container kill a
	wait "$started" 2>/dev/null
}

it 'nobody'
is '' "$(holders /mnt)"
is '' "$(holders /srv)"
is '[]' "$(container holders a /mnt --json)"
check container umount a /srv
check container mount a -t tmpfs none /srv

it 'a working directory'
background container enter -w /mnt/dir a -- sh -c 'echo up; exec sleep 1000'
is '/a cwd /mnt/dir' "$(holders /mnt)"
is "$(container ps --json a | jq -r '.[0].pid')" "$(container holders a /mnt --json | jq -r '.[0].pid')"
is sleep "$(container holders a /mnt --json | jq -r '.[0].command')"
is '' "$(holders /srv)" 'another mount'
is '/a cwd /mnt/dir' "$(holders /srv/../../mnt)"
matches '^ *PID COMMAND CONTAINER HOW +PATH$' "$(container holders a /mnt | head -n 1)"
matches '^ *[0-9]+ sleep +/a +cwd +/mnt/dir$' "$(container holders a /mnt)"
fails_with 125 'busy' container umount a /mnt
check container freeze a
is '/a cwd /mnt/dir' "$(holders /mnt)" 'frozen'
check container thaw a
stop

it 'a root directory'
check container mount a --bind -r / /opt
background container enter a -- sh -c 'exec chroot /opt sh -c "echo up; exec sleep 1000"'
matches '^/a root /opt$' "$(holders /opt)"
stop
check container umount -l a /opt

it 'an open file, a program, a mapping'
background container enter a -- sh -c 'exec 7>/mnt/open; echo up; exec sleep 1000'
is '/a fd 7 /mnt/open' "$(holders /mnt)"
fails_with 125 'busy' container umount a /mnt
stop
background container enter a -- sh -c 'echo up; exec /mnt/sleep 1000'
wait_for container holders a /mnt
is '/a exe /mnt/sleep' "$(holders /mnt)"
stop
background container enter a -- sh -c 'cp /usr/bin/env /mnt/; echo up; exec sleep 1000'
matches '(^| )/a map /' "$(holders)" 'libraries of its root'
stop

it 'from outside: the host, and another container'
task a
in_a=$(container ps --json a | jq -r '.[0].pid')
is '' "$(holders /mnt)"
background sh -c "cd /proc/$in_a/root/mnt/dir && echo up && exec sleep 1000"
is '/ cwd /mnt/dir' "$(holders /mnt)"
fails_with 125 'busy' container umount a /mnt
kill "$started"
wait "$started" 2>/dev/null
background sh -c "container enter other -- sh -c 'echo up; exec sleep 1000' </proc/$in_a/root/mnt/file"
matches '^/other fd 0 /mnt/file$' "$(holders /mnt)"
container kill other
wait "$started" 2>/dev/null
is '' "$(holders /mnt)"

it 'what is mounted on it'
check container mount a -t tmpfs none /mnt/dir
is '- mount /mnt/dir' "$(holders /mnt)"
is null "$(container holders a /mnt --json | jq '.[0].pid')"
fails_with 125 'busy' container umount a /mnt
check container umount a /mnt/dir

it 'a copy in another mount namespace'
background container enter a -- unshare -m sh -c 'cd /; echo up; exec sleep 1000'
is '/a mount namespace /mnt' "$(holders /mnt)"
matches '^/a mount namespace /' "$(holders)"
container kill a
wait "$started" 2>/dev/null

it 'a file system of the host, which other mount namespaces have as well'
mkdir "$WORK/bound"
check container mount a --bind "$WORK/bound" /srv
background unshare -m sh -c 'echo up; exec sleep 1000'
copy=$started
is '' "$(holders /srv)"
background container enter -w /srv a -- sh -c 'echo up; exec sleep 1000'
is '/a cwd /srv' "$(holders /srv)"
stop
check container umount a /srv
kill "$copy"
wait "$copy" 2>/dev/null

it 'a file system that the host has unmounted, and a view keeps'
disk=$(mktemp -d /var/tmp/containerfs-holders.XXXXXX)
truncate -s 16M "$WORK/image"
if mkfs.ext4 -q "$WORK/image" && mount -o loop "$WORK/image" "$disk"; then
	check container create viewer --own mount
	check container create viewer/nested --own mount
	is 0 "$(container holders viewer | grep -c ' view ')" 'while it is mounted'
	check umount "$disk"
	matches "^ +- +- +view +$disk\$" "$(container holders viewer | grep ' view ')"
	matches "view +$disk\$" "$(container holders viewer "$disk" | grep ' view ')" 'of that mount'
	is '' "$(container holders viewer/nested | grep ' view ')" 'it is mounted above it still'
	is view "$(container holders viewer --json | jq -r '.[0].how')"
	check container umount viewer "$disk"
	is '' "$(container holders viewer | grep ' view ')"
	matches "view +$disk\$" "$(container holders viewer/nested | grep ' view ')" 'not any more'
	check container rm -r viewer
else
	part_skipped 'no ext4 or no loop devices'
fi
rmdir "$disk"

it 'a container without tasks has no holders, and is unmounted'
is '' "$(holders)"
check container umount a /mnt

it 'a file system that does not answer'
if [ -c /dev/fuse ]; then
	mount_tree
	background sh -c 'cd "$1" && echo up && exec sleep 1000' sh "$T"
	server=$(server_of "$T")
	kill -STOP "$server"
	check timeout "$(seconds 20)" container holders a
	kill -CONT "$server"
	kill "$started"
	wait "$started" 2>/dev/null
else
	part_skipped 'no /dev/fuse'
fi

it 'many processes, and those that go away meanwhile'
many=$((300 / ${TESTS_SLOW:-1}))
background container enter a -- sh -c 'i=0; while [ $i -lt "$1" ]; do sleep 1000 & i=$((i + 1)); done; echo up; while :; do sh -c :; done' sh $many
check container mount a -t tmpfs none /mnt
check timeout "$(seconds 20)" container holders a
[ "$(grep -c ' root ' "$WORK/.out")" -ge $many ] || bad 'not all are told'
is '' "$(holders /mnt)"
check container umount a /mnt
stop

it 'without privilege: of a container with an own mount namespace nothing, else of the processes of the caller'
mkdir -m 755 "$WORK/bin"
cp "$(command -v container)" "$(dirname "$(command -v container)")/container-report" "$WORK/bin"
as_nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/bin/container" "$@"
}
exits 125 as_nobody holders a
is 'container: a: open pinned namespaces: Operation not permitted (be root; unprivileged use is not there yet)' \
	"$(cat "$WORK/.err")"
check container create plain
exits 0 as_nobody holders plain
is 'container: holders: processes of others are left out (be root)' "$(cat "$WORK/.err")"
check container rm plain

it 'wrong input'
fails_with 125 '^container: none: ' container holders none
fails_with 125 '^container: a: open: /none: No such file' container holders a /none
fails_with 125 '^container: a: /mnt: not a mount point' container holders a /mnt
fails_with 125 'NAME and at most one PATH' container holders
fails_with 125 'NAME and at most one PATH' container holders a / /mnt

check container rm -f a other
