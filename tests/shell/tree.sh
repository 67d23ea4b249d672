# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# The tree is a file system as any: what is listed, walked, asked and shown by ordinary programs.
#
#	/
#	├── web       own network, mount; a task
#	│   └── db
#	│       └── x
#	└── a
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

always='cgroup.d gid_map hostname id init state status tasks uid_map'
below='freeze kill'
top='by-pid init_container self'

# has DIR NAME...: ls shows these, and nothing else.
has()
{
	dir=$1
	shift
	is "$(printf '%s\n' "$@" | sort)" "$(ls -A "$dir" 2>&1 | sort)" "ls $dir"
}

mount_tree
cd "$T" || exit

it 'before there is a hierarchy'
# shellcheck disable=SC2086
has . $top
is ./self "$(find . ! -readable)" 'nobody is in a container'
check_not test -e "$CONTAINERFS_STATE"
is '' "$(ls by-pid)"
says 'No such file' cat tasks
says 'No such file' ls web
says 'No such file' readlink -v self
check df .
check_not test -e "$CONTAINERFS_STATE" # still: looking makes nothing

it 'the entries of a container'
check mkdir -p web/db/x a
# shellcheck disable=SC2086
{
	has . $top $always web a
	has web $always $below db
	has web/db/x $always $below
	check touch web/network web/mount
	has web $always $below db network mount root
	has a $always $below
}

it 'the order in which they are: tasks first, containers last'
is tasks "$(ls -U web | head -n 1)"
is db "$(ls -U web | tail -n 1)"
is web/tasks "$(find web -mindepth 1 | head -n 1)"

it 'hidden entries are those of any directory'
is "$(printf '%s\n' . ..)" "$(ls -a web | head -n 2)"

it 'kinds and permissions'
for i in tasks hostname uid_map gid_map; do
	is "-rw-r--r-- root root" "$(stat -c '%A %U %G' web/$i)" $i
	is "-rw-r--r-- root root" "$(stat -c '%A %U %G' $i)" "/$i"
done
for i in init state id status; do
	is "-r--r--r-- root root" "$(stat -c '%A %U %G' web/$i)" $i
done
is '-rw-r--r--' "$(stat -c %A web/freeze)" freeze
is '--w-------' "$(stat -c %A web/kill)" kill
for i in cgroup.d network mount root; do
	is 'lrwxrwxrwx' "$(stat -c %A web/$i)" $i
done
for i in self init_container; do
	is 'lrwxrwxrwx' "$(stat -c %A $i)" $i
done
is 'dr-xr-xr-x' "$(stat -c %A by-pid)" by-pid
is 'drwxr-xr-x' "$(stat -c %A web)" web
is 'drwxr-xr-x' "$(stat -c %A .)" /

it 'what ls says of a kind is what stat says of it'
for i in * web/*; do
	kind=$(find "$i" -maxdepth 0 -printf '%y %Y' 2>/dev/null)
	case $kind in
	[dfl]\ *) ;;
	*) bad "$i is of kind $kind" ;;
	esac
done
is "$(find web -mindepth 1 -maxdepth 1 -printf '%f %y\n' | sort)" \
	"$(for i in web/*; do stat -c '%n %F' "$i"; done | sed 's,^web/,,; s/directory/d/; s/symbolic link/l/; s/regular.*/f/' | sort)"

it 'inodes: each its own, the same whenever it is asked, and in every listing'
is '' "$(find . ! -type l -printf '%i\n' | sort | uniq -d)" 'twice'
is "$(find . -printf '%i %p\n' | sort)" "$(find . -printf '%i %p\n' | sort)"
for i in web web/db web/tasks a/id; do
	is "$(stat -c %i "$i")" "$(ls -di "$i" | cut -d ' ' -f 1)" "$i"
	# %i of a name that was listed and not asked: what readdir(3) told.
	is "$(stat -c %i "$i")" "$(ls -iU "$(dirname "$i")" | awk -v n="$(basename "$i")" '$2 == n { print $1 }')" "readdir: $i"
