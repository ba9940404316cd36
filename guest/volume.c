/* Volumes below /volumes: made here (scratch, files) or shared by the host (virtiofs). */
#include "amphora.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_plain_name(const char *name)
{
	return name && name[0] && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int make_scratch(const char *name, const char *path)
{
	char source[400];
	snprintf(source, sizeof source, "/data/volumes/%s", name);
	if (make_directories(source, 0755) || chmod(source, 0777))
		return errno;
	return mount(source, path, NULL, MS_BIND, NULL) ? errno : 0;
}

int volume_make(struct span body, char *why, size_t room)
{
	char path[400], options[80], *name = tlv_text(body, TAG_NAME), *kind = tlv_text(body, TAG_KIND);
	uint64_t size = tlv_u64(body, TAG_SIZE, 0);
	if (!is_plain_name(name) || !kind)
		return EINVAL;
	snprintf(why, room, "making volume %s", name);
	snprintf(path, sizeof path, "/volumes/%s", name);
	if (mkdir(path, 0755))
		return errno == EEXIST ? 0 : errno;
	if (strcmp(kind, "disk") == 0)
		return make_scratch(name, path);
	if (strcmp(kind, "share") == 0) {
		char *tag = tlv_text(body, TAG_SHARE);
		return mount(tag ? tag : "", path, "virtiofs", 0, NULL) ? errno : 0;
	}
	bool files = strcmp(kind, "files") == 0;
	snprintf(options, sizeof options, size ? "mode=%s,size=%llu" : "mode=%s", files ? "755" : "1777", (unsigned long long)size);
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) ? errno : 0;
}

/* The place of a relative path in a `files` volume, which only the host writes; it cannot climb out. */
static int place_of(struct span body, char *path, size_t room)
{
	char *volume = tlv_text(body, TAG_NAME), *below = tlv_text(body, TAG_PATH);
	if (!is_plain_name(volume) || !below || below[0] == '/' || !below[0])
		return EINVAL;
	for (char *part = below; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0))
			return EINVAL;
	}
	return snprintf(path, room, "/volumes/%s/%s", volume, below) >= (int)room ? ENAMETOOLONG : 0;
}

static int put_file(const char *path, struct span data, mode_t mode)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return errno;
	while (data.size > 0) {
		ssize_t put = write(file, data.at, data.size);
		if (put <= 0) {
			int error = errno;
			close(file);
			return error;
		}
		data.at += put;
		data.size -= (size_t)put;
	}
	fchmod(file, mode);
	close(file);
	return 0;
}

int volume_put(struct span body)
{
	char path[4096], temporary[4200], *target = tlv_text(body, TAG_TARGET);
	struct span data;
	mode_t mode = (mode_t)tlv_u64(body, TAG_MODE, 0644) & 07777;
	int error = place_of(body, path, sizeof path);
	if (error)
		return error;
	snprintf(temporary, sizeof temporary, "%s.amphora-new", path);
	if (target) {
		unlink(temporary);
		if (symlink(target, temporary))
			return errno;
	} else if (tlv_find(body, TAG_DATA, &data)) {
		error = put_file(temporary, data, mode);
		if (error)
			return error;
	} else {
		if (mkdir(path, 0755) && errno != EEXIST)
			return errno;
		chmod(path, mode);
		return lchown(path, (uid_t)tlv_u64(body, TAG_UID, 0), (gid_t)tlv_u64(body, TAG_GID, 0)) ? errno : 0;
	}
	if (lchown(temporary, (uid_t)tlv_u64(body, TAG_UID, 0), (gid_t)tlv_u64(body, TAG_GID, 0)))
		return errno;
	return rename(temporary, path) ? errno : 0;
}

int volume_prune(struct span body)
{
	char path[4096];
	int error = place_of(body, path, sizeof path);
	if (!error)
		remove_tree(path);
	return error;
}

static void remove_inside(int parent, const char *name, int depth)
{
	struct dirent *entry;
	if (unlinkat(parent, name, 0) == 0 || depth > 512)
		return;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_inside(fd, entry->d_name, depth + 1);
	if (directory)
		closedir(directory);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void remove_tree(const char *path)
{
	remove_inside(AT_FDCWD, path, 0);
}
