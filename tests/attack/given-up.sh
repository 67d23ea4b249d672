# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# A file system that never answers keeps whoever looks at it, even if he is killed. The server looks at a path by a
# surrogate, and gives it up: so many of one user. Root of a container has as many ids as he likes, and is one user all
# the same.
#
#	/
#	├── m         own user namespace
#	│   └── 1-20
#	└── b
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

attack=$BUILD/tests/tree/attack
[ -x "$attack" ] || skip "$attack is not built"
mount_tree
server=$(server_of "$T")
check container create m --own user
check container create b
base=$(awk '{ print $2; exit }' "$T/m/uid_map")
mkdir "$WORK/hung"
start "$WORK/fuse" "$attack" fuse "$WORK/hung" 0,allow_other
hung=$started
chmod 755 "$WORK"

# kept: how many children the server has, which do not end.
kept()
{
	grep -lx "PPid:.$server" /proc/[0-9]*/status 2>/dev/null | grep -c .
}

# links FIRST LAST: those uids of m each make some links to it.
links()
{
	uid=$1 waiting=
	while [ "$uid" -le "$2" ]; do
		container create "m/$uid"
		chown "$((base + uid)):$base" "$T/m/$uid"
		container enter m -- setpriv --reuid "$uid" --regid 0 --clear-groups \
			ln -s "$WORK/hung/x" "$T/m/$uid/root" 2>"$WORK/err.$uid" &
		waiting="$waiting $!"
		uid=$((uid + 1))
	done
	# shellcheck disable=SC2086
	wait $waiting
}

it 'one user is given up some times'
links 1 4
is 4 "$(kept)" 'the control: they are kept'

it 'and then no more, by whatever id'
links 5 20
is 4 "$(kept)"
grep -q 'temporarily unavailable' "$WORK/err.20" || bad "it is not told: $(cat "$WORK/err.20")"
check mkdir "$T/b/root-of-host"
check ln -s /usr "$T/b/root-of-host/root"
kill -KILL "$hung"
wait "$hung" 2>/dev/null
umount -l "$WORK/hung"
check container rm -r -f m
check container rm -r -f b
