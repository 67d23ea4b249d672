/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network of a container, set up from outside through one socket: a virtual cable from its eth0 to
 * a new interface here, its address, its way to everywhere else. The container needs neither a task nor
 * a program for that: this process stays where it is, and it is the socket that is inside.
 *
 *	container create web --own network
 *	cc netlink.c -o netlink $(pkg-config --cflags --libs libcontainerfs libmnl)
 *	./netlink web ve-web 10.7.0.2/24 10.7.0.1
 *	ip address add 10.7.0.1/24 dev ve-web
 */
#include <arpa/inet.h>
#include <containerfs/container.h>
#include <err.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INSIDE "eth0"

/* One request, in room for any of ours. */
struct request {
	char buf[512];
	struct nlmsghdr *nlh;
};

static void *begin(struct request *r, uint16_t type, uint16_t flags, size_t header_size)
{
	memset(r, 0, sizeof(*r));
	r->nlh = mnl_nlmsg_put_header(r->buf);
	r->nlh->nlmsg_type = type;
	r->nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return mnl_nlmsg_put_extra_header(r->nlh, header_size);
}

/* The kernel acts before sendto(2) returns; its answer is an error number, 0 if all is well. */
static void ask(struct mnl_socket *inside, struct request *r, const char *what)
{
	char answer[2 * sizeof(r->buf)];
	ssize_t n = mnl_socket_sendto(inside, r->nlh, r->nlh->nlmsg_len);

	if (n >= 0)
		n = mnl_socket_recvfrom(inside, answer, sizeof(answer));
	if (n < 0 || mnl_cb_run(answer, (size_t)n, 0, 0, NULL, NULL) < 0)
		err(1, "%s", what);
}

/*
 * Our end, made up and in the network namespace of this process; its peer is where the socket is. Not
 * the other way round: a peer cannot be made up, since it has no other end yet.
 */
static void cable(struct mnl_socket *inside, const char *outer)
{
	struct request r;
	struct ifinfomsg *link = begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*link));
	struct nlattr *info, *data, *peer;

	link->ifi_flags = link->ifi_change = IFF_UP;
	mnl_attr_put_strz(r.nlh, IFLA_IFNAME, outer);
	mnl_attr_put_u32(r.nlh, IFLA_NET_NS_PID, (uint32_t)getpid());
	info = mnl_attr_nest_start(r.nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(r.nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(r.nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(r.nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r.nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.nlh, IFLA_IFNAME, INSIDE);
	mnl_attr_nest_end(r.nlh, peer);
	mnl_attr_nest_end(r.nlh, data);
	mnl_attr_nest_end(r.nlh, info);
	ask(inside, &r, outer);
}

static void up(struct mnl_socket *inside, const char *name)
{
	struct request r;
	struct ifinfomsg *link = begin(&r, RTM_NEWLINK, 0, sizeof(*link));

	link->ifi_flags = link->ifi_change = IFF_UP;
	mnl_attr_put_strz(r.nlh, IFLA_IFNAME, name);
	ask(inside, &r, name);
}

/* Any socket can be asked by ioctl(2), and answers for the namespace that it is of. */
static uint32_t index_of(struct mnl_socket *inside, const char *name)
{
	struct ifreq request = {0};

	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (ioctl(mnl_socket_get_fd(inside), SIOCGIFINDEX, &request) < 0)
		err(1, "find %s", name);
	return (uint32_t)request.ifr_ifindex;
}

static void address(struct mnl_socket *inside, uint32_t addr, unsigned char prefix)
{
	struct request r;
	struct ifaddrmsg *a = begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*a));

	a->ifa_family = AF_INET;
	a->ifa_prefixlen = prefix;
	a->ifa_index = index_of(inside, INSIDE);
	mnl_attr_put_u32(r.nlh, IFA_LOCAL, addr);
	mnl_attr_put_u32(r.nlh, IFA_ADDRESS, addr);
	ask(inside, &r, "address");
}

static void default_route(struct mnl_socket *inside, uint32_t gateway)
{
	struct request r;
	struct rtmsg *route = begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*route));

	route->rtm_family = AF_INET;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(r.nlh, RTA_GATEWAY, gateway);
	ask(inside, &r, "route");
}

static struct mnl_socket *open_inside(const char *name)
{
	int container = container_open(name);
	int fd = container < 0 ? -1
			       : container_socket(container, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
						  NETLINK_ROUTE);
	const struct container_error *e = container_error_last();
	struct mnl_socket *inside;

	if (fd < 0)
		errx(1, "%s: %s %s: %s", name, e->step, e->object, strerror(e->code));
	close(container);
	inside = mnl_socket_fdopen(fd);
	if (!inside || mnl_socket_bind(inside, 0, MNL_SOCKET_AUTOPID) < 0)
		err(1, "netlink");
	return inside;
}

static int parse(const char *text, uint32_t *ret_addr, unsigned int *ret_prefix)
{
	char addr[INET_ADDRSTRLEN], rest;

	return sscanf(text, "%15[0-9.]/%3u%c", addr, ret_prefix, &rest) == 2 && *ret_prefix <= 32 &&
	       inet_pton(AF_INET, addr, ret_addr) == 1;
}

int main(int argc, char **argv)
{
	struct mnl_socket *inside;
	uint32_t addr, gateway;
	unsigned int prefix;

	if (argc != 5)
		errx(2, "usage: %s CONTAINER INTERFACE ADDRESS/PREFIX GATEWAY", argv[0]);
	if (!parse(argv[3], &addr, &prefix))
		errx(2, "%s: not an IPv4 address with a prefix, 10.7.0.2/24", argv[3]);
	if (inet_pton(AF_INET, argv[4], &gateway) != 1)
		errx(2, "%s: not an IPv4 address", argv[4]);
	inside = open_inside(argv[1]);
	cable(inside, argv[2]);
	address(inside, addr, (unsigned char)prefix);
	up(inside, "lo");
	up(inside, INSIDE);
	default_route(inside, gateway);
	mnl_socket_close(inside);
	return 0;
}
