# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 180
#
# What the owner of a container may make in it is limited in number, depth, own networks and memory of views,
# by limits that only root can raise.
#
#	/
#	├── own      belongs to user 1000
#	├── u        own user namespace
#	├── open     root's, mode 1777
#	└── plain    root's
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

mount_tree
mkdir "$T/own" "$T/plain"
mkdir "$T/open" && chmod 1777 "$T/open"
chown 1000:1000 "$T/own"

as()
{
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# nested DIR: how many containers there are below.
nested()
{
	find "$1" -mindepth 1 -type d ! -name by-pid | wc -l
}

it 'the usual limits are told'
matches 'containers.nested=64' "$(container show own)"
matches 'containers.networks=16' "$(container show own)"
matches 'containers.depth=8' "$(container show own)"
matches 'containers.view=67108864' "$(container show own)"
is '' "$(container show plain | grep containers.)"
as 1000 mkdir "$T/own/n"
is '' "$(container show own/n | grep containers.)" 'not of one inside'
as 1000 rmdir "$T/own/n"

it 'number'
check as 1000 sh -c 'cd "$1" && seq 63 | xargs mkdir && mkdir 1/x' sh "$T/own"
says 'quota exceeded' as 1000 mkdir "$T/own/more"
says 'quota exceeded' as 1000 mkdir "$T/own/1/x/more"
says 'quota exceeded' mkdir "$T/own/more"
fails_with 125 'no more nested containers are allotted.*containers.nested.*[Qq]uota exceeded' container create own/more
fails_with 125 'own.*no more nested containers' container create own/1/more
check as 1000 mv "$T/own/2" "$T/own/two"
check as 1000 rmdir "$T/own/two"
check as 1000 mkdir "$T/own/2"
says 'quota exceeded' as 1000 mkdir "$T/own/more"

it 'root raises it, and nobody else'
check container set own containers.nested=66
is 66 "$(container show --json own | jq -r '.[0].limits' | grep -o 'nested=[0-9]*' | cut -d= -f 2)"
check as 1000 mkdir "$T/own/65" "$T/own/66"
says 'quota exceeded' as 1000 mkdir "$T/own/67"
check container set own containers.nested=max
check as 1000 mkdir "$T/own/67"
check container set own containers.nested=3
says 'quota exceeded' as 1000 mkdir "$T/own/68"
check container set own containers.nested=default
as 1000 env CONTAINERFS_STATE="$CONTAINERFS_STATE" PATH="$PATH" container set own containers.nested=max 2>/dev/null &&
	bad 'the owner raises it'
says 'quota exceeded' as 1000 mkdir "$T/own/68"
for value in -1 x 1x 99999999999999999999; do
	fails_with 125 'not a|value|too large' container set own containers.nested="$value"
done
fails_with 125 'no such limit' container set own containers.other=1
fails_with 125 'less than a page' container set own containers.view=0
check as 1000 rm -r "$T"/own/[0-9]*

it 'number: many at the same time'
for process in 1 2 3 4 5 6 7 8; do
	as 1000 sh -c 'for i in $(seq 12); do mkdir "$1/'$process'-$i" 2>/dev/null; done' sh "$T/own" &
	makers="${makers:-} $!"
done
# shellcheck disable=SC2086
wait $makers
is 64 "$(nested "$T/own")"
check as 1000 sh -c 'rm -r "$1"/*-*' sh "$T/own"

it 'depth'
check as 1000 mkdir -p "$T/own/1/2/3/4/5/6/7/8"
says 'quota exceeded' as 1000 mkdir "$T/own/1/2/3/4/5/6/7/8/9"
check container set own containers.depth=9
check as 1000 mkdir "$T/own/1/2/3/4/5/6/7/8/9"
check as 1000 rm -r "$T/own/1"

it 'own networks'
check container set own containers.networks=4
check as 1000 sh -c 'cd "$1" && mkdir 1 2 3 4 5 6 1/x && touch 1/network 1/x/network 2/network network' sh "$T/own"
says 'quota exceeded' as 1000 touch "$T/own/3/network"
fails_with 125 'no more own networks.*containers.networks' container set own/3 network=own
fails_with 125 'no more own networks.*containers.networks' container create --own network own/7
check as 1000 mkdir "$T/own/7"
check as 1000 rm "$T/own/1/x/network"
check as 1000 touch "$T/own/3/network"
check as 1000 rm "$T/own/network" "$T/own/1/network" "$T/own/2/network" "$T/own/3/network"
makers=
for n in 1 2 3 4 5 6 7; do
	as 1000 touch "$T/own/$n/network" 2>/dev/null &
	makers="$makers $!"
done
# shellcheck disable=SC2086
wait $makers
is 4 "$(find "$T/own" -name network | wc -l)" 'many at the same time'
check as 1000 sh -c 'rm -r "$1"/?' sh "$T/own"

it 'memory of a view'
check as 1000 mkdir "$T/own/v"
check as 1000 touch "$T/own/v/mount"
is 65536 "$(container enter own/v -- df -k --output=size / | tail -n 1 | tr -d ' ')"
says 'No space left' container enter own/v -- dd if=/dev/zero of=/tmp/big bs=1M count=100
check container enter own/v -- sh -c 'rm /tmp/big && dd if=/dev/zero of=/tmp/small bs=1M count=30 2>/dev/null'
check container set own containers.view=8M
check container create --own mount own/w
is 8192 "$(container enter own/w -- df -k --output=size / | tail -n 1 | tr -d ' ')"
is_not 8192 "$(container run --own mount -- df -k --output=size / | tail -n 1 | tr -d ' ')" 'of others'
check container rm own/w
check container rm -f own/v

it 'a mode that lets others make containers'
check as 1001 sh -c 'cd "$1" && seq 64 | xargs mkdir' sh "$T/open"
says 'quota exceeded' as 1001 mkdir "$T/open/65"
check container set open containers.nested=max
check as 1001 mkdir "$T/open/65"

it 'who is root in a user namespace'
if has_type user && check container create --ids host u; then
	check container enter u -- sh -c 'cd "$1" && seq 64 | xargs mkdir' sh "$T/u"
	says 'quota exceeded' container enter u -- mkdir "$T/u/65"
	check rm -r "$T/u"
else
	part_skipped 'no user namespaces'
fi

it 'where nobody is the owner there is no limit'
check sh -c 'cd "$1" && seq 70 | xargs mkdir' sh "$T/plain"
check container set plain containers.nested=71
check mkdir "$T/plain/71"
says 'quota exceeded' mkdir "$T/plain/72"

check rm -r "$T/own" "$T/plain" "$T/open"
