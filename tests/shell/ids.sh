# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# Which ids an own user namespace has: a range of its own unless others are asked for, never more than the
# container above, and all that the container owns belongs to it.
#
#   /
#   |- a    own user namespace and others
#   |  |- n     own user namespace
#   |  `- t     own network, uts: in a's user namespace
#   |- b    shares a network
#   `- h    the ids of the host
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

has_type user || skip 'no user namespaces'
identity='0 0 4294967295'

# range NAME: where its user ids begin outside.
range()
{
	field "$1" uid_map | cut -d' ' -f2
}

# outside PID: its user and group as the host has them.
outside()
{
	stat -c '%u %g' "/proc/$1"
}

# task_of NAME: a task of it, as the host numbers it.
task_of()
{
	container ps --json "$1" | jq '.[0].pid'
}

# ranges: what is taken.
ranges()
{
	find "$CONTAINERFS_STATE/ids" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort
}

it 'a range of its own'
check container create a --own user,mount,uts,network,pid,ipc
check container create a2 --own user
base=$(range a)
matches '^auto$' "$(field a ids)"
is "0 $base 65536" "$(field a uid_map)"
is "0 $base 65536" "$(field a gid_map)"
is_not "$base" "$(range a2)"
[ "$base" -ge 2147483648 ] || bad "it begins at $base"
is 0 $((base % 65536))
lists a a2
task a
is "$base $base" "$(outside "$(init_of a)")"
container kill a
container wait --timeout 10 a
is "$(ranges)" "$(range a >"$WORK/r"; range a2 >>"$WORK/r"; sort "$WORK/r")"

it 'root inside has no power over the machine'
for file in core_pattern panic modprobe; do
	check_not container enter a -- sh -c "echo x >/proc/sys/kernel/$file"
done
check_not container enter a -- sh -c 'cat /etc/shadow'
check_not container enter a -- sh -c 'echo x >/etc/x'
check_not container run --own user -- sh -c 'echo x >/proc/sys/kernel/core_pattern'
is '0 0 0 0 0 65534' "$(container enter a -- stat -c %u / /tmp /run /dev /root /etc | tr '\n' ' ' | sed 's/ $//')"
is '755 1777 755 755 700' "$(container enter a -- stat -c %a / /tmp /run /dev /root | tr '\n' ' ' | sed 's/ $//')"
check container enter a -- sh -c 'cd && echo x >x && echo y >/tmp/y && echo z >/run/z && echo x >/dev/null && [ ! -e /root/.bashrc ]'

it 'all that it owns belongs to it'
check container enter a -- sh -c 'mount -t proc none /mnt && [ -e /mnt/1/status ] && [ ! -e "/mnt/$1" ]' sh $$
check container enter a -- sh -c 'hostname inside && mkdir /tmp/m && mount -t tmpfs n /tmp/m'
if command -v ip >/dev/null; then
	check container enter a -- ip link set lo up
fi
check container run --own all,user -- sh -c '[ $$ = 1 ] && mount -t proc none /mnt && [ "$(ls -d /mnt/[0-9]* | head -1)" = /mnt/1 ]'
is 'cgroup,time' "$(field a foreign)" 'but what it has from others'
check container create f --own user --share network=a
is 'mount,pid,network,ipc,uts,cgroup,time' "$(field f foreign)"
check container rm f

it 'of as many as are asked for, of the host, and as said'
check container create h --ids host --own uts
is "$identity" "$(field h uid_map)"
is host "$(field h ids)"
check container create c --own uts --ids auto:1000
is 1000 "$(field c uid_map | cut -d' ' -f3)"
is auto:1000 "$(field c ids)"
check container set c ids=auto:200000
is 200000 "$(field c uid_map | cut -d' ' -f3)"
is 6 "$(ranges | wc -l)" 'it takes as many places as it needs'
check container set c ids=0:300000:5
is '0 300000 5 0 300000 5' "$(field c uid_map) $(field c gid_map)"
is map "$(field c ids)"
is 2 "$(ranges | wc -l)" 'they are given back'
check container set c ids=auto gid_map='0 5 1'
is map "$(field c ids)"
is 65536 "$(field c uid_map | cut -d' ' -f3)"
is '0 5 1' "$(field c gid_map)"
check container set c ids=host
is "$identity" "$(field c uid_map)"
for value in auto: auto:0 auto:16777217 auto:x Host none 0:0; do
	fails_with 125 'id' container set c ids=$value
done
is host "$(field c ids)"
check container create plain
fails_with 125 'no own user namespace' container set plain ids=auto
is null "$(field plain ids)"
check container rm plain
check container rm c
is "$identity" "$(container run --ids host -- cat /proc/self/uid_map | tr -s ' ' | sed 's/^ //')"
is 7 "$(container run --ids auto:7 -- cat /proc/self/uid_map | awk '{ print $3 }')"
is 0 "$(container run --ids 0:400000:9 -- id -u)"
is 2 "$(ranges | wc -l)"

