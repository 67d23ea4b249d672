# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# Who may do what in the tree of containers: each rule is attacked.
#
#	/
#	├── a        own uts; a task of root's
#	│   └── n    own network; a task of root's
#	├── b        own network
#	├── own      belongs to user 1000
#	│   └── n
#	└── u        own user namespace, with the ids of the host
#	    └── x
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

attack=$BUILD/tests/tree/attack
[ -x "$attack" ] || skip "$attack is not built"
cp "$attack" "$WORK/attack" # where everybody can run it
attack=$WORK/attack
strong=$WORK/strong
cp "$attack" "$strong" && chmod 4755 "$strong"

mount_tree

# as UID CMD...: without any privilege.
as()
{
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# as_put UID TEXT FILE: it opens and writes. A shell's echo would say nothing but "I/O error".
as_put()
{
	as "$1" sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" "$2" "$3"
}

# root_puts TEXT FILE
root_puts()
{
	sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" "$1" "$2"
}

# inside CONTAINER TEXT FILE: the same by a task of it.
inside()
{
	container enter "$1" -- sh -c 'exec "$0" say 3 "$1" 3>"$2"' "$attack" "$2" "$3"
}

# sleeper UID [OPTION...]: a process of that user. Sets $started.
sleeper()
{
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@" sleep 1000 &
	started=$!
	wait_for grep -q "^Uid:.$uid.*" "/proc/$started/status"
	wait_for grep -q sleep "/proc/$started/comm"
}

inode()
{
	stat -L -c %i "$1"
}

# denied CMD...: one of the two ways to say no.
denied()
{
	says 'Operation not permitted|Permission denied' "$@"
}

mkdir -p "$T/a/n" "$T/b" "$T/own/n" "$T/u/x"
touch "$T/a/uts" "$T/a/n/network" "$T/b/network"
check chown 1000:1000 "$T/own" "$T/own/n"
task a
task_a=$(cat "$T/a/tasks")
task a/n
task_n=$(cat "$T/a/n/tasks")
sleep 1000 &
roots=$!
it 'the way here'
is 1000 "$(stat -c %u "$T/own")"
is "$(id -u)" 0

# --- owner and mode ---

it 'an owner may'
check as 1000 mkdir "$T/own/made"
is 1000 "$(stat -c %u "$T/own/made")" 'what it makes is its own'
check as 1000 mv "$T/own/made" "$T/own/renamed"
check as 1000 touch "$T/own/renamed/uts"
check as_put 1000 by-owner "$T/own/renamed/hostname"
is by-owner "$(cat "$T/own/renamed/hostname")"
check as 1000 rm "$T/own/renamed/uts"
check as_put 1000 1 "$T/own/renamed/freeze"
check as_put 1000 0 "$T/own/renamed/freeze"
check as 1000 chmod 700 "$T/own/renamed"
check as 1000 rmdir "$T/own/renamed"
sleeper 1000
its=$started
check as_put 1000 $its "$T/own/tasks"
is $its "$(cat "$T/own/tasks")"
check as 1000 rm "$T/own/tasks"
check wait_for gone $its
as 1000 sh -c 'echo 0 >"$1/own/tasks"; readlink "$1/self"' sh "$T" >"$WORK/self"
is own "$(cat "$WORK/self")" 'itself'

it 'an owner may no more than that'
denied as 1000 chown 1001 "$T/own"
denied as 1000 chown 1001 "$T/own/n"
denied as_put 1000 '0 0 1' "$T/own/uid_map"
denied as 1000 ln -s "/proc/$roots/ns/net" "$T/own/network"
denied as 1000 ln "$T/b/network" "$T/own/network"
denied as 1000 ln -s ../b/network "$T/own/network"
denied as 1000 ln -s "$T/b/network" "$T/own/network"
mkdir -m 700 "$WORK/secret"
denied as 1000 ln -s "$WORK/secret/x" "$T/own/root"
is '' "$(cd "$T/own" && echo network* root* | sed 's/[a-z]*\*//g; s/ //g')"

it 'who is not the owner may not'
denied as 1001 mkdir "$T/x"
denied as 1001 mkdir "$T/own/x"
denied as 1001 mv "$T/own/n" "$T/own/x"
denied as 1001 rmdir "$T/own/n"
denied as 1001 touch "$T/own/network"
denied as 1001 rm "$T/b/network"
denied as 1001 rm "$T/own/tasks"
denied as 1001 ln -s / "$T/own/root"
for file in tasks hostname freeze kill uid_map gid_map; do
	denied as_put 1001 1 "$T/own/$file"
	denied as_put 1000 1 "$T/b/$file"
done
denied as 1001 chmod 777 "$T/own"
denied as 1001 chown 1001 "$T/own"

it 'a mode that lets others make nested containers gives no more than that'
check chmod 777 "$T/own"
check as 1001 mkdir "$T/own/of-1001"
denied as 1001 touch "$T/own/network"
denied as 1001 rm "$T/own/tasks"
check chmod 1777 "$T/own"
denied as 1001 mv "$T/own/n" "$T/own/x"
check as 1001 rmdir "$T/own/of-1001"
check chmod 755 "$T/own"

# --- the opener and the writer ---

it 'an fd that root opened does not make its writer stronger'
for file in tasks freeze kill hostname; do
	denied as 1000 "$attack" say 3 1 3>"$T/b/$file"
done
is running "$(cat "$T/a/state")"
denied as 1000 "$attack" say 3 9 3>"$T/a/kill"

it 'an fd that was opened by somebody weak does not become stronger'
setuid_works=
[ "$(as 1000 "$strong" say 1 x 2>&1 && as 1000 sh -c '"$1" poll /dev/null 0 >/dev/null & sleep 0.1
	stat -c %u /proc/$!; kill $! 2>/dev/null' sh "$strong")" = x0 ] && setuid_works=yes
if [ -n "$setuid_works" ]; then
	denied as 1000 sh -c '"$1" say 3 "$2" 3>"$3"' sh "$strong" $roots "$T/own/tasks"
	denied as 1000 sh -c '"$1" say 3 0 3>"$2"' sh "$strong" "$T/own/tasks"
	is '' "$(cat "$T/own/tasks")"
	check_not as 1000 sh -c '"$1" say 2 "$2" 2>"$3"' sh "$strong" $roots "$T/own/tasks"
	is '' "$(cat "$T/own/tasks")" 'standard error'
else
	part_skipped 'no set-user-ID programs here'
fi
check_not as 1001 sh -c 'exec 3>"$1"' sh "$T/own/tasks"

it 'a write that is still under way when its writer has become another program'
server=$(server_of "$T")
if [ -n "$setuid_works" ]; then
	# With the server stopped the time for it is as long as wanted.
	exec 3>"$T/b/freeze"
	kill -STOP "$server"
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$attack" aio 3 1 "$strong" poll /dev/null 0 >"$WORK/aio" 2>&1 &
	aio=$!
	exec 3>&-
	sleep 0.5
	kill -CONT "$server"
	wait_for grep -q 'up\|attack:' "$WORK/aio"
	sleep 0.2
	is 0 "$(cat "$T/b/freeze")" 'not frozen'
	kill $aio 2>/dev/null
	put 0 "$T/b/freeze"
fi

# --- which processes ---

it 'no pid is moved that the writer could not trace'
sleeper 1001
other=$started
sleeper 1000 --inh-caps +net_admin --ambient-caps +net_admin
more=$started
for pid in $roots $other $more 1 2 "$server"; do
	denied as_put 1000 "$pid" "$T/own/tasks"
done
check_not as_put 1000 4194304 "$T/own/tasks"
is '' "$(cat "$T/own/tasks")"
kill $other $more
for text in -1 '1 2' 0x1 99999999999999999999 '1
2' a; do
	says 'Invalid argument' root_puts "$text" "$T/own/tasks"
done

it 'a process moves down only'
says 'Operation not permitted' root_puts "$task_a" "$T/b/tasks"
says 'Operation not permitted' root_puts "$task_a" "$T/tasks"
says 'Operation not permitted' root_puts "$task_n" "$T/a/tasks"
denied inside a 0 "$T/b/tasks"
denied inside a/n 0 "$T/a/tasks"
denied inside a/n 0 "$T/tasks"
is "$task_n" "$(cat "$T/a/n/tasks")"

it 'from inside nothing is changed sideways or above'
for change in "mkdir $T/x" "mkdir $T/b/x" "touch $T/b/uts" "rm $T/b/network" "rm $T/b/tasks" "rmdir $T/b" \
	"mv $T/b $T/c" "mv $T/a $T/c" "chmod 777 $T/b" "ln $T/b/network $T/a/network" "ln -s ../b/network $T/a/network" \
	"ln -s / $T/b/root" "chown 1 $T/b" "chmod 700 $T"; do
	# shellcheck disable=SC2086
	denied container enter a -- $change
done
check container enter a -- mkdir "$T/a/inside"
check container enter a -- rmdir "$T/a/inside"
denied container enter a/n -- rm "$T/a/tasks"
denied container enter a/n -- touch "$T/a/network"
is running "$(cat "$T/a/state")"

it 'the thread counts, not what its process began with'
"$attack" leaderless "$T/b/tasks" "$T/a/evil" >"$WORK/out" 2>&1
is_not 0 $? 'a task of b makes a/evil'
[ ! -d "$T/a/evil" ] || bad 'a/evil was made'

# --- a mount of a part ---

it 'above the root of a mount nothing is seen'
mount_tree_on "$WORK/part" -o root=/a
is n "$(find "$WORK/part" -mindepth 1 -maxdepth 1 -type d ! -name by-pid -printf '%f\n')"
is "$(cat "$T/a/id")" "$(cat "$WORK/part/id")"
check_not readlink "$WORK/part/by-pid/$$"
check_not readlink "$WORK/part/by-pid/$roots"
is ../n "$(readlink "$WORK/part/by-pid/$task_n")"
is '(outside)' "$(readlink "$WORK/part/self")"
check_not ls "$WORK/part/self/"
is 'name: /n' "$(head -n 1 "$WORK/part/n/status")"
check_not ls "$WORK/part/../part/b"
check_not ln -s ../../b/network "$WORK/part/n/network"
rm "$WORK/part/n/network"
for target in ../../b/network ../b/network ../../../b/network "$WORK/part/../b/network" "$WORK/part/../../b/network"; do
	check_not ln -s "$target" "$WORK/part/n/network"
done
touch "$WORK/part/n/network"
says 'No such file|nonexistent|Operation not permitted' root_puts "$roots" "$WORK/part/../b/tasks"

it 'the root of a mount is the container, not its name'
id=$(cat "$T/a/id")
check mv "$T/a" "$T/renamed"
mkdir "$T/a"
sleep 3
is "$id" "$(cat "$WORK/part/id")"
rmdir "$T/a"
check mv "$T/renamed" "$T/a"
unmount_tree "$WORK/part"

# --- user namespaces ---

if has_type user; then
	check touch "$T/u/user"
	rmdir "$T/u/x"
	check container set u ids=host
	mkdir "$T/u/x"
	it 'root in a user namespace of its own, with the ids of the host'
	for allowed in "mkdir $T/u/y" "touch $T/u/y/uts" "rm $T/u/y/uts" "rmdir $T/u/y"; do
		# shellcheck disable=SC2086
		check container enter u -- $allowed
	done
	for change in "touch $T/u/uts" "rm $T/u/user" "rm $T/u/tasks" "chmod 700 $T/u" "mkdir $T/x" "mkdir $T/b/x" \
		"touch $T/b/uts" "rm $T/b/tasks" "chown 1 $T/b" "ln $T/b/network $T/u/x/network" \
		"ln -s ../../b/network $T/u/x/network" "ln -s /proc/$roots/ns/net $T/u/x/network" \
		"ln -s /proc/$roots/ns/uts $T/u/x/uts" "ln -s /proc/$roots/ns/time $T/u/x/time" \
		"ln -s /proc/$roots/root $T/u/x/root" "ln -s /proc/$roots/cwd $T/u/x/root"; do
		# shellcheck disable=SC2086
		denied container enter u -- $change
	done
	for file in tasks freeze kill hostname uid_map; do
		denied inside u 1 "$T/u/$file"
		denied inside u 1 "$T/b/$file"
	done
	denied inside u $roots "$T/u/x/tasks"
	denied container enter u -- unshare -U --map-current-user mkdir "$T/u/y"
	denied container enter u -- unshare -U --map-current-user touch "$T/u/x/uts"

	it 'what it has mounted on /proc is not believed'
	container enter u -- setpriv --bounding-set -sys_resource unshare -m --propagation private sh -c '
		mkdir "$1/proc" && mount --rbind /proc "$1/proc" && mount -t tmpfs x /proc && mkdir -p /proc/self/ns &&
		: >/proc/self/ns/user && mount --bind "$1/proc/$$/ns/user" /proc/self/ns/user || exit 99
		ln -s "$1/proc/$2/root/" "$3"' sh "$WORK" $roots "$T/u/x/root" >"$WORK/out" 2>&1
	status=$?
	is_not 99 $status 'the preparation'
	is_not 0 $status 'the root of the host'
	[ ! -L "$T/u/x/root" ] || bad 'u/x has a root'

	it 'who has left for a user namespace has no right any more'
	denied unshare -Ur mkdir "$T/x"
	denied unshare -Ur touch "$T/b/uts"
	denied unshare -Ur sh -c "$attack say 3 $roots 3>$T/b/tasks"
	denied as 1000 unshare -Ur mkdir "$T/own/x"
	denied as 1000 unshare -Ur touch "$T/own/network"
	denied as 1000 unshare -Ur sh -c "$attack say 3 0 3>$T/own/tasks"
else
	part_skipped 'no user namespaces'
fi

# --- paths that lead to the server ---

it 'of the server itself nothing is reached'
readlink "$T/a/n/network" "$T/b/network" >/dev/null
ln -s /proc/self/fd "$WORK/fds"
as 1000 sh -c '
	for n in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1024 1025 1026 1027; do
		for dir in /proc/self/fd /proc/thread-self/fd /dev/fd "$2"; do
			ln -s "$dir/$n" "$1/root" 2>/dev/null && echo "$dir/$n" && rm "$1/root"
		done
	done' sh "$T/own" "$WORK/fds" >"$WORK/out" 2>&1
is '' "$(cat "$WORK/out")"
[ ! -e "$T/own/mount" ] || rm "$T/own/mount"

it '/proc/self is who makes the link'
check container enter b -- mkdir "$T/b/n"
check container enter b -- ln -s /proc/self/ns/net "$T/b/n/network"
is "$(namespace_in b network)" "$(namespace_in b/n network)"
check rmdir "$T/b/n"

# --- what is hidden ---

it 'a mode hides'
check chmod 700 "$T/a"
for dir in "$T/a" "$T/a/n" "$T/a/none"; do
	denied as 1000 ls "$dir/"
	denied as 1000 cat "$dir/status"
	denied as 1000 stat "$dir/network"
	denied as 1000 mkdir "$dir/x"
done
as 1000 stat "$T/a/n" 2>&1 | sed 's/none/n/g' >"$WORK/one"
as 1000 stat "$T/a/none" 2>&1 | sed 's/none/n/g' >"$WORK/other"
check cmp "$WORK/one" "$WORK/other"
for way in ../a "$T/a" "$T/own/../a" "/proc/self/cwd/containers/a"; do
	(cd "$WORK" && as 1000 ln -s "$way/n/network" "$T/own/network") 2>&1 | sed 's/none/n/g' >"$WORK/one"
	(cd "$WORK" && as 1000 ln -s "$way/none/network" "$T/own/network") 2>&1 | sed 's/none/n/g' >"$WORK/other"
	cmp -s "$WORK/one" "$WORK/other" || {
		bad "the message for $way tells what there is"
		show "$WORK/one" "$WORK/other"
	}
done
as 1000 ls -l "$T/by-pid" 2>&1 | grep 'a/n' && bad 'by-pid tells names'
as 1000 readlink "$T/by-pid/$task_n" && bad 'by-pid tells a name'
check chmod 755 "$T/a"
check as 1000 ls "$T/a/n"

# --- memory ---

it 'from no offset is anything read but entries'
for dir in "$T" "$T/a" "$T/by-pid"; do
	check as 1000 "$attack" seek "$dir"
done

kill $roots
kill "$task_a" "$task_n" 2>/dev/null
check rm -r "$T/a" "$T/b" "$T/own" "$T/u"
