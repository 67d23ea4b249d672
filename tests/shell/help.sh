# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Every verb has --help and is in the overview; man page and completion know the same verbs and options.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

top=$TESTS/../..
verbs='create run enter ls show ps stats of set kill freeze thaw wait stop reboot events key rename rm mount umount'
verbs="$verbs mounts holders cp check"
aliases='exec:enter list:ls pause:freeze unpause:thaw mv:rename remove:rm'

# options VERB: the long and short ones of its help, one a line.
options()
{
	container "$1" --help | sed -n 's/^ *\(-[a-z]\), \(--[a-z-]*\).*/\1\n\2/p; s/^ *\(--[a-z-]*\).*/\1/p'
}

it 'the overview'
container --help >"$WORK/overview" 2>"$WORK/err"
is 0 $?
is '' "$(cat "$WORK/err")"
is "$(echo "$verbs" | tr ' ' '\n')" "$(sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' "$WORK/overview")"
is "$(cat "$WORK/overview")" "$(container -h)"
is "$(cat "$WORK/overview")" "$(container help)"
exits 125 container
is "$(cat "$WORK/overview")" "$(cat "$WORK/.err")"
matches '^container [0-9]+\.[0-9]+' "$(container --version)"

it 'no such verb'
fails_with 125 'no such verb: bogus; see container --help' container bogus
fails_with 125 'no such verb: renam; did you mean rename' container renam
fails_with 125 'no such verb' container ''
fails_with 125 'no such verb: --bogus' container --bogus

it 'each verb'
for verb in $verbs; do
	exits 0 container "$verb" --help
	is '' "$(cat "$WORK/.err")" "$verb --help on stderr"
	matches "^Usage: container $verb " "$(head -n 1 "$WORK/.out")"
	[ "$(wc -l <"$WORK/.out")" -ge 3 ] || bad "$verb --help says little"
	is '' "$(awk 'length > 100' "$WORK/.out")" 'lines of more than 100 columns'
	is '' "$(grep -n ' $' "$WORK/.out")" 'blanks at the end of a line'
	help=$(cat "$WORK/.out")
	is "$help" "$(container "$verb" -h)"
	matches '(^|'"$(printf '\n')"')--help$' "$(options "$verb")"
	fails_with 125 "^container: $verb: unknown option: --bogus; see container $verb --help" container "$verb" --bogus
	# What the help has, the program has: none of these is unknown.
	for option in $(options "$verb" | grep -vx -e -h -e --help); do
		# One of the two may be a value; then the other is unknown.
		exits 125 container "$verb" "$option" --bogus --bogus
		! grep -q -- "unknown option: $option" "$WORK/.err" || bad "$verb: $option is in the help only"
	done
done
for alias in $aliases; do
	is "$(container "${alias#*:}" --help)" "$(container "${alias%:*}" --help)" "${alias%:*}"
done
is '' "$(ls "$CONTAINERFS_STATE" 2>/dev/null)" 'help makes nothing'

# Words of mdoc(7) as they are shown.
plain()
{
	sed 's/\\-/-/g; s/\\f.//g; s/\\(hy/-/g; s/Fl \([^ ]\)/-\1/g' "$1"
}

it 'the man page'
page=$top/man/container.1
if [ -e "$page" ]; then
	plain "$page" >"$WORK/page"
	for verb in $verbs; do
		matches "(^|[^a-z])$verb([^a-z]|$)" "$(cat "$WORK/page")" "verb $verb"
		for option in $(options "$verb"); do
			grep -Eq -- "(^|[^a-z-])$option([^a-z-]|$)" "$WORK/page" || bad "$verb: $option is not in container.1"
		done
	done
	for alias in $aliases; do
		grep -Eqw -- "${alias%:*}" "$WORK/page" || bad "${alias%:*} is not in container.1"
	done
	# And what the page has, some verb has.
	for verb in $verbs; do
		options "$verb"
	done | sort -u >"$WORK/known"
	grep -Eo -- '(^|[^a-zA-Z0-9-])--[a-z]+(-[a-z]+)*' "$WORK/page" | grep -o -- '--.*' | sort -u >"$WORK/shown"
	while read -r option; do
		case $option in
		--version) ;;
		*) grep -qxF -- "$option" "$WORK/known" || bad "container.1 has $option, no verb has" ;;
		esac
	done <"$WORK/shown"
	for code in 124 125 126 127 128; do
		grep -q "$code" "$WORK/page" || bad "exit status $code is not in container.1"
	done
	grep -q CONTAINERFS_STATE "$WORK/page" || bad 'CONTAINERFS_STATE is not in container.1'
else
	part_skipped 'there is no man/container.1'
fi

it 'the completion'
completion=$top/completions/container
if [ -e "$completion" ]; then
	for verb in $verbs; do
		grep -qw -- "$verb" "$completion" || bad "$verb is not in completions/container"
		for option in $(options "$verb" | grep -- '^--'); do
			grep -Eq -- "(^|[^a-z-])$option([^a-z-]|$)" "$completion" ||
				bad "$verb: $option is not in completions/container"
		done
	done
	! command -v bash >/dev/null || check bash -n "$completion"
else
	part_skipped 'there is no completions/container'
fi
