# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 180
#
# The server is killed (-9) at random moments of each kind of request. Containers, their tasks, names and
# namespaces are as they were, or as the request would have made them; another server shows them;
# nothing is left behind. TREE_KILLS=N is how often for each kind (3).
#
#	/
#	├── keep       own network, uts (hostname kept); a task
#	│   └── n      shares keep's network
#	└── work       what the requests are about; belongs to the loop
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

: "${TREE_KILLS:=3}"
# shellcheck disable=SC2119
mount_tree
mkdir -p "$T/keep/n"
touch "$T/keep/network" "$T/keep/uts"
put kept "$T/keep/hostname"
ln "$T/keep/network" "$T/keep/n/network"
task keep
kept_task=$(cat "$T/keep/tasks")
id=$(cat "$T/keep/id")
network=$(stat -L -c %i "$T/keep/network")

# again CMD...: the request, over and over, until the server is gone.
again()
{
	while "$@" 2>/dev/null || is_alive; do
		:
	done
}

is_alive()
{
	[ -d "$T/keep/n" ]
}

# --- the kinds of request ---

in_work()
{
	mkdir -p "$T/work" && cd "$T/work" || return
}

kind_mkdir()
{
	mkdir x && rmdir x
}

kind_rename()
{
	mkdir -p a && mv a b && mv b a
}

kind_touch()
{
	mkdir -p a && touch a/network && rm a/network
}

kind_root()
{
	mkdir -p a && ln -s /usr a/root && rm a/mount
}

kind_link()
{
	mkdir -p a && ln ../keep/network a/network && rm a/network && ln -s ../../keep/uts a/uts && rm a/uts
}

kind_move()
{
	mkdir -p a && sh -c 'echo 0 >a/tasks; exec sleep 0.02'
}

kind_killing()
{
	mkdir -p a
	sleep 1000 &
	echo $! >a/tasks && rm a/tasks
	kill -KILL $! 2>/dev/null
	wait $!
}

kind_freeze()
{
	echo 1 >../keep/freeze && echo 0 >../keep/freeze
}

kind_hostname()
{
	echo kept >../keep/hostname
}

kind_read()
{
	cat ../keep/state ../keep/status ../keep/tasks ../keep/hostname >/dev/null
}

kind_list()
{
	find "$T" >/dev/null
}

kind_readlink()
{
	readlink "$T/keep/network" "$T/self" "$T/by-pid/$kept_task" >/dev/null && ls "$T/keep/root/" >/dev/null
}

kind_access()
{
	mkdir -p a && chmod 700 a && chown 1:1 a && chmod 755 a && chown 0:0 a
}

kind_remove()
{
	mkdir -p r/s/t && touch r/network r/s/uts && rm -r r
}

# --- one kill ---

check_kept()
{
	is "$id" "$(cat "$T/keep/id")" id
	is "$kept_task" "$(cat "$T/keep/tasks")" tasks
	is kept "$(cat "$T/keep/hostname")" hostname
	is "$network" "$(stat -L -c %i "$T/keep/network")" network
	is "$network" "$(stat -L -c %i "$T/keep/n/network")" 'the shared network'
	is '' "$(find "$T" -mindepth 1 -type d ! -path "$T/by-pid*" -printf '%P\n' | sort | diff - "$WORK/names")" \
		'the names'
}

one_kill()
{
	server=$(server_of "$T")
	(in_work && again "kind_$1") >/dev/null 2>&1 &
	loop=$!
	sleep "0.$(($(od -A n -t u2 -N 2 /dev/urandom) % 30 + 10))"
	kill -KILL "$server"
	wait_for gone "$server"
	wait_for gone $loop || kill $loop
	wait $loop 2>/dev/null
	# The other view, before there is another server.
	check container ls -a
	check mount.containerfs none "$T" || return
	[ "$1" != freeze ] || put 0 "$T/keep/freeze"
	container ls -q | sort >"$WORK/names"
	check_kept
	check mkdir "$T/probe"
	check rmdir "$T/probe"
	if [ -d "$T/work" ]; then
		check rm -r "$T/work"
	fi
	is 'keep keep/n' "$(container ls -q | sort | paste -s -d ' ')" 'what is left'
}

for kind in mkdir rename touch root link move killing freeze hostname read list readlink access remove; do
	n=$TREE_KILLS
	while [ "$n" -gt 0 ]; do
		it "killed in the middle of $kind"
		one_kill $kind
		n=$((n - 1))
	done
done

it 'nothing of the dead servers'
is 1 "$(grep -c " $T " /proc/self/mountinfo)" mounts
is "$(server_of "$T")" "$(pgrep -f "mount[.]containerfs .*$T")" servers
check rm -r "$T/keep"
