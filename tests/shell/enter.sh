# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# enter: all namespaces or some, downwards only.
#
#	/
#	├── a          own uts (hostname a), network
#	│   └── db     own uts (hostname db)
#	├── b          own uts (hostname b)
#	└── box        everything own
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create a --own network --hostname a
check container create a/db --hostname db
check container create b --hostname b
check container create box --own all --hostname box

it 'all'
for type in mount network ipc uts cgroup; do
	is_not "$(namespace "$(proc_name $type)")" \
		"$(container enter box -- readlink "/proc/self/ns/$(proc_name $type)")" $type
done
is box "$(container enter box -- hostname)"
is box "$(container enter /box hostname)"
is box "$(container exec box hostname)" exec
is 1 "$(container enter box -- sh -c 'echo $$')"
is /box "$(container of "$(task box; container ps box --json | jq '.[0].pid')")"
check container kill box

it 'only'
check container create n --own network,ipc,mount,cgroup --hostname n
for type in mount network ipc uts cgroup; do
	for other in mount network ipc uts cgroup; do
		want=$(namespace "$(proc_name $other)")
		got=$(container enter --only $type n -- readlink "/proc/self/ns/$(proc_name $other)")
		if [ $type = $other ]; then
			is_not "$want" "$got" $type
		else
			is "$want" "$got" "$other with --only $type"
		fi
	done
done
is n "$(container enter --only uts,network n -- hostname)"
is n "$(container enter --only uts --only network n -- hostname)"
is "$(namespace_in n network)" "$(container enter --only uts --only network n -- readlink /proc/self/ns/net)"
is "$(namespace uts)" "$(container enter --only pid n -- readlink /proc/self/ns/uts)" 'an inherited type'
fails_with 125 'unknown namespace type "net"' container enter --only net n -- true
fails_with 125 'unknown namespace type' container enter --only uts,x n -- true
start "$WORK/out" container enter --only uts n -- sh -c 'echo up; exec sleep 1000'
is /n "$(container of "$started" 2>/dev/null >"$WORK/x"; container of "$(container ps n --json | jq '.[0].pid')")" \
	'it is a task of the container'
check container rm -f n

it 'init, and others beside it'
start "$WORK/out" container enter box -- sh -c 'echo up; exec sleep 1000'
first=$started
check container enter box -- sh -c '[ $$ -gt 1 ]'
is sleep "$(container enter box -- cat /proc/1/comm)"
is 1 "$(container ps box --json | jq '.[0].inside')"
is "$(container ps box --json | jq '.[0].pid')" "$(init_of box)"
start "$WORK/out2" container enter box -- sh -c 'echo up; exec sleep 1000'
is 2 "$(field box tasks)"
check container kill -s KILL box
ends 137 "$first"
ends 137 "$started"
is stopped "$(field box state)"
is 1 "$(container enter box -- sh -c 'echo $$')" 'a new init'

it 'when init ends, all of its pid namespace end'
start "$WORK/out" container enter box -- sh -c 'echo up; exec sleep 1000'
first=$started
init=$(init_of box)
start "$WORK/out2" container enter box -- sh -c 'echo up; exec sleep 1000'
[ "$init" = 0 ] || kill -KILL "$init"
ends 137 "$first"
ends 137 "$started"
is 1 "$(container enter box -- sh -c 'echo $$')"

it 'inside, names count from there'
inside='container enter a --'
is /a "$($inside container of --self)"
is /a "$($inside container of -s)"
is 'db' "$($inside container ls -q)"
is '<current> db' "$($inside container ls -a -q | paste -s -d ' ')"
is db "$($inside container enter db -- hostname)"
is db "$($inside container enter /a/db -- hostname)"
is a "$($inside container enter . -- hostname)"
is a "$($inside container enter /a -- hostname)"
check container enter a -- container create sub --own uts
lists a a/db a/sub b box
check container enter a -- container rename sub sub2
check container enter a -- container rm sub2
exits 3 container enter a -- container run -n x -- sh -c 'exit 3'
is /container_1 "$(container create)" && check container rm container_1
is /a/container_1 "$(container enter a -- container create)"
check container rm a/container_1

