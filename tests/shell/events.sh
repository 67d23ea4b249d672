# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# events: as they come, in both forms; how it ends.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# watch FILE [ARG...]: container events in the background; sets $started. It watches from when its first
# event is there: containers called probe are made until then.
watch()
{
	file=$1
	shift
	: >"$file"
	env --default-signal=INT,QUIT container events "$@" >"$file" 2>"$file.err" </dev/null &
	started=$!
	wait_for probe "$file"
}

probe()
{
	container create "${probed-}probe" && container rm "${probed-}probe"
	[ -s "$1" ]
}

# told FILE: types, names and what follows the id, without those of the probes.
told()
{
	grep -v probe "$1" | awk '{ print $2, $3, $5 }' | sed 's/ $//'
}

# shows FILE LINE...: these are the events that are told, within some seconds.
shows()
{
	file=$1
	shift
	wanted=$(printf '%s\n' "$@")
	wait_for sh -c '[ "$1" = "$(grep -v probe "$2" | awk "{ print \$2, \$3, \$5 }" | sed "s/ \$//")" ]' sh "$wanted" "$file" ||
		is "$wanted" "$(told "$file")"
}

it 'before there is a hierarchy'
check_not test -e "$CONTAINERFS_STATE"
env --default-signal=INT,QUIT container events >early 2>early.err </dev/null &
early=$!
wait_for test -d "$CONTAINERFS_STATE/tree"
wait_for probe early
check container create web --own pid
wait_for grep -q 'created /web ' early
kill -TERM $early
ends 0 $early
is '' "$(cat early.err)"

it 'lines'
watch lines /
all=$started
probed=web/
watch json --json web
below=$started
probed=
check container create web/db --own pid
wait_for grep -q 'created /web/db ' lines
exits 3 container enter web -- sh -c 'exit 3'
wait_for grep -q 'stopped /web ' lines
check container rename web/db data
wait_for grep -q 'renamed /web/data ' lines
task web
outer=$started
task web/data
check container freeze web/data
wait_for grep -q 'frozen /web/data ' lines
check container thaw web/data
wait_for grep -q 'thawed /web/data ' lines
check container kill web/data
ends 137 "$started"
wait_for grep -q 'stopped /web/data ' lines
check container kill web
ends 137 "$outer"
shows lines 'created /web/db' 'started /web' 'stopped /web 3' 'renamed /web/data' \
	'started /web' 'started /web/data' 'frozen /web/data' 'thawed /web/data' \
	'stopped /web/data 137' 'stopped /web 137'
id=$(field web id)
matches "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\.[0-9]{3}Z stopped /web $id 3\$" "$(cat lines)"

it 'JSON'
wait_for grep -q '"stopped","path":"/web/data"' json
is "stopped /web $id 3" "$(jq -r 'select(.type == "stopped") | "\(.type) \(.path) \(.id) \(.exit_status)"' json | head -n 1)"
is 'exit_status id path time type' "$(jq -r 'select(.type == "stopped") | keys | join(" ")' json | head -n 1)"
is 'id path time type' "$(jq -r 'select(.type == "frozen") | keys | join(" ")' json | head -n 1)"
# Of what is not below it nothing is told.
check container create other
wait_for grep -q 'created /other ' lines
check container rm other
wait_for grep -q 'removed /other ' lines
! grep -q other json || bad 'it tells of another container'

it 'the end: its container is removed'
check container rm -r web
ends 0 "$below"
is removed "$(tail -n 1 json | jq -r .type)"
shows lines "$(told lines)"

it 'the end: a signal'
kill -INT "$all"
ends 0 "$all"
is '' "$(cat lines.err)"
watch lines
kill -TERM "$started"
ends 0 "$started"

it 'the end: nobody reads'
mkfifo pipe
container events / >pipe 2>err &
started=$!
exec 3<pipe
exec 3<&-
ends 0 "$started"
is '' "$(cat err)"

it 'the end: a signal, also while nobody reads'
mkfifo full
env --default-signal=INT container events / >full 2>err &
started=$!
exec 3<full
# Not before a pipe is full is anything seen of it.
name=probe-with-a-name-that-is-long-enough-to-fill-a-pipe-before-long
for _ in $(seq 400); do
	check container create "$name"
	check container rm "$name"
done
sleep 0.3
kill -TERM "$started"
ends 0 "$started"
exec 3<&-
rm full

it 'errors'
fails_with 125 'no such container' container events none
fails_with 125 'one name at most' container events a b
if [ -c /dev/full ]; then
	container events / >/dev/full 2>err &
	started=$!
	# Until it has had something to write.
	full()
	{
		container create probe && container rm probe && gone $started
	}
	wait_for full
	ends 125 $started
	matches '^container: write output: No space left' "$(cat err)"
fi
