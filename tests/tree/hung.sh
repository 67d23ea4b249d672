# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 180
#
# What hangs does not make the tree hang: a frozen container, a stopped server, a lock that somebody
# stopped holds, a file system that does not answer, and more requests that wait than there are threads.
#
#	/
#	├── a        own network; a task
#	│   └── n
#	├── b
#	├── many     70 nested ones
#	└── own      belongs to user 1000
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

attack=$BUILD/tests/tree/attack
[ -x "$attack" ] || skip "$attack is not built"
cp "$attack" "$WORK/attack"
attack=$WORK/attack

# within SECONDS CMD...: it succeeds, in that time.
within()
{
	limit=$1
	shift
	timeout -s KILL "$(seconds "$limit")" "$@" >"$WORK/.out" 2>"$WORK/.err" && return 0
	bad "\"$*\" exited with $? within $limit s"
	show "$WORK/.err"
	return 1
}

# refused SECONDS CMD...: it fails, by itself, in that time.
refused()
{
	limit=$1
	shift
	timeout -s KILL "$(seconds "$limit")" "$@" >"$WORK/.out" 2>"$WORK/.err"
	status=$?
	case $status in
	0) bad "\"$*\" succeeded" ;;
	137) bad "\"$*\" took longer than $limit s" ;;
	esac
}

# $say TEXT FILE: writes, and says why it cannot.
say=$WORK/say
cat >"$say" <<-EOT
	#!/bin/sh
	exec "$attack" say 3 "\$1" 3>"\$2"
EOT
chmod 755 "$say"

# look CONTAINER: everything that only looks at it answers.
look()
{
	within 1 ls -l "$T" "$1"
	for file in tasks init state id status hostname freeze uid_map; do
		within 1 cat "$1/$file"
	done
	within 1 stat "$1" "$1/.." "$1/tasks"
	within 1 stat -f "$T"
	within 1 readlink "$1/cgroup.d" "$T/self"
	[ ! -L "$1/network" ] || within 1 stat -L "$1/network"
	within 2 find "$1"
}

MANY=70 # the server has 64 threads

# shellcheck disable=SC2119
mount_tree
server=$(server_of "$T")
mkdir -p "$T/a/n" "$T/b" "$T/own"
touch "$T/a/network"
chown 1000 "$T/own"
mkdir "$T/many"
seq "$MANY" | (cd "$T/many" && xargs mkdir)
task a
task_a=$(cat "$T/a/tasks")
sleep 1000 &
outside=$!

it 'a frozen container'
check put 1 "$T/a/freeze"
is frozen "$(cat "$T/a/state")"
look "$T/a"
look "$T/a/n"
within 1 ls "$T/by-pid" "$T/by-pid/$task_a/"
refused 3 "$say" $outside "$T/a/tasks"
matches '[Bb]usy' "$(cat "$WORK/.err")"
matches '^State:.S' "$(cat "/proc/$outside/status")" 'the process goes on'
within 2 mkdir "$T/a/new"
within 2 rmdir "$T/a/new"
check put 0 "$T/a/freeze"
is running "$(cat "$T/a/state")"

it 'a stopped process in it'
kill -STOP "$task_a"
look "$T/a"
kill -CONT "$task_a"

it 'a stopped server'
kill -STOP "$server"
within 2 container ls -a
within 5 container create during
within 5 container enter during -- true
within 5 container rm during
timeout -s INT 1 ls "$T" >/dev/null 2>&1
is 124 $? 'what waits can be interrupted'
kill -CONT "$server"
look "$T/a"

# With both locks that there are: the container's, and that of the whole for changes.
id=$(cat "$T/a/id")
for lock in "$id" 0; do
	it "somebody stopped holds lock $lock"
	start "$WORK/lock" "$attack" lock "$CONTAINERFS_STATE/lock" "$lock"
	holder=$started
	kill -STOP $holder
	look "$T/a"
	look "$T/b"
	refused 7 touch "$T/a/uts"
	refused 7 rm "$T/a/network"
	refused 7 "$say" "$task_a" "$T/b/tasks"
	is 124 "$(timeout -s INT 1 touch "$T/a/uts" 2>/dev/null
		echo $?)" 'it can be interrupted'
	[ "$lock" = 0 ] || within 2 mkdir "$T/b/x"
	[ "$lock" = 0 ] || within 2 rmdir "$T/b/x"

	if [ "$lock" = 0 ]; then
		it 'more that wait than there are threads'
		n=$MANY waiting=
		while [ "$n" -gt 0 ]; do
			timeout 30 touch "$T/many/$n/uts" 2>/dev/null &
			waiting="$waiting $!"
			n=$((n - 1))
		done
		sleep 0.5
		within 1 stat "$T/b"
		within 1 ls "$T/b"
		within 1 cat "$T/b/state"
		# shellcheck disable=SC2086
		wait $waiting
	fi
	kill -KILL $holder
	wait $holder 2>/dev/null
	it "lock $lock is free again"
	within 2 touch "$T/a/uts"
	within 2 rm "$T/a/uts"
	look "$T/a"
done

it 'a file system that does not answer'
mkdir "$WORK/hung"
start "$WORK/fuse" "$attack" fuse "$WORK/hung" 1000
hung=$started
refused 4 setpriv --reuid 1000 --clear-groups ln -s "$WORK/hung/x" "$T/own/root"
refused 4 setpriv --reuid 1000 --clear-groups ln -s "$WORK/hung/x" "$T/own/network"
n=24 waiting=
while [ "$n" -gt 0 ]; do
	setpriv --reuid 1000 --clear-groups mkdir "$T/own/$n"
	setpriv --reuid 1000 --clear-groups ln -s "$WORK/hung/x" "$T/own/$n/root" 2>/dev/null &
	waiting="$waiting $!"
	n=$((n - 1))
done
sleep 0.5
look "$T/b"
# shellcheck disable=SC2086
wait $waiting

it 'and it is nobody else who has to pay'
within 3 "$say" $outside "$T/b/tasks"
within 3 ln -s /usr "$T/many/1/root"
kill -KILL $hung
wait $hung 2>/dev/null
umount -l "$WORK/hung"
it 'it is gone'
sleep 2
within 3 setpriv --reuid 1000 --clear-groups ln -s /usr "$T/own/root"

it 'who polls much'
setpriv --reuid 1000 --clear-groups "$attack" poll "$T/b/state" 3000 >"$WORK/poll" 2>&1 &
poller=$!
sleep 4
fds=$(find "/proc/$server/fd" | wc -l)
[ "$fds" -lt 2000 ] || bad "$fds fds of the server"
look "$T/b"
kill $poller
wait $poller 2>/dev/null

it 'nothing of it stays'
kill $outside 2>/dev/null
sleep 3
fds=$(find "/proc/$server/fd" | wc -l)
[ "$fds" -lt 100 ] || bad "$fds fds of the server"
is '' "$(grep -lx "PPid:.$server" /proc/[0-9]*/status 2>/dev/null)" 'children'
check rm -r "$T/a" "$T/b" "$T/own" "$T/many"
