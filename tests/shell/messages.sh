# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What is wrong is named: options, empty names, the state directory. A message is one line, whatever is in
# the names.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web --own mount

# one_line CMD...: it fails with 125 and says one line of ASCII that prints.
one_line()
{
	exits 125 "$@"
	is 1 "$(wc -l <"$WORK/.err")" 'lines'
	is '' "$(tr -d '\n -~' <"$WORK/.err")" 'what does not print'
}

it 'an option without its value is named'
for call in 'stop -t' 'mount -t' 'mount -o' 'mount --type' 'enter -w' 'enter -u' 'kill -s' 'wait -t' 'run -e' 'run -n' \
	'create --own' 'ls -o' 'stop --timeout'; do
	# shellcheck disable=SC2086
	fails_with 125 "^container: ${call% *}: option needs a value: ${call#* }; see container ${call% *} --help\$" \
		container $call
	case $call in
	enter* | run*) continue ;;
	esac
	# shellcheck disable=SC2086
	fails_with 125 "option needs a value: ${call#* };" container ${call% *} web ${call#* }
done

it 'an unknown option is named'
fails_with 125 'mounts: unknown option: -json;' container mounts -json web
fails_with 125 'mounts: unknown option: -json;' container mounts web -json
fails_with 125 'umount: unknown option: -lx;' container umount web -lx /mnt
fails_with 125 'ls: unknown option: -q9;' container ls -a -q9
fails_with 125 'mounts: unknown option: --jsonx;' container mounts --jsonx web
fails_with 125 'ls: option takes no value: --tree=1;' container ls --tree=1
fails_with 125 'mounts: option takes no value: --json=yes;' container mounts web --json=yes

it 'an empty name is shown'
for verb in ls show ps stats kill freeze thaw wait stop reboot events rm mounts holders create; do
	fails_with 125 "^container: '': a name has at least one character: Invalid argument\$" container $verb ''
done
fails_with 125 "^container: '': a name" container set '' hostname=x
fails_with 125 "^container: '': a name" container enter '' true
fails_with 125 "^container: '': a name" container key ls ''
fails_with 125 "^container: web: a name has at least one character: '': " container rename web ''
fails_with 125 "^container: web: open mount point: '': No such" container mount web --bind /etc ''
fails_with 125 "^container: web: bind: '': No such" container mount web --bind '' /mnt
fails_with 125 "^container: web: unmount: '': No such" container umount web ''
fails_with 125 "^container: web: open: '': No such" container holders web ''
fails_with 125 "^container: web: change directory: '': No such" container enter -w '' web true
fails_with 125 "^container: web: .*: '': Invalid argument" container enter -u '' web true
fails_with 127 "^container: web: '': command not found" container enter web ''
fails_with 125 "^container: run: set root: '': No such" container run --root '' true
fails_with 125 "^container: new: adopt cgroup: '': No such" container create --cgroup '' new
fails_with 125 "^container: kill: not a signal: '';" container kill -s '' web
fails_with 125 "^container: of: not a pid: '';" container of ''
fails_with 125 "^container: no such verb: '';" container ''

it 'what does not print is shown as in tables'
odd=$(printf 'a\nb\033[31m\177\303\244\\x41\\y')
shown='a\\x0ab\\x1b\[31m\\x7f\\xc3\\xa4\\x5cx41\\y'
for call in 'show' 'mounts' 'rm' 'kill' 'enter' 'events' 'ls -o' 'kill -s' 'create --own' 'set web' 'rename web' 'of' \
	'umount web' 'mount web --bind /etc' 'run --root' 'stats'; do
	# shellcheck disable=SC2086
	one_line container $call "$odd"
	matches "^container: .*$shown" "$(cat "$WORK/.err")" "$call"
done
one_line container "$odd"
matches "no such verb: $shown;" "$(cat "$WORK/.err")"
fails_with 127 "^container: run: $shown: command not found\$" container run -- "$odd"

it 'the same of what a container has called so'
check container create u --own uts
check container enter u -- sh -c 'printf "x\033[31m" >/proc/sys/kernel/hostname'
container show u >"$WORK/show"
matches '^hostname: x\\x1b\[31m$' "$(cat "$WORK/show")"
check container rm u

it 'a long name'
long=$(head -c 100000 /dev/zero | tr '\0' '\033')
one_line container show "$long"
matches '1b: Invalid argument' "$(tail -c 40 "$WORK/.err")"

check container rm web
