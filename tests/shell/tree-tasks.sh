# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2010,SC2012 # ls is what is tested
#
# A pid written to tasks: the process becomes a task of the container, while it runs, or stays as it is.
#
#	/
#	├── web     own network, uts, ipc, mount
#	│   └── db
#	├── net     own network only
#	├── p       own pid
#	└── plain   nothing of its own
# timeout: 90
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

cat >"$WORK/ns" <<'EOT'
for type in net uts ipc mnt pid user cgroup; do readlink /proc/self/ns/$type; done
EOT

# own TYPE: that of this shell.
own()
{
	readlink "/proc/$$/ns/$(proc_name "$1")"
}

# sleeper: a process of the host that sleeps. Sets $pid, and $started, the same.
sleeper()
{
	start "$WORK/sleeper" sh -c 'echo up; exec sleep 1000'
	pid=$started
	wait_for grep -q '^State:.S' "/proc/$pid/status"
}

mount_tree
cd "$T" || exit
check mkdir -p web/db net p plain
for type in network uts ipc mount; do
	check touch web/$type
done
check touch net/network p/pid
check put inside web/hostname
cgroup=$(cgroup_of_hierarchy)
cgroup=/${cgroup##*/}

it 'the running shell itself, in sh and bash, and what it execs'
for shell in sh dash bash busybox; do
	command -v $shell >/dev/null || continue
	[ $shell != busybox ] || shell='busybox sh'
	# shellcheck disable=SC2016
	is "$(hostname) inside inside web" "$($shell -c '
		a=$(hostname)
		echo $$ >web/tasks || exit
		echo "$a $(hostname) $(exec /bin/sh -c hostname) $(readlink '"$T"'/self 2>/dev/null || echo web)"' 2>&1)" "$shell"
	is "$(hostname)" "$(hostname)"
done
is "$(for type in network uts ipc mount; do namespace_in web $type; done
	own pid; own user; own cgroup)" "$(bash -c "echo \$\$ >web/tasks; exec sh" <"$WORK/ns")" 'in all of its namespaces'

it 'it is in its cgroup, and so are its children from now on'
bash -c 'echo $$ >plain/tasks; cat /proc/self/cgroup; cat plain/tasks; echo $$' >"$WORK/out"
matches "^0::$cgroup/" "$(cat "$WORK/out")"
is "$(tail -n 1 "$WORK/out")" "$(grep -x '[0-9]*' "$WORK/out" | head -n 1)"
is 3 "$(grep -cx '[0-9]*' "$WORK/out")" 'the shell and its cat'

it 'a shell that goes on: variables, directory, open files, jobs, traps'
bash -c '
	cd "$1/plain"; x=kept; exec 5>"$2"; trap "echo trapped" USR1
	sleep 1000 & echo $$ >tasks
	kill -USR1 $$; pwd; echo $x; echo to-file >&5; kill %1 && wait; readlink ../self
	echo 0 >"$1/plain/tasks" && echo again' bash "$T" "$WORK/file" >"$WORK/out" 2>&1
is "trapped $T/plain kept plain again" "$(paste -s -d ' ' "$WORK/out")"
is to-file "$(cat "$WORK/file")"

it 'only what the container has: just the network'
is "$(namespace_in net network; own uts; own ipc; own mount; own pid; own user; own cgroup)" \
	"$(bash -c 'echo $$ >net/tasks; exec sh' <"$WORK/ns")"

it '0 is the writer'
is "plain" "$(bash -c 'echo 0 >plain/tasks; readlink self')"
is "inside" "$(bash -c 'echo 0 >web/tasks; hostname')"

it 'another process'
sleeper
check put "$pid" web/tasks
is "$pid" "$(cat web/tasks)"
for type in network uts ipc mount; do
	is "$(namespace_in web $type)" "$(readlink "/proc/$pid/ns/$(proc_name $type)")" $type
done
is ../web "$(readlink "by-pid/$pid")"
is running "$(cat web/state)"
is 1 "$(container ps web --json | jq length)"
check put "$pid" web/db/tasks # and further down
is "$pid" "$(cat web/db/tasks)"
is '' "$(cat web/tasks)"
put_fails 'not permitted' "$pid" web/tasks # and not up
put_fails 'not permitted' "$pid" net/tasks # nor sideways
put_fails 'not permitted' "$pid" tasks
is ../web/db "$(readlink "by-pid/$pid")"
check kill "$pid"
ends 143 "$started"

