# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# -u, by files of the container that are larger than usual: lines of any length, a last line without a newline, as
# many groups as the kernel takes, long names. What cannot be had is an error, and never a part of it. The files
# may be anything: none is waited for.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

make_root "$WORK/root" grep
etc=$WORK/root/etc
ann='ann:x:1001:1001::/:/bin/sh'
echo "$ann" >"$etc/passwd"

# as USER: "uid gid; groups in order" of a command of USER
as()
{
	container run --root "$WORK/root" -u "$1" -- sh -c 'echo $(id -u) $(id -g) $(grep ^Groups: /proc/self/status)' 2>&1 |
		sed 's/ Groups:/;/'
}

refused()
{
	fails_with 125 "$2" container run --root "$WORK/root" -u "$1" -- id -u
	is '' "$(cat "$WORK/.out")" "output of run -u $1"
}

# members COUNT: that many, and a comma
members()
{
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "user%06d,", i }'
}

it 'lines of any length'
for count in 300 340 341 342 371 372 373 500 8000 100000; do
	{
		printf 'big:x:5000:'
		members $count
		echo ann
		echo 'more:x:5001:ann'
	} >"$etc/group"
	is '1001 1001; 5000 5001' "$(as ann)" "$count members"
	is '1001 5000;' "$(as ann:big)" "$count members"
done

it 'no part of a line is a line'
for count in 300 341 372 373 1489; do
	# Whatever begins at 4096 bytes, or ends there: each tail is another line.
	for pad in '' 1 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890; do
		printf 'big:x:5000:%s,' $pad
		members $count
		printf 'root:x:0:ann\n'
	done >"$etc/group"
	echo "$ann" >"$etc/passwd"
	is '1001 1001;' "$(as ann)" "a tail of $count"
	{
		printf 'x:x:5:5:'
		members $count
		echo 'bob:x:0:0::/:'
	} >"$etc/passwd"
	refused bob 'no such user'
done

it 'the last line has no newline'
printf 'root:x:0:0:root:/:/bin/sh\n%s' "$ann" >"$etc/passwd"
printf 'ann:x:1001:\nmore:x:5001:ann' >"$etc/group"
is '1001 1001; 5001' "$(as ann)"
is '1001 5001;' "$(as ann:more)"
printf '%s' "$ann" >"$etc/passwd"
is '1001 1001; 5001' "$(as ann)"
printf 'more:x:5001:an' >"$etc/group"
is '1001 1001;' "$(as ann)"
printf 'ann:x:1001:1001' >"$etc/passwd"
refused ann 'no such user'
echo "$ann" >"$etc/passwd"

it 'many groups'
many()
{
	awk -v n="$1" 'BEGIN { for (i = n; i > 0; i--) printf "g%d:x:%d:ann\ng%d:x:%d:ann\n", i, 100000 + i, i, 100000 + i }' >"$etc/group"
}
for count in 64 65 1000 65536; do
	many $count
	is "$((count + 2))" "$(as ann | wc -w)" "$count groups"
done
many 65537
refused ann 'more groups than the kernel takes: ann'
is "1001 165537;" "$(as ann:g65537)" 'one of too many'
is '1001 7;' "$(as ann:7)" 'none of too many'

