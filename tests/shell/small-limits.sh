# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# A caller with little stack, few fds, little memory or no process left: every verb does its work or says what
# is lacking; none ends by a signal. With little stack all do their work.
#
#	web		own mount, uts, pid; a task
#	a/a/a/...	nested deep
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web --own mount,uts,pid
task web
echo text >file
mkdir to

# One line for each verb; those that change something have one that puts it back.
# The command is a small static program, if there is one. With an address sanitizer a program takes terabytes.
nothing="$(shown "$BUILD/src/cli/container") --version" no_limit_of_memory=
prlimit --as=20000000 container --version >/dev/null || nothing=true no_limit_of_memory=1
sed "s|TRUE|$nothing|" >calls <<'END'
create new --own uts,ipc,network
rm new
create new --own user,uts,pid
show new
set new hostname=other
set new network=own
set new pids.max=100
rename new newer
rm -f newer
run -- TRUE
run --own user,pid -- TRUE
run --root / -- TRUE
run -u nobody -- TRUE
enter web -- TRUE
enter -u nobody web -- TRUE
ls
ls -q
ls --tree
ls --json
show web
ps web
stats web
of --self
freeze web
thaw web
kill -s CONT web
wait none
key add web user small text
key ls web
mount web --bind /usr /mnt
mounts web
umount web /mnt
holders web
cp file web:/tmp/small
cp web:/tmp/small to
cp web:/etc/apt to
events --help
stop none
reboot none
END

# one LIMIT... -- CALL: in $status; what it says in err.
one()
{
	what="container $* ($option=$value)"
	prlimit "--$option=$value" container "$@" >out 2>err </dev/null
	status=$?
}

# Ended by itself, and if it failed with a message of its own.
clean()
{
	if [ "$status" -gt 128 ]; then
		bad "$what: status $status"
		show err
	elif [ "$status" != 0 ] && ! grep -q '^container: ..*' err &&
		! grep -q 'error while loading shared libraries' err; then
		bad "$what: status $status, and no message of ours"
		show err
	fi
}

# all OPTION VALUE...: every verb with each of these limits; what does not exist fails in any case.
all()
{
	option=$1
	shift
	for value; do
		while read -r call; do
			# shellcheck disable=SC2086
			one $call
			"$judge" "$call"
		done <calls
		container rm -f new newer >/dev/null 2>&1
		container umount web /mnt >/dev/null 2>&1
		container thaw web 2>/dev/null
	done
}

# As it goes without a limit.
usual()
{
	clean
	echo "$status $1" >>"$value.said"
}

it 'little stack'
judge=usual
all stack 1048576 65536 32768
is "$(cat 1048576.said)" "$(cat 65536.said)" 'what all verbs exit with'
is "$(cat 1048576.said)" "$(cat 32768.said)" 'what all verbs exit with'
is '' "$(grep -v '^0 \|none\|pids.max' 1048576.said)" 'what fails anyway'

it 'little stack, and nested deep'
small()
{
	prlimit --stack=65536 "$@"
}
path=a
check container create a
while container create "$path/a" 2>/dev/null; do
	path=$path/a
done
deepest=$path
check [ "${#deepest}" -gt 60 ]
path=${path%/a}
check small container create "$path/new" --own uts
check small container enter "$path/new" true
check small container set "$path/new" hostname=new
check small container ls
is $((${#deepest} / 2 + 1)) "$(small container ls -q a | wc -l)"
check small container rm -r -f a

# The fd of one that has many in it is closed: the watcher, which has a copy of its maker's stack, removes all.
cat >holds.sh <<'END'
container create-and-hold
END
cat >holds.py <<'END'
END
rm holds.sh holds.py

it 'little stack, and directories nested deep'
(for _ in $(seq 20); do
	d=d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d
	mkdir -p $d && cd $d || exit 1
done)
check small container cp d web:/tmp
is 1000 "$(find d | wc -l)"
is 1000 "$(container enter web -- find /tmp/d | wc -l)"

it 'little stack, of the server of the tree'
T=$WORK/containers
mkdir "$T"
echo "$T" >>"$WORK/.trees"
check small mount.containerfs none "$T"
check mkdir "$T/tree" "$T/tree/b"
check touch "$T/tree/uts"
put 1 "$T/tree/freeze"
put 0 "$T/tree/freeze"
check sh -c 'echo $$ >"$1/tree/tasks" && cat "$1/tree/status" "$1/self/tasks" && ls -lR "$1/tree"' sh "$T"
check ls -lR "$T"
check rm -r "$T/tree"

judge=clean
it 'few fds'
all nofile 3 4 5 6 7 8 9 10 11 12 14 16
it 'little memory'
if [ "$no_limit_of_memory" ]; then
	echo 'SKIPPED PART: the program of this build needs more than 20 MB of address space to start'
else
	# From where the kernel can start the program at all.
	least=204800
	until prlimit --as=$least container --version >/dev/null 2>&1; do
		least=$((least + 4096))
	done
	values=
	for more in 0 8 16 40 100 132 160 200 300 500 1000 4000 7000 8500 12000; do
		values="$values $((least + 1024 * more))"
	done
	# shellcheck disable=SC2086
	all as $values
fi

it 'no processes'
all nproc 0 1 2
setpriv --reuid 65533 --clear-groups sleep 1000 &
other=$!
wait_for grep -q '^Uid:.65533' /proc/$other/status
fails_with 126 'Resource temporarily unavailable' prlimit --nproc=0 container enter -u 65533:65533 web true
kill $other

it 'all of it is gone'
check container rm -f web
