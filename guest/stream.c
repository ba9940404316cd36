/* Rings between a descriptor and the host. A full ring stops reading the descriptor: nothing is lost, the writer waits. */
#include "amphora.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
	struct source source; /* First: the loop hands it back. */
	struct stream *next;
	uint32_t id;
	bool inward, shut, attached, ended, end_sent, ack_due, closed;
	uint8_t *ring;
	size_t room;
	/* Offsets since the stream began: freed <= sent <= filled <= freed + room. */
	uint64_t freed, sent, filled;
};

static struct stream *streams;

static struct stream *find(uint32_t id)
{
	for (struct stream *stream = streams; stream; stream = stream->next)
		if (stream->id == id)
			return stream;
	return NULL;
}

static void close_descriptor(struct stream *stream)
{
	if (stream->source.fd < 0)
		return;
	loop_forget(&stream->source);
	if (stream->shut)
		shutdown(stream->source.fd, SHUT_WR);
	close(stream->source.fd);
	stream->source.fd = -1;
}

/* The contiguous part of the ring that begins at offset and ends before limit. */
static struct span part(struct stream *stream, uint64_t offset, uint64_t limit)
{
	size_t at = offset % stream->room, size = (size_t)(limit - offset);
	if (size > stream->room - at)
		size = stream->room - at;
	return (struct span){ stream->ring + at, size };
}

static void out_ready(struct source *self, uint32_t events)
{
	struct stream *stream = (struct stream *)self;
	(void)events;
	struct span space = part(stream, stream->filled, stream->freed + stream->room);
	if (space.size == 0) {
		loop_change(self, 0);
		if (events & (EPOLLHUP | EPOLLERR))
			loop_forget(self); /* HUP cannot be masked; watched again when there is room. */
		return;
	}
	ssize_t got = read(self->fd, stream->ring + (space.at - stream->ring), space.size);
	if (got > 0) {
		stream->filled += (uint64_t)got;
		if (stream->closed)
			stream->freed = stream->sent = stream->filled;
	} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		stream->ended = true;
		close_descriptor(stream);
	}
}

static void in_ready(struct source *self, uint32_t events)
{
	struct stream *stream = (struct stream *)self;
	struct span data = part(stream, stream->freed, stream->filled);
	ssize_t put = data.size ? write(self->fd, data.at, data.size) : 0;
	if (put > 0) {
		stream->freed += (uint64_t)put;
		stream->ack_due = true;
	} else if (put < 0 && errno != EAGAIN && errno != EINTR) {
		close_descriptor(stream); /* Nobody reads any more: swallow the rest. */
		stream->freed = stream->filled;
		stream->ack_due = true;
		return;
	}
	if (stream->freed < stream->filled)
		return;
	if (stream->ended)
		close_descriptor(stream);
	else if (data.size == 0 && (events & (EPOLLERR | EPOLLHUP)))
		close_descriptor(stream);
	else
		loop_change(self, 0);
}

static struct stream *add(uint32_t id, int fd, size_t room)
{
	struct stream *stream = must_alloc(sizeof *stream);
	stream->id = id;
	stream->source.fd = fd;
	stream->ring = must_alloc(room);
	stream->room = room;
	stream->next = streams;
	streams = stream;
	return stream;
}

struct stream *stream_out(uint32_t id, int fd, size_t room)
{
	struct stream *stream = add(id, fd, room);
	stream->source.ready = out_ready;
	loop_watch(&stream->source, EPOLLIN);
	return stream;
}

struct stream *stream_in(uint32_t id, int fd, bool shut)
{
	struct stream *stream = add(id, fd, SESSION_RING);
	stream->source.ready = in_ready;
	stream->inward = true;
	stream->shut = shut;
	loop_watch(&stream->source, 0);
	return stream;
}

void stream_pause_all(void)
{
	for (struct stream *stream = streams; stream; stream = stream->next)
		stream->attached = false;
}

