# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# cp: into, out of and between containers. All that belongs to a file, the rules of cp(1), and that
# nothing outside of a container is read or written, whatever it does meanwhile.
#
#	$WORK/src/
#	    file  link -> file  dangling -> /none  fifo  null  sparse  set-id
#	    dir/below/deep
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

umask 022
mkdir -p src/dir/below
echo text >src/file
echo deep >src/dir/below/deep
ln -s file src/link
ln -s /none src/dangling
mkfifo src/fifo
mknod src/null c 1 3
truncate -s 1M src/sparse
echo end >>src/sparse
truncate -s 2M src/sparse
echo x >src/set-id
chown 5:6 src/file src/set-id src/dir src/fifo
chown -h 7:8 src/link
chmod 4751 src/set-id
chmod 2700 src/dir
chmod 606 src/fifo
touch -h -d '2001-02-03 04:05:06.789' src/link src/file src/fifo src/dir/below src/dir

check container create a --own mount
check container create b --own mount

# What is known of all files in the current directory; the size of a directory is its file system's.
# shellcheck disable=SC2016
tell='find . -printf "%p %y %m %U:%G %l " -exec stat -c "%t:%T %y" {} ";" | sort
find . -type f -printf "%p %s\n" | sort'

tree()
{
	(cd "$1" && sh -c "$tell")
}

# tree_in NAME DIR
tree_in()
{
	container enter -w "$2" "$1" -- sh -c "$tell"
}

it 'a whole tree in, out and between'
tree src >wanted
check container cp src a:/tmp
is "$(cat wanted)" "$(tree_in a /tmp/src)" 'in'
check container cp -a --special a:/tmp/src back
is "$(cat wanted)" "$(tree back)" 'out'
check container cp --special /a:tmp/src b:../tmp/other
is "$(cat wanted)" "$(tree_in b /tmp/other)" 'between'
check cmp src/sparse back/sparse
mkdir names
echo 1 >names/a
ln names/a names/b
ln names/a ./third
mkdir names/d
ln names/a names/d/c
check container cp names a:/tmp
is 1 "$(container enter a -- sh -c 'stat -c %i /tmp/names/a /tmp/names/b /tmp/names/d/c | sort -u | wc -l')" 'files with several names'
check container cp names a:/tmp
is 3 "$(container enter a -- stat -c %h /tmp/names/a)" 'once more, over it'
is '' "$(container enter a -- find /tmp -name '.container*')" 'temporary files'
[ "$(du -k back/sparse | cut -f 1)" -lt 100 ] || bad 'holes are filled'
is '' "$(find back -name '.container*')" 'temporary files'

it 'into a frozen container, and one nested in another'
check container create a/n
task a
check container freeze a
check container cp src/file a/n:/tmp/frozen
check container cp a:/tmp/frozen out
is text "$(cat out)"
check container thaw a

it 'a directory that is there, a new name, slashes'
check container cp src/file a:/tmp
check container cp src/file a:/tmp/new
check container enter a -- cmp /tmp/file /tmp/new
check container cp src/dir a:/tmp/newdir/
check container enter a -- test -e /tmp/newdir/below/deep
check container cp src/dir/ a:/tmp/newdir
check container enter a -- test -e /tmp/newdir/dir/below/deep
check container cp src/dir/. a:/tmp/third
check container cp src/dir/. a:/tmp/third
is below "$(container enter a -- ls /tmp/third)"
check container cp src/file src/link a:/srv
is file:file "$(container enter a -- sh -c 'echo $(cat /srv/file >/dev/null && echo file):$(readlink /srv/link)')"
fails_with 125 '^container: cp: a:/tmp/none/: No such file' container cp src/file a:/tmp/none/
fails_with 125 '^container: cp: a:/tmp/none/x: No such file' container cp src/file a:/tmp/none/x
fails_with 125 '^container: cp: a:/tmp/new/: Not a directory' container cp src/file a:/tmp/new/
fails_with 125 '^container: cp: a:/tmp/new: Not a directory' container cp src/file src/link a:/tmp/new
fails_with 125 'something else than a directory' container cp src/dir a:/tmp/new
mkdir -p q/new
fails_with 125 'there is a directory of this name: ' container cp a:/tmp/new q
is '' "$(find q -name '.container*')" 'temporary files'

it 'what is replaced'
check container enter a -- sh -c 'cd /tmp && echo old >old && ln -s old to-old && ln old hard'
check container cp src/file a:/tmp/to-old
is old "$(container enter a -- cat /tmp/old)" 'not written through a link'
is text "$(container enter a -- cat /tmp/to-old)"
check container cp src/file a:/tmp/old
is old "$(container enter a -- cat /tmp/hard)" 'it is another file'
check container cp src/null a:/tmp/old
is 1:3 "$(container enter a -- stat -c %t:%T /tmp/old)"
check container enter a -- rm /tmp/old
check container cp src/link a:/tmp/old
is file "$(container enter a -- readlink /tmp/old)"

