/* Spans, buffers, tag-length-value records and the checksum. */
#include "amphora.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void *must_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);
	if (!memory)
		_exit(1); /* pid 1 ends, the kernel panics, the host sees the VM end: there is no better answer. */
	return memory;
}

uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool tlv_next(struct span *rest, uint16_t *tag, struct span *value)
{
	uint32_t size;
	if (rest->size < 6)
		return false;
	memcpy(tag, rest->at, 2);
	memcpy(&size, rest->at + 2, 4);
	if (size > rest->size - 6)
		return false;
	*value = (struct span){ rest->at + 6, size };
	rest->at += 6 + size;
	rest->size -= 6 + size;
	return true;
}

bool tlv_find(struct span all, uint16_t tag, struct span *value)
{
	uint16_t found;
	while (tlv_next(&all, &found, value))
		if (found == tag)
			return true;
	return false;
}

uint64_t span_u64(struct span value)
{
	uint64_t number = 0;
	memcpy(&number, value.at, value.size < 8 ? value.size : 8);
	return number;
}

uint64_t tlv_u64(struct span all, uint16_t tag, uint64_t otherwise)
{
	struct span value;
	return tlv_find(all, tag, &value) ? span_u64(value) : otherwise;
}

char *span_text(struct span value)
{
	if (memchr(value.at, 0, value.size))
		return NULL;
	char *text = must_alloc(value.size + 1);
	memcpy(text, value.at, value.size);
	return text;
}

char *tlv_text(struct span all, uint16_t tag)
{
	struct span value;
	return tlv_find(all, tag, &value) ? span_text(value) : NULL;
}

void buffer_add(struct buffer *to, const void *data, size_t size)
{
	if (to->size + size > to->room) {
		to->room = (to->size + size) * 2;
		to->at = realloc(to->at, to->room);
		if (!to->at)
			_exit(1);
	}
	if (size)
		memcpy(to->at + to->size, data, size);
	to->size += size;
}

void buffer_bytes(struct buffer *to, uint16_t tag, const void *data, size_t size)
{
	uint32_t length = (uint32_t)size;
	buffer_add(to, &tag, 2);
	buffer_add(to, &length, 4);
	buffer_add(to, data, size);
}

void buffer_u64(struct buffer *to, uint16_t tag, uint64_t value)
{
	buffer_bytes(to, tag, &value, 8);
}

void buffer_text(struct buffer *to, uint16_t tag, const char *text)
{
	buffer_bytes(to, tag, text, strlen(text));
}

void buffer_free(struct buffer *of)
{
	free(of->at);
	*of = (struct buffer){ 0 };
}

static uint32_t crc_step(uint32_t crc, const uint8_t *at, size_t size)
{
	static uint32_t table[256];
	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t value = i;
			for (int bit = 0; bit < 8; bit++)
				value = value & 1 ? (value >> 1) ^ 0xedb88320u : value >> 1;
			table[i] = value;
		}
	while (size--)
		crc = table[(crc ^ *at++) & 0xff] ^ (crc >> 8);
	return crc;
}

uint32_t crc32_of(const uint8_t *head, size_t head_size, const uint8_t *body, size_t body_size)
{
	return ~crc_step(crc_step(~0u, head, head_size), body, body_size);
}
