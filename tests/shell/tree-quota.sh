# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 180
#
# What one user takes of the server has an end, for that user alone: users 1000, who takes all he can, and 1001
# and 1002, who look at something every now and then. And who counts as one.
#
#	/
#	├── many     1000 nested ones
#	├── own      belongs to user 1000
#	└── u        own user namespace, with ids from 100000 on
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

attack=$BUILD/tests/tree/attack
[ -x "$attack" ] || skip "$attack is not built"
cp "$attack" "$WORK/attack"
attack=$WORK/attack
MAX=$((16 << 10)) # kB
# An address sanitizer keeps what was freed, and more beside what was not.
ldd "$BUILD/src/fs/mount.containerfs" 2>/dev/null | grep -q libasan && MAX=$((10 * MAX))

mount_tree
server=$(server_of "$T")
mkdir "$T/many" "$T/own"
seq 1000 | (cd "$T/many" && xargs mkdir)
chown 1000 "$T/own"
# Everything that is started late has been.
find "$T/many" >/dev/null
setpriv --reuid 1001 --clear-groups "$attack" hoard list "$T/own" 1 >"$WORK/out" &
wait_for grep -q up "$WORK/out"
kill $!
wait $! 2>/dev/null

as()
{
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

rss()
{
	awk '/^VmRSS:/ { print $2 }' "/proc/$server/status"
}

fds()
{
	find "/proc/$server/fd" | wc -l
}

# hoards CMD...: in the background; sets $hoarder, $took and $why.
hoards()
{
	: >"$WORK/hoard"
	"$@" >"$WORK/hoard" 2>&1 &
	hoarder=$!
	wait_for grep -q up "$WORK/hoard"
	read -r took why <"$WORK/hoard"
}

let_go()
{
	kill $hoarder
	wait $hoarder 2>/dev/null
}

# user_hoards KIND PATH: user 1000.
user_hoards()
{
	hoards setpriv --reuid 1000 --regid 1000 --clear-groups "$attack" hoard "$1" "$2" 15000
}

# no_more KIND PATH UID CMD...: CMD runs one that takes more; it gets what the last one had no room for, at most.
no_more()
{
	kind_of_it=$1 path_of_it=$2 uid_of_it=$3
	shift 3
	: >"$WORK/more"
	setpriv --reuid "$uid_of_it" --regid "$uid_of_it" --clear-groups "$@" \
		"$attack" hoard "$kind_of_it" "$path_of_it" "$took" >"$WORK/more" 2>&1 &
	again=$!
	wait_for grep -q up "$WORK/more"
	kill $again
	wait $again 2>/dev/null
	read -r more _ <"$WORK/more"
	[ $((more * 4)) -lt "$took" ] || bad "$more more after $took ($*)"
}

for kind in list:many read:many/1/status write:own/hostname poll:many/1/state; do
	path=$T/${kind#*:} kind=${kind%%:*}
	it "one who takes: $kind"
	before=$(rss)
	user_hoards "$kind" "$path"
	is_not all "$why" "$took are too many"
	matches '^Too many open files in system|^Success' "$why"
	after=$(rss)
	[ $((after - before)) -le "$MAX" ] || bad "$took cost $((after - before)) kB"
	[ "$(fds)" -lt 1200 ] || bad "$(fds) fds of the server"
	no_more "$kind" "$path" 1000 env
	it "$kind: others do not notice"
	check as 1001 ls "$T/many"
	check as 1002 cat "$T/many/1/status"
	check ls "$T/many"
	it "$kind: nor can it be got around by a user namespace"
	[ "$kind" = write ] || no_more "$kind" "$path" 1000 unshare -U --map-current-user
	[ "$kind" = write ] || no_more "$kind" "$path" 1000 unshare -Ur
	let_go
	it "$kind: what was taken is given back"
	wait_for as 1000 ls "$T/many"
	check as 1000 cat "$T/many/1/status"
done

it 'root is not limited by that'
hoards "$attack" hoard list "$T/many" 900
is '900 all' "$took $why"
let_go

if has_type user && check container create u --own user && container set u uid_map='0 100000 65536' 2>/dev/null &&
	container set u gid_map='0 100000 65536'; then
	it 'all ids of a user namespace are one user'
	hoards container enter u -- setpriv --reuid 5 --clear-groups "$attack" hoard list "$T/many" 50000
	matches 'Too many open files in system' "$why"
	no_more list "$T/many" 0 container enter u -- setpriv --reuid 6 --clear-groups
	no_more list "$T/many" 0 container enter u --
	check as 1001 ls "$T/many"
	check ls "$T/many"
	let_go
	wait_for container enter u -- ls "$T/many"
else
	part_skipped 'no user namespace with other ids'
fi

# p99 UID FILE: in us.
p99()
{
	as "$1" "$attack" time "$2" 500 | cut -d' ' -f 2
}

# With two processors, and tests beside: a bound that no slowness of the machine alone breaks.
it 'others are not slowed down'
alone=$(p99 1001 "$T/many/1/state")
user_hoards list "$T/many"
held=$(p99 1002 "$T/many/1/state")
[ "$held" -lt $((20 * alone + 20000)) ] || bad "$held us instead of $alone, while 1000 holds all it can"
let_go
busy=
for _ in 1 2 3 4 5 6 7 8; do
	setsid setpriv --reuid 1000 --clear-groups sh -c 'while :; do find "$1" >/dev/null 2>&1; done' sh "$T/many" &
	busy="$busy -$!"
done
p99 1001 "$T/many/1/state" >"$WORK/one" &
one=$!
two=$(p99 1002 "$T/many/1")
wait $one
for time in $two $(cat "$WORK/one"); do
	[ "$time" -lt $((20 * alone + $(seconds 200000))) ] || bad "$time us instead of $alone, while 1000 looks at all"
done
echo "# p99 in us: alone $alone; one holds 16 MB $held; one looks 8 times at a time $(cat "$WORK/one") $two"
# With the find(1) of each.
# shellcheck disable=SC2086
kill -- $busy
wait

container rm -r -f u 2>/dev/null
check rm -r "$T/own"
check container rm -r many
