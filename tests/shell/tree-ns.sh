# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2010,SC2012 # ls is what is tested
#
# Namespaces in the tree: own by touch, shared by ln, inherited by rm; root by ln -s; and the links that
# nsenter(1) opens.
#
#	/
#	├── a        own ones
#	├── b        shares a's
#	│   └── c
#	└── web      a root
# timeout: 90
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

all='user mount pid network ipc uts cgroup time'

# inode CONTAINER TYPE: of the namespace that the link leads to.
inode()
{
	stat -L -c %i "$1/$2" 2>&1
}

# inside CONTAINER TYPE: of the one that a task there gets.
inside()
{
	namespace_in "$1" "$2" | tr -dc '0-9'
}

host()
{
	namespace "$(proc_name "$1")" | tr -dc '0-9'
}

# types NAME: the entries for namespaces that it has.
types()
{
	for type in $all root; do
		! test -L "$1/$type" || echo "$type"
	done | paste -s -d ' '
}

mount_tree
cd "$T" || exit
check mkdir -p a b/c web

it 'touch: its own'
for type in network ipc uts cgroup time mount; do
	has_type $type || continue
	is '' "$(types a)"
	check touch a/$type
	case $type in
	mount) is 'mount root' "$(types a)" ;;
	*) is "$type" "$(types a)" ;;
	esac
	is_not "$(host $type)" "$(inode a $type)" $type
	is "$(inside a $type)" "$(inode a $type)" $type
	is "$(inside b $type)" "$(host $type)" "$type: b's as ever"
	matches "^own: $type\$" "$(cat a/status)"
	matches '^/proc/[0-9]*/fd/[0-9]*$' "$(readlink a/$type)" $type
	check rm a/$type
	is "$(host $type)" "$(inside a $type)" "$type: inherited again"
done

it 'touch: pid and user come with a task, as in the command'
check touch a/pid
is pid "$(types a)"
says 'No such process' cat a/pid # no init yet: there is none
check_not readlink a/pid
task a
is "$(readlink "/proc/$(cat a/init)/ns/pid")" "pid:[$(inode a pid)]"
says 'resource busy' rm a/pid
check rm a/tasks
ends 137 "$started"
check rm a/pid
if has_type user; then
	check touch a/user
	is user "$(types a)"
	is_not "$(host user)" "$(inode a user)"
	check rm a/user
fi
is '' "$(types a)"

it 'other ways to make a file'
check sh -c ': >a/network'
is network "$(types a)"
check rm a/network
check_not mknod a/network p
check_not mknod a/network c 1 3
check_not mkfifo a/network
is '' "$(types a)"
check sh -c ': >>a/uts'
check cp /dev/null a/ipc
is 'ipc uts' "$(types a)"
is 3 "$(ls -d a/ipc a/uts a/id | wc -l)"
check rm a/ipc a/uts

it 'touch -c makes nothing; touch again is not another one'
check touch -c a/network
is '' "$(types a)"
check touch a/network
net=$(inode a network)
touch a/network 2>/dev/null # what it says is the kernel's word for an nsfs file
is "$net" "$(inode a network)"
check rm a/network

it 'names that are no type'
before=$(ls -A a)
for name in foo net mnt uts2 Network init2; do
	says 'not permitted' touch a/$name
	says 'not permitted' ln -s /proc/self/ns/net a/$name
done
says 'not permitted' touch foo
says 'not permitted' touch by-pid/foo
is "$before" "$(ls -A a)"
says 'not permitted' touch network
says 'not permitted' ln -s /proc/self/ns/net network

it 'ln: shares'
for type in network ipc uts cgroup time mount; do
	has_type $type || continue
	check touch a/$type
	ino=$(inode a $type)
	check ln a/$type b/$type
	is "$ino" "$(inode b $type)" "$type: ln"
	is "$ino" "$(inside b $type)" "$type: a task there"
	is "$ino" "$(inside b/c $type)" "$type: inherited below"
	matches "^shared: $type\$" "$(cat b/status)"
	check rm b/$type
	is '' "$(types b)"
	check ln -s "$T/a/$type" b/
	is "$ino" "$(inode b $type)" "$type: ln -s, absolute"
	check rm b/$type
	check ln -s "$T/init_container/a/$type" b/
	is "$ino" "$(inode b $type)" "$type: ln -s, through init_container"
	check rm b/$type
	check ln -s ../a/$type b/$type
	is "$ino" "$(inode b $type)" "$type: ln -s, relative"
	check rm b/$type
	check ln -s ../../a/$type b/c/$type
	is "$ino" "$(inode b/c $type)" "$type: ln -s, relative, deeper"
	is "$(host $type)" "$(inside b $type)" "$type: not the parent's"
	check rm b/c/$type
	(cd b/c && check ln -s ../../a/$type .)
	is "$ino" "$(inode b/c $type)" "$type: from within"
	check ln -s c/$type b/
	is "$ino" "$(inode b $type)" "$type: of one that shares it"
	check rm a/$type
	is "$ino" "$(inode b $type)" "$type: outlives its first owner"
	check rm b/$type b/c/$type
