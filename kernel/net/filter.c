/* SPDX-License-Identifier: MIT */
/* filter.c - see filter.h. The machine: an accumulator, an index register, sixteen words; McCanne and Jacobson 1993. */
#include "kernel/net/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include "kernel/mm/kmalloc.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/netif.h"
#include "lib/string.h"

struct net_filter {
	unsigned nr;
	bool locked;
	struct sock_filter insn[];
};

/* ---- checking */

static bool jumps_inside(unsigned pc, uint32_t by, unsigned nr)
{
	return by < nr - pc - 1;
}

/* An instruction by itself. */
static bool is_known(const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
		return i->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return i->k < 32;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LDX | BPF_IMM:
	case BPF_ALU | BPF_NEG:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_JMP | BPF_JA:
		return true;
	}
	if (BPF_CLASS(i->code) == BPF_JMP)
		return !(i->code & ~0x7f) && BPF_OP(i->code) <= BPF_JSET;
	return BPF_CLASS(i->code) == BPF_ALU && !(i->code & ~0xff) && BPF_OP(i->code) <= BPF_XOR &&
	       BPF_OP(i->code) != BPF_NEG;
}

/* Marks in `written`, bit by bit, what is written for certain when an instruction is reached; false: one is read
 * before.
 */
static bool reads_what_was_written(const struct sock_filter *insn, unsigned nr, uint16_t *written)
{
	uint16_t now = 0;

	memset(written, 0xff, nr * sizeof(*written));
	for (unsigned pc = 0; pc < nr; pc++) {
		const struct sock_filter *i = &insn[pc];

		now &= written[pc];
		if (i->code == BPF_ST || i->code == BPF_STX)
			now |= (uint16_t)(1u << i->k);
		else if ((i->code == (BPF_LD | BPF_MEM) || i->code == (BPF_LDX | BPF_MEM)) && !(now >> i->k & 1))
			return false;
		if (BPF_CLASS(i->code) != BPF_JMP)
			continue;
		if (i->code == (BPF_JMP | BPF_JA)) {
			written[pc + 1 + i->k] &= now;
		} else {
			written[pc + 1 + i->jt] &= now;
			written[pc + 1 + i->jf] &= now;
		}
		now = UINT16_MAX; /* what follows is reached by jumps only */
	}
	return true;
}

bool net_filter_is_valid(const struct sock_filter *insn, unsigned nr)
{
	uint16_t *written;
	bool ok;

	if (nr == 0 || nr > BPF_MAXINSNS || BPF_CLASS(insn[nr - 1].code) != BPF_RET)
		return false;
	for (unsigned pc = 0; pc < nr; pc++) {
		const struct sock_filter *i = &insn[pc];

		if (!is_known(i))
			return false;
		if (i->code == (BPF_JMP | BPF_JA) ? !jumps_inside(pc, i->k, nr)
						  : BPF_CLASS(i->code) == BPF_JMP && (!jumps_inside(pc, i->jt, nr) ||
										      !jumps_inside(pc, i->jf, nr)))
			return false;
	}
	written = kmalloc(nr * sizeof(*written));
	if (written == NULL)
		return false;
	ok = reads_what_was_written(insn, nr, written);
	kfree(written);
	return ok;
}

/* ---- running */

/* What Linux offers beside the packet's bytes. */
static bool load_beside(const struct pbuf *p, uint32_t what, uint32_t *v)
{
	switch (what) {
	case SKF_AD_PROTOCOL:
		*v = ipaddr_is_v4(&p->dst) ? ETH_P_IP : ETH_P_IPV6;
		return true;
	case SKF_AD_IFINDEX:
		*v = p->netif != NULL ? (uint32_t)p->netif->index : 0;
		return true;
	case SKF_AD_HATYPE:
		*v = p->netif != NULL && p->netif->flags & IFF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
		return true;
	case SKF_AD_MARK:
	case SKF_AD_VLAN_TAG:
	case SKF_AD_VLAN_TAG_PRESENT:
		*v = 0;
		return true;
	}
	return false;
}

static bool load(const struct pbuf *p, uint32_t at, unsigned bytes, uint32_t *v)
{
	uint8_t b[4];

	if (at > p->len || bytes > p->len - at)
		return false;
	pbuf_copy_out(p, at, b, bytes);
	*v = 0;
	for (unsigned i = 0; i < bytes; i++)
		*v = *v << 8 | b[i];
	return true;
}

