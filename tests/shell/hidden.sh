# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What a mode hides in the tree is hidden everywhere: by the tree, by container(1), and in the state
# directory, each user sees the same.
#
#	/
#	├── open   root's, 0755       └── in
#	├── pass   root's, 0711       └── in
#	├── secret root's, 0700       └── in
#	├── group  root:1001's, 0750  └── in
#	├── own    1000's, 0700       └── in
#	├── less   1000's, 0075: its owner may less than others    └── in
#	└── temporary, which ends with "run"
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

tree=$CONTAINERFS_STATE/tree
chmod 711 "$WORK"
mkdir -m 755 "$WORK/bin"
cp "$(command -v container)" "$(dirname "$(command -v container)")/container-report" "$WORK/bin"

# as UID CMD...
as()
{
	uid=$1
	shift
	PATH=$WORK/bin:$PATH setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# may CMD...: yes or no.
may()
{
	"$@" >"$WORK/out" 2>"$WORK/err" && echo yes || echo no
}

umask 077 # of no consequence
mount_tree
chmod 755 "$T" 2>/dev/null
for name in open pass secret group own less; do
	check container create "$name"
	check container create "$name/in"
done
check chmod 711 "$T/pass"
check chmod 700 "$T/secret" "$T/own"
check chown 0:1001 "$T/group"
check chmod 750 "$T/group"
check chown 1000:1000 "$T/own" "$T/less"
check chmod 75 "$T/less"
container run -n temporary -- sleep 1000 &
running=$!
wait_for test -d "$tree/temporary"

it 'all views agree'
for user in 1000 1001 1002; do
	for name in open pass secret group own less temporary; do
		it "user $user, $name"
		by_tree=$(may as $user ls "$T/$name")
		is "$by_tree" "$(may as $user ls "$tree/$name")" 'listed by the state directory'
		is "$by_tree" "$(may as $user container ls -q "$name")" 'listed by container ls'
		[ $name != temporary ] || continue
		by_tree=$(may as $user cat "$T/$name/in/id")
		is "$by_tree" "$(may as $user readlink "$tree/$name/in/@spec")" 'read in the state directory'
		is "$by_tree" "$(may as $user container show "$name/in")" 'read by container show'
		is no "$(may as $user touch "$tree/$name/file")" 'written'
	done
done
acl=$(may as 1000 ls "$tree/own")

it 'and they are what the modes say'
for line in '1002 open yes yes' '1002 pass no yes' '1002 secret no no' '1001 group yes yes' '1002 group no no' \
	"1000 own $acl $acl" '1002 own no no' '1002 less yes yes' '1002 temporary no no'; do
	# shellcheck disable=SC2086
	set -- $line
	is "$3" "$(may as "$1" ls "$T/$2")" "$1 lists $2"
	is "$4" "$(may as "$1" cat "$T/$2/id")" "$1 reads $2"
done
[ "$acl" = yes ] || part_skipped 'no access control lists here: owners look through the tree'

it 'no list tells what is hidden'
for verb in 'ls' 'ls --tree' 'ls --json' 'ls -q' 'stats' 'stats --json'; do
	# shellcheck disable=SC2086
	as 1002 container $verb >"$WORK/out" 2>&1
	is 0 $? "$verb"
	is '' "$(grep -E 'secret|group|temporary|own/|"/?own"[^:]' "$WORK/out")" "$verb"
	grep -q open "$WORK/out" || bad "$verb: it tells nothing"
done
for name in secret secret/in own/in temporary group/in; do
	fails_with 125 "$name.*Permission denied" as 1002 container show "$name"
done
fails_with 125 'Permission denied' as 1002 container of "$(container ps --json temporary | jq '.[0].pid')"

it 'what is made by an owner is hidden from the first moment on'
check chmod 777 "$T/open"
check as 1000 mkdir -m 700 "$T/open/made"
is no "$(may as 1002 readlink "$tree/open/made/@spec")"
is "$acl" "$(may as 1000 readlink "$tree/open/made/@spec")"
is '1000 700' "$(stat -c '%u %a' "$T/open/made")"
is 0 "$(stat -c %u "$tree/open/made")"

it 'a mode that changes'
check as 1000 chmod 755 "$T/open/made"
is yes "$(may as 1002 readlink "$tree/open/made/@spec")"
check as 1000 chmod 700 "$T/open/made"
is no "$(may as 1002 readlink "$tree/open/made/@spec")"
check chown 1002 "$T/open/made"
is no "$(may as 1000 readlink "$tree/open/made/@spec")"
check chown 0:0 "$T/open/made"
check chmod 755 "$T/open/made"
is '755 0 0' "$(stat -c '%a %u %g' "$tree/open/made")"

it 'what ends with its fd stays root'\''s alone'
is '0 700' "$(stat -c '%u %a' "$T/temporary")"
says 'not supported' chmod 755 "$T/temporary"
says 'not supported' chown 1000 "$T/temporary"
is 700 "$(stat -c %a "$tree/temporary")"

it 'a check tells what is shown and should not be'
chmod 755 "$tree/secret"
exits 1 container check
matches "tree/secret/.: .*shown" "$(cat "$WORK/.out")"
check container check --repair
is no "$(may as 1002 ls "$tree/secret")"
chmod 755 "$tree/temporary" "$CONTAINERFS_STATE/held"
exits 1 container check
check container check --repair
is 700 "$(stat -c %a "$tree/temporary")"
is 700 "$(stat -c %a "$CONTAINERFS_STATE/held")"

kill "$running"
wait "$running"
container rm -r -f open pass secret group own less