it 'a process that waits in a system call goes on waiting'
mkfifo "$WORK/pipe"
exec 9<>"$WORK/pipe"
sh -c 'echo $$; read -r line <&9; echo "$line $(readlink /proc/self/ns/net)"' >"$WORK/waits" &
started=$!
wait_for grep -q . "$WORK/waits"
wait_for grep -q '^State:.S' "/proc/$(head -n 1 "$WORK/waits")/status"
check put "$(head -n 1 "$WORK/waits")" net/tasks
check kill -0 "$started"
echo line >&9
ends 0 "$started"
exec 9<&-
is "line $(namespace_in net network)" "$(tail -n 1 "$WORK/waits")"
sleeper
check put "$pid" plain/tasks
check kill -0 "$pid"
wait_for grep -q '^State:.S' "/proc/$pid/status"
is S "$(cut -d ' ' -f 3 "/proc/$pid/stat")"
kill "$pid"
ends 143 "$started"

it 'one that never waits'
start "$WORK/out" sh -c 'echo up; while :; do :; done'
check put "$started" web/tasks
is "$started" "$(cat web/tasks)"
kill "$started"
ends 143 "$started"

it 'a stopped one (SIGSTOP) stays stopped'
sleeper
kill -STOP "$pid"
wait_for grep -q '^State:.T' "/proc/$pid/status"
if put "$pid" plain/tasks 2>"$WORK/err"; then
	is "$pid" "$(cat plain/tasks)"
else
	matches 'resource busy' "$(cat "$WORK/err")"
	is ../init_container "$(readlink "by-pid/$pid")"
fi
is T "$(cut -d ' ' -f 3 "/proc/$pid/stat")"
kill -CONT "$pid"
kill "$pid"
ends 143 "$started"

# of_threads PID TYPE: how many threads have which namespace, how many are in which cgroup.
of_threads()
{
	for task in "/proc/$1/task"/*; do
		readlink "$task/ns/$(proc_name "$2")"
	done | sort | uniq -c | sed 's/^ *//'
	sort "/proc/$1/task"/*/cgroup | grep '^0:' | uniq -c | sed 's/^ *//'
}

it 'several threads are moved whole'
check mkdir t
check touch t/network t/uts t/ipc t/cgroup
start "$WORK/out" "$BUILD/tests/shell/threads" 5
check put "$started" t/tasks
is "$started" "$(cat t/tasks)"
for type in network uts ipc cgroup; do
	is "5 $(namespace_in t $type)" "$(of_threads "$started" $type | head -n 1)" $type
done
is 1 "$(of_threads "$started" uts | grep -c cgroup:\\\|0::)" 'one cgroup'
check rm t/tasks
ends 137 "$started"

# all_or_nothing TYPES: of five threads all get these, or none does and the write says so.
all_or_nothing()
{
	check mkdir t
	for type in $1; do
		check touch t/"$type"
	done
	case $1 in
	*user*)
		check put '0 0 4294967295' t/uid_map
		check put '0 0 4294967295' t/gid_map
		;;
	esac
	start "$WORK/out" "$BUILD/tests/shell/threads" 5
	before=$(for type in network user mount time; do of_threads "$started" $type; done)
	if put "$started" t/tasks 2>"$WORK/err"; then
		echo "$1: moved"
		for type in $1; do
			is "5 $(namespace_in t "$type")" "$(of_threads "$started" "$type" | head -n 1)" "$1: $type"
		done
		is "$started" "$(cat t/tasks)"
	else
		echo "$1: refused"
		matches 'Invalid argument|Too many users' "$(cat "$WORK/err")" "$1"
		is "$before" "$(for type in network user mount time; do of_threads "$started" $type; done)"
		is '' "$(cat t/tasks)"
		is ../init_container "$(readlink "by-pid/$started")"
	fi
	check kill -0 "$started"
	kill "$started"
	ends 143 "$started"
	check rm -r t
}

it 'several threads are moved whole or refused whole, where they share what cannot be shared'
check rm -r t
all_or_nothing 'network mount'
all_or_nothing mount
if has_type time; then
	all_or_nothing 'network time'
fi
if has_type user; then
	all_or_nothing 'user network'
fi

it 'an own user namespace'
if has_type user; then
	check mkdir u
	check touch u/user u/uts u/network
	check put '0 0 4294967295' u/uid_map
	check put '0 0 4294967295' u/gid_map
	is "$(namespace_in u user) $(namespace_in u uts) $(namespace_in u network) 0" \
		"$(bash -c 'echo $$ >u/tasks && echo $(readlink /proc/self/ns/user /proc/self/ns/uts /proc/self/ns/net) $(id -u)' 2>&1)"
	sleeper
	check put "$pid" u/tasks
	is "$(namespace_in u user)" "$(readlink "/proc/$pid/ns/user")"
	check rm -r u
	ends 137 "$started"
fi

it 'errors leave the shell and the process as they were'
before=$(sh "$WORK/ns")
sleeper
for text in '' x -1 '1 2' 1x 4194305 99999999999999999999 ' 1' '1
2'; do
	put_fails 'Invalid argument' "$text" web/tasks
