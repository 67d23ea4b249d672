# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# What root of a user namespace gets at: what may be written of the machine's, its restart, and, for as long as they
# are in there, those who make and look at namespaces on behalf of host's root.
#
#	/
#	|- a      all namespaces its own
#	|- p      own user, mount: it sees the host's processes
#	|  |- x     own user, uts
#	|  `- z     own user
#	`- u      own user alone
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

has_type user || skip 'no user namespaces'
halt=$BUILD/tests/attack/halt
attack=$BUILD/tests/tree/attack
reboots=$BUILD/tests/shell/reboots
for program in "$halt" "$attack" "$reboots"; do
	[ -x "$program" ] || skip "$program is not built"
done

reboots=$(shown "$reboots")
check container create a --own all,user
check container create p --own user,mount
check container create p/z --own user
check container create u --own user

# opened DIR...: what is below that opens for writing. Nothing is written.
# shellcheck disable=SC2016
opened='find "$@" -type f 2>/dev/null | while IFS= read -r file; do
	if true 2>/dev/null >>"$file"; then echo "$file"; fi
done 2>/dev/null'

it 'what of /proc and /sys opens for writing: the control'
matches /proc/sys/kernel/printk "$(sh -c "$opened" sh /proc/sys/kernel/printk)"

it 'what of /proc and /sys opens for writing'
outside=$(find /proc/ -mindepth 1 -maxdepth 1 ! -name '[0-9]*' ! -name '*self' | tr '\n' ' ')
# allowed CONTAINER: files of its namespaces; those by which anybody may ask to be told of pressure; and one that anybody
# opens, and whose writer is asked for capabilities in the pid namespace.
allowed()
{
	case $1 in
	a) echo '^/proc/(pressure|sys/(net|user|fs/mqueue))/|^/proc/sys/kernel/(shm|msg|sem|auto_msg|ns_last_pid|pid_max)' ;;
	*) echo '^/proc/(pressure|sys/user)/|/ns_last_pid$' ;;
	esac
}
for container in a u; do
	# shellcheck disable=SC2086
	container enter $container -- sh -c "$opened; echo all" sh $outside /sys >"$WORK/opened" 2>"$WORK/err"
	is all "$(tail -n 1 "$WORK/opened")" $container
	grep -vx all "$WORK/opened" | grep -Ev "$(allowed $container)" >"$WORK/bad" && {
		bad "$container opens for writing what is the machine's"
		show "$WORK/bad"
	}
	is 0 "$(grep -c /proc/sysrq-trigger "$WORK/opened")"
done

it 'reboot(2) inside ends its init, and nothing else'
for how in halt poweroff; do
	# shellcheck disable=SC2016
	exits 0 container enter a -- "$reboots" $how
	is up "$(cat "$WORK/.out")"
	is halted "$(field a state)" "$how"
done
start "$WORK/out" container enter a -- "$reboots" restart
wait_for sh -c 'container show a | grep -qx "state: rebooting"'
check container stop a
wait "$started" 2>/dev/null

# free CONTAINER: nobody has its lock.
free()
{
	timeout -s KILL "$(seconds 3)" container set "$1" stop_timeout=5 2>"$WORK/err"
}

it 'who is stopped in there and left alone keeps no lock: the control'
start "$WORK/.holder" "$attack" lock "$CONTAINERFS_STATE/lock" "$(field p id)"
check_not free p
kill "$started"
wait "$started" 2>/dev/null
check free p

# halted CALL NTH CMD...: whoever has returned from this call is stopped for good, and CMD killed.
halted()
{
	call=$1 nth=$2
	shift 2
	exits 0 "$halt" "$call" "$nth" -- "$@" || return
	stopped=$(cat "$WORK/.out")
	check timeout -s KILL "$(seconds 3)" container enter p -- kill -0 "$stopped"
	for name in p p/z; do
		free "$name" || {
			bad "$name is locked by $stopped"
			show "$WORK/err"
		}
	done
	is '' "$(find "/proc/$stopped/fd" -lname "$CONTAINERFS_STATE/*" -printf '%l ' 2>/dev/null)"
	kill -9 "$stopped" 2>/dev/null
	wait_for gone "$stopped"
}

it 'who is stopped in there and left alone keeps no lock'
halted setresuid 1 container create p/x --own user,uts
halted user 1 container enter p/z -- true
halted user 2 container create p/x --own user,uts
check container rm -r p
check container rm a u