it 'streams are not replaced'
mkdir dev dev/dir
mknod dev/full c 1 7
mkfifo dev/fifo
ln -s full dev/to-full
ln -s to-full dev/to-link
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
ln -s ../fifo dev/dir/file
check container cp src/file a:/tmp/file
check container cp dev/. a:/tmp/dev
tree dev >before
refused='it is or leads to something else than a regular file or directory, and is not replaced$'
for target in full fifo to-full to-link stdout stderr; do
	fails_with 125 "^container: cp: dev/$target: $refused" container cp a:/tmp/file dev/$target
	fails_with 125 "^container: cp: a:/tmp/dev/$target: $refused" container cp src/file a:/tmp/dev/$target
done
fails_with 125 "^container: cp: dev/dir/file: $refused" container cp a:/tmp/file dev/dir
fails_with 125 "^container: cp: a:/tmp/dev/dir/file: $refused" container cp src/file a:/tmp/dev/dir
is "$(cat before)" "$(tree dev)" 'on the host'
is "$(cat before)" "$(tree_in a /tmp/dev)" 'in the container'
check container create p --own mount,pid
check container cp dev p:/tmp
fails_with 125 "^container: cp: p:/tmp/dev/stdout: $refused" container cp src/file p:/tmp/dev/stdout
check container rm -f p
ln -s ../src/sparse dev/to-file
check container cp a:/tmp/file dev/to-file
is text "$(cat dev/to-file)" 'a link to a regular file'
is 2097152 "$(stat -c %s src/sparse)" 'what it led to'
fails_with 125 '^container: cp: -: a file of this name is ./- .*container enter NAME cat FILE' container cp a:/tmp/file -
fails_with 125 '^container: cp: -: a file of this name is ./- .*container enter NAME cat FILE' container cp - a:/tmp/file
check container cp a:/tmp/file ./-
is text "$(cat ./-)"

it 'a directory that is there stays whose it is'
if has_type user; then
	mkdir -p deputy/private got-app app/private
	chmod 700 deputy/private app/private
	echo new >app/private/config
	chown -R 5:5 app
	check container create u --own user,mount
	check container set u 'uid_map=0 100000 65536' 'gid_map=0 100000 65536'
	check container mount u --bind deputy /srv
	check container enter u -- mkdir -p /tmp/app/private
	check container mount u --bind deputy/private /tmp/app/private
	check container cp app u:/tmp
	is '700 0:0' "$(stat -c '%a %u:%g' deputy/private)" 'what is mounted in the container'
	check container enter u -- sh -c 'mkdir -p /tmp/o/private; chmod 777 /tmp/o /tmp/o/private; chown 7:7 /tmp/o'
	mkdir -p o/private
	chmod 700 o o/private
	check container cp u:/tmp/o .
	is '700 0:0 700 0:0' "$(stat -c '%a %u:%g' o o/private | paste -s -d ' ')" 'on the host'
	check container cp u:/tmp/o o2
	is '777 7:7' "$(stat -c '%a %u:%g' o2)" 'a new one'
	check container rm -f u
fi

it 'links lead nowhere outside'
mkdir outside
echo secret >outside/secret
check container enter a -- ln -s "$WORK/outside" /tmp/out
check container enter a -- ln -s ../../../../../../../etc/hostname /tmp/up
fails_with 125 'a:/tmp/out/secret: No such file' container cp a:/tmp/out/secret got
fails_with 125 'a:/tmp/out/new: No such file' container cp src/file a:/tmp/out/new
check container cp src/file a:/tmp/out
is secret "$(ls outside)"
check container cp a:/tmp/up q/up
is ../../../../../../../etc/hostname "$(readlink q/up)"

it 'a container that exchanges its names meanwhile'
inside=/proc/$(container ps --json a | jq -r '.[0].pid')/root/tmp/swap
check container cp src/dir a:/tmp/swap
for i in 1 2 3 4 5 6 7 8; do
	check container cp src/dir a:/tmp/swap/d$i
done
ln -s "$WORK/outside" "$inside/link"
ln -s "/proc/1/root$WORK/outside" "$inside/d1/link"
echo inside >"$inside/d2/secret"
start swapping "$BUILD/tests/shell/swap" "$inside/d2" "$inside/link" "$inside/d1/below" "$inside/d1/link"
swapper=$started
mkdir got
i=0
while [ $i -lt $((60 / ${TESTS_SLOW:-1})) ]; do
	container cp src/dir/below a:/tmp/swap/d2 2>/dev/null
	container cp src/dir/. a:/tmp/swap/d1 2>/dev/null
	container cp src/file a:/tmp/swap/link/new 2>/dev/null
	container cp a:/tmp/swap/d2/secret got/$i 2>/dev/null
	rm -rf got/tree
	container cp a:/tmp/swap got/tree 2>/dev/null
	! grep -rqx secret got || bad 'what is outside was read'
	i=$((i + 1))
