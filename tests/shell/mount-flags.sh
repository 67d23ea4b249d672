# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# What a mount forbids stays forbidden in whatever is made of it: each flag, each way in, each tried by a real
# program of user 0, a real device, a link, a file that is written to. What the host itself answers is what
# the container has to answer.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# /tmp is not part of a view.
D=$(mktemp -d /var/tmp/containerfs-flags.XXXXXX) || skip 'no /var/tmp'
M=$D/m
clean_up()
{
	cut -d ' ' -f 5 /proc/self/mountinfo | grep "^$D/" | sort -r | xargs -r umount -l
	rm -rf --one-file-system "$D"
	finish
}
trap clean_up EXIT
chmod 755 "$D"
mkdir "$M"
cp /usr/bin/id "$M/sid"
chmod 4755 "$M/sid"
cp /bin/true "$M/prog"
cp /bin/true "$M/other"
mknod -m 666 "$M/node" c 1 3
echo text >"$M/file"
ln -s file "$M/link"

# probe DIR: what can be done there, in words; what it leaves behind is removed.
cat >"$D/probe" <<'END'
export LC_ALL=C
cd "$1" || exit
[ "$(setpriv --reuid 65534 --regid 65534 --clear-groups ./sid -u 2>/dev/null)" != 0 ] || echo suid
(: <node) 2>/dev/null && echo device
./prog 2>/dev/null && echo program
cat link >/dev/null 2>&1 && echo link
(: >written) 2>/dev/null && echo write
# What was there is copied up first, what was not is new.
(echo >>other) 2>/dev/null && ./other 2>/dev/null && echo program-written
cp sid newsid 2>/dev/null && chmod 4755 newsid &&
	[ "$(setpriv --reuid 65534 --regid 65534 --clear-groups ./newsid -u 2>/dev/null)" = 0 ] && echo suid-made
mknod -m 666 newnode c 1 3 2>/dev/null && (: <newnode) 2>/dev/null && echo device-made
rm -f written newsid newnode 2>/dev/null
# The propagation and the type are another matter.
point=$(pwd -P)
while read -r _ _ _ _ at options _; do
	[ "$at" != "$point" ] || shown=$options
done </proc/self/mountinfo
echo "${shown:-no mount}"
END

# on_host DIR: the answer to compare with.
on_host()
{
	sh "$D/probe" "$1" | paste -s -d ' '
}

# flag FLAG...: they are on $M, and on nothing else. Fails if this mount(8) does not know one.
flag()
{
	umount "$M" 2>/dev/null
	mount --bind "$M" "$M" && mount -o "remount,bind,$1" "$M"
}

check mount --bind "$M" "$M"
free=$(on_host "$M")
umount "$M"
case $free in
'suid device program link write program-written suid-made device-made '*) ;;
*) skip "here the host itself forbids: $free" ;;
esac

# has_options OPTIONS CONTAINER POINT [WHAT]: those of the mount; its file system's come behind them.
has_options()
{
	all=$(container mounts --json "$2" | jq -r --arg at "$3" '[.[] | select(.target == $at)][0].options')
	case $all, in
	"$1",*) ;;
	*) bad "${4:-$2}: \"$all\" does not begin with \"$1\"" ;;
	esac
}

# same WAY ANSWER: as the host says.
same()
{
	is "$host" "$(echo "$2" | paste -s -d ' ')" "$flag: $1"
}

check container create web --own mount,pid
check container create outer --own mount
make_root "$D/root"

for flag in suid nosuid nodev noexec ro noatime nodiratime strictatime nosymfollow nosuid,nodev,noexec,noatime; do
	it "$flag"
	flag $flag 2>/dev/null || {
		part_skipped "mount(8) does not know $flag"
		continue
	}
	host=$(on_host "$M")
	case $flag in
	suid) is "$free" "$host" ;;
	*) is_not "$free" "$host" 'what the host allows then' ;;
	esac
	same 'a view, of run' "$(container run -- sh "$D/probe" "$M")"
	check container create v --own mount
	same 'a view, of create' "$(container enter v -- sh "$D/probe" "$M")"
	check container create v/w --own mount
	same 'a view of a view' "$(container enter v/w -- sh "$D/probe" "$M")"
	check container rm -r v
	check container create v --root /
	same 'the host'\''s root' "$(container enter v -- sh "$D/probe" "$M")"
	check container create v/w --own mount
	same 'a view of that' "$(container enter v/w -- sh "$D/probe" "$M")"
	check container rm -r v

	it "$flag: mounted from outside"
	check container mount web --bind "$M" /mnt
	same bind "$(container enter web -- sh "$D/probe" /mnt | sed "s|/mnt|$M|")"
	check container umount web /mnt
	check container mount web --bind --recursive "$D" /mnt
	same 'bind, and what is below' "$(container enter web -- sh "$D/probe" /mnt/m)"
	check container umount -l web /mnt
	# Only the container above has it mounted: the host's table does not tell.
	check container mount outer --bind "$M" "$M"
	check container create outer/late --own mount
	same 'a view of what it is mounted in' "$(container enter outer/late -- sh "$D/probe" "$M")"
	check container umount outer "$M"
	check container rm outer/late
