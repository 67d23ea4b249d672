/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made.h"

#include <search.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "cleanup.h"

#define LINKS_MAX 10000

struct file {
	dev_t dev;
	ino_t ino;
};

static int compare(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

void made_add(struct made *m, const struct stat *st)
{
	struct file *file = malloc(sizeof(*file));
	void *node;

	if (!file)
		return;
	*file = (struct file){st->st_dev, st->st_ino};
	node = tsearch(file, &m->files, compare);
	if (!node || *(struct file **)node != file)
		free(file);
}

bool made_has(const struct made *m, const struct stat *st)
{
	const struct file file = {st->st_dev, st->st_ino};

	return tfind(&file, &m->files, compare);
}

void made_add_link(struct made *m, const struct stat *st, int *fd)
{
	struct made_link *grown;
	struct rlimit limit;

	/* The other half of the fds is for going on. */
	if (st->st_nlink < 2 || m->link_count == LINKS_MAX ||
	    getrlimit(RLIMIT_NOFILE, &limit) < 0 || (rlim_t)*fd > limit.rlim_cur / 2)
		return;
	grown = realloc(m->links, (m->link_count + 1) * sizeof(*grown));
	if (!grown)
		return;
	m->links = grown;
	m->links[m->link_count++] =
		(struct made_link){st->st_dev, st->st_ino, st->st_nlink - 1, take_fd(fd)};
}

struct made_link *made_find_link(const struct made *m, const struct stat *st)
{
	for (size_t i = m->link_count; i > 0; i--)
		if (m->links[i - 1].ino == st->st_ino && m->links[i - 1].dev == st->st_dev)
			return &m->links[i - 1];
	return NULL;
}

void made_use_link(struct made *m, struct made_link *link)
{
	if (--link->left > 0)
		return;
	close_fd(&link->fd);
	*link = m->links[--m->link_count];
}

void made_forget_links(struct made *m)
{
	for (size_t i = 0; i < m->link_count; i++)
		close_fd(&m->links[i].fd);
	m->link_count = 0;
}

void made_free(struct made *m)
{
	made_forget_links(m);
	free(m->links);
	tdestroy(m->files, free);
	*m = (struct made){.files = NULL};
}
