# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# --root DIR: the directory as it is, with fresh /proc, /sys and /dev; and what hostile ones cannot do.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

dir=$WORK/root
make_root "$dir" touch stat mkdir rm

it 'as it is'
is "$(stat -c %i "$dir/bin/sh")" "$(container run --root "$dir" -- stat -c %i /bin/sh)"
is "$(ls "$dir")" "$(container run --root "$dir" -- ls /)"

it 'writes stay'
check container run --root "$dir" -- sh -c 'echo x >/etc/stays && mkdir /new && echo t >/tmp/t && rm /bin/touch'
is x "$(cat "$dir/etc/stays")"
is t "$(cat "$dir/tmp/t")" '/tmp is the directory'\''s'
check test -d "$dir/new"
check_not test -e "$dir/bin/touch"

it 'fresh /proc, /sys, /dev'
is 1 "$(container run --root "$dir" -- sh -c 'for i in /proc/[0-9]*; do echo ${i#/proc/}; done')"
is lo "$(container run --root "$dir" --own network -- ls /sys/class/net)"
check container run --root "$dir" -- sh -c 'echo x >/dev/null'
check container run --root "$dir" -- sh -c 'echo x >/dev/x && echo x >/dev/shm/x'
is '' "$(find "$dir/proc" "$dir/sys" "$dir/dev" -mindepth 1)" 'the directories themselves'

it 'a relative directory, one with odd characters, a link to one'
mkdir -p "$WORK/a b:c,d=e\\f"
check mount --bind "$dir" "$WORK/a b:c,d=e\\f"
check container run --root "$WORK/a b:c,d=e\\f" -- sh -c '[ -e /etc/stays ]'
umount "$WORK/a b:c,d=e\\f"
(cd "$WORK" && check container run --root root -- sh -c '[ -e /etc/stays ]') || bad 'relative'
ln -s root "$WORK/link"
check container run --root "$WORK/link" -- sh -c '[ -e /etc/stays ]'

it 'without the directories to mount on'
mkdir "$WORK/bare"
cp -a "$dir/." "$WORK/bare"
rm -r "$WORK/bare/proc" "$WORK/bare/sys" "$WORK/bare/dev" "$WORK/bare/tmp" "$WORK/bare/run"
exits 3 container run --root "$WORK/bare" -- sh -c 'exit 3'
for name in proc sys dev tmp run; do
	check_not test -e "$WORK/bare/$name"
done
for name in proc sys dev; do
	: >"$WORK/bare/$name"
done
exits 3 container run --root "$WORK/bare" -- sh -c 'exit 3'

it 'its mounts are not there, unless it is /'
mkdir "$dir/mnt"
check mount -t tmpfs none "$dir/mnt"
: >"$dir/mnt/x"
exits 1 container run --root "$dir" -- sh -c '[ -e /mnt/x ]'
umount "$dir/mnt"

it 'mounts made inside stay inside'
lines=$(mounts)
make_root "$dir" mount
check container run --root "$dir" -- mount -t tmpfs none /mnt
is "$lines" "$(mounts)"

it '/'
host=$(namespace mnt)
check container run --root / -- sh -c "[ -d '$WORK/root' ]"
check container run --root / -- sh -c "echo x >'$WORK/by-root'"
is x "$(cat "$WORK/by-root")" 'writes reach the host'
is_not "$host" "$(container run --root / -- readlink /proc/self/ns/mnt)"
is 1 "$(container run --root / -- sh -c 'for i in /proc/[0-9]*; do echo ${i#/proc/}; done')" 'a fresh /proc'
check mount -t tmpfs none "$dir/mnt"
: >"$dir/mnt/x"
check container run --root / -- sh -c "[ -e '$dir/mnt/x' ]"
umount "$dir/mnt"
check container run --root / -- mount -t tmpfs none "$dir/mnt"
is "$lines" "$(mounts)" 'mounts made inside'
check container create whole --root /
check container enter whole -- sh -c "[ -e '$dir/etc/stays' ]"
is / "$(field whole root)"
check container rm whole

it 'not a directory, not there'
fails_with 125 "$dir/etc/stays: Not a directory" container run --root "$dir/etc/stays" -- true
fails_with 125 "$dir/none: No such file" container run --root "$dir/none" -- true
fails_with 125 '/dev/null: Not a directory' container run --root /dev/null -- true

# hostile NAME SET-UP: a root directory in which SET-UP is run; $victim of the host stays as it is.
victim=$WORK/victim
hostile()
{
	it "hostile: $1"
	hostile=$WORK/hostile
	rm -rf "$hostile" "$victim"
	mkdir -p "$victim/pts" "$victim/shm" "$victim/null" "$victim/etc"
	echo precious >"$victim/file"
	echo 'app:x:0:0::/:/bin/sh' >"$victim/etc/passwd"
	cp -a "$dir" "$hostile"
	(cd "$hostile" && eval "$2")
	before=$(find "$victim" "$hostile" -printf '%p %y %m %s %T@ %l\n' | sort)
	lines=$(cut -d ' ' -f 2- /proc/self/mountinfo)
	exits 3 container run --root "$hostile" -- /bin/sh -c 'exit 3'
	check container create h --root "$hostile" --own uts,pid
	exits 3 container enter h -- /bin/sh -c 'exit 3'
	exits 3 container enter h -- /bin/sh -c 'exit 3'
	check container rm h
	is "$before" "$(find "$victim" "$hostile" -printf '%p %y %m %s %T@ %l\n' | sort)"
	is "$lines" "$(cut -d ' ' -f 2- /proc/self/mountinfo)" 'mounts'
}

for name in dev proc sys; do
	hostile "/$name is a link to the victim" "rmdir $name; ln -s $victim $name"
	hostile "/$name leads out by .." "rmdir $name; ln -s ../../../../../../../../../../../..$victim $name"
	hostile "/$name is a link to another place inside" "rmdir $name; mkdir inside; ln -s inside $name"
	hostile "/$name is a link to itself" "rmdir $name; ln -s $name $name"
	hostile "/$name is a link to /" "rmdir $name; ln -s / $name"
	hostile "/$name is a link to magic" "rmdir $name; ln -s /proc/1/root$victim $name"
	hostile "/$name is a fifo" "rmdir $name; mkfifo $name"
	hostile "/$name is a file" "rmdir $name; : >$name"
	hostile "/$name dangles" "rmdir $name; ln -s /no/such/place $name"
done
hostile 'all at once' "rmdir dev proc sys; ln -s $victim dev; ln -s $victim proc; ln -s $victim sys"
hostile '/dev/pts is a link' "ln -s $victim dev/pts; ln -s $victim dev/shm; ln -s $victim/file dev/null
	ln -s $victim/file dev/console"
hostile '/proc has links' "ln -s $victim proc/self; mkdir -p proc/1; ln -s $victim proc/1/ns"
hostile '/etc is a link' "rm -r etc; ln -s $victim/etc etc"

it 'hostile: /etc/passwd leads out'
fails_with 125 'no such user' container run --root "$hostile" -u app -- /bin/sh -c id

it 'a container that swaps its own /proc for a link before the next init comes'
check container create h --root "$dir" --own pid
make_root "$dir" umount ln rmdir
check container enter h -- sh -c "umount /proc; rmdir /proc && ln -s $victim /proc"
before=$(find "$victim" -printf '%p %y %m %s %T@ %l\n' | sort)
exits 3 container enter h -- sh -c 'exit 3'
is "$before" "$(find "$victim" -printf '%p %y %m %s %T@ %l\n' | sort)"
check container rm h
lists
