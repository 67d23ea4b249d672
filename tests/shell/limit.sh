# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# limit: what is refused and why, what is in force and when, below nested containers too. With which
# controllers depends on the machine: where some are on cgroup v1 it is told, and the others do.
#
#	/
#	├── web         has a task when db gets its limit, and others later
#	│   ├── db      limited
#	│   │   └── c   limited
#	│   └── free    never limited
#	└── top         limited
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web
check container create web/db
check container create web/db/c --own pid
check container create web/free
check container create top
root=$(dirname "$(cgroup_of_hierarchy)")

# cgroup_of NAME: its cgroup directory, "" if there is none now.
cgroup_of()
{
	find "$(cgroup_of_hierarchy)" -type d -name "$(field "$1" id)"
}

has_controller()
{
	grep -qw "$1" "$root/cgroup.controllers"
}

# value NAME FILE: what is in force.
value()
{
	cat "$(cgroup_of "$1")/$2"
}

# where CMD...: the cgroup, below the hierarchy's, that CMD runs in.
where()
{
	"$@" sed -n 's/^0:://p' /proc/self/cgroup
}

it 'taken down, what was switched on for it is switched off'
before=$(cat "$root/cgroup.subtree_control")
for setting in hugetlb.2MB.max=4M cpuset.cpus=0 pids.max=100; do
	controller=${setting%%.*}
	has_controller "$controller" || continue
	! echo "$before" | grep -qw "$controller" || continue
	(
		CONTAINERFS_STATE=$WORK/other
		check container create web
		! container set web "$setting" 2>/dev/null ||
			matches "$controller" "$(cat "$root/cgroup.subtree_control")"
		check container rm web
		check container rm /
		is "$before" "$(cat "$root/cgroup.subtree_control")"
		exit $failures
	) || failures=1
done

it 'what is not a limit'
fails_with 125 'web: .*cgroup\.NAME.*: cgroup.procs: Invalid argument' container set web cgroup.procs=1
fails_with 125 'web: .*: cgroup\.subtree_control: Invalid argument' container set web cgroup.subtree_control=+pids
fails_with 125 'web: .*: memory\.pressure: Invalid argument' container set web memory.pressure=x
for name in ../x.max a/b.max . .max max. 'a b.max' memory..; do
	fails_with 125 "web: .*(limit|unknown key).*" container set web "$name=1"
done
fails_with 125 'not KEY=VALUE: memory.max=' container set web memory.max=
fails_with 125 'one line: memory.max: Invalid' container set web 'memory.max=1
2'
fails_with 125 'too large: memory.max: ' container set web memory.max=16E
fails_with 125 'no such.* foo controller|no foo controller' container set web foo.max=1
fails_with 125 'not CONTROLLER.NAME=VALUE' container create --limit root=view x
fails_with 125 'not CONTROLLER.NAME=VALUE' container create --limit cgroup.d=/ x
fails_with 125 'not CONTROLLER.NAME=VALUE' container create --limit memory.max x
lists web web/db web/db/c web/free top
is null "$(field web limits)"

it 'a controller that this machine has not: which one, and how to get it'
for setting in memory.max=100M pids.max=10 cpu.max=50000 io.weight=50; do
	controller=${setting%%.*}
	! has_controller "$controller" || continue
	fails_with 125 "web: (the $controller controller is (on cgroup v1|switched off|not delegated to it)|this kernel has no $controller controller): ${setting%%=*}: .*upp" \
		container set web "$setting"
	grep -Eq '\((boot with cgroup_|in its unit: ).*\)$|this kernel has no' "$WORK/.err" || bad 'what to do is not told last'
	fails_with 125 "the $controller controller|no $controller controller" container set web/db "$setting"
	fails_with 125 "$controller controller" container create --limit "$setting" refused
	fails_with 125 "$controller controller" container run --limit "$setting" -- echo ran
	is '' "$(cat "$WORK/.out")"
