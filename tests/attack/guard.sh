# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# What the file server has asked may have changed when it acts. Each check stops the server between question and act, by
# holding the lock that the act needs, makes the change, and lets go: the act must be refused.
#
#	/
#	├── own       belongs to user 1000; own uts
#	│   ├── n
#	│   └── r     its root is a directory of that user's
#	├── other     belongs to user 1000; own network
#	└── plain     belongs to user 1000
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

race=$BUILD/tests/attack/race
attack=$BUILD/tests/tree/attack
[ -x "$race" ] || skip "$race is not built"
[ -x "$attack" ] || skip "$attack is not built"
cp "$race" "$WORK/race"
cp "$race" "$WORK/strong" && chmod 4755 "$WORK/strong"
mkdir "$WORK/dir"
: >"$WORK/dir/marked"
chown -R 1000:1000 "$WORK/dir"

user()
{
	setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"
}

user_put()
{
	user sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" "$1" "$2"
}

mount_tree
check mkdir "$T/own" "$T/other" "$T/plain"
check touch "$T/own/uts" "$T/other/network"
check mkdir "$T/own/n"
check chown 1000:1000 "$T/own" "$T/own/n" "$T/other" "$T/plain"
check user mkdir "$T/own/r"
check user ln -s "$WORK/dir" "$T/own/r/root"
cp "$attack" "$WORK/attack"
attack=$WORK/attack
lock_inode=$(stat -c %i "$CONTAINERFS_STATE/lock")

# hold CONTAINER: its lock. Sets $holder.
hold()
{
	start "$WORK/.holder" "$attack" lock "$CONTAINERFS_STATE/lock" "$(cat "$T/$1/id")"
	holder=$started
}

# is_waited_for: somebody waits for a lock of this hierarchy.
is_waited_for()
{
	grep -q -- "-> .*:$lock_inode " /proc/locks
}

is_waited()
{
	wait_for is_waited_for
}

# For what does not wait for long: it looks again for a second.
is_tried()
{
	sleep 0.3
}

let_go()
{
	kill "$holder"
	wait "$holder" 2>/dev/null
}

# owner CONTAINER UID GID MODE: by hand, since who holds the lock would keep chown(1) waiting. MODE is octal.
owner()
{
	ln -sfn "$2 $3 $((0$4))" "$CONTAINERFS_STATE/tree/$1/@owner"
}

mine_all()
{
	owner own 1000 1000 755
	owner own/n 1000 1000 755
	owner own/r 1000 1000 755
	owner other 1000 1000 755
	owner plain 1000 1000 755
}

# between LOCK CHANGE CMD...: CMD is refused if CHANGE, a command, comes between question and act. As a control it
# succeeds where nothing comes between; UNDO is what is done after that.
UNDO=:
WAIT=
restore=mine_all
between()
{
	lock=$1 change=$2
	shift 2
	for with in : "$change"; do
		hold "$lock"
		"$@" >"$WORK/.out" 2>"$WORK/.err" &
		cmd=$!
		"${WAIT:-is_waited}"
		$with
		let_go
		wait $cmd
		status=$?
		[ "$with" = : ] || break
		is 0 "$status" "the control: $*"
		show "$WORK/.err"
		$UNDO
		$restore
	done
	is_not 0 "$status" "$*: not refused"
	grep -Eq 'not permitted|Permission denied|No such file|[Ss]tale' "$WORK/.err" || {
		bad "$*: it did not say why"
		show "$WORK/.err"
	}
	$restore
	UNDO=:
	WAIT=
}

taken()
{
	owner "${1:-own}" 0 0 755
}

it 'the owner changes between question and act'
UNDO="container rm /own/x"
between own taken user mkdir "$T/own/x"
between own taken user_put name "$T/own/hostname"
between own taken user chmod 700 "$T/own"
UNDO="container set /own ipc=inherit"
between own taken user touch "$T/own/ipc"
check_not test -L "$T/own/ipc"
container set /own ipc=own
UNDO="container set /own ipc=own"
between own taken user rm "$T/own/ipc"
check test -L "$T/own/ipc"
container set /own ipc=inherit
UNDO="container set /own network=inherit"
between own taken user ln "$T/other/network" "$T/own/network"
taken_other()
{
	taken other
}
UNDO="container set /own network=inherit"
between own taken_other user ln "$T/other/network" "$T/own/network"
UNDO="container set /own network=inherit"
between own taken_other user ln -s ../other/network "$T/own/network"
check_not test -L "$T/own/network"

it 'tasks: what would be frozen, killed or joined is somebody else'\''s by now'
again()
{
	task own
}
again
UNDO="put 0 $T/own/freeze"
between own taken user_put 1 "$T/own/freeze"
is 0 "$(cat "$T/own/freeze")"
check put 1 "$T/own/freeze"
UNDO="put 1 $T/own/freeze" WAIT=is_tried
between own taken user_put 0 "$T/own/freeze"
is 1 "$(cat "$T/own/freeze")"
check put 0 "$T/own/freeze"
UNDO=again WAIT=is_tried
between own taken user_put KILL "$T/own/kill"
is 1 "$(grep -c . "$T/own/tasks")"
UNDO=again WAIT=is_tried
between own taken user rm "$T/own/tasks"
is 1 "$(grep -c . "$T/own/tasks")"
check container kill /own
mine_sleeps()
{
	setpriv --reuid 1000 --regid 1000 --clear-groups sleep 1000 &
	mine_pid=$!
	wait_for grep -q sleep "/proc/$mine_pid/comm"
}
mine_sleeps
UNDO=mine_sleeps
move_mine()
{
	user_put "$mine_pid" "$T/plain/tasks"
}
taken_plain()
{
	taken plain
}
between plain taken_plain move_mine
is 0 "$(grep -cx "$mine_pid" "$T/plain/tasks")"
kill "$mine_pid"
container kill /own
container kill /plain