done
is '' "$(types a)$(types b)$(types b/c)"

it 'ln -s of a path of the kernel'
start "$WORK/out" unshare -n -u -i -m sh -c 'hostname other; echo up; exec sleep 1000'
for type in network ipc uts; do
	name=$(proc_name $type)
	check ln -s "/proc/$started/ns/$name" b/$type
	is "$(stat -L -c %i "/proc/$started/ns/$name")" "$(inode b $type)" $type
done
is other "$(cat b/hostname)"
kill "$started"
ends 143 "$started"
is other "$(cat b/hostname)" 'it is held'
is other "$(bash -c 'echo $$ >b/tasks; hostname')"
check rm b/network b/ipc b/uts
check ln -s /proc/self/ns/net b/network # of the ln(1) that asks, at this moment
is "$(host network)" "$(inode b network)"
check rm b/network
check ln -s /proc/thread-self/ns/uts b/uts
is "$(host uts)" "$(inode b uts)"
check rm b/uts

it 'ln -s of a namespace file that is mounted somewhere, as ip netns does it'
touch "$WORK/x"
check unshare --net="$WORK/x" true
check ln -s "$WORK/x" b/network
is "$(stat -c %i "$WORK/x")" "$(inode b network)"
check rm b/network
check umount "$WORK/x"

it 'the directory of a container stands for its namespace'
check touch a/network
check ln -s ../a b/network
is "$(inode a network)" "$(inode b network)"
check rm b/network

it 'what cannot be shared'
for target in /etc/passwd "$WORK" /dev/null /proc/self/ns/uts ../a/uts "$T/a/tasks" ../a/network/x "$WORK/x"; do
	says 'Invalid argument|Not a directory' ln -s "$target" b/network
	is '' "$(types b)" "after $target"
done
for target in "$WORK/nothing" ../nothing/network ../../a/network/ "$T/nothing/network" '' /proc/4194304/ns/net; do
	check_not ln -s "$target" b/network
	is '' "$(types b)" "after $target"
	rm -f b/network
done
mkfifo "$WORK/fifo"
says 'Invalid argument' timeout 10 ln -s "$WORK/fifo" b/network
says 'File exists' ln -s ../b/network a/network
says 'File exists' ln b/c/tasks a/network
says 'not permitted|Invalid|cross-device' ln a/tasks b/network
says 'not permitted|Invalid' ln a/network b/uts
says 'not permitted' ln a/tasks b/jobs
says 'not permitted' ln a/network b/net
says 'cross-device' ln "$WORK/x" b/network
says 'not permitted' ln -s "$T/a/network" by-pid/network
says 'not permitted' ln -s "$T/a/network" network
is '' "$(types b)"
is network "$(types a)"

it 'pid and user: downwards only'
check touch a/pid
task a
says 'not permitted' ln a/pid b/pid
says 'not permitted' ln -s "$T/a/pid" b/
check mkdir a/n
check ln a/pid a/n/pid
is "$(inode a pid)" "$(inode a/n pid)"
check rm a/tasks
ends 137 "$started"
check rm -r a/n
check rm a/pid

it 'rm -f; ln -f'
check touch b/network
before=$(inode b network)
check rm -f b/network
check ln a/network b/network
check touch web/network
says 'not permitted' ln -sf "$T/web/network" b/network # ln(1) would rename another name to this one
is "$(inode a network)" "$(inode b network)"
check rm b/network web/network

it 'nsenter, ip and readlink on a container with no task'
check touch a/uts
check put inside a/hostname
is inside "$(nsenter --uts=a/uts hostname)"
matches '1: lo:' "$(nsenter --net=a/network ip -o link 2>&1)"
is "net:[$(inode a network)]" "$(nsenter --net="$T/a/network" readlink /proc/self/ns/net)"
is "$(inode a network)" "$(stat -L -c %i "$(readlink a/network)")" 'as long as it is held'
is inside "$(nsenter --uts=a/uts --net=a/network hostname)"
is nsfs "$(stat -L -f -c %T a/network)"
for i in 1 2 3 4 5 6 7 8 9 10; do
	nsenter --net=a/network true || bad "nsenter $i"
