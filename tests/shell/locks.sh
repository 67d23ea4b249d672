# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Who is not root locks what can be opened in the state directory, all the time: nothing waits for it,
# nothing fails, nothing lives on.
#
#	/
#	├── a          own uts; a task
#	│   └── n      a task
#	└── container_N    100 of "run", and one that runs for a while
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

lockall=$BUILD/tests/shell/lockall
[ -x "$lockall" ] || skip "$lockall is not built"
chmod 711 "$WORK"

check container create a --own uts
check container create a/n
task a
task a/n
container run -- sleep 1000 &
running=$!
wait_for test -d "$CONTAINERFS_STATE/tree/container_1"

it 'what nobody can open'
"$lockall" "$CONTAINERFS_STATE" >"$WORK/opened" 2>"$WORK/locker.err" &
locker=$!
for i in $(seq 100); do
	container run -- true >"$WORK/out" 2>&1 && continue
	bad "run number $i failed"
	show "$WORK/out"
done
wait_for test -s "$WORK/opened"
kill -KILL "$locker"
wait "$locker" 2>/dev/null
is '' "$(cat "$WORK/locker.err")"
# Directories of containers that others may read, in which nothing is locked; and a file of the kernel's.
is "$CONTAINERFS_STATE/cradle
$CONTAINERFS_STATE/tree
$CONTAINERFS_STATE/tree/a
$CONTAINERFS_STATE/tree/a/n" "$(sort -u "$WORK/opened")" 'what was opened'

it 'whatever the umask is'
(
	umask 0
	container run -- sleep 1000 &
	echo $! >"$WORK/pid"
	wait_for test -d "$CONTAINERFS_STATE/tree/container_2"
)
is '700 0' "$(stat -c '%a %u' "$CONTAINERFS_STATE/tree/container_2")"
kill "$(cat "$WORK/pid")"
wait_for test ! -e "$CONTAINERFS_STATE/tree/container_2"
(umask 077 && check container create b)
is 755 "$(stat -c %a "$CONTAINERFS_STATE/tree/b")"
check container rm b

it 'who is not root is shown what is not hidden'
mkdir -m 755 "$WORK/bin"
cp "$(command -v container)" "$(dirname "$(command -v container)")/container-report" "$WORK/bin"
as_nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/bin/container" "$@"
}
is 'a
a/n' "$(as_nobody ls -q)" 'ls'
check as_nobody show a/n
fails_with 125 'container_1.*Permission denied' as_nobody show container_1
is /a "$(as_nobody of "$(container ps --json a | jq '.[0].pid')")" 'of'

kill "$running"
wait "$running"
container rm -f -r a
