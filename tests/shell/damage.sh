# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 300
#
# Every record of a container, damaged in every way: what cannot be trusted is not acted upon, the file is
# named, all else works, and "container rm -r -f" removes it and nothing else.
#
#	/
#	├── web        own uts, ipc and user; what is damaged
#	│   └── db     own uts; a task
#	├── ok         own uts; a task; what is not
#	└── copy       a copy of the directory of ok, at times
#
# The test has a hostname of its own: what acts on the host would be seen there.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

if [ -z "${IN_OWN_UTS:-}" ]; then
	exec env IN_OWN_UTS=1 unshare -u sh "$0"
fi
hostname outside
tree=$CONTAINERFS_STATE/tree

# All of them, from the one table that there is.
records=$(sed -n 's/^\tMAP("\(@[^"]*\)").*/\1/p; s/^\t{"\(@[^"]*\)".*/\1/p; s/^\t{OBJECT_\([A-Z]*\),.*/@\1/p' "$TESTS/../../src/core/record.c" |
	tr '[:upper:]' '[:lower:]')
it 'the table'
is 15 "$(echo "$records" | wc -w)"

for record in $records; do
	for page in man/containerfs.7 doc/ARCHITECTURE.md; do
		grep -qF -- "$record" "$TESTS/../../$page" || bad "$record is not in $page"
	done
done

check container create ok --own uts,ipc --hostname ok
task ok
oks=$started

# What a record says when all is well.
value()
{
	case $1 in
	@spec) readlink "$tree/$2/@spec" ;;
	@init) echo '1 2' ;;
	@root) echo view ;;
	@keys) echo '5 held' ;;
	@owner) echo '0 0 493' ;;
	@stop) echo '15 1000' ;;
	@limits) printf 'pids.max=100\n' ;;
	@ended) echo '1 2 0' ;;
	@ending) echo '1 2' ;;
	@*_map*) echo '0 0 100000' ;;
	@ids*) echo 'auto 65536 2147483648 2147483648 2147483648 0' ;;
	esac
}

# damage HOW RECORD FILE: NAME is put in the place of the record.
damage()
{
	text=$(value "$2" web)
	rm -rf "$3"
	case $1 in
	empty) : >"$3" ;;
	truncated) ln -s "$(echo "$text" | cut -c "1-$((${#text} / 2))")" "$3" ;;
	garbage) ln -s '/../../no such thing' "$3" ;;
	long) ln -s "$text$(printf '%4000s' x | tr ' ' x)" "$3" ;;
	file) echo "$text" >"$3" ;;
	directory) mkdir "$3" && : >"$3/file" ;;
	fifo) mkfifo "$3" ;;
	dangling) ln -s "$WORK/nowhere" "$3" ;;
	zero) ln -s "$(echo "$text" | sed 's/[0-9a-f]\{16\}/0000000000000000/g; s/^[0-9]* /0 /')" "$3" ;;
	init-container) ln -s "$(readlink "$tree/@spec")" "$3" ;;
	other) ln -s "$(value "$2" ok)" "$3" ;;
	missing) ;;
	esac
}

make_web()
{
	check container create web --own uts,ipc,user --hostname web
	check container create web/db --own uts
	task web/db
	db=$started
}

# Whether a text of this kind may say what it says now.
is_sound()
{
	case $1:$2 in
	@spec:*) false ;;
	*:missing | *:other | @owner:zero | @limits:zero | @*map*:zero | @ids*:zero | @*map*:truncated) true ;;
	@root:garbage | @root:dangling | @root:zero | @limits:long) true ;;
	*) false ;;
	esac
}

# What check and --repair say of a damaged record; after that it is sound, or was to be mended by hand.
check_finds()
{
	if is_sound "$1" "$2"; then
		check container check
		is '' "$(cat "$WORK/.out")"
		return
	fi
	exits 1 container check
	matches "tree/web/$1: .* \(container " "$(grep -v "tree/web/$1.*remove it, and set" "$WORK/.out")$(
		sed -n "s/remove it, and set/container &/p" "$WORK/.out")"
	others_work "$1: $2"
	case $1 in
	@spec | @limits | @*map* | @ids*)
		exits 1 container check --repair
		;;
	*)
		check container check --repair
		matches "tree/web/$1: .* \(mended\)" "$(cat "$WORK/.out")"
		check container check
		is '' "$(cat "$WORK/.out")"
		check container enter web -- true
		;;
	esac
}

others_work()
{
	is ok "$(container enter ok -- hostname)" "$1: the other"
	gone "$oks" && bad "$1: the task of the other is gone"
	is ok "$(container ls -q 2>/dev/null | grep -x ok)" "$1: the other is listed"
	check container create probe
	check container rm probe
}

# All of it may fail, or do what it says in web: nothing happens to anybody else.
use()
{
	for call in 'set web hostname=evil' 'enter web -- hostname evil' 'set web uts=own' 'rename web web' \
		'set web stop_timeout=1' 'create web/new' 'rm web' 'show web' 'stats web' 'ps web' 'mounts web' \
		'set web pids.max=max' 'set ok network=web' 'key add web user x y' 'freeze web' 'thaw web' 'stop -t 0 web/db'; do
		# shellcheck disable=SC2086
		timeout -s KILL "$(seconds 20)" container $call >"$WORK/use" 2>&1
		[ $? -lt 126 ] || bad "$1: \"$call\" crashed or hung"
	done
	is outside "$(hostname)" "$1: the name of the host"
	hostname outside
}

