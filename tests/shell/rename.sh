# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# rename: within one parent; nobody notices.
#
#	/
#	├── web → www    own uts, a task
#	│   ├── db → sql
#	│   └── cache
#	└── mail
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web --own uts,network --hostname web
check container create web/db --own ipc
check container create web/cache
check container create mail

it 'idle'
id=$(field mail id)
check container rename mail post
lists post web web/cache web/db
is "$id" "$(field post id)" 'its id stays'
check container mv post mail
lists mail web web/cache web/db

it 'with tasks, nested ones and namespaces'
task web
web=$started
task web/db
db=$started
pid=$(container ps web --json | jq '.[0].pid')
cgroup=$(cat "/proc/$pid/cgroup")
network=$(namespace_in web network)
check container rename web www
lists mail www www/cache www/db
is /www "$(container of "$pid")"
is "$cgroup" "$(cat "/proc/$pid/cgroup")"
is "$pid" "$(container ps www --json | jq '.[0].pid')"
is "$network" "$(namespace_in www network)"
is web "$(container enter www -- hostname)" 'the hostname is another matter'
gone "$web" && bad 'the task ended'
fails_with 125 'No such file' container show web
check container rename www/db sql
lists mail www www/cache www/sql
is running "$(field www/sql state)"
check container kill www/sql
ends 137 "$db"

it 'of one that runs'
start "$WORK/out" container run -n r -- sh -c 'trap "exit 40" TERM; echo up; while :; do sleep 0.05; done'
check container rename r s
is running "$(field s state)"
kill -TERM "$started"
ends 40 "$started"
lists mail www www/cache www/sql

it 'by a path, with the same parent'
check container rename www/sql www/db
check container rename www/db /www/sql
check container rename /www/sql db
lists mail www www/cache www/db

it 'existing'
fails_with 125 '^container: mail: rename: www: File exists' container rename mail www
fails_with 125 'File exists' container rename www/db cache
lists mail www www/cache www/db

it 'to what it is called'
container rename mail mail 2>"$WORK/err" || matches 'File exists' "$(cat "$WORK/err")"
lists mail www www/cache www/db

it 'another parent'
fails_with 125 'stays with its parent.*Operation not permitted' container rename mail www/mail
fails_with 125 'stays with its parent.*Operation not permitted' container rename www/db /db
fails_with 125 'stays with its parent.*Operation not permitted' container rename www/db mail/db
fails_with 125 'stays with its parent.*Operation not permitted' container rename www www/cache/www
fails_with 125 'No such file' container rename mail none/mail
lists mail www www/cache www/db

it 'the init container'
fails_with 125 'Operation not permitted' container rename / x
fails_with 125 'Operation not permitted' container rename . x

it 'missing, and other mistakes'
fails_with 125 'No such file' container rename none x
fails_with 125 'NAME and NEW' container rename
fails_with 125 'NAME and NEW' container rename mail
fails_with 125 'NAME and NEW' container rename mail a b
fails_with 125 'unknown option' container rename -f mail a
lists mail www www/cache www/db

it 'the old name is free'
check container create web
check container rm web

it 'there and back, many times'
for _ in $(seq 50); do
	check container rename mail post
	check container rename post mail
done
lists mail www www/cache www/db
gone "$web" && bad 'the task ended'
check container rm -f -r www mail
