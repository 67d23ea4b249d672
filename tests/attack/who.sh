# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 60
#
# Who asks: single capabilities instead of user 0, user namespaces of several depths, a number that has become another
# process's, a server that reads another /proc, programs of ours with somebody else's environment.
#
#	/
#	├── own       belongs to user 1000
#	└── roots     own uts
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

attack=$BUILD/tests/tree/attack
[ -x "$attack" ] || skip "$attack is not built"
cp "$attack" "$WORK/attack"
attack=$WORK/attack

# with CAPABILITY CMD...: user 1001 with that one, of the host.
with()
{
	cap=$1
	shift
	setpriv --reuid 1001 --regid 1001 --clear-groups --inh-caps "-all,+$cap" --ambient-caps "-all,+$cap" -- "$@"
}

# say TEXT FILE, as a command.
say=$WORK/say
cat >"$say" <<-EOT
	#!/bin/sh
	exec "$attack" say 3 "\$1" 3>"\$2"
EOT
chmod 755 "$say"

denied()
{
	says 'not permitted|Permission denied' "$@"
}

mount_tree
check mkdir "$T/own" "$T/roots"
check touch "$T/roots/uts"
check chown 1000:1000 "$T/own"
sleep 1000 &
roots=$!
lock_inode=$(stat -c %i "$CONTAINERFS_STATE/lock")

it 'the control: what each capability gives'
check with sys_admin,+dac_override "$say" by-admin "$T/roots/hostname"
is by-admin "$(cat "$T/roots/hostname")"
check with sys_admin,+dac_override "$say" 1 "$T/own/freeze"
check with sys_admin,+dac_override "$say" 0 "$T/own/freeze"

for cap in sys_ptrace dac_override dac_read_search chown fowner setuid setgid kill net_admin sys_chroot sys_resource; do
	it "who has $cap alone, and is not the owner"
	for file in hostname freeze kill tasks; do
		denied with $cap "$say" 1 "$T/roots/$file"
	done
	denied with $cap touch "$T/roots/network"
	denied with $cap rm "$T/roots/uts" "$T/roots/tasks"
	denied with $cap ln -s "/proc/$roots/ns/net" "$T/own/network"
	denied with $cap "$say" "$roots" "$T/own/tasks"
done
is by-admin "$(cat "$T/roots/hostname")"
is '' "$(cat "$T/own/tasks" "$T/roots/tasks")"
it 'who may write to every directory may make a name, and change nothing else of it'
check with dac_override mkdir "$T/roots/x"
denied with dac_override "$say" 1 "$T/roots/freeze"
check rmdir "$T/roots/x"
it 'CAP_SYS_ADMIN alone moves nobody that it may not trace'
denied with sys_admin,+dac_override "$say" "$roots" "$T/own/tasks"
is '' "$(cat "$T/own/tasks")"

it 'user namespaces of several depths and maps'
for map in '--map-root-user' '--map-current-user' ''; do
	for depth in 1 2 3; do
		set -- "$say" 1 "$T/own/freeze"
		i=0
		while [ $i -lt $depth ]; do
			# shellcheck disable=SC2086
			set -- unshare --user $map "$@"
			i=$((i + 1))
		done
		says '.' setpriv --reuid 1000 --regid 1000 --clear-groups "$@"
		says '.' "$@"
	done
done
is 0 "$(cat "$T/own/freeze")"

it 'the number is another process'\''s when it is acted upon'
setpriv --reuid 1000 --regid 1000 --clear-groups sleep 1000 &
mine=$!
wait_for grep -q sleep "/proc/$mine/comm"
start "$WORK/.holder" "$attack" lock "$CONTAINERFS_STATE/lock" "$(cat "$T/own/id")"
holder=$started
setpriv --reuid 1000 --regid 1000 --clear-groups "$say" $mine "$T/own/tasks" 2>"$WORK/.say" &
writer=$!
wait_for grep -q -- "-> .*:$lock_inode " /proc/locks
kill -KILL $mine
wait $mine 2>/dev/null
# Root's, with the same number: what who fills the numbers up waits for.
again=$(sh -c 'i=0; while [ $i -lt 20 ]; do echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid; sleep 1000 >/dev/null & [ $! = $1 ] && echo $! && exit; kill $!; i=$((i + 1)); done' sh $mine)
kill $holder
wait $holder 2>/dev/null
wait $writer
is_not 0 $? 'the write'
matches 'No such process|not permitted' "$(cat "$WORK/.say")"
if [ "$again" = "$mine" ]; then
	is '' "$(cat "$T/own/tasks")" "process $mine was moved"
	kill "$again"
else
	part_skipped 'the number was not to be had'
fi

it 'a server whose /proc is of another pid namespace would take callers for others'
mkdir "$WORK/other"
says 'pid namespace' unshare --pid --fork mount.containerfs none "$WORK/other"
! is_mounted "$WORK/other" || umount -l "$WORK/other"

it 'the control: the environment names the hierarchy'
mkdir -m 755 "$WORK/evil" "$WORK/suid"
other_state "$WORK/evil/state"
cp "$BUILD/src/cli/container" "$WORK/suid"
check env CONTAINERFS_STATE="$WORK/evil/state" container create marked
is marked "$(env CONTAINERFS_STATE="$WORK/evil/state" "$WORK/suid/container" ls -q)"
it 'but not that of a set-user-ID program'
chmod 4755 "$WORK/suid/container"
is '' "$(setpriv --reuid 1000 --regid 1000 --clear-groups \
	env CONTAINERFS_STATE="$WORK/evil/state" "$WORK/suid/container" ls -q 2>&1 | grep marked)"
check env CONTAINERFS_STATE="$WORK/evil/state" container rm marked
check env CONTAINERFS_STATE="$WORK/evil/state" container rm /

it 'the server has no fd and no directory of who started it'
exec 7</dev/null
mount_tree_on "$WORK/second"
second=$(server_of "$WORK/second")
exec 7<&-
is / "$(readlink "/proc/$second/cwd")"
is '' "$(find "/proc/$second/fd" -lname "$WORK/*" -printf '%l\n' | grep -v state)"
unmount_tree "$WORK/second"

kill $roots
check container rm -r -f /own
check container rm -r -f /roots
