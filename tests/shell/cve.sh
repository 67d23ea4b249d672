# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Holes that other runtimes had, tried through the CLI. More of them: tests/unit/test_cve.c, root-dir.sh.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

# A copy of the program, which may be overwritten, in a place that the container does not see.
mkdir "$WORK/bin"
victim=$WORK/bin/container
cp "$BUILD/src/cli/container" "$victim"
before=$(cksum "$victim")
# With what it is linked to, if it is: or it would not run there.
make_root "$WORK/root" sleep container
rm "$WORK/root/bin/container"
ln -s /proc/self/exe "$WORK/root/bin/link"
printf '#!/proc/self/exe --help\n' >"$WORK/root/bin/script"
chmod +x "$WORK/root/bin/script"

# not_run COMMAND...: what it runs is a link to, or a script for, the program of who is on the way in. If
# that ran in the container it would say how it is used, and the container could open it and write to it.
not_run()
{
	exits 127 "$@" --help
	is_not '' "$("$victim" --help | grep Usage)"
	is '' "$(grep -i usage "$WORK/.out" "$WORK/.err")" "$*"
	is "$before" "$(cksum "$victim")" 'the program'
}

it 'CVE-2019-5736: the program of who enters is not run inside'
check container create c --root "$WORK/root" --own pid
task c
not_run "$victim" enter c -- /bin/link
not_run "$victim" enter c -- /bin/script
not_run "$victim" enter -u 0:0 -w /tmp c -- script
check container rm -f c

it 'CVE-2019-5736: nor that of who runs a program in a directory of somebody else'"'s"
check container create c --root "$WORK/root" --own pid
not_run "$victim" run --root "$WORK/root" -- /bin/link
not_run "$victim" run --root "$WORK/root" --name c/n -- /bin/link
task c
not_run "$victim" run --root "$WORK/root" --name c/n --inherit pid -- /bin/link
not_run "$victim" run --name c/n --inherit pid,mount -- /bin/script
not_run "$victim" run --name c/n -- /bin/link
check container rm -f c