done
inode=$(stat -c %i web)
check mv web web2
is "$inode" "$(stat -c %i web2)" 'after a rename'
check mv web2 web
is_not "$(stat -c %i .)" "$inode"

it 'links of a directory: one for each directory in it, and two'
is 2 "$(stat -c %h a)"
is 3 "$(stat -c %h web)"
is "$((2 + $(find . -mindepth 1 -maxdepth 1 -type d | wc -l)))" "$(stat -c %h .)"

it 'times: there, and not in the future'
for i in . web web/tasks; do
	[ "$(stat -c %Y $i)" -gt 1000000000 ] && [ "$(stat -c %Y $i)" -le "$(date +%s)" ] || bad "$i: $(stat -c %y $i)"
done
before=$(stat -c %.Y a)
sleep 0.02
check mkdir a/n
is_not "$before" "$(stat -c %.Y a)" 'a container made in it shows in the time'
check rmdir a/n

it 'find: by name, by kind, deepest first'
is "$(printf '%s\n' ./a ./by-pid ./web ./web/db ./web/db/x)" "$(find . -mindepth 1 -type d | sort)"
is './web/db/x' "$(find . -name x)"
is 'web/db/x' "$(find web -mindepth 1 -depth -type d | head -n 1)"
is '' "$(find . 2>&1 >/dev/null)" 'errors'
is 1 "$(find . -path ./web/db/x/tasks | wc -l)"
is "$(container ls -q | sort)" "$(find . -type d ! -path './by-pid*' | sed 's,^\./,,' | grep -v '^\.$' | sort)"

it 'no walk leads out of the tree'
check mkdir -p "$WORK/fs/etc/deep"
check mkdir rooted
check ln -s "$WORK/fs" rooted/root
check test -d rooted/root/etc/deep
is '' "$(find . -name deep)" find
is '' "$(find . -xdev -type d ! -path './by-pid*' -printf '%D\n' | sort -u | sed 1d)" 'one device'
is '' "$(ls -R . | grep deep)" 'ls -R'
is 0 "$(du -s . | cut -f 1)" du
is '' "$(du . 2>&1 >/dev/null)" 'errors of du'
is "$(find . -type d | wc -l)" "$(du . | wc -l)" 'directories of du'
is '' "$(grep -rl nothing-has-this . 2>&1 | grep -v /kill:)" 'grep -r reads all, and fails at nothing'
check sh -c 'tar -cf - . --exclude=by-pid 2>/dev/null | tar -tf - >/dev/null'
check test -d rooted/root/etc/deep # and nothing was removed from there
check rm -r rooted
check test -d "$WORK/fs/etc/deep"
if command -v tree >/dev/null; then
	is '' "$(tree . | grep deep)"
fi

it '.., pwd'
is "$T/web/db/x" "$(cd web/db/x && pwd -P)"
is "$T/web/db" "$(cd web/db/x && cd -P .. && pwd -P)"
is "$T/web/db/x" "$(cd web/db/x && env pwd -P)"
is "$WORK" "$(cd web/../.. && pwd -P)"
is "$(stat -c %i web)" "$(stat -c %i web/db/..)"
is "$(stat -c %i .)" "$(stat -c %i web/..)"
is "$(stat -c %i "$WORK")" "$(stat -c %i "$T/..")"
cd web/db || exit
check mv "$T/web" "$T/renamed"
is "$T/renamed/db" "$(pwd -P)" 'of a directory that was renamed above'
is x "$(ls -d x)"
check test -d ../../a
check mv "$T/renamed" "$T/web"
cd "$T" || exit

it 'a directory that is gone'
check mkdir gone
cd gone || exit
check rmdir "$T/gone"
says 'No such file|Stale' ls -l tasks
says 'No such file|Stale' cat state
says 'No such file|Stale' mkdir x
cd "$T" || exit
check mkdir gone
check test -e gone/tasks # another one of this name
check rmdir gone

