# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# set: every key, every kind of value, and what is wrong.
#
#	/
#	├── web        changed all the time
#	│   └── db     inherits
#	└── a          everything own, a source of namespaces
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web
check container create web/db
check container create a --own all --hostname a

it 'own and inherit, type by type'
for type in mount network ipc uts cgroup user time; do
	if ! has_type $type; then
		part_skipped "no $type namespaces"
		continue
	fi
	proc=$(proc_name $type)
	check container set web $type=own
	is $type "$(field web own)"
	own=$(namespace_in web $type)
	is_not "$(namespace "$proc")" "$own" "own $type"
	is "$own" "$(namespace_in web/db $type)" "$type, as a nested one has it"
	check container set web $type=own
	is_not "$own" "$(namespace_in web $type)" "own $type once more: a new one"
	check container set web $type=inherit
	is null "$(field web own)"
	is "$(namespace "$proc")" "$(namespace_in web $type)" "inherited $type"
	check container set web $type=inherit
done
check container set web pid=own
is pid "$(field web own)"
is 1 "$(container enter web -- sh -c 'echo $$')"
check container set web pid=inherit
is_not 1 "$(container enter web -- sh -c 'echo $$')"

it 'share from a container'
for type in mount network ipc uts cgroup; do
	check container set web $type=a || continue
	is $type "$(field web shared)"
	is null "$(field web own)"
	is "$(namespace_in a $type)" "$(namespace_in web $type)" $type
	is "$(namespace_in a $type)" "$(namespace_in web/db $type)" "$type, as a nested one has it"
	check container set web $type=inherit
	is null "$(field web shared)"
done
check container set web network=/a
is "$(namespace_in a network)" "$(namespace_in web network)" 'by its full name'
check container set web network=own
is network "$(field web own)"
is null "$(field web shared)"
check container set web network=inherit

it 'share from a file'
unshare -u -n sh -c 'hostname other; echo up; exec sleep 1000' >"$WORK/other" 2>&1 &
other=$!
wait_for grep -qx up "$WORK/other"
check container set web uts=/proc/$other/ns/uts network=/proc/$other/ns/net
is network,uts "$(field web shared)"
is other "$(container enter web -- hostname)"
is "$(readlink /proc/$other/ns/net)" "$(namespace_in web network)"
kill $other
wait $other 2>/dev/null
is other "$(container enter web -- hostname)" 'its only process is gone'
touch "$WORK/net"
unshare --net="$WORK/net" true
check container set web network="$WORK/net"
is "net:[$(stat -L -c %i "$WORK/net")]" "$(namespace_in web network)" 'a bind mount, as ip netns makes them'
umount "$WORK/net"
is_not "$(namespace net)" "$(namespace_in web network)"
check container set web network=inherit uts=inherit

it 'the host'\''s, in a container whose parent has its own'
check container set web network=own
check container set web/db network=/
is "$(namespace net)" "$(namespace_in web/db network)"
check container set web/db network=inherit
check container set web network=inherit

it 'what cannot be shared from'
fails_with 125 'share network: none: no such container' container set web network=none
fails_with 125 'share network: /no/such: no such container' container set web network=/no/such
fails_with 125 'neither a namespace nor a container.*Invalid argument' container set web network=/etc/passwd
fails_with 125 'neither a namespace nor a container.*Invalid argument|directory' container set web network=/etc
fails_with 125 'not a namespace of this type.*Invalid argument' container set web network=/proc/self/ns/uts
fails_with 125 'not a namespace of this type.*Invalid argument' container set web uts=/proc/self/ns/net
fails_with 125 'older than the hierarchy.*Invalid argument' container set web mount=/proc/self/ns/mnt
check container create gone --own network
check container rm gone
fails_with 125 'gone: no such container' container set web network=gone
is null "$(field web shared)"
is "$(namespace net)" "$(namespace_in web network)" 'nothing has changed'

it 'pid and user: downwards only'
check container create p --own pid
check container create q
fails_with 125 'no task has brought to life.*No such process' container set p/ pid=p
task p
fails_with 125 'shared downwards only.*Operation not permitted' container set q pid=p
fails_with 125 'shared downwards only.*Operation not permitted' container set q pid=/proc/"$(init_of p)"/ns/pid
check container create p/c
check container create p/c/d --own pid
check container set p/c pid=p
is "$(readlink "/proc/$(init_of p)/ns/pid")" "$(container enter p/c -- readlink /proc/self/ns/pid)"
check container create p/c/e
check container set p/c/e pid=p
is "$(readlink "/proc/$(init_of p)/ns/pid")" "$(container enter p/c/e -- readlink /proc/self/ns/pid)"
fails_with 125 'Operation not permitted|No such process' container set p/c/e pid=p/c/d
check container rm -f -r p
if has_type user; then
	check container create u --own user
	fails_with 125 'shared downwards only.*Operation not permitted' container set q user=u
	check container create u/c
	check container set u/c user=u
	is "$(namespace_in u user)" "$(namespace_in u/c user)"
	check container rm -r u
