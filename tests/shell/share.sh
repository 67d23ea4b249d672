# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# A shared namespace lives as long as one container holds it.
#
#	/
#	├── a        own uts (hostname a), network, ipc, mount
#	├── b        shares a's
#	│   └── c    shares b's, which are a's
#	└── d        own network, given to a later
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create a --own network,ipc,mount --hostname a
check container create b --share network=a --share uts=a --share ipc=a --share mount=a
check container create b/c --share network=b --share uts=b

it 'the same'
for type in network uts ipc mount; do
	is "$(namespace_in a $type)" "$(namespace_in b $type)" $type
done
is a "$(container enter b/c -- hostname)"
check container enter a -- sh -c 'echo x >/etc/of-a'
is x "$(container enter b -- cat /etc/of-a)"
check container set a hostname=by-a
is by-a "$(container enter b -- hostname)" 'a change is for both'
fails_with 125 'no own uts namespace.*Operation not permitted' container set b hostname=by-b

it 'the first owner goes'
net=$(namespace_in a network)
check container rm a
is by-a "$(container enter b -- hostname)"
is "$net" "$(namespace_in b network)"
is x "$(container enter b -- cat /etc/of-a)"

it 'the name of the first owner comes again: it is another one'
check container create a --own network
is_not "$net" "$(namespace_in a network)"
is "$net" "$(namespace_in b network)"
check container rm a

it 'the second goes'
check container set b network=inherit uts=inherit
is by-a "$(container enter b/c -- hostname)" 'held by the nested one'
is "$net" "$(namespace_in b/c network)"
check container set b/c network=own
is_not "$net" "$(namespace_in b/c network)"

it 'the owner takes another: who shares keeps the first'
check container create a --own network
check container create d --share network=a
net=$(namespace_in a network)
check container set a network=own
is_not "$net" "$(namespace_in a network)"
is "$net" "$(namespace_in d network)"
check container set a network=d
is "$net" "$(namespace_in a network)" 'and back'

it 'from a running run'
start "$WORK/out" container run -n t --own network -- sh -c 'echo up; exec sleep 1000'
check container set d network=t
net=$(readlink "/proc/$(init_of t)/ns/net")
is "$net" "$(namespace_in d network)"
kill -TERM "$started"
ends 143 "$started"
is "$net" "$(namespace_in d network)" 'it outlives it'

it 'traffic on the loopback of a shared network'
check container enter d -- ip link set lo up
if command -v nc >/dev/null; then
	start "$WORK/out" container enter d -- sh -c 'echo up; echo hello | nc -l -p 4242 127.0.0.1'
	is hello "$(container run --share network=d -- nc -w 2 127.0.0.1 4242)"
else
	is 1 "$(container run --share network=d -- ip -o link show lo up | grep -c UP)"
fi

it 'what inherits shares as well'
check container create d/e
is "$net" "$(namespace_in d/e network)"

check container rm -r b a d
lists
