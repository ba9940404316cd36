/* What was started, how it ended, and telling the host until it says that it wrote that down. */
#include "amphora.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum state { STARTING, RUNNING, EXITED };

struct process {
	struct source status; /* First: the loop hands it back. */
	struct process *next;
	uint32_t id, request;
	pid_t pid;
	enum state state;
	bool is_exec, orphan, exit_sent, acknowledged, oom, terminal;
	int master;
	uint64_t attempt, sequence, started, finished;
	int exit_code;
	char *name, *directory, *cgroup;
	char message[MESSAGE_BYTES + 1];
};

static struct process *processes;
static int process_count;
static uint64_t last_sequence;
static uint8_t instance[16];
static int own_pid_namespace = -1;

static struct process *find(uint32_t id)
{
	for (struct process *process = processes; process; process = process->next)
		if (process->id == id)
			return process;
	return NULL;
}

static void forget(struct process *process)
{
	for (struct process **at = &processes; *at; at = &(*at)->next)
		if (*at == process) {
			*at = process->next;
			break;
		}
	for (uint32_t stream = 0; stream < 3; stream++)
		stream_free(process->id * 4 + stream);
	if (process->master >= 0)
		close(process->master);
	if (process->directory)
		remove_tree(process->directory);
	if (process->cgroup && !process->is_exec)
		cgroup_remove(process->cgroup);
	free(process->name);
	free(process->directory);
	free(process->cgroup);
	free(process);
	process_count--;
}

static void status_ready(struct source *self, uint32_t events)
{
	struct process *process = (struct process *)self;
	char said[256];
	ssize_t got = read(self->fd, said, sizeof said - 1);
	(void)events;
	if (got < 0)
		return;
	loop_forget(self);
	close(self->fd);
	self->fd = -1;
	int error = 0;
	struct buffer body = { 0 };
	if (got > (ssize_t)sizeof error) {
		memcpy(&error, said, sizeof error);
		said[got] = 0;
		snprintf(process->message, sizeof process->message, "%s: %s", said + sizeof error, strerror(error));
		buffer_text(&body, TAG_MESSAGE, process->message);
	} else if (process->state == STARTING) {
		process->state = RUNNING;
	}
	buffer_u64(&body, TAG_STARTED, process->started);
	wire_reply(process->request, error, &body);
}

static void read_message(struct process *process)
{
	char path[600];
	if (process->message[0] || !process->directory)
		return;
	snprintf(path, sizeof path, "%s/message", process->directory);
	int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return;
	off_t size = lseek(file, 0, SEEK_END);
	lseek(file, size > MESSAGE_BYTES ? size - MESSAGE_BYTES : 0, SEEK_SET);
	ssize_t got = read(file, process->message, MESSAGE_BYTES);
	process->message[got > 0 ? got : 0] = 0;
	close(file);
}

static void ended(struct process *process, int status)
{
	if (process->status.fd >= 0)
		status_ready(&process->status, 0);
	process->state = EXITED;
	process->pid = 0;
	process->finished = now_ms();
	process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	process->sequence = ++last_sequence;
	if (process->is_exec) {
		if (process->orphan)
			forget(process);
		return;
	}
	/* In a shared pid namespace the rest of the container is still there, and may hold its pipes. */
	if (process->cgroup)
		cgroup_kill(process->cgroup);
	process->oom = process->cgroup && cgroup_oom_killed(process->cgroup);
	read_message(process);
}

static void child_ready(struct source *self, uint32_t events)
{
	struct signalfd_siginfo info[8];
	int status;
	pid_t pid;
	(void)events;
	while (read(self->fd, info, sizeof info) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct process *process = processes; process; process = process->next)
			if (process->pid == pid) {
				ended(process, status);
				break;
			}
}

void process_init(void)
{
	static struct source children;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	children = (struct source){ signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), child_ready };
	loop_watch(&children, EPOLLIN);
	own_pid_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
}

void process_new_session(struct span of)
{
	bool same = of.size == sizeof instance && memcmp(of.at, instance, sizeof instance) == 0;
	struct process *next;
	for (struct process *process = processes; process; process = next) {
		next = process->next;
		process->exit_sent = false;
		if (same || !process->is_exec)
			continue;
		/* Its caller died with the host program that asked for it. */
		process->orphan = true;
		if (process->state == EXITED)
			forget(process);
		else if (process->pid > 0)
			kill(process->pid, SIGKILL);
	}
	if (same)
		return;
	relay_end_all();
	memset(instance, 0, sizeof instance);
	memcpy(instance, of.at, of.size < sizeof instance ? of.size : sizeof instance);
}

