# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# timeout: 120
#
# The programs of examples/ do what they say, and leave nothing.
#
#	/
#	|-- object       of container_object: an image is its root
#	`-- host         stands for the host of the network example: nothing of the real one is touched
#	    `-- web
# shellcheck source=lib.sh
. "$TESTS/lib.sh"

examples=$BUILD/examples
tools=$BUILD/tests/shell

no_containers()
{
	[ -z "$(container ls -q)" ]
}

it 'hello'
exits 0 "$examples/hello"
is 'hello from world, process 1' "$(cat "$WORK/.out")"

it 'rfork: a shell whose changes nobody else sees, and its status'
rfork()
{
	echo "$1" | "$examples/rfork" 2>&1
}
mine=/etc/containerfs-test-mine
is "$mine" "$(rfork "mount -t tmpfs none /mnt && : >/mnt/mine && : >$mine && ls $mine")"
check_not test -e $mine
check_not test -e /mnt/mine
rfork 'exit 7'
is 7 $? 'status'
wait_for no_containers

# --- container_object ---

# has_fs TYPE: the kernel has this file system, perhaps as a module.
has_fs()
{
	grep -qx "[[:space:]]$1" /proc/filesystems || modprobe -q "$1" 2>/dev/null
}

# no_loop IMAGE: no loop device has it any more.
no_loop()
{
	! grep -qsx "$1" /sys/block/loop*/loop/backing_file
}

# object TYPE COMMAND...
object()
{
	of_type=$1
	shift
	"$examples/container_object" "$of_type" "$WORK/image.$of_type" "$@"
}

make_image()
{
	case $1 in
	ext4) mke2fs -q -t ext4 -d "$WORK/image" "$WORK/image.ext4" 8M ;;
	erofs) mkfs.erofs "$WORK/image.erofs" "$WORK/image" ;;
	esac
}

# told ROOT ENTRIES: what image_init tells of itself.
told()
{
	cat <<-EOT
	pid: 1
	hostname: object
	root: $1 ro
	/: $2
	/proc: 1 self thread-self
	/proc/1/fd: 0 1 2 3
	key: open sesame
	EOT
}

check_object()
{
	it "container_object: $1, its status and all it has"
	check make_image "$1" || return
	exits 7 object "$1" /init exit 7
	is "$(told "$2" "$3")" "$(cat "$WORK/.out")"
	is '' "$(cat "$WORK/.err")" 'stderr'
	wait_for no_containers
	wait_for no_loop "$WORK/image.$1"

	it "container_object: $1, killed with -9: init, the container and the loop device go"
	before=$(mounts)
	start "$WORK/out" "$examples/container_object" "$1" "$WORK/image.$1" /init hold
	check_not no_loop "$WORK/image.$1"
	is running "$(field object state)"
	init=$(init_of object)
	is "$before" "$(mounts)" 'mounts outside'
	matches " / / .* - $1 /dev/loop" "$(cat "/proc/$init/mountinfo")" 'the root'
	fails_with 1 'object.*exists' object "$1" /init hold
	kill -KILL "$started"
	ends 137 "$started"
	wait_for gone "$init"
	wait_for no_containers
	wait_for no_loop "$WORK/image.$1"
}

if [ ! -e /dev/loop-control ] && ! modprobe -q loop 2>/dev/null; then
	part_skipped 'no loop devices: no container_object'
else
	mkdir -p "$WORK/image/proc"
	cp "$tools/image_init" "$WORK/image/init"
	for type in ext4=mke2fs=e2fsprogs erofs=mkfs.erofs=erofs-utils; do
		maker=${type#*=}
		if ! command -v "${maker%=*}" >/dev/null; then
			part_skipped "no ${maker%=*}: the package ${maker#*=} is missing"
		elif ! has_fs "${type%%=*}"; then
			part_skipped "the kernel has no ${type%%=*}"
		elif [ "${type%%=*}" = ext4 ]; then
			check_object ext4 0xef53 'init lost+found proc'
		else
			check_object erofs 0xe0f5e1e2 'init proc'
		fi
	done

	it 'container_object: what is wrong is told, and nothing is left'
	head -c 100000 /dev/zero >"$WORK/image.ext4"
	fails_with 1 '^container_object: make the file system for /: Invalid argument$' object ext4 /init
	fails_with 1 'image.tmpfs: No such file' object tmpfs /init
	fails_with 1 'fsopen none: No such device' object none /init
	fails_with 2 'usage: ' "$examples/container_object" ext4 "$WORK/image.ext4"
	check mount -t tmpfs none /dev
	fails_with 1 'loop-control.*modprobe' object ext4 /init
	umount /dev
	wait_for no_containers
	wait_for no_loop "$WORK/image.ext4"
fi

# --- netlink ---

if [ ! -x "$examples/netlink" ]; then
	part_skipped 'no netlink example: the package libmnl-dev was missing when it was built'
	exit
fi

# on_host COMMAND...
on_host()
{
	container enter --only network host -- "$@"
}

it 'netlink: a network is set up from outside'
check container create host --own network
check container create host/web --own network
check on_host "$examples/netlink" web ve-web 10.7.0.2/24 10.7.0.1
check on_host ip address add 10.7.0.1/24 dev ve-web
is '' "$(ls -d /sys/class/net/ve-web 2>&-)" 'the interface on the real host'
matches '^default via 10.7.0.1 dev eth0' "$(container enter --only network host/web -- ip route)"
matches 'lo: .*[<,]UP[,>]' "$(container enter --only network host/web -- ip -o link show lo)"
is 0 "$(field host/web tasks)"

it 'netlink: and works, in both directions'
start "$WORK/out" container enter --only network host/web -- "$tools/talk" serve 10.7.0.2 80 inside
is inside "$(on_host "$tools/talk" 10.7.0.2 80 2>&1)"
ends 0 "$started"
start "$WORK/out" container enter --only network host -- "$tools/talk" serve 10.7.0.1 80 outside
is outside "$(container enter --only network host/web -- "$tools/talk" 10.7.0.1 80 2>&1)"
ends 0 "$started"

it 'netlink: what is wrong is told'
fails_with 1 've-web: File exists' on_host "$examples/netlink" web ve-web 10.7.0.2/24 10.7.0.1
fails_with 1 'no such container nobody' on_host "$examples/netlink" nobody ve-x 10.7.0.2/24 10.7.0.1
fails_with 2 '10.7.0.2/33: not an IPv4 address with' on_host "$examples/netlink" web ve-x 10.7.0.2/33 10.7.0.1
fails_with 2 '10.7.0: not an IPv4 address' on_host "$examples/netlink" web ve-x 10.7.0.2/24 10.7.0
check container rm -r host