static bool compute(uint16_t op, uint32_t *a, uint32_t by)
{
	switch (op) {
	case BPF_ADD:
		*a += by;
		break;
	case BPF_SUB:
		*a -= by;
		break;
	case BPF_MUL:
		*a *= by;
		break;
	case BPF_DIV:
	case BPF_MOD:
		if (by == 0)
			return false;
		*a = op == BPF_DIV ? *a / by : *a % by;
		break;
	case BPF_OR:
		*a |= by;
		break;
	case BPF_AND:
		*a &= by;
		break;
	case BPF_XOR:
		*a ^= by;
		break;
	case BPF_LSH:
		*a <<= by & 31;
		break;
	case BPF_RSH:
		*a >>= by & 31;
		break;
	default:
		*a = 0 - *a; /* BPF_NEG */
	}
	return true;
}

static bool holds(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default:
		return a & b; /* BPF_JSET */
	}
}

static unsigned width(uint16_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* A load into *to. False: beyond the packet's end. */
static bool fetch(const struct sock_filter *i, const struct pbuf *p, uint32_t x, const uint32_t *mem, uint32_t *to)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		if (i->k >= (uint32_t)SKF_AD_OFF)
			return load_beside(p, i->k - (uint32_t)SKF_AD_OFF, to);
		return load(p, i->k, width(i->code), to);
	case BPF_IND:
		return load(p, x + i->k, width(i->code), to);
	case BPF_MSH:
		if (!load(p, i->k, 1, to))
			return false;
		*to = (*to & 15) * 4;
		return true;
	case BPF_LEN:
		*to = p->len;
		return true;
	case BPF_MEM:
		*to = mem[i->k];
		return true;
	default:
		*to = i->k; /* BPF_IMM */
		return true;
	}
}

uint32_t net_filter_run_program(const struct sock_filter *insn, const struct pbuf *p)
{
	uint32_t a = 0, x = 0, mem[BPF_MEMWORDS];

	for (const struct sock_filter *i = insn;; i++) {
		uint32_t by = BPF_SRC(i->code) == BPF_X ? x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (!fetch(i, p, x, mem, &a))
				return 0;
			break;
		case BPF_LDX:
			if (!fetch(i, p, x, mem, &x))
				return 0;
			break;
		case BPF_ST:
			mem[i->k] = a;
			break;
		case BPF_STX:
			mem[i->k] = x;
			break;
		case BPF_ALU:
			if (!compute(BPF_OP(i->code), &a, by))
				return 0;
			break;
		case BPF_JMP:
			i += BPF_OP(i->code) == BPF_JA ? i->k : holds(BPF_OP(i->code), a, by) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		default: /* BPF_MISC */
			*(BPF_MISCOP(i->code) == BPF_TAX ? &x : &a) = BPF_MISCOP(i->code) == BPF_TAX ? a : x;
		}
	}
}

uint32_t net_filter_run(const struct net_filter *f, const struct pbuf *p)
{
	return f == NULL ? p->len : net_filter_run_program(f->insn, p);
}

/* ---- attaching */

bool net_filter_is_option(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_DETACH_FILTER || name == SO_LOCK_FILTER);
}

void net_filter_free(struct net_filter *f)
{
	kfree(f);
}

static int make(const void *value, unsigned len, struct net_filter **out)
{
	struct sock_fprog prog;
	struct net_filter *f;
	int err;

	if (len != sizeof(prog))
		return -EINVAL;
	memcpy(&prog, value, sizeof(prog));
	if (prog.len == 0 || prog.len > BPF_MAXINSNS || prog.filter == NULL)
		return -EINVAL;
	f = kzalloc(sizeof(*f) + prog.len * sizeof(f->insn[0]));
	if (f == NULL)
		return -ENOMEM;
	f->nr = prog.len;
	err = copy_from_user(f->insn, prog.filter, prog.len * sizeof(f->insn[0])) != 0 ? -EFAULT : 0;
	if (err == 0 && !net_filter_is_valid(f->insn, f->nr))
		err = -EINVAL;
	if (err == 0)
		*out = f;
	else
		kfree(f);
	return err;
}

int net_filter_set(struct channel *ch, struct net_filter **slot, int name, const void *value, unsigned len)
{
	struct net_filter *new = NULL, *old = NULL;
	int err = name == SO_ATTACH_FILTER ? make(value, len, &new) : 0;

	if (err != 0)
		return err;
	channel_lock(ch);
	if (*slot != NULL && (*slot)->locked) {
		err = -EPERM;
		old = new;
	} else if (name == SO_LOCK_FILTER) {
		if (*slot != NULL)
			(*slot)->locked = true;
	} else if (name == SO_DETACH_FILTER && *slot == NULL) {
		err = -ENOENT;
	} else {
		old = *slot;
		*slot = new;
	}
	channel_unlock(ch);
	net_filter_free(old);
	return err;
}
