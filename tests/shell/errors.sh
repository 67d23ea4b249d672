# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Bad moments: not root, no cgroup v2, no room, a bad state directory. Each has its own clear error, and
# nothing is left.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# --- not root ---

# The build directory may be out of an ordinary user's reach.
mkdir -m 755 "$WORK/bin"
cp "$(command -v container)" "$(dirname "$(command -v container)")/container-report" "$WORK/bin"
mkdir -m 1777 "$WORK/public"
as_nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups env CONTAINERFS_STATE="$WORK/public/state" \
		"$WORK/bin/container" "$@"
}

it 'not root'
for command in 'create x' 'run -- true' 'create --own all x' 'run --root / -- true'; do
	# shellcheck disable=SC2086
	fails_with 125 '(Operation not permitted|Permission denied).*be root' as_nobody $command
done
exits 0 as_nobody --help
exits 0 as_nobody run --help
as_nobody ls >"$WORK/out" 2>&1 || matches 'No such|denied|permitted' "$(cat "$WORK/out")"
rm -rf "$WORK/public/state"
check_not mountpoint -q "$WORK/public/state/cradle"

it 'not root, in root'\''s hierarchy'
check container create web --own uts
as_nobody_here()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/bin/container" "$@"
}
for command in 'create x' 'create web/x' 'run -- true' 'enter web -- true' 'set web network=own' 'set web hostname=x' \
	'rename web x' 'rm web' 'rm -f -r web' 'freeze web' 'thaw web' 'rm /'; do
	# shellcheck disable=SC2086
	fails_with 125 '(Operation not permitted|Permission denied).*be root' as_nobody_here $command
done
task web
fails_with 125 'bind: /etc: Operation not permitted \(be root' as_nobody_here mount web --bind /etc /mnt
fails_with 125 'mount: overlay: Operation not permitted \(be root' as_nobody_here mount web -t overlay none /mnt
exits 0 as_nobody_here show web
is '' "$(grep hostname "$WORK/.out")" 'what cannot be told is left out'
check sh -c 'container show web | grep -q "^hostname: ."'
fails_with 125 '(Operation not permitted|Permission denied).*be root' as_nobody_here kill web
fails_with 125 '(Operation not permitted|Permission denied).*be root' as_nobody_here kill -s TERM web
gone "$started" && bad 'the task was killed'
lists web
check container rm -f web

it 'root without CAP_SYS_ADMIN'
check container create web --own uts
for command in 'create x --own uts' 'run -- true' 'enter web -- true' 'set web network=own'; do
	# shellcheck disable=SC2086
	exits 125 setpriv --bounding-set -sys_admin --inh-caps -sys_admin container $command
	matches '^container: .*(Operation not permitted|Permission denied)' "$(cat "$WORK/.err")" "$command"
done
lists web
check container rm web

# --- cgroups ---

it 'no cgroup v2: unmounted'
unshare -m --propagation private sh -c '
	export CONTAINERFS_STATE=$WORK/no-cgroup
	while point=$(awk "/ - cgroup2 / { print \$5; exit }" /proc/self/mountinfo) && [ -n "$point" ]; do
		umount -R -l "$point" || exit 2
	done
	container create x 2>"$WORK/err1"; echo "$?" >"$WORK/status1"
	container run -- true 2>"$WORK/err2"; echo "$?" >"$WORK/status2"
	grep -c "$WORK" /proc/self/mountinfo >"$WORK/lines"
	:'
is 0 $? 'set-up'
for i in 1 2; do
	is 125 "$(cat "$WORK/status$i")"
	matches '^container: .*cgroup v2 mount.*[Nn]ot supported \(mount -t cgroup2' "$(cat "$WORK/err$i")"
done
is 0 "$(cat "$WORK/lines")" 'mounts left'

it 'no cgroup v2: something is mounted over it'
unshare -m --propagation private sh -c '
	export CONTAINERFS_STATE=$WORK/hidden-cgroup
	mount -t tmpfs none /sys/fs/cgroup || exit 2
	container create x 2>"$WORK/err1"; echo "$?" >"$WORK/status1"
	container run -- true 2>"$WORK/err2"; echo "$?" >"$WORK/status2"
	grep -c "$WORK" /proc/self/mountinfo >"$WORK/lines"
	find /sys/fs/cgroup -mindepth 1 >"$WORK/made"'
is 0 $? 'set-up'
for i in 1 2; do
	is 125 "$(cat "$WORK/status$i")"
	matches '^container: .*cgroup v2' "$(cat "$WORK/err$i")"
