# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Text of others in our output: newlines, escapes, bytes that are no UTF-8, characters that nobody sees. In what every
# verb prints, and in every file of the tree, one line is one value and all of it prints; JSON stays JSON. Where
# it is made by us it is refused.
#
#	web	own mount, uts, pid; a task, mounts and a key with odd names
#	rooted	a root directory of an odd name
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

odd=$(printf 'a\\x\nroot: forged\033[31mc\177d\200e\377f\342\200\256g\342\200\213h\303\251i\303\tj')
# As it is shown.
seen='a\x5cx\x0aroot: forged\x1b[31mc\x7fd\x80e\xfff\xe2\x80\xaeg\xe2\x80\x8bh\xc3\xa9i\xc3\x09j'

# prints WHAT FILE: no byte of it but those of ASCII that print, and ends of lines; none is a line of its own.
prints()
{
	! LC_ALL=C grep -aq '[^ -~]' "$2" || bad "$1: $(LC_ALL=C grep -a -m 1 '[^ -~]' "$2" | cat -v)"
	! grep -aq '^root: forged' "$2" || bad "$1: a value is a line of its own"
}

mkdir -p "$odd/etc"
check container create web --own mount,uts,pid
task web
check container create rooted --root "$odd"
check container enter web -- sh -c 'mkdir "/tmp/$1" && cp "$(command -v sleep)" "/tmp/s$1"' sh "$odd"
container enter web -- sh -c 'exec "/tmp/s$1" 1000' sh "$odd" &
sleeper=$!
wait_for sh -c 'container ps web | grep -q 1000'
check container mount web --bind "$odd" "/tmp/$odd"
check container key add web user "k$odd" text

it 'a hostname that does not print is refused'
refused='^container: [a-z]*: a hostname has 1 to 64 bytes, all of them ASCII characters that print: '
for name in "$odd" "$(printf 'a\nb')" "$(printf 'a\tb')" "$(printf 'a\033b')" "$(printf 'a\177')" \
	"$(printf 'a\200')" "$(printf '\303\251')" "$(printf 'a\342\200\256')"; do
	fails_with 125 "$refused" container set web hostname="$name"
	prints 'set hostname' "$WORK/.err"
	fails_with 125 "$refused" container run --own uts --hostname "$name" -- true
	fails_with 125 "$refused" container create new --hostname "$name"
done
for name in a 'a b' a.b-c_d A0 "$(printf '%064d' 0)"; do
	check container set web hostname="$name"
done

it 'one that a task has made is shown'
if command -v perl >/dev/null && [ "$(uname -m)" = x86_64 ]; then
	check container enter web -- perl -e 'my $n = $ARGV[0]; exit(syscall(170, $n, length($n)) != 0)' "$(printf 'x\ny\033\377')"
	hostname='x\x0ay\x1b\xff'
else
	check container enter web -- sh -c 'printf "x\033\377" >/proc/sys/kernel/hostname'
	hostname='x\x1b\xff'
fi

it 'every verb'
for call in ls 'ls --tree' 'ls -q' 'show web' 'show rooted' 'show web rooted' 'ps web' 'stats web' 'mounts web' 'key ls web' \
	'holders web' 'holders /' 'of --self' check; do
	for locale in C C.UTF-8; do
		# shellcheck disable=SC2086
		LC_ALL=$locale container $call >out 2>err
		prints "$call, $locale" out
		prints "$call, $locale" err
	done
done
# what CALL TEXT: its output has the text.
tells()
{
	# shellcheck disable=SC2086
	container $1 | grep -qF -- "$2" || bad "\"$1\" does not tell $2: $(container $1)"
}
tells 'show web' "hostname: $hostname"
tells 'show rooted' "root: $WORK/$seen"
tells 'mounts web' "/tmp/$seen"
tells 'key ls web' "k$seen"
for call in 'ls --json' 'show --json web' 'show --json rooted' 'ps --json web' 'mounts --json web' 'key ls --json web' 'holders --json web'; do
	# shellcheck disable=SC2086
	container $call | jq . >out 2>&1 || bad "$call: $(cat out)"
done

it 'every file of the tree'
: >out
mount_tree
for file in "$T"/* "$T"/web/* "$T"/rooted/*; do
	[ -L "$file" ] || [ -d "$file" ] || cat "$file" >out 2>err
	prints "$file" out
done
is "$hostname" "$(cat "$T/web/hostname")"
is "root: $WORK/$seen" "$(grep ^root: "$T/rooted/status")"
put_fails 'Invalid argument' "$(printf 'a\033b')" "$T/web/hostname"
unmount_tree "$T"

kill $sleeper
wait $sleeper

it 'every message'
for call in create run enter show ps stats of set kill freeze thaw wait stop reboot events key rename rm mount umount mounts \
	holders cp check ls "$odd"; do
	for args in 1 2 3; do
		# What waits for something is ended.
		case $args in
		1) timeout 1 container "$call" "$odd" ;;
		2) timeout 1 container "$call" web "$odd" ;;
		3) timeout 1 container "$call" "--$odd" web "$odd" ;;
		esac >out 2>err </dev/null
		[ "$call" = run ] || [ "$call" = enter ] || prints "$call, $args" err
		prints "$call, $args" out
	done
done

container rm -f web rooted >/dev/null 2>&1
lists
