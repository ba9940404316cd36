/* One request, one reply. */
#include "amphora.h"
#include <errno.h>
#include <string.h>

void request_run(uint32_t id, struct span body);

static uint32_t process_of(struct span body)
{
	return (uint32_t)tlv_u64(body, TAG_PROCESS, 0);
}

static void run_configuring(uint32_t id, struct span body)
{
	char why[300] = "";
	struct buffer said = { 0 };
	int error = configure(body, why, sizeof why);
	if (error)
		buffer_text(&said, TAG_MESSAGE, why);
	wire_reply(id, error, &said);
}

void request_run(uint32_t id, struct span all)
{
	uint16_t operation;
	struct buffer said = { 0 };
	if (all.size < 2) {
		wire_reply(id, EBADMSG, NULL);
		return;
	}
	memcpy(&operation, all.at, 2);
	struct span body = { all.at + 2, all.size - 2 };
	switch (operation) {
	case OP_CONFIGURE: run_configuring(id, body); break;
	case OP_PUT: wire_reply(id, volume_put(body), NULL); break;
	case OP_PRUNE: wire_reply(id, volume_prune(body), NULL); break;
	case OP_START: process_start(id, body); break;
	case OP_EXEC: process_exec(id, body); break;
	case OP_SIGNAL: wire_reply(id, process_signal(process_of(body), (int)tlv_u64(body, TAG_SIGNAL, 0)), NULL); break;
	case OP_RESIZE:
		wire_reply(id, process_resize(process_of(body), (int)tlv_u64(body, TAG_WIDTH, 80), (int)tlv_u64(body, TAG_HEIGHT, 24)), NULL);
		break;
	case OP_DIAL: relay_dial(id, process_of(body), (uint16_t)tlv_u64(body, TAG_PORT, 0)); break;
	case OP_STATS: cgroup_stats(&said); wire_reply(id, 0, &said); break;
	case OP_REMOVE: wire_reply(id, process_remove(process_of(body)), NULL); break;
	case OP_LIST: process_list(&said); wire_reply(id, 0, &said); break;
	case OP_POWEROFF: power_off(); break;
	default: wire_reply(id, ENOSYS, NULL); break; /* A newer host asks what we do not know. */
	}
}
