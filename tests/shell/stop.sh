# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# stop, its signal and its time; what a last init has left: its exit status.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# ends_by SIGNAL STATUS
ends_by()
{
	echo "trap 'exit $2' $1; echo up; while :; do sleep 0.05; done"
}

stays='trap "" TERM; echo up; while :; do sleep 1; done'

check container create web --own pid
check container create web/db

it 'to begin with'
is SIGTERM "$(field web stop_signal)"
is 10 "$(field web stop_timeout)"
is null "$(field web exit_status)"
check container stop web web/db
is created "$(field web state)"

it 'in order'
start "$WORK/web" container enter web -- sh -c "$(ends_by TERM 3)"
web=$started
start "$WORK/db" container enter web/db -- sh -c "trap 'sleep 0.3; exit 4' TERM; echo up; while :; do sleep 0.05; done"
check container stop web
is '' "$(cat "$WORK/.err")"
ends 3 "$web"
ends 4 "$started"
is stopped "$(field web state)"
is 3 "$(field web exit_status)"
is 'exit_status: 3' "$(container show web | grep exit_status)"

it 'the time is up'
for timeout in '-t 0.3' --timeout=0; do
	start "$WORK/web" container enter web -- sh -c "$stays"
	# shellcheck disable=SC2086
	check container stop $timeout web
	is 'container: web: stop: the time was up: tasks have been killed' "$(cat "$WORK/.err")"
	ends 137 "$started"
	is 137 "$(field web exit_status)"
done

it 'properties'
check container set web stop_timeout=0.2 stop_signal=SIGUSR1
is SIGUSR1 "$(field web stop_signal)"
is 0.2 "$(field web stop_timeout)"
start "$WORK/web" container enter web -- sh -c "$(ends_by USR1 6)"
check container stop web
ends 6 "$started"
start "$WORK/web" container enter web -- sh -c "$stays"
check container stop web
ends 137 "$started"
for signal in RTMIN+3 sigrtmin+3 37; do
	check container set web stop_signal=$signal
	is SIGRTMIN+3 "$(field web stop_signal)" $signal
done
start "$WORK/web" container enter web -- sh -c "$(ends_by 37 7)"
check container stop -t 5 web
ends 7 "$started"
check container set web stop_signal=RTMIN
is SIGRTMIN "$(field web stop_signal)"
check container set web stop_signal=11
is 11 "$(field web stop_signal)"
is 0.2 "$(field web stop_timeout)"
for timeout in 0.0001:0.001 0.57:0.57 0.2904:0.29 0:0 0.2:0.2; do
	check container set web stop_timeout=${timeout%:*}
	is "${timeout#*:}" "$(field web stop_timeout)" "$timeout"
done
for signal in BOGUS 0 65 RTMIN+31 RTMIN+ RTMIN+x -1; do
	fails_with 125 'not a signal' container set web stop_signal=$signal
done
for timeout in x 1s -1 99999999; do
	fails_with 125 'not a number of seconds' container set web stop_timeout=$timeout
	fails_with 125 'not a number of seconds' container stop -t $timeout web
done
fails_with 125 'which container' container stop
fails_with 125 'not for the init container' container stop /
fails_with 125 'no such container' container stop none

it 'a frozen one'
start "$WORK/web" container enter web -- sh -c "$(ends_by 11 8)"
check container freeze web
check container stop -t 5 web
ends 8 "$started"
is stopped "$(field web state)"

it 'without init all are told'
check container create mail
for i in 1 2; do
	start "$WORK/db$i" container enter mail -- sh -c "$(ends_by TERM $i)"
	eval "db$i=\$started"
done
check container stop mail
# shellcheck disable=SC2154 # set by eval
ends 1 "$db1"
# shellcheck disable=SC2154
ends 2 "$db2"
check container rm mail
check container rm -r web
