/* Remembers how to undo what a process wrote and did not sync, so that a power cut can be played after it was killed.
 *
 * Preloaded into a process (LD_PRELOAD). POWER_FOLDER names the folder whose files are watched, POWER_JOURNAL a folder
 * elsewhere on the same file system for what is remembered; both absolute, without links on the way.
 *
 * Contents: before the bytes of a file change, the bytes that stood there and the length of the file go to
 * `<device>-<inode>.undo`; fsync and fdatasync of the file, and writes through O_SYNC and O_DSYNC, empty it.
 * Names: what is created, renamed or unlinked goes to `names`, in order; fsync of the folder it happened in makes it
 * last. What a rename or unlink takes away is kept as a hard link `kept-<n>` until then.
 * The calls themselves go through as always: only the step that plays the power cut changes anything.
 *
 * Not watched: writes through mmap (SQLite's -shm files; they are removed at the cut), stdio, io_uring, sendfile,
 * copy_file_range, sync and syncfs (nothing is held to be synced by them), attributes, and rmdir.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(result, name, ...)                                                 \
    static result (*real_##name)(__VA_ARGS__);                                  \
    if (!real_##name) real_##name = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

enum { CREATED = 1, UNLINKED = 2, RENAMED = 3, SYNCED = 4 };

struct undo { uint64_t offset, length, bytes; };
struct name { uint64_t kind, device, inode, kept, first, second; };

static char folder[PATH_MAX], journal[PATH_MAX];
static size_t folder_length;
static int names = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Journals that are open, by file. */
#define JOURNALS 4096
static struct { dev_t device; ino_t inode; int fd; } journals[JOURNALS];

static ssize_t plain_write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, write, int, const void *, size_t);
    return real_write(fd, bytes, count);
}

static int plain_open(const char *path, int flags) {
    REAL(int, open64, const char *, int, ...);
    return real_open64(path, flags | O_CLOEXEC, 0666);
}

static void plain_close(int fd) {
    REAL(int, close, int);
    real_close(fd);
}

/* Without its journal nothing that follows would be true. */
static void give_up(const char *what) {
    char told[512];
    int length = snprintf(told, sizeof told, "power shim: cannot %s: %s\n", what, strerror(errno));
    plain_write(2, told, length);
    _exit(97);
}

static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void after_fork(void) { pthread_mutex_unlock(&mutex); }

/* Locks belong to open files, which a child shares with its parent: it opens its own. */
static void in_child(void) {
    for (int i = 0; i < JOURNALS; i++) {
        if (journals[i].inode) plain_close(journals[i].fd);
    }
    memset(journals, 0, sizeof journals);
    if (names >= 0) plain_close(names);
    names = -1;
    pthread_mutex_unlock(&mutex);
}

__attribute__((constructor)) static void begin(void) {
    const char *watched = getenv("POWER_FOLDER"), *kept = getenv("POWER_JOURNAL");
    if (!watched || !kept) return;
    snprintf(folder, sizeof folder, "%s", watched);
    snprintf(journal, sizeof journal, "%s", kept);
    folder_length = strlen(folder);
    pthread_atfork(before_fork, after_fork, in_child);
}

static int is_watched(const char *path) {
    return folder_length && !strncmp(path, folder, folder_length) &&
           (path[folder_length] == '/' || !path[folder_length]);
}

/* Locks other processes out of a journal. */
static int locked(int fd) {
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) give_up("lock a journal");
    }
    return fd;
}

static void unlocked(int fd) { flock(fd, LOCK_UN); }

static void append(int fd, const void *bytes, size_t count) {
    const char *at = bytes;
    while (count > 0) {
        ssize_t done = plain_write(fd, at, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) give_up("write a journal");
        at += done;
        count -= done;
    }
}

static int journal_of(const struct stat *file) {
    unsigned at = (unsigned)(file->st_ino * 2654435761u) % JOURNALS;
    if (journals[at].inode == file->st_ino && journals[at].device == file->st_dev) return journals[at].fd;
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%ju-%ju.undo", journal, (uintmax_t)file->st_dev, (uintmax_t)file->st_ino);
    int fd = plain_open(path, O_RDWR | O_APPEND | O_CREAT);
    if (fd < 0) give_up("open a journal");
    if (journals[at].inode) plain_close(journals[at].fd);
    journals[at].device = file->st_dev;
    journals[at].inode = file->st_ino;
    journals[at].fd = fd;
    return fd;
}

