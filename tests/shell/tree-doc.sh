# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# mount.containerfs --help and its man page have the same options; containerfs(5) has every entry.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

top=$TESTS/../..
types='user mount pid network ipc uts cgroup time'

# Words of mdoc(7) as they are shown.
plain()
{
	mandoc -T utf8 "$1" 2>/dev/null | col -b
}

it '--help'
exits 0 mount.containerfs --help
help=$(cat "$WORK/.out")
matches '^Usage: mount.containerfs ' "$help"
is "$help" "$(mount.containerfs -h)"
is '' "$(awk 'length > 100' "$WORK/.out")" 'lines of more than 100 columns'
matches '^mount.containerfs [0-9]+\.[0-9]+' "$(mount.containerfs --version)"
exits 1 mount.containerfs
exits 1 mount.containerfs --bogus none "$WORK"
fails_with 1 'No such file' mount.containerfs none "$WORK/nothing"
fails_with 1 'nosuch' mount.containerfs -o nosuch none "$WORK"

it 'mount.containerfs.8'
if command -v mandoc >/dev/null; then
	plain "$top/man/mount.containerfs.8" >"$WORK/page"
	for option in $(echo "$help" | sed -n 's/^  \(-[a-z]\).*/\1/p') --help --version root= ro; do
		grep -q -- "$option" "$WORK/page" || bad "$option is not in the page"
	done
	for word in CONTAINERFS_STATE SIGKILL ENOTCONN containers.mount fstab; do
		grep -q -- "$word" "$WORK/page" || bad "$word is not in the page"
	done
else
	part_skipped 'there is no mandoc'
fi

it 'containerfs.5'
mount_tree
cd "$T" || exit
check mkdir web
for i in $types; do
	[ ! -e "/proc/self/ns/$(echo "$i" | sed 's/^mount$/mnt/; s/^network$/net/')" ] || check touch "web/$i"
done
{
	ls . web
} | sed '/:$/d; /^$/d; /^web$/d' | sort -u >"$WORK/entries"
[ "$(wc -l <"$WORK/entries")" -ge 20 ] || bad "few entries: $(cat "$WORK/entries")"
while read -r entry; do
	grep -Eq "^\.(It )?.*(Cm|Ic) .*$entry|^\.Cm $entry" "$top/man/containerfs.5" ||
		bad "$entry is not in containerfs.5"
done <"$WORK/entries"
cd "$WORK" || exit
check container rm -r -f web
