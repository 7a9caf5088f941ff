#include "show_status.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/terminal.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/study/run/status.hpp"
#include "launcher.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::system_clock;
using std::chrono::duration;

constexpr double terminal_interval = 2.0, plain_interval = 10.0;  // seconds
constexpr std::size_t columns_of_old = 76;                        // of a terminal that does not say
constexpr double share_of_time = 0.1;  // that looking may take, where a grid is large or a disk slow

double now() { return duration<double>(Clock::now().time_since_epoch()).count(); }

/// What is there at one moment.
struct Report {
  std::vector<std::string> lines;
  std::string summary;
  bool running = false;
  int code = 0;
};

int code_of(const RunStatus& status) {
  if (status.state == RunState::stopped) return exit_code(ErrorKind::stopped);
  const bool over = status.state != RunState::running && status.replicas > 0;
  return over && status.count(UnitStatus::done) == 0 ? exit_code(ErrorKind::solver) : 0;
}

Report report_on_run(const fs::path& folder) {
  const auto status = read_status(folder, now());
  return {describe_status(folder, status, now()), summarise_status(status), status.state == RunState::running,
          code_of(status)};
}

/// One line for each.
Report report_on_slices(const fs::path& folder, const std::vector<fs::path>& slices) {
  Report report{{folder.string() + ":"}, ""};
  int running = 0;
  for (const auto& slice : slices) {
    const auto status = read_status(slice, now());
    report.lines.push_back(fmt::format("  {:<16} {}", slice.filename().string(), summarise_status(status)));
    running += status.state == RunState::running ? 1 : 0;
    report.code = std::max(report.code, code_of(status));
  }
  report.running = running > 0;
  report.summary = fmt::format("{} of {} slices running", running, slices.size());
  return report;
}

Report look(const fs::path& folder) {
  const auto slices = slices_in(folder);
  return slices.empty() ? report_on_run(folder) : report_on_slices(folder, slices);
}

void print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    throw IoError("the standard output cannot be written; free space there, or send it elsewhere");
}

/// @param columns  that a line may take
std::string joined(const std::vector<std::string>& lines, std::size_t columns = std::string::npos) {
  std::string text;
  for (const auto& line : lines) text += shortened(printable(line), columns) + "\n";
  return text;
}

/// As many as can be drawn over again: what has left the terminal at its upper end stays. The last report is whole.
std::vector<std::string> that_fit(const Report& report) {
  auto lines = report.lines;
  const auto rows = terminal_rows().value_or(lines.size() + 1);
  if (!report.running || lines.size() < rows || rows < 3) return lines;
  lines.resize(rows - 2);
  lines.push_back(fmt::format("  and {} more lines", report.lines.size() - lines.size()));
  return lines;
}

/// Over what was drawn before.
void redraw(const Report& report, std::size_t& drawn) {
  const auto up = drawn > 0 ? fmt::format("\033[{}A\033[J", drawn) : std::string();
  const auto lines = that_fit(report);
  print(up + joined(lines, terminal_columns().value_or(columns_of_old)));
  drawn = lines.size();
}

int watch_run(const fs::path& folder) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  std::size_t drawn = 0;
  while (true) {
    const auto begin = std::chrono::steady_clock::now();
    const auto report = look(folder);
    if (terminal)
      redraw(report, drawn);
    else
      print(report.running ? fmt::format("{:%Y-%m-%d %H:%M:%S} {}\n", fmt::localtime(std::time(nullptr)),
                                         printable(report.summary))
                           : joined(report.lines));
    if (!report.running) return report.code;
    const duration<double> taken = std::chrono::steady_clock::now() - begin;
    const double interval = std::max(terminal ? terminal_interval : plain_interval, taken.count() / share_of_time);
    std::this_thread::sleep_for(duration<double>(interval));
  }
}

}  // namespace

int show_status(const fs::path& folder, Watch watch) {
  if (launcher_of_this_process().number > 0) return 0;
  if (watch == Watch::until_the_end) return watch_run(folder);
  const auto report = look(folder);
  print(joined(report.lines));
  return report.code;
}

}  // namespace flatsweep
