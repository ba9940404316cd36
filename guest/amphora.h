/*
 * The program that is pid 1 inside a microVM. What it says to the host, and hears, is docs/designs/guest-protocol.md.
 * The host is trusted to mean well and not to be well formed: every length is checked, nothing it sends can overrun us.
 */
#ifndef AMPHORA_H
#define AMPHORA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PROTOCOL_VERSION = 1,
	HEADER_BYTES = 24,
	/* virtio_console hands at most 32 KiB to the host in one piece; a frame is one piece. */
	MAX_PAYLOAD = 32 * 1024 - HEADER_BYTES,
	MAX_REQUEST = 2 * 1024 * 1024,
	DATA_CHUNK = 16 * 1024,
	CONTAINER_RING = 256 * 1024,
	SESSION_RING = 64 * 1024,
	MAX_PROCESSES = 512,
	MAX_GROUPS = 64,
	MAX_MOUNTS = 128,
	MESSAGE_BYTES = 4096,
};

enum frame_type {
	FRAME_HELLO = 1, FRAME_WELCOME, FRAME_REQUEST, FRAME_REPLY, FRAME_DATA, FRAME_EOF,
	FRAME_ACK, FRAME_ATTACH, FRAME_EXIT, FRAME_EXIT_ACK, FRAME_CLOSE,
};
enum { FLAG_MORE = 1 };

enum operation {
	OP_CONFIGURE = 1, OP_PUT, OP_PRUNE, OP_START, OP_EXEC, OP_SIGNAL, OP_RESIZE, OP_DIAL,
	OP_STATS, OP_REMOVE, OP_POWEROFF, OP_LIST,
};

enum tag {
	TAG_VERSION = 1, TAG_INSTANCE, TAG_TIME, TAG_KERNEL, TAG_MESSAGE,
	TAG_HOSTNAME = 10, TAG_RESOLV, TAG_HOSTS, TAG_SYSCTL, TAG_INTERFACE, TAG_ROOT, TAG_SCRATCH, TAG_VOLUME,
	TAG_NAME = 20, TAG_VALUE, TAG_MAC, TAG_MTU, TAG_ADDRESS, TAG_ROUTE, TAG_SERIAL, TAG_FORMAT, TAG_KIND, TAG_SIZE,
	TAG_SHARE, TAG_ATTEMPT,
	TAG_ARG = 33, TAG_ENV, TAG_CWD, TAG_UID, TAG_GID, TAG_GROUP, TAG_TERMINAL, TAG_STDIN, TAG_WIDTH, TAG_HEIGHT,
	TAG_CAPABILITIES, TAG_NO_NEW_PRIVILEGES, TAG_PRIVILEGED, TAG_READ_ONLY, TAG_MOUNT, TAG_MEMORY, TAG_CPU_MILLIS,
	TAG_PIDS, TAG_OOM_ADJ, TAG_SHARE_PID, TAG_MESSAGE_FILE, TAG_SEQUENCE, TAG_EXIT_CODE, TAG_OOM, TAG_STARTED,
	TAG_FINISHED, TAG_PATH, TAG_MODE, TAG_DATA, TAG_TARGET, TAG_SIGNAL, TAG_PROCESS, TAG_PORT, TAG_CPU_NS,
	TAG_MEMORY_USED, TAG_WORKING_SET, TAG_PID_COUNT, TAG_STATE, TAG_STDIN_ONCE, TAG_SUB_PATH,
};

/* ---- bytes.c: what was received is a span, what is sent a buffer ---- */
struct span { const uint8_t *at; size_t size; };
struct buffer { uint8_t *at; size_t size, room; };

void *must_alloc(size_t size);
uint64_t now_ms(void);
bool tlv_next(struct span *rest, uint16_t *tag, struct span *value);
bool tlv_find(struct span all, uint16_t tag, struct span *value);
uint64_t span_u64(struct span value);
uint64_t tlv_u64(struct span all, uint16_t tag, uint64_t otherwise);
/* A new NUL-terminated string, or NULL when the tag is missing or the value holds a NUL. */
char *span_text(struct span value);
char *tlv_text(struct span all, uint16_t tag);
void buffer_add(struct buffer *to, const void *data, size_t size);
void buffer_u64(struct buffer *to, uint16_t tag, uint64_t value);
void buffer_bytes(struct buffer *to, uint16_t tag, const void *data, size_t size);
void buffer_text(struct buffer *to, uint16_t tag, const char *text);
void buffer_free(struct buffer *of);
uint32_t crc32_of(const uint8_t *head, size_t head_size, const uint8_t *body, size_t body_size);

