/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blocked CALL|list HOW...: print "up", wait in a system call, and say whether it came back as it should have:
 * "ok", or what is wrong.
 *
 *	limited	with a time limit, which ends it (else an event does, half a second later)
 *	thread	in a thread that is not the first
 *	ignored	while the process is traced it gets a signal that it ignores
 *	handled	or one that it has a handler for: EINTR, or the call goes on, as signal(7) says
 *
 * "list limited" prints the calls that can have a limit, "list" all.
 */
#include "blocked.h"

static const struct call *the_call;
static bool with_handler, with_signal;
static long result;
static int error;
static double took;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static bool is_traced(void)
{
	char path[64], text[4096];
	const char *tracer;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)shared->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	tracer = strstr(text, "TracerPid:\t");
	return tracer && tracer[11] != '0';
}

/* In the child: the signal while it is traced, or a tenth of a second before its limit would end it; then the event. */
static void make_events(double begin)
{
	const bool never = the_call->by_limit == -2;
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGUSR1, SIG_DFL);
	while (with_signal && !is_traced() && seconds() < begin + (LIMIT - 100) / 1e3)
		continue;
	if (with_signal)
		syscall(SYS_tgkill, parent, shared->tid, SIGUSR1);
	while (seconds() < begin + EVENT / 1e3)
		usleep(1000);
	if (!limited && !never)
		the_call->event();
	_exit(0);
}

static void *wait_in_call(void *arg)
{
	double begin = seconds();

	(void)arg;
	shared->tid = (pid_t)syscall(SYS_gettid);
	child = fork();
	if (child == 0)
		make_events(begin);
	puts("up");
	fflush(stdout);
	begin = seconds();
	result = the_call->call();
	error = errno;
	took = (seconds() - begin) * 1e3;
	return NULL;
}

/* How much later than right is right all the same: ms. */
static double late(void)
{
	const char *slow = getenv("TESTS_SLOW");

	return LATE * (slow && atoi(slow) > 1 ? atoi(slow) : 1);
}

static int judge(void)
{
	const bool ends_by_limit = limited || the_call->by_limit == -2;
	const bool goes_on = !with_handler || the_call->goes_on == ALWAYS ||
			     (the_call->goes_on == UNLIMITED && !limited);
	const double least = goes_on ? (ends_by_limit ? LIMIT : EVENT - 500) : 0;
	const double most = !goes_on			  ? LIMIT - 500 + late()
			    : limited && the_call->socket ? 2 * LIMIT
			    : ends_by_limit		  ? LIMIT
							  : EVENT;
	const int by_limit = the_call->by_limit < 0 ? 0 : the_call->by_limit;
	bool right;

	if (!goes_on)
		right = result < 0 && error == EINTR;
	else if (!ends_by_limit)
		right = result == 1;
	else
		right = by_limit ? result < 0 && error == by_limit : result == 0;
	if (right && took >= least && took < most + late() &&
	    handled == (with_handler && with_signal)) {
		puts("ok");
		return 0;
	}
	printf("wrong: %ld %s after %.1f ms (%.0f to %.0f), %d handled\n", result,
	       result < 0 ? strerror(error) : "", took, least, most + late(), (int)handled);
	return 1;
}

static int list(bool with_limit)
{
	for (size_t i = 0; i < CALLS; i++)
		if (!with_limit || calls[i].by_limit >= 0)
			puts(calls[i].name);
	return 0;
}

static bool has(char **argv, const char *word)
{
	for (; *argv; argv++)
		if (strcmp(*argv, word) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = SIG_IGN, .sa_flags = SA_RESTART};
	pthread_t thread;

	if (argc < 2)
		return 2;
	limited = has(argv, "limited");
	whole = (struct timespec){.tv_sec = LIMIT / 1000, .tv_nsec = LIMIT % 1000 * 1000000L};
	with_handler = has(argv, "handled");
	with_signal = with_handler || has(argv, "ignored");
	if (strcmp(argv[1], "list") == 0)
		return list(limited);
	for (size_t i = 0; i < CALLS; i++)
		if (strcmp(calls[i].name, argv[1]) == 0)
			the_call = &calls[i];
	if (!the_call)
		return 2;
	if (with_handler)
		action.sa_handler = handler;
	sigaction(SIGUSR1, &action, NULL);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(shared != MAP_FAILED && pipe2(in, O_CLOEXEC) == 0, "mmap");
	if (the_call->make)
		the_call->make();
	if (has(argv, "thread")) {
		need(pthread_create(&thread, NULL, wait_in_call, NULL) == 0, "pthread_create");
		pthread_join(thread, NULL);
	} else {
		wait_in_call(NULL);
	}
	if (the_call->end)
		the_call->end();
	kill(child, SIGKILL);
	return judge();
}
