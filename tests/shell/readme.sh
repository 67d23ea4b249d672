# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# README.md: the commands of its tour, in the order in which they are there, do what is beside them.
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

readme=$TESTS/../../README.md
[ -r "$readme" ] || skip 'no README.md'
views_nest || skip 'its containers nest views'

# What is started in the background is given time to come up; the last of it are the events.
sed -n 's/^    # \(container .*\)$/\1/p' "$readme" >commands
{
	sed "s/&\$/\\& sleep $(seconds 1)/" commands
	echo "sleep $(seconds 1)"
	# shellcheck disable=SC2016
	echo 'kill $!'
} >script

it 'its commands'
[ "$(wc -l <commands)" -ge 20 ] || bad 'there are too few'
sh script >out 2>&1 </dev/null
is '' "$(grep -E 'see container|not found|unknown|no such container' out)" 'not understood'
matches '^container: www: it has nested containers: ' "$(cat out)" 'rm'
matches '^container: web: unmount: /srv: .*container holders' "$(cat out)" 'umount'
matches 'sleep +/web +cwd +/srv$' "$(cat out)" 'holders'
matches 'Z stopped /web [0-9a-f]{16} 137$' "$(cat out)" 'events'
lists web
check container rm web
[ $failures = 0 ] || show out
