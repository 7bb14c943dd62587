/* SPDX-License-Identifier: MIT */
#include "vmm/inspect/guest_map.h"

#include <string.h>

#include "abi/layout.h"

#define ENTRIES_MAX 1024u
#define TEXT_MAX    4096u

static const void *translate(const struct guest_map *m, uint64_t gva, size_t len)
{
	if (gva >= CAY_DIRECT_GVA && gva - CAY_DIRECT_GVA < CAY_RAM_MAX_BYTES)
		return gmem_ptr(m->mem, gva - CAY_DIRECT_GVA, len);
	if (gva >= CAY_KERNEL_GVA && gva - CAY_KERNEL_GVA < CAY_KERNEL_SPAN)
		return gmem_ptr(m->mem, CAY_KERNEL_GPA + CAY_KERNEL_OFFSET(gva), len);
	return NULL;
}

bool guest_read(struct guest_map *m, uint64_t gva, void *to, size_t len)
{
	const void *from;

	if (m->budget == 0)
		return false;
	m->budget--; /* also for what is not there: a walk over nothing must end, too */
	from = translate(m, gva, len);
	if (from == NULL)
		return false;
	memcpy(to, from, len);
	return true;
}

static bool load_entry(struct guest_map *m, uint64_t gva)
{
	struct cay_map_entry e;

	if (!guest_read(m, gva, &e, sizeof(e)))
		return false;
	if (e.id > CAY_MAP_NONE && e.id < CAY_MAP_NR) {
		m->entry[e.id].known = true;
		m->entry[e.id].bytes = e.bytes;
		m->entry[e.id].value = e.value;
	}
	return true;
}

bool guest_map_load(struct guest_map *m, const struct gmem *mem, const struct cay_stats *stats)
{
	uint64_t gva = READ_ONCE(stats->map_gva);
	uint32_t nr = READ_ONCE(stats->map_nr);

	memset(m, 0, sizeof(*m));
	m->mem = mem;
	m->budget = GUEST_MAP_BUDGET;
	if (gva == 0 || nr == 0 || nr > ENTRIES_MAX)
		return false;
	for (uint32_t i = 0; i < nr; i++)
		if (!load_entry(m, gva + i * sizeof(struct cay_map_entry)))
			return false;
	return m->entry[CAY_MAP_PROCESSES].known;
}

uint64_t guest_at(const struct guest_map *m, uint64_t base, enum cay_map_id member)
{
	return base != 0 && m->entry[member].known ? base + m->entry[member].value : 0;
}

uint64_t guest_outer(const struct guest_map *m, uint64_t member_at, enum cay_map_id member)
{
	return member_at != 0 && m->entry[member].known ? member_at - m->entry[member].value : 0;
}

uint64_t guest_number(struct guest_map *m, uint64_t base, enum cay_map_id member)
{
	uint32_t bytes = m->entry[member].bytes;
	uint64_t v = 0; /* both sides are little-endian */

	if (bytes == 0 || bytes > sizeof(v) || !guest_read(m, guest_at(m, base, member), &v, bytes))
		return 0;
	return v;
}

uint64_t guest_value(const struct guest_map *m, enum cay_map_id id)
{
	return m->entry[id].value;
}

uint64_t guest_pointer(struct guest_map *m, uint64_t gva)
{
	uint64_t v;

	return guest_read(m, gva, &v, sizeof(v)) ? v : 0;
}

void guest_text(struct guest_map *m, uint64_t gva, size_t len, char *to, size_t room)
{
	char raw[64];
	size_t n = 0;

	len = MIN(MIN(len, room - 1), (size_t)TEXT_MAX);
	while (n < len) {
		/* Not over the end of a page: the next one may not be there. */
		size_t piece = MIN(MIN(len - n, sizeof(raw)), (size_t)(CAY_PAGE_BYTES - (gva + n) % CAY_PAGE_BYTES));

		if (!guest_read(m, gva + n, raw, piece))
			break;
		for (size_t i = 0; i < piece; i++, n++) {
			if (raw[i] == '\0') {
				to[n] = '\0';
				return;
			}
			to[n] = (char)(raw[i] >= 0x20 && raw[i] < 0x7f ? raw[i] : '?');
		}
	}
	to[n] = '\0';
}

void guest_list(struct guest_map *m, uint64_t head, enum cay_map_id link, unsigned max,
		bool (*fn)(struct guest_map *m, uint64_t at, void *ctx), void *ctx)
{
	uint64_t at = guest_pointer(m, head);

	for (unsigned i = 0; i < max && at != 0 && at != head; i++) {
		if (!fn(m, guest_outer(m, at, link), ctx))
			return;
		at = guest_pointer(m, at);
	}
}
