# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# adopt: containers whose cgroup is in one that somebody else manages. Nothing else of his is touched.
#
#	CGROUP2/containerfs-adopt-PID/unit     a manager's, with a process of its own
#	└── web                                adopts it
#	    └── db
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

check container create web
root=$(dirname "$(cgroup_of_hierarchy)")
top=$root/containerfs-adopt-$$
unit=$top/unit

leave()
{
	kill $manager 2>/dev/null
	wait $manager 2>/dev/null
	rmdir "$top/.x" "$unit/sub" "$unit" "$top" 2>/dev/null
	[ ! -d "$top" ] || bad "left: $(find "$top" -type d)"
	[ -z "${switched_on:-}" ] || echo -"$switched_on" >"$root/cgroup.subtree_control"
	finish
}

mkdir "$top" "$unit" || skip 'no cgroup can be made'
sleep 1000 &
manager=$!
trap leave EXIT
echo $manager >"$unit/cgroup.procs"

# The cgroups of containers below a directory.
ids()
{
	find "$1" -mindepth 1 -maxdepth 1 -type d -name '????????????????' -printf '%f\n'
}

id()
{
	field "$1" id
}

it 'what cannot be adopted'
fails_with 125 'web: adopt cgroup: /no/such: No such file' container set web cgroup.d=/no/such
fails_with 125 'web: adopt cgroup: /dev/null: Not a directory' container set web cgroup.d=/dev/null
fails_with 125 'web: not a directory of cgroup v2: /tmp: Invalid' container set web cgroup.d=/tmp
fails_with 125 "hierarchy's own.*Invalid" container set web cgroup.d="$(cgroup_of_hierarchy)"
check container enter web -- true
fails_with 125 "hierarchy's own.*Invalid" container set web cgroup.d="$(cgroup_of_hierarchy)/$(id web)"
fails_with 125 'stays as it is.*not permitted' container set / cgroup.d="$unit"
check container create web/x
fails_with 125 'nested.*Not supp|nested.*Operation not supp' container set web/x cgroup.d="$unit"
fails_with 125 'has nested containers.*not empty' container set web cgroup.d="$unit"
check container rm web/x
task web
fails_with 125 'has tasks.*busy' container set web cgroup.d="$unit"
check container kill web
check container wait -t "$(seconds 10)" web
fails_with 125 'not-made: not a directory of cgroup v2: /: Invalid' container create --cgroup / not-made
lists web

it 'its tasks are there, and it is found from there'
check container set web cgroup.d="$unit"
is '' "$(find "$(cgroup_of_hierarchy)" -name "$(id web)")" 'where it was'
is stopped "$(field web state)"
check container create web/db
for name in web web/db; do
	is "/$name" "$(container enter $name -- container of --self)"
done
is "$unit/$(id web)/$(id web/db)" "$root$(container enter web/db -- sed -n 's/^0:://p' /proc/self/cgroup)"
task web/db
nested=$(container ps --json web/db | jq '.[0].pid')
is /web/db "$(container of "$nested")"
is / "$(container of $manager)"
is running "$(field web state)"
is running "$(container ls --json | jq -r '.[0].state')"
is 1 "$(container stats --json web | jq '.[0].tasks')"
check container freeze web
is frozen "$(container ls --json web | jq -r '.[0].state')"
kill -0 $manager
matches '^[SR]' "$(sed 's/.*) //' /proc/$manager/stat)"
check container thaw web
fails_with 125 'a container.s, or' container create --cgroup "$unit/$(id web)" inside
lists web web/db

it 'another cgroup with the number of a container is not it'
mkdir "$top/.x" && mkdir "$top/.x/$(id web)"
sleep 1000 &
false_one=$!
echo $false_one >"$top/.x/$(id web)/cgroup.procs"
is / "$(container of $false_one)"
kill $false_one
wait $false_one 2>/dev/null
rmdir "$top/.x/$(id web)" || { sleep 0.2 && rmdir "$top/.x/$(id web)"; }

it 'limits: what the manager has not delegated'
limit=
for controller in pids memory hugetlb ''; do
	grep -qw "$controller" "$root/cgroup.controllers" || continue
	case $controller in
	pids) limit=pids.max=100 ;;
	memory) limit=memory.max=512M ;;
	hugetlb) [ ! -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || limit=hugetlb.2MB.max=2M ;;
	esac
	[ -z "$limit" ] || break
done
if [ "$limit" ]; then
	fails_with 125 "the $controller controller is not delegated to it: .*/unit: .*upp.* \(in its unit: \[Service\] Delegate=$controller\)" \
		container set web "$limit"
	is null "$(field web limits)"
	grep -qw "$controller" "$root/cgroup.subtree_control" || switched_on=$controller
	echo +"$controller" >"$root/cgroup.subtree_control"
	echo +"$controller" >"$top/cgroup.subtree_control"
	fails_with 125 'it has processes itself.*/unit: .*busy \(move them into a cgroup below\)' container set web "$limit"
	is "/web/db" "$(container enter web/db -- container of --self)"
	mkdir "$unit/sub"
	echo $manager >"$unit/sub/cgroup.procs"
	check container set web "$limit"
	check container set web/db "$limit"
	is "${limit#*=}" "$(field web/db limits | sed 's/.*=//; s/^536870912$/512M/; s/^2097152$/2M/')"
	check container kill web
	check container wait -t "$(seconds 10)" web
	find "$unit/$(id web)" -depth -type d -exec rmdir {} +
	echo -"$controller" >"$unit/cgroup.subtree_control"
	echo -"$controller" >"$top/cgroup.subtree_control"
	fails_with 125 'not delegated' container enter web/db -- true
	check container set web "${limit%%=*}=max"
	check container set web/db "${limit%%=*}=max"
	check container enter web/db -- true
	fails_with 125 'not delegated' container set web/db "${limit%%=*}=max"
	echo +"$controller" >"$top/cgroup.subtree_control"
	check container set web/db "$limit"
	check container set web "$limit"
	task web/db
	nested=$(container ps --json web/db | jq '.[0].pid')
	[ -e "$unit/$(id web)/$(id web/db)/${limit%%=*}" ] || bad 'the controller is not on'
	is /web/db "$(container of "$nested")"
	check container enter web -- true
	fails_with 125 'it has limits|has nested' container set web cgroup.d="$top"
else
	part_skipped 'no controller in cgroup v2'
fi

it 'it is removed, and nothing else'
check container rm -f -r web
is '' "$(find "$unit" -type d -name '????????????????')"
check kill -0 $manager
is '' "$(ls "$CONTAINERFS_STATE/adopted")"

it 'from the beginning'
check container create --cgroup "$top" --own cgroup made
is / "$(container enter made -- sed -n 's/^0:://p' /proc/self/cgroup)"
is /made "$(container enter made -- container of --self)"
is "$(id made)" "$(ids "$top")"
check container rename made other
is /other "$(container enter other -- container of --self)"
check container rm other
is '' "$(ids "$top")"
start "$WORK/running" container run -n running --cgroup "$top" -- sh -c 'echo up; sleep 1000'
is /running "$(container of "$(init_of running)")"
[ -d "$top/$(id running)" ] || bad 'it is not there'
check container kill running
ends 137 $started
is '' "$(ids "$top")"

it 'the manager takes his cgroup away'
mkdir "$top/gone"
check container create --cgroup "$top/gone" lost
check rmdir "$top/gone/$(id lost)" "$top/gone"
is created "$(field lost state)"
fails_with 125 'the one that was adopted, which is gone: .*No such file' container enter lost -- true
check container set lost cgroup.d="$top"
check container enter lost -- true
check container rm lost
