/* Shifts the calendar of a process and its children by CLOCK_SHIFT_SECONDS, for `make test-shifted`.
 *
 * Only what tells the date is shifted. The monotonic clock stays, so that waits last as long as they should; libfaketime
 * of Debian 12 breaks Python's, whichever way it is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift(void) {
    static time_t seconds;
    static int known;
    if (!known) {
        const char *value = getenv("CLOCK_SHIFT_SECONDS");
        seconds = value ? (time_t)atoll(value) : 0;
        known = 1;
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *result) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, result);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) result->tv_sec += shift();
    return status;
}

int gettimeofday(struct timeval *result, void *zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    result->tv_sec = now.tv_sec;
    result->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