it 'long names'
: >"$etc/group"
long=$(printf '%0255d' 0 | tr 0 u)
for n in 32 63 64 65 254 255; do
	name=$(printf '%.*s' "$n" "$long")
	echo "$name:x:1002:1003::/:/bin/sh" >"$etc/passwd"
	printf 'g%s:x:1003:\nmore:x:5001:%s\nless:x:5002:%sx\n' "${name#u}" "$name" "$name" >"$etc/group"
	is '1002 1003; 5001' "$(as "$name")" "a name of $n bytes"
	is '1002 1003; 5001' "$(as 1002)" "by number, a name of $n bytes"
	is '1002 1003;' "$(as "$name:g${name#u}")" "a group of $n bytes"
done
echo "${long}u:x:1002:1003::/:/bin/sh" >"$etc/passwd"
refused "${long}u" 'of 255 bytes at most'
refused "ann:${long}u" 'of 255 bytes at most'
refused 1002 'name of the user in the container: u{255}: .*name too long'
is '1002 1003;' "$(as 1002:1003)"

it 'what the id map lacks'
printf '%s\nroot:x:0:0::/:/bin/sh\n' "$ann" >"$etc/passwd"
printf 'low:x:8:ann\nmore:x:5001:ann\n' >"$etc/group"
check container create mapped --own user --root "$WORK/root"
check container set mapped uid_map='0 100000 1002' gid_map='0 100000 1002'
fails_with 125 "gid_map lacks the supplementary group: 5001: Invalid" container enter -u ann mapped -- id
fails_with 125 "uid_map lacks the user: 1002: Invalid" container enter -u 1002:8 mapped -- id
fails_with 125 "gid_map lacks the group: 1003: Invalid" container enter -u 1001:1003 mapped -- id
fails_with 125 "gid_map lacks the group: 5001: Invalid" container enter -u ann:more mapped -- id
is '1001 8' "$(container enter -u ann:low mapped -- sh -c 'echo $(id -u) $(id -g)')"
check container rm mapped

it 'what is no file, or has no end'
outside=$WORK/outside
echo 'ann:x:0:0::/:/bin/sh' >"$outside"
# quick CMD...: within ten seconds
quick()
{
	begun=$(date +%s)
	"$@"
	check [ $(($(date +%s) - begun)) -lt "$(seconds 10)" ]
}
for file in passwd group; do
	cp "$etc/$file" "$WORK/$file.right"
	for kind in fifo device tty directory socket loop proc; do
		rm -rf "${etc:?}/$file"
		case $kind in
		fifo) mkfifo "$etc/$file" ;;
		device) mknod "$etc/$file" c 1 5 ;;
		tty) mknod "$etc/$file" c 4 64 ;;
		directory) mkdir "$etc/$file" ;;
		socket) python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$etc/$file" 2>/dev/null || continue ;;
		loop) ln -s "$file" "$etc/$file" ;;
		proc) ln -s "/proc/1/root$outside" "$etc/$file" ;;
		esac
		if [ $file = passwd ]; then
			quick refused ann 'no such user'
			is '1001 1001;' "$(as 1001:1001)" "passwd is a $kind"
		else
			is '1001 1001;' "$(quick as ann)" "group is a $kind"
			quick refused ann:more 'no such group'
		fi
	done
	rm -rf "${etc:?}/$file"
	truncate -s 10G "$etc/$file"
	quick refused ann "/etc/$file: File too large"
	cp "$WORK/$file.right" "$etc/$file"
done
echo 'more:x:5001:ann' >"$etc/group"
truncate -s 60M "$etc/group"
is '1001 1001; 5001' "$(as ann)" 'not too large yet'
lists

# What /proc tells of a process is longer than any buffer then.
it 'a task in many groups'
most=$(seq -s , 100000 104095) many=$(seq -s , 100000 101023)
check container create web --own uts,pid
check container set web hostname=inside
start "$WORK/init.out" container enter web -- setpriv --groups "$most" sh -c 'echo up; exec sleep 1000'
init=$(init_of web)
is_not '' "$init"
check container ps web
is /web "$(container of "$init")" 
mount_tree
is ../web "$(readlink "$T/by-pid/$init")"
says_inside='echo $$ >"$1/web/tasks" && hostname && cat "$1/web/init"'
is inside "$(setpriv --groups "$many" sh -c "$says_inside" sh "$T" 2>&1 | head -n 1)"
says 'Argument list too long' setpriv --groups "$many,5" sh -c "exec env printf '%s' \$\$ >\$1/web/tasks" sh "$T"
check container key add web user accounts text
is accounts "$(setpriv --groups "$most" container enter web -- cat /proc/keys | grep -o 'accounts')"
unmount_tree "$T"
check container rm -f web
