# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Making, renaming and removing containers with mkdir, mv, rmdir and rm: what works, and what is refused.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

mount_tree
cd "$T" || exit

# made NAME: it is there, empty, and inherits everything.
made()
{
	check test -d "$1"
	is created "$(cat "$1/state")" "state of $1"
	is '' "$(cat "$1/tasks")" "tasks of $1"
	is '' "$(ls "$1" | grep -xE 'network|uts|user|pid|mount|ipc|cgroup|time|root')" "namespaces of $1"
}

it 'the first container makes the hierarchy'
check_not test -e "$CONTAINERFS_STATE"
check mkdir web
made web
check test -d "$CONTAINERFS_STATE/tree/web"
lists web

it 'mkdir'
check mkdir -p a/b/c
made a
made a/b
made a/b/c
lists web a a/b a/b/c
check mkdir -p a/b/c
check mkdir a/x a/y a/b/x
check mkdir init_container/z
made z
check mkdir a/../a/./w
made a/w
lists web a a/b a/b/c a/x a/y a/w a/b/x z
says 'File exists' mkdir web
says 'File exists' mkdir a/b/c
says 'No such file' mkdir nothing/x
says 'File exists' mkdir a/tasks
says 'Not a directory' mkdir a/tasks/x
says 'not permitted' mkdir by-pid/x
says 'File exists' mkdir self
says 'File exists' mkdir web/.
check mkdir -m 700 private
is 700 "$(stat -c %a private)"
is 750 "$(umask 027; mkdir masked; stat -c %a masked)"
check rmdir private masked

it 'names'
for name in a.b A_b-c 0 x1 .hidden ünïcödé "$(printf '%0255d' 0)" container_7 -dash limbo tree held @; do
	before=$(ls -A a | wc -l)
	if mkdir -- "a/$name" 2>/dev/null; then
		check test -d "a/$name"
		container ls -q 2>&1 | grep -qxF "a/$name" || bad "the command does not list a/$name"
		check rmdir -- "a/$name"
	fi
	is "$before" "$(ls -A a | wc -l)" "entries after $name"
done
for name in @spec 'a b' 'x
y' 'tab	' network uts user pid mount ipc cgroup time init_container self by-pid root; do
	says 'Invalid argument' mkdir "web/$name"
	check_not test -e "web/$name"
done
says 'too long' mkdir "web/$(printf '%0256d' 0)"

it 'the same names as the command allows'
for name in a.b -x .x x@y '<x>' "it's" x:y x=y 'x*' 'x,y' '%x' '#' '~'; do
	tree_says=no command_says=no
	! mkdir -- "web/$name" 2>/dev/null || tree_says=yes
	[ $tree_says = no ] || rmdir -- "web/$name"
	! container create -- "web/$name" >/dev/null 2>&1 || command_says=yes
	[ $command_says = no ] || container rm -- "web/$name"
	is "$command_says" "$tree_says" "$name"
done

it 'mv renames'
id=$(cat web/id)
check mv web www
check_not test -e web
is "$id" "$(cat www/id)"
check mv a/b a/renamed
check test -d a/renamed/c
lists www a a/renamed a/renamed/c a/x a/y a/w a/renamed/x z
check mv -T www web
check mv web ./web1
check mv web1/ web
check mv init_container/web init_container/www # both are the root
check mv www web

it 'mv: an open directory and file, and a task, do not notice'
task web
(cd web && mv "$T/web" "$T/moved" && cat state && pwd -P) >"$WORK/out"
is "running $T/moved" "$(paste -s -d ' ' "$WORK/out")"
check mv moved web
exec 3<web/state
check mv web moved
is running "$(cat <&3)"
exec 3<&-
is "$(cat moved/tasks)" "$(container ps moved --json | jq '.[].pid')"
check mv moved web
check rm web/tasks
ends 137 "$started"

