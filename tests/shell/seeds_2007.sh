# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2010,SC2012 # ls is what is tested
#
# The 2007 proposal of namespace entering, command by command: a shell that moves itself, one namespace
# taken from another container, who may enter what, mounts of a container seen from outside, and how
# containers with and without init are shut down. Its commands are typed as it gives them; the mount
# point is a directory of the test, not /container_ns, and the file system is of type containerfs.
#
#	/
#	├── node1            own uts, in which somebody is
#	├── vserver1         own network, mount, pid, with tasks
#	│   └── inner
#	├── vserver2
#	├── new_container    vserver1's network
#	├── light            tasks, no init
#	└── guest            own pid, with an init
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

tree_by_hand container_ns
host=$(hostname)

# screen: a shell that does what stdin says, and then waits. Sets $pid.
screen()
{
	{
		cat
		echo 'echo $$'
		echo 'echo up'
		echo 'exec sleep 1000'
	} | sed "s|/container_ns\\>|$T|g" >"$WORK/.screen"
	start "$WORK/screen.out" sh "$WORK/.screen"
	pid=$(grep -x '[0-9]*' "$WORK/screen.out")
}

it 'mount'
is '' "$(typed <<'EOT'
mount -t containerfs none /container_ns
EOT
)"

it 'Usage: two screens, the hostname before and after'
# Screen one. Its namespace is unshared by the kernel's call there; here it is touch that makes it.
screen <<'EOT'
mkdir /container_ns/node1
touch /container_ns/node1/uts
echo $$ > /container_ns/node1/tasks
hostname serge
EOT
is "$pid" "$(cat "$T/node1/tasks")"
# Screen two.
for shell in sh bash; do
	is "$(printf '%s\nserge' "$host")" "$(typed $shell <<'EOT'
hostname
echo $$ > /container_ns/node1/tasks
hostname
EOT
	)" "in $shell"
done
is "$host" "$(hostname)" "the host's own hostname"
check rm -r "$T/node1"
ends 137 "$started"

it 'the same, with a namespace that screen one has unshared itself'
start "$WORK/screen.out" unshare --uts sh -c 'hostname serge; echo up; exec sleep 1000'
mkdir "$T/node1"
check ln -s "/proc/$started/ns/uts" "$T/node1/uts"
is "$(printf '%s\nserge' "$host")" "$(typed <<'EOT'
hostname
echo $$ > /container_ns/node1/tasks
hostname
EOT
)"
kill "$started"
ends 143 "$started"
check rmdir "$T/node1"

it 'ln: one namespace of another container, all others are the defaults'
typed >"$WORK/out" <<'EOT'
mkdir /container_ns/vserver1
touch /container_ns/vserver1/network
touch /container_ns/vserver1/uts
EOT
is '' "$(cat "$WORK/out")"
net=$(namespace_in vserver1 network)
is_not "$(namespace net)" "$net"
is "$(printf '%s\n' "$net" "$(namespace uts)" "$(namespace mnt)" "$(namespace pid)" "$host")" \
	"$(typed <<'EOT'
mkdir /container_ns/new_container
ln /container_ns/vserver1/network /container_ns/new_container/network
echo $$ > /container_ns/new_container/tasks
readlink /proc/self/ns/net
readlink /proc/self/ns/uts
readlink /proc/self/ns/mnt
readlink /proc/self/ns/pid
hostname
EOT
)"
check rm -r "$T/new_container" "$T/vserver1"

it 'Security: into what is below, never sideways, never up'
typed >"$WORK/out" <<'EOT'
mkdir /container_ns/vserver1
mkdir /container_ns/vserver1/inner
mkdir /container_ns/vserver2
EOT
is '' "$(cat "$WORK/out")"
out=$(typed <<'EOT'
echo $$ > /container_ns/vserver1/tasks
readlink /container_ns/self
echo $$ > /container_ns/vserver2/tasks
readlink /container_ns/self
echo $$ > /container_ns/tasks
readlink /container_ns/self
echo $$ > /container_ns/vserver1/inner/tasks
readlink /container_ns/self
echo $$ > /container_ns/vserver1/tasks
readlink /container_ns/self
EOT
)
is "$(printf '%s\n' vserver1 vserver1 vserver1 vserver1/inner vserver1/inner)" \
	"$(echo "$out" | grep -x '[^ ]*')" 'where it is after each'
is 3 "$(echo "$out" | grep -c '/tasks: Operation not permitted$')" 'refused'
check rm -r "$T/vserver1" "$T/vserver2"

