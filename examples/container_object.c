/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container that is put together from outside, as the proposal of 2017 has it: made empty, an image
 * mounted as its root, a key added, init forked into it, and then /proc, which is of init's pid
 * namespace, mounted under the running init. This process never enters it, and mounts nothing on the
 * host. Nor does it clean up: however it ends, the container ends with its fd, the mount with the
 * container, and the loop device with the mount.
 *
 * A static busybox makes an image, and, as root, the image a container:
 *
 *	mkdir -p image/proc && cp /bin/busybox image/
 *	mke2fs -q -t ext4 -d image image.ext4 8M
 *	cc container_object.c -o container_object $(pkg-config --cflags --libs libcontainerfs)
 *	./container_object ext4 image.ext4 /busybox ps
 */
#define _GNU_SOURCE 1 /* pipe2, close_range */
#include <containerfs/container.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a call of the library returned, unless it failed. */
static int checked(int result)
{
	const struct container_error *e = container_error_last();

	if (result < 0)
		errx(1, "%s %s: %s", e->step, e->object, strerror(e->code));
	return result;
}

/* The fd of a block device that shows the image, until nobody has it open or mounted any more. */
static int open_loop(int image, char device[32])
{
	struct loop_config config = {
		.fd = (unsigned int)image,
		.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int loop, n;

	if (control < 0)
		err(1, "/dev/loop-control (modprobe loop? or give a block device)");
	for (;;) {
		n = ioctl(control, LOOP_CTL_GET_FREE);
		if (n < 0)
			err(1, "find a free loop device");
		snprintf(device, 32, "/dev/loop%d", n);
		loop = open(device, O_RDONLY | O_CLOEXEC);
		if (loop < 0)
			err(1, "open %s", device);
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			break;
		/* Somebody else was faster. */
		if (errno != EBUSY)
			err(1, "configure %s", device);
		close(loop);
	}
	close(control);
	return loop;
}

/* The path of a block device; the fd keeps a loop device until it is mounted. */
static const char *block_device(const char *image, char loop[32], int *ret_fd)
{
	struct stat st;
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "open %s", image);
	*ret_fd = S_ISBLK(st.st_mode) ? fd : open_loop(fd, loop);
	return S_ISBLK(st.st_mode) ? image : loop;
}

/* One option of a file system that is being made; value NULL: a flag. */
static void set(int fs, const char *key, const char *value)
{
	unsigned int kind = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

	if (fsconfig(fs, kind, key, value, 0) < 0)
		err(1, "set %s of the file system", key);
}

/* A new file system becomes a detached mount, and that a mount in the container. */
static void mount_inside(int container, int fs, const char *path, unsigned int flags)
{
	char why[256];
	ssize_t n;
	int mnt;

	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		warn("make the file system for %s", path);
		/* The kernel's own words, where the file system has any; else they are in dmesg(1). */
		while ((n = read(fs, why, sizeof(why))) > 0)
			warnx("%.*s", (int)n, why);
		exit(1);
	}
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		err(1, "make a mount for %s", path);
	checked(container_move_mount(container, mnt, path, flags));
	close(mnt);
	close(fs);
}

static void mount_root(int container, const char *type, const char *image)
{
	int fs = checked(container_fsopen(container, type, FSOPEN_CLOEXEC));
	char loop[32];
	int block;

	set(fs, "source", block_device(image, loop, &block));
	set(fs, "ro", NULL);
	mount_inside(container, fs, "/", CONTAINER_ROOT);
	close(block);
}

/* The one that is there already shows all of the kernel's knobs; this one processes only. */
static void mount_proc(int container)
{
	int fs = checked(container_fsopen(container, "proc", FSOPEN_CLOEXEC));

	set(fs, "subset", "pid");
	mount_inside(container, fs, "/proc", 0);
}

/*
 * init, which waits until all is mounted. Meanwhile it must not be the one who holds the container, or
 * keeps the pipe from ending. A fork has all fds of its parent, and the parent perhaps some that it does
 * not know of: the program gets none of them.
 */
static pid_t fork_init(int container, char **argv, int *ret_go)
{
	int go[2];
	pid_t pid;
	char byte;

	if (pipe2(go, O_CLOEXEC) < 0)
		err(1, "make a pipe");
	pid = checked(container_fork(container));
	if (pid == 0) {
		close(container);
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		close_range(3, ~0U, 0);
		execv(argv[0], argv);
		err(127, "run %s", argv[0]);
	}
	close(go[0]);
	*ret_go = go[1];
	return pid;
}

int main(int argc, char **argv)
{
	int c, go, status;
	pid_t pid;

	if (argc < 4)
		errx(2, "usage: %s TYPE IMAGE PROGRAM [ARGUMENT...]", argv[0]);
	/* Not NEW_USER_NS: the kernel mounts such images for no root but the host's. */
	c = checked(
		container_create("object", CONTAINER_NEW_EMPTY_FS_NS | CONTAINER_NEW_PID_NS |
						   CONTAINER_NEW_NET_NS | CONTAINER_NEW_IPC_NS |
						   CONTAINER_NEW_UTS_NS | CONTAINER_NEW_CGROUP_NS |
						   CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC));
	mount_root(c, argv[1], argv[2]);
	checked(container_set_hostname(c, "object"));
	checked(container_add_key(c, "user", "example:word", "open sesame", 11));
	pid = fork_init(c, argv + 3, &go);
	mount_proc(c);
	if (write(go, "", 1) != 1 || waitpid(pid, &status, 0) < 0)
		err(1, "wait for init");
	/* The last copy of the fd: what init has left running ends, and all is gone. */
	close(c);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