for record in $records; do
	for how in empty truncated garbage long file directory fifo dangling zero init-container other missing; do
		it "$record: $how"
		make_web
		damage "$how" "$record" "$tree/web/$record"
		use "$record: $how"
		others_work "$record: $how"
		if [ "$record" = @spec ]; then
			fails_with 125 "tree/web/@spec.*needs cleaning.*check" container enter web -- true
			[ "$how" = other ] || fails_with 125 "tree/web/@spec" container ls -q
		fi
		# What is only a hint has been put right by now.
		[ "$record" = @spec ] || damage "$how" "$record" "$tree/web/$record"
		check_finds "$record" "$how"
		check container rm -r -f web
		[ ! -e "$tree/web" ] || bad 'it is there still'
		# Of a container without a record it is not known which cgroup and namespaces it had.
		[ "$record" != @spec ] || container check --repair >"$WORK/out"
		wait_for gone "$db"
		wait "$db" 2>/dev/null
		check container check
		is '' "$(cat "$WORK/.out")" 'nothing is left'
		lists ok
	done
done

it 'a copy of a directory: two with one identity'
cp -a "$tree/ok" "$tree/copy"
exits 1 container check --repair
matches 'tree/copy/@spec: .* is a copy \(container rm -r -f' "$(cat "$WORK/.out")"
is 1 "$(wc -l <"$WORK/.out")"
fails_with 125 'tree/copy/@spec.*needs cleaning' container enter copy -- true
fails_with 125 'tree/copy/@spec.*needs cleaning' container set copy hostname=copy
check_not container rm copy
others_work 'while it is there'
check container rm -r -f copy
others_work 'after it was removed'
lists ok

it 'strays in the directory of a container'
make_web
echo x >"$tree/web/file"
mkdir -p "$tree/web/no name/below"
ln -s / "$tree/web/link"
mkdir "$tree/web/@new.@spec"
others_work strays
exits 1 container check
is 4 "$(grep -c 'none of ours (container check --repair)' "$WORK/.out")"
check container check --repair
is "@ids @spec db" "$(cd "$tree/web" && echo *)"
ln -s / "$tree/web/link"
echo x >"$tree/web/file"
check container enter web -- true
check container rm -r -f web
wait_for gone "$db"
wait "$db" 2>/dev/null
lists ok
check test -d /etc

it 'what is mounted there is not looked into'
make_web
mkdir "$tree/web/no name" "$WORK/precious"
echo x >"$WORK/precious/file"
mount --bind "$WORK/precious" "$tree/web/no name"
container rm -r -f web
umount "$tree/web/no name" 2>/dev/null || umount "$CONTAINERFS_STATE"/limbo/*/no*
is x "$(cat "$WORK/precious/file")"
check container create probe
check container rm probe
is '' "$(ls "$CONTAINERFS_STATE/limbo")"
wait_for gone "$db"
wait "$db" 2>/dev/null

it 'a link in held/ of a container that does not end with an fd'
ln -s /ok "$CONTAINERFS_STATE/held/$(field ok id)"
others_work 'held'
exits 1 container check
check container check --repair
is '' "$(ls "$CONTAINERFS_STATE/held")"

it 'the records of the hierarchy: the file is named'
for record in host cgroup vault; do
	was=$(readlink "$CONTAINERFS_STATE/$record")
	for how in garbage long file directory missing system; do
		# The others are no paths.
		[ "$how" != system ] || [ "$record" = cgroup ] || continue
		rm -rf "${CONTAINERFS_STATE:?}/$record"
		case $how in
		system) ln -s "${was%/*}" "$CONTAINERFS_STATE/$record" ;;
		*) damage "$how" "$record" "$CONTAINERFS_STATE/$record" ;;
		esac
		fails_with 125 "state/$record.*needs cleaning.*check" container create made --own mount
		check_not container rm /
		exits 1 container check
		matches "state/$record: " "$(cat "$WORK/.out")"
		check container check --repair
		matches "state/$record: .*mended" "$(cat "$WORK/.out")"
		container rm -f made 2>/dev/null
		others_work "$record"
	done
	is "$was" "$(readlink "$CONTAINERFS_STATE/$record")" 'what was mended'
done
is outside "$(hostname)"

it 'the record of the init container'
was=$(readlink "$tree/@spec")
for how in garbage long file directory missing other; do
	damage "$how" @spec "$tree/@spec"
	check_not container create made
	exits 1 container check
	check container check --repair
	is "$was" "$(readlink "$tree/@spec" | sed 's/ dir=.*//')"
	others_work "$how"
done

it 'who may, and when'
mkdir -m 755 "$WORK/bin"
chmod 711 "$WORK"
cp "$(command -v container)" "$WORK/bin"
fails_with 125 'denied|permitted' setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/bin/container" check
CONTAINERFS_STATE=$WORK/none check container check

it 'the end'
check container rm -r -f ok
wait_for gone "$oks"
