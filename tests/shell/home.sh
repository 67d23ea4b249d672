# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 90
#
# One hierarchy, many mount namespaces: whoever is the first to use it, a service with a mount namespace of its
# own or the machine, the others find it; what has ended with its service is made anew.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# service CMD...: as a unit with a mount namespace of its own is run.
service()
{
	unshare -m --propagation slave "$@"
}

# held NAME: a service that lives until it is let go, by its fifo; it does what it is told by a line.
held()
{
	mkfifo "$WORK/$1.in"
	service sh -c 'while read -r line; do sh -c "$line" >"$1.out" 2>&1; echo $? >"$1.status"; done <"$1.in"' \
		sh "$WORK/$1" &
	held=$!
}

# tell NAME CMD: in that service; its status, and its output in $WORK/NAME.out.
tell()
{
	rm -f "$WORK/$1.status"
	echo "$2" >&3
	wait_for test -s "$WORK/$1.status"
	is 0 "$(cat "$WORK/$1.status")" "$1: $2: $(cat "$WORK/$1.out")"
}

one_more()
{
	[ "$(mounts)" -le $((lines + ${1:-1})) ] || bad "$(($(mounts) - lines)) mounts more"
}
lines=$(mounts)

it 'a service is the first, and ends'
check service container run -- true
check container run -- true
check service container run -- true
one_more
check container rm /
check_not test -e "$CONTAINERFS_STATE"

it 'what it has made and pinned has ended with it; the rest is as it was'
check service container create plain
check service container create a --own uts
check service container create a/b --own network
lists plain a a/b
check container enter plain -- true
fails_with 125 '^container: a: pinned namespace is lost: uts: .*\(.*container rm' container enter a -- true
check container create c --own all
check container enter c -- true
check container rm -r a
check container rm plain c
one_more
check container rm /

it 'a service is the first, and lives'
held first
exec 3>"$WORK/first.in"
tell first 'container create a --own uts,mount --hostname inside'
is inside "$(container enter a -- hostname)"
check container create b --own all
check container set a network=own
check container mount a -t tmpfs none /mnt
tell first 'container enter a -- grep -q " /mnt " /proc/self/mountinfo && container enter b -- true'
check service container enter a -- grep -q ' /mnt ' /proc/self/mountinfo
check container run -- true
check container run --root / -- true
check container key add a user key text
check container cp /etc/passwd a:/srv/
check container rm b
tell first 'container rm -r a && container rm /'
check_not test -e "$CONTAINERFS_STATE"
check container create again --own uts
tell first 'container enter again -- true && container rm again && container rm /'
exec 3>&-
check wait $held
is "$lines" "$(mounts)"

elsewhere()
{
	unshare -m --propagation "$propagation" "$@"
}

for propagation in private slave shared; do
	it "made here, used from a namespace that is $propagation"
	check container create a --own all --hostname inside
	is inside "$(elsewhere container enter a -- hostname)"
	check elsewhere container run -- true
	check elsewhere container run --root / -- true
	check elsewhere container create b --own all
	check elsewhere container mount b -t tmpfs none /mnt
	check container enter b -- grep -q ' /mnt ' /proc/self/mountinfo
	check elsewhere container set b network=inherit
	check elsewhere container rm -f -r a b
	one_more
	check elsewhere container rm /
	is "$lines" "$(mounts)" mounts
	check_not test -e "$CONTAINERFS_STATE"
done

it 'a service that is older than the first use'
held old
exec 3>"$WORK/old.in"
check container create a --own uts
tell old 'container enter a -- true && container run -- true && container rm a'
exec 3>&-
check wait $held
check container rm /

it 'the first use from two at once: there is one hierarchy'
mkfifo "$WORK/end"
for _ in 1 2 3 4 5; do
	# They live on: the one that was the first has the hierarchy.
	service sh -c 'container create one --own uts; read -r _ <"$1"' sh "$WORK/end" &
	one=$!
	unshare -m --propagation private sh -c 'container create two --own uts; read -r _ <"$1"' sh "$WORK/end" &
	two=$!
	check container create three --own uts
	wait_for container enter one -- true
	wait_for container enter two -- true
	lists one two three
	check container enter three -- true
	check container rm one two three
	check container rm /
	: >"$WORK/end"
	wait $one $two
done

