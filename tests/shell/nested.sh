# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Containers in containers.
#
#	/
#	├── web           own uts (hostname web), network
#	│   ├── db        inherits all
#	│   │   └── log   own ipc
#	│   └── cache     own uts (hostname cache)
#	├── mail
#	└── p             own pid
#	    └── c
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create --own network --hostname web web
check container create web/db
check container create --own ipc web/db/log
check container create --hostname cache /web/cache
check container create mail

it 'listing'
lists web web/db web/db/log web/cache mail
is "cache db db/log" "$(container ls -q web | sort | paste -s -d ' ')"
is '' "$(container ls -q mail)"

it 'what is inherited is the parent container'\''s'
is web "$(container enter web/db/log -- hostname)"
is cache "$(container enter web/cache -- hostname)"
is "$(namespace_in web network)" "$(namespace_in web/cache network)"
is "$(namespace_in web network)" "$(namespace_in web/db/log network)"
is "$(namespace uts)" "$(namespace_in mail uts)"

it 'a hostname changed above is seen below'
check container set web hostname=web2
is web2 "$(container enter web/db -- hostname)"
is cache "$(container enter web/cache -- hostname)"

it 'tasks and states'
task web
task web/db
is 1 "$(field web tasks)" 'without those of nested ones'
is 1 "$(field web/db tasks)"
is running "$(field web state)"
is /web/db "$(container of "$(container ps --json web/db | jq '.[0].pid')")"

it 'removal'
fails_with 125 'nested.*not empty' container rm web
fails_with 125 'nested.*not empty' container rm -f web
fails_with 125 'tasks.*busy' container rm -r web
lists web web/db web/db/log web/cache mail
check container rm -f -r web
lists mail
check container rm mail

it 'a pid namespace is inherited from the tasks above'
check container create p --own pid
check container create p/c
fails_with 125 'above has no task.*start a task there first' container enter p/c -- true
task p
pid_ns=$(readlink "/proc/$(init_of p)/ns/pid")
is_not "$(namespace pid)" "$pid_ns"
is_not 1 "$(container enter p/c -- sh -c 'echo $$')" 'a pid'
is "$pid_ns" "$(container enter p/c -- readlink /proc/self/ns/pid)"
check container rm -f -r p

it 'deep'
path=c0
check container create c0
for i in $(seq 1 40); do
	path=$path/c$i
	check container create "$path" || break
done
is 41 "$(container ls -q | wc -l)"
is 41 "$(container ls --tree -o NAME | grep -c 'c[0-9]')"
is "/$path" "$(container enter "$path" -- cat /proc/self/cgroup >"$WORK/cgroup" && field "$path" path)"
is 41 "$(sed -n 's/^0:://p' "$WORK/cgroup" | grep -Eo '/[0-9a-f]{16}' | wc -l)" 'cgroups below one another'
check container create --own uts "$path/last"
check container enter "$path/last" -- true
check container rm -r c0
lists

it 'too deep'
path=d
check container create d
for i in $(seq 1 2000); do
	container create "$path/d" 2>"$WORK/err" || break
	path=$path/d
done
matches 'too deep|too long' "$(cat "$WORK/err")" "after $i levels"
check container ls
check container rm -r d
lists
check container rm -f -r d

# What a service manager does; only with a name like a container's would it be taken for one.
it 'cgroups that tasks make'
check container create a --own mount,pid,cgroup
check container create a/b
start "$WORK/maker" container enter a -- sh -c 'mkdir /c && mount -t cgroup2 none /c && mkdir -p /c/.x/y &&
	echo 0 >/c/.x/cgroup.procs && sh -c "echo 0 >/c/.x/y/cgroup.procs; exec sleep 1000" & sleep 0.2; echo up; exec sleep 1000'
maker=$started
task a/b
wait_for sh -c '[ "$(container ps a | grep -c sleep)" = 2 ]'
is 1 "$(container ps a/b | grep -c sleep)"
is 2 "$(field a tasks)"
check container kill -s KILL a
ends 137 $maker
ends 137 $started
# Each level costs those who walk them fds.
start "$WORK/maker" container enter a -- sh -c 'cd /c 2>/dev/null || { mkdir -p /c; mount -t cgroup2 none /c; cd /c; }
	i=0; while mkdir d 2>/dev/null && cd d; do i=$((i + 1)); done; echo "deep $i"; echo 0 >cgroup.procs; echo up; exec sleep 1000'
check [ "$(sed -n 's/^deep //p' "$WORK/maker")" -lt 130 ]
is 1 "$(field a tasks)"
check container kill a
ends 137 "$started"
check container rm -r a