/* ---- loop.c: epoll, one event at a time, so that a source may free itself ---- */
struct source {
	int fd;
	void (*ready)(struct source *self, uint32_t events);
};
void loop_open(void);
void loop_watch(struct source *source, uint32_t events);
void loop_change(struct source *source, uint32_t events);
void loop_forget(struct source *source);
void loop_run(void);

/* ---- wire.c: frames over the virtio port ---- */
void wire_open(void);
bool wire_can_send(void);
/* Sends one frame, or returns false when the port takes none now; wire_pump is then called when it does. */
bool wire_send(uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t size);
void wire_reply(uint32_t id, int error, struct buffer *body);
void wire_pump(void);

/* ---- stream.c: rings between a descriptor and the host ---- */
struct stream;
/* From a descriptor to the host; the stream owns the descriptor. */
struct stream *stream_out(uint32_t id, int fd, size_t ring);
/* From the host to a descriptor; `shut` half-closes a socket instead of closing the descriptor at the end. */
struct stream *stream_in(uint32_t id, int fd, bool shut);
void stream_pause_all(void);
void stream_attach(uint32_t id, uint64_t offset);
void stream_ack(uint32_t id, uint64_t offset);
void stream_close(uint32_t id);
void stream_data(uint32_t id, uint64_t offset, struct span data);
void stream_end(uint32_t id, uint64_t offset);
bool stream_drained(uint32_t id);
void stream_free(uint32_t id);
/* Sends what can be sent; false when the port is full. */
bool stream_pump(void);

/* ---- process.c: what was started and how it ended ---- */
struct process;
void process_init(void);
void process_new_session(struct span instance);
void process_start(uint32_t request, struct span body);
void process_exec(uint32_t request, struct span body);
int process_signal(uint32_t id, int signal);
int process_resize(uint32_t id, int width, int height);
int process_remove(uint32_t id);
void process_list(struct buffer *to);
void process_exit_ack(uint64_t sequence);
bool process_pump(void);
void process_kill_all(void);
/* Tells that a relay (dial) uses stream numbers of this id; it ends with the host's session. */
void relay_dial(uint32_t request, uint32_t id, uint16_t port);
void relay_end_all(void);

/* ---- container.c: what happens between fork and exec ---- */
struct launch {
	struct span body;
	char *name;
	uint64_t attempt;
	bool is_exec, terminal;
	pid_t join;
	int in, out, err;
	int report;
	char *directory;
	char *cgroup;
};
__attribute__((noreturn)) void container_child(struct launch *launch);
__attribute__((noreturn)) void exec_child(struct launch *launch);

/* child.c: identity of the process, shared by containers and execs */
__attribute__((noreturn)) void child_fail(int report, const char *what);
__attribute__((noreturn)) void child_exec(struct launch *launch);
int make_directories(const char *path, mode_t mode);
int make_file(const char *path);

/* ---- cgroup.c ---- */
void cgroup_init(void);
/* Path of a new group with the limits in body; NULL when it cannot be made. */
char *cgroup_make(const char *name, struct span body);
bool cgroup_oom_killed(const char *path);
void cgroup_kill(const char *path);
void cgroup_remove(const char *path);
void cgroup_stats(struct buffer *to);
int write_text(const char *path, const char *text);
ssize_t read_text(const char *path, char *into, size_t room);

/* ---- network.c, volume.c, boot.c ---- */
int network_configure(struct span interface, char *why, size_t room);
int configure(struct span body, char *why, size_t room);
int volume_make(struct span body, char *why, size_t room);
int volume_put(struct span body);
int volume_prune(struct span body);
void remove_tree(const char *path);
void boot(void);
void power_off(void);
int print_tsc_khz(void);

#endif
