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