done
lists web web/db web/db/c web/free top
is null "$(field web limits)"
check container enter web -- true
case $(where container enter web --) in
*/tasks) bad 'its tasks are in a leaf for nothing' ;;
esac

# One that is there, with a size and what the kernel makes of it.
if has_controller hugetlb; then
	file=$(cd /sys/kernel/mm/hugepages && set -- * && echo "$1" | awk '{
		sub(/^hugepages-/, ""); sub(/kB$/, "")
		print "hugetlb." ($0 >= 1048576 ? $0 / 1048576 "GB" : $0 >= 1024 ? $0 / 1024 "MB" : $0 "KB") ".max" }')
	set_to=2G is_then=2147483648 other=4G other_then=4294967296
elif has_controller memory; then
	file=memory.max set_to=512M is_then=536870912 other=1GiB other_then=1073741824
elif has_controller pids; then
	file=pids.max set_to=1K is_then=1024 other=2000 other_then=2000
else
	part_skipped 'no controller of memory, pids or hugetlb in cgroup v2'
	exit
fi
max=$(container set top "$file=$set_to" && container set top "$file=max" && value top "$file")

it 'of a container without tasks'
check container set top "$file=$set_to"
is "$file=$is_then" "$(field top limits)"
matches "^limits: $file=$is_then\$" "$(container show top)"
is "$is_then" "$(value top "$file")"
is "$is_then" "$(container enter top -- cat "$(cgroup_of top)/$file")" 'as its first task sees it'
fails_with 125 "does not take this value for $file: 12Q: Invalid" container set top "$file=12Q"
is "$file=$is_then" "$(field top limits)" 'what was refused changes nothing'
fails_with 125 'no such limit: hugetlb.no|no such limit: |controller' container set top "${file%%.*}.no=1"
fails_with 125 'limited from above.*Operation not permitted' container set / "$file=$set_to"
fails_with 125 'limited from above.*Operation not permitted' container enter top -- container set . "$file=$other"
check container enter web -- container set free "$file=$set_to"
check container set web/free "$file=max"
is null "$(field web/free limits)"

it 'its cgroup is made anew, by whatever, and the limit with it'
dir=$(cgroup_of top)
check rmdir "$dir"
check container enter top -- true
is "$is_then" "$(value top "$file")" 'after a task'
check rmdir "$dir"
check container freeze top
is "$is_then" "$(value top "$file")" 'after freeze'
check container thaw top

it 'while there are tasks'
task top
check container set top "$file=$other"
is "$other_then" "$(value top "$file")"
is "$file=$other_then" "$(field top limits)"
check container kill top
check container set top "$file=max"
is "$max" "$(value top "$file")"
is null "$(field top limits)"

it 'of a nested container, whose parents have tasks'
task web
first=$(container ps --json web | jq '.[0].pid')
task web/db
check container set web/db/c "$file=$set_to"
check container set web/db "$file=$other"
is "$is_then" "$(value web/db/c "$file")"
is "$other_then" "$(value web/db "$file")"
is "$first" "$(container ps --json web | jq '.[].pid')" 'the tasks of web'
is 1 "$(field web tasks)"
is running "$(field web/db state)"
is /web "$(container of "$first")"
is "$(cgroup_of web)/tasks" "$root$(sed -n 's/^0:://p' "/proc/$first/cgroup")"
for name in web web/db web/db/c web/free; do
	is "/$name" "$(container enter $name -- container of --self)"
done
check container enter web -- container enter db -- true
check container freeze web/db
is frozen "$(field web/db state)"
fails_with 125 'it is frozen' container enter web/db -- true
check container thaw web/db
check container set web cgroup=own
matches '^/' "$(where container enter web --)" 'with an own cgroup namespace'
check container set web cgroup=inherit
check container kill web
check container wait -t "$(seconds 10)" web
is stopped "$(field web state)"

