/* cgroup v2 inside the VM: one group per container below /sys/fs/cgroup/containers. */
#include "amphora.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"
#define GROUPS ROOT "/containers"

int write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	if (file < 0)
		return -1;
	ssize_t put = write(file, text, strlen(text));
	close(file);
	return put < 0 ? -1 : 0;
}

ssize_t read_text(const char *path, char *into, size_t room)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	ssize_t got = read(file, into, room - 1);
	close(file);
	into[got > 0 ? got : 0] = 0;
	return got;
}

void cgroup_init(void)
{
	write_text(ROOT "/cgroup.subtree_control", "+memory +pids +cpu");
	mkdir(GROUPS, 0755);
	write_text(GROUPS "/cgroup.subtree_control", "+memory +pids +cpu");
}

static void limit(const char *group, const char *file, const char *value)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", group, file);
	write_text(path, value);
}

char *cgroup_make(const char *name, struct span body)
{
	char path[400], value[64];
	uint64_t memory = tlv_u64(body, TAG_MEMORY, 0), cpu = tlv_u64(body, TAG_CPU_MILLIS, 0), pids = tlv_u64(body, TAG_PIDS, 0);
	snprintf(path, sizeof path, GROUPS "/%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return NULL;
	if (memory) {
		snprintf(value, sizeof value, "%llu", (unsigned long long)memory);
		limit(path, "memory.max", value);
		limit(path, "memory.oom.group", "1");
	}
	if (cpu) {
		snprintf(value, sizeof value, "%llu 100000", (unsigned long long)cpu * 100);
		limit(path, "cpu.max", value);
	}
	if (pids) {
		snprintf(value, sizeof value, "%llu", (unsigned long long)pids);
		limit(path, "pids.max", value);
	}
	return strdup(path);
}

static uint64_t field(const char *path, const char *name)
{
	char text[4096], *at;
	if (read_text(path, text, sizeof text) <= 0)
		return 0;
	if (!name)
		return strtoull(text, NULL, 10);
	size_t size = strlen(name);
	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, size) == 0 && at[size] == ' ')
			return strtoull(at + size, NULL, 10);
	}
	return 0;
}

bool cgroup_oom_killed(const char *group)
{
	char path[600];
	snprintf(path, sizeof path, "%s/memory.events", group);
	return field(path, "oom_kill") > 0;
}

void cgroup_kill(const char *group)
{
	limit(group, "cgroup.kill", "1");
}

void cgroup_remove(const char *group)
{
	/* What was killed may need a moment to leave. */
	for (int tries = 0; rmdir(group) && errno == EBUSY && tries < 50; tries++)
		usleep(1000);
}

void cgroup_stats(struct buffer *to)
{
	uint64_t used = field(GROUPS "/memory.current", NULL), reclaimable = field(GROUPS "/memory.stat", "inactive_file");
	buffer_u64(to, TAG_CPU_NS, field(ROOT "/cpu.stat", "usage_usec") * 1000);
	buffer_u64(to, TAG_MEMORY_USED, used);
	buffer_u64(to, TAG_WORKING_SET, used > reclaimable ? used - reclaimable : 0);
	buffer_u64(to, TAG_PID_COUNT, field(GROUPS "/pids.current", NULL));
}
