# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the completion of bash offers.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

command -v bash >/dev/null || skip 'no bash'
completion=$TESTS/../../completions/container
[ -e "$completion" ] || skip 'there is no completions/container'

# offers LINE: what there is for its end, in one line.
offers()
{
	bash -c '. "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _container; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$completion" "$1" | sort | paste -s -d ' '
}

it 'options'
matches '(^| )--json( |$)' "$(offers 'container key ls -')"
matches '(^| )--json( |$)' "$(offers 'container key -')"
is '--help -h' "$(offers 'container key add -')" 'key add'
is '--help -h' "$(offers 'container key add web user -')"
matches '(^| )--json( |$)' "$(offers 'container key ls add -')" 'a container of that name'

it 'mount points'
check container create web --own mount
check container create mail --own mount
check container enter web -- mkdir -p '/tmp/a b' '/tmp/a
c' /tmp/plain
for dir in '/tmp/a b' '/tmp/a
c' /tmp/plain /mnt; do
	check container mount web -t tmpfs none "$dir"
done
is 'mail web' "$(offers 'container umount ')"
is /tmp/plain "$(offers 'container umount web /tm')"
is /mnt "$(offers 'container umount web /mn')"
is /mnt "$(offers 'container umount -l web /tmp/plain /mn')" 'a second one'
is '' "$(offers 'container umount mail /mn')" 'of another container'
is /mnt "$(offers 'container holders web /mn')"
is '' "$(offers 'container holders web /mnt /mn')"
is '' "$(offers 'container mounts web /mn')"
is '' "$(offers 'container umount none /mn')"

check container rm web mail
