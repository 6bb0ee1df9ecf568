/* A disk that fails: while a file stands at BROKEN_SWITCH, what is written or synced in BROKEN_FOLDER ends with EIO.
 *
 * Preloaded into a process (LD_PRELOAD); both names absolute, without links on the way. Reads go through. What a failed
 * sync had not yet brought to the disk is there all the same: losing it as well is what shim.c plays.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_broken(int fd) {
    const char *folder = getenv("BROKEN_FOLDER"), *lever = getenv("BROKEN_SWITCH");
    if (!folder || !lever || access(lever, F_OK)) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return !strncmp(path, folder, strlen(folder)) && path[strlen(folder)] == '/';
}

#define FAILING(result, name, parameters, ...)                                          \
    result name parameters {                                                            \
        static result (*real) parameters;                                               \
        if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);                \
        int before = errno;                                                             \
        if (is_broken(fd)) return errno = EIO, -1;                                      \
        errno = before;                                                                 \
        return real(__VA_ARGS__);                                                       \
    }

FAILING(ssize_t, write, (int fd, const void *bytes, size_t count), fd, bytes, count)
FAILING(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), fd, bytes, count, at)
FAILING(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), fd, bytes, count, at)
FAILING(ssize_t, writev, (int fd, const struct iovec *parts, int count), fd, parts, count)
FAILING(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), fd, parts, count, at)
FAILING(ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)
FAILING(int, ftruncate, (int fd, off_t length), fd, length)
FAILING(int, ftruncate64, (int fd, off64_t length), fd, length)
FAILING(int, fsync, (int fd), fd)
FAILING(int, fdatasync, (int fd), fd)
