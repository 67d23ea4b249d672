# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# run -u and enter -u. What looks like a number and is none that the kernel has never becomes another
# one, least of all 0 (CVE-2026-30892, CVE-2024-40635 and their like).
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

make_root "$WORK/root" grep
cat >"$WORK/root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
broken
alsobroken:x:notanumber:0::/:/bin/sh
app:x:1234:5678:an app:/:/bin/sh
plain:x:1300:1300::/:/bin/sh
1400:x:0:0:a name of digits is no name:/:/bin/sh
4294967296:x:0:0::/:/bin/sh
huge:x:4294967296:0::/:/bin/sh
minus:x:4294967295:4294967295::/:/bin/sh
app:x:0:0:the first entry counts:/:/bin/sh
END
cat >"$WORK/root/etc/group" <<'END'
root:x:0:
app:x:5678:
audio:x:5001:plain,app
video:x:5002:app
wheel:x:5003:applet,nap
only:x:5004:plain
sixteen:x:99999999999:app
plain:x:1300:
END

# who USER CONTAINER-COMMAND...: "uid gid groups" of a command started as USER
who()
{
	user=$1
	shift
	"$@" -u "$user" -- sh -c 'echo $(id -u) $(id -g) $(id -G)' 2>&1
}

ids()
{
	is "$2" "$(who "$1" container run --root "$WORK/root")" "run -u $1"
}

refused()
{
	fails_with 125 "$2" container run --root "$WORK/root" -u "$1" -- sh -c 'id -u'
	is '' "$(cat "$WORK/.out")" "output of run -u $1"
}

it 'numbers'
ids 0 '0 0 0'
ids 1:1 '1 1 1'
ids 1234:0 '1234 0 0'
ids 4294967294:4294967294 '4294967294 4294967294 4294967294'
ids 2147483648:2147483648 '2147483648 2147483648 2147483648'
ids 65536:65536 '65536 65536 65536'

it 'a number with an entry gets its group and its groups'
ids 1234 '1234 5678 5678 5001 5002'
ids 1300 '1300 1300 1300 5001 5004'

it 'a number without one needs a group'
refused 1 'no group.*1'
refused 4321 'no group: 4321: .*\(say USER:GROUP\)'

it 'leading zeros are no other number'
for user in 01:1 001:1 00001:1; do
	out=$(who $user container run --root "$WORK/root")
	case $out in
	'1 1 1') ;;
	*) matches '^container: .*Invalid argument' "$out" "-u $user" ;;
	esac
done

it 'what is no number of a user'
for user in 0x1 0x1:1 0x0 4294967295 4294967295:1 4294967296 4294967296:1 4294967297:1 8589934592:0 \
	18446744073709551615 18446744073709551616 18446744073709551616:1 99999999999999999999999:1 \
	-1 -1:1 -0 +1 +0:0 1.0 1.5:1 .1 1e3 1,000 '1 ' ' 1' ' ' '' : :: 1: :1 :0 :app app: 1::1 1:1: 1:1:1 \
	1:0x1 1:-1 1:4294967295 1:4294967296 1:18446744073709551616 1:+1 '1: 1' '1:1 ' 1:1x 1x 1app 1x:1 \
	1400x 4294967296app; do
	refused "$user" 'Invalid argument'
done
exits 125 container run --root "$WORK/root" -u '1
0' -- id

it 'names'
ids app '1234 5678 5678 5001 5002'
ids plain '1300 1300 1300 5001 5004'
ids root '0 0 0'
ids app:only '1234 5004 5004'
ids app:0 '1234 0 0'
ids 1234:video '1234 5002 5002'
ids 77:audio '77 5001 5001'

it 'a name of digits is a number'
refused 1400 'Invalid argument'
refused 4294967296 'Invalid argument'

it 'unknown names'
refused nobody-here 'no such user.*nobody-here.*Invalid argument'
refused app:nobody-here 'no such group.*nobody-here.*Invalid argument'
refused alsobroken 'no such user'
refused broken 'no such user'
refused huge 'no such user'
refused minus 'no such user|Invalid argument'
refused ap 'no such user'
refused appp 'no such user'
refused APP 'no such user'
refused app:sixteen 'no such group'

it 'the files are those of the container, not of the host'
! grep -q '^app:' /etc/passwd || part_skipped 'the host has a user app'
refused daemon 'no such user'
is "$(id -u daemon) $(id -g daemon) $(id -G daemon)" "$(who daemon container run)" 'in a view'
is "1 1 1" "$(container run -u daemon -- sh -c 'echo $(id -u) $(id -g) $(id -G)')"
is 77 "$(container run -- sh -c 'echo new:x:77:77::/:/bin/sh >>/etc/passwd; exec 2>&1; id -u new')"

it 'enter'
check container create box --root "$WORK/root"
is '1234 5678 5678 5001 5002' "$(container enter -u app box -- sh -c 'echo $(id -u) $(id -g) $(id -G)')"
is '1300 5002 5002' "$(container enter --user plain:video box -- sh -c 'echo $(id -u) $(id -g) $(id -G)')"
for user in '' 1: :1 -1 0x1 4294967295 4294967296 none; do
	fails_with 125 'Invalid argument' container enter -u "$user" box -- id
done
check container rm box

it 'no privilege is left'
is '0000000000000000' "$(container run -u 1:1 -- sed -n 's/^CapEff:.//p' /proc/self/status)"
is '0000000000000000' "$(container run -u 1:1 -- sed -n 's/^CapPrm:.//p' /proc/self/status)"
check_not container run -u daemon -- sh -c 'echo x >/etc/passwd'
check_not container run -u daemon -- cat /etc/shadow
check container run -u daemon -- sh -c 'echo x >/tmp/x && echo x >/dev/shm/x && echo x >/dev/null'

it 'the groups of the caller are not passed on'
is '5 6 6' "$(setpriv --groups 1,2,3 container run -u 5:6 -- sh -c 'echo $(id -u) $(id -g) $(id -G)')"

it 'files that are none'
rm "$WORK/root/etc/passwd"
mkfifo "$WORK/root/etc/passwd"
refused app 'no such user'
ids 5:6 '5 6 6'
rm "$WORK/root/etc/passwd"
ln -s /dev/zero "$WORK/root/etc/passwd"
refused app 'no such user'
rm "$WORK/root/etc/passwd"
ln -s "$WORK/outside" "$WORK/root/etc/passwd"
echo 'app:x:0:0::/:/bin/sh' >"$WORK/outside"
refused app 'no such user'
rm "$WORK/root/etc/passwd"
head -c 100000 /dev/zero | tr '\0' a >"$WORK/root/etc/passwd"
printf '\napp:x:12:13::/:/bin/sh' >>"$WORK/root/etc/passwd"
ids app '12 13 13 5001 5002'
printf '\n' >>"$WORK/root/etc/passwd"
ids app '12 13 13 5001 5002'
truncate -s 8T "$WORK/root/etc/passwd"
: >"$WORK/root/etc/group"
begun=$(date +%s)
refused none '/etc/passwd: File too large'
check [ $(($(date +%s) - begun)) -lt 10 ]
rm -r "$WORK/root/etc"
refused app 'no such user'
ids 5:6 '5 6 6'
lists
