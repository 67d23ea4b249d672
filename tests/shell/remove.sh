# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# rm, and its -f and -r.
#
#	/
#	├── web
#	│   ├── db      a task
#	│   └── cache   own cgroup
#	├── mail        a task
#	└── idle
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

fill()
{
	check container create web --own network
	check container create web/db --own pid,mount
	check container create web/cache --own cgroup,uts
	check container create mail
	check container create idle --own all
	task web/db
	db=$started
	task mail
	mail=$started
}

fill

it 'tasks'
fails_with 125 '^container: mail: it has tasks: .*busy \(.*\)' container rm mail
gone "$mail" && bad 'a task ended'
fails_with 125 'tasks.*busy' container rm web/db
lists idle mail web web/cache web/db

it 'nested containers'
fails_with 125 '^container: web: it has nested containers: Directory not empty \(.*with rm, -r does\)' container rm web
fails_with 125 'nested containers' container rm -f web
fails_with 125 'tasks.*busy' container rm -r web
lists idle mail web web/cache web/db
gone "$db" && bad 'a task ended'

it 'what was not removed is as it was'
for i in 1 2 3 4; do
	check container create web/cache$i --own cgroup
done
fails_with 125 'tasks.*busy' container rm -r web
for name in web/cache web/cache1 web/cache2 web/cache3 web/cache4; do
	is 0::/ "$(container enter $name -- sed -n '/^0:/p' /proc/self/cgroup)" "the own cgroup namespace of $name"
done
check container rm web/cache1 web/cache2 web/cache3 web/cache4
check container enter web -- true
check container enter web/db -- true

it 'the empty'
check container rm idle
lists mail web web/cache web/db
check container create idle
check container enter idle -- true
check container rm idle
check container create idle

it 'force'
check container rm -f mail
ends 137 "$mail"
lists idle web web/cache web/db
check container rm --force web/db
ends 137 "$db"
lists idle web web/cache
check container rm --recursive web
lists idle
check container rm idle
lists

it 'force and recursive'
fill
check container rm -f -r web
ends 137 "$db"
lists idle mail
check container rm -fr idle mail
ends 137 "$mail"
lists

it 'several, with partial failure'
fill
fails_with 125 '^container: mail: it has tasks' container rm idle none mail web/cache
is 2 "$(wc -l <"$WORK/.err")"
matches '^container: none: .*No such file' "$(cat "$WORK/.err")"
lists mail web web/db
check container rm -f -r web mail
lists

it 'missing'
fails_with 125 '^container: none: .*No such file' container rm none
fails_with 125 'No such file' container rm -r none
check container rm -f none
check container rm -f none/none
is '' "$(cat "$WORK/.err")"
fails_with 125 'which container' container rm
fails_with 125 'which container' container rm -f
fails_with 125 'unknown option' container rm -x none

it 'twice'
check container create a
fails_with 125 'No such file' container rm a a
lists

it 'tasks that do not want to die'
check container create hard --own pid
start "$WORK/out" container enter hard -- sh -c 'trap "" TERM INT HUP QUIT; sh -c "trap \"\" TERM; sleep 1000 & wait" & echo up; while :; do sleep 1; done'
check container rm -f hard
ends 137 "$started"
lists

it 'stopped tasks'
check container create stopped
task stopped
check container kill -s STOP stopped
check container rm -f stopped
ends 137 "$started"

it 'many tasks'
check container create many
start "$WORK/out" container enter many -- sh -c 'for i in $(seq 100); do sleep 1000 & done; echo up; wait'
is 101 "$(field many tasks)"
check container rm -f many
ends 137 "$started"

it 'tasks that made cgroups of their own'
check container create cg
dir=$(cgroup_of_hierarchy)/$(field cg id)
check container enter cg -- mkdir "$dir/sub" "$dir/sub/deeper"
check container rm cg
check_not test -e "$dir"
check container create cg
dir=$(cgroup_of_hierarchy)/$(field cg id)
start "$WORK/out" container enter cg -- sh -c "mkdir $dir/sub && echo \$\$ >$dir/sub/cgroup.procs && echo up && exec sleep 1000"
fails_with 125 'tasks.*busy' container rm cg
is /cg "$(container of "$(cat "$dir/sub/cgroup.procs")")"
check container rm -f cg
ends 137 "$started"
check_not test -e "$dir"

it 'the hierarchy itself'
check container create a
fails_with 125 '/: there are containers.*not empty' container rm /
fails_with 125 'not empty|Operation not permitted' container rm -f /
fails_with 125 'not empty|Operation not permitted' container rm -r -f /
lists a
check container rm a
lines=$(mounts)
cgroup=$(cgroup_of_hierarchy)
check container rm /
is $((lines - 1)) "$(mounts)" 'mountinfo'
check_not test -e "$cgroup"
check_not test -e "$CONTAINERFS_STATE"
fails_with 125 'No such file' container rm /
check container create a
lists a
check container rm a

it 'the hierarchy from a directory in it'
mkdir "$WORK/kept-state"
check container create a
(cd "$CONTAINERFS_STATE" && container rm a)
lists
