# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# key add, key ls; nothing is left of the keys.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web --own pid
container key add web user first one >"$WORK/.out" 2>"$WORK/.err" || {
	grep -q 'Function not implemented' "$WORK/.err" && skip 'this kernel has no keys'
	bad "key add: $(cat "$WORK/.err")"
}
mine=containerfs-test-$$
haskey=$BUILD/tests/shell/haskey

it 'add'
matches '^[0-9]+$' "$(cat "$WORK/.out")"
serial=$(container key add web user "$mine:a b;c" payload)
is "$serial" "$(container key add web user "$mine:a b;c" other)" 'the serial number of what is updated'
ring=$(container key add web keyring ring)
printf 'from\0stdin' >in
stdin=$(container key add web user "$mine:stdin" - <in)
head -c 40000 /dev/zero >long
fails_with 125 "web: add key: $mine:long: Invalid argument" container key add web user "$mine:long" - <long
head -c 1048576 /dev/zero >long
fails_with 125 'the payload is too long' container key add web user "$mine:long" - <long
fails_with 125 'web: add key: x: No such device' container key add web bogus x y
fails_with 125 'web: add key: x: Invalid argument .its type does not take' container key add web user x
fails_with 125 'no such container' container key add none user x y
fails_with 125 'add NAME TYPE' container key add web user
fails_with 125 'add NAME TYPE' container key add web user a b c
fails_with 125 'add or ls' container key
fails_with 125 'add or ls' container key rm web

it 'ls'
container key ls web >table
is 'ID TYPE USER DESCRIPTION' "$(head -n 1 table | tr -s ' ' | sed 's/^ //')"
is 5 "$(wc -l <table)"
container key ls --json web >json
is "user $mine:a b;c 0" "$(jq -r ".[] | select(.id == $serial) | \"\(.type) \(.description) \(.user)\"" json)"
is keyring "$(jq -r ".[] | select(.id == $ring).type" json)"
is "$(jq -S . json)" "$(container key ls web --json | jq -S .)"
! grep -q payload table json || bad 'payloads are told'
check container key add web user "$(printf '\377\033"')" x
container key ls --json web >json
check iconv -f UTF-8 -t UTF-8 json
check jq -e --arg d "$(printf '\357\277\275\033"')" 'any(.[]; .description == $d)' json
check container create none
is '[]' "$(container key ls none --json)"
is '' "$(container key ls none)"
fails_with 125 'ls and one container' container key ls
fails_with 125 'no such container' container key ls no-such

it 'not told of to others'
check_not grep "$mine" /proc/keys

it 'gone with the container'
check "$haskey" "$stdin"
task web
check container rm -f web
ends 137 "$started"
for key in $serial $stdin; do
	wait_for sh -c "! $haskey $key"
done
check container rm none

it 'and with the hierarchy'
check container create web
key=$(container key add web user "$mine:again" x)
check "$haskey" "$key"
check container rm web
check container rm /
is '' "$(ls "$CONTAINERFS_STATE" 2>/dev/null)"
wait_for sh -c "! $haskey $key"

it 'what the runner finds: keyrings of none'
check container create web
key=$(container key add web user "$mine:last" x)
check container rm web
wait_for sh -c "! $haskey $key"
