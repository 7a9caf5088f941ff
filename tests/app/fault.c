/* Preloaded into flatsweep by fault_injection.py: counts the calls that change files whose path contains FAULT_UNDER, and at number FAULT_AT
   does FAULT_DO:

     before, half    SIGKILL before the call, or with half of a write's bytes on disk; with FAULT_VICTIM another rank of the same
                     mpirun gets it before the call
     an error        this and FAULT_FOR - 1 further calls (all, by default) fail with it; its name or its number
     EACCES          this and all later attempts to open a file fail

   FAULT_CALL: calls of this name only: those in the log, "syncfolder" and "renamefolder" for fsync and rename of folders, and
   "close" and "flock", which are not counted otherwise. FAULT_NO_BLOCKS: the file system says that it has no blocks at all.
   FAULT_LIMIT: from the first such call on no file may become larger than this. FAULT_RANK: in that rank of mpirun only. FAULT_LOG: a file that gets a line for every call: number, name, path. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum verdict { go_on, half, fail };
static atomic_long calls;

static void note(long number, const char* call, const char* path) {
  const char* log = getenv("FAULT_LOG");
  if (!log) return;
  char line[4400];
  int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path);
  int file = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file < 0 || REAL(write)(file, line, length) != length) abort();
  REAL(close)(file);
}

static _Noreturn void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* The ranks are the children of mpirun, in their order; one of its threads started them all. */
static pid_t process_of(long rank) {
  char pattern[64];
  glob_t threads;
  pid_t process = 0;
  snprintf(pattern, sizeof pattern, "/proc/%d/task/*/children", getppid());
  if (glob(pattern, 0, NULL, &threads)) abort();
  for (size_t i = 0; i < threads.gl_pathc; ++i) {
    FILE* children = REAL(fopen)(threads.gl_pathv[i], "r");
    while (children && rank >= 0 && fscanf(children, "%d", &process) == 1) --rank;
    if (children) fclose(children);
  }
  globfree(&threads);
  if (rank >= 0) abort();
  return process;
}

static void strike(void) {
  const char* victim = getenv("FAULT_VICTIM");
  const pid_t process = victim ? process_of(atol(victim)) : getpid();
  if (process == getpid()) die();
  kill(process, SIGKILL);
}

/* Later than ulimit -f, under which MPI itself does not start. */
static void limit_files(void) {
  const char* limit = getenv("FAULT_LIMIT");
  const struct rlimit both = {limit ? strtoul(limit, NULL, 10) : 0, limit ? strtoul(limit, NULL, 10) : 0};
  if (limit && setrlimit(RLIMIT_FSIZE, &both)) abort();
}

static int other_rank(void) {
  const char *wanted = getenv("FAULT_RANK"), *own = getenv("OMPI_COMM_WORLD_RANK");
  return wanted && (!own || strcmp(wanted, own));
}