it 'mv: what is refused changes nothing'
before=$(container ls -q)
says 'not permitted' mv web a/ # becomes web/../a/web
says 'not permitted' mv a/x web/x
says 'not permitted' mv a/x .
says 'not permitted' mv -T web a/renamed/n
says 'not permitted' mv web by-pid/x
says 'not permitted' mv web/tasks web/jobs
says 'not permitted' mv web/state a/
says 'not permitted' mv self web2
says 'cannot overwrite' mv -T web tasks
says 'cannot overwrite' mv -T web a/tasks
says 'not permitted' mv by-pid x
says 'exists|not empty' mv -T a/x a/y
says 'exists|not empty' mv -T web a
says 'No such file' mv nothing x
says 'Invalid argument|not permitted' mv -T web network
says 'itself' mv -T web 'a b' # mv(1) takes EINVAL for that
says 'itself|not permitted' mv a a/x
touch "$WORK/file"
says 'not permitted' mv "$WORK/file" .
check test -e "$WORK/file"
# To another file system: mv(1) copies, but does not get all, and so removes nothing.
check_not mv -T web "$WORK/web"
check test -d web
is "$before" "$(container ls -q)"

it 'rmdir'
says 'not empty' rmdir a
says 'not empty' rmdir a/renamed
check rmdir a/renamed/c a/renamed/x a/renamed
says 'No such file' rmdir a/renamed
says 'Not a directory' rmdir a/tasks
says 'not permitted|busy' rmdir by-pid
says 'Invalid argument' rmdir web/.
says 'busy' rmdir "$T"
task web
says 'resource busy' rmdir web
is running "$(cat web/state)"
check rm web/tasks
is stopped "$(cat web/state)" 'at once: rm waits for the last one to end'
check rmdir web
ends 137 "$started"
check rmdir a/y a/w
check rmdir -p a/x
lists z

it 'rmdir refuses while there are tasks in what is below, and that is: children'
check mkdir -p a/b
task a/b
says 'not empty' rmdir a
says 'resource busy' rmdir a/b
check rm a/tasks # of those below, too
ends 137 "$started"
check rmdir a/b a

it 'rm without -r'
says 'Is a directory' rm z
check test -d z
for i in init state id status hostname freeze kill uid_map gid_map cgroup.d; do
	value=$(cat z/$i 2>&1)
	check rm -f z/$i
	check test -e z/$i # nothing is lost by it
	is "$value" "$(cat z/$i 2>&1)" $i
done
says 'No such file' rm z/network
says 'No such file' rm z/nothing
says 'not permitted' rm -f tasks
says 'not permitted' rm -f state
says 'not permitted' rm -f self
says 'not permitted' rm -f init_container
is running "$(cat state)"

it 'rm -r kills, takes apart, removes, children first'
check mkdir -p a/b/c a/d
check touch a/network a/b/uts a/b/c/pid a/mount
for i in a a/b a/b/c a/d; do
	task $i
	echo "$started" >>"$WORK/tasks"
done
cat a/tasks a/b/tasks a/b/c/tasks a/d/tasks >"$WORK/pids"
[ "$(grep -c . "$WORK/pids")" -ge 4 ] || bad 'not all have a task'
check rm -r a
check_not test -e a
while read -r pid; do
	check gone "$pid"
done <"$WORK/pids"
while read -r pid; do
	ends 137 "$pid"
done <"$WORK/tasks"
lists z

it 'rm -rf of what is not there, and of what forks all the time'
check rm -rf nothing
check mkdir forks
start "$WORK/out" container enter forks -- sh -c 'echo up; while :; do (sleep 0.01) & sleep 0.005; done'
check rm -r forks
ends 137 "$started"
check_not test -e forks

it 'rm -r of a frozen container'
check mkdir ice
task ice
check put 1 ice/freeze
is frozen "$(cat ice/state)"
check rm -r ice
ends 137 "$started"

it 'rm -r of the whole tree leaves the hierarchy, which the command takes down'
check mkdir -p a/b
rm -rf "${T:?}"/* 2>/dev/null
lists
is running "$(cat state)"
check mkdir again
check rmdir again
check container rm /
# shellcheck disable=SC2086
is 'by-pid init_container self' "$(ls -A | paste -s -d ' ')"

it 'and it comes again'
check mkdir new
made new
check rmdir new