done

it 'a given root'
for flag in nosuid nodev noexec ro nosuid,nodev,noatime; do
	umount "$M" 2>/dev/null
	check mount --bind "$D/root" "$M"
	check mount -o "remount,bind,$flag" "$M"
	host=$(awk -v at="$M" '$5 == at { print $6 }' /proc/self/mountinfo)
	check container create given --root "$M"
	has_options "$host" given / "$flag: mounts"
	case $flag in
	*noexec*) fails_with 126 'Permission denied' container run --root "$M" -- /bin/ls ;;
	*) check container run --root "$M" -- ls ;;
	esac
	# Of a view of it the same holds, but that it can be written to.
	check container create given/view --own mount
	has_options "$(echo "$host" | sed 's/^ro/rw/')" given/view / "$flag: a view of it"
	check container rm -r given
	umount "$M"
done

it 'a file that is a mount'
echo secret >"$D/secret"
echo shown >"$D/shown"
check mount --bind "$D/shown" "$D/secret"
is shown "$(container run -- cat "$D/secret")"
check_not container run -- sh -c "echo x >>'$D/secret'"
umount "$D/secret"
check mount --bind "$M/sid" "$M/sid"
check mount -o remount,bind,nosuid "$M/sid"
is 65534 "$(setpriv --reuid 65534 --regid 65534 --clear-groups "$M/sid" -u)" 'on the host'
is 65534 "$(container run -u 65534:65534 -- "$M/sid" -u)" 'one that is nosuid alone'
umount "$M/sid"

it 'a name with a blank, and many of them'
mkdir "$D/a b"
cp -a "$M/sid" "$D/a b/"
check mount --bind "$D/a b" "$D/a b"
check mount -o remount,bind,nosuid "$D/a b"
is 65534 "$(container run -u 65534:65534 -- "$D/a b/sid" -u)"
umount "$D/a b"
for i in $(seq 40); do
	mkdir "$D/n$i"
	mount --bind "$M" "$D/n$i" && mount -o remount,bind,nosuid "$D/n$i"
done
# shellcheck disable=SC2016
is '40 65534' "$(container run -u 65534:65534 -- sh -c 'for i in $(seq 40); do "$1/n$i/sid" -u; done' sh "$D" | uniq -c | sed 's/^ *//')"
for i in $(seq 40); do
	umount "$D/n$i"
done

it 'root of an own user namespace cannot lift them'
if has_type user; then
	check flag nosuid,nodev,noexec,noatime
	check container create u --own user,mount,pid
	host=$(awk -v at="$M" '$5 == at { print $6 }' /proc/self/mountinfo)
	has_options "$host" u "$M"
	for lifted in suid dev exec; do
		check_not container enter u -- mount -o "remount,bind,$lifted" "$M"
	done
	has_options "$host" u "$M" afterwards
	check container mount u --bind "$M" /mnt
	check_not container enter u -- mount -o remount,bind,suid,dev,exec /mnt
	check_not container enter u -- umount "$M"
	check container rm -f -r u
	umount "$M"
else
	part_skipped 'no user namespaces'
fi

it '/ itself'
for flag in nosuid nodev noatime nosuid,nodev; do
	# shellcheck disable=SC2016
	unshare -m --propagation private sh -c '
		flag=$1 probe=$3 dir=$4
		export CONTAINERFS_STATE=$2
		options()
		{
			"$@" grep -E "^([^ ]* ){4}/ " /proc/self/mountinfo | tail -n 1 | cut -d " " -f 6
		}
		mount -o "remount,bind,$flag" /
		host=$(options)
		inside=$(options container run --)
		[ "$inside" = "$host" ] || echo "$flag: $inside instead of $host"
		a=$(sh "$probe" "$dir")
		b=$(container run -- sh "$probe" "$dir")
		[ "$a" = "$b" ] || echo "$flag:" $b "instead of" $a
		container run -- sh -c ": </dev/null && echo x >/dev/null && : <>/dev/ptmx && : </dev/stdin" </dev/null ||
			echo "$flag: no /dev"
		container rm / || echo "rm: $?"' sh $flag "$D/root-state" "$D/probe" "$M" >"$WORK/out" 2>"$WORK/err"
	is '' "$(cat "$WORK/out")" "$(cat "$WORK/err")"
done

it 'a new /proc is no freer than the one before it'
check container create procs --own mount,pid
check container enter procs -- mount -o remount,bind,ro /proc
is ro "$(container enter procs -- awk '$5 == "/proc" { print substr($6, 1, 2) }' /proc/self/mountinfo)"
check container rm procs

check container rm web
check container rm -r outer