static int number_of(const char* error) {
  static const struct { const char* name; int number; } known[] = {
      {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EINTR", EINTR}, {"ENOSYS", ENOSYS}, {"EINVAL", EINVAL}, {"EOPNOTSUPP", EOPNOTSUPP},
      {"EBADF", EBADF}, {"EXDEV", EXDEV}, {"EPERM", EPERM}, {"ENOLCK", ENOLCK}, {"EDQUOT", EDQUOT}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (!strcmp(error, known[i].name)) return known[i].number;
  return atoi(error);
}

static enum verdict meet(const char* call, const char* path) {
  const char *under = getenv("FAULT_UNDER"), *at = getenv("FAULT_AT"), *act = getenv("FAULT_DO"), *count = getenv("FAULT_FOR"),
             *only = getenv("FAULT_CALL");
  if (!under || !path || !strstr(path, under) || other_rank() || (only && strcmp(only, call))) return go_on;
  long number = ++calls;
  note(number, call, path);
  if (number == 1) limit_files();
  if (!at || !act || number < atol(at)) return go_on;
  if (!strcmp(act, "half") && number == atol(at)) return half;
  if (!strcmp(act, "before") && number == atol(at)) strike();
  if (count && number >= atol(at) + atol(count)) return go_on;
  if (!strcmp(act, "EACCES")) {
    if (strcmp(call, "open")) return go_on;
    errno = EACCES;
    return fail;
  }
  const int error = number_of(act);
  if (!error) return go_on;
  errno = error;
  return fail;
}

/* Calls that change nothing count when FAULT_CALL asks for them, so that other faults keep their numbers. */
static enum verdict meet_if_named(const char* call, const char* path) {
  const char* only = getenv("FAULT_CALL");
  return only && !strcmp(only, call) ? meet(call, path) : go_on;
}

/* A full disk still lets files be removed, cut, renamed and synced. */
static enum verdict meet_without_space(const char* call, const char* path) {
  const int before = errno;
  const enum verdict verdict = meet(call, path);
  if (verdict != fail || errno != ENOSPC) return verdict;
  errno = before;
  return go_on;
}

static const char* path_of(int file) {
  static _Thread_local char path[4096];
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  return path;
}

static int is_folder(const char* path) {
  struct stat status;
  return !stat(path, &status) && S_ISDIR(status.st_mode);
}

#define WRITES(type, name, parameters, arguments, torn)       \
  type name parameters {                                      \
    switch (meet("write", path_of(file))) {                   \
      case fail: return -1;                                   \
      case half: if (torn >= 0) die(); else abort();          \
      case go_on: break;                                      \
    }                                                         \
    return REAL(name) arguments;                              \
  }
WRITES(ssize_t, write, (int file, const void* data, size_t size), (file, data, size), REAL(write)(file, data, size / 2))
WRITES(ssize_t, pwrite, (int file, const void* data, size_t size, off_t at), (file, data, size, at), REAL(pwrite)(file, data, size / 2, at))
WRITES(ssize_t, pwrite64, (int file, const void* data, size_t size, off64_t at), (file, data, size, at), REAL(pwrite64)(file, data, size / 2, at))
WRITES(ssize_t, writev, (int file, const struct iovec* parts, int count), (file, parts, count), REAL(writev)(file, parts, count / 2))
WRITES(ssize_t, pwritev, (int file, const struct iovec* parts, int count, off_t at), (file, parts, count, at), REAL(pwritev)(file, parts, count / 2, at))
WRITES(ssize_t, pwritev64, (int file, const struct iovec* parts, int count, off64_t at), (file, parts, count, at), REAL(pwritev64)(file, parts, count / 2, at))

#define CALLS(type, failed, name, said, met, parameters, arguments, path) \
  type name parameters { return met(said, path) == fail ? failed : REAL(name) arguments; }
CALLS(int, -1, fallocate, "fallocate", meet, (int file, int mode, off_t at, off_t size), (file, mode, at, size), path_of(file))
CALLS(int, -1, fallocate64, "fallocate", meet, (int file, int mode, off64_t at, off64_t size), (file, mode, at, size), path_of(file))
CALLS(int, -1, mkdir, "mkdir", meet, (const char* path, mode_t mode), (path, mode), path)
CALLS(int, -1, truncate, "truncate", meet_without_space, (const char* path, off_t size), (path, size), path)
CALLS(int, -1, truncate64, "truncate", meet_without_space, (const char* path, off64_t size), (path, size), path)
CALLS(int, -1, ftruncate, "truncate", meet_without_space, (int file, off_t size), (file, size), path_of(file))
CALLS(int, -1, ftruncate64, "truncate", meet_without_space, (int file, off64_t size), (file, size), path_of(file))
CALLS(int, -1, fsync, is_folder(path_of(file)) ? "syncfolder" : "fsync", meet_without_space, (int file), (file), path_of(file))
CALLS(int, -1, fdatasync, "fsync", meet_without_space, (int file), (file), path_of(file))
CALLS(int, -1, rename, is_folder(from) ? "renamefolder" : "rename", meet_without_space, (const char* from, const char* to), (from, to), from)
CALLS(int, -1, flock, "flock", meet_if_named, (int file, int act), (file, act), path_of(file))
CALLS(int, -1, unlink, "unlink", meet_without_space, (const char* path), (path), path)
CALLS(int, -1, unlinkat, "unlink", meet_without_space, (int folder, const char* path, int flags), (folder, path, flags), path_of(folder))
CALLS(int, -1, rmdir, "unlink", meet_without_space, (const char* path), (path), path)
CALLS(int, -1, remove, "unlink", meet_without_space, (const char* path), (path), path)

/* Files opened for reading alone count for EACCES only, so that other faults keep their numbers. */
static enum verdict meet_open(const char* path, int changes) {
  const char* act = getenv("FAULT_DO");
  return changes || (act && !strcmp(act, "EACCES")) ? meet("open", path) : go_on;
}

#define OPENS(name)                                                        \
  int name(const char* path, int flags, ...) {                             \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;        \
    va_end(rest);                                                          \
    if (meet_open(path, flags & (O_CREAT | O_TRUNC)) == fail) return -1;   \
    return REAL(name)(path, flags, mode);                                  \
  }
OPENS(open)
OPENS(open64)

/* Memory that ranks share, by a name under which it can be made to fail. */
int memfd_create(const char* name, unsigned flags) {
  return meet("memfd", "/dev/shm/flatsweep-memfd") == fail ? -1 : REAL(memfd_create)(name, flags);
}

#define STREAMS(name)                                                     \
  FILE* name(const char* path, const char* mode) {                        \
    if (meet_open(path, mode[0] != 'r') == fail) return NULL;             \
    return REAL(name)(path, mode);                                        \
  }
STREAMS(fopen)
STREAMS(fopen64)

/* A file is closed also where close fails. */
int close(int file) {
  const enum verdict verdict = meet_if_named("close", path_of(file));
  const int error = errno, closed = REAL(close)(file);
  if (verdict != fail) return closed;
  errno = error;
  return -1;
}

#define SPACES(name)                                                  \
  int name(const char* path, struct name* space) {                    \
    const int done = REAL(name)(path, space);                         \
    if (getenv("FAULT_NO_BLOCKS"))                                     \
      space->f_blocks = space->f_bfree = space->f_bavail = 0;         \
    return done;                                                      \
  }
SPACES(statvfs)
SPACES(statvfs64)