# Its loader is the program of who enters. That may be mapped into it, and crash it, but is not what it is
# said to run; else the container could get hold of it by /proc/PID/exe.
it 'CVE-2019-5736: nor is it as the loader of another program'
check container create c --root "$WORK/root" --own pid
loader=$(LC_ALL=C grep -a -o '/lib[^[:cntrl:]]*/ld-[^[:cntrl:]]*' "$WORK/root/bin/sleep" | head -n 1)
link=/proc/self/exe
while [ ${#link} -lt ${#loader} ]; do
	link=/$link
done
LC_ALL=C sed "s|$loader|$link|" "$WORK/root/bin/sleep" >"$WORK/root/bin/loaded"
chmod +x "$WORK/root/bin/loaded"
is_not "$(cksum <"$WORK/root/bin/sleep")" "$(cksum <"$WORK/root/bin/loaded")" 'another loader'
task c
"$victim" enter c -- /bin/loaded 9 >"$WORK/.out" 2>&1 &
entering=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	for exe in $(container ps c | awk '{ print "/proc/" $1 "/exe" }'); do
		is_not "$victim" "$(readlink "$exe")" 'what it runs'
	done
done
kill "$entering" 2>/dev/null
wait "$entering"
is "$before" "$(cksum "$victim")" 'the program'
check container rm -f c

# misc_rule FILE: what such files are executed by is the program of who executes them. By what their headers
# have from byte 24 on, where the program begins.
misc_rule()
{
	printf ':misc:M:24:%s::/proc/self/exe:' \
		"$(od -An -v -tx1 -j24 -N40 "$1" | tr -d ' \n' | sed 's/../\\x&/g')"
}

# with_misc CONTAINER DIR RULE: root of its user namespace, who may since Linux 6.7, has registered the rule.
with_misc()
{
	start "$WORK/.misc" container enter "$1" -- unshare -m sh -c 'mount -t binfmt_misc none "$1" &&
		printf %s "$2" >"$1/register" && echo up; exec sleep 1000' sh "$2" "$3"
}

it 'binfmt_misc(5) of a user namespace leads to the program of who enters no more than links do'
make_root "$WORK/misc" sleep unshare mount
ln -s sh "$WORK/misc/bin/shell"
if unshare -Um --map-root-user mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null; then
	for own in all,user pid,user; do
		for of in "$BUILD/src/launcher/launcher" "$(command -v id)"; do
			if [ $own = pid,user ]; then
				check container create c --own $own
				with_misc c "$WORK/misc/tmp" "$(misc_rule "$of")"
			else
				check container create c --own $own --root "$WORK/misc"
				with_misc c /tmp "$(misc_rule "$of")"
			fi
			for program in id "$(command -v id)" "$WORK/misc/bin/shell" /bin/shell; do
				"$victim" enter c -- "$program" --help >"$WORK/.out" 2>&1
				is '' "$(grep -E 'Usage: container|no such verb' "$WORK/.out")" \
					"$own, $of: $program"
			done
			check container rm -f c
		done
	done
	is "$before" "$(cksum "$victim")" 'the program'
else
	part_skipped 'user namespaces have no binfmt_misc of their own here'
fi

it 'links and scripts are executed as other programs are'
check container create c --root "$WORK/root" --own pid
ln -s sh "$WORK/root/bin/shell"
ln -s /bin/shell "$WORK/root/run/far"
printf '#!/bin/sh\necho "$0 $*"\n' >"$WORK/root/bin/hello"
printf '#!/bin/hello\n' >"$WORK/root/bin/twice"
chmod +x "$WORK/root/bin/hello" "$WORK/root/bin/twice"
task c
for in in 'enter c' "run --root $WORK/root"; do
	for shell in sh /bin/sh shell /bin/shell /run/far bin/sh ../bin/sh /bin/../bin//shell; do
		# shellcheck disable=SC2016,SC2086
		is "$shell" "$(container $in -- "$shell" -c 'echo "$0"')" "$in: $shell"
	done
	# shellcheck disable=SC2016,SC2086
	is shell "$(container $in -- shell -c 'cat /proc/$$/comm')" 'named as it was called'
	# shellcheck disable=SC2016,SC2086
	is sh "$(container $in -- sh -c 'cat /proc/$$/comm')" 'named as it was called'
	# shellcheck disable=SC2086
	is '/bin/hello a b' "$(container $in -- hello a b)" "$in: a script"
	# shellcheck disable=SC2086
	is '/bin/hello /bin/twice a b' "$(container $in -- /bin/twice a b)" "$in: a script of a script"
	# shellcheck disable=SC2086
	is '0 1 2 3' "$(container $in -- ls /proc/self/fd | paste -s -d ' ')" "$in: fds"
	for no in /bin/none none bin/none none/ /bin/none/x; do
		# shellcheck disable=SC2086
		exits 127 container $in -- "$no"
	done
	for no in /bin /bin/ . / /etc/; do
		# shellcheck disable=SC2086
		exits 126 container $in -- "$no"
	done
	# shellcheck disable=SC2086
	exits 127 container $in -- /bin/sh/
done
check container rm -f c

it 'CVE-2024-21626: fds that were open are not inside, however many'
check container create c
task c
(
	for fd in 3 4 5 6 7 8 9; do
		eval "exec $fd</"
	done
	is '0 1 2 3' "$(container enter c -- ls /proc/self/fd | paste -s -d ' ')"
	is '0 1 2 3' "$(container run -- ls /proc/self/fd | paste -s -d ' ')"
	ln -s /proc/self/fd/7 "$WORK/seven"
	fails_with 125 "change directory: $WORK/seven: " container enter -w "$WORK/seven" c -- true
	fails_with 125 'change directory: /proc/self/fd/7: ' container enter -w /proc/self/fd/7 c -- true
	exits 127 container enter c -- /proc/self/fd/7/bin/true
	exit $failures
) || failures=1
check container rm -f c

# CVE-2026-30892, CVE-2026-46680: a number that is none is no name of root's, nor root's own.
it 'CVE-2026-46680: users by odd numbers'
for user in 01 0x1 4294967295 4294967296 -1 1: :1 '' ' 0' +0 0.0; do
	container run -u "$user" -- id -u >"$WORK/out" 2>&1
	is_not 0 "$(cat "$WORK/out")" "user \"$user\""
done
is '1 1' "$(container run -u 1:1 -- sh -c 'echo $(id -u) $(id -g)')" 'CVE-2026-30892'

it 'CVE-2022-29162: no inheritable capabilities'
for set in Inh Amb; do
	matches "Cap$set:	0000000000000000" "$(container run -- cat /proc/self/status)"
	matches "Cap$set:	0000000000000000" "$(container run -u 1:1 -- cat /proc/self/status)"
done
matches 'CapEff:	0000000000000000' "$(container run -u 1:1 -- cat /proc/self/status)"
lists