it 'Security: CAP_SYS_ADMIN is needed for namespaces'
check mkdir "$T/vserver1"
check touch "$T/vserver1/uts"
matches 'Permission denied|Operation not permitted' \
	"$(setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "echo \$\$ > $T/vserver1/tasks" 2>&1)"
matches 'Operation not permitted' \
	"$(setpriv --bounding-set -sys_admin --inh-caps -sys_admin bash -c "echo \$\$ > $T/vserver1/tasks" 2>&1)"
is '' "$(cat "$T/vserver1/tasks")"
check rmdir "$T/vserver1"

it 'Mounts: the host sees those of a container, made later too, and is in nobody'"'s way"
typed >"$WORK/out" <<'EOT'
mkdir /container_ns/vserver1
touch /container_ns/vserver1/mount
EOT
is '' "$(cat "$WORK/out")"
task vserver1
check container enter vserver1 -- sh -c 'mount -t tmpfs guest /mnt; echo in-vserver1 >/mnt/file'
is in-vserver1 "$(cat "$T/vserver1/root/mnt/file")"
check_not grep -q ' /mnt tmpfs ' /proc/mounts
# Somebody of the host goes "camping" there, as the answer calls it, by the link: gone, and it is free again.
check sh -c "cd $T/vserver1/root/mnt && ls file"
check container enter vserver1 -- umount /mnt
check_not test -e "$T/vserver1/root/mnt/file"

it 'Pids: each task has a number on the host, and rm -rf is for all of them'
check rm -rf "$T/vserver1"
ends 137 "$started"
typed >"$WORK/out" <<'EOT'
mkdir /container_ns/vserver1
touch /container_ns/vserver1/pid
EOT
is '' "$(cat "$WORK/out")"
start "$WORK/out" container enter vserver1 -- \
	sh -c 'sleep 1000 & sleep 1000 & echo $$; echo up; wait'
is 1 "$(grep -x '[0-9]*' "$WORK/out")" 'init, as it sees itself'
is 3 "$(grep -c . "$T/vserver1/tasks")" 'tasks'
pids=$(cat "$T/vserver1/tasks")
for i in $pids; do
	is ../vserver1 "$(readlink "$T/by-pid/$i")"
done
is '' "$(typed <<'EOT'
rm -rf /container_ns/vserver1
EOT
)"
ends 137 "$started"
for i in $pids; do
	check gone "$i"
done
check_not test -e "$T/vserver1"
lists

it 'Shutdown without init: scripts, then signals to all processes, then it is disposed of'
check mkdir "$T/light"
start "$WORK/out" container enter light -- sh -c 'sleep 1000 & sleep 1000 & echo up; wait'
is 3 "$(grep -c . "$T/light/tasks")" 'tasks'
is 'bye' "$(typed <<'EOT'
cd /container_ns/light
(echo 0 > tasks; echo bye)
echo TERM > kill
EOT
)" 'a shutdown script, and the signal'
ends 143 "$started"
wait_for grep -qx stopped "$T/light/state"
is '' "$(cat "$T/light/tasks")"
check rmdir "$T/light"

it 'Shutdown with init: a signal to init, which ends the others and itself; then it is disposed of'
check mkdir "$T/guest"
check touch "$T/guest/pid"
cat >"$WORK/init" <<'EOT'
trap 'kill $!; wait; echo halted >"$1"; exit 3' TERM
sleep 1000 &
echo up
wait
EOT
start "$WORK/out" container enter guest -- sh "$WORK/init" "$WORK/halted"
check test -n "$(cat "$T/guest/init")"
says 'Device or resource busy' rmdir "$T/guest"
is '' "$(typed <<'EOT'
kill -TERM $(cat /container_ns/guest/init)
EOT
)"
ends 3 "$started"
is halted "$(cat "$WORK/halted")"
wait_for grep -qx stopped "$T/guest/state"
check rmdir "$T/guest"

it 'Shutdown of init by force: whoever is left goes with it'
check mkdir "$T/guest"
check touch "$T/guest/pid"
start "$WORK/out" container enter guest -- sh -c 'setsid sleep 1000 & echo up; wait'
is '' "$(typed <<'EOT'
kill -KILL $(cat /container_ns/guest/init)
EOT
)"
ends 137 "$started"
wait_for grep -qx stopped "$T/guest/state"
is '' "$(cat "$T/guest/tasks" "$T/guest/init" | tr -d '\n')"
check rmdir "$T/guest"
lists
