# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# The mount table of the host has one line more at most, the vault's, whatever containers there are.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

make_root "$WORK/root" sleep
before=$(mounts)
grep -v " $WORK/state/" /proc/self/mountinfo >"$WORK/before"

# one_more WHAT
one_more()
{
	[ "$(mounts)" -le $((before + 1)) ] || bad "$1: $(($(mounts) - before)) lines more"
	is "$(cat "$WORK/before")" "$(grep -v " $WORK/state/" /proc/self/mountinfo)" "$1: all other lines"
}

it 'mountinfo'
for i in $(seq 20); do
	check container create "c$i" --own all
done
one_more '20 containers with everything own'
for i in $(seq 10); do
	check container set "c$i" root="$WORK/root"
	check container create "c$i/n" --own all --root /
done
one_more '10 roots and 10 nested ones'
for i in $(seq 10); do
	start "$WORK/out" container enter "c$i" -- sh -c 'echo up; exec sleep 1000'
	container run -n "c$i/r" -- sh -c :
done
one_more 'tasks in them'
start "$WORK/out" container run -n run -- sh -c 'mount -t tmpfs none /mnt; mount --bind /etc /srv; echo up; exec sleep 1000'
one_more 'a run, and mounts in it'
check container enter run -- mount -t tmpfs none /opt
check container enter c15 -- mount -t tmpfs none /opt
one_more 'mounts made by enter'
is 0 "$(container enter run -- cat /proc/self/mountinfo | grep -c "$WORK/state")" 'the vault, seen from inside'
check container rm -f run
for i in $(seq 20); do
	check container rm -f -r "c$i"
done
one_more 'all removed'

it 'what the host mounts later does not depend on us'
check container create late --own mount
mkdir "$WORK/late"
check mount -t tmpfs none "$WORK/late"
check umount "$WORK/late"
check rmdir "$WORK/late"
check container create whole --root /
mkdir "$WORK/late"
check mount -t tmpfs none "$WORK/late"
check umount "$WORK/late"
check rmdir "$WORK/late"
check container rm late whole

it 'a host where nothing is shared'
unshare -m --propagation private sh -c '
	state=$1
	export CONTAINERFS_STATE=$state
	n=$(grep -c . /proc/self/mountinfo)
	container create a --own all || exit 10
	container run -- true || exit 11
	container run --root / -- true || exit 12
	container enter a -- mount -t tmpfs none /mnt || exit 13
	[ "$(grep -c . /proc/self/mountinfo)" -le $((n + 1)) ] || exit 14
	container rm -f a || exit 15
	container rm / || exit 16' sh "$WORK/private-state"
is 0 $? 'status'

it 'a host where all is a slave'
unshare -m --propagation slave sh -c '
	export CONTAINERFS_STATE=$1
	container create a --own all && container run -- true && container run --root / -- true &&
	container enter a -- true && container rm -f a && container rm /' sh "$WORK/slave-state"
is 0 $? 'status'

it 'two hierarchies'
other_state "$WORK/second"
check env CONTAINERFS_STATE="$WORK/second" container create a --own all
check container create a --own all
check env CONTAINERFS_STATE="$WORK/second" container run --root / -- true
check container run --root / -- true
is a "$(CONTAINERFS_STATE=$WORK/second container ls -q)"
check env CONTAINERFS_STATE="$WORK/second" container rm a
check container rm a
[ "$(mounts)" -le $((before + 2)) ] || bad "$(($(mounts) - before)) lines more"
