# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# mounts: the table of a container with and without tasks, nested, frozen; odd names; JSON.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create a --own mount
check container create a/nested
check container create bare --root "$(make_root "$WORK/root" && echo "$WORK/root")"

# of NAME TARGET FIELD: from the JSON.
of()
{
	container mounts --json "$1" | jq -r --arg t "$2" ".[] | select(.target == \$t) | .$3"
}

it 'a container without tasks'
container mounts a >table
is 'TARGET SOURCE TYPE OPTIONS PROPAGATION' "$(head -n 1 table | tr -s ' ' ' ')"
matches '^/  *[^ ]+ ' "$(sed -n 2p table)"
matches '^/dev/pts +none +devpts +rw,' "$(cat table)"
is "$(wc -l <table)" "$(($(container mounts --json a | jq length) + 1))"
check container mounts a --json
is "$(jq -c . "$WORK/.out")" "$(container mounts a/nested --json | jq -c .)" 'a nested one has the same'

it 'as its tasks see it'
task a
container enter a -- cat /proc/self/mountinfo | cut -d ' ' -f 1 | sort >inside
container mounts a --json | jq -r '.[].id' | sort >outside
is "$(cat inside)" "$(cat outside)"
check container freeze a
container mounts a --json | jq -r '.[].id' | sort >outside
is "$(cat inside)" "$(cat outside)" 'frozen'
check container thaw a

it 'a new mount'
check container mount a -t tmpfs -o ro,size=1m,nosuid 'the source' /mnt
is 'the source' "$(of a /mnt source)"
is tmpfs "$(of a /mnt type)"
matches "^ro,nosuid,relatime,size=1024k" "$(of a /mnt options)"
is private "$(of a /mnt propagation)"
is / "$(of a /mnt root)"
check container umount a /mnt
is '' "$(of a /mnt id)"

it 'a directory, and one that is shared'
mkdir dir
check mount -t tmpfs tmp dir
mkdir dir/below
check mount --make-shared dir
check container mount a --bind dir/below /mnt
is slave "$(of a /mnt propagation)"
is tmp:/below "$(of a /mnt source):$(of a /mnt root)"
matches '^/mnt +tmp\[/below\] +tmpfs ' "$(container mounts a)"
check container enter a -- mount --make-shared /mnt
is shared,slave "$(of a /mnt propagation)"
check container umount a /mnt
check umount dir

it 'odd names'
odd=$(printf 'a b\n\t\\x\001"')
check container enter a -- mkdir "/tmp/$odd"
check container mount a -t tmpfs none "/tmp/$odd"
is tmpfs "$(of a "/tmp/$odd" type)"
is 1 "$(container mounts a | grep -c '^/tmp/')" 'lines of the table'
is '' "$(container mounts a | tr -d '\n[:print:]')" 'no control characters'
check container umount a "/tmp/$odd"

it 'JSON is UTF-8, whatever the names are'
# Cut short, too long, a surrogate, behind the last one; and what is right.
bad=$(printf 'a\377b\303 \340\200\200 \355\240\200 \364\220\200\200 \360\237 \300\257')
good=$(printf '\303\244\342\202\254\360\237\230\200\177')
check container mount a -t tmpfs "$bad" /mnt
check container mount a -t tmpfs "$good" /srv
container mounts a --json >json
check iconv -f UTF-8 -t UTF-8 json
check jq -e . json
is "$good" "$(of a /srv source)"
# As others do it: one for the beginning of a character, and for each byte that cannot begin one.
is 15 "$(grep -o "$(printf '\357\277\275')" json | wc -l)"
is "$(printf '"a\357\277\275b\357\277\275 ')" "$(grep -o '"a[^ ]* ' json)"
is '' "$(container mounts a | tr -d '\n -~')" 'the table is ASCII'
check container umount a /mnt /srv

it 'another root, and none of its own'
is 0 "$(container mounts bare | grep -c "$CONTAINERFS_STATE")" 'nothing of ours is seen'
check container create inherits
is "$(mounts)" "$(container mounts inherits --json | jq length)"
is "$(mounts)" "$(container mounts / --json | jq length)"

it 'wrong input'
fails_with 125 '^container: none: ' container mounts none
fails_with 125 'one container' container mounts
fails_with 125 'one container' container mounts a bare

check container rm -f -r a bare inherits