it 'names that none has'
says 'No such file' cat web/nothing
says 'Not a directory' ls web/network/x
says 'No such file' ls web/db/uts
says 'No such file' ls "web/$(printf '%0255d' 0)"
says 'too long' ls "web/$(printf '%0256d' 0)"
says 'Not a directory' ls web/tasks/x

it 'self, init_container, by-pid'
is init_container "$(readlink self)"
is . "$(readlink init_container)"
is "$T" "$(cd -P init_container && pwd -P)"
is "$T/web" "$(cd -P init_container/init_container/web && pwd -P)"
check_not test -e web/self
check_not test -e web/by-pid
is ../init_container "$(readlink by-pid/$$)"
is "$T" "$(cd -P by-pid/$$ && pwd -P)"
check mkdir -p web/db
task web/db
pid=$(cat web/db/tasks)
is ../web/db "$(readlink "by-pid/$pid")"
is "$T/web/db" "$(cd -P "by-pid/$pid" && pwd -P)"
check test -L "by-pid/$pid"
ls by-pid | grep -qx "$pid" || bad 'by-pid does not list a task of a container'
for i in 0 1x x -1 +1 "0$pid" 4194304 99999999999999999999; do
	check_not test -L "by-pid/$i"
done
says 'not permitted|denied' touch by-pid/x
says 'not permitted|denied' mkdir by-pid/x
says 'not permitted|denied|Read-only' rm -f "by-pid/$pid"
is web/db "$(container enter --only uts web/db -- readlink "$T/self")"
is "$T/web/db" "$(container enter --only uts web/db -- sh -c "cd -P $T/self && pwd -P")"
check rm web/db/tasks
ends 137 "$started"
wait_for test ! -L "by-pid/$pid"

it 'what the command makes is seen, and the other way round'
check container create web/y
check test -d web/y
check container rename web/y z
check_not test -e web/y
check test -d web/z
check container rm web/z
check_not test -e web/z
check mkdir web/w
container ls -q | grep -qx web/w || bad 'mkdir is not seen'
check rmdir web/w

it 'chmod and chown: who may list, enter, change'
user='setpriv --reuid 1000 --regid 1000 --clear-groups'
check $user ls web
check chmod 700 web
is 'drwx------' "$(stat -c %A web)"
says 'Permission denied' $user ls web
says 'Permission denied' $user cat web/state
says 'Permission denied' $user ls web/db
is "drwx------ root" "$(stat -c '%A %U' "$T/web")"
check chown 1000:1000 web
is '1000 1000' "$(stat -c '%u %g' web)"
is '1000 1000' "$(stat -c '%u %g' web/tasks)" 'its entries are his'
is '0 0' "$(stat -c '%u %g' web/db)" 'what is below is not'
check $user ls web
matches '^owner: 1000:1000$' "$(cat web/status)"
matches '^mode: 0700$' "$(cat web/status)"
says 'not permitted' $user chown 0 web
check $user chmod 711 web
is 'drwx--x--x' "$(stat -c %A web)"
says 'not permitted' $user chmod 777 a
says 'not permitted' chmod 600 web/tasks
says 'not permitted' chown 1000 web/tasks
says 'not permitted' chmod 777 by-pid
is '-rw-r--r--' "$(stat -c %A web/tasks)"
check chown 0:0 web
check chmod 755 web

it 'many: a listing that does not fit in one request'
for i in 0 1 2 3 4 5 6 7 8 9; do
	for j in 0 1 2 3 4 5 6 7 8 9; do
		echo "a/c$i$j-$(printf '%0100d' 0)"
	done
done | xargs mkdir
is 100 "$(ls -d a/c*0 | wc -l)"
is "$(ls a | sort -u | wc -l)" "$(ls a | wc -l)" 'none twice'

it 'statfs'
check stat -f .
is 255 "$(stat -f -c %l .)"
matches containerfs "$(df --output=fstype .)"

it 'all of it goes'
check rm -r a web
lists
