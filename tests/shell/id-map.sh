# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Id maps of an own user namespace: what is set is what tasks have, and who they are outside.
#
#   /
#   |- u    own user namespace, mapped; own mount, uts, ipc, network, pid
#   |  `- n
#   |- r    the same with a root directory of its own
#   `- host
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

has_type user || skip 'no user namespaces'
identity='0 0 4294967295'
groups='0 0 4294967294' # all but that of keyrings

# maps NAME: both, as a task there has them.
maps()
{
	container enter "$1" -- cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/^ //'
}

# say UID GID: as maps has them; commas for newlines.
say()
{
	printf '%s\n%s\n' "$1" "$2" | tr , '\n'
}

check container create u --own user,mount,uts,ipc,network,pid
check container create host

it 'to begin with, if those of the host are asked for'
check container set u ids=host
is "$identity" "$(field u uid_map)"
is "$groups" "$(field u gid_map)"
is null "$(field host uid_map)"
matches "^uid_map: $identity" "$(container show u)"
check_not grep -q map <<-END
	$(container show host)
END

it 'set and told'
before=$(namespace_in u user)
check container set u hostname=kept
check container set u uid_map='0 100000 65536' gid_map='0 200000 1000,1000 1000 1'
is '0 100000 65536' "$(field u uid_map)"
is '0 200000 1000,1000 1000 1' "$(field u gid_map)"
is "$(say '0 100000 65536' '0 200000 1000,1000 1000 1')" "$(maps u)"
is kept "$(container enter u -- hostname)"
is_not "$before" "$(namespace_in u user)"
check container set u uid_map=0:300000:65536
is '0 300000 65536' "$(field u uid_map)" 'without quotes'
check container set u uid_map="$(printf '         0     100000       1000\n      1000       1000          1')"
is '0 100000 1000,1000 1000 1' "$(field u uid_map)" 'as the kernel writes it'
check container set u uid_map=0:100000:65536 gid_map=0:100000:65536

it 'root inside is nobody outside'
is 'uid=0(root) gid=0(root) groups=0(root)' "$(container enter u -- id)"
start "$WORK/out" container enter u -- sh -c 'echo x >/tmp/x; echo up; exec sleep 1000'
pid=$(init_of u)
is "$(say 100000 100000)" "$(stat -c %u "/proc/$pid" && stat -c %g "/proc/$pid")"
is '100000 100000' "$(stat -c '%u %g' "/proc/$pid/root/tmp/x")"
kill -TERM "$started"
ends 143 "$started"
is '7 8' "$(container enter -u 7:8 u -- sh -c 'echo $(id -u) $(id -g)')"
is 'nobody' "$(container enter u -- stat -c %U /etc/passwd)" 'what is not mapped'
check_not container enter u -- sh -c 'echo x >>/etc/passwd'
check_not container enter u -- cat /etc/shadow
check_not container enter u -- hostname -b ''

it 'root inside may do what its own namespaces let it'
check container enter u -- sh -c 'hostname x && mount -t tmpfs n /mnt && [ "$(hostname)" = x ]'
check container enter u -- sh -c 'echo 1 >/tmp/y && chown 5:5 /tmp/y'
check container enter u -- sh -c 'echo x >/dev/null && echo x >/dev/shm/x'
if command -v ip >/dev/null; then
	check container enter u -- ip link set lo up
fi

it 'a root directory of users outside'
make_root "$WORK/root" chown
chown -R 100000:100000 "$WORK/root"
chmod 755 "$WORK"
check container create r --own user,mount,pid,uts --root "$WORK/root"
check container set r uid_map=0:100000:65536 gid_map=0:100000:65536
is "$WORK/root" "$(field r root)" 'it is kept'
check container enter r -- sh -c 'echo hello >/etc/new && chown 7 /etc/new'
is '100007 100000' "$(stat -c '%u %g' "$WORK/root/etc/new")"
check container rm r

it 'maps without 0'
check container set u uid_map=1000:100000:10
fails_with 125 'its id maps have no 0: Invalid argument \(name a user\)' container enter u -- true
is 1003 "$(container enter -u 1003:5 u -- id -u)"
fails_with 125 'lacks the user: 7' container enter -u 7:5 u -- true
check container set u uid_map=0:100000:65536

it 'what is no map'
for map in x 0 '0 0' '0 0 0' '0 0 1 1' '-1 0 1' '0 0 4294967296' '0 4294967295 1' ,0:0:1; do
	fails_with 125 'id map.*Invalid argument' container set u uid_map="$map"
done
fails_with 125 'uid_map.*beyond the last id|beyond the last id.*uid_map' container set u uid_map=1:0:4294967295
fails_with 125 'overlap inside.*gid_map' container set u gid_map=0:0:2,1:5:1
fails_with 125 'overlap outside.*gid_map' container set u gid_map=0:5:2,9:6:1
fails_with 125 'not KEY=VALUE' container set u uid_map=
is '0 100000 65536' "$(field u uid_map)"
is "$(say '0 100000 65536' '0 100000 65536')" "$(maps u)" 'nothing has changed'

it 'when it cannot be'
fails_with 125 'no own user namespace: Operation not permitted \(set user=own first\)' container set host uid_map=0:0:1
fails_with 125 'Operation not permitted' container set / uid_map=0:0:1
check container create u/n
fails_with 125 'has nested containers.*not empty' container set u uid_map=0:0:1
is null "$(field u/n uid_map)"
check container rm u/n
task u
fails_with 125 'it has tasks.*busy' container set u uid_map=0:0:1
check container kill u
check container wait --timeout 10 u

it 'a user namespace that is gone takes its maps along'
check container set u user=own
is '0 100000 65536' "$(field u uid_map)" 'a new one has them too'
check container set u user=inherit
is null "$(field u uid_map)"
check container set u user=own
is auto "$(field u ids)"

it 'of a running run'
start "$WORK/out" container run -n t --ids host -- sh -c 'echo up; exec sleep 1000'
is "$identity" "$(field t uid_map)"
fails_with 125 'busy' container set t uid_map=0:100000:10
kill -TERM "$started"
ends 143 "$started"

check container rm u host
lists
