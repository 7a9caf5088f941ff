#include "flatsweep/base/terminal.hpp"

#include "flatsweep/base/regular_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace flatsweep {

namespace {

bool behind_launcher() { return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr; }

std::string launchers_output() { return fmt::format("/proc/{}/fd/1", getppid()); }

/// Zeros where it is not known.
winsize terminal_size() {
  winsize size{};
  if (!behind_launcher()) {
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
    return size;
  }
  const FileHandle terminal(open(launchers_output().c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!terminal || ioctl(terminal.get(), TIOCGWINSZ, &size) != 0) return {};
  return size;
}

}  // namespace

bool shows_on_terminal() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  if (!behind_launcher()) return true;
  std::error_code error;
  const auto target = std::filesystem::read_symlink(launchers_output(), error).string();
  return !error && (target.starts_with("/dev/pts/") || target.starts_with("/dev/tty"));
}

std::optional<std::size_t> terminal_rows() {
  const std::size_t rows = terminal_size().ws_row;
  if (rows == 0) return std::nullopt;
  return rows;
}

std::optional<std::size_t> terminal_columns() {
  constexpr std::size_t dots = 3, narrowest = 8;
  const std::size_t width = terminal_size().ws_col;
  if (width <= narrowest) return std::nullopt;
  return width - 1 - dots;  // a line that fills the last column goes on in the next
}

}  // namespace flatsweep