fi
check container rm q

it 'with tasks: mount, pid and user stay'
task web
for type in mount pid user; do
	fails_with 125 '^container: web: it has tasks.*busy' container set web $type=own
	fails_with 125 'busy' container set web $type=inherit
done
fails_with 125 'busy' container set web mount=a
fails_with 125 'busy' container set web root="$WORK"
fails_with 125 'busy' container set web root=view
old=$(readlink "/proc/$(container ps web --json | jq '.[0].pid')/ns/net")
check container set web network=own uts=own ipc=own
is "$old" "$(readlink "/proc/$(container ps web --json | jq '.[0].pid')/ns/net")" 'of the task that is there'
is_not "$old" "$(namespace_in web network)" 'of those that come'
check container rm -f -r web
check container create web

it 'root'
make_root "$WORK/root"
check container set web root="$WORK/root"
is "$WORK/root" "$(field web root)"
is mount "$(field web own)"
is "$(ls "$WORK/root")" "$(container enter web -- ls /)"
check container set web root=view
is view "$(field web root)"
check container enter web -- sh -c 'echo x >/etc/of-the-view'
is x "$(container enter web -- cat /etc/of-the-view)" 'it stays as long as the container does'
check_not test -e /etc/of-the-view
check container set web root=view
check_not container enter web -- test -e /etc/of-the-view
check container set web mount=inherit
is null "$(field web root)"
is null "$(field web own)"
: >"$WORK/file"
fails_with 125 "set root: $WORK/file: Not a directory" container set web root="$WORK/file"
fails_with 125 "set root: $WORK/none: No such file" container set web root="$WORK/none"
is null "$(field web root)" 'nothing has changed'
check container set web root=/
is / "$(field web root)"
check container enter web -- test -e "$WORK/file"
check container set web mount=inherit

it 'hostname'
fails_with 125 'no own uts namespace: Operation not permitted \(set uts=own first\)' container set web hostname=x
is_not x "$(hostname)"
check container set web uts=own hostname=serge
is serge "$(container enter web -- hostname)"
check container set web hostname=a.b-c_1
is a.b-c_1 "$(container enter web -- hostname)"
check container set web hostname='a b=c'
is 'a b=c' "$(container enter web -- hostname)" 'the kernel does not mind'
fails_with 125 '1 to 64 bytes' container set web hostname="$(printf '%065d' 0)"
fails_with 125 'hostname=' container set web hostname=
task web
check container set web hostname=late
is late "$(container enter web -- hostname)"
check container rm -f web
check container create web

it 'several, with partial failure'
fails_with 125 'unknown key "bogus"' container set web network=own bogus=x uts=own
is network,uts "$(field web own)"
fails_with 125 'unknown key "Network"' container set web Network=own
fails_with 125 'unknown key "net"' container set web net=own
fails_with 125 'unknown key ""' container set web =own
fails_with 125 'not KEY=VALUE: network' container set web network
fails_with 125 'not KEY=VALUE: network=' container set web network=
fails_with 125 'what is to be set' container set web
fails_with 125 'what is to be set' container set
fails_with 125 'No such file' container set none network=own
fails_with 125 'unknown option' container set -x web network=own
is network,uts "$(field web own)"

it 'the init container'
fails_with 125 'init container stays as it is.*Operation not permitted' container set / network=own
fails_with 125 'Operation not permitted' container set / hostname=x
fails_with 125 'Operation not permitted' container set . root=/

it 'of a running run'
start "$WORK/out" container run -n t -- sh -c 'echo up; exec sleep 1000'
fails_with 125 'own is for creation.*[Nn]ot supported' container set t network=own
fails_with 125 'busy|[Nn]ot supported' container set t root="$WORK/root"
check container set t network=a
is "$(namespace_in a network)" "$(namespace_in t network)"
check container set t hostname=h
is h "$(container enter t -- hostname)"
kill -TERM "$started"
ends 143 "$started"
check container rm -r a web
lists
