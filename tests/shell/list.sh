# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# ls, show, ps, of.
#
#	/
#	├── web          own uts, network; one task
#	│   ├── db       own pid; an init and a child of it
#	│   │   └── log
#	│   └── cache    shares web's network
#	└── mail
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

it 'no hierarchy: nothing to list, and nothing is made'
is '[]' "$(container ls --json)"
is '' "$(container ls -q)"
is '' "$(container ls --tree -q)"
check container ls
check container ls -a
check_not test -e "$CONTAINERFS_STATE"
fails_with 125 'No such file' container ls web
fails_with 125 'No such file' container show web
fails_with 125 'No such file' container ps web

check container create mail
is mail "$(container ls -q)"
check container rm mail
is '[]' "$(container ls --json)"
is '' "$(container ls -q)"

check container create web --own uts,network
check container create web/db --own pid
check container create web/db/log
check container create web/cache --share network=web
check container create mail
task web
start "$WORK/out" container enter web/db -- sh -c 'sleep 1000 & echo up; wait'
init=$(init_of web/db)

it 'JSON: an array of objects, numbers as numbers'
container ls --json >"$WORK/ls.json"
check jq -e 'type == "array" and all(.[]; type == "object")' "$WORK/ls.json"
check jq -e 'length == 5' "$WORK/ls.json"
check jq -e 'all(.[]; (keys | sort) == ["id", "init", "name", "own", "owner", "path", "root", "shared",
	"state", "tasks", "transient"])' "$WORK/ls.json"
check jq -e 'all(.[]; (.tasks, .init, .owner | type) == "number")' "$WORK/ls.json"
check jq -e 'all(.[]; (.name, .state, .id, .path | type) == "string")' "$WORK/ls.json"
check jq -e 'all(.[]; .transient == false)' "$WORK/ls.json"
check jq -e '[.[].id] | unique | length == 5' "$WORK/ls.json"
check jq -e --argjson init "$init" '.[] | select(.name == "web/db") |
	.tasks == 2 and .init == $init and .state == "running" and .own == "pid" and .path == "/web/db"' "$WORK/ls.json"
check jq -e '.[] | select(.name == "web") | .tasks == 1 and .own == "network,uts" and .shared == null' "$WORK/ls.json"
check jq -e '.[] | select(.name == "web/cache") | .tasks == 0 and .shared == "network" and .state == "created"' "$WORK/ls.json"
check jq -e '.[] | select(.name == "mail") | .tasks == 0 and .init == 0 and .state == "created"' "$WORK/ls.json"
is "$(jq -r '.[].name' "$WORK/ls.json" | sort)" "$(container ls -q | sort)" 'as ls -q'
check sh -c 'container ls --json -a | jq -e "length == 6 and .[0].name == \"<current>\" and .[0].path == \"/\""'
check sh -c 'container ls --json --tree | jq -e "type == \"array\""'
check sh -c 'container ls --json web | jq -e "[.[].name] | sort == [\"cache\", \"db\", \"db/log\"]"'
check sh -c 'container ls --json -o NAME,TASKS | jq -e "all(.[]; keys == [\"name\", \"tasks\"])"'
check sh -c 'container ls --json mail | jq -e ". == []"'

it 'tables'
is 'NAME STATE TASKS INIT OWN SHARED' "$(container ls | head -n 1 | tr -s ' ' | sed 's/ $//')"
is 6 "$(container ls | wc -l)"
is 7 "$(container ls -a | wc -l)"
matches '^<current> ' "$(container ls -a)"
matches '^web +running +1 ' "$(container ls)"
matches "^web/db +running +2 +$init +pid" "$(container ls)"
matches '^mail +created +0 ' "$(container list)" 'the alias'
is "mail web web/cache web/db web/db/log" "$(container ls -q | sort | paste -s -d ' ')"
is '<current>' "$(container ls -a -q | head -n 1)"

it 'parents before children'
is ok "$(container ls -q | awk '{ seen[$0] = 1; p = $0; if (sub(/\/[^\/]*$/, "", p) && !seen[p]) bad = 1 }
	END { print bad ? "bad" : "ok" }')"

it 'trees'
tree=$(LC_ALL=C container ls --tree -o NAME)
matches '<current>|web' "$tree"
is 5 "$(echo "$tree" | grep -cE '(web|db|log|cache|mail)$')" 'in ASCII, without a locale'
is '' "$(echo "$tree" | LC_ALL=C grep '[^ -~]')"
matches 'db$' "$tree" 'last components'
check_not sh -c 'container ls --tree -o NAME | grep -q web/db'

