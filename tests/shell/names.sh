# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What is a name, and which rule is told where it is none.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

letters="letters, digits"
reserved='reserved'
long=$(printf '%0255d' 0)
cr=$(printf 'a\rb')

it 'names that are'
for name in a Z 0 _ + web.1 a-b a+b a_b ... ..a a.. .hidden network1 my-init Root selfish CGROUP \
	container_x "$long" 1234567890123456; do
	check container create "$name" &&
		is "$name" "$(container ls -q | grep -Fx -- "$name")" &&
		check container rm "$name"
done

it 'a name may begin with a dash'
check container create -- -x
lists -x
check container rename -- -x --force
lists --force
check container rm -- --force

it 'characters'
# shellcheck disable=SC2016
for name in 'a b' ' ' 'a*' 'a?b' 'a:b' 'a@b' '@spec' '@new' 'a\b' "a'b" 'a"b' 'a,b' 'a=b' 'a~' 'a#b' 'a%20b' \
	'é' 'ü' "$cr" '$x' '`x`' ';x' 'a|b' '(a)' '[a]' '{a}' '<a>' '!a' 'a^' 'a&'; do
	fails_with 125 "$letters.*Invalid argument" container create "$name"
done
exits 125 container create 'a
b'

it 'length'
fails_with 125 'at most 255 bytes.*Invalid argument' container create "${long}0"
fails_with 125 'at most 255 bytes.*Invalid argument' container create "$long$long$long$long$long$long"
fails_with 125 'at least one character.*Invalid argument' container create ''

it 'dot and dot-dot'
fails_with 125 '"\." and "\.\.".*Invalid argument' container create .
fails_with 125 '"\." and "\.\.".*Invalid argument' container create ..

it 'reserved for the tree of files'
for name in init_container self by-pid tasks init network uts ipc mount pid user cgroup time root hostname \
	uid_map gid_map state freeze kill id status cgroup.d; do
	fails_with 125 "$reserved.*Invalid argument" container create $name
done

it 'the same below a parent, for run and for rename'
check container create web
for name in web/a:b web/. web/tasks "web/${long}0" web/..; do
	fails_with 125 'Invalid argument' container create "$name"
	fails_with 125 'Invalid argument' container run -n "$name" -- true
	fails_with 125 'Invalid argument' container rename web "${name#web/}"
done
fails_with 125 "$letters" container rename web 'a b'
fails_with 125 "$reserved" container rename web pid
fails_with 125 'at most 255' container rename web "${long}0"
fails_with 125 'at least one character|Invalid argument' container rename web ''
lists web

it 'bad names of containers that should be there'
for name in 'a b' .. web/.. "${long}0" pid web/pid ''; do
	fails_with 125 'Invalid argument|No such' container enter "$name" -- true
	fails_with 125 'Invalid argument|No such' container rm "$name"
	fails_with 125 'Invalid argument|No such' container show "$name"
done
lists web

it 'slashes more than needed'
check container create /web//db
lists web web/db
check container show //web//db//
check container rm -r web/
lists
