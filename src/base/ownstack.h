/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stack that is deep enough for all that a program of ours does: the containers of a hierarchy and the
 * directories of a tree are walked by functions that call themselves. A process may have been given less
 * (ulimit -s), and its child gets no more than is left; to raise the limit may be forbidden, and what is started
 * would inherit it.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define OWN_STACK_SIZE ((size_t)8 << 20)
#define OWN_STACK_GUARD 65536 /* the largest page */

static inline bool own_stack_is_needed(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < OWN_STACK_SIZE;
}

/* fn(arg) with the stack pointer at top, a multiple of 16. The old one is in a register that fn preserves. */
static __attribute__((noinline, unused)) int own_stack_switch(char *top, int (*fn)(void *arg),
							      void *arg)
{
#if defined(__x86_64__)
	int ret;

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "call *%[fn]\n\t"
			 "mov %%rbx, %%rsp"
			 : "=a"(ret), "+D"(arg)
			 : [top] "r"(top), [fn] "r"(fn)
			 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1",
			   "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
			   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
	return ret;
#elif defined(__aarch64__)
	register long ret __asm__("x0") = (long)arg;

	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, %[top]\n\t"
			 "blr %[fn]\n\t"
			 "mov sp, x19"
			 : "+r"(ret)
			 : [top] "r"(top), [fn] "r"(fn)
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			   "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x30", "v0",
			   "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19",
			   "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
			   "v30", "v31", "memory", "cc");
	return (int)ret;
#else
#error "a stack of its own is written for x86-64 and arm64 only"
#endif
}

/* The address sanitizer wants to know of each stack. */
#ifdef __SANITIZE_ADDRESS__
void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **ret_old, size_t *ret_old_size);
#define own_stack_leave __sanitizer_start_switch_fiber
#define own_stack_arrive __sanitizer_finish_switch_fiber
#else
static inline void own_stack_leave(void **fake_stack, const void *bottom, size_t size)
{
	(void)fake_stack;
	(void)bottom;
	(void)size;
}

static inline void own_stack_arrive(void *fake_stack, const void **ret_old, size_t *ret_old_size)
{
	(void)fake_stack;
	(void)ret_old;
	(void)ret_old_size;
}
#endif

struct own_stack_call {
	int (*fn)(void *arg);
	void *arg;
	int result;
};

static inline int own_stack_call_run(void *arg)
{
	struct own_stack_call *call = arg;
	const void *old = NULL;
	void *fake_stack = NULL;
	size_t old_size = 0;

	own_stack_arrive(NULL, &old, &old_size);
	call->result = call->fn(call->arg);
	own_stack_leave(&fake_stack, old, old_size);
	return 0;
}

/* 0, and what fn returned; -errno: there is no memory for it. It is given back. */
static inline int own_stack_run(int (*fn)(void *arg), void *arg, int *ret_result)
{
	const size_t size = OWN_STACK_GUARD + OWN_STACK_SIZE;
	char *all = mmap(NULL, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	struct own_stack_call call = {.fn = fn, .arg = arg};
	void *fake_stack = NULL;
	int r = all == MAP_FAILED ? -errno : 0;

	if (r == 0 && mprotect(all + OWN_STACK_GUARD, OWN_STACK_SIZE, PROT_READ | PROT_WRITE) < 0)
		r = -errno;
	if (r == 0) {
		own_stack_leave(&fake_stack, all + OWN_STACK_GUARD, OWN_STACK_SIZE);
		own_stack_switch(all + size, own_stack_call_run, &call);
		own_stack_arrive(fake_stack, NULL, NULL);
		*ret_result = call.result;
	}
	if (all != MAP_FAILED)
		munmap(all, size);
	return r;
}

struct own_stack_main {
	int argc;
	char **argv;
	int (*run)(int argc, char **argv);
};

static inline int own_stack_main_run(void *arg)
{
	const struct own_stack_main *m = arg;

	return m->run(m->argc, m->argv);
}

/* For main(): run(argc, argv), there if the process's own is small. Returns what own_stack_run() does. */
static inline int own_stack_main(int (*run)(int argc, char **argv), int argc, char **argv,
				 int *ret_status)
{
	struct own_stack_main m = {argc, argv, run};

	if (own_stack_is_needed())
		return own_stack_run(own_stack_main_run, &m, ret_status);
	*ret_status = run(argc, argv);
	return 0;
}
