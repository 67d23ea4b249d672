#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A tour of container(1) and of the tree of containers, on real ones: each command, its output, and a check that it is what the
# text beside it claims. Takes seconds, in a hierarchy of its own, and leaves nothing behind.
#
#       /  (this machine)
#       |-- web          own uts, network, ipc, mount, pid; never a task
#       |-- a, b         a network, and who shares it
#       `-- db           a task; later "store"
#           `-- cache    nested
#               `-- hot
set -u

fail()
{
	echo "tour: FAILED: $*" >&2
	exit 1
}

take_down()
{
	trap '' HUP INT TERM
	cd /
	! mountpoint -q "$dir/containers" || umount "$dir/containers" || umount -l "$dir/containers"
	for i in $(container ls -q 2>/dev/null | grep -v /); do
		container rm -r -f "$i"
	done
	[ ! -e "$CONTAINERFS_STATE" ] || container rm /
	rm -rf "$dir"
}

say()
{
	echo
	printf '# %s\n' "$@"
}

# try COMMAND [STATUS]: show a command line and its output, and insist on its exit status.
try()
{
	printf '$ %s\n' "$1"
	eval "$1" >"$dir/output" 2>&1
	status=$?
	cat "$dir/output"
	[ $status = "${2:-0}" ] || fail "exit status $status, not ${2:-0}"
}

# What the last command printed: is exactly, has or lacks a line that matches.
is()
{
	[ "$(cat "$dir/output")" = "$1" ] || fail "not \"$1\""
}

has()
{
	grep -qE "$1" "$dir/output" || fail "no line like \"$1\""
}

lacks()
{
	! grep -qE "$1" "$dir/output" || fail "a line like \"$1\""
}

# until_tasks NAME: what was started in the background is there.
until_tasks()
{
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ "$(container ps "$1" 2>/dev/null | wc -l)" -lt 2 ] || return 0
		sleep 0.1
	done
	fail "no task in $1"
}

ticks()
{
	wc -c <"$dir/ticks"
}

command -v container >/dev/null || fail 'no container(1) along PATH: make run'
[ "$(id -u)" = 0 ] || fail 'must be run as root'
dir=$(mktemp -d /run/containerfs-tour.XXXXXX 2>/dev/null || mktemp -d) || exit 1
export CONTAINERFS_STATE="$dir/state"
trap take_down EXIT
trap 'exit 1' HUP INT TERM
host=$(hostname)
network=$(readlink /proc/self/ns/net)

say 'A container is an object: it has a name, and needs no process to exist.'
try 'container create web --own uts,network,ipc,mount,pid'
try 'container ls'
has '^web +created +0 '
try 'container ls --json | jq -c ".[] | {name, state, tasks, own}"' "$(command -v jq >/dev/null && echo 0 || echo 127)"

say 'Its namespaces are pinned out of sight: the mount table has one line more, for all containers.'
try "grep -c $dir /proc/self/mountinfo"
is 1

say 'Its hostname is its own. One enters all of its namespaces, or only some.'
try 'container set web hostname=serge'
try 'container enter --only uts web hostname'
is serge
try 'container enter --only uts web readlink /proc/self/ns/net'
is "$network"
try 'container enter --only uts,network web readlink /proc/self/ns/net'
lacks "$network"
try 'hostname'
is "$host"

say 'A namespace can be shared, and lives as long as somebody has it: b keeps the network of a.'
try 'container create a --own network'
try 'container create b --share network=a'
try 'container enter a readlink /proc/self/ns/net'
shared=$(cat "$dir/output")
try 'container rm a'
try 'container enter b readlink /proc/self/ns/net'
is "$shared"
try 'container ls'
lacks '^a '
has '^b .* network$'

say 'To run something is to make a container, with a private copy-on-write view of all files, and to' \
	'remove it afterwards. What is done inside is gone, and nothing outside has changed.'
