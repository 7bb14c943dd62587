/* SPDX-License-Identifier: MIT */
/* test_avl.c - random inserts and removes against a bitmap; balance, order and summaries checked after each. */
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/avl.h"

#define NR 300
static struct item {
	struct avl_node node; /* first */
	int key, sum;
} items[NR];

static int sum_of(const struct avl_node *n)
{
	return n ? ((const struct item *)n)->sum : 0;
}

static void update(struct avl_node *n)
{
	struct item *i = (struct item *)n;

	i->sum = i->key + sum_of(n->left) + sum_of(n->right);
}

static int check(const struct avl_node *n, const struct avl_node *parent)
{
	int l, r;

	if (n == NULL)
		return 0;
	assert_ptr_equal(n->parent, parent);
	l = check(n->left, n);
	r = check(n->right, n);
	assert_in_range(l - r + 1, 0, 2);
	assert_int_equal(n->height, (l > r ? l : r) + 1);
	assert_int_equal(sum_of(n), ((const struct item *)n)->key + sum_of(n->left) + sum_of(n->right));
	return n->height;
}

static void insert(struct avl_tree *t, struct item *i)
{
	struct avl_node **link = &t->root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = i->key < ((struct item *)parent)->key ? &parent->left : &parent->right;
	}
	avl_insert(t, &i->node, parent, link);
}

static void test_random(void **state)
{
	struct avl_tree t = {.update = update};
	bool in[NR] = {0};

	(void)state;
	srand(1);
	for (int i = 0; i < NR; i++)
		items[i].key = i;
	for (int step = 0; step < 20000; step++) {
		int k = rand() % NR, expect = 0;
		const struct avl_node *n, *last = NULL;

		if (in[k])
			avl_remove(&t, &items[k].node);
		else
			insert(&t, &items[k]);
		in[k] = !in[k];
		check(t.root, NULL);
		n = avl_first(&t);
		for (int i = 0; i < NR; i++) {
			if (!in[i])
				continue;
			assert_ptr_equal(n, &items[i].node);
			assert_ptr_equal(avl_prev(n), last);
			last = n;
			n = avl_next(n);
			expect += i;
		}
		assert_null(n);
		assert_ptr_equal(avl_last(&t), last);
		assert_int_equal(sum_of(t.root), expect);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return RUN_TESTS(tests);
}
