# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# run: what it makes own, and the options that say otherwise.
#
#	/
#	├── a       own network, uts (hostname a)
#	├── kept    run --keep
#	└── web
#	    └── container_1   run -n web/
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# same_as_host TYPE OPTION...
same_as_host()
{
	type=$1
	shift
	is "$(namespace "$(proc_name "$type")")" \
		"$(container run "$@" -- readlink "/proc/self/ns/$(proc_name "$type")")" "$type of run $*"
}

other_than_host()
{
	type=$1
	shift
	is_not "$(namespace "$(proc_name "$type")")" \
		"$(container run "$@" -- readlink "/proc/self/ns/$(proc_name "$type")")" "$type of run $*"
}

it 'defaults'
for type in mount pid ipc uts cgroup; do
	other_than_host $type
done
for type in network user time; do
	! has_type $type || same_as_host $type
done
is 1 "$(container run -- sh -c 'echo $$')" pid
is 0::/ "$(container run -- sed -n '/^0:/p' /proc/self/cgroup)" 'own cgroup namespace'
is "$(hostname)" "$(container run -- hostname)" 'hostname: a copy'

it 'own'
other_than_host network --own network
is lo "$(container run --own network -- ls /proc/self/net/ >"$WORK/x"; container run --own network -- sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev)"
other_than_host network --own all
if has_type user; then
	other_than_host user --own user
	matches '^0 [0-9]* 65536$' "$(container run --own user -- sh -c 'echo $(cat /proc/self/uid_map)')"
	is "0 0 4294967295" "$(container run --ids host -- sh -c 'echo $(cat /proc/self/uid_map)')"
	is 0 "$(container run --own user,network -- id -u)"
	is inside "$(container run --own user -- sh -c 'hostname inside; hostname')"
	is lo "$(container run --own user,network -- ls /sys/class/net)"
	exits 3 container run --own all,user -- sh -c 'echo x >/tmp/x && exit 3'
else
	part_skipped 'no user namespaces'
fi
if has_type time; then
	other_than_host time --own time
	exits 3 container run --own all,time -- sh -c 'exit 3'
else
	part_skipped 'no time namespaces'
fi
fails_with 125 'unknown namespace type' container run --own all,bogus -- true

it 'inherit'
for type in pid ipc uts cgroup mount; do
	same_as_host $type --inherit $type
done
same_as_host uts --inherit uts,ipc
same_as_host ipc --inherit uts --inherit ipc
same_as_host pid --inherit all
same_as_host mount --inherit all
other_than_host cgroup --inherit mount,pid,ipc,uts
fails_with 125 'unknown namespace type' container run --inherit bogus -- true
is "$WORK" "$(container run --inherit mount -- pwd)" 'the host'\''s tree'

it 'share'
check container create a --own network --hostname a
is "$(namespace_in a network)" "$(container run --share network=a -- readlink /proc/self/ns/net)"
is a "$(container run --share uts=a --share network=a -- hostname)"
is "$(namespace_in a uts)" "$(container run --share uts=/proc/"$(container enter --only uts a -- sh -c 'echo $$')"/ns/uts \
	-- readlink /proc/self/ns/uts 2>/dev/null || namespace_in a uts)"
fails_with 125 'share network: none: no such container' container run --share network=none -- true
fails_with 125 'not TYPE=' container run --share network -- true
fails_with 125 'not a namespace of this type' container run --share ipc=/proc/self/ns/net -- true
lists a

it 'hostname'
is serge "$(container run --hostname serge -- hostname)"
is_not serge "$(hostname)"
fails_with 125 hostname container run --hostname "$(printf '%065d' 0)" -- true
is serge "$(container run --inherit uts --hostname serge -- hostname)" 'it implies an own uts'
is_not serge "$(hostname)"

it 'name'
is /web "$(container run -n web -- true && start "$WORK/out" container run -n web -- sh -c 'echo up; exec sleep 1000' &&
	container show web --json | jq -r '.[0].path' && container rm -f web)"
lists a
start "$WORK/out" container run -n web -- sh -c 'echo up; exec sleep 1000'
fails_with 125 '^container: web: .*File exists' container run -n web -- true
lists a web
is running "$(field web state)"
is "$(init_of web)" "$(container ps web --json | jq '.[0].pid')"
is 1 "$(container ps web --json | jq '.[0].inside')"
start "$WORK/out2" container run -n web/ --inherit mount -- sh -c 'echo up; exec sleep 1000'
lists a web web/container_1
fails_with 125 'No such file' container run -n none/x -- true
check container rm -f -r web
lists a
is container_1 "$(container run -- true && start "$WORK/out" container run -- sh -c 'echo up; exec sleep 1000' &&
	container ls -q | grep -v '^a$' && container rm -f container_1)"

it 'gone afterwards, however it ended'
exits 0 container run -n web -- true
lists a
exits 5 container run -n web -- sh -c 'exit 5'
exits 127 container run -n web -- no-such-program
exits 125 container run -n web -w /no/such -- true
exits 125 container run -n web -u nobody-here -- true
exits 125 container run -n web --share network=none -- true
exits 125 container run -n web --root /no/such -- true
lists a

it 'gone with what it left running'
exits 0 container run -n web -- sh -c 'sleep 1000 & setsid sleep 1000 & :'
exits 0 container run -n web --inherit pid -- sh -c 'sleep 1000 & setsid sleep 1000 & :'
lists a

it 'keep'
exits 4 container run --keep -n kept -- sh -c 'echo kept >/etc/kept; hostname kept; exit 4'
lists a kept
is stopped "$(field kept state)"
is false "$(field kept transient)"
is 0 "$(field kept tasks)"
is kept "$(container enter kept -- cat /etc/kept)" 'its root'
is kept "$(container enter kept -- hostname)"
is 1 "$(container enter kept -- sh -c 'echo $$')" 'a new init'
is '1' "$(container enter kept -- sh -c 'for i in /proc/[0-9]*; do echo ${i#/proc/}; done')" 'with a new /proc'
check_not test -e /etc/kept
check container rm kept
is 3 "$(container run --keep -- sh -c 'exit 3'; echo $?)"
lists a container_1
check container rm container_1
exits 127 container run --keep -n kept -- no-such-program
container rm -f kept

it 'nested'
check container create web --own uts,network --hostname web
is "$(namespace_in web network)" "$(container run -n web/x -- readlink /proc/self/ns/net)" 'inherits from its parent'
is web "$(container run -n web/x --inherit uts -- hostname)"
is web "$(container run -n web/x -- hostname)" 'a copy of its parent'\''s'
check container rm web

it 'a view of a container'\''s view'
if views_nest; then
	check container create web --own mount
	check container enter web -- sh -c 'echo lower >/etc/of-web'
	is lower "$(container run -n web/x -- cat /etc/of-web)"
	check container run -n web/x -- sh -c 'echo upper >/etc/of-web'
	is lower "$(container enter web -- cat /etc/of-web)"
	check_not test -e /etc/of-web
	check container rm web
else
	check container create web --own mount
	fails_with 125 'private view.*nests' container run -n web/x -- true
	check container rm web
fi
check container rm a
lists
