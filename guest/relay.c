/* TCP connections to 127.0.0.1 inside, for port-forward and probes. They end with the host's session. */
#include "amphora.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
	struct source connecting; /* First: the loop hands it back. */
	struct relay *next;
	uint32_t id, request;
};

static struct relay *relays;

static void forget(struct relay *relay)
{
	for (struct relay **at = &relays; *at; at = &(*at)->next)
		if (*at == relay) {
			*at = relay->next;
			break;
		}
	if (relay->connecting.fd >= 0) {
		loop_forget(&relay->connecting);
		close(relay->connecting.fd);
	}
	stream_free(relay->id * 4);
	stream_free(relay->id * 4 + 1);
	free(relay);
}

static void connected(struct source *self, uint32_t events)
{
	struct relay *relay = (struct relay *)self;
	int error = 0;
	socklen_t size = sizeof error;
	(void)events;
	getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	wire_reply(relay->request, error, NULL);
	if (error) {
		forget(relay);
		return;
	}
	loop_forget(self);
	stream_in(relay->id * 4, fcntl(self->fd, F_DUPFD_CLOEXEC, 3), true);
	stream_out(relay->id * 4 + 1, self->fd, SESSION_RING);
	self->fd = -1;
}

/* Frees relays whose both directions are over. */
static int sweep(void)
{
	struct relay *next;
	int count = 0;
	for (struct relay *relay = relays; relay; relay = next) {
		next = relay->next;
		count++;
		if (relay->connecting.fd < 0 && stream_drained(relay->id * 4 + 1) && stream_drained(relay->id * 4))
			forget(relay);
	}
	return count;
}

void relay_dial(uint32_t request, uint32_t id, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (sweep() >= MAX_PROCESSES) {
		wire_reply(request, EAGAIN, NULL);
		return;
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)) {
		wire_reply(request, errno, NULL);
		close(fd);
		return;
	}
	struct relay *relay = must_alloc(sizeof *relay);
	relay->connecting = (struct source){ fd, connected };
	relay->id = id;
	relay->request = request;
	relay->next = relays;
	relays = relay;
	loop_watch(&relay->connecting, EPOLLOUT);
}

void relay_end_all(void)
{
	while (relays)
		forget(relays);
}
