# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# Random operations through the tree, by 4 processes at once, each in a container of its own and against
# a model of its own (walk.c); at the end the models are compared with `container ls --json`.
# TREE_SECONDS=N is for how long (10), TREE_SEED=N repeats a run.
# shellcheck source=../shell/lib.sh
. "$TESTS/lib.sh"

walk=$BUILD/tests/tree/walk
[ -x "$walk" ] || skip "$walk is not built"
: "${TREE_SECONDS:=10}"
: "${TREE_SEED:=$(od -A n -t u4 -N 4 /dev/urandom | tr -d ' ')}"
# shellcheck disable=SC2119
mount_tree
echo "TREE_SEED=$TREE_SEED"

it "seed $TREE_SEED"
pids=
for n in 1 2 3 4; do
	mkdir "$T/p$n"
	"$walk" "$T/p$n" $((TREE_SEED + n)) "$TREE_SECONDS" >"$WORK/model$n" 2>"$WORK/said$n" &
	pids="$pids $!"
done

# done_or_dead PID FILE: it waits to be looked at, or has given up.
done_or_dead()
{
	gone "$1" || grep -q 'operations$' "$2"
}

n=0
sleep "$TREE_SECONDS"
for pid in $pids; do
	n=$((n + 1))
	wait_for done_or_dead "$pid" "$WORK/said$n"
	grep -q '^[0-9]* operations$' "$WORK/said$n" || {
		bad "process $n"
		show "$WORK/said$n"
	}
	sed "s|^|p$n/|" "$WORK/model$n" >>"$WORK/model"
	show "$WORK/said$n"
done
if [ "$failures" = 0 ]; then
	sort "$WORK/model" >"$WORK/expected"
	container ls -a --json | jq -r '
		def types: if . == null then "" else [splits("[, ]+")] | sort | join(",") end;
		.[] | select(.name | contains("/")) |
			"\(.name) own=\(.own | types) shared=\(.shared | types) tasks=\(.tasks)"' |
		sort >"$WORK/found"
	diff "$WORK/expected" "$WORK/found" >"$WORK/diff" || {
		bad 'the model and container ls --json differ'
		show "$WORK/diff"
	}
	[ -s "$WORK/found" ] || bad 'nothing is left to compare'
fi

it 'everything can be removed'
# shellcheck disable=SC2086
kill $pids 2>/dev/null
wait
check rm -r "$T/p1" "$T/p2" "$T/p3" "$T/p4"
