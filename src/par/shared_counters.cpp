#include "shared_counters.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/system_call.hpp"
#include "flatsweep/par/mpi_type.hpp"
#include "flatsweep/par/node_memory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace flatsweep {

namespace {

constexpr auto bytes_of_one = static_cast<off_t>(sizeof(std::int64_t));

/// In memory that all ranks see, where they stand on one node.
class NodeCounters final : public SharedCounters {
 public:
  NodeCounters(const Communicator& node, int count, const NodeMemorySource& source)
      : memory_(node, sizeof(std::int64_t) * static_cast<std::size_t>(count), source) {}
  [[nodiscard]] bool works() const { return memory_.available(); }

  std::int64_t fetch_and_add(int counter, std::int64_t value) override {
    auto* const all = reinterpret_cast<std::int64_t*>(memory_.bytes().data());  // zeros at first
    return std::atomic_ref(all[counter]).fetch_add(value);
  }
  [[nodiscard]] double seconds_between_looks() const override { return 0.2; }

 private:
  NodeMemory memory_;
};

/// Whether there is room for what Open MPI keeps of a window beside its memory. Without, some ranks return from
/// MPI_Win_allocate with an error while others wait in it.
bool room_for_window() {
  constexpr double wanted = 0x1.0p20;
  struct statvfs place = {};
  if (statvfs("/dev/shm", &place) != 0) return true;
  return 1.0 * place.f_bavail * place.f_frsize >= wanted;
}

class WindowCounters final : public SharedCounters {
 public:
  WindowCounters(const Communicator& world, int count) : comm_(world.split(0)) {
    const MPI_Aint bytes = comm_.is_root() ? count * static_cast<MPI_Aint>(bytes_of_one) : 0;
    std::int64_t* memory = nullptr;
    if (MPI_Win_allocate(bytes, bytes_of_one, MPI_INFO_NULL, comm_.get(), &memory, &window_) != MPI_SUCCESS) {
      window_ = MPI_WIN_NULL;
      return;
    }
    MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN);
    if (comm_.is_root())
      for (int i = 0; i < count; ++i) memory[i] = 0;
    comm_.barrier();
    if (MPI_Win_lock_all(0, window_) != MPI_SUCCESS) window_ = MPI_WIN_NULL;
    comm_.barrier();
  }
  WindowCounters(const WindowCounters&) = delete;
  WindowCounters& operator=(const WindowCounters&) = delete;
  ~WindowCounters() override {
    if (!works()) return;
    MPI_Win_unlock_all(window_);
    MPI_Win_free(&window_);
  }
  [[nodiscard]] bool works() const { return window_ != MPI_WIN_NULL; }

  std::int64_t fetch_and_add(int counter, std::int64_t value) override {
    std::int64_t before = 0;
    check_mpi(MPI_Fetch_and_op(&value, &before, MpiType<std::int64_t>::get(), 0, counter, MPI_SUM, window_),
              "drawing from the queue");
    check_mpi(MPI_Win_flush(0, window_), "drawing from the queue");
    return before;
  }
  [[nodiscard]] double seconds_between_looks() const override { return 0.2; }

 private:
  Communicator comm_;
  MPI_Win window_ = MPI_WIN_NULL;
};

class FileCounters final : public SharedCounters {
 public:
  FileCounters(const Communicator& world, std::filesystem::path file, int count)
      : comm_(world.split(0)), file_(std::move(file)) {
    if (comm_.is_root()) create(count);
    comm_.barrier();
    if (!comm_.is_root()) handle_ = uninterrupted([&] { return open(file_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC); });
  }
  FileCounters(const FileCounters&) = delete;
  FileCounters& operator=(const FileCounters&) = delete;
  ~FileCounters() override {
    comm_.barrier();
    if (comm_.is_root() && is_ours()) unlink(file_.c_str());
    if (handle_ >= 0) close(handle_);
  }

  /// Opened, locked and read by this rank.
  [[nodiscard]] bool works() {
    try {
      return handle_ >= 0 && fetch_and_add(0, 0) == 0;
    } catch (const ParallelError&) {
      return false;
    }
  }

  std::int64_t fetch_and_add(int counter, std::int64_t value) override {
    lock(F_WRLCK);
    std::int64_t before = 0;
    const off_t at = counter * bytes_of_one;
    check(uninterrupted([&] { return pread(handle_, &before, sizeof before, at); }) == bytes_of_one);
    const std::int64_t after = before + value;
    if (value != 0) check(uninterrupted([&] { return pwrite(handle_, &after, sizeof after, at); }) == bytes_of_one);
    lock(F_UNLCK);
    return before;
  }
  [[nodiscard]] double seconds_between_looks() const override { return 2.0; }

 private:
  /// A new file: one that a killed job or another user left, or a link, is not written through.
  void create(int count) {
    unlink(file_.c_str());
    handle_ =
        uninterrupted([&] { return open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666); });
    if (handle_ >= 0 && ftruncate(handle_, count * bytes_of_one) != 0) {
      close(handle_);
      handle_ = -1;
    }
  }
  /// Not so once the folder was moved away and another job's stands in its place.
  [[nodiscard]] bool is_ours() const {
    struct stat own = {}, there = {};
    return handle_ >= 0 && fstat(handle_, &own) == 0 && lstat(file_.c_str(), &there) == 0 &&
           own.st_dev == there.st_dev && own.st_ino == there.st_ino;
  }
  /// Waits for the others; a signal does not end the wait.
  void lock(short kind) {
    struct flock whole = {};
    whole.l_type = kind;
    whole.l_whence = SEEK_SET;
    while (fcntl(handle_, F_SETLKW, &whole) != 0) check(errno == EINTR);
  }
  void check(bool good) const {
    if (good) return;
    throw ParallelError(file_.string() + ": the queue's file cannot be locked, read or written: " +
                        std::strerror(errno) + "; check the file system, and go on with --resume");
  }

  Communicator comm_;
  std::filesystem::path file_;
  int handle_ = -1;
};

template <class Counters>
std::unique_ptr<SharedCounters> where_all_work(const Communicator& world, std::unique_ptr<Counters> counters) {
  if (world.any(!counters->works())) return nullptr;
  return counters;
}

}  // namespace

std::unique_ptr<SharedCounters> counters_in_window(const Communicator& world, int count,
                                                   const NodeMemorySource& source) {
  const auto node = world.split_by_node();
  const bool one_node = !world.any(node.size() != world.size());
  if (one_node) return where_all_work(world, std::make_unique<NodeCounters>(world, count, source));
  if (world.any(!room_for_window())) return nullptr;
  return where_all_work(world, std::make_unique<WindowCounters>(world, count));
}

std::unique_ptr<SharedCounters> counters_in_file(const Communicator& world, const std::filesystem::path& file,
                                                 int count) {
  return where_all_work(world, std::make_unique<FileCounters>(world, file, count));
}

}  // namespace flatsweep