static int open_terminal(struct process *process, struct launch *launch)
{
	char path[32];
	unsigned number;
	int unlock = 0, master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) || ioctl(master, TIOCGPTN, &number))
		return -1;
	struct winsize size = {
		.ws_col = (unsigned short)tlv_u64(launch->body, TAG_WIDTH, 80),
		.ws_row = (unsigned short)tlv_u64(launch->body, TAG_HEIGHT, 24),
	};
	ioctl(master, TIOCSWINSZ, &size);
	snprintf(path, sizeof path, "/dev/pts/%u", number);
	launch->in = launch->out = launch->err = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	process->master = master;
	if (launch->in < 0)
		return -1;
	fchown(launch->in, (uid_t)tlv_u64(launch->body, TAG_UID, 0), (gid_t)-1);
	stream_in(process->id * 4, fcntl(master, F_DUPFD_CLOEXEC, 3), false);
	stream_out(process->id * 4 + 1, fcntl(master, F_DUPFD_CLOEXEC, 3), process->is_exec ? SESSION_RING : CONTAINER_RING);
	return 0;
}

static int open_pipes(struct process *process, struct launch *launch)
{
	size_t ring = process->is_exec ? SESSION_RING : CONTAINER_RING;
	uid_t user = (uid_t)tlv_u64(launch->body, TAG_UID, 0);
	int ends[3][2];
	for (int i = 0; i < 3; i++) {
		if (i == 0 && !tlv_u64(launch->body, TAG_STDIN, 0)) {
			ends[0][0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
			ends[0][1] = -1;
			continue;
		}
		if (pipe2(ends[i], O_CLOEXEC))
			return -1;
		/* So that the process may open /dev/stdout again. */
		fchown(ends[i][0], user, (gid_t)-1);
		fchown(ends[i][1], user, (gid_t)-1);
		fcntl(ends[i][i == 0], F_SETFL, O_NONBLOCK);
		if (i > 0)
			fcntl(ends[i][0], F_SETFL, O_NONBLOCK);
	}
	launch->in = ends[0][0];
	launch->out = ends[1][1];
	launch->err = ends[2][1];
	if (ends[0][1] >= 0)
		stream_in(process->id * 4, ends[0][1], false);
	stream_out(process->id * 4 + 1, ends[1][0], ring);
	stream_out(process->id * 4 + 2, ends[2][0], ring);
	return 0;
}

/* fork, with namespaces; SIGCHLD tells of the end. */
static pid_t fork_into(unsigned long namespaces)
{
	return (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0);
}

static struct process *add(uint32_t request, struct span body, bool is_exec)
{
	struct process *process = must_alloc(sizeof *process);
	process->id = (uint32_t)tlv_u64(body, TAG_PROCESS, 0);
	process->request = request;
	process->is_exec = is_exec;
	process->attempt = tlv_u64(body, TAG_ATTEMPT, 0);
	process->name = tlv_text(body, TAG_NAME);
	process->terminal = tlv_u64(body, TAG_TERMINAL, 0) != 0;
	process->master = process->status.fd = -1;
	process->started = now_ms();
	process->next = processes;
	processes = process;
	process_count++;
	return process;
}

static void launched(struct process *process, struct launch *launch, int report)
{
	close(launch->in);
	if (launch->out != launch->in) {
		close(launch->out);
		close(launch->err);
	}
	close(launch->report);
	if (process->pid < 0) {
		close(report);
		wire_reply(process->request, errno, NULL);
		forget(process);
		return;
	}
	fcntl(report, F_SETFL, O_NONBLOCK);
	process->status = (struct source){ report, status_ready };
	loop_watch(&process->status, EPOLLIN);
}

static bool prepare(struct process *process, struct launch *launch, int report[2])
{
	*launch = (struct launch){ .body = launch->body, .name = process->name, .attempt = process->attempt,
		.is_exec = process->is_exec, .terminal = process->terminal, .in = -1, .out = -1, .err = -1 };
	if (pipe2(report, O_CLOEXEC))
		return false;
	launch->report = report[1];
	return (process->terminal ? open_terminal(process, launch) : open_pipes(process, launch)) == 0;
}

void process_start(uint32_t request, struct span body)
{
	uint32_t id = (uint32_t)tlv_u64(body, TAG_PROCESS, 0);
	struct process *process = find(id);
	char text[512];
	int report[2];
	if (process || process_count >= MAX_PROCESSES) {
		wire_reply(request, process ? 0 : EAGAIN, NULL);
		return;
	}
	process = add(request, body, false);
	struct launch launch = { .body = body };
	if (!process->name || !prepare(process, &launch, report)) {
		wire_reply(request, EINVAL, NULL);
		forget(process);
		return;
	}
	snprintf(text, sizeof text, "%s-%llu", process->name, (unsigned long long)process->attempt);
	process->cgroup = launch.cgroup = cgroup_make(text, body);
	snprintf(text, sizeof text, "/data/containers/%s-%llu", process->name, (unsigned long long)process->attempt);
	process->directory = launch.directory = strdup(text);
	bool share = tlv_u64(body, TAG_SHARE_PID, 0) != 0;
	process->pid = fork_into(CLONE_NEWNS | (share ? 0 : CLONE_NEWPID));
	if (process->pid == 0)
		container_child(&launch);
	launched(process, &launch, report[0]);
}

void process_exec(uint32_t request, struct span body)
{
	struct process *target = find((uint32_t)tlv_u64(body, TAG_TARGET, 0));
	char path[64];
	int report[2];
	if (!target || target->state != RUNNING || process_count >= MAX_PROCESSES || find((uint32_t)tlv_u64(body, TAG_PROCESS, 0))) {
		wire_reply(request, target ? EAGAIN : ESRCH, NULL);
		return;
	}
	struct process *process = add(request, body, true);
	struct launch launch = { .body = body };
	if (!prepare(process, &launch, report)) {
		wire_reply(request, EINVAL, NULL);
		forget(process);
		return;
	}
	launch.join = target->pid;
	launch.cgroup = target->cgroup;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", target->pid);
	int namespace = open(path, O_RDONLY | O_CLOEXEC);
	/* Where our children are born; ourselves it does not move. */
	setns(namespace, CLONE_NEWPID);
	process->pid = fork_into(0);
	if (process->pid == 0)
		exec_child(&launch);
	setns(own_pid_namespace, CLONE_NEWPID);
	close(namespace);
	launched(process, &launch, report[0]);
}

int process_signal(uint32_t id, int signal)
{
	struct process *process = find(id);
	if (!process || process->state == EXITED)
		return ESRCH;
	if (signal == SIGKILL && !process->is_exec && process->cgroup)
		cgroup_kill(process->cgroup);
	return kill(process->pid, signal) ? errno : 0;
}

int process_resize(uint32_t id, int width, int height)
{
	struct process *process = find(id);
	struct winsize size = { .ws_col = (unsigned short)width, .ws_row = (unsigned short)height };
	if (!process || process->master < 0)
		return ESRCH;
	return ioctl(process->master, TIOCSWINSZ, &size) ? errno : 0;
}

int process_remove(uint32_t id)
{
	struct process *process = find(id);
	if (process && process->state != EXITED)
		return EBUSY;
	if (process)
		forget(process);
	return 0;
}

static void describe(struct process *process, struct buffer *to)
{
	buffer_u64(to, TAG_PROCESS, process->id);
	buffer_u64(to, TAG_STATE, process->state);
	buffer_u64(to, TAG_STARTED, process->started);
	if (process->state != EXITED)
		return;
	buffer_u64(to, TAG_SEQUENCE, process->sequence);
	buffer_u64(to, TAG_EXIT_CODE, (uint64_t)process->exit_code);
	buffer_u64(to, TAG_OOM, process->oom);
	buffer_u64(to, TAG_FINISHED, process->finished);
	buffer_text(to, TAG_MESSAGE, process->message);
}

void process_list(struct buffer *to)
{
	for (struct process *process = processes; process; process = process->next) {
		struct buffer one = { 0 };
		if (process->is_exec)
			continue;
		describe(process, &one);
		buffer_bytes(to, TAG_PROCESS, one.at, one.size);
		buffer_free(&one);
	}
}

void process_exit_ack(uint64_t sequence)
{
	for (struct process *process = processes; process; process = process->next)
		if (process->state == EXITED && process->sequence == sequence)
			process->acknowledged = true;
}

bool process_pump(void)
{
	for (struct process *process = processes; process; process = process->next) {
		struct buffer body = { 0 };
		if (process->state != EXITED || process->exit_sent || process->acknowledged)
			continue;
		describe(process, &body);
		process->exit_sent = wire_send(FRAME_EXIT, 0, process->id, body.at, body.size);
		buffer_free(&body);
		if (!process->exit_sent)
			return false;
	}
	return true;
}

void process_kill_all(void)
{
	for (struct process *process = processes; process; process = process->next)
		if (process->pid > 0)
			kill(process->pid, SIGKILL);
}
