/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The launcher: what stands between the library and a program that a container has made. See
 * core/launch.h. It has no libc and no data; it is executed from a file in memory. fd 3 is the report.
 *
 *   argv: any name, PATH..., "", the program's argv...
 *
 * The first PATH that can be is executed, as by execvp(3). If none can, the negative errno is written to
 * the report.
 */
#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>

#include "launcher.h"

#if defined(__x86_64__)

__asm__(".globl _start\n"
	"_start:\n\t"
	"xor	%ebp, %ebp\n\t"
	"mov	%rsp, %rdi\n\t"
	"and	$-16, %rsp\n\t"
	"call	launch\n");

static long call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)

__asm__(".globl _start\n"
	"_start:\n\t"
	"mov	x29, #0\n\t"
	"mov	x0, sp\n\t"
	"bl	launch\n");

static long call(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}

#else
#error "the launcher is written for x86-64 and arm64 only"
#endif

static __attribute__((noreturn)) void leave(void)
{
	for (;;)
		call(__NR_exit, 127, 0, 0, 0);
}

void launch(long *stack);

/* stack: as the kernel leaves it, argc, argv and NULL, envp. */
void launch(long *stack)
{
	char **paths = (char **)(stack + 2), **argv = paths;
	char **envp = (char **)(stack + 1 + *stack + 1);
	int error = -ENOENT;

	/* Without the mark it is a task of the container that has had it executed, and gets nothing. */
	while (*argv && **argv)
		argv++;
	if (!*argv)
		leave();
	argv++;
	call(__NR_fcntl, LAUNCHER_FD, F_SETFD, 1 /* FD_CLOEXEC */, 0);
	for (; **paths; paths++) {
		long r = call(__NR_execve, (long)*paths, (long)argv, (long)envp, 0);

		/* As execvp(3): the next directory, but what is found and may not be run is told. */
		if (r != -ENOENT && r != -ENOTDIR)
			error = (int)r;
		if (r != -ENOENT && r != -ENOTDIR && r != -EACCES)
			break;
	}
	call(__NR_pwrite64, LAUNCHER_FD, (long)&error, sizeof(error), 0);
	leave();
}