it 'names: the directory gets another mode, the name leads elsewhere'
others()
{
	setpriv --reuid 1001 --regid 1001 --clear-groups -- "$@"
}
open_to_all()
{
	owner own 1000 1000 777
}
mine_open()
{
	owner own 1000 1000 777
	owner own/n 1000 1000 755
}
restore=mine_open
mine_open
sticky()
{
	owner own 1000 1000 1777
}
closed()
{
	owner own 1000 1000 755
}
UNDO="container rename /own/m n"
between own/n sticky others mv "$T/own/n" "$T/own/m"
UNDO="container rename /own/m n"
between own/n closed others mv "$T/own/n" "$T/own/m"
exchange()
{
	mv "$CONTAINERFS_STATE/tree/own/n" "$CONTAINERFS_STATE/tree/own/kept"
	mv "$CONTAINERFS_STATE/tree/own/r" "$CONTAINERFS_STATE/tree/own/n"
}
exchange_back()
{
	mv "$CONTAINERFS_STATE/tree/own/n" "$CONTAINERFS_STATE/tree/own/r"
	mv "$CONTAINERFS_STATE/tree/own/kept" "$CONTAINERFS_STATE/tree/own/n"
}
UNDO="container create /own/n"
between own/n sticky others rmdir "$T/own/n"
UNDO="container create /own/n"
between own/n closed others rmdir "$T/own/n"
# The kernel, and so the server, was asked about a name that belonged to the caller.
mine_sticky()
{
	owner own 1000 1000 1777
	[ ! -d "$CONTAINERFS_STATE/tree/own/r" ] || owner own/n 1001 1001 755
}
restore=mine_sticky
mine_sticky
UNDO="container rename /own/m n"
between own/n exchange others mv "$T/own/n" "$T/own/m"
exchange_back
UNDO="container create /own/n"
between own/n exchange others rmdir "$T/own/n"
exchange_back
is 'n r' "$(cd "$CONTAINERFS_STATE/tree/own" && echo [a-z]*)"
mine_again()
{
	owner own 1000 1000 755
	owner own/n 1000 1000 755
	owner own/r 1000 1000 755
}
restore=mine_again
mine_again

# unmoved PID: it is root's, by a set-user-ID program, and has nothing of the container.
unmoved()
{
	matches '^Uid:.1000.0' "$(grep Uid: "/proc/$1/status")" 'it was executed'
	is "$(readlink /proc/self/ns/mnt)" "$(readlink "/proc/$1/ns/mnt")" 'mount namespace'
	is "$(sed -n s/^0:://p /proc/self/cgroup)" "$(sed -n s/^0:://p "/proc/$1/cgroup")" 'cgroup'
	is 0 "$(sed -n 's/^TracerPid:.//p' "/proc/$1/status")"
}

it 'a process executes a set-user-ID program, or one with capabilities, between question and act'
mkfifo "$WORK/go"
chmod 666 "$WORK/go"
cp "$race" "$WORK/capable"
setcap cap_sys_admin,cap_sys_ptrace,cap_sys_chroot+ep "$WORK/capable" 2>/dev/null ||
	part_skipped 'no file capabilities here'
for container in r n; do
	hold "own/$container"
	setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'read x <"$1"; exec "$2" stay' \
		sh "$WORK/go" "$WORK/strong" >"$WORK/.victim" &
	victim=$!
	wait_for grep -q '^Uid:.1000.1000' "/proc/$victim/status"
	wait_for grep -qx sh "/proc/$victim/comm"
	user_put $victim "$T/own/$container/tasks" 2>"$WORK/.err" &
	cmd=$!
	wait_for is_waited_for
	echo >"$WORK/go"
	wait_for grep -qx up "$WORK/.victim"
	let_go
	wait $cmd
	is 1 $? "into $container"
	matches 'not permitted' "$(cat "$WORK/.err")"
	unmoved $victim
	kill $victim
	wait $victim 2>/dev/null
done

it 'the writer itself does, in another thread'
for strong in strong capable; do
	[ $strong = strong ] || getcap "$WORK/capable" 2>/dev/null | grep -q cap_ || continue
	for who in first second; do
		for container in r n; do
			hold "own/$container"
			setpriv --reuid 1000 --regid 1000 --clear-groups "$WORK/race" self \
				"$T/own/$container/tasks" $who 300 "$WORK/$strong" stay >"$WORK/.victim" 2>&1 &
			victim=$!
			wait_for is_waited_for
			sleep 0.6
			let_go
			wait_for grep -qx up "$WORK/.victim"
			[ $strong = capable ] || unmoved $victim
			is "$(sed -n s/^0:://p /proc/self/cgroup)" "$(sed -n s/^0:://p "/proc/$victim/cgroup")" "$strong $who $container"
			is "$(readlink /proc/self/ns/mnt)" "$(readlink "/proc/$victim/ns/mnt")" "$strong $who $container"
			kill -9 $victim
			wait $victim 2>/dev/null
		done
	done
done
check container rm -r -f /own
check container rm -r -f /other
check container rm -r -f /plain