try 'container run -- sh -c "touch /etc/made-inside; ls /etc/made-inside; hostname inside; hostname; echo \$\$"'
is "/etc/made-inside
inside
1"
try 'ls /etc/made-inside' 2
try 'hostname'
is "$host"
try 'container run sh -c "exit 7"' 7

say 'A task: here are its pids, outside and inside.'
try 'container create db --own pid,mount'
try "container enter db sh -c 'while sleep 0.02; do printf .; done' >$dir/ticks &"
until_tasks db
try 'container ps db'
has '^ *[0-9]+ +1 .* sh -c'

say 'Its name may change while it runs, and it can be frozen: no task goes on until the thaw.'
try 'container rename db store'
try 'container freeze store'
before=$(ticks)
try 'container ls'
has '^store +frozen +[1-9]'
sleep 0.2
[ "$before" = "$(ticks)" ] || fail 'a frozen task went on'
try 'container thaw store'
sleep 0.2
[ "$before" -lt "$(ticks)" ] || fail 'the task did not go on'
try 'container ls -o NAME,STATE'
has '^store +running'

say 'None is removed by accident.'
try 'container rm store' 125
has 'task'

say 'Containers nest.'
try 'container create store/cache --own uts --hostname cache'
try 'container create store/cache/hot'
try 'container ls --tree'
has '^[ |]+.-cache +created'
has '^[ |]+.-hot +created'
say 'What a container does not own it inherits from the one it is in: the hostname, for example.'
try 'container enter --only uts store/cache/hot hostname'
is cache

say 'And go, when they are told to.'
try 'container kill store'
try 'container wait --timeout 5 store'
try 'container rm store' 125
has 'nested'
try 'container rm -r store web b'
try 'container ls'
is ''

# Where FUSE is missing there is no tree; all else works.
if [ -e /dev/fuse ] || modprobe -q fuse; then
	say 'The same containers are a file system: any Unix tool is a container tool.'
	cd "$dir" || exit 1
	mkdir containers
	try 'mount.containerfs none containers     # installed: mount -t containerfs none /containers'
	cd containers || fail 'nothing is mounted'
	try 'mkdir -p vserver1/mail vserver2'
	try 'ls'
	has '^vserver1$'
	try 'container ls'
	has '^vserver1/mail +created'
	try 'readlink self'
	is init_container

	say 'What it owns is what is there: touch gives it an own namespace, ln shares one, rm ends that.'
	try 'touch vserver1/uts vserver1/network'
	try 'ln vserver1/network vserver2/'
	try 'stat -L -c %i vserver1/network vserver2/network | uniq | wc -l'
	is 1
	try 'echo serge >vserver1/hostname'
	try 'nsenter --uts=vserver1/uts hostname'
	is serge

	say 'The running shell itself goes in: its hostname before and after.'
	try 'sh -c "hostname; echo \$\$ >vserver1/tasks; hostname; readlink self"'
	is "$host
serge
vserver1"
	say 'There is no way up, or sideways.'
	try 'sh -c "echo \$\$ >vserver1/tasks; echo \$\$ >vserver2/tasks"' 2
	has 'not permitted'

	say 'A task, its state, a new name while it runs, and the end of it all.'
	try 'sleep 1000 & echo $! >vserver1/tasks'
	try 'cat vserver1/state'
	is running
	try 'mv vserver1 www'
	try 'echo 1 >www/freeze; cat www/state'
	is frozen
	try 'grep -E "name|tasks|own" www/status'
	has '^tasks: 1$'
	try 'echo 0 >www/freeze; rm www/tasks; cat www/state'
	is stopped
	try 'rm -r www vserver2'
	try 'container ls'
	is ''
	cd "$dir" || exit 1
	try 'umount containers && rmdir containers'
fi

say 'Nothing is left: no mount, no cgroup, no file.'
cgroup=$(readlink "$CONTAINERFS_STATE/cgroup")
try "ls -d $cgroup"
try 'container rm /'
try "ls -d $cgroup" 2
try "grep -c $dir /proc/self/mountinfo" 1
is 0
try "ls $CONTAINERFS_STATE" 2
wait