it 'a nested one has half of what is left, and no id that its parent has not'
check container create a/n --own user,uts
is '0 32768 32768' "$(field a/n uid_map)"
check container create a/m --own user
is '0 16384 16384' "$(field a/m uid_map)"
check container rm a/n
check container create a/n --own user,uts
is '0 32768 32768' "$(field a/n uid_map)" 'what was given back is given again'
task a
start "$WORK/out" container enter a/n -- sh -c 'echo up; exec sleep 1000'
is "$((base + 32768)) $((base + 32768))" "$(outside "$(task_of a/n)")"
container kill a/n
container wait --timeout 10 a/n
fails_with 125 'auto|ids' container set a/n ids=auto:40000
check container set a/n ids=auto:100
is 100 "$(field a/n uid_map | cut -d' ' -f3)"
fails_with 125 'no such ids: Operation not permitted' container set a/n ids=0:65536:1
fails_with 125 'no such ids: Operation not permitted' container set a/n ids=0:"$base":10
fails_with 125 'no such ids: Operation not permitted' container set a/n uid_map=0:0:65537
is 100 "$(field a/n uid_map | cut -d' ' -f3)" 'nothing has changed'
check container set a/n ids=0:0:10
start "$WORK/out" container enter a/n -- sh -c 'echo up; exec sleep 1000'
is "$base $base" "$(outside "$(task_of a/n)")" '0 is that of the parent'
container kill a/n
container wait --timeout 10 a/n
check container set a/n ids=host
is '0 0 65536' "$(field a/n uid_map)" 'the host is the parent'
is '0 0 65536' "$(container enter a/n -- cat /proc/self/uid_map | tr -s ' ' | sed 's/^ //')"
check container rm a/m

it 'a program that is found by what is inside runs with ids of inside'
container enter a -- sh -c 'mkdir /tmp/evil && cat >/tmp/evil/prog && chmod 755 /tmp/evil/prog' <<'END'
#!/bin/sh
cat /proc/self/uid_map
: >/proc/sys/kernel/panic_on_oops && echo written
END
container enter -e "PATH=/tmp/evil:$PATH" a/n -- prog >"$WORK/out" 2>&1
check_not grep -q written "$WORK/out"
is '0 0 65536' "$(head -1 "$WORK/out" | tr -s ' ' | sed 's/^ //')"
container kill a
container wait --timeout 10 a
check container rm a/n

it 'what a nested one owns belongs to the user namespace above it'
check container create a/t --own uts,network,ipc
task a
check container enter a/t -- sh -c 'hostname nested && [ "$(hostname)" = nested ]'
if command -v ip >/dev/null; then
	check container enter a/t -- ip link set lo up
fi
container kill a
container wait --timeout 10 a
fails_with 125 'nested container.*: t: .*not empty' container set a user=inherit
fails_with 125 'nested container' container set a ids=host
check container rm a/t

it 'others that share what would be made anew are named'
check container create b --share network=a
fails_with 125 'others share what would be made anew: network of b: .*busy' container set a ids=auto
fails_with 125 'network of b' container set a user=inherit
is "$base" "$(range a)"
task b
check_not container enter b -- sh -c 'echo 1 >/proc/sys/kernel/panic_on_oops && false'
container kill b
container wait --timeout 10 b

it 'a range is kept as long as somebody has what belongs to it'
check container rm a
matches "$base" "$(ranges)"
check container rm b
is "$(range a2)" "$(ranges)"

it 'taken when other types are own already, they are made anew'
check container create w --own mount,uts,network --hostname kept
before=$(namespace_in w network)
check container set w user=own
is kept "$(container enter w -- hostname)"
is_not "$before" "$(namespace_in w network)"
check container enter w -- hostname other
make_root "$WORK/root"
chmod 755 "$WORK" "$WORK/root"
check container create r --own mount --root "$WORK/root"
check container set r user=own
is "$WORK/root" "$(field r root)"
check container enter r -- sh -c '[ ! -e /usr/share ]'
mv "$WORK/root" "$WORK/moved"
fails_with 125 'root is not there any more' container set r ids=host
check container rm r w

