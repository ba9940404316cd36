/* Between fork and exec: becoming the user the process runs as. Nothing here returns on error: the pipe tells pid 1. */
#include "amphora.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

void child_fail(int report, const char *what)
{
	struct {
		int error;
		char what[200];
	} said = { errno, "" };
	snprintf(said.what, sizeof said.what, "%s", what);
	write(report, &said, sizeof said.error + strlen(said.what) + 1);
	_exit(said.error == ENOENT || said.error == ENOTDIR ? 127 : 126);
}

int make_directories(const char *path, mode_t mode)
{
	char copy[4096];
	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *at = copy + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		if (mkdir(copy, mode) && errno != EEXIST)
			return -1;
		*at = '/';
	}
	return mkdir(copy, mode) && errno != EEXIST ? -1 : 0;
}

int make_file(const char *path)
{
	char copy[4096];
	snprintf(copy, sizeof copy, "%s", path);
	char *slash = strrchr(copy, '/');
	if (slash && slash != copy) {
		*slash = 0;
		if (make_directories(copy, 0755))
			return -1;
	}
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	if (file < 0)
		return access(path, F_OK);
	return close(file);
}

static char **texts(struct span body, uint16_t wanted)
{
	size_t count = 0;
	uint16_t tag;
	struct span value, rest = body;
	while (tlv_next(&rest, &tag, &value))
		count += tag == wanted;
	char **list = must_alloc((count + 1) * sizeof *list);
	count = 0;
	while (tlv_next(&body, &tag, &value))
		if (tag == wanted && (list[count] = span_text(value)))
			count++;
	return list;
}

static void set_streams(struct launch *launch)
{
	if (setsid() < 0 && errno != EPERM)
		child_fail(launch->report, "new session");
	if (launch->terminal && ioctl(launch->in, TIOCSCTTY, 0))
		child_fail(launch->report, "controlling terminal");
	if (dup2(launch->in, 0) < 0 || dup2(launch->out, 1) < 0 || dup2(launch->err, 2) < 0)
		child_fail(launch->report, "standard streams");
}

static void set_capabilities(struct launch *launch, uint64_t wanted)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)wanted, (uint32_t)wanted, 0 }, { (uint32_t)(wanted >> 32), (uint32_t)(wanted >> 32), 0 },
	};
	if (syscall(SYS_capset, &header, data))
		child_fail(launch->report, "capabilities");
}

static void set_identity(struct launch *launch)
{
	gid_t groups[MAX_GROUPS];
	size_t count = 0;
	uint16_t tag;
	struct span value, rest = launch->body;
	while (tlv_next(&rest, &tag, &value))
		if (tag == TAG_GROUP && count < MAX_GROUPS)
			groups[count++] = (gid_t)span_u64(value);
	uid_t user = (uid_t)tlv_u64(launch->body, TAG_UID, 0);
	gid_t group = (gid_t)tlv_u64(launch->body, TAG_GID, 0);
	bool privileged = tlv_u64(launch->body, TAG_PRIVILEGED, 0) != 0;
	uint64_t wanted = privileged ? ~0ull : tlv_u64(launch->body, TAG_CAPABILITIES, 0), known = 0;
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		known |= 1ull << capability;
		if (!(wanted >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			child_fail(launch->report, "bounding set");
	}
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (setgroups(count, groups) || setresgid(group, group, group) || setresuid(user, user, user))
		child_fail(launch->report, "user and groups");
	set_capabilities(launch, wanted & known);
	if (tlv_u64(launch->body, TAG_NO_NEW_PRIVILEGES, 0) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		child_fail(launch->report, "no new privileges");
}

void child_exec(struct launch *launch)
{
	char **args = texts(launch->body, TAG_ARG), *cwd = tlv_text(launch->body, TAG_CWD), text[32];
	char message[180];
	sigset_t none;
	if (!args[0]) {
		errno = EINVAL;
		child_fail(launch->report, "no command");
	}
	snprintf(text, sizeof text, "%d", (int)(int64_t)tlv_u64(launch->body, TAG_OOM_ADJ, 0));
	write_text("/proc/self/oom_score_adj", text);
	set_streams(launch);
	if (cwd && cwd[0] == '/' && chdir(cwd) && (make_directories(cwd, 0755) || chdir(cwd)))
		child_fail(launch->report, "working directory");
	set_identity(launch);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	umask(022);
	environ = texts(launch->body, TAG_ENV);
	execvp(args[0], args);
	snprintf(message, sizeof message, "exec %s", args[0]);
	child_fail(launch->report, message);
}

void exec_child(struct launch *launch)
{
	static const struct { const char *name; int kind; } spaces[] = { { "cgroup", CLONE_NEWCGROUP }, { "mnt", CLONE_NEWNS } };
	char path[600];
	int opened[2];
	if (launch->cgroup) {
		snprintf(path, sizeof path, "%s/cgroup.procs", launch->cgroup);
		if (write_text(path, "0"))
			child_fail(launch->report, "joining the container's cgroup");
	}
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/%d/ns/%s", launch->join, spaces[i].name);
		opened[i] = open(path, O_RDONLY | O_CLOEXEC);
	}
	for (int i = 0; i < 2; i++)
		if (setns(opened[i], spaces[i].kind))
			child_fail(launch->report, "joining the container");
	child_exec(launch);
}