done
put_fails 'No such process' 4194304 web/tasks
put_fails 'No such process' "$(sh -c 'echo $$')" web/tasks
is '' "$(cat web/tasks)"
bash -c 'echo nonsense >web/tasks; echo $?; sh "$1"; readlink self' bash "$WORK/ns" >"$WORK/out" 2>/dev/null
is "$(printf '%s\n' 1 "$before" init_container)" "$(cat "$WORK/out")"
is ../init_container "$(readlink "by-pid/$pid")"
kill "$pid"
ends 143 "$started"

it 'sideways and up: refused, and the shell goes on where it is'
bash -c '
	exec 2>/dev/null
	echo $$ >net/tasks; echo $?
	echo $$ >plain/tasks; echo $?
	echo $$ >tasks; echo $?
	echo $$ >init_container/tasks; echo $?
	echo $$ >net/tasks; echo $?
	readlink self; readlink /proc/self/ns/net' >"$WORK/out"
is "$(printf '%s\n' 0 1 1 1 0 net "$(namespace_in net network)")" "$(cat "$WORK/out")"

it 'a frozen one: EBUSY, and it is left alone'
check mkdir ice
task ice
pid=$(cat ice/tasks)
check put 1 ice/freeze
check mkdir ice/below
put_fails 'resource busy' "$pid" ice/below/tasks
is "$pid" "$(cat ice/tasks)"
sleeper
put_fails 'resource busy' "$pid" ice/tasks # nor into one
is ../init_container "$(readlink "by-pid/$pid")"
kill "$pid"
ends 143 "$started"
check rm -r ice

it 'one that somebody traces: EBUSY, and it is left alone'
if command -v strace >/dev/null; then
	sleeper
	strace -o "$WORK/trace" -p "$pid" 2>"$WORK/strace.err" &
	tracer=$!
	wait_for grep -q "^TracerPid:.$tracer" "/proc/$pid/status"
	put_fails 'resource busy' "$pid" web/tasks
	is "$(own uts)" "$(readlink "/proc/$pid/ns/uts")"
	is ../init_container "$(readlink "by-pid/$pid")"
	kill "$tracer"
	wait "$tracer"
	check put "$pid" web/tasks
	kill "$pid"
	ends 143 "$started"
else
	part_skipped 'no strace'
fi

it 'a kernel thread, a zombie'
kthread=$(awk '$2 == "(kthreadd)" { print $1 }' /proc/[0-9]*/stat 2>/dev/null)
[ -z "$kthread" ] || put_fails 'not permitted|Invalid|No such process|not supported' "$kthread" plain/tasks
sh -c 'sleep 0 & echo $!; exec sleep 1000' >"$WORK/zombie" &
parent=$!
wait_for grep -q . "$WORK/zombie"
zombie=$(cat "$WORK/zombie")
wait_for grep -q '^State:.Z' "/proc/$zombie/status"
put_fails 'No such process|not permitted|Invalid|busy' "$zombie" web/tasks
is '' "$(cat web/tasks)"
kill $parent
ends 143 $parent

it 'a pid namespace takes effect for children'
task p
ns=$(readlink "/proc/$(cat p/init)/ns/pid")
bash -c 'echo $$ >p/tasks; echo $?; readlink /proc/$$/ns/pid; sh -c "exec readlink /proc/$$/ns/pid_for_children"
	grep -cx $$ p/tasks; true' >"$WORK/out" 2>&1 # by a child, which does not see it
is "0 $(own pid) $ns 0" "$(paste -s -d ' ' "$WORK/out")"
is 'sh 1' "$(bash -c 'echo $$ >p/tasks; sh -c "test \$\$ -lt 100 && echo sh"; echo 1' 2>&1 | paste -s -d ' ')" 'a child has a number of its own'
check rm p/tasks
ends 137 "$started"
put_fails 'No such process' "$$" p/tasks # nobody has made it yet, and a pid namespace cannot be joined then
is ../init_container "$(readlink by-pid/$$)"

it 'numbers are those of the reader'
check mkdir view
check touch view/pid view/network
start "$WORK/reader" container enter view -- sh -c "sleep 1000 & echo child \$!; echo up; exec sleep 1000"
is "1
$(sed -n 's/^child //p' "$WORK/reader")" \
	"$(container enter --only pid view -- sh -c "read -r x <'$T/view/init'; grep -v -x \$\$ '$T/view/tasks' >'$WORK/seen'; echo \$x; grep -vx \$x '$WORK/seen' | head -n 1")"
is 2 "$(wc -l <view/tasks)" 'and here they are ours'
is_not 1 "$(cat view/init)"
check_not grep -qx 1 view/tasks
is init "$(container enter --only pid view -- sh -c "cd '$T/by-pid' && readlink 1 | grep -qx ../view && echo init")"
check rm -r view
ends 137 "$started"

it 'rm tasks kills all'
sleeper
check put "$pid" web/tasks
check rm web/tasks
ends 137 "$started"
is stopped "$(cat web/state)"
check test -e web/tasks

check rm -r web net p plain