it 'a namespace of somebody else, with something else on that mount point'
if setpriv --reuid 65534 --regid 65534 --clear-groups unshare -U -m true 2>/dev/null; then
	check service container create a --own uts
	# shellcheck disable=SC2016
	start "$WORK/other" setpriv --reuid 65534 --regid 65534 --clear-groups unshare -U -r -m sh -c '
		mount --bind /proc/self/ns/uts "$1" && echo up && exec sleep 1000' sh "$CONTAINERFS_STATE/cradle"
	check grep -q "$CONTAINERFS_STATE/cradle" "/proc/$started/mountinfo"
	# As on a kernel that gives no numbers, where the inode is used again. Where not all processes may be
	# looked at it is not known that the right one is gone.
	recorded=$(readlink "$CONTAINERFS_STATE/home")
	ln -sfn "0 $(readlink "/proc/$started/ns/mnt" | tr -dc 0-9)" "$CONTAINERFS_STATE/home"
	if ! container create b --own uts --hostname mine 2>"$WORK/err"; then
		matches 'in a mount namespace that cannot be entered' "$(cat "$WORK/err")"
		ln -sfn "$recorded" "$CONTAINERFS_STATE/home"
		check container create b --own uts --hostname mine
	fi
	is mine "$(container enter b -- hostname)"
	check_not grep -q "$CONTAINERFS_STATE/cradle" "/proc/$started/mountinfo"
	kill "$started"
	wait "$started" 2>/dev/null
	check container rm a b
	check container rm /
else
	part_skipped 'not everybody may make user namespaces'
fi

it 'its mount point is unmounted'
check container create a
check umount "$CONTAINERFS_STATE/cradle"
check container create b --own all
check container enter b -- true
check container rm a b
check container rm /
is "$lines" "$(mounts)" mounts

it 'from another root, with the same path'
mkdir "$WORK/jail"
check mount --rbind / "$WORK/jail"
check mount --make-rprivate "$WORK/jail"
check container create a --own uts --hostname inside
is inside "$(chroot "$WORK/jail" container enter a -- hostname)"
check chroot "$WORK/jail" container rm a
check container rm /
umount -l "$WORK/jail"

it 'where it cannot be found that is told, and nothing is made'
check container create a --own uts
unshare -p -f -m --mount-proc --propagation private sh -c 'container create b --own uts; exit $?' 2>"$WORK/err"
is 125 $? status
matches '^container: .*mount namespace that cannot be entered from here: .*\(.*nsenter.*CONTAINERFS_STATE' "$(cat "$WORK/err")"
lists a
check container enter a -- true
check container rm a
check container rm /

# A machine of its own: process 1, /run and cgroups that nobody else has, and the usual state directory.
cat >"$WORK/machine" <<'END'
. "$TESTS/lib.sh"
trap - EXIT
unset CONTAINERFS_STATE
it 'a machine'
check mount --make-rshared /
check mount -t tmpfs none /run
check mount -t cgroup2 none /mnt
service()
{
	unshare -m --propagation slave "$@"
}
tables()
{
	grep -c . /proc/self/mountinfo
}
lines=$(tables)

it 'the default hierarchy: a service is the first, and what it makes outlives it'
check service container create a --own uts,mount --hostname inside
is inside "$(container enter a -- hostname)"
check test "$(grep -c ' /run/containerfs/cradle ' /proc/self/mountinfo)" = 1
check service container enter a -- true
check unshare -m --propagation private container enter a -- true
check container rm a
check service container rm /
check_not test -e /run/containerfs
is "$lines" "$(tables)" mounts

it 'a service with a network of its own is the first: the init container is the machine all the same'
check unshare -m -n -u container create a
is "$(readlink /proc/1/ns/net)" "$(container enter a -- readlink /proc/self/ns/net)"
is "$(readlink /proc/1/ns/net)" "$(unshare -m -n container enter a -- readlink /proc/self/ns/net)"
is "$(readlink /proc/1/ns/mnt)" "$(service container enter a -- readlink /proc/self/ns/mnt)"
check container rm a

it 'what a service sees elsewhere is not the machine'
check service sh -c 'mount -t tmpfs none /srv && : >/srv/here && container run -- test ! -e /srv/here'
check container rm /

it 'a service that has another /run has a hierarchy of its own'
check container create a --own uts
check service sh -c 'mount -t tmpfs none /run && container create mine --own uts && container enter mine -- true &&
	test "$(container ls -q)" = mine && container rm mine && rmdir /mnt/containerfs/watch 2>/dev/null; container ls -q | grep -qx mine && exit 1; exit 0'
is a "$(container ls -q)"
check container enter a -- true
check container rm a

it 'and from a state directory of its own it is found by a process that is there'
check service sh -c 'export CONTAINERFS_STATE=/run/other; container create x --own uts &&
	unshare -m --propagation private container enter x -- true'
fails_with 125 'pinned namespace is lost' env CONTAINERFS_STATE=/run/other container enter x -- true
check env CONTAINERFS_STATE=/run/other container rm x
check env CONTAINERFS_STATE=/run/other container rm /
check container rm /
[ "$failures" = 0 ]
END
it 'a machine of its own'
is '' "$(container run --root / -- sh "$WORK/machine" 2>&1)"
