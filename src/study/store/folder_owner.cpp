#include "flatsweep/study/store/folder_owner.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/system_call.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <system_error>
#include <utility>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

constexpr mode_t for_all = 0666;  // less the umask
constexpr int most_claims = 100;
constexpr int most_looks = 100;

fs::path owner_file(const fs::path& folder) { return folder / "owner"; }

std::string first_line_of(const char* file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// Which of the machine's process tables a process number belongs to.
std::string process_table() {
  std::error_code ignored;
  return first_line_of("/proc/sys/kernel/random/boot_id") + " " +
         fs::read_symlink("/proc/self/ns/pid", ignored).string();
}

/// State and start, in ticks since boot, of a process of this machine: two processes of one number differ in it.
struct ProcessState {
  char state = 'X';
  std::string start;
};

std::optional<ProcessState> state_of(long process) {
  const auto line = first_line_of(fmt::format("/proc/{}/stat", process).c_str());
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream words(line.substr(name_end + 1));
  ProcessState found;
  words >> found.state;
  constexpr int words_between = 18;  // proc(5): the state is number 3, the start number 22
  for (int i = 0; i <= words_between; ++i) words >> found.start;
  if (!words) return std::nullopt;
  return found;
}

std::string host_name() {
  std::array<char, 256> host{};
  return gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "unknown host";
}

std::string random_digits() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

/// What `owner` says, one thing a line.
struct Owner {
  long process = 0;
  std::string host;
  std::string start;
  std::string table;
  std::string token;

  static Owner self() {
    const auto state = state_of(getpid());
    return {getpid(), host_name(), state ? state->start : "unknown", process_table(), random_digits()};
  }
  static std::optional<Owner> from(const std::string& text) {
    std::istringstream lines(text);
    Owner owner;
    std::string word;
    lines >> word >> owner.process >> word >> std::ws;
    std::getline(lines, owner.host);
    lines >> word >> owner.start >> word >> std::ws;
    std::getline(lines, owner.table);
    lines >> word >> owner.token;
    if (!lines) return std::nullopt;
    return owner;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format("process {}\nhost {}\nstart {}\ntable {}\ntoken {}\n", process, host, start, table, token);
  }
  [[nodiscard]] std::string name() const { return fmt::format("process {} on {}", process, host); }
};

Life life_of(const Owner& owner) {
  if (owner.table != process_table()) return Life::unknown;
  const auto state = state_of(owner.process);
  // The process table is not there, or hides the processes of other users.
  if (!state && (kill(static_cast<pid_t>(owner.process), 0) == 0 || errno == EPERM || !state_of(getpid())))
    return Life::unknown;
  const bool lives = state && state->start == owner.start && state->state != 'Z' && state->state != 'X';
  return lives ? Life::alive : Life::gone;
}

struct Seen {
  std::string text;
  timespec touched{};
};

/// Nothing when there is no such file, or it cannot be read; errno says which.
std::optional<Seen> look_at_file(const fs::path& file) {
  const int handle = uninterrupted([&] { return open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); });
  if (handle < 0) return std::nullopt;
  std::array<char, 4096> text{};
  struct stat status = {};
  const auto size = uninterrupted([&] { return read(handle, text.data(), text.size()); });
  const bool good = size >= 0 && fstat(handle, &status) == 0;
  const int error = errno;
  close(handle);
  errno = error;
  if (!good) return std::nullopt;
  return Seen{std::string(text.data(), size), status.st_mtim};
}

int create_empty(const fs::path& file) {
  return uninterrupted([&] { return open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, for_all); });
}

/// Closes the handle and removes the file; errno stays.
int give_up(int handle, const fs::path& file) {
  const int error = errno;
  if (handle >= 0) close(handle);
  unlink(file.c_str());
  errno = error;
  return -1;
}

int create_and_write(const fs::path& file, const std::string& text) {
  const int handle = create_empty(file);
  if (handle < 0) return -1;
  return write_whole(handle, text.data(), text.size(), 0) ? handle : give_up(handle, file);
}

/// Makes the file with its text in it: nobody sees half of it, where the file system has links.
/// @return a handle; negative when there is a file of that name already, or none can be made: errno says which
int create(const fs::path& file, const std::string& text) {
  auto draft = file;
  draft += ".partial-" + random_digits();
  const int handle = create_and_write(draft, text);
  if (handle < 0) return -1;
  const bool linked = link(draft.c_str(), file.c_str()) == 0;
  const int error = errno;
  unlink(draft.c_str());
  if (linked) return handle;
  close(handle);
  errno = error;
  return error == EEXIST ? -1 : create_and_write(file, text);
}

bool touched_again(const fs::path& file, const Seen& before, const OwnerFile::Times& times) {
  const auto end = std::chrono::steady_clock::now() + times.patience;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(times.patience / 100);
    const auto now = look_at_file(file);
    if (!now) return false;
    if (now->text != before.text || now->touched.tv_sec != before.touched.tv_sec ||
        now->touched.tv_nsec != before.touched.tv_nsec)
      return true;
  }
  return false;
}

/// Of a process in another process table.
bool seems_alive(const fs::path& file, const Seen& seen, const OwnerFile::Times& times, const Tell& tell) {
  if (std::time(nullptr) - seen.touched.tv_sec > times.forgotten.count()) return false;
  if (tell)
    tell(fmt::format("{}: looking for {} s whether the job that it names still runs", file.string(),
                     std::chrono::duration_cast<std::chrono::seconds>(times.patience).count()));
  return touched_again(file, seen, times);
}

