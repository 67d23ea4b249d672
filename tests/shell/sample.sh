# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# A container is made, filled with namespaces, given a root, and only then gets its first task; and it
# lives on without any (container-objects-2017, and the 2006 proposal).
#
#	/
#	└── box
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

make_root "$WORK/root" mount

it 'piece by piece'
check container create box
is created "$(field box state)"
for setting in network=own uts=own ipc=own pid=own cgroup=own hostname=box root="$WORK/root"; do
	check container set box "$setting"
	is 0 "$(field box tasks)" "tasks after $setting"
	is created "$(field box state)"
done
is mount,pid,network,ipc,uts,cgroup "$(field box own)"
is '' "$(find "$(cgroup_of_hierarchy)" -name cgroup.procs -exec cat {} +)" 'processes'

it 'the first task is init'
start "$WORK/out" container enter box -- sh -c 'echo up; echo $$; hostname; exec cat /dev/zero >/dev/null'
wait_for grep -q box "$WORK/out"
is 'up 1 box' "$(paste -s -d ' ' "$WORK/out")"
is running "$(field box state)"
is "$(init_of box)" "$(container ps box --json | jq '.[0].pid')"

it 'others join'
is 'box' "$(container enter box -- hostname)"
check container enter box -- sh -c '[ $$ -gt 1 ]'

it 'it dies, and the container does not'
network=$(namespace_in box network)
kill -KILL "$(init_of box)"
ends 137 "$started"
is stopped "$(field box state)"
is "$network" "$(namespace_in box network)"
is box "$(container enter --only uts box -- hostname)"
is 1 "$(container enter box -- sh -c 'echo $$')"

it 'no process is there for an idle container'
before=$(printf '%s\n' /proc/[0-9]* | wc -l)
for i in $(seq 20); do
	check container create "idle$i" --own uts,ipc,network
done
is '' "$(find "$(cgroup_of_hierarchy)" -name cgroup.procs -exec cat {} +)" 'processes in cgroups'
after=$(printf '%s\n' /proc/[0-9]* | wc -l)
[ "$after" -lt $((before + 15)) ] || bad "$((after - before)) processes more"
for i in $(seq 20); do
	check container rm "idle$i"
done

it 'mounts in its root stay with it'
check container enter box -- mount -t tmpfs none /tmp
check container enter box -- sh -c 'echo x >/tmp/x'
is x "$(container enter box -- cat /tmp/x)"
check_not test -e "$WORK/root/tmp/x"
check container rm box