done
is 0 "$(cat "$WORK/lines")" 'mounts left'
is '' "$(cat "$WORK/made")" 'nothing is made on what is mounted over it'

it 'no cgroup v2 any more: nothing is lost'
check container create web --own uts
unshare -m --propagation private sh -c '
	mount -t tmpfs none /sys/fs/cgroup || exit 2
	container create x 2>"$WORK/err1"; echo "$?" >"$WORK/status1"
	container run -- true 2>"$WORK/err2"; echo "$?" >"$WORK/status2"
	container rm web 2>"$WORK/err3"; echo "$?" >"$WORK/status3"
	container enter web -- true 2>"$WORK/err4"; echo "$?" >"$WORK/status4"'
for i in 1 2 3 4; do
	is 125 "$(cat "$WORK/status$i")"
	matches '^container: .*cgroup|^container: .*mount namespace' "$(cat "$WORK/err$i")"
done
lists web
check container enter web -- true
check container rm web

it 'the kernel refuses another cgroup'
check container create a
echo 1 >"$(cgroup_of_hierarchy)/cgroup.max.descendants"
check container enter a -- true
check container create b
fails_with 125 'cgroup.*Resource temporarily unavailable' container enter b -- true
fails_with 125 'cgroup.*Resource temporarily unavailable' container run -n c -- true
fails_with 125 'cgroup.*Resource temporarily unavailable' container create c --own cgroup
lists a b
echo max >"$(cgroup_of_hierarchy)/cgroup.max.descendants"
check container enter b -- true
check container rm a b

# --- no room ---

