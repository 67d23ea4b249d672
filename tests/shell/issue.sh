# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What the project says it must show, word for word.
#
#	/            the host
#	├── web      five own namespaces, no task
#	├── a        own network, removed while b has it
#	└── b        shares a's network
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

it 'an empty container is an object'
before=$(mounts)
check container create web --own uts,network,ipc,mount,pid
is 'web 0' "$(container ls --json | jq -r '.[] | "\(.name) \(.tasks)"')"
is 0 "$(container ls --json | jq '.[0].tasks')" 'a number'
[ "$(mounts)" -le $((before + 1)) ] || bad "$(($(mounts) - before)) more lines in mountinfo"
check container set web hostname=serge
is serge "$(container enter --only uts web hostname)"
is_not serge "$(hostname)" "the host's own hostname"
is '' "$(container ps web --json | jq -r '.[]')" 'tasks'
check container rm web

it 'a network outlives the container it was made for'
check container create a --own network
check container create b --share network=a
net=$(namespace_in a network)
is_not "$(namespace net)" "$net"
is "$net" "$(namespace_in b network)"
task b
check container rm a
is "$net" "$(readlink "/proc/$(container ps b --json | jq '.[0].pid')/ns/net")" 'of the task in b'
is "$net" "$(namespace_in b network)" 'of a new task in b'
lists b
check container rm -f b

it 'run: init, and nothing done to the host'
host=$(hostname)
is 1 "$(container run -- sh -c 'touch /etc/x; hostname inside; echo $$')"
check_not test -e /etc/x
is "$host" "$(hostname)" "the host's own hostname"
lists
