/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reaching into a container from outside: sockets, files, file systems, mounts.
 */
#include <containerfs/container.h>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "chance.h"
#include "library.h"

static int make(const char *name, unsigned int flags)
{
	return ok(container_create(name, flags | CONTAINER_FD_CLOEXEC));
}

static pid_t spawn_sleeper(int c)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	return (pid_t)ok(container_spawn(c, &how));
}

static void end(int c, pid_t pid)
{
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
}

/* sockets */

static ino_t net_of_socket(int s)
{
	int ns = ioctl(s, SIOCGSKNS);
	ino_t ino = ino_of_fd(ns);

	assert_true(ns >= 0);
	close(ns);
	return ino;
}

static void check_socket(int c, ino_t net)
{
	int s = ok(container_socket(c, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	assert_int_equal(net_of_socket(s), net);
	assert_true(fcntl(s, F_GETFD) & FD_CLOEXEC);
	close(s);
	s = ok(container_socket(c, AF_NETLINK, SOCK_RAW, 0));
	assert_int_equal(net_of_socket(s), net);
	assert_false(fcntl(s, F_GETFD) & FD_CLOEXEC);
	close(s);
}

static void test_socket(void **state)
{
	int own, inherits, nested, shares;
	ino_t net;

	(void)state;
	need_private_tree();
	own = make("own", CONTAINER_NEW_NET_NS);
	nested = make("own/nested", 0);
	inherits = make("inherits", CONTAINER_NEW_UTS_NS);
	shares = make("shares", 0);
	ok(container_set_namespace(shares, CLONE_NEWNET, CONTAINER_NS_SHARE, own));
	net = ino_of_container(own, CLONE_NEWNET);
	assert_true(net != ino_of_task(0, "net"));
	check_socket(own, net);
	check_socket(nested, net);
	check_socket(shares, net);
	check_socket(inherits, ino_of_task(0, "net"));
	fails(EAFNOSUPPORT, container_socket(own, 12345, SOCK_STREAM, 0));
	fails(EPROTONOSUPPORT, container_socket(own, AF_INET, SOCK_STREAM, 250));
	ok(container_remove(shares, 0));
	fails(ENOENT, container_socket(shares, AF_INET, SOCK_STREAM, 0));
	fails(EBADF, container_socket(-1, AF_INET, SOCK_STREAM, 0));
	fails(EBADF, container_socket(0, AF_INET, SOCK_STREAM, 0));
	close(own);
	close(nested);
	close(inherits);
	close(shares);
}

static void test_socket_user_ns(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_NET_NS | CONTAINER_NEW_USER_NS);
	check_socket(c, ino_of_container(c, CLONE_NEWNET));
	close(c);
}

static void test_socket_of_task(void **state)
{
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_NET_NS | CONTAINER_NEW_PID_NS | CONTAINER_KILL_ON_CLOSE);
	fails(ESRCH, container_socket(c, AF_INET, SOCK_STREAM, 0));
	pid = spawn_sleeper(c);
	check_socket(c, ino_of_task(pid, "net"));
	end(c, pid);
	fails(ESRCH, container_socket(c, AF_INET, SOCK_STREAM, 0));
	close(c);
}

/* A socket made outside talks to a server inside; the network is brought up through another. */
static void test_socket_talks(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	socklen_t len = sizeof(address);
	int c, s, server, ready[2];
	char text[8] = "";
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_NET_NS | CONTAINER_NEW_PID_NS);
	s = ok(container_socket(c, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &request), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pid = forked(c);
	if (pid == 0) {
		server = socket(AF_INET, SOCK_STREAM, 0);
		child_holds(bind(server, (struct sockaddr *)&address, len) == 0);
		child_holds(getsockname(server, (struct sockaddr *)&address, &len) == 0);
		child_holds(listen(server, 1) == 0);
		child_holds(write(ready[1], &address, len) == (ssize_t)len);
		server = accept(server, NULL, NULL);
		child_holds(write(server, "inside", 6) == 6);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &address, len), len);
	assert_int_equal(connect(s, (struct sockaddr *)&address, len), 0);
	assert_int_equal(read(s, text, sizeof(text) - 1), 6);
	assert_string_equal(text, "inside");
	assert_int_equal(status_of(pid), 0);
	close(ready[0]);
	close(ready[1]);
	close(s);
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_socket),
		library_test(test_socket_user_ns),
		library_test(test_socket_of_task),
		library_test(test_socket_talks),
	};

	return private_tree_run(tests);
}
