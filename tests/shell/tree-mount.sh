# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2010,SC2012 # ls is what is tested
#
# Mounting and unmounting the tree: options, several mounts, a server that is killed or stopped.
#
#	/
#	└── web
#	    └── db
#	        └── x
# timeout: 90
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

tree_by_hand containers
echo "$WORK/second" >>"$WORK/.trees"
mkdir "$WORK/second"

# unmounted DIR: and its server is gone.
unmounted()
{
	check_not is_mounted "$1"
	wait_for sh -c "! pgrep -f 'mount[.]containerfs .*none $1( |\$)'"
}

# options DIR: as the kernel has them.
options()
{
	awk -v dir="$1" '$2 == dir { print $4 }' /proc/mounts
}

it 'mount and umount'
check mount -t containerfs none "$T"
is "none fuse.containerfs" "$(awk -v t="$T" '$2 == t { print $1, $3 }' /proc/mounts)"
matches '(^|,)nosuid,nodev,noexec(,|$)' "$(options "$T")"
check mkdir "$T/web"
check umount "$T"
unmounted "$T"
lists web
is '' "$(ls -A "$T")" 'the mount point'

it 'it is in the background once it is mounted, with nothing of the caller'
exec 7<"$0"
start "$WORK/out" sh -c "mount -t containerfs none '$T' && ls '$T/web' >/dev/null && echo up"
ends 0 "$started"
exec 7<&-
server=$(server_of "$T")
is 1 "$(echo "$server" | grep -c .)" 'servers'
is / "$(readlink "/proc/$server/cwd")"
for fd in 0 1 2; do
	is /dev/null "$(readlink "/proc/$server/fd/$fd")" "fd $fd"