done
kill "$swapper"
wait "$swapper" 2>/dev/null
is secret "$(ls -A outside)" 'what is outside was not written to'
is secret "$(cat outside/secret)"
grep -rqx inside got || bad 'nothing was ever read'

it 'ids are those that the container numbers'
if has_type user; then
	check container create u --own mount,user
	check container set u 'uid_map=0 100000 65536' 'gid_map=0 100000 65536'
	check container cp --special src u:/tmp/src
	is "$(cat wanted)" "$(tree_in u /tmp/src)"
	check container cp --special u:/tmp/src back-u
	is "$(cat wanted)" "$(tree back-u)"
	chown 70000:70000 src/set-id
	chmod 6755 src/set-id
	exits 0 container cp src/set-id u:/tmp
	matches '^container: cp: owners .* are 65534 now' "$(cat "$WORK/.err")"
	is 65534:755 "$(container enter u -- stat -c %u:%a /tmp/set-id)" 'set-id is not given to another'
	check container rm -f u
else
	part_skipped 'no user namespaces'
fi

it 'attributes'
xattr=$BUILD/tests/shell/xattr
if "$xattr" src/file trusted.x 'a value'; then
	check container cp src/file a:/tmp/attr
	check container cp a:/tmp/attr attr
	is 'a value' "$("$xattr" attr trusted.x)"
	if "$xattr" src/file security.x 'made up'; then
		check container cp src/file a:/tmp/attr2
		check container cp a:/tmp/attr2 attr2
		is '' "$("$xattr" attr2 security.x 2>/dev/null)"
	fi
else
	part_skipped 'no attributes in this file system'
fi

it 'few open files'
mkdir linked
for i in $(seq 60); do
	echo "$i" >"linked/$i" && ln "linked/$i" "linked/x$i"
done
check sh -c 'ulimit -n 40 && exec container cp linked a:/tmp'
is 120 "$(container enter a -- sh -c 'ls /tmp/linked | wc -l')"
check container enter a -- cmp /tmp/linked/60 /tmp/linked/x60

# deep DIR LEVELS
deep()
{
	below=$1/$(yes d/ | head -n "$2" | tr -d '\n')
	mkdir -p "$below" && echo end >"$below/end"
}

it 'deep trees'
deep deep 400
check sh -c 'ulimit -n 1024 && exec container cp deep a:/tmp'
is 402 "$(container enter a -- find /tmp/deep | wc -l)"
check container cp a:/tmp/deep deep-back
[ "$(cd deep && find .)" = "$(cd deep-back && find .)" ] || bad 'another tree came back'
deep deeper 1500
check sh -c 'ulimit -S -n 256 && exec container cp deeper a:/tmp'
is 1502 "$(container enter a -- find /tmp/deeper | wc -l)"
exits 125 sh -c 'ulimit -n 100 && exec container cp deep a:/tmp/few'
grep -Eq ': (Too many open files|No file descriptors available)$' "$WORK/.err" || bad 'too few fds are not told'

it 'a container into itself'
fails_with 125 'cannot be copied into itself' container cp a:/tmp/src a:/tmp/src/dir
check container enter a -- test -e /tmp/src/dir/src/file
check_not container enter a -- test -e /tmp/src/dir/src/dir/src
fails_with 125 'it is the same directory' container cp a:/tmp/src/. a:/tmp/src
is '' "$(container enter a -- find /tmp/src -name '.container*')" 'temporary files'

it 'into itself as a container sees it'
host=$(mktemp -d /srv/containerfs-cp.XXXXXX)
mkdir "$host/in"
echo 1 >"$host/file"
if container enter a -- test -e "$host/file"; then
	fails_with 125 'in/x: cannot be copied into itself' container cp "a:$host" "$host/in/x"
	is "$(printf 'file\nin')" "$(ls "$host/in/x")"
	is '' "$(ls "$host/in/x/in")"
	check container enter a -- sh -c "echo 2 >'$host/file'"
	check container cp "a:$host/." "$host"
	is 2 "$(cat "$host/file")" 'what it has changed is taken out'
	is '' "$(find "$host" -name '.container*')" 'temporary files'
else
	part_skipped 'no view of the host in the container'
fi
rm -r "$host"

it 'the same file'
check container enter a -- sh -c 'cd /tmp && echo same >one && ln one two && ln -s one three'
for target in one two ./one ''; do
	fails_with 125 '^container: cp: a:/tmp/one: (one|two): it is the same file$' container cp a:/tmp/one "a:/tmp/$target"
