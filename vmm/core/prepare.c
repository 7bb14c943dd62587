/* SPDX-License-Identifier: MIT */
#include "vmm/core/prepare.h"

#include <string.h>

#include "abi/layout.h"
#include "vmm/backend/backend.h"
#include "vmm/cli/detach.h"
#include "vmm/cli/run_options.h"
#include "vmm/control/control.h"
#include "vmm/core/log.h"
#include "vmm/load/kernel_file.h"

static void put(void *mem, uint64_t offset, const void *src, uint64_t bytes)
{
	gmem_put(mem, CAY_KERNEL_GPA + offset, src, bytes);
}

static int load_image(struct preparation *p)
{
	int err = kernel_image_choose(&p->image);

	if (err != 0)
		return err;
	if (p->vm->mem.fd < 0) /* else the copy makes pages more cheaply */
		gmem_populate_start(&p->vm->mem);
	kernel_image_copy(&p->image, put, &p->vm->mem);
	if (p->vm->mem.fd >= 0)
		gmem_populate_start(&p->vm->mem);
	kernel_image_put_away(&p->image);
	return 0;
}

static void *prepare_main(void *arg)
{
	struct preparation *p = arg;

	p->err = p->cpu_err = p->vm->backend->cpu_probe(p->vm);
	if (p->err == 0)
		p->err = load_image(p);
	return NULL;
}

void prepare_start(struct preparation *p, struct vm *vm)
{
	memset(p, 0, sizeof(*p));
	p->vm = vm;
	p->threaded = pthread_create(&p->thread, NULL, prepare_main, p) == 0;
	if (!p->threaded)
		prepare_main(p);
}

int prepare_finish(struct preparation *p)
{
	if (p->threaded)
		pthread_join(p->thread, NULL);
	return p->err;
}

int prepare_sandbox(struct preparation *p)
{
	const struct run_options *opt = p->vm->opt;
	struct sandbox_path paths[RUN_MOUNTS_MAX + 2];
	const char *what;
	unsigned nr = 0;
	int err;

	for (unsigned i = 0; i < opt->nr_mounts; i++) {
		const struct run_mount *m = &opt->mounts[i];

		if (m->host != NULL)
			paths[nr++] =
				(struct sandbox_path){.path = m->host, .only = m->only, .writable = m->flags == 0};
	}
	/* The entry is to be removed at the end. */
	if (p->vm->control != NULL)
		paths[nr++] = (struct sandbox_path){.path = control_folder_path(p->vm->control), .remove_only = true};
	if (detach_folder_path(opt->detached) != NULL)
		paths[nr++] = (struct sandbox_path){.path = detach_folder_path(opt->detached), .remove_only = true};
	err = sandbox_prepare(paths, nr, p->vm->backend->needs_shared_memory, &p->sandbox, &what);
	if (err != 0)
		log_error("%s: %s; the sandbox is needed, `cay doctor` says what is missing", what, strerror(-err));
	return err;
}
