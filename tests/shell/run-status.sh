# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Exit statuses of run and enter, and what passes through: stdin, stdout, stderr, file descriptors.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create box --own mount

# statuses CMD...: CMD runs what follows.
statuses()
{
	for n in 0 1 2 42 77 124 125 126 127 200 255; do
		exits $n "$@" sh -c "exit $n"
	done
	fails_with 127 'no-such-program: command not found' "$@" no-such-program
	fails_with 127 '/no/such/program: No such file' "$@" /no/such/program
	fails_with 126 '/etc/passwd: Permission denied' "$@" /etc/passwd
	fails_with 126 '/etc: (Permission denied|Is a directory)' "$@" /etc
	exits 127 "$@" ''
}
it 'statuses of run'
statuses container run --
it 'statuses of enter'
statuses container enter box --
it 'statuses of exec'
statuses container exec box
it 'PATH as it is given'
fails_with 127 'command not found' container run -e PATH=/none -- ls
check container run -e PATH=/none:/usr/bin:/bin -- ls
check env -u PATH "$(command -v container)" run -- ls

it '125 is ours'
fails_with 125 'No such file' container run --root /no/such -- true
fails_with 125 'unknown namespace type' container run --own bogus -- true
fails_with 125 'unknown option' container run --bogus -- true
fails_with 125 'option needs a value' container run -n
fails_with 125 'No such file' container enter none -- true
fails_with 125 'File exists' container run -n box -- true
fails_with 125 'which container' container enter
fails_with 125 'No such file' container run -w /no/such -- true
fails_with 125 'No such file' container enter -w /no/such box -- true
fails_with 125 'not a variable' container run -e =x -- true
fails_with 125 'no such verb: rnu' container rnu
fails_with 125 'no such verb: rux; did you mean run' container rux
exits 125 container
matches '^Usage: container' "$(cat "$WORK/.err")"
lists box

it '128+N for signal N'
for signal in KILL:137 TERM:143 SEGV:139 ABRT:134; do
	exits "${signal#*:}" container enter box -- sh -c "ulimit -c 0; kill -${signal%:*} \$\$"
	exits "${signal#*:}" container run --inherit pid -- sh -c "ulimit -c 0; kill -${signal%:*} \$\$"
done
start "$WORK/out" container run -n k -- sh -c 'echo up; exec sleep 1000'
check container kill k
ends 137 "$started"
lists box

it 'stdin and stdout, whole and unchanged'
dd if=/dev/urandom of="$WORK/data" bs=1k count=3000 2>/dev/null
container run -- cat <"$WORK/data" >"$WORK/copy"
check cmp "$WORK/data" "$WORK/copy"
# shellcheck disable=SC2002
cat "$WORK/data" | container run -- cat | container enter box -- cat >"$WORK/copy"
check cmp "$WORK/data" "$WORK/copy"
is 'out' "$(container run -- sh -c 'echo out; echo err >&2' 2>"$WORK/err")"
is 'err' "$(cat "$WORK/err")"
is '' "$(container run -- cat </dev/null)"

it 'a reader that goes away'
container run -- yes 2>"$WORK/err" | head -n 1 >"$WORK/out"
is y "$(cat "$WORK/out")"
wait_for lists box

it 'no other file descriptor gets in'
is '0 1 2' "$(container run -- sh -c 'for i in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$i ] && echo $i; done; :' \
	5<"$WORK/data" 7>"$WORK/x" | paste -s -d ' ')"
is '0 1 2' "$(container enter box -- sh -c 'for i in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$i ] && echo $i; done; :' \
	5<"$WORK/data" 7>"$WORK/x" | paste -s -d ' ')"

it 'closed stdin, stdout, stderr'
container run -- sh -c 'exit 3' <&-
is 3 $? 'stdin'
container run -- sh -c 'exit 3' >&-
is 3 $? 'stdout'
container run -- sh -c 'exit 3' 2>&-
is 3 $? 'stderr'
container run -- sh -c 'exit 3' <&- >&- 2>&-
is 3 $? 'all'
is closed "$(container run -- sh -c '[ -e /proc/self/fd/0 ] || echo closed' <&-)"
container enter none -- true <&- >&- 2>&-
is 125 $? 'a failure'
is 0 "$(stat -c %s "$CONTAINERFS_STATE/lock")" 'no message has gone to the lock file'

it 'the environment'
is 'v w containerfs' "$(V=v container run -e W=w -- sh -c 'echo $V $W $container')"
is 'w' "$(V=v container run -e V=x -e V=w -- sh -c 'echo $V')"
is 'a=b' "$(container enter -e V=a=b box -- sh -c 'echo $V')"
is '' "$(container enter -e V= box -- sh -c 'echo $V')"
is 'v' "$(V=v container enter -e V box -- sh -c 'echo $V')"

it 'the working directory'
is /usr/share "$(cd /usr/share && container run -- pwd)" 'the caller'\''s, where it is there'
is / "$(cd "$WORK" && container run -- pwd)" 'else /'
is /usr/lib "$(cd /usr/share && container run -w /usr/lib -- pwd)"
is /usr/lib "$(container enter --workdir /usr/lib box -- pwd)"
is / "$(container enter box -- pwd)"

it 'arguments as they are'
is '[--help][-x][a b][]' "$(container run -- printf '[%s]' --help -x 'a b' '')"
is '[--help][--]' "$(container run printf '[%s]' --help --)"
is '[-n]' "$(container enter box printf '[%s]' -n)"
is '[--only]' "$(container enter box -- printf '[%s]' --only)"

it 'the default command is a shell'
is 7 "$(echo 'echo $((3 + 4))' | SHELL=/bin/sh container run)"
is 7 "$(echo 'echo $((3 + 4))' | SHELL=/no/such container run)"
is 7 "$(echo 'echo $((3 + 4))' | SHELL=/bin/sh container enter box)"

check container rm box
lists