# On a tmpfs all that can run out for directories and links is inodes.
it 'a full state directory'
mkdir "$WORK/small"
check mount -t tmpfs -o nr_inodes=60,mode=755 none "$WORK/small"
small=$WORK/small/state
other_state "$small"
on_small()
{
	CONTAINERFS_STATE=$small container "$@"
}
free_inodes()
{
	stat -f -c %d "$WORK/small"
}
mkdir "$WORK/small/fill"
# leave N: so many inodes are free.
leave()
{
	rm -f "$WORK"/small/fill/*
	too_many=$(($(free_inodes) - $1))
	while [ $too_many -gt 0 ]; do
		: >"$WORK/small/fill/$too_many"
		too_many=$((too_many - 1))
	done
}

# In a container with a cgroup mount of its own, so that it shows what is left there.
check container create jail --own cgroup --root /
mkdir "$WORK/jail-cgroup"
cat >"$WORK/in-jail" <<'END'
. "$TESTS/lib.sh"
check mount -t cgroup2 none "$WORK/jail-cgroup"
CONTAINERFS_STATE=$small
worked=0
for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
	it "with $n inodes"
	leave $n
	if container create web --own uts,network 2>"$WORK/err"; then
		worked=$((worked + 1))
		check container enter web -- true
		leave 60
		check container rm web
	else
		is 125 $?
		[ -d "$small" ] && at=$small || at=$WORK/small
		matches "^container: .*No space left.*\(df -h $at; df -i $at\)\$" "$(cat "$WORK/err")"
		leave 60
		# What was begun is gone on with.
		check container create probe
		check container rm probe
	fi
	check container rm /
	check_not test -e "$small"
	is '' "$(find "$WORK/jail-cgroup" -mindepth 1 -type d)" 'cgroups'
	find "$WORK/jail-cgroup" -mindepth 1 -depth -type d -exec rmdir {} \;
done
is_not 0 $worked 'how often it worked'
is_not 15 $worked 'how often it worked'
END
{
	echo "small=$small"
	sed -n '/^free_inodes()/,/^}/p; /^leave()/,/^}/p' "$TESTS/errors.sh"
	cat "$WORK/in-jail"
} >"$WORK/jailed"
container enter jail -- sh "$WORK/jailed" || bad 'see above'
check container rm -f jail

it 'a full state directory with containers in it'
leave 60
check on_small create old --own uts,network --hostname old
check on_small create old/nested
check on_small create spare
leave 0
fails_with 125 '^container: spare: add key: key: No space left.*\(df -h' on_small key add spare user key text
for n in 0 1 2 3 4; do
	leave $n
	for command in 'create new --own all' 'run -n new -- true' 'run --keep -n new -- true' 'set spare network=own' \
		'set spare root=/' 'create' 'create old/new'; do
		# shellcheck disable=SC2086
		if on_small $command >"$WORK/out" 2>"$WORK/err"; then
			leave 60
			case $command in
			create) check on_small rm container_1 ;;
			create\ old*) check on_small rm old/new ;;
			*new*) on_small rm -f new ;;
			esac
			leave $n
		else
			is 125 $? "status of $command with $n inodes"
			matches "^container: .*No space left.*\(df -h $small; df -i $small\)\$" "$(cat "$WORK/err")" \
				"$command with $n inodes"
		fi
		is 'old old/nested spare' "$(on_small ls -q | sort | paste -s -d ' ')" "after $command with $n inodes"
	done
	# What it had is there until the new one counts.
	if on_small set old uts=own 2>"$WORK/err"; then
		check on_small set old hostname=old
	else
		matches '^container: old: .*No space left' "$(cat "$WORK/err")" "set uts=own with $n inodes"
	fi
	is old "$(on_small enter old -- hostname)" "enter with $n inodes"
	is old "$(on_small enter old/nested -- hostname)" "enter with $n inodes"
	check on_small enter spare -- true
	check on_small rename spare spare2
	check on_small rename spare2 spare
done
leave 0
check on_small rm old/nested
leave 0
check on_small rm -f old
leave 0
check on_small rm spare
leave 0
check on_small rm /
check_not test -e "$small"
umount "$WORK/small"

# Error 24: so the loader of a dynamic program puts it.
it 'no file descriptors'
check container create web
for n in 3 4 5 6 7 8 9 10 11 12 14; do
	if ! prlimit --nofile=$n container create x --own all >"$WORK/out" 2>"$WORK/err"; then
		matches 'Too many open files|No file descriptors|Error 24' "$(cat "$WORK/err")" "$n fds"
		lists web
	else
		check container rm x
	fi
	prlimit --nofile=$n container run -- true >"$WORK/out" 2>"$WORK/err" ||
		matches 'Too many open files|No file descriptors|Error 24' "$(cat "$WORK/err")" "run with $n fds"
	lists web
done
check container rm web

# --- the state directory ---

it 'a state directory that is none'
: >"$WORK/file"
fails_with 125 'state directory.*Not a directory' env CONTAINERFS_STATE="$WORK/file" container create x
fails_with 125 'state directory.*No such file' env CONTAINERFS_STATE="$WORK/no/such" container create x
mkdir "$WORK/target"
ln -s target "$WORK/link"
exits 125 env CONTAINERFS_STATE="$WORK/link" container create x
is '' "$(ls "$WORK/target")"

it 'a state directory that others may write to'
mkdir -m 777 "$WORK/open"
fails_with 125 'open to other users.*Operation not permitted' env CONTAINERFS_STATE="$WORK/open" container create x
mkdir -m 775 "$WORK/group"
fails_with 125 'open to other users.*Operation not permitted' env CONTAINERFS_STATE="$WORK/group" container create x
mkdir -m 755 "$WORK/theirs"
chown 65534 "$WORK/theirs"
fails_with 125 "another user's.*Operation not permitted" env CONTAINERFS_STATE="$WORK/theirs" container create x
is '' "$(find "$WORK/open" "$WORK/group" "$WORK/theirs" -mindepth 1)" 'nothing is made in them'

check container create web --own uts

it 'from other namespaces: what a container inherits is not the caller'\''s'
if (: </proc/1/ns/net) 2>/dev/null; then
	check container create plain
	is "$(namespace net)" "$(unshare -n container enter plain -- readlink /proc/self/ns/net)"
	is "$(namespace net)" "$(unshare -n container run -- readlink /proc/self/ns/net)"
	is "$(namespace ipc)" "$(unshare -i container enter plain -- readlink /proc/self/ns/ipc)"
	is "$(hostname)" "$(unshare -u sh -c 'hostname other; container run -- hostname')"
	check container rm plain
else
	part_skipped 'the namespaces of process 1 may not be opened'
fi
check unshare -n -u -i container run -- true
unshare -p -f container run -- true >"$WORK/out" 2>"$WORK/err" ||
	matches '^container: .*this /proc is of another pid namespace' "$(cat "$WORK/err")"
check container rm web

it 'records that are spoilt'
check container create web
check container create ok
ln -sfn 'nonsense' "$CONTAINERFS_STATE/tree/web/@spec"
exits 125 container enter web -- true
matches '^container: web: ' "$(cat "$WORK/.err")"
check container enter ok -- true
is ok "$(container ls -q 2>"$WORK/err" | grep -vx web)" 'the others are listed'
check container create new
check container rm new
check container rm -f -r web
lists ok
check container rm ok