it 'not what others have'
if [ -f /etc/subuid ] && [ -f /etc/subgid ]; then
	echo 'someone:2147483648:2147352576' >"$WORK/subuid"
	mount --bind "$WORK/subuid" /etc/subuid
	check container create s --own user
	is 4294836224 "$(range s)" 'the only one that is nobody has'
	fails_with 125 'no ids are left' container create s2 --own user
	check container rm s
	printf 'x:100000:65536\ncontainers:700000:131072\n' >"$WORK/subuid"
	cp "$WORK/subuid" "$WORK/subgid"
	mount --bind "$WORK/subgid" /etc/subgid
	check container create s --own user
	check container create s2 --own user
	is '700000 765536' "$( (range s; range s2) | sort -n | tr '\n' ' ' | sed 's/ $//')" 'those that are for containers'
	fails_with 125 'no ids are left' container create s3 --own user
	check container rm s s2
	umount /etc/subuid /etc/subgid
else
	part_skipped 'no /etc/subuid'
fi
# other_user MAP: a process with that map, in $other.
other_user()
{
	unshare -U sleep 1000 &
	other=$!
	wait_for sh -c '[ "$(readlink /proc/$1/ns/user)" != "$(readlink /proc/self/ns/user)" ]' sh $other
	echo "$1" >"/proc/$other/uid_map"
	echo "$1" >"/proc/$other/gid_map"
}
rm -f "$CONTAINERFS_STATE/ids/@seen"
other_user '0 2147483648 2147352576'
check container create s --own user
is 4294836224 "$(range s)"
kill $other
check container rm s

it 'in a user namespace that has only some ids'
mkfifo "$WORK/go"
cat >"$WORK/few.sh" <<'END'
read -r go
export CONTAINERFS_STATE=$1
container create a --own user,uts || exit 1
container show a | grep uid_map
container create a/b --own user,uts && container show a/b | grep uid_map
container create b --ids auto:3000
container rm -r a && container rm /
END
other_state "$WORK/few"
unshare -U -m --propagation private sh "$WORK/few.sh" "$WORK/few" <"$WORK/go" >"$WORK/out" 2>&1 &
few=$!
exec 5>"$WORK/go"
wait_for sh -c '[ "$(readlink /proc/$1/ns/user)" != "$(readlink /proc/self/ns/user)" ]' sh $few
echo '0 0 1000' >/proc/$few/uid_map
echo '0 0 1000' >/proc/$few/gid_map
echo go >&5
exec 5>&-
wait $few
is 'uid_map: 0 500 500 uid_map: 0 250 250' "$(grep uid_map "$WORK/out" | tr '\n' ' ' | sed 's/ $//')"
matches 'b: there are not as many ids' "$(cat "$WORK/out")"

it 'by numbers of no process: the caller is in another pid namespace'
check unshare -pf -- container create p --own user,uts
is "0 $(range p) 65536" "$(container enter p -- cat /proc/self/uid_map | tr -s ' ' | sed 's/^ //')"
check container rm p

it 'by the tree: a shell that goes in is root inside, and has no id of outside'
mount_tree
check mkdir "$T/m"
check touch "$T/m/user" "$T/m/uts"
base=$(range m)
# shellcheck disable=SC2016
sh -c 'echo $$ >"$1/m/tasks"; id -u; echo 1 >/proc/sys/kernel/panic_on_oops && echo written; echo done
	read -r go <"$2"; mkdir "$1/m/y"; touch "$1/m/y/user" "$1/m/y/uts"; echo made; exec sleep 1000' sh "$T" "$WORK/go" \
	>"$WORK/out" 2>&1 &
moved=$!
wait_for grep -q "done" "$WORK/out"
is '0' "$(grep -x '[0-9]*' "$WORK/out")"
check_not grep -q written "$WORK/out"
is "Uid: $base $base $base $base" "$(grep Uid "/proc/$moved/status" | tr '\t' ' ' | sed 's/: */: /')"
is "Gid: $base $base $base $base" "$(grep Gid "/proc/$moved/status" | tr '\t' ' ' | sed 's/: */: /')"
is 'Groups:' "$(grep Groups "/proc/$moved/status" | sed 's/[[:space:]]*$//')"

it 'by the tree: root inside makes nested ones of his ids'
check chown "$base" "$T/m"
echo go >"$WORK/go"
wait_for grep -q made "$WORK/out"
is '0 32768 32768' "$(cat "$T/m/y/uid_map")"
is "$base" "$(stat -c %u "$T/m/y")"
kill $moved
wait $moved 2>/dev/null
check container rm -f -r m
unmount_tree "$T"

it '32 deep'
check container set h containers.depth=max containers.nested=max
path=h
depth=1
while container create "$path/x" --own user --ids host 2>"$WORK/out"; do
	path=$path/x
	depth=$((depth + 1))
done
is 33 $depth
matches 'nest 32 deep: No space left on device' "$(cat "$WORK/out")"
is 0 "$(container enter "$path" -- id -u)"
check container rm -r h
check container rm a2
is '' "$(ranges)"
