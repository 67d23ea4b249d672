/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The payload of every measurement: a program of three instructions without a libc, which ends at
 * once with status 0. What a candidate takes is then its own doing. Built with -DPAUSE it is the
 * program that never ends, for containers that others enter. One page of file, no data, no stack.
 */
	.section .note.GNU-stack, "", %progbits
	.text
	.globl _start
	.type _start, %function
_start:
#if defined(__x86_64__)
#ifdef PAUSE
	mov	$34, %eax		/* pause */
	syscall
	jmp	_start
#else
	mov	$231, %eax		/* exit_group */
	xor	%edi, %edi
	syscall
#endif
#elif defined(__aarch64__)
#ifdef PAUSE
	mov	x0, #0			/* ppoll(NULL, 0, NULL, NULL) */
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x8, #73
	svc	#0
	b	_start
#else
	mov	x0, #0
	mov	x8, #94			/* exit_group */
	svc	#0
#endif
#else
#error "tiny.S: add this architecture"
#endif
	.size _start, . - _start
