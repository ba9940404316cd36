/* From the kernel's hands to a root that pivot_root can leave: mounts, modules, disks, configuration, power off. */
#include "amphora.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* /modules/list holds the file names in the order of their dependencies. */
static void load_modules(void)
{
	static char list[8192];
	char path[300], *rest = list, *name;
	read_text("/modules/list", list, sizeof list);
	while ((name = strsep(&rest, "\n"))) {
		if (!*name)
			continue;
		snprintf(path, sizeof path, "/modules/%s", name);
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0 || (syscall(SYS_finit_module, file, "", 0) && errno != EEXIST))
			dprintf(2, "amphora: module %s: %s\n", name, strerror(errno));
		close(file);
		unlink(path);
	}
}

static void must_mount(const char *type, const char *path, unsigned long flags, const char *options)
{
	mkdir(path, 0755);
	if (mount(type, path, type, flags, options))
		dprintf(2, "amphora: mounting %s at %s: %s\n", type, path, strerror(errno));
}

/* The initramfs is the one root that pivot_root refuses to leave: move to a tmpfs. */
static void leave_initramfs(void)
{
	must_mount("tmpfs", "/new", 0, "mode=755");
	if (chdir("/new") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		dprintf(2, "amphora: changing the root: %s\n", strerror(errno));
}

void boot(void)
{
	static const char *const directories[] = { "/images", "/volumes", "/data", "/run", "/tmp", "/etc" };
	struct rlimit files = { 1048576, 1048576 };
	umask(0);
	load_modules();
	unlink("/init");
	leave_initramfs();
	must_mount("proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
	must_mount("sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
	must_mount("devtmpfs", "/dev", MS_NOSUID, "mode=755");
	must_mount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666,mode=0620,gid=5");
	must_mount("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	must_mount("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NOEXEC | MS_NODEV, "nsdelegate");
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		mkdir(directories[i], 0755);
	make_directories("/run/amphora/root", 0755);
	make_directories("/run/amphora/etc", 0755);
	setrlimit(RLIMIT_NOFILE, &files);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	cgroup_init();
}

/* /dev path of the disk with this serial number; false when none appears. */
static bool find_disk(const char *serial, char *path, size_t room)
{
	for (int tries = 0; tries < 1000; tries++) {
		char name[300], text[64];
		DIR *disks = opendir("/sys/block");
		struct dirent *entry;
		bool found = false;
		while (disks && !found && (entry = readdir(disks))) {
			snprintf(name, sizeof name, "/sys/block/%s/serial", entry->d_name);
			found = read_text(name, text, sizeof text) > 0 && strcmp(text, serial) == 0;
			if (found)
				snprintf(path, room, "/dev/%s", entry->d_name);
		}
		if (disks)
			closedir(disks);
		if (found && access(path, F_OK) == 0)
			return true;
		usleep(1000);
	}
	return false;
}

static int mount_image(struct span body, char *why, size_t room)
{
	char disk[300], path[300], *serial = tlv_text(body, TAG_SERIAL), *format = tlv_text(body, TAG_FORMAT);
	if (!serial || !format || strchr(serial, '/'))
		return EINVAL;
	snprintf(why, room, "mounting image disk %s", serial);
	snprintf(path, sizeof path, "/images/%s", serial);
	if (mkdir(path, 0755))
		return errno == EEXIST ? 0 : errno;
	if (!find_disk(serial, disk, sizeof disk))
		return ENODEV;
	return mount(disk, path, format, MS_RDONLY, NULL) ? errno : 0;
}

static int mount_data(const char *serial, char *why, size_t room)
{
	char disk[300];
	struct stat info;
	snprintf(why, room, "mounting the scratch disk");
	if (stat("/data/containers", &info) == 0)
		return 0;
	/* noinit_itable: a short-lived disk need not be zeroed in the background. */
	if (serial && (!find_disk(serial, disk, sizeof disk) || mount(disk, "/data", "ext4", MS_NOATIME, "noinit_itable")))
		return errno ? errno : ENODEV;
	mkdir("/data/volumes", 0755);
	return mkdir("/data/containers", 0755) ? errno : 0;
}

static void write_file(const char *path, struct span data)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	write(file, data.at, data.size);
	close(file);
}

static int write_line(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int done = file < 0 ? -1 : dprintf(file, "%s\n", text);
	close(file);
	return done < 0 ? -1 : 0;
}

static int set_sysctl(struct span body, char *why, size_t room)
{
	char path[300], *name = tlv_text(body, TAG_NAME), *value = tlv_text(body, TAG_VALUE);
	if (!name || !value || strstr(name, ".."))
		return EINVAL;
	snprintf(why, room, "setting sysctl %s", name);
	for (char *at = name; *at; at++)
		if (*at == '.')
			*at = '/';
	snprintf(path, sizeof path, "/proc/sys/%s", name);
	return write_text(path, value) ? errno : 0;
}

int configure(struct span body, char *why, size_t room)
{
	char *hostname = tlv_text(body, TAG_HOSTNAME), *scratch = tlv_text(body, TAG_SCRATCH);
	uint16_t tag;
	struct span value, rest = body;
	int error = mount_data(scratch, why, room);
	if (hostname && (sethostname(hostname, strlen(hostname)) || write_line("/run/amphora/etc/hostname", hostname)))
		return errno;
	while (!error && tlv_next(&rest, &tag, &value))
		switch (tag) {
		case TAG_RESOLV: write_file("/run/amphora/etc/resolv.conf", value); break;
		case TAG_HOSTS: write_file("/run/amphora/etc/hosts", value); break;
		case TAG_SYSCTL: error = set_sysctl(value, why, room); break;
		case TAG_INTERFACE: error = network_configure(value, why, room); break;
		case TAG_ROOT: error = mount_image(value, why, room); break;
		case TAG_VOLUME: error = volume_make(value, why, room); break;
		default: break;
		}
	free(hostname);
	free(scratch);
	return error;
}

void power_off(void)
{
	process_kill_all();
	sync();
	reboot(RB_POWER_OFF);
}
