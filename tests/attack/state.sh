# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2030,SC2031
# timeout: 120
#
# The state directory, as somebody names or treats it who means no good: a directory with other files in it, whose names
# may be those of records; a caller whose umask, limits or user namespace are not root's usual ones.
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

names='tree ids limbo held lists adopted lock cradle cgroup host boot vault mounts bound home controllers'

everybody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"
}

# listing DIR: all that is in it.
listing()
{
	(cd "$1" && find . -printf '%p %y %m %l\n' | sort && find . -type f -exec cat {} +)
}

# untouched DIR: no hierarchy is made there, and nothing is changed.
untouched()
{
	had=$(listing "$1")
	exits 125 env CONTAINERFS_STATE="$1" container create x
	exits 125 env CONTAINERFS_STATE="$1" container run true
	is "$had" "$(listing "$1")" "$1"
}

it 'the control: an empty directory becomes a state directory, and is none any more'
mkdir "$WORK/empty"
other_state "$WORK/empty"
check env CONTAINERFS_STATE="$WORK/empty" container create x
is_not '' "$(ls "$WORK/empty")"
check env CONTAINERFS_STATE="$WORK/empty" container rm x
check env CONTAINERFS_STATE="$WORK/empty" container rm /
check_not test -e "$WORK/empty"

it 'directories of others with the names of ours lose nothing'
for name in $names; do
	mkdir -p "$WORK/dirs.$name/$name/precious"
	echo data >"$WORK/dirs.$name/$name/precious/file"
	untouched "$WORK/dirs.$name"
done

it 'nor do files and links'
for name in $names; do
	mkdir "$WORK/files.$name" "$WORK/links.$name"
	echo data >"$WORK/files.$name/$name"
	ln -s /nowhere "$WORK/links.$name/$name"
	# An empty file of this name is what a set-up leaves that was killed early.
	[ "$name" = lock ] || untouched "$WORK/files.$name"
	untouched "$WORK/links.$name"
done
echo data >"$WORK/files.lock/other"
untouched "$WORK/files.lock"

it 'a directory of others is told by what is in it, and has no hierarchy'
mkdir -p "$WORK/srv/www"
fails_with 125 'neither a state directory nor empty: it has.*www' env CONTAINERFS_STATE="$WORK/srv" container create x
fails_with 125 'no such container' env CONTAINERFS_STATE="$WORK/srv" container show /
is '' "$(CONTAINERFS_STATE="$WORK/srv" container ls -q 2>&1)"

it 'what an earlier boot has left is taken for what it is'
mkdir "$WORK/old" "$WORK/old/tree" "$WORK/old/limbo"
other_state "$WORK/old"
ln -s 00000000-0000-0000-0000-000000000000 "$WORK/old/boot"
check env CONTAINERFS_STATE="$WORK/old" container create x
check env CONTAINERFS_STATE="$WORK/old" container rm x

# modes UMASK: of all that others need to pass through.
modes()
{
	other_state "$WORK/mask$1"
	(
		umask "$1"
		CONTAINERFS_STATE=$WORK/mask$1
		export CONTAINERFS_STATE
		check container create a
		check container create a/b
		check container enter a/b true
		cgroup=$(cgroup_of_hierarchy)
		stat -c %a "$CONTAINERFS_STATE" "$CONTAINERFS_STATE/tree" "$CONTAINERFS_STATE/held" \
			"$CONTAINERFS_STATE/limbo" "$cgroup" "$cgroup"/*/ "$cgroup"/*/*/
		container rm -r -f a
	) | tr '\n' ' '
}

it 'the umask of who comes first closes nothing to others, and opens nothing'
for mask in 000 022 077 777; do
	is '711 755 700 700 755 755 755 ' "$(modes $mask)" "umask $mask"
done

it 'a limit of file sizes ends nobody who lists many containers'
check container create many
for i in $(seq 70); do
	container create "many/n$i" || bad "create n$i"
done
sleep 0.3
is 70 "$( (ulimit -f 0; container ls -q many) | grep -c 'n')" 'with a limit'
is 70 "$(container ls -q many | grep -c 'n')" 'without'

# full INODES: one more than that many files cannot be. How far it comes; all that is left can be removed.
full()
{
	(
		CONTAINERFS_STATE=$WORK/small/state
		export CONTAINERFS_STATE
		mount -t tmpfs -o "mode=755,nr_inodes=$1" small "$WORK/small" || bad 'mount'
		container create --own user,mount a 2>"$WORK/.err" && container create a/b 2>"$WORK/.err"
		came=$?
		[ $came = 0 ] || grep -q 'No space left on device' "$WORK/.err" ||
			bad "$1 files: $(cat "$WORK/.err")"
		check container check
		check container rm -r -f a
		! [ -e "$CONTAINERFS_STATE/cradle" ] || check container rm /
		rm -f "$CONTAINERFS_STATE/lock"
		is '' "$(ls -A "$CONTAINERFS_STATE" 2>"$WORK/.err")" "$1 files: what is left"
		check umount "$WORK/small" || umount -l "$WORK/small"
		echo "$came" >"$WORK/came"
		[ $failures = 0 ]
	) || bad "with $1 files"
	cat "$WORK/came"
}

it 'a state directory that is full loses nothing, and leaves nothing'
mkdir "$WORK/small"
for n in $(seq 2 22); do
	matches '^125$' "$(full "$n")" "$n files"
done
it 'the control: with room enough it works'
is 0 "$(full 100)"

# takes_down: again and again, somebody who uses the hierarchy and takes it down.
takes_down()
{
	for _ in $(seq 40); do
		CONTAINERFS_STATE=$WORK/short container run true || echo failed
		CONTAINERFS_STATE=$WORK/short container rm / 2>"$WORK/.busy"
	done
}

it 'who takes the hierarchy down at any moment keeps nobody from making it anew'
other_state "$WORK/short"
for _ in 1 2 3 4; do
	takes_down >>"$WORK/taken" 2>&1 &
done
wait
is '' "$(cat "$WORK/taken")"

it 'root of a user namespace changes nothing of what is above it'
check container create --own mount victim
listing "$CONTAINERFS_STATE/tree" >"$WORK/before"
for command in 'create x' 'rm victim' 'rename victim y' 'set victim hostname=h' 'run true' 'enter victim true' \
	'check --repair' 'rm -r -f many'; do
	# shellcheck disable=SC2086
	fails_with 125 'user namespace above' unshare -Ur container $command
done
listing "$CONTAINERFS_STATE/tree" >"$WORK/after"
is '' "$(diff "$WORK/before" "$WORK/after")"
is '' "$(ls "$CONTAINERFS_STATE/limbo")"
it 'it may look, as it could by ls(1)'
check unshare -Ur container ls -q
it 'the control: root itself may do all that'
check container rename victim y
check container rm y
check container rm -r -f many

it 'root of an ordinary user'"'"'s user namespace is told whose it is'
chmod 755 "$WORK"
cp "$(command -v container)" "$WORK/everybodys"
fails_with 125 "another user's|Permission denied" everybody unshare -Ur "$WORK/everybodys" create x
