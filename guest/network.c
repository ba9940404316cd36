/* Interfaces, addresses and routes, over rtnetlink. */
#include "amphora.h"
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		uint8_t space[512];
	} body;
};

static void add_attribute(struct message *message, unsigned short type, const void *data, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)((uint8_t *)message + NLMSG_ALIGN(message->header.nlmsg_len));
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
	message->header.nlmsg_len = NLMSG_ALIGN(message->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static int ask(int netlink, struct message *message)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t rest[1024];
	} answer;
	message->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(netlink, message, message->header.nlmsg_len, 0) < 0 || recv(netlink, &answer, sizeof answer, 0) < 0)
		return errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
}

static int set_up(int netlink, int index, uint32_t mtu, const char *name)
{
	struct message message = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK } };
	message.body.link.ifi_index = index;
	if (name) /* Only a link that is down takes a new name. */
		add_attribute(&message, IFLA_IFNAME, name, strlen(name) + 1);
	else
		message.body.link.ifi_flags = message.body.link.ifi_change = IFF_UP;
	if (mtu)
		add_attribute(&message, IFLA_MTU, &mtu, 4);
	return ask(netlink, &message);
}

/* Value: family (4 or 6), prefix length, address. */
static int add_address(int netlink, int index, struct span value)
{
	struct message message = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = RTM_NEWADDR,
		.nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE } };
	if (value.size != 6 && value.size != 18)
		return EINVAL;
	message.body.address = (struct ifaddrmsg){ .ifa_family = value.size == 6 ? AF_INET : AF_INET6,
		.ifa_prefixlen = value.at[1], .ifa_index = (uint32_t)index, .ifa_flags = value.size == 18 ? IFA_F_NODAD : 0 };
	add_attribute(&message, IFA_LOCAL, value.at + 2, value.size - 2);
	add_attribute(&message, IFA_ADDRESS, value.at + 2, value.size - 2);
	return ask(netlink, &message);
}

/* Value: family, prefix length, 1 when there is a gateway, destination, gateway. */
static int add_route(int netlink, int index, struct span value)
{
	struct message message = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE,
		.nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE } };
	size_t size = value.size ? (value.at[0] == 6 ? 16 : 4) : 0;
	if (value.size < 3 || value.size != 3 + size * (value.at[2] ? 2 : 1))
		return EINVAL;
	message.body.route = (struct rtmsg){ .rtm_family = size == 16 ? AF_INET6 : AF_INET, .rtm_dst_len = value.at[1],
		.rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST,
		.rtm_scope = value.at[2] ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK };
	add_attribute(&message, RTA_DST, value.at + 3, size);
	if (value.at[2])
		add_attribute(&message, RTA_GATEWAY, value.at + 3 + size, size);
	add_attribute(&message, RTA_OIF, &index, 4);
	return ask(netlink, &message);
}

/* The index of the interface with this hardware address; waits for a driver that is still probing. */
static int find_interface(struct span mac)
{
	int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), found = 0;
	for (int tries = 0; tries < 1000 && !found && mac.size == 6; tries++) {
		struct if_nameindex *all = if_nameindex();
		for (struct if_nameindex *one = all; one && one->if_index; one++) {
			struct ifreq request = { 0 };
			snprintf(request.ifr_name, sizeof request.ifr_name, "%s", one->if_name);
			if (ioctl(probe, SIOCGIFHWADDR, &request) == 0 && memcmp(request.ifr_hwaddr.sa_data, mac.at, 6) == 0)
				found = (int)one->if_index;
		}
		if_freenameindex(all);
		if (!found)
			usleep(1000);
	}
	close(probe);
	return found;
}

int network_configure(struct span body, char *why, size_t room)
{
	char *name = tlv_text(body, TAG_NAME), current[IF_NAMESIZE] = "";
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), error = 0;
	struct span mac = { 0 }, value;
	uint16_t tag;
	tlv_find(body, TAG_MAC, &mac);
	int index = name && strcmp(name, "lo") == 0 ? 1 : find_interface(mac);
	snprintf(why, room, "no network device with the pod's hardware address appeared");
	if (!index || !name) {
		close(netlink);
		return ENODEV;
	}
	snprintf(why, room, "configuring interface %s", name);
	if (strcmp(if_indextoname((unsigned)index, current) ? current : "", name) != 0)
		error = set_up(netlink, index, 0, name);
	if (!error)
		error = set_up(netlink, index, (uint32_t)tlv_u64(body, TAG_MTU, 0), NULL);
	struct span rest = body;
	while (!error && tlv_next(&rest, &tag, &value))
		if (tag == TAG_ADDRESS)
			error = add_address(netlink, index, value);
	rest = body;
	while (!error && tlv_next(&rest, &tag, &value))
		if (tag == TAG_ROUTE)
			error = add_route(netlink, index, value);
	free(name);
	close(netlink);
	return error;
}
