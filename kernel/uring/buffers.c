/* SPDX-License-Identifier: MIT */
/*
 * buffers.c - groups of buffers of which the kernel takes one when data has come (IOSQE_BUFFER_SELECT). Given by
 * PROVIDE_BUFFERS, or in a ring in the program's memory, whose tail the program writes and whose head is ours.
 */
#include <errno.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/uring/uring_priv.h"
#include "lib/string.h"

#define GROUP_MAX    65536u
#define RING_ENTRIES 32768u
#define GROUPS_MAX   1024u
#define TAIL_OFFSET  offsetof(struct io_uring_buf_ring, tail)

_Static_assert(sizeof(struct io_uring_buf) == 16, "the program's format");

static struct uring_group *find(struct uring *ring, uint16_t id)
{
	list_for_each (g, &ring->groups, link, struct uring_group)
		if (g->id == id)
			return g;
	return NULL;
}

static struct uring_group *create(struct uring *ring, uint16_t id)
{
	struct uring_group *g;
	unsigned nr = 0;

	list_for_each (it, &ring->groups, link, struct uring_group)
		nr++;
	g = nr < GROUPS_MAX ? kzalloc(sizeof(*g)) : NULL;
	if (g == NULL)
		return NULL;
	g->id = id;
	list_push_back(&ring->groups, &g->link);
	return g;
}

static void destroy(struct uring_group *g)
{
	list_remove(&g->link);
	kfree(g->stack);
	kfree(g);
}

void groups_free(struct uring *ring)
{
	while (!list_empty(&ring->groups))
		destroy(list_first(&ring->groups, struct uring_group, link));
}

static int take_from_ring(struct uring_group *g, struct uring_buffer *out)
{
	struct io_uring_buf buf;
	uint16_t tail;

	if (copy_from_user(&tail, (const void *)(g->ring_addr + TAIL_OFFSET), sizeof(tail)) != 0)
		return -ENOBUFS;
	if (tail == g->ring_head)
		return -ENOBUFS;
	if (copy_from_user(&buf, (const void *)(g->ring_addr + (size_t)(g->ring_head & g->ring_mask) * sizeof(buf)),
			   sizeof(buf)) != 0)
		return -ENOBUFS;
	g->ring_head++;
	*out = (struct uring_buffer){.addr = buf.addr, .len = buf.len, .id = buf.bid};
	return 0;
}

int group_take(struct uring_req *r, uint32_t *len)
{
	struct uring_group *g = find(r->ring, r->group);
	int err = 0;

	if (g == NULL)
		return -ENOBUFS;
	if (g->ring_addr != 0)
		err = take_from_ring(g, &r->buffer);
	else if (g->nr > 0)
		r->buffer = g->stack[--g->nr];
	else
		err = -ENOBUFS;
	if (err != 0)
		return err;
	r->has_buffer = true;
	if (*len == 0 || *len > r->buffer.len)
		*len = r->buffer.len;
	return 0;
}

/* Nothing came for it. Of a ring the head goes back: nobody has taken another one since, or that one went first. */
void group_give_back(struct uring_req *r)
{
	struct uring_group *g = find(r->ring, r->group);

	r->has_buffer = false;
	if (g == NULL)
		return;
	if (g->ring_addr != 0)
		g->ring_head--;
	else if (g->nr < g->room)
		g->stack[g->nr++] = r->buffer;
}

int group_provide(struct uring *ring, uint16_t id, uint64_t addr, uint32_t len, unsigned nr, unsigned first_id)
{
	struct uring_group *g = find(ring, id);

	if (len == 0 || first_id + nr > GROUP_MAX)
		return len == 0 ? -EINVAL : -E2BIG;
	if (g == NULL)
		g = create(ring, id);
	if (g == NULL)
		return -ENOMEM;
	if (g->ring_addr != 0)
		return -EINVAL;
	if (g->nr + nr > GROUP_MAX)
		return -EOVERFLOW;
	if (g->nr + nr > g->room) {
		unsigned room = MAX(g->nr + nr, 2 * g->room);
		struct uring_buffer *stack = krealloc(g->stack, room * sizeof(*stack));
		if (stack == NULL)
			return -ENOMEM;
		g->stack = stack;
		g->room = room;
	}
	/* They are taken in the order in which they were given; those that are left stay in front. */
	memmove(g->stack + nr, g->stack, g->nr * sizeof(*g->stack));
	for (unsigned i = 0; i < nr; i++)
		g->stack[nr - 1 - i] = (struct uring_buffer){
			.addr = addr + (uint64_t)i * len, .len = len, .id = (uint16_t)(first_id + i)};
	g->nr += nr;
	return 0;
}

int group_remove(struct uring *ring, uint16_t id, unsigned nr)
{
	struct uring_group *g = find(ring, id);

	if (g == NULL)
		return -ENOENT;
	if (g->ring_addr != 0)
		return -EINVAL;
	nr = MIN(nr, g->nr);
	g->nr -= nr;
	return (int)nr;
}

static int read_ring_description(struct io_uring_buf_reg *reg, const void *arg_user)
{
	if (copy_from_user(reg, arg_user, sizeof(*reg)) != 0)
		return -EFAULT;
	return reg->pad != 0 || reg->resv[0] != 0 || reg->resv[1] != 0 || reg->resv[2] != 0 ? -EINVAL : 0;
}

int group_register_ring(struct uring *ring, const void *arg_user)
{
	struct io_uring_buf_reg reg;
	int err = read_ring_description(&reg, arg_user);
	struct uring_group *g;

	if (err != 0)
		return err;
	if (reg.ring_addr == 0)
		return -EFAULT;
	if ((reg.ring_addr & (PAGE_SIZE - 1)) != 0 || reg.ring_entries == 0 ||
	    (reg.ring_entries & (reg.ring_entries - 1)) != 0 || reg.ring_entries > RING_ENTRIES)
		return -EINVAL;
	g = find(ring, reg.bgid);
	if (g != NULL && (g->ring_addr != 0 || g->nr > 0))
		return -EEXIST;
	if (g == NULL)
		g = create(ring, reg.bgid);
	if (g == NULL)
		return -ENOMEM;
	g->ring_addr = reg.ring_addr;
	g->ring_mask = (uint16_t)(reg.ring_entries - 1);
	g->ring_head = 0;
	return 0;
}

int group_unregister_ring(struct uring *ring, const void *arg_user)
{
	struct io_uring_buf_reg reg;
	int err = read_ring_description(&reg, arg_user);
	struct uring_group *g;

	if (err != 0)
		return err;
	g = find(ring, reg.bgid);
	if (g == NULL)
		return -ENOENT;
	if (g->ring_addr == 0)
		return -EINVAL;
	destroy(g);
	return 0;
}