done
check rm a/uts a/network

it 'links are many'
check touch a/network
for i in $(seq 200); do
	readlink a/network >/dev/null || { bad "readlink $i"; break; }
done
is "$(inside a network)" "$(inode a network)"
[ "$(ls "/proc/$(server_of "$T")/fd" | wc -l)" -lt 150 ] || bad 'they are kept open'

it 'of an own user namespace, with others'
if has_type user; then
	check mkdir u
	check touch u/user u/network u/uts u/ipc
	check put '0 0 4294967295' u/uid_map
	check put '0 0 4294967295' u/gid_map
	is "$(inode u user)" "$(inside u user)"
	is "$(inode u network)" "$(namespace_in u network | tr -dc 0-9)"
	check rm -r u
else
	part_skipped 'no user namespaces'
fi

it 'touch root: a private view'
check touch web/root
is 'mount root' "$(types web)"
check test -d web/root/etc
check container enter web -- sh -c 'echo inside >/etc/made-inside'
is inside "$(cat web/root/etc/made-inside)"
check_not test -e /etc/made-inside
is "$(inode web mount)" "$(inside web mount)"
check rm web/root
is 'mount root' "$(types web)" 'it is what there is without a root'
is inside "$(cat web/root/etc/made-inside)"
says 'File exists' ln -sT "$WORK" web/root
check rm web/mount
is '' "$(types web)"
is "$(host mount)" "$(inside web mount)"

it 'ln -s DIR root: live mounts'
make_root "$WORK/fs" mount umount mkdir
echo of-fs >"$WORK/fs/etc/name"
mkdir "$WORK/fs/mnt"
check ln -s "$WORK/fs" web/root
is 'mount root' "$(types web)"
is of-fs "$(cat web/root/etc/name)"
is of-fs "$(container enter web -- cat /etc/name)"
matches "^root: $WORK/fs\$" "$(cat web/status)"
check container enter web -- mount -t tmpfs later /mnt
check container enter web -- sh -c 'echo later >/mnt/file'
is later "$(cat web/root/mnt/file)"
is file "$(ls web/root/mnt/)"
check_not test -e "$WORK/fs/mnt/file"
is "$(stat -c %d web/root/mnt/)" "$(container enter web -- sh -c 'ls -d /mnt >/dev/null; exec cat /proc/self/mountinfo' | awk '$5 == "/mnt" { split($3, d, ":"); print d[1] * 256 + d[2] % 256 + int(d[2] / 256) * 1048576 }')"
ls web/root/ | grep -qx etc || bad 'ls web/root/'
check sh -c 'echo new >web/root/etc/new'
is new "$(cat "$WORK/fs/etc/new")"
check container enter web -- umount /mnt
check_not test -e web/root/mnt/file
says 'File exists' ln -sT "$WORK/fs" web/root
check rm web/root
is 'mount root' "$(types web)"
matches '^root: view$' "$(cat web/status)"
check test -d web/root/usr
check_not test -e web/root/etc/name
check rm web/mount

it 'root: relative, of somebody, none'
check ln -s ../../fs web/root
is of-fs "$(cat web/root/etc/name)"
check rm -f web/mount
is '' "$(types web)"
(cd web && check ln -s ../../fs root)
is of-fs "$(cat web/root/etc/name)"
check rm -f web/mount
for target in /etc/passwd "$WORK/nothing" "$T/a" "$T" ../a ''; do
	check_not ln -s "$target" web/root
	is '' "$(types web)" "after $target"
done
says 'not permitted' ln -s "$WORK/fs" root
is '' "$(types .)"
task web
says 'resource busy' ln -s "$WORK/fs" web/root
says 'resource busy' touch web/mount
check touch web/network # these may change while there are tasks
check rm web/network web/tasks
ends 137 "$started"

it 'no directory of the host is held by a container that has been looked at'
mkdir "$WORK/vol"
check mount -t tmpfs vol "$WORK/vol"
check mount --make-private "$WORK/vol"
mkdir "$WORK/vol/root"
check ln -s "$WORK/vol/root" web/root
ls web/root/ >/dev/null
check rm web/mount
wait_for umount "$WORK/vol"

it 'two trees agree'
mount_tree_on "$WORK/second"
check touch "$WORK/second/b/network"
is network "$(types b)"
is "$(inode b network)" "$(inode "$WORK/second/b" network)"
check ln -s "$WORK/second/b/network" web/network # another server's: a namespace as any
is "$(inode b network)" "$(inode web network)"
says 'cross-device' ln "$WORK/second/b/network" a/uts
unmount_tree "$WORK/second"
check rm -r a b web
