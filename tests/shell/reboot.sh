# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# An init that calls reboot(2) restarts or halts, and the state says which; container reboot.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

reboots=$BUILD/tests/shell/reboots
[ -x "$reboots" ] || skip "$reboots is not built"
# In it the program is where it is outside.
check container create box --own pid

# What runs first reboots, and the next time ends.
cat >"$WORK/twice" <<'EOT'
#!/bin/sh
echo x >>"$1"
[ "$(wc -l <"$1")" -lt 2 ] || exit 5
exec "$2" restart
EOT
chmod +x "$WORK/twice"

it 'restart'
exits 5 container enter box -- "$WORK/twice" "$WORK/boots" "$reboots"
is 2 "$(wc -l <boots)" 'times it was started'
is stopped "$(field box state)"
is 5 "$(field box exit_status)"

it 'halt, power off'
for how in halt poweroff; do
	exits 0 container enter box -- "$reboots" $how
	is halted "$(field box state)" $how
	is 130 "$(field box exit_status)" $how
	matches '^box +halted ' "$(container ls | tail -n 1)"
	exits 7 container enter box -- sh -c 'exit 7'
	is stopped "$(field box state)"
	is 7 "$(field box exit_status)"
done

it 'run, which leaves nothing'
exits 0 container run -n gone --inherit mount -- "$reboots" halt
rm boots
exits 5 container run -n gone --inherit mount -- "$WORK/twice" "$WORK/boots" "$reboots"
is 2 "$(wc -l <boots)"
lists box
rm boots
exits 5 container run -n kept --keep --inherit mount -- "$WORK/twice" "$WORK/boots" "$reboots"
is stopped "$(field kept state)"
check container rm kept

it 'a task that is not init'
exits 99 container run --inherit mount -- sh -c "'$reboots' halt; exit \$?"

it 'from outside'
: >boots
start "$WORK/out" container enter box -- sh -c "echo x >>'$WORK/boots'; echo up; exec sleep 1000"
first=$(init_of box)
check container reboot box
# It was started less than a second ago.
matches 'rebooting|running' "$(field box state)"
wait_for sh -c "[ \$(wc -l <'$WORK/boots') = 2 ]"
is_not "$first" "$(init_of box)"
check container reboot --halt box
ends 0 "$started"
is halted "$(field box state)"
for how in '' --halt --poweroff; do
	# shellcheck disable=SC2086
	fails_with 125 'box: it has no init: No such process' container reboot $how box
done
fails_with 125 'own pid namespace' container reboot /
check container create plain
fails_with 125 'it has no own pid namespace' container reboot plain
fails_with 125 'which container' container reboot
check container rm plain

it 'not after stop'
start "$WORK/out" container enter box -- "$reboots" restart term
check container stop -t 5 box
ends 129 "$started"
is stopped "$(field box state)"
is 129 "$(field box exit_status)"
# Nor while it waits for its next start.
start "$WORK/out" container enter box -- "$reboots" restart
wait_for sh -c 'container show box | grep -qx "state: rebooting"'
check container stop box
is stopped "$(field box state)"
ends 129 "$started"

it 'not when removed'
start "$WORK/out" container enter box -- "$reboots" restart
wait_for sh -c 'container show box | grep -qx "state: rebooting"'
check container rm box
ends 129 "$started"
lists

it 'a signal while it waits'
check container create box --own pid
start "$WORK/out" container enter box -- "$reboots" restart
wait_for sh -c 'container show box | grep -qx "state: rebooting"'
kill -TERM "$started"
ends 143 "$started"
is rebooting "$(field box state)"

it 'the tree'
if [ -c /dev/fuse ]; then
	mount_tree
	is rebooting "$(cat "$T/box/state")"
	check container enter box -- "$reboots" halt
	is halted "$(cat "$T/box/state")"
	is 'state: halted' "$(grep state "$T/box/status")"
	unmount_tree "$T"
else
	part_skipped 'no /dev/fuse'
fi
check container rm box
