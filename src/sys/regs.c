/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "regs.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/ptrace.h>

/* Indices of words in the kernel's NT_PRSTATUS register set, a part of its interface. */
#if defined(__x86_64__)

#define WORDS 27
#define IP 16
#define NUMBER 10
#define RESULT 10
static const int argument[6] = {14, 13, 12, 7, 9, 8}; /* rdi, rsi, rdx, r10, r8, r9 */
static const unsigned char call_insn[] = {0x0f, 0x05};
#define INSN_STEP 1
#define ARCH AUDIT_ARCH_X86_64
#define FLAGS 18
#define TRAP_FLAG 0x100

/* orig_rax: a system call is begun anew only if it is not negative. */
#define ORIGINAL 15

/* Any instruction but that of a system call is followed by a trap: no other runs. */
static void set_one_step(struct regs *regs)
{
	regs->word[FLAGS] |= TRAP_FLAG;
}

/* By the layout of the caller: the thread may have got into 32-bit mode meanwhile. */
int regs_set(pid_t tid, const struct regs *regs)
{
	return syscall(SYS_ptrace, PTRACE_SETREGS, tid, 0, regs->word) < 0 ? -errno : 0;
}

int regs_skip_call(pid_t tid)
{
	const unsigned long at = ORIGINAL * sizeof(unsigned long);

	return syscall(SYS_ptrace, PTRACE_POKEUSR, tid, at, -1L) < 0 ? -errno : 0;
}

static void forget_call(struct regs *regs)
{
	regs->word[ORIGINAL] = (unsigned long)-1L;
}

bool regs_is_in_call(const struct regs *regs)
{
	return (long)regs->word[ORIGINAL] >= 0;
}

/*
 * What the kernel has not made of a result yet, while the thread is stopped on its way to user mode: after that it is
 * EINTR if the handler of a signal is run, else the call is begun anew.
 */
#define BEGIN_ANEW (-514L) /* ERESTARTNOHAND of its own */

long regs_interrupted(const struct regs *regs, bool *ret_anew)
{
	long result = (long)regs->word[RESULT];

	*ret_anew = result == BEGIN_ANEW;
	return regs_is_in_call(regs) && (*ret_anew || result == -EINTR) ? (long)regs->word[ORIGINAL]
									: -1;
}

void regs_begin_anew(struct regs *regs)
{
	regs->word[RESULT] = (unsigned long)BEGIN_ANEW;
}

static bool may_be_in_call(const struct regs *regs)
{
	return regs_is_in_call(regs);
}

#elif defined(__aarch64__)

#define WORDS 34
#define IP 32
#define NUMBER 8
#define RESULT 0
static const int argument[6] = {0, 1, 2, 3, 4, 5};
static const unsigned char call_insn[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */
#define INSN_STEP 4
#define ARCH AUDIT_ARCH_AARCH64

/* A tracer can have single steps, or stops at calls. */
static void set_one_step(struct regs *regs)
{
	(void)regs;
}

int regs_set(pid_t tid, const struct regs *regs)
{
	struct regs copy = *regs;
	struct iovec iov = {copy.word, WORDS * sizeof(copy.word[0])};

	return syscall(SYS_ptrace, PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

int regs_skip_call(pid_t tid)
{
	int number = -1;
	struct iovec iov = {&number, sizeof(number)};

	return syscall(SYS_ptrace, PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &iov) < 0 ? -errno
											: 0;
}

/*
 * Before a thread stops for its tracer the kernel has forgotten the call, and has set the registers to
 * begin anew what is to be begun anew. What would go on with the time that is left (nanosleep, poll)
 * begins with its full time instead: that it would is known to the kernel's stack frame alone.
 */
static void forget_call(struct regs *regs)
{
	(void)regs;
}

bool regs_is_in_call(const struct regs *regs)
{
	(void)regs;
	return false;
}

static bool may_be_in_call(const struct regs *regs)
{
	(void)regs;
	return true;
}

/* Its first argument has been lost to its result. */
long regs_interrupted(const struct regs *regs, bool *ret_anew)
{
	(void)regs;
	*ret_anew = false;
	return -1;
}

void regs_begin_anew(struct regs *regs)
{
	(void)regs;
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

unsigned long regs_argument(const struct regs *regs, int i)
{
	return regs->word[argument[i]];
}

void regs_set_argument(struct regs *regs, int i, unsigned long value)
{
	regs->word[argument[i]] = value;
}

void regs_set_call(struct regs *regs, unsigned long insn, long nr, const long args[6])
{
	forget_call(regs);
	set_one_step(regs);
	regs->word[IP] = insn;
	for (int i = 0; i < 6; i++)
		regs->word[argument[i]] = (unsigned long)args[i];
	regs->word[NUMBER] = (unsigned long)nr;
}

/* Both ends of a call: by the kernel's own code, at our instruction. */
static int read_stop(pid_t tid, int op, unsigned long insn, struct ptrace_syscall_info *ret_info)
{
	*ret_info = (struct ptrace_syscall_info){0};
	if (syscall(SYS_ptrace, PTRACE_GET_SYSCALL_INFO, tid, sizeof(*ret_info), ret_info) < 0)
		return -errno;
	return ret_info->op == op && ret_info->arch == ARCH &&
			       ret_info->instruction_pointer == insn + sizeof(call_insn)
		       ? 0
		       : -EPROTO;
}

int regs_check_entry(pid_t tid, unsigned long insn, long nr, const long args[6])
{
	struct ptrace_syscall_info info;
	int r = read_stop(tid, PTRACE_SYSCALL_INFO_ENTRY, insn, &info);

	if (r == 0 && info.entry.nr != (uint64_t)nr)
		r = -EPROTO;
	for (int i = 0; r == 0 && i < 6; i++)
		if (info.entry.args[i] != (uint64_t)args[i])
			r = -EPROTO;
	return r;
}

int regs_check_exit(pid_t tid, unsigned long insn, long *ret_result)
{
	struct ptrace_syscall_info info;
	int r = read_stop(tid, PTRACE_SYSCALL_INFO_EXIT, insn, &info);

	if (r == 0)
		*ret_result = (long)info.exit.rval;
	return r;
}

void regs_set_result(struct regs *regs, long result)
{
	if (!may_be_in_call(regs))
		return;
	regs->word[RESULT] = (unsigned long)result;
	forget_call(regs);
}

static bool is_call(const unsigned char *code, size_t len)
{
	return len >= sizeof(call_insn) && memcmp(code, call_insn, sizeof(call_insn)) == 0;
}

ssize_t regs_find_call(const unsigned char *code, size_t len)
{
	for (size_t at = 0; at + sizeof(call_insn) <= len; at += INSN_STEP)
		if (is_call(code + at, len - at))
			return (ssize_t)at;
	return -ENOENT;
}
