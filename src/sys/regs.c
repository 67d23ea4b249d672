/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "regs.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/ptrace.h>

/* Indices of words in the kernel's NT_PRSTATUS register set, a part of its interface. */
#if defined(__x86_64__)

#define WORDS 27
#define IP 16
#define NUMBER 10
#define RESULT 10
static const int argument[3] = {14, 13, 12}; /* rdi, rsi, rdx */
static const unsigned char call_insn[] = {0x0f, 0x05};
#define INSN_STEP 1

/* orig_rax: a system call is begun anew only if it is not negative. */
#define ORIGINAL 15

static void forget_call(struct regs *regs)
{
	regs->word[ORIGINAL] = (unsigned long)-1L;
}

static bool is_in_call(const struct regs *regs)
{
	return (long)regs->word[ORIGINAL] >= 0;
}

#elif defined(__aarch64__)

#define WORDS 34
#define IP 32
#define NUMBER 8
#define RESULT 0
static const int argument[3] = {0, 1, 2};
static const unsigned char call_insn[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */
#define INSN_STEP 4

/*
 * Before a thread stops for its tracer the kernel has forgotten the call, and has set the registers to
 * begin anew what is to be begun anew. What would go on with the time that is left (nanosleep, poll)
 * begins with its full time instead: that it would is known to the kernel's stack frame alone.
 */
static void forget_call(struct regs *regs)
{
	(void)regs;
}

static bool is_in_call(const struct regs *regs)
{
	(void)regs;
	return true;
}

#else
#error "the registers of a stopped thread are known for x86-64 and arm64 only"
#endif

int regs_get(pid_t tid, struct regs *ret_regs)
{
	struct iovec iov = {ret_regs->word, sizeof(ret_regs->word)};

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) < 0)
		return -errno;
	/* That of a thread in 32-bit mode is shorter. */
	return iov.iov_len == WORDS * sizeof(ret_regs->word[0]) ? 0 : -EOPNOTSUPP;
}

int regs_set(pid_t tid, const struct regs *regs)
{
	struct regs copy = *regs;
	struct iovec iov = {copy.word, WORDS * sizeof(copy.word[0])};

	return syscall(SYS_ptrace, PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

void regs_set_call(struct regs *regs, unsigned long insn, long nr, const long args[3])
{
	forget_call(regs);
	regs->word[IP] = insn;
	for (int i = 0; i < 3; i++)
		regs->word[argument[i]] = (unsigned long)args[i];
	regs->word[NUMBER] = (unsigned long)nr;
}

long regs_result(const struct regs *regs)
{
	return (long)regs->word[RESULT];
}

void regs_set_result(struct regs *regs, long result)
{
	if (!is_in_call(regs))
		return;
	regs->word[RESULT] = (unsigned long)result;
	forget_call(regs);
}

bool regs_is_call(const unsigned char *code, size_t len)
{
	return len >= sizeof(call_insn) && memcmp(code, call_insn, sizeof(call_insn)) == 0;
}

ssize_t regs_find_call(const unsigned char *code, size_t len)
{
	for (size_t at = 0; at + sizeof(call_insn) <= len; at += INSN_STEP)
		if (regs_is_call(code + at, len - at))
			return (ssize_t)at;
	return -ENOENT;
}
