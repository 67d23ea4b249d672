# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# create and its options.
#
#	/
#	├── container_1 …   names of its own finding
#	└── web             every type own, one at a time
#	    └── db
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

it 'nothing is there before'
is '[]' "$(container ls --json)"
is '' "$(container ls -q)"
check_not test -e "$CONTAINERFS_STATE"

it 'a container without anything of its own'
check container create web
is '' "$(cat "$WORK/.out")" 'output'
lists web
is created "$(field web state)"
is 0 "$(field web tasks)"
is null "$(field web own)"
is null "$(field web shared)"
is false "$(field web transient)"
is 0 "$(field web owner)"
is /web "$(field web path)"
matches '^[0-9a-f]{16}$' "$(field web id)"
for type in mount pid network ipc uts cgroup; do
	is "$(namespace "$(proc_name $type)")" "$(namespace_in web $type)" $type
done

it 'existing and missing'
fails_with 125 '^container: web: create: File exists' container create web
fails_with 125 'File exists' container create /web
fails_with 125 'No such file' container create none/db
fails_with 125 'No such file' container create web/none/db
lists web
check container rm web

it 'own namespaces, type by type'
for type in mount pid network ipc uts cgroup user time; do
	if ! has_type $type; then
		part_skipped "no $type namespaces"
		continue
	fi
	check container create web --own $type || continue
	is $type "$(field web own)"
	# A pid namespace is there with its first task.
	if [ $type = pid ]; then
		is 1 "$(container enter web -- sh -c 'echo $$')"
	else
		is_not "$(namespace "$(proc_name $type)")" "$(namespace_in web $type)" $type
		is "$(namespace_in web $type)" "$(namespace_in web $type)" 'again'
	fi
	for other in mount network ipc uts cgroup; do
		[ $other = $type ] || is "$(namespace "$(proc_name $other)")" "$(namespace_in web $other)" \
			"own $type, but $other"
	done
	check container rm web
done

it 'own all'
check container create web --own all
is mount,pid,network,ipc,uts,cgroup "$(field web own)"
check container create --own uts,ipc --own network web/db
is network,ipc,uts "$(field web/db own)"
is "$(namespace_in web mount)" "$(namespace_in web/db mount)" 'inherited from the parent'
is_not "$(namespace_in web uts)" "$(namespace_in web/db uts)"
check container rm -r web

it 'unknown types'
fails_with 125 'unknown namespace type "net"' container create --own net web
fails_with 125 'unknown namespace type ""' container create --own uts,,ipc web
fails_with 125 'unknown namespace type "UTS"' container create --own UTS web
fails_with 125 'unknown namespace type "mnt"' container create --own uts,mnt web
fails_with 125 'not TYPE=CONTAINER or TYPE=PATH: bogus=x' container create --share bogus=x web
fails_with 125 'not TYPE=CONTAINER or TYPE=PATH: network' container create --share network web
lists

it 'hostname'
check container create --hostname serge web
is uts "$(field web own)"
is serge "$(container enter web -- hostname)"
is serge "$(container show web | sed -n 's/^hostname: //p')"
check container rm web
sixty_four=$(printf '%064d' 0)
check container create --hostname "$sixty_four" web
is "$sixty_four" "$(container enter web -- hostname)"
check container rm web
fails_with 125 'hostname has 1 to 64 bytes' container create --hostname "${sixty_four}0" web
fails_with 125 hostname container create --hostname '' web
lists

it 'root'
make_root "$WORK/root"
check container create --root "$WORK/root" web
is mount "$(field web own)"
is "$WORK/root" "$(field web root)"
is "$(ls "$WORK/root")" "$(container enter web -- ls /)"
check container rm web
: >"$WORK/file"
fails_with 125 "root.*$WORK/file.*Not a directory" container create --root "$WORK/file" web
fails_with 125 "root.*$WORK/none.*No such file" container create --root "$WORK/none" web
fails_with 125 'root' container create --root '' web
lists

it 'a failure half way leaves nothing'
check container create a --own pid
fails_with 125 'share' container create --own all --share uts=nowhere web
fails_with 125 'pid' container create --own uts --share pid=a web
fails_with 125 'No such file' container create --own all --hostname h --root /nowhere web
lists a
check container rm a

it 'names of its own finding'
is /container_1 "$(container create)"
is /container_2 "$(container create --own uts)"
check container create container_7
is /container_8 "$(container create)"
check container create container_x
check container create container_y9
is /container_9 "$(container create /)"
check container rm container_1 container_2 container_7 container_8 container_x container_y9 container_9
check container create web
is /web/container_1 "$(container create web/)"
is /web/container_1/container_1 "$(container create /web/container_1/)"
check container rm -r web
lists

it 'one whose name cannot be printed does not stay'
for name in '' /; do
	# shellcheck disable=SC2086
	container create --own uts $name >/dev/full 2>"$WORK/err"
	is 125 $? 'status'
	matches '^container: /container_1: write its name: No space left on device \(it is removed again\)$' "$(cat "$WORK/err")"
	is 1 "$(wc -l <"$WORK/err")" 'lines'
	lists
done
container create >&- 2>"$WORK/err"
is 125 $? 'status without output'
lists
mkfifo pipe
sh -c 'exec 3<>pipe 4>pipe; exec 3<&-; container create >&4' 2>"$WORK/err"
is 125 $? 'status if nobody reads'
matches ': Broken pipe \(it is removed again\)$' "$(cat "$WORK/err")"
lists
check container create named >/dev/full
check container rm named

it 'one name at most, and options that are none'
fails_with 125 'one name at most' container create a b
fails_with 125 'unknown option: --bogus' container create --bogus a
fails_with 125 'unknown option' container create -x a
fails_with 125 'option needs a value: --own' container create a --own
fails_with 125 'unknown option: --keep' container create --keep a
lists