done
fails_with 125 'three: it is the same file$' container cp a:/tmp/three a:/tmp
is 2same "$(container enter a -- sh -c 'cd /tmp && stat -c %h one && cat two' | tr -d '\n')"

it 'sources of the same name'
mkdir s1 s2 s1/d s2/d into
echo 1 >s1/same
echo 2 >s2/same
echo 1 >s1/d/same
echo 2 >s2/d/same
echo 1 >s1/d/first
echo 2 >s2/d/second
ln -s 1 s1/link
ln -s 2 s2/link
echo old >into/same
check container cp into/same a:/srv/same
fails_with 125 '^container: cp: s2/same: same: will not overwrite what was just created' container cp s1/same s2/same a:/srv
is 1 "$(container enter a -- cat /srv/same)"
fails_with 125 '^container: cp: s2/link: link: will not overwrite' container cp s1/link s2/link a:/srv
is 1 "$(container enter a -- readlink /srv/link)"
fails_with 125 '^container: cp: s2/d/same: same: will not overwrite' container cp s1/d s2/d a:/srv
is '1 first same second' "$(container enter a -- sh -c 'cd /srv/d && echo $(cat same) $(LC_ALL=C ls)')"
check container cp s2/same a:/srv
is 2 "$(container enter a -- cat /srv/same)" 'another command'

it 'names of one file across sources'
mkdir apart
echo x >apart/a
ln apart/a apart/b
check container cp apart/a apart/b a:/srv
is 2 "$(container enter a -- stat -c %h /srv/a)" 'in'
check container cp a:/srv/a a:/srv/b into
is 2 "$(stat -c %h into/a)" 'out'

it 'what cannot be read does not keep the rest'
mkdir many
touch many/1 many/2
check container cp many a:/tmp
check container enter a -- mkdir /tmp/many/1x
mkdir many/1x many/3
rm many/1 && mkdir many/1
fails_with 125 'cp: many/1: there is something else' container cp many a:/tmp
check container enter a -- test -d /tmp/many/3

# stopped_at FILE COMMAND...: it runs in the background, a bit at a time, and is stopped when there is
# FILE, a pattern. Sets $started.
stopped_at()
{
	file=$1
	shift
	env --default-signal=INT,TERM,HUP "$@" </dev/null >"$WORK/.stopped" 2>&1 &
	started=$!
	# shellcheck disable=SC2086
	until set -- $file && [ -e "$1" ]; do
		kill -CONT $started && kill -STOP $started || return
	done
}

it 'ended by a signal'
mkdir big slow
head -c 32M /dev/zero >big/file
check container enter a -- mkdir /tmp/slow
check container cp big a:/tmp
inside=/proc/$(container ps --json a | jq -r '.[0].pid')/root/tmp
for sig in INT:130 TERM:143 HUP:129; do
	stopped_at 'slow/.container-cp.*' container cp a:/tmp/big/file a:/tmp/file slow
	kill -s ${sig%:*} $started
	kill -CONT $started
	ends ${sig#*:} $started
	is '' "$(ls -A slow)" "out, ${sig%:*}"
	is '' "$(cat "$WORK/.stopped")"
	stopped_at "$inside/slow/big/.container-cp.*" container cp big src/file a:/tmp/slow
	kill -s ${sig%:*} $started
	kill -CONT $started
	ends ${sig#*:} $started
	is big "$(container enter a -- ls -A /tmp/slow)" "in, ${sig%:*}"
	is '' "$(container enter a -- ls -A /tmp/slow/big)" "in, ${sig%:*}"
done
stopped_at 'slow/.container-cp.*' sh -c 'trap "" HUP; exec container cp a:/tmp/big/file slow'
kill -s HUP $started
kill -CONT $started
ends 0 $started
is file "$(ls -A slow)" 'ignored'
rm -r big slow
check container enter a -- rm -r /tmp/big /tmp/slow

it 'wrong input'
fails_with 125 'neither is in a container' container cp src dst
fails_with 125 '^container: none: ' container cp src none:/x
fails_with 125 '^container: none: ' container cp none:/x dst
fails_with 125 'not NAME:PATH: a:' container cp a: dst
fails_with 125 'not NAME:PATH: :x' container cp :x dst
fails_with 125 '^container: cp: ./a:b: No such file' container cp ./a:b a:/tmp
touch ./a:b
check container cp ./a:b a:/tmp
check container enter a -- test -e /tmp/a:b
fails_with 125 'cp: a:/none: No such file' container cp a:/none dst
fails_with 125 'SOURCE... and TARGET' container cp src
[ ! -e dst ] || bad 'something was made'

check container rm -f -r a b