# refused: from inside a, and from inside b where b differs.
it 'upwards and sideways: refused with EPERM'
for name in / /b /box; do
	fails_with 125 "^container: $name: .*Operation not permitted" container enter a -- container enter $name -- true
	fails_with 125 'Operation not permitted' container enter a -- container enter --only uts $name -- true
	fails_with 125 'Operation not permitted' container enter a -- container kill $name
	fails_with 125 'Operation not permitted' container enter a -- container freeze $name
	fails_with 125 'Operation not permitted' container enter a -- container thaw $name
	fails_with 125 'Operation not permitted' container enter a -- container wait $name
	fails_with 125 'Operation not permitted' container enter a -- container rm -f $name
	fails_with 125 'Operation not permitted' container enter a -- container set $name uts=own
	fails_with 125 'Operation not permitted' container enter a -- container set $name hostname=x
	fails_with 125 'Operation not permitted' container enter a -- container rename $name x
	fails_with 125 'Operation not permitted' container enter a -- container create ${name%/}/x
	fails_with 125 'Operation not permitted' container enter a -- container run -n ${name%/}/x -- true
	fails_with 125 'Operation not permitted' container enter a -- container show $name
	fails_with 125 'Operation not permitted' container enter a -- container ps $name
	fails_with 125 'Operation not permitted' container enter a -- container ls $name
done
fails_with 125 'Operation not permitted|such container' container enter a -- container set db network=/b
fails_with 125 'Operation not permitted' container enter a/db -- container enter /a -- true
fails_with 125 'Operation not permitted|No such file' container enter a/db -- container enter /a/db2 -- true
fails_with 125 'No such file|Operation not permitted' container enter a -- container enter b -- true
lists a a/db b box
is b "$(container enter b -- hostname)"

it 'no less from a container with an own cgroup namespace'
check container create c --own cgroup
for name in / /b; do
	fails_with 125 'Operation not permitted' container enter c -- container enter $name -- true
	fails_with 125 'Operation not permitted' container enter c -- container kill $name
	fails_with 125 'Operation not permitted' container enter c -- container rm -f $name
	fails_with 125 'Operation not permitted' container enter c -- container create ${name%/}/x
done
is /c "$(container enter c -- container of --self)"
check container enter c -- container create x
is /c/x "$(field c/x path)"
check container enter c -- container enter x -- true
check container rm -r c

it 'and with an own pid namespace'
check container create c --own pid,cgroup,uts,ipc
for name in / /b; do
	fails_with 125 'Operation not permitted' container enter c -- container enter $name -- true
	fails_with 125 'Operation not permitted' container enter c -- container create ${name%/}/x
done
is /c "$(container enter c -- container of --self)"
check container enter c -- container create x
# The /proc that it sees is the host's, of another pid namespace than its own.
for command in 'enter x -- true' 'run -- true'; do
	# shellcheck disable=SC2086
	container enter c -- container $command >"$WORK/out" 2>"$WORK/err" ||
		matches '^container: .*this /proc is of another pid namespace' "$(cat "$WORK/err")" "$command"
done
lists a a/db b box c c/x
check container rm -r c

it 'the caller itself may go into its own container'
check container enter / -- true
is "$(hostname)" "$(container enter / -- hostname)"
is / "$(container of --self)"

it 'a container that is gone, or was never there'
fails_with 125 '^container: none: .*No such file' container enter none -- true
fails_with 125 'No such file' container enter a/none -- true
fails_with 125 'No such file' container enter a/db/none/x -- true

it 'without a root'
check container create empty --own uts
check container enter empty -- true
check container rm empty

it 'many tasks'
for _ in 1 2 3 4 5 6 7 8; do
	container enter b -- sleep 1000 </dev/null >/dev/null 2>&1 &
done
wait_for sh -c '[ "$(container ls --json | jq ".[] | select(.name == \"b\") | .tasks")" = 8 ]'
is 8 "$(container ps b --json | jq length)"
check container rm -f b
check container rm -r a
check container rm box
