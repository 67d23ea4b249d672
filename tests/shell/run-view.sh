# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# The default root of run: a private copy-on-write view of the host's. What is done inside is gone
# afterwards, and nothing outside changes.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

victim=/etc/containerfs-test.$$
clean_up()
{
	rm -rf "$victim" "$victim.new"
	finish
}
trap clean_up EXIT
mkdir $victim || skip '/etc cannot be written'
echo host >$victim/file
echo host >$victim/other
: >$victim/empty
ln $victim/file $victim/hard
ln -s file $victim/link
mkdir $victim/dir
echo deep >$victim/dir/deep
chmod 640 $victim/other

state_of_victim()
{
	find $victim -printf '%p %y %m %U %G %s %n %l\n' | sort
	cat $victim/file $victim/other $victim/dir/deep
}
before=$(state_of_victim)

it 'writes are seen inside and gone afterwards'
# shellcheck disable=SC2016
is 'inside
appended
moved
gone' "$(container run -- sh -c '
	cd "$0" &&
	echo inside >file && cat file &&
	echo appended >>other && tail -n 1 other &&
	chmod 777 other && chown 1:1 other && touch -d 1999-01-01 other &&
	mv dir moved && echo moved >moved/deep && cat moved/deep &&
	rm empty link && mkdir empty && : >new && ln new newer && mknod pipe p &&
	rm -r moved && test ! -e moved && echo gone' $victim)"
is "$before" "$(state_of_victim)" 'the host afterwards'
check_not test -e $victim/new

it 'each has its own'
start "$WORK/one" container run -n one -- sh -c "echo one >$victim/file && echo up && exec sleep 1000"
is host "$(container run -- cat $victim/file)" 'seen from another'
is one "$(container enter one -- cat $victim/file)"
is host "$(cat $victim/file)" 'seen from the host'
check container rm -f one
ends 137 "$started"

it 'later changes of a container do not reach the host, whatever the root'
is "$before" "$(state_of_victim)"

it 'whole directories'
check container run -- sh -c 'rm -rf /etc/* /home /srv; touch /x; test -e /x'
check test -e /etc/passwd
check_not test -e /x
is "$before" "$(state_of_victim)"

it 'modes and owners as on the host'
for path in / /etc /etc/passwd /etc/shadow /usr/bin /root; do
	[ -e $path ] || continue
	is "$(stat -c '%a %u %g %F' $path)" "$(container run -- stat -c '%a %u %g %F' $path)" $path
done

it 'fresh directories'
is 1777 "$(container run -- stat -c %a /tmp)" /tmp
is 755 "$(container run -- stat -c %a /run)" /run
for dir in /tmp /run; do
	is '' "$(container run -- ls -A $dir)" $dir
	check container run -- sh -c "echo x >$dir/x && test \"\$(cat $dir/x)\" = x"
done
check_not test -e /tmp/x
(umask 077 && container run -- stat -c '%a' /tmp /run /dev /dev/shm) >"$WORK/modes"
is '1777 755 755 1777' "$(paste -s -d ' ' "$WORK/modes")" 'whatever the umask'
is 0022 "$(umask 0022 && container run -- sh -c umask)" 'the umask of the command'

it 'a fresh /proc'
is '1' "$(container run -- sh -c 'for i in /proc/[0-9]*; do echo ${i#/proc/}; done')"
is 'sleep 5 ' "$(container run -- sh -c 'sleep 5 & sleep 0.5; tr "\0" " " </proc/2/cmdline; kill $!')"
is proc "$(container run -- stat -f -c %T /proc)"

it 'a fresh /sys'
is sysfs "$(container run -- stat -f -c %T /sys)"
is lo "$(container run --own network -- ls /sys/class/net)" 'it shows the own network'
check_not container run -- sh -c 'echo 1 >/sys/kernel/uevent_seqnum || mkdir /sys/x'

it 'the host'\''s mounts are not there'
is "$(namespace mnt)" "$(namespace mnt)"
mkdir "$WORK/mnt"
check mount -t tmpfs none "$WORK/mnt"
[ "$(container run -- cat /proc/self/mountinfo | wc -l)" -lt "$(($(mounts) + 8))" ] || bad 'more mounts than on the host'
check_not container run -- grep -q "$WORK" /proc/self/mountinfo
umount "$WORK/mnt"

it 'mounts made inside stay inside'
lines=$(mounts)
check container run -- sh -c 'mount -t tmpfs none /mnt && echo x >/mnt/x && mount --bind /etc /srv && umount /proc'
is "$lines" "$(mounts)" 'mountinfo'
check_not test -e /mnt/x

it 'reboot, clock and hostname'
host=$(hostname)
check container run -- hostname inside
is "$host" "$(hostname)"

it 'ipc'
id=$(ipcmk -M 64 | sed 's/.*: //')
is 0 "$(container run -- ipcs -m | grep -c '^0x')" 'the host'\''s segments'
is 1 "$(container run --inherit ipc -- ipcs -m | grep -c "^0x.* $id ")"
ipcrm -m "$id"

it 'much data'
check container run -- sh -c 'dd if=/dev/zero of=/etc/big bs=1M count=20 2>/dev/null && test $(stat -c %s /etc/big) = 20971520'
lists
