/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define SETTLED_MS 50
#define INDEX_PATH_SIZE (sizeof("lists/") + ID_TEXT_SIZE)

/* What a file begins with; the pairs follow. */
struct head {
	uint64_t inode;
	int64_t seconds, nanoseconds;
	uint64_t count;
};

static void index_path(uint64_t id, char path[INDEX_PATH_SIZE])
{
	memcpy(path, "lists/", sizeof("lists/"));
	text_format_id(id, path + strlen(path));
}

static bool describes(const struct head *head, const struct stat *st)
{
	return head->inode == st->st_ino && head->seconds == st->st_mtim.tv_sec &&
	       head->nanoseconds == st->st_mtim.tv_nsec;
}

static int read_whole(int fd, char *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, buf + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOENT;
		have += (size_t)n;
	}
	return 0;
}

int index_read(const struct hierarchy *h, uint64_t id, int dir, struct index *ret_index)
{
	char path[INDEX_PATH_SIZE];
	autoindex struct index index = {0};
	autoclose int fd = -EBADF;
	struct stat st, dir_st;
	struct head head;
	int r;

	index_path(id, path);
	fd = openat(h->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Not there, spoilt, or not for this caller: it is a cache. */
	if (fd < 0 || fstat(fd, &st) < 0 || fstat(dir, &dir_st) < 0)
		return -ENOENT;
	if (st.st_size < (off_t)sizeof(head) || read_whole(fd, (char *)&head, sizeof(head)) < 0 ||
	    !describes(&head, &dir_st))
		return -ENOENT;
	index.len = (size_t)st.st_size - sizeof(head);
	index.count = head.count;
	index.text = malloc(index.len + 1);
	if (!index.text)
		return -ENOMEM;
	r = read_whole(fd, index.text, index.len);
	if (r < 0 || index.len == 0 || index.text[index.len - 1] != '\0')
		return -ENOENT;
	*ret_index = index;
	index.text = NULL;
	return 0;
}

int index_begin(int dir, struct index *ret_index)
{
	struct index index = {0};
	struct timespec now;
	struct stat st;
	int64_t age;

	if (fstat(dir, &st) < 0)
		return -errno;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	age = (now.tv_sec - st.st_mtim.tv_sec) * 1000 +
	      (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000;
	index.changed = st.st_mtim;
	index.settled = age > SETTLED_MS;
	*ret_index = index;
	return 0;
}

int index_add(struct index *index, const char *name, const char *record)
{
	size_t name_size = strlen(name) + 1, record_size = strlen(record) + 1;
	size_t needed = index->len + name_size + record_size;

	if (needed > index->room) {
		char *grown = realloc(index->text, 2 * needed);

		if (!grown)
			return -ENOMEM;
		index->text = grown;
		index->room = 2 * needed;
	}
	memcpy(index->text + index->len, name, name_size);
	memcpy(index->text + index->len + name_size, record, record_size);
	index->len = needed;
	index->count++;
	return 0;
}

static int write_file(int fd, const struct head *head, const struct index *index)
{
	if (write(fd, head, sizeof(*head)) != (ssize_t)sizeof(*head) ||
	    write(fd, index->text, index->len) != (ssize_t)index->len)
		return -EIO;
	return 0;
}

/* The signal that a write beyond the limit brings would end the lister. */
static bool has_room(size_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= size;
}

/* O_TMPFILE is not on all file systems; the pid keeps two listers apart. */
void index_keep(const struct hierarchy *h, uint64_t id, int dir, const struct index *index)
{
	char path[INDEX_PATH_SIZE], temporary[INDEX_PATH_SIZE + 24];
	struct head head = {
		.seconds = index->changed.tv_sec,
		.nanoseconds = index->changed.tv_nsec,
		.count = index->count,
	};
	autoclose int fd = -EBADF;
	struct stat st;

	if (!index->settled || index->count < INDEX_MINIMUM || fstat(dir, &st) < 0 ||
	    !has_room(sizeof(head) + index->len))
		return;
	head.inode = st.st_ino;
	if (!describes(&head, &st))
		return;
	index_path(id, path);
	snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	if (mkdirat(h->dir, "lists", 0700) < 0 && errno != EEXIST)
		return;
	fd = openat(h->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (write_file(fd, &head, index) < 0 || renameat(h->dir, temporary, h->dir, path) < 0)
		unlinkat(h->dir, temporary, 0);
}

bool index_next(const struct index *index, size_t *position, const char **ret_name,
		const char **ret_record)
{
	const char *name = index->text + *position;
	size_t name_size, record_size;

	if (*position >= index->len)
		return false;
	/* The text ends with a NUL, so neither length runs past it. */
	name_size = strlen(name) + 1;
	if (*position + name_size >= index->len)
		return false;
	record_size = strlen(name + name_size) + 1;
	*ret_name = name;
	*ret_record = name + name_size;
	*position += name_size + record_size;
	return true;
}

void index_free(struct index *index)
{
	free(index->text);
	index->text = NULL;
}