static int names_journal(void) {
    if (names < 0) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/names", journal);
        names = plain_open(path, O_RDWR | O_APPEND | O_CREAT);
        if (names < 0) give_up("open the journal of names");
    }
    return names;
}

/* Where an open file is; 1 if it is a watched one. */
static int descriptor_is_watched(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

/* Begins a change of a file's contents: locks its journal and returns it, or -1 for a file that is not watched. */
static int begin_change(int fd, struct stat *file) {
    int saved = errno;
    int found = -1;
    if (folder_length && !fstat(fd, file) && S_ISREG(file->st_mode) && descriptor_is_watched(fd)) {
        pthread_mutex_lock(&mutex);
        found = locked(journal_of(file));
        /* Another may have changed its length before the lock was taken. */
        if (fstat(fd, file)) give_up("look at a file");
    }
    errno = saved;
    return found;
}

static void end_change(int kept) {
    int saved = errno;
    unlocked(kept);
    pthread_mutex_unlock(&mutex);
    errno = saved;
}

/* Remembers what stands from `offset` on for `count` bytes. `fd` may be open for writing only. */
static void remember(int kept, int fd, const struct stat *file, uint64_t offset, uint64_t count) {
    int saved = errno;
    uint64_t length = file->st_size;
    uint64_t bytes = offset >= length ? 0 : (count < length - offset ? count : length - offset);
    struct undo *undo = malloc(sizeof *undo + bytes);
    if (!undo) give_up("have memory");
    *undo = (struct undo){offset, length, bytes};
    char *at = (char *)(undo + 1), again[64];
    int reader = -1;
    for (uint64_t done = 0; done < bytes;) {
        ssize_t read = pread(reader < 0 ? fd : reader, at + done, bytes - done, offset + done);
        if (read < 0 && errno == EINTR) continue;
        if (read < 0 && errno == EBADF && reader < 0) {
            snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
            reader = plain_open(again, O_RDONLY);
            if (reader >= 0) continue;
        }
        if (read <= 0) give_up("read what is to be overwritten");
        done += read;
    }
    if (reader >= 0) plain_close(reader);
    append(kept, undo, sizeof *undo + bytes);
    free(undo);
    errno = saved;
}

static void forget_if_synced_by_flag(int kept, int fd) {
    if (fcntl(fd, F_GETFL) & (O_SYNC | O_DSYNC) && ftruncate64(kept, 0)) give_up("empty a journal");
}

static uint64_t place(int fd, const struct stat *file) {
    if (fcntl(fd, F_GETFL) & O_APPEND) return file->st_size;
    return lseek(fd, 0, SEEK_CUR);
}

static uint64_t total(const struct iovec *parts, int count) {
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

#define CHANGE(fd, offset, count, call)                    \
    do {                                                   \
        struct stat file;                                  \
        int kept = begin_change(fd, &file);                \
        if (kept < 0) return call;                         \
        remember(kept, fd, &file, offset, count);          \
        __typeof__(call) done = call;                      \
        int saved = errno;                                 \
        forget_if_synced_by_flag(kept, fd);                \
        errno = saved;                                     \
        end_change(kept);                                  \
        return done;                                       \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, write, int, const void *, size_t);
    CHANGE(fd, place(fd, &file), count, real_write(fd, bytes, count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    CHANGE(fd, place(fd, &file), total(parts, count), real_writev(fd, parts, count));
}

#define PWRITE(name)                                                              \
    ssize_t name(int fd, const void *bytes, size_t count, off64_t at) {           \
        REAL(ssize_t, name, int, const void *, size_t, off64_t);                  \
        CHANGE(fd, at, count, real_##name(fd, bytes, count, at));                 \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                             \
    ssize_t name(int fd, const struct iovec *parts, int count, off64_t at) {      \
        REAL(ssize_t, name, int, const struct iovec *, int, off64_t);             \
        CHANGE(fd, at, total(parts, count), real_##name(fd, parts, count, at));   \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define PWRITEV2(name)                                                                      \
    ssize_t name(int fd, const struct iovec *parts, int count, off64_t at, int flags) {     \
        REAL(ssize_t, name, int, const struct iovec *, int, off64_t, int);                  \
        CHANGE(fd, at < 0 ? place(fd, &file) : (uint64_t)at, total(parts, count),           \
               real_##name(fd, parts, count, at, flags));                                   \
    }
PWRITEV2(pwritev2)
PWRITEV2(pwritev64v2)


static int real_truncation(int fd, off64_t length) {
    REAL(int, ftruncate64, int, off64_t);
    return real_ftruncate64(fd, length);
}
int ftruncate(int fd, off64_t length) { CHANGE(fd, (uint64_t)length, UINT64_MAX, real_truncation(fd, length)); }
int ftruncate64(int fd, off64_t length) { CHANGE(fd, (uint64_t)length, UINT64_MAX, real_truncation(fd, length)); }

/* Punching, zeroing and moving change what stands there, up to the end of the file. */
#define FALLOCATE(name)                                                                       \
    int name(int fd, int mode, off64_t at, off64_t count) {                                   \
        REAL(int, name, int, int, off64_t, off64_t);                                          \
        CHANGE(fd, mode & ~1 ? (uint64_t)at : UINT64_MAX, UINT64_MAX, real_##name(fd, mode, at, count)); \
    }
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

#define POSIX_FALLOCATE(name)                                                     \
    int name(int fd, off64_t at, off64_t count) {                                 \
        REAL(int, name, int, off64_t, off64_t);                                   \
        CHANGE(fd, UINT64_MAX, 0, real_##name(fd, at, count));                    \
    }
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

/* Syncs. */

static void append_name(uint64_t kind, const struct stat *parent, uint64_t kept, const char *first, const char *second) {
    size_t one = strlen(first), two = strlen(second);
    struct name *record = malloc(sizeof *record + one + two);
    if (!record) give_up("have memory");
    *record = (struct name){kind, parent->st_dev, parent->st_ino, kept, one, two};
    memcpy(record + 1, first, one);
    memcpy((char *)(record + 1) + one, second, two);
    append(names_journal(), record, sizeof *record + one + two);
    free(record);
}

#define SYNC(name)                                                                \
    int name(int fd) {                                                            \
        REAL(int, name, int);                                                     \
        struct stat file;                                                         \
        if (!folder_length || fstat(fd, &file) || !descriptor_is_watched(fd)) return real_##name(fd); \
        pthread_mutex_lock(&mutex);                                               \
        int is_folder = S_ISDIR(file.st_mode);                                    \
        int kept = locked(is_folder ? names_journal() : journal_of(&file));       \
        int done = real_##name(fd), saved = errno;                                \
        if (!done && is_folder) append_name(SYNCED, &file, 0, "", "");            \
        if (!done && !is_folder && real_truncation(kept, 0)) give_up("empty a journal"); \
        errno = saved;                                                            \
        end_change(kept);                                                         \
        return done;                                                              \
    }
SYNC(fsync)
SYNC(fdatasync)

/* Names. */

/* The whole path of a name, its folder without links; 0 when it is not a watched one. */
static int whole(int at, const char *path, char *found, struct stat *parent) {
    char given[PATH_MAX], resolved[PATH_MAX], base[64];
    int saved = errno;
    if (!folder_length || !path || !*path) return 0;
    if (path[0] == '/' || at == AT_FDCWD) {
        snprintf(given, sizeof given, "%s", path);
    } else {
        snprintf(base, sizeof base, "/proc/self/fd/%d", at);
        ssize_t linked = readlink(base, resolved, sizeof resolved - 1);
        if (linked <= 0) return 0;
        resolved[linked] = 0;
        if (snprintf(given, sizeof given, "%s/%s", resolved, path) >= (int)sizeof given) return 0;
    }
    char *slash = strrchr(given, '/');
    const char *name = slash ? slash + 1 : given;
    char last[NAME_MAX + 1];
    size_t length = strlen(name);
    if (!length || length > NAME_MAX) return 0;
    memcpy(last, name, length + 1);
    if (slash) *(slash == given ? slash + 1 : slash) = 0;
    int good = realpath(slash ? given : ".", resolved) && !stat(resolved, parent) &&
               strlen(resolved) + strlen(last) + 2 <= PATH_MAX;
    if (good) {
        strcpy(found, resolved);
        strcat(found, "/");
        strcat(found, last);
        good = is_watched(found) && strlen(found) > folder_length;
    }
    errno = saved;
    return good;
}

/* Keeps what a name stands for under a name of our own; 0 when there is nothing or it cannot be kept. */
static uint64_t keep(const char *path) {
    static uint64_t last;
    char kept[PATH_MAX + 64];
    int saved = errno;
    for (;;) {
        uint64_t number = ((uint64_t)getpid() << 32) | ++last;
        snprintf(kept, sizeof kept, "%s/kept-%ju", journal, (uintmax_t)number);
        if (!link(path, kept)) {
            errno = saved;
            return number;
        }
        if (errno != EEXIST) {
            errno = saved;
            return 0;
        }
    }
}

static int open_watched(int at, const char *path, int flags, mode_t mode) {
    REAL(int, openat64, int, const char *, int, ...);
    char found[PATH_MAX];
    struct stat parent, file;
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE || !whole(at, path, found, &parent)) {
        return real_openat64(at, path, flags, mode);
    }
    pthread_mutex_lock(&mutex);
    int lock = locked(names_journal());
    int saved = errno, was_there = !stat(found, &file);
    /* Emptied by hand, so that what stood in it is remembered. */
    int emptied = flags & O_TRUNC && was_there && S_ISREG(file.st_mode);
    int fd = real_openat64(at, path, emptied ? flags & ~O_TRUNC : flags, mode);
    int failed = errno;
    if (fd >= 0 && !was_there) {
        if (fstat(fd, &file)) give_up("look at a new file");
        append_name(CREATED, &parent, 0, found, "");
        /* The number may have been another file's. */
        if (real_truncation(journal_of(&file), 0)) give_up("empty a journal");
    }
    end_change(lock);
    if (fd >= 0 && emptied && ftruncate64(fd, 0)) give_up("empty a file");
    errno = fd < 0 ? failed : saved;
    return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        va_list arguments;                                      \
        va_start(arguments, flags);                             \
        mode_t mode = mode_of(flags, arguments);                \
        va_end(arguments);                                      \
        return open_watched(AT_FDCWD, path, flags, mode);       \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
    int name(int at, const char *path, int flags, ...) {        \
        va_list arguments;                                      \
        va_start(arguments, flags);                             \
        mode_t mode = mode_of(flags, arguments);                \
        va_end(arguments);                                      \
        return open_watched(at, path, flags, mode);             \
    }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode) { return open_watched(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_watched(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int mkdirat(int at, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    char found[PATH_MAX];
    struct stat parent;
    if (!whole(at, path, found, &parent)) return real_mkdirat(at, path, mode);
    pthread_mutex_lock(&mutex);
    int lock = locked(names_journal());
    int done = real_mkdirat(at, path, mode);
    if (!done) append_name(CREATED, &parent, 0, found, "");
    end_change(lock);
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int at, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    char found[PATH_MAX];
    struct stat parent;
    if (flags & AT_REMOVEDIR || !whole(at, path, found, &parent)) return real_unlinkat(at, path, flags);
    pthread_mutex_lock(&mutex);
    int lock = locked(names_journal());
    uint64_t kept = keep(found);
    int done = real_unlinkat(at, path, flags);
    if (!done && kept) append_name(UNLINKED, &parent, kept, found, "");
    end_change(lock);
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL(int, renameat2, int, const char *, int, const char *, unsigned);
    char old[PATH_MAX], new[PATH_MAX];
    struct stat parent;
    /* The folder it goes to decides; what comes from elsewhere or is exchanged is not undone. */
    if (flags || !whole(from_at, from, old, &parent) || !whole(to_at, to, new, &parent)) {
        return real_renameat2(from_at, from, to_at, to, flags);
    }
    pthread_mutex_lock(&mutex);
    int lock = locked(names_journal());
    uint64_t kept = keep(new);
    int done = real_renameat2(from_at, from, to_at, to, 0);
    if (!done) append_name(RENAMED, &parent, kept, old, new);
    end_change(lock);
    return done;
}
int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }
