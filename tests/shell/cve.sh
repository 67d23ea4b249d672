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

# In the container: whoever runs a "container" is looked for, its program opened, and once it has ended,
# written to.
cat >"$WORK/root/bin/attack" <<'EOT'
#!/bin/sh
echo up
while :; do
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe") in
		*container*) break 2 ;;
		esac
	done
done
exec 9<"$p/exe"
echo "found $(readlink "$p/exe")"
while [ -e "$p" ]; do :; done
# As long as somebody runs it, it cannot be: who entered may not have ended yet.
for i in 1 2 3 4 5 6 7 8 9 10; do
	echo overwritten >/proc/self/fd/9 && echo overwritten
	sleep 0.05
done
echo tried
EOT
chmod +x "$WORK/root/bin/attack"

# attack COMMAND...: it runs the container's /bin/link or so, which writes its help into a full pipe.
attack()
{
	start "$WORK/attack" container enter c -- /bin/attack
	(
		head -c 65536 /dev/zero
		"$@" --help 2>/dev/null
	) | (
		wait_for grep -q found "$WORK/attack"
		cat >/dev/null
	)
	wait_for grep -q tried "$WORK/attack"
	matches 'found .*container' "$(cat "$WORK/attack")"
	is "$before" "$(cksum "$victim")" 'the program'
	ends 0 $started
}

it 'CVE-2019-5736: the program of who enters cannot be written to'
check container create c --root "$WORK/root" --own pid
task c
attack "$victim" enter c -- /bin/link
attack "$victim" enter c -- /bin/script
attack "$victim" enter -u 0:0 -w /tmp c -- script
check container rm -f c

it 'CVE-2019-5736: nor that of who runs a program in a directory of somebody else'"'s"
check container create c --root "$WORK/root" --own pid
task c
attack "$victim" run --root "$WORK/root" --name c/n --inherit pid -- /bin/link
attack "$victim" run --name c/n --inherit pid,mount -- /bin/script
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
	container enter c -- sh -c 'ln -s /proc/self/fd/7 /tmp/seven'
	fails_with 125 'change directory: /tmp/seven: ' container enter -w /tmp/seven c -- true
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