it 'columns'
is 'PATH ID' "$(container ls -o PATH,ID | head -n 1 | tr -s ' ' | sed 's/ $//')"
is '/mail' "$(container ls -o path | grep mail)" 'in small letters'
is "$(container ls -o NAME,STATE,TASKS,INIT,OWN,SHARED,ROOT,ID,PATH,OWNER | head -n 1 | wc -w)" 10
fails_with 125 'unknown column: BOGUS' container ls -o BOGUS
fails_with 125 'unknown column: ' container ls -o NAME,,ID
fails_with 125 'no column' container ls -o ''
fails_with 125 'option needs a value' container ls -o
fails_with 125 'unknown option: --bogus' container ls --bogus
fails_with 125 'one name at most' container ls web mail
fails_with 125 'No such file' container ls none

it 'no escape sequences but on a terminal, and never with NO_COLOR'
escape=$(printf '\033')
check_not sh -c "container ls -a --tree | grep -q '$escape'"
check_not sh -c "NO_COLOR=1 script -qefc 'container ls -a --tree' /dev/null </dev/null | grep -q '$escape\\['"
matches web "$(script -qefc 'container ls' /dev/null </dev/null)"

it 'show'
container show web/db >"$WORK/show"
is 'name state tasks init own shared root id path owner transient hostname limits exit_status stop_signal stop_timeout' \
	"$(cut -d : -f 1 "$WORK/show" | paste -s -d ' ')"
matches '^name: db$' "$(cat "$WORK/show")"
matches '^path: /web/db$' "$(cat "$WORK/show")"
matches '^tasks: 2$' "$(cat "$WORK/show")"
matches '^transient: false$' "$(cat "$WORK/show")"
matches "^init: $init$" "$(cat "$WORK/show")"
matches "^hostname: $(container enter web -- hostname)$" "$(cat "$WORK/show")"
check sh -c 'container show web/db --json | jq -e "type == \"array\" and length == 1 and .[0].path == \"/web/db\""'
check container show /
check container show .
check sh -c 'container show --json / | jq -e ".[0].path == \"/\""'
fails_with 125 'No such file' container show none
fails_with 125 'one container' container show
fails_with 125 'one container' container show web mail

it 'ps'
is 'PID INSIDE USER COMMAND' "$(container ps web/db | head -n 1 | sed 's/^ *//' | tr -s ' ' | sed 's/ $//')"
is 3 "$(container ps web/db | wc -l)"
check sh -c 'container ps web/db --json | jq -e "type == \"array\" and length == 2 and
	all(.[]; (.pid, .inside, .user | type) == \"number\") and all(.[]; .command | type == \"string\")"'
is '1 2' "$(container ps web/db --json | jq -r '.[].inside' | sort | paste -s -d ' ')"
is 1 "$(container ps web/db --json | jq -r '.[].command' | grep -cx 'sleep 1000')"
is 1 "$(container ps web | tail -n +2 | wc -l)" 'without those of nested ones'
is '[]' "$(container ps mail --json)"
check container ps mail
fails_with 125 'No such file' container ps none
fails_with 125 'one container' container ps
fails_with 125 'unknown option: -j' container ps -j mail
fails_with 125 'one container' container ps web mail
start "$WORK/out2" container enter mail -- sh -c 'echo up; exec sh -c "while :; do sleep 1; done" "$(printf "a\tb\nc")"'
check sh -c 'container ps mail --json | jq -e "length >= 1"'
is 1 "$(container ps mail | grep -c 'while')" 'control characters do not break lines'

it 'of'
is /web/db "$(container of "$init")"
is / "$(container of --self)"
is / "$(container of -s)"
is / "$(container of 1)"
is / "$(container of $$)"
fails_with 125 'not a pid: x' container of x
fails_with 125 'not a pid: 0' container of 0
fails_with 125 'not a pid|unknown option' container of -- -1
fails_with 125 'not a pid' container of 99999999999999999999
fails_with 125 'No such process' container of 4194305
fails_with 125 'a pid, or --self' container of
fails_with 125 'a pid, or --self' container of 1 2
fails_with 125 'a pid, or --self' container of --self 1

it 'states'
check container freeze web/db
is frozen "$(field web/db state)"
matches '^web/db +frozen' "$(container ls)"
check container thaw web/db
is running "$(field web/db state)"
check container kill web/db
wait_for sh -c '[ "$(container ls --json | jq -r ".[] | select(.name == \"web/db\") | .state")" = stopped ]'
is 0 "$(field web/db init)"

it 'output that cannot be written'
for call in 'ls' 'ls -q' 'ls --tree' 'ls --tree -q' 'ls --json' 'show web' 'ps web --json' 'of --self'; do
	# shellcheck disable=SC2086
	container $call >/dev/full 2>"$WORK/err"
	is 125 $? "status of $call >/dev/full"
	is 1 "$(wc -l <"$WORK/err")" "lines of $call >/dev/full"
	matches '^container: write output: No space left' "$(cat "$WORK/err")" "$call >/dev/full"
done

check container rm -f -r web mail
