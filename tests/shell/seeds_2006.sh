# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2010,SC2012 # ls is what is tested
#
# The 2006 proposal of a container file system, command by command: names, links, renaming, killing,
# entering one namespace only. Its commands are typed as it gives them. Three things are written
# differently:
# - the mount point is a directory of the test, not /container or /containers, which no host has;
# - /proc/$$/container, which only a kernel could make, is /containers/self or, to enter, a file tasks;
# - "rm container_3" of a directory is refused by rm(1) itself: what it is for is "rm container_3/tasks".
#
#	/                        init_container
#	├── my_child_container   was container_3, until it got a name
#	├── vserver1             own network, uts, pid
#	└── vserver2             vserver1's network and nothing else
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

tree_by_hand containers

it 'What works, 2: mount -t containerfs none /container'
is '' "$(typed <<'EOT'
mount -t containerfs none /containers
EOT
)"
is "none $T fuse.containerfs" "$(awk -v t="$T" '$2 == t { print $1, $2, $3 }' /proc/mounts)"
check container create
check container create
check container create
check container create container_3/db

it 'What works, 1: ls -l shows the full hierarchical name of the container'
matches '/self -> init_container$' "$(typed <<'EOT'
ls -l /containers/self
EOT
)"
matches '/self -> container_3/db$' "$(container enter container_3/db -- ls -l "$T/self" 2>&1)"
matches '/self -> container_3/db$' "$(typed <<'EOT'
echo $$ > /containers/container_3/db/tasks
ls -l /containers/self
EOT
)" 'a shell that went there'

it 'What works, 2: a file tree that represents the full container hierarchy'
is "$(printf '%s\n' container_1 container_2 container_3 container_3/db)" "$(typed <<'EOT'
cd /containers
find container_* -type d
EOT
)"

it 'What works, 3: a listing of child containers'
is "$(printf '%s\n' container_1 container_2 container_3)" "$(typed <<'EOT' | grep '^container_'
cd /containers/self; ls
EOT
)"
is db "$(typed <<'EOT' | grep db
echo $$ > /containers/container_3/tasks
cd /containers/self; ls
EOT
)" 'of another container'

it 'The link does not appear dead'
check test -d "$T/self"
check test -d "$T/self/container_3/db"
is "$T" "$(cd -P "$T/self" && pwd -P)"

it 'What does not work there, 2: rename'
id=$(cat "$T/container_3/id")
task container_3/db
pid=$(cat "$T/container_3/db/tasks")
is '' "$(typed <<'EOT'
cd /containers/self
mv container_3 my_child_container
EOT
)"
is "$id" "$(cat "$T/my_child_container/id")" 'the same container'
is "$pid" "$(cat "$T/my_child_container/db/tasks")" 'its task does not notice'
is ../my_child_container/db "$(readlink "$T/by-pid/$pid")"
check_not test -e "$T/container_3"
lists container_1 container_2 my_child_container my_child_container/db

it 'What does not work there, 2: kill all processes of a container'
matches 'Is a directory' "$(typed <<'EOT'
cd /containers/self
rm my_child_container
EOT
)" 'rm(1) itself'
is "$pid" "$(cat "$T/my_child_container/db/tasks")" 'nothing was done'
is '' "$(typed <<'EOT'
cd /containers/self
rm my_child_container/tasks
EOT
)"
ends 137 "$started"
is '' "$(cat "$T/my_child_container/db/tasks")" 'in those below it, too'
lists container_1 container_2 my_child_container my_child_container/db

it 'all of it goes'
is '' "$(typed <<'EOT'
cd /containers/self
rm -r my_child_container container_1
rmdir container_2
EOT
)"
lists

it 'What does not work there, 3: entering a child container'
is '' "$(typed <<'EOT'
mkdir /containers/child_container
touch /containers/child_container/network
EOT
)"
matches '^child_container$' "$(typed <<'EOT'
echo $$ > /containers/self/child_container/tasks
readlink /containers/self
EOT
)"
check rm -r "$T/child_container"

it 'A file for each namespace type'
is '' "$(typed <<'EOT'
mkdir /containers/init_container/vserver1
touch /containers/init_container/vserver1/network
touch /containers/init_container/vserver1/uts
touch /containers/init_container/vserver1/pid
EOT
)"
is "$(printf '%s\n' network pid uts)" "$(typed <<'EOT'
cd /containers/init_container/vserver1/
ls -d network uts user pid mount ipc cgroup time 2> /dev/null
EOT
)" 'those it has, and no others'

# The namespaces of the shell that runs this.
cat >"$WORK/ns" <<'EOT'
for type in net uts pid user ipc mnt cgroup; do readlink /proc/self/ns/$type; done
EOT
host_ns=$(sh "$WORK/ns")
net=$(namespace_in vserver1 network)
is_not "$(namespace net)" "$net"

it 'Entering just the network namespace of vserver1, through vserver2'
for shell in sh bash; do
	is "$(printf '%s\n' "$net" "$host_ns" | sed 2d)" "$(typed $shell <<EOT
mkdir /containers/init_container/vserver2
ln -s /containers/init_container/vserver1/network \\
	/containers/init_container/vserver2/
echo \$\$ > /containers/init_container/vserver2/tasks
exec /bin/sh $WORK/ns
EOT
	)" "in $shell: all other namespaces are as they were"
	is network "$(ls "$T/vserver2" | grep -xE 'network|uts|user|pid|mount|ipc|cgroup|time')"
	check rm -r "$T/vserver2"
done

it 'it is vserver2 that was entered, and not vserver1'
matches '^vserver2$' "$(typed <<'EOT'
mkdir /containers/init_container/vserver2
ln -s /containers/init_container/vserver1/network \
	/containers/init_container/vserver2/
echo $$ > /containers/init_container/vserver2/tasks
readlink /containers/self
cat /containers/vserver1/tasks
EOT
)"
is '' "$(cat "$T/vserver1/tasks")"

it 'A container with no tasks exists'
is created "$(cat "$T/vserver1/state")"
is stopped "$(cat "$T/vserver2/state")"

it 'vserver1 goes: vserver2 keeps its network'
check rm -r "$T/vserver1"
is "$net" "$(typed <<'EOT'
echo $$ > /containers/vserver2/tasks
readlink /proc/self/ns/net
EOT
)"
check rm -r "$T/vserver2"

it 'umount /container'
is '' "$(typed <<'EOT'
umount /containers
EOT
)"
check_not is_mounted "$T"