static void resume_reading(struct stream *stream)
{
	if (stream->source.fd < 0 || stream->filled - stream->freed >= stream->room)
		return;
	loop_change(&stream->source, EPOLLIN);
}

void stream_ack(uint32_t id, uint64_t offset)
{
	struct stream *stream = find(id);
	if (!stream || stream->inward || offset <= stream->freed)
		return;
	stream->freed = offset > stream->filled ? stream->filled : offset;
	if (stream->sent < stream->freed)
		stream->sent = stream->freed;
	resume_reading(stream);
}

void stream_attach(uint32_t id, uint64_t offset)
{
	struct stream *stream = find(id);
	if (!stream)
		return;
	stream->attached = true;
	stream->ack_due = stream->inward;
	if (stream->inward)
		return;
	stream_ack(id, offset);
	stream->sent = stream->freed;
	stream->end_sent = false;
}

void stream_close(uint32_t id)
{
	struct stream *stream = find(id);
	if (!stream)
		return;
	stream->closed = true;
	if (stream->inward) {
		stream->ended = true;
		stream->filled = stream->freed;
		close_descriptor(stream);
		return;
	}
	stream_ack(id, stream->filled);
}

void stream_data(uint32_t id, uint64_t offset, struct span data)
{
	struct stream *stream = find(id);
	if (!stream || !stream->inward || stream->ended || offset > stream->filled)
		return;
	uint64_t skip = stream->filled - offset;
	if (skip >= data.size)
		return;
	data.at += skip;
	data.size -= (size_t)skip;
	while (data.size > 0 && stream->filled < stream->freed + stream->room) {
		struct span space = part(stream, stream->filled, stream->freed + stream->room);
		size_t size = data.size < space.size ? data.size : space.size;
		memcpy(stream->ring + (space.at - stream->ring), data.at, size);
		stream->filled += size;
		data.at += size;
		data.size -= size;
	}
	if (stream->source.fd >= 0) {
		loop_change(&stream->source, EPOLLOUT);
		return;
	}
	stream->freed = stream->filled;
	stream->ack_due = true;
}

void stream_end(uint32_t id, uint64_t offset)
{
	struct stream *stream = find(id);
	if (!stream || !stream->inward || offset != stream->filled)
		return;
	stream->ended = true;
	if (stream->freed == stream->filled)
		close_descriptor(stream);
}

bool stream_drained(uint32_t id)
{
	struct stream *stream = find(id);
	return !stream || (stream->ended && stream->freed == stream->filled);
}

void stream_free(uint32_t id)
{
	for (struct stream **at = &streams; *at; at = &(*at)->next) {
		struct stream *stream = *at;
		if (stream->id != id)
			continue;
		close_descriptor(stream);
		*at = stream->next;
		free(stream->ring);
		free(stream);
		return;
	}
}

static bool pump_out(struct stream *stream)
{
	static uint8_t payload[8 + DATA_CHUNK];
	while (stream->sent < stream->filled) {
		struct span data = part(stream, stream->sent, stream->filled);
		if (data.size > DATA_CHUNK)
			data.size = DATA_CHUNK;
		memcpy(payload, &stream->sent, 8);
		memcpy(payload + 8, data.at, data.size);
		if (!wire_send(FRAME_DATA, 0, stream->id, payload, 8 + data.size))
			return false;
		stream->sent += data.size;
	}
	if (stream->ended && !stream->end_sent)
		stream->end_sent = wire_send(FRAME_EOF, 0, stream->id, &stream->filled, 8);
	return !stream->ended || stream->end_sent;
}

bool stream_pump(void)
{
	for (struct stream *stream = streams; stream; stream = stream->next) {
		if (!stream->attached)
			continue;
		if (stream->inward) {
			if (stream->ack_due && !wire_send(FRAME_ACK, 0, stream->id, &stream->freed, 8))
				return false;
			stream->ack_due = false;
		} else if (!stream->closed && !pump_out(stream)) {
			return false;
		}
	}
	return true;
}
