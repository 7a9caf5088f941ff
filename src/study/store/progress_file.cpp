#include "flatsweep/study/store/progress_file.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/system_call.hpp"
#include "flatsweep/base/text.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <thread>
#include <utility>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

constexpr std::array column_names = {"time",  "replica",    "stage",       "fraction",  "done",
                                     "epoch", "train_loss", "train_error", "test_loss", "test_error"};
constexpr std::size_t most_line_bytes = 4096;

/// A comma would end the column, a quote begin a quotation.
std::string as_column(std::string text) {
  std::erase_if(text, [](unsigned char c) { return c < ' ' || c == ',' || c == '"'; });
  return text;
}

/// "2026-01-31T12:00:00.250Z"
std::string utc(double time) {
  const auto milliseconds = std::llround(1000.0 * time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)),
                     milliseconds % 1000);
}

/// Not of a NaN, which is no share of anything.
bool is_share(const std::optional<double>& number) { return number && *number >= 0.0 && *number <= 1.0; }

std::optional<double> time_from(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return std::nullopt;
  const auto digits = [&](int at, int count) { return *number_from<int>(text.substr(at, count)); };
  std::tm time{};
  time.tm_year = digits(0, 4) - 1900;
  time.tm_mon = digits(5, 2) - 1;
  time.tm_mday = digits(8, 2);
  time.tm_hour = digits(11, 2);
  time.tm_min = digits(14, 2);
  time.tm_sec = digits(17, 2);
  return timegm(&time) + 1e-3 * digits(20, 3);
}

/// Nothing where there are more or fewer than there are columns.
std::optional<std::array<std::string_view, column_names.size()>> columns_of(std::string_view text) {
  if (std::ranges::count(text, ',') + 1 != std::ssize(column_names)) return std::nullopt;
  std::array<std::string_view, column_names.size()> columns;
  for (auto& column : columns) {
    const auto comma = std::min(text.find(','), text.size());
    column = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return columns;
}

double clock_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Holds the file against other processes that add lines. Without a word where files cannot be locked, and where a
/// holder does not go on: two lines then may mix where several machines write.
class LineLock {
 public:
  explicit LineLock(int file) : file_(file) {
    constexpr int attempts = 20;
    for (int i = 0; i < attempts && !held_; ++i) {
      held_ = flock(file_, LOCK_EX | LOCK_NB) == 0;
      if (!held_ && errno != EWOULDBLOCK && errno != EINTR) return;
      if (!held_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  ~LineLock() {
    if (held_) flock(file_, LOCK_UN);
  }
  LineLock(const LineLock&) = delete;
  LineLock& operator=(const LineLock&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  int file_;
  bool held_ = false;
};

off_t size_of_file(int file) {
  struct stat status {};
  return fstat(file, &status) == 0 ? status.st_size : 0;
}

/// Where the last whole line ends.
off_t end_of_lines(int file, off_t size) {
  std::array<char, most_line_bytes> block{};
  while (size > 0) {
    const auto length = std::min<off_t>(size, block.size());
    const auto got = pread(file, block.data(), length, size - length);
    if (got != length) return size;  // it cannot be read: it stays as it is
    const auto* const end =
        std::find(std::reverse_iterator(block.data() + length), std::reverse_iterator(block.data()), '\n').base();
    if (end != block.data()) return size - length + (end - block.data());
    size -= length;
  }
  return 0;
}

}  // namespace

std::string progress_header() { return fmt::format("{}", fmt::join(column_names, ",")); }

std::string to_text(const ProgressLine& line) {
  auto text = fmt::format("{},{},{},{:.4f},{:.4f},", utc(line.time), line.replica, as_column(line.stage), line.fraction,
                          line.done);
  if (!line.epoch) return text + ",,,,";
  const auto& record = line.record;
  return text + fmt::format("{},{:.9g},{:.9g},{:.9g},{:.9g}", *line.epoch, record.train_loss, record.train_error,
                            record.test_loss, record.test_error);
}

std::optional<ProgressLine> parse_progress(std::string_view text) {
  const auto columns = columns_of(text);
  if (!columns) return std::nullopt;
  const auto& c = *columns;
  const auto time = time_from(c[0]);
  const auto replica = number_from<std::int64_t>(c[1]);
  const auto fraction = number_from<double>(c[3]), done = number_from<double>(c[4]);
  if (!time || !replica || !is_share(fraction) || !is_share(done) || c[2].empty()) return std::nullopt;
  ProgressLine line{*time, *replica, std::string(c[2]), *fraction, *done};
  if (c[5].empty()) return line;
  const auto train_loss = number_from<double>(c[6]), train_error = number_from<double>(c[7]);
  const auto test_loss = number_from<double>(c[8]), test_error = number_from<double>(c[9]);
  line.epoch = number_from<std::int64_t>(c[5]);
  if (!line.epoch || !train_loss || !train_error || !test_loss || !test_error) return std::nullopt;
  line.record.train_loss = *train_loss;
  line.record.train_error = *train_error;
  line.record.test_loss = *test_loss;
  line.record.test_error = *test_error;
  return line;
}

fs::path progress_file(const fs::path& folder) { return folder / "progress.csv"; }

void read_progress(const fs::path& folder, const std::function<void(const ProgressLine&)>& take) {
  const auto path = progress_file(folder);
  if (!is_there(path)) return;
  try {
    const auto file = open_regular(path);
    std::string text;
    std::array<char, 1 << 16> block{};
    while (true) {
      const auto got = uninterrupted([&] { return read(file.get(), block.data(), block.size()); });
      if (got < 0) throw IoError(describe_error(errno));
      if (got == 0) return;
      text.append(block.data(), got);
      std::size_t begin = 0;
      for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
        if (const auto line = parse_progress(std::string_view(text).substr(begin, end - begin))) take(*line);
        begin = end + 1;
      }
      text.erase(0, begin);
      if (text.size() > most_line_bytes) text.resize(most_line_bytes);  // that is no line of ours
    }
  } catch (const IoError& error) {
    throw IoError(fmt::format("cannot read {}: {}", path.string(), error.what()));
  }
}

ProgressFile::ProgressFile(const fs::path& folder) : path_(progress_file(folder)) {
  const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  file_ = FileHandle(uninterrupted([&] { return open(path_.c_str(), flags, 0666); }));
  try {
    if (!file_) throw IoError(describe_error(errno));
    require_regular(file_.get());
  } catch (const IoError& error) {
    give_up(error.what());
  }
}

void ProgressFile::give_up(const std::string& reason) {
  file_.reset();
  complaint_ = fmt::format("{}: how far the run is can no longer be written there: {}; the run goes on without it",
                           path_.string(), reason);
}

void ProgressFile::append(ProgressLine line) {
  if (!file_) return;
  line.time = clock_time();
  append_text(to_text(line) + "\n");
}

// One write, which others' writes do not mix with. What a full disk takes of it is taken back.
void ProgressFile::append_text(std::string text) {
  const LineLock lock(file_.get());
  auto size = size_of_file(file_.get());
  if (lock.held()) {
    const auto end = end_of_lines(file_.get(), size);
    if (end < size && ftruncate(file_.get(), end) == 0) size = end;
  }
  if (size == 0) text.insert(0, progress_header() + "\n");
  const auto written = uninterrupted([&] { return write(file_.get(), text.data(), text.size()); });
  if (std::cmp_equal(written, text.size())) return;
  const auto reason = describe_error(written < 0 ? errno : ENOSPC);
  if (written > 0 && lock.held()) (void)!ftruncate(file_.get(), size);
  give_up(reason);
}

}  // namespace flatsweep
