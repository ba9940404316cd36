/*
 * Run on the host: how fast the processor's time stamp counter counts. QEMU without KVM shows the guest the host's counter,
 * and a guest that must measure it against an emulated timer on a busy host fails, and then has no clock at all.
 */
#include "amphora.h"
#include <stdio.h>
#include <time.h>

#ifdef __x86_64__
#include <x86intrin.h>

static uint64_t nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int print_tsc_khz(void)
{
	struct timespec pause = { 0, 100 * 1000 * 1000 };
	uint64_t began = nanoseconds(), first = __rdtsc();
	nanosleep(&pause, NULL);
	uint64_t ended = nanoseconds(), last = __rdtsc();
	printf("%.0f\n", (double)(last - first) * 1e6 / (double)(ended - began));
	return 0;
}
#else
int print_tsc_khz(void)
{
	puts("0");
	return 0;
}
#endif