it 'each controller, below a container with a task'
for setting in pids.max=100 cpu.weight=50 cpuset.cpus=0 memory.high=600M io.weight=50; do
	has_controller "${setting%%.*}" || continue
	check container create above
	task above
	check container create --limit "$setting" above/nested
	check container enter above/nested -- true
	is 1 "$(field above tasks)" "${setting%%.*}"
	check container enter above -- container enter nested -- true
	check container rm -f -r above
done

it 'nested ones, all made anew'
find "$(cgroup_of web)" -depth -type d -exec rmdir {} +
is '' "$(cgroup_of web)"
check container enter web/db/c -- true
is "$is_then" "$(value web/db/c "$file")"
is "$other_then" "$(value web/db "$file")"
task web
is "$(field web init)" 0
is 1 "$(field web tasks)"
fails_with 125 'it has tasks' container rm -r web
check container kill web
check container wait -t "$(seconds 10)" web

it 'create and run'
check container create --limit "$file=$set_to" made
is "$is_then" "$(value made "$file")"
start "$WORK/running" container run -n running --limit "$file=$set_to" -- sh -c 'echo up; sleep 1000'
is "$is_then" "$(value running "$file")"
check container kill running
ends 137 $started
check container run --keep -n kept --limit "$file=$other" -- true
is "$file=$other_then" "$(field kept limits)"
fails_with 125 "does not take this value" container create --limit "$file=x" not-made
lists kept made top web web/db web/db/c web/free
check container rm kept made

it 'stats'
check container create never
task web/db/c
is '["/"]' "$(container stats --json / | jq -c '[.[].name]')"
stats=$(container stats --json)
is '["never","top","web","web/db","web/db/c","web/free"]' "$(echo "$stats" | jq -c '[.[].name]')"
is 1,1,1 "$(echo "$stats" | jq -r '[.[2:5][].tasks] | join(",")')"
is "$file=$is_then" "$(echo "$stats" | jq -r '.[4].limits')"
is number "$(echo "$stats" | jq -r '.[4].cpu_usec | type')"
is 0,null "$(container stats --json never | jq -r '.[0] | "\(.tasks),\(.cpu_usec)"')" 'of one that never had a task'
matches '^NAME +TASKS +THREADS +CPU +USER +SYSTEM +MEMORY +PEAK +READ +WRITTEN +OOM +LIMITS$' "$(container stats)"
if has_controller memory; then
	check container set web/db memory.high=900M
	is number "$(container stats --json web/db | jq -r '.[0].memory | type')"
else
	is null "$(echo "$stats" | jq -r '.[1].memory')"
	is null "$(echo "$stats" | jq -r '.[1].oom_kills')"
fi
fails_with 125 'none: no such container' container stats none

it 'they are enforced'
if has_controller memory; then
	check container create --limit memory.max=20M m
	head -c 100M /dev/zero | exits 137 container enter m -- tail -n 1
	matches '^[1-9]' "$(container stats --json m | jq '.[0].oom_kills')" 'tasks killed'
	is 0 "$(head -c 1M /dev/zero | container enter m -- tail -n 1 | tr -d '\0' | wc -c)"
	check container create m/n --limit memory.max=10M
	head -c 100M /dev/zero | exits 137 container enter m/n -- tail -n 1
	check container rm -r m
else
	part_skipped 'no memory controller'
fi
if has_controller pids; then
	check container create --limit pids.max=1 p
	check_not container enter p -- sh -c 'true & echo forked'
	check container set p pids.max=2
	check container enter p -- sh -c '(true) & wait'
	check container set p pids.max=0
	fails_with 125 'Resource temporarily unavailable.*pids.max' container enter p -- true
	check container rm p
else
	part_skipped 'no pids controller'
fi
if has_controller cpu; then
	check container create --limit cpu.max=50000 c
	is '50000 100000' "$(value c cpu.max)"
	is 'cpu.max=50000 100000' "$(field c limits)"
	check container enter c -- true
	check container set c cpu.max=max
	is null "$(field c limits)"
	check container rm c
else
	part_skipped 'no cpu controller'
fi

check container rm -f -r web top never
