/* A container's own view of files: overlay on its image, proc, sys, dev, volumes; then pivot_root and exec. */
#include "amphora.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct planned { int tree; bool directory; char *destination; };

static const char *const FAILED = "preparing the container's files";

static int open_inside(int root, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* The path below root, made where missing; links are followed inside root only, and one that leaves it is an error. */
static int open_below(int root, const char *path)
{
	int found = open_inside(root, path[0] ? path : ".", O_PATH);
	if (found >= 0 || errno != ENOENT)
		return found;
	char copy[4096];
	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
		return -1;
	char *slash = strrchr(copy, '/');
	if (slash)
		*slash = 0;
	int parent = open_below(root, slash ? copy : "");
	if (parent < 0 || mkdirat(parent, slash ? slash + 1 : copy, 0755))
		return -1;
	return open_inside(root, path, O_PATH);
}

static int clone_tree(int at, bool read_only)
{
	int tree = (int)syscall(SYS_open_tree, at, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	if (tree >= 0 && read_only && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes))
		return -1;
	return tree;
}

static void plan_path(struct planned *plan, const char *source, char *destination)
{
	struct stat info;
	int at = open(source, O_PATH | O_CLOEXEC);
	plan->tree = at < 0 ? -1 : clone_tree(at, false);
	plan->directory = at >= 0 && fstat(at, &info) == 0 && S_ISDIR(info.st_mode);
	plan->destination = destination;
	close(at);
}

static void plan_volume(struct launch *launch, struct planned *plan, struct span mount)
{
	char path[300], *name = tlv_text(mount, TAG_NAME), *below = tlv_text(mount, TAG_SUB_PATH);
	struct stat info;
	plan->destination = tlv_text(mount, TAG_PATH);
	snprintf(path, sizeof path, "/volumes/%s", name ? name : "");
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int at = root < 0 ? -1 : open_below(root, below ? below : "");
	plan->tree = at < 0 ? -1 : clone_tree(at, tlv_u64(mount, TAG_READ_ONLY, 0) != 0);
	if (plan->tree < 0 || fstat(at, &info) || !plan->destination)
		child_fail(launch->report, "opening a volume");
	plan->directory = S_ISDIR(info.st_mode);
	close(at);
	close(root);
}

static int plan_mounts(struct launch *launch, struct planned plans[MAX_MOUNTS])
{
	static char *const own[] = { "/etc/hosts", "/etc/resolv.conf", "/etc/hostname" };
	char path[600], *message = tlv_text(launch->body, TAG_MESSAGE_FILE);
	int count = 0;
	uint16_t tag;
	struct span value, rest = launch->body;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "/run/amphora%s", own[i]);
		plan_path(&plans[count++], path, own[i]);
	}
	if (message && message[0] == '/') {
		snprintf(path, sizeof path, "%s/message", launch->directory);
		make_file(path);
		chmod(path, 0666);
		plan_path(&plans[count++], path, message);
	}
	while (tlv_next(&rest, &tag, &value))
		if (tag == TAG_MOUNT && count < MAX_MOUNTS)
			plan_volume(launch, &plans[count++], value);
	return count;
}

static void mount_root(struct launch *launch)
{
	char options[1500], upper[600], work[600], *image = tlv_text(launch->body, TAG_SERIAL);
	snprintf(upper, sizeof upper, "%s/upper", launch->directory);
	snprintf(work, sizeof work, "%s/work", launch->directory);
	if (make_directories(upper, 0755) || make_directories(work, 0755))
		child_fail(launch->report, "making the writable layer");
	snprintf(options, sizeof options, "lowerdir=/images/%s,upperdir=%s,workdir=%s", image ? image : "", upper, work);
	if (mount("overlay", "/run/amphora/root", "overlay", 0, options))
		child_fail(launch->report, "mounting the image with a writable layer");
}

static void make_device(const char *path, unsigned major_number, unsigned minor_number)
{
	mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number));
	chmod(path, 0666);
}

static void mount_devices(struct launch *launch)
{
	mkdir("/dev", 0755);
	if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755,size=64k"))
		child_fail(launch->report, FAILED);
	make_device("/dev/null", 1, 3);
	make_device("/dev/zero", 1, 5);
	make_device("/dev/full", 1, 7);
	make_device("/dev/random", 1, 8);
	make_device("/dev/urandom", 1, 9);
	make_device("/dev/tty", 5, 0);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	symlink("pts/ptmx", "/dev/ptmx");
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	mkdir("/dev/mqueue", 01777);
	mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
	mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
}

static void mount_kernel(struct launch *launch, bool privileged)
{
	unsigned long quiet = MS_NOSUID | MS_NOEXEC | MS_NODEV, lock = privileged ? 0 : MS_RDONLY;
	mkdir("/proc", 0555);
	mkdir("/sys", 0555);
	if (mount("proc", "/proc", "proc", quiet, NULL) || mount("sysfs", "/sys", "sysfs", quiet | lock, NULL))
		child_fail(launch->report, FAILED);
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", quiet | lock, NULL);
}

static void mask_paths(void)
{
	static const char *const hidden[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug",
		"/proc/latency_stats", "/proc/acpi", "/proc/scsi", "/sys/firmware" };
	static const char *const locked[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };
	struct stat info;
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		if (stat(hidden[i], &info))
			continue;
		if (S_ISDIR(info.st_mode))
			mount("tmpfs", hidden[i], "tmpfs", MS_RDONLY, "size=0");
		else
			mount("/dev/null", hidden[i], NULL, MS_BIND, NULL);
	}
	for (size_t i = 0; i < sizeof locked / sizeof *locked; i++)
		if (mount(locked[i], locked[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			mount(NULL, locked[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
}

static void place(struct launch *launch, struct planned *plan, bool needed)
{
	char what[180];
	int made = plan->directory ? make_directories(plan->destination, 0755) : make_file(plan->destination);
	if (made == 0 && syscall(SYS_move_mount, plan->tree, "", AT_FDCWD, plan->destination, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
		return;
	snprintf(what, sizeof what, "mounting at %s", plan->destination);
	if (needed)
		child_fail(launch->report, what);
}

void container_child(struct launch *launch)
{
	static struct planned plans[MAX_MOUNTS];
	char path[600];
	int root_flags = tlv_u64(launch->body, TAG_READ_ONLY, 0) != 0;
	bool privileged = tlv_u64(launch->body, TAG_PRIVILEGED, 0) != 0;
	if (launch->cgroup) {
		snprintf(path, sizeof path, "%s/cgroup.procs", launch->cgroup);
		if (write_text(path, "0"))
			child_fail(launch->report, "joining the container's cgroup");
	}
	if (unshare(CLONE_NEWCGROUP) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		child_fail(launch->report, FAILED);
	mount_root(launch);
	int count = plan_mounts(launch, plans);
	/* Devpts of the guest is where the terminal lives; the container sees its end as /dev/console. */
	int shm = open("/dev/shm", O_PATH | O_CLOEXEC), shared = clone_tree(shm, false);
	if (chdir("/run/amphora/root") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		child_fail(launch->report, "changing the root");
	mount_kernel(launch, privileged);
	mount_devices(launch);
	syscall(SYS_move_mount, shared, "", AT_FDCWD, "/dev/shm", MOVE_MOUNT_F_EMPTY_PATH);
	for (int i = 0; i < count; i++)
		place(launch, &plans[i], i >= 3);
	if (!privileged)
		mask_paths();
	if (root_flags && mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
		child_fail(launch->report, "making the root read-only");
	child_exec(launch);
}
