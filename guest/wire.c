/* Frames over the virtio port: finding the port, checking what arrives, sending whole frames only. */
#include "amphora.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const uint32_t MAGIC = 0x31504d41; /* "AMP1" */

struct header {
	uint32_t magic;
	uint8_t type, flags;
	uint16_t reserved;
	uint32_t session, id, length, crc;
};
_Static_assert(sizeof(struct header) == HEADER_BYTES, "the header has no padding");

struct reply {
	struct reply *next;
	uint32_t id;
	size_t sent;
	struct buffer body;
};

static struct source port = { .fd = -1 };
static uint32_t session;
static bool welcome_due, port_full;
static uint8_t input[2 * (MAX_PAYLOAD + HEADER_BYTES)];
static size_t input_size;
static struct buffer request;
static uint32_t request_id;
static struct reply *replies, **last_reply = &replies;

void request_run(uint32_t id, struct span body);

bool wire_can_send(void)
{
	return session != 0 && !port_full && !welcome_due;
}

bool wire_send(uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t size)
{
	static uint8_t frame[HEADER_BYTES + MAX_PAYLOAD];
	struct header header = { MAGIC, type, flags, 0, session, id, (uint32_t)size, 0 };
	header.crc = crc32_of((uint8_t *)&header, HEADER_BYTES - 4, payload, size);
	memcpy(frame, &header, HEADER_BYTES);
	if (size)
		memcpy(frame + HEADER_BYTES, payload, size);
	ssize_t sent = write(port.fd, frame, HEADER_BYTES + size);
	if (sent == (ssize_t)(HEADER_BYTES + size))
		return true;
	port_full = true; /* Host away or queue full; the port's next event ends it. */
	return false;
}

void wire_reply(uint32_t id, int error, struct buffer *body)
{
	struct reply *reply = must_alloc(sizeof *reply);
	uint32_t number = (uint32_t)error;
	reply->id = id;
	buffer_add(&reply->body, &number, 4);
	if (body) {
		buffer_add(&reply->body, body->at, body->size);
		buffer_free(body);
	}
	*last_reply = reply;
	last_reply = &reply->next;
}

static void drop_replies(void)
{
	while (replies) {
		struct reply *next = replies->next;
		buffer_free(&replies->body);
		free(replies);
		replies = next;
	}
	last_reply = &replies;
}

static bool send_replies(void)
{
	while (replies) {
		struct reply *reply = replies;
		size_t left = reply->body.size - reply->sent;
		size_t part = left > MAX_PAYLOAD ? MAX_PAYLOAD : left;
		if (!wire_send(FRAME_REPLY, part < left ? FLAG_MORE : 0, reply->id, reply->body.at + reply->sent, part))
			return false;
		reply->sent += part;
		if (part < left)
			continue;
		replies = reply->next;
		if (!replies)
			last_reply = &replies;
		buffer_free(&reply->body);
		free(reply);
	}
	return true;
}

static bool send_welcome(void)
{
	struct buffer body = { 0 };
	struct utsname name;
	uname(&name);
	buffer_u64(&body, TAG_VERSION, PROTOCOL_VERSION);
	buffer_text(&body, TAG_KERNEL, name.release);
	welcome_due = !wire_send(FRAME_WELCOME, 0, 0, body.at, body.size);
	buffer_free(&body);
	return !welcome_due;
}

void wire_pump(void)
{
	if (session == 0 || port_full)
		return;
	if (welcome_due && !send_welcome())
		return;
	if (send_replies() && process_pump())
		stream_pump();
}

static void hello(uint32_t new_session, struct span body)
{
	struct span instance = { (const uint8_t *)"", 0 };
	uint64_t time = tlv_u64(body, TAG_TIME, 0);
	tlv_find(body, TAG_INSTANCE, &instance);
	if (time) {
		struct timespec now = { (time_t)(time / 1000000000), (long)(time % 1000000000) };
		clock_settime(CLOCK_REALTIME, &now);
	}
	session = new_session;
	drop_replies();
	request.size = 0;
	stream_pause_all();
	process_new_session(instance);
	welcome_due = true;
}

static void take_request(const struct header *header, struct span body)
{
	if (header->id != request_id) {
		request.size = 0;
		request_id = header->id;
	}
	if (request.size + body.size > MAX_REQUEST) {
		request.size = 0;
		wire_reply(header->id, EFBIG, NULL);
		return;
	}
	buffer_add(&request, body.at, body.size);
	if (header->flags & FLAG_MORE)
		return;
	request_run(header->id, (struct span){ request.at, request.size });
	request.size = 0;
	request_id = 0;
}

static void take_frame(const struct header *header, struct span body)
{
	uint64_t number = span_u64(body);
	if (header->type == FRAME_HELLO) {
		hello(header->session, body);
		return;
	}
	if (header->session != session)
		return;
	switch (header->type) {
	case FRAME_REQUEST: take_request(header, body); break;
	case FRAME_ATTACH: stream_attach(header->id, number); break;
	case FRAME_ACK: stream_ack(header->id, number); break;
	case FRAME_CLOSE: stream_close(header->id); break;
	case FRAME_EOF: stream_end(header->id, number); break;
	case FRAME_EXIT_ACK: process_exit_ack(number); break;
	case FRAME_DATA:
		if (body.size >= 8)
			stream_data(header->id, number, (struct span){ body.at + 8, body.size - 8 });
		break;
	default: break; /* Of a newer host: it asked our version and does not count on an answer. */
	}
}

/* Takes one frame from the front of the input, or skips to the next place where one may begin. */
static bool take_one(void)
{
	struct header header;
	if (input_size < HEADER_BYTES)
		return false;
	memcpy(&header, input, HEADER_BYTES);
	size_t taken = 1;
	if (header.magic == MAGIC && header.length <= MAX_PAYLOAD) {
		if (input_size < HEADER_BYTES + header.length)
			return false;
		if (crc32_of(input, HEADER_BYTES - 4, input + HEADER_BYTES, header.length) == header.crc) {
			taken = HEADER_BYTES + header.length;
			take_frame(&header, (struct span){ input + HEADER_BYTES, header.length });
		}
	}
	input_size -= taken;
	memmove(input, input + taken, input_size);
	return true;
}

static void port_ready(struct source *self, uint32_t events)
{
	port_full = false;
	if (events & EPOLLHUP)
		port_full = true; /* Nobody listens: what is left of their last frame is worth nothing. */
	for (;;) {
		ssize_t got = read(self->fd, input + input_size, sizeof input - input_size);
		if (got <= 0) {
			if (got == 0)
				input_size = 0;
			return;
		}
		input_size += (size_t)got;
		while (take_one())
			;
	}
}

void wire_open(void)
{
	char path[300];
	for (int tries = 0; tries < 2000 && port.fd < 0; tries++) {
		DIR *ports = opendir("/sys/class/virtio-ports");
		struct dirent *entry;
		while (ports && (entry = readdir(ports))) {
			char name[64];
			snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
			if (read_text(path, name, sizeof name) <= 0 || strncmp(name, "amphora", 7) != 0)
				continue;
			snprintf(path, sizeof path, "/dev/%s", entry->d_name);
			port.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		}
		if (ports)
			closedir(ports);
		if (port.fd < 0)
			usleep(1000);
	}
	port.ready = port_ready;
	loop_watch(&port, EPOLLIN | EPOLLOUT | EPOLLET);
}