done
# shellcheck disable=SC2046
set -- $(sed 's/.*) //' "/proc/$server/stat")
is "$server" "$4" 'a session of its own'
is_not "$$" "$2"
is '' "$(find "/proc/$server/fd" -lname "$TESTS/*")" 'files of the caller'
check umount "$T"
unmounted "$T"

it '-f stays in front, and ends by umount'
start "$WORK/front" sh -c "echo up; exec mount.containerfs -f none '$T'"
wait_for is_mounted "$T"
is "$started" "$(server_of "$T")"
check umount "$T"
ends 0 "$started"
is up "$(cat "$WORK/front")"

it 'a signal ends it, and unmounts'
for signal in TERM INT HUP; do
	start "$WORK/front" env --default-signal=INT,HUP sh -c "echo up; exec mount.containerfs -f none '$T'"
	wait_for is_mounted "$T"
	kill -$signal "$started"
	ends 0 "$started"
	unmounted "$T"
done

it 'options of mount(8) and fstab(5)'
for o in defaults rw noauto,nofail,user,users,group,owner _netdev x-systemd.automount,x-systemd.idle-timeout=5 \
	X-mount.mkdir comment=foo auto,nouser defaults,x-foo noatime nodiratime relatime; do
	check mount -t containerfs -o $o none "$T"
	check test -d "$T/web"
	check umount "$T"
	unmounted "$T"
done
echo "none $T containerfs defaults,nofail,x-systemd.automount 0 0" >"$WORK/fstab"
check mount -T "$WORK/fstab" "$T"
is rw "$(options "$T" | cut -d , -f 1)"
check umount "$T"
echo "none $T containerfs ro,root=/web 0 0" >"$WORK/fstab"
check mount -T "$WORK/fstab" -a
is ro "$(options "$T" | cut -d , -f 1)"
check test -e "$T/state"
check_not test -e "$T/web"
check umount "$T"
unmounted "$T"
check mount -t containerfs tree "$T"
is tree "$(awk -v t="$T" '$2 == t { print $1 }' /proc/mounts)" 'another source'
check umount "$T"
check mount.containerfs none "$T" -o ro -v
check umount "$T"
check mount.containerfs -n -s -o rw none "$T"
check umount "$T"
unmounted "$T"

it 'options that there are not'
for o in foo foo=bar root2=/web size=1m; do
	check_not timeout 10 mount -t containerfs -o $o none "$T"
	[ -s "$WORK/.err" ] || bad "$o: nothing is said"
	unmounted "$T"
done
# libfuse may or may not know this one: it is never accepted and forgotten.
if timeout 10 mount -t containerfs -o nosymfollow none "$T" 2>"$WORK/.err"; then
	matches '(^|,)nosymfollow(,|$)' "$(options "$T")"
	check umount "$T"
fi
unmounted "$T"
check_not mount.containerfs -x none "$T"
check_not mount.containerfs none
check_not mount.containerfs none "$T" more
check_not mount.containerfs
unmounted "$T"

it 'bad arguments'
says 'No such file' mount.containerfs none "$WORK/nothing"
touch "$WORK/file"
says 'ot a directory' mount.containerfs none "$WORK/file"
says 'root=/nothing.*No such file' mount.containerfs -o root=nothing none "$T"
says 'root=' mount.containerfs -o root=web/../.. none "$T"
says 'root=' mount.containerfs -o root=web/tasks none "$T"
unmounted "$T"
check mount.containerfs --help
matches '^Usage: mount.containerfs ' "$(cat "$WORK/.out")"
matches '^mount.containerfs [0-9]' "$(mount.containerfs --version)"
check sh -c "cd '$WORK' && mount.containerfs none containers" # a relative mount point
check test -d "$T/web"
check umount "$T"
unmounted "$T"

it 'it cannot be mounted without privilege'
chmod 755 "$T"
check_not setpriv --reuid 1000 --regid 1000 --clear-groups mount.containerfs none "$T"
unmounted "$T"

it 'ro'
check mkdir -p "$WORK/x"
check mount -t containerfs -o ro none "$T"
is ro "$(options "$T" | cut -d , -f 1)"
says 'Read-only' mkdir "$T/a"
says 'Read-only' rmdir "$T/web"
says 'Read-only' mv "$T/web" "$T/w"
says 'Read-only' touch "$T/web/network"
says 'Read-only' ln -s /proc/self/ns/net "$T/web/network"
says 'Read-only' rm "$T/web/tasks"
says 'Read-only' rm -r "$T/web"
says 'Read-only' chmod 700 "$T/web"
says 'Read-only' chown 1000 "$T/web"
put_fails 'Read-only' 0 "$T/web/tasks"
put_fails 'Read-only' 1 "$T/web/freeze"
is created "$(cat "$T/web/state")"
is init_container "$(readlink "$T/self")"
check container create other # what others do is seen
check test -d "$T/other"
check container rm other
if mount -o remount,rw "$T" 2>/dev/null; then
	says 'Read-only|not permitted' mkdir "$T/a"
	check_not container show a
fi
check umount "$T"
unmounted "$T"
lists web

it 'root=: one container and those below it'
check container create web/db
check container create web/db/x
check container create beside
check mount -t containerfs -o root=web none "$T"
for i in db tasks state freeze self init_container by-pid; do
	[ "$i" = freeze ] || [ -e "$T/$i" ] || [ -L "$T/$i" ] || bad "$i is not there"
done
check_not test -e "$T/web"
check_not test -e "$T/beside"
is "$(field web id)" "$(cat "$T/id")"
is 'name: /' "$(head -n 1 "$T/status")"
is '' "$(grep -r -e beside -e 'web' "$T"/status "$T"/db/status)" 'names above'
is '(outside)' "$(readlink "$T/self")" # of whoever is not in it
check_not test -e "$T/self/tasks"
check_not mkdir "$T/(outside)" # nobody may be what it leads to
check_not readlink "$T/by-pid/$$"
is "$(stat -c %i "$WORK")" "$(stat -c %i "$T/..")"
task web/db
is ../db "$(readlink "$T/by-pid/$(cat "$T/db/tasks")")"
is db "$(container enter web/db -- readlink "$T/self")"
is init_container "$(container enter web -- readlink "$T/self")"
check mkdir "$T/new"
check test -d "$T/new"
lists web web/db web/db/x web/new beside
check rmdir "$T/new"
check mv "$T/db" "$T/d"
check mv "$T/d" "$T/db"
says 'not permitted|Is a directory' rm "$T/tasks"
check rm "$T/db/tasks"
ends 137 "$started"
check mkdir "$T/n"
says 'No such file|Invalid|not permitted' ln -s "$T/../beside/network" "$T/n/network"
says 'No such file|Invalid|not permitted' ln -s ../../beside/network "$T/n/network"
check rmdir "$T/n"
check container rename web www
now=$(ls "$T")
sleep 4.5
is "$now" "$(ls "$T")" 'renamed: what is shown does not depend on what the server remembers'
check container rename www web
check umount "$T"
unmounted "$T"
check mount -t containerfs -o root=/web/db none "$T"
check test -d "$T/x"
check container rm -r web
check_not test -e "$T/x"
check_not mkdir "$T/again"
check ls "$T"
check umount "$T"
unmounted "$T"
lists beside
check container rm beside

it 'several at a time'
check mount -t containerfs none "$T"
check mount -t containerfs none "$WORK/second"
check mkdir "$T/a"
check test -d "$WORK/second/a"
check touch "$WORK/second/a/network"
is "$(stat -L -c %i "$T/a/network")" "$(stat -L -c %i "$WORK/second/a/network")"
check mv "$WORK/second/a" "$WORK/second/b"
check test -d "$T/b"
check_not test -e "$T/a"
is "$(stat -c %i "$T/b")" "$(stat -c %i "$WORK/second/b")" 'the same numbers'
is "$(ls -A "$T/b")" "$(ls -A "$WORK/second/b")"
mkdir "$WORK/third"
echo "$WORK/third" >>"$WORK/.trees"
check mount -t containerfs -o ro,root=b none "$WORK/third"
check test -L "$WORK/third/network"
check umount "$WORK/third"
check umount "$WORK/second"
unmounted "$WORK/second"
check test -d "$T/b" # is not bothered

it 'bind mounts of it, and of a part'
check mount --bind "$T/b" "$WORK/second"
is created "$(cat "$WORK/second/state")"
check mkdir "$WORK/second/n"
check test -d "$T/b/n"
check touch "$T/b/uts"
check ln -s "$WORK/second/uts" "$T/b/n/uts"
is "$(stat -L -c %i "$T/b/uts")" "$(stat -L -c %i "$T/b/n/uts")"
check umount "$WORK/second"
check rmdir "$T/b/n"

it 'mounted over itself'
check mount -t containerfs none "$T"
check test -d "$T/b"
check umount "$T"
check test -d "$T/b"

it 'umount while it is busy'
(cd "$T/b" && says 'busy' umount "$T")
check test -d "$T/b"
exec 3<"$T/b/state"
says 'busy' umount "$T"
exec 3<&-
(cd "$T/b" && check umount -l "$T")
unmounted "$T"
check mount -t containerfs none "$T"
check test -d "$T/b"

it 'kill -9: no container is harmed, and it can be mounted again'
task b
pid=$(cat "$T/b/tasks")
server=$(server_of "$T")
exec 3<"$T/b/state"
kill -KILL "$server"
wait_for gone "$server"
says 'not connected|connection abort' ls "$T"
says 'not connected|connection abort' cat <&3
exec 3<&-
lists b
check kill -0 "$pid"
is running "$(field b state)"
check mount -t containerfs none "$T" # over what is left
is "$pid" "$(cat "$T/b/tasks")"
is network "$(ls "$T/b" | grep -x network)"
is 1 "$(awk -v t="$T" '$2 == t' /proc/mounts | grep -c .)" 'what was left is gone'
server=$(server_of "$T")
kill -KILL "$server"
wait_for gone "$server"
check umount "$T"
unmounted "$T"
check mount -t containerfs none "$T"
check rm "$T/b/tasks"
ends 137 "$started"

it 'it does not mount over what is dead and not its own'
check umount "$T"
start "$WORK/out" sh -c "echo up; exec mount.containerfs -f none '$T'"
wait_for is_mounted "$T"
kill -KILL "$started"
ends 137 "$started"
check mount -t containerfs none "$T"
is 1 "$(awk -v t="$T" '$2 == t' /proc/mounts | grep -c .)"

it 'a server that is stopped: the command works'
server=$(server_of "$T")
kill -STOP "$server"
wait_for grep -q '^State:.T' "/proc/$server/status"
is b "$(timeout 10 container ls -q)"
check timeout 10 container create b/c
check timeout 10 container rm b/c
check timeout 10 container run -- true
is "$(field b id)" "$(timeout 10 container show --json b | jq -r '.[0].id')"
exits 124 timeout 0.5 ls "$T" # it waits, and can be interrupted
kill -CONT "$server"
check timeout 10 ls "$T"
kill -STOP "$server"
check umount -l "$T"
kill -KILL "$server"
wait_for gone "$server"
lists b

it 'a server that is stopped and killed while somebody waits for it'
check mount -t containerfs none "$T"
server=$(server_of "$T")
kill -STOP "$server"
start "$WORK/out" sh -c "echo up; exec ls '$T/b'"
sleep 0.1
kill -KILL "$server"
wait_for gone "$started"
check_not wait "$started"
check umount "$T"
unmounted "$T"

it 'it is mounted again by who asked the server that was killed'
check mount -t containerfs none "$T"
server=$(server_of "$T")
kill -STOP "$server"
mount.containerfs none "$T" 2>"$WORK/err" &
again=$!
# It waits for an answer.
sleep 0.3
kill -KILL "$server"
check wait $again
is '' "$(cat "$WORK/err")"
check ls "$T"
check umount "$T"
unmounted "$T"

it 'its memory and its fds do not grow with what it is asked'
check mount -t containerfs none "$T"
server=$(server_of "$T")
find "$T" >/dev/null
wait_for sh -c '[ "$(ls /proc/'"$server"'/fd | wc -l)" -lt 40 ]'
before=$(ls "/proc/$server/fd" | wc -l)
for i in 1 2 3 4 5 6 7 8 9 10; do
	find "$T" -type f -perm /444 -exec cat {} + >/dev/null 2>&1
	ls -lR "$T" >/dev/null
done
# Links that were looked at are held for some seconds.
wait_for sh -c '[ "$(ls /proc/'"$server"'/fd | wc -l)" -le '$((before + 10))' ]'

it 'the hierarchy is taken down while it is mounted'
check rm -r "$T/b"
check container rm /
is 'by-pid init_container self' "$(ls -A "$T" | paste -s -d ' ')"
check umount "$T"
unmounted "$T"