[[noreturn]] void refuse_second_job(const fs::path& file, const std::string& who) {
  throw ConfigError(
      fmt::format("{}: another job ({}) is writing to this folder; wait for it, or choose another with --output",
                  file.parent_path().string(), who));
}

void refuse_if_alive(const fs::path& file, const Seen& seen, const OwnerFile::Times& times, const Tell& tell) {
  const auto owner = Owner::from(seen.text);
  const auto life = owner ? life_of(*owner) : Life::unknown;
  if (life == Life::gone) return;
  if (life == Life::alive) refuse_second_job(file, owner->name());
  if (!seems_alive(file, seen, times, tell)) return;
  refuse_second_job(file,
                    (owner ? owner->name() : "unknown process") + ", whose file owner is touched every few seconds");
}

[[noreturn]] void cannot_be_written(const fs::path& file) {
  throw IoError(fmt::format("{}: the file cannot be written: {}", file.string(), describe_error(errno)));
}

}  // namespace

OwnerFile::OwnerFile(const fs::path& folder, const Tell& tell, Times times)
    : file_(owner_file(folder)), text_(Owner::self().text()), times_(times) {
  claim(tell);
  // Signals are for the main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    heart_ = std::thread([this] { beat(); });
  } catch (const std::system_error&) {  // no room for a thread: on this machine the process table tells of us
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void OwnerFile::claim(const Tell& tell) {
  for (int i = 0; i < most_claims && handle_ < 0; ++i) {
    handle_ = create(file_, text_);
    if (handle_ >= 0) break;
    if (errno != EEXIST) cannot_be_written(file_);
    const auto seen = look_at_file(file_);
    if (!seen && errno == ENOENT) continue;
    if (seen) refuse_if_alive(file_, *seen, times_, tell);
    if (unlink(file_.c_str()) != 0 && errno != ENOENT) cannot_be_written(file_);
  }
  if (handle_ < 0) refuse_second_job(file_, "unknown process");
  // Two that found the file of a dead process at the same time: the later one removed the earlier one's.
  const auto now = look_at_file(file_);
  if (!now || now->text == text_) return;
  close(handle_);
  const auto other = Owner::from(now->text);
  refuse_second_job(file_, other ? other->name() : "unknown process");
}

void OwnerFile::beat() {
  std::unique_lock lock(mutex_);
  while (!ended_changed_.wait_for(lock, times_.beat, [this] { return ended_; })) {
    const auto now = look_at_file(file_);  // another rank may have made it again
    if (now && now->text == text_) utimensat(AT_FDCWD, file_.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  }
}

OwnerFile::~OwnerFile() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_one();
  if (heart_.joinable()) heart_.join();
  const auto now = look_at_file(file_);
  if (now && now->text == text_) unlink(file_.c_str());
  close(handle_);
}

namespace {

class OwnershipCheck {
 public:
  OwnershipCheck(fs::path folder, std::string text)
      : folder_(std::move(folder)), text_(std::move(text)), known_(stat(folder_.c_str(), &begun_in_) == 0) {}

  void operator()() const {
    const auto file = owner_file(folder_);
    auto now = look_at_file(file);
    if (!now && errno != ENOENT && errno != ENOTDIR) return;  // what is done next fails by itself, or does not matter
    if (!now && is_the_same_folder() && make_again(file)) return;
    for (int i = 0; i < most_looks && (!now || now->text != text_); ++i) {
      now = look_at_file(file);
      if (!now) throw IoError(gone());
      if (Owner::from(now->text)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // it is being written
    }
    if (now->text != text_) throw IoError(taken(now->text));
  }

 private:
  [[nodiscard]] bool is_the_same_folder() const {
    struct stat now = {};
    return known_ && stat(folder_.c_str(), &now) == 0 && now.st_dev == begun_in_.st_dev &&
           now.st_ino == begun_in_.st_ino;
  }

  [[nodiscard]] bool make_again(const fs::path& file) const {
    const int handle = create(file, text_);
    if (handle < 0) return errno != EEXIST;  // no room for it, say: nobody else has the folder
    close(handle);
    return true;
  }

  [[nodiscard]] std::string gone() const {
    return fmt::format(
        "{}: the folder that this run began in is no longer here: it was moved or removed; move it back and go on with "
        "--resume, or go on where it is with --output and --resume",
        folder_.string());
  }

  [[nodiscard]] std::string taken(const std::string& text) const {
    const auto owner = Owner::from(text);
    return fmt::format(
        "{}: another job ({}) has this folder now: the one that this run began in was moved or replaced, or its files "
        "lock and owner were removed; this run ends and changes nothing here; go on where its folder is with --output "
        "and --resume",
        folder_.string(), owner ? owner->name() : "unknown process");
  }

  fs::path folder_;
  std::string text_;
  struct stat begun_in_ = {};
  bool known_;
};

}  // namespace

bool OwnerSign::seems_alive(OwnerFile::Times times) const {
  const double patience = std::chrono::duration<double>(times.patience).count();
  return life == Life::alive || (life == Life::unknown && age < patience);
}

std::optional<OwnerSign> owner_sign(const fs::path& folder) {
  const auto seen = look_at_file(owner_file(folder));
  if (!seen) return std::nullopt;
  const auto owner = Owner::from(seen->text);
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const double touched = seen->touched.tv_sec + 1e-9 * seen->touched.tv_nsec;
  return OwnerSign{owner ? owner->name() : "unknown process", owner ? life_of(*owner) : Life::unknown, now - touched};
}

std::function<void()> ownership_check(const fs::path& folder, const std::string& text) {
  return OwnershipCheck(folder, text);
}

}  // namespace flatsweep
