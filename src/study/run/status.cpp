#include "flatsweep/study/run/status.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/log.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/study/store/folder_owner.hpp"
#include "flatsweep/study/store/output_folder.hpp"
#include "flatsweep/study/store/progress_file.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "progress_recorder.hpp"
#include "study/store/tree_entries.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

/// What the lines of progress.csv say of one unit.
struct UnitLines {
  UnitInHand last;
  double before = 0.0;  // done when the last job began
  bool of_this_job = false;
};

struct JobLines {
  std::map<std::int64_t, UnitLines> units;
  std::optional<double> begin, last;
  std::string stage;
};

void begin_job(JobLines& lines, double time) {
  lines.begin = time;
  for (auto& [number, unit] : lines.units) {
    unit.before = unit.last.done;
    unit.of_this_job = false;
  }
}

void take(JobLines& lines, const ProgressLine& line) {
  lines.last = line.time;
  if (line.replica == ProgressLine::job) {
    lines.stage = line.stage;
    if (line.stage == job_stage::begins) begin_job(lines, line.time);
    return;
  }
  lines.stage.clear();
  auto& unit = lines.units[line.replica];
  unit.of_this_job = true;
  auto& last = unit.last;
  last.replica = line.replica;
  last.stage = line.stage;
  last.fraction = line.fraction;
  last.done = line.done;
  if (!line.epoch) return;
  last.epoch = line.epoch;
  last.test_error = line.record.test_error;
}

bool says_how_it_ended(const UnitLines& unit) { return from_word<UnitStatus>(unit.last.stage).has_value(); }

class FolderReader {
 public:
  FolderReader(const fs::path& folder, double now) : work_(work_folder(folder)), now_(now) {
    const auto sign = owner_sign(folder);
    if (sign) status_.owner = sign->name;
    status_.state = sign && sign->seems_alive() ? RunState::running : RunState::stopped;
    status_.has_results = is_there(results_file(folder));
    read_progress(folder, [this](const ProgressLine& line) { take(lines_, line); });
  }

  RunStatus read() {
    status_.begin = lines_.begin;
    status_.last = lines_.last;
    status_.job_stage = lines_.stage;
    for (const auto& unit : read_planned_units(work_)) add(unit);
    const bool whole = status_.replicas > 0 && status_.all_ended() == status_.replicas;
    if (status_.state == RunState::stopped && whole && is_there(slice_record_file(work_)))
      status_.state = RunState::ready;
    const auto elapsed = now_ - lines_.begin.value_or(now_);
    if (status_.state == RunState::running && elapsed > 0.0) {
      if (ended_in_job_ > 0) status_.replicas_per_minute = 60.0 * ended_in_job_ / elapsed;
      if (gained_ > 0.0) status_.seconds_left = elapsed * (1.0 - status_.done) / gained_;
    }
    return std::move(status_);
  }

 private:
  void add(const PlannedUnit& unit) {
    status_.replicas += unit.replicas;
    const auto found = lines_.units.find(unit.unit);
    const auto* lines = found == lines_.units.end() ? nullptr : &found->second;
    if (is_there(UnitFolder(folder_of(unit)).file(end_stage))) return add_ended(unit, lines);
    if (lines == nullptr) return;
    // A job that goes on takes up some of what the one before had in hand, and leaves the rest for later.
    const double done = says_how_it_ended(*lines) ? 0.0 : lines->last.done;
    status_.done += unit.share * done;
    if (lines->of_this_job) gained_ += unit.share * std::max(0.0, done - lines->before);
    if (!lines->of_this_job && status_.state == RunState::running) return;
    status_.in_hand += unit.replicas;
    status_.begun.push_back(lines->last);
  }

  void add_ended(const PlannedUnit& unit, const UnitLines* lines) {
    status_.done += unit.share;
    if (lines != nullptr && lines->of_this_job) {
      gained_ += unit.share * (1.0 - std::min(1.0, lines->before));
      ended_in_job_ += unit.replicas;
    }
    auto ended = lines == nullptr ? std::nullopt : from_word<UnitStatus>(lines->last.stage);
    std::string message;
    if (ended != UnitStatus::done) {  // thousands of small files are not read where one tells enough
      const auto end = read_unit_end(read_durable(UnitFolder(folder_of(unit)).file(end_stage)));
      ended = end.status;
      message = end.message;
    }
    status_.ended[static_cast<std::size_t>(*ended)] += unit.replicas;
    if (*ended != UnitStatus::done) status_.troubles.push_back({unit.unit, *ended, message});
  }

  [[nodiscard]] fs::path folder_of(const PlannedUnit& unit) const { return work_ / unit_name(unit.unit); }

  fs::path work_;
  double now_;
  JobLines lines_;
  RunStatus status_;
  double gained_ = 0.0;            // share of the work that this job has done
  std::int64_t ended_in_job_ = 0;  // replicas
};

/// Of a run whose work is done and removed.
RunStatus read_finished(const fs::path& folder) {
  RunStatus status;
  status.state = RunState::finished;
  status.has_results = true;
  status.done = 1.0;
  const auto file = results_file(folder);
  for (const auto word : words<UnitStatus>(read_results_group(file, "grid"), "status")) {
    ++status.ended[static_cast<std::size_t>(word)];
    ++status.replicas;
  }
  for (std::int64_t i = 0; i < status.replicas && status.count(UnitStatus::done) < status.replicas; ++i) {
    const auto replica = read_results_group(file, "replica/" + unit_name(i));
    if (const auto how = status_of(replica); how != UnitStatus::done)
      status.troubles.push_back({i, how, replica.text("message")});
  }
  return status;
}

std::string counts(const RunStatus& status) {
  std::vector<std::string> parts;
  for (const auto& row : enum_words<UnitStatus>)
    if (status.count(row.value) > 0 || row.value == UnitStatus::done)
      parts.push_back(fmt::format("{} {}", status.count(row.value), row.word));
  if (status.in_hand > 0)
    parts.push_back(fmt::format("{} {}", status.in_hand, status.state == RunState::running ? "running" : "begun"));
  if (status.waiting() > 0) parts.push_back(fmt::format("{} waiting", status.waiting()));
  return fmt::format("{}: {}", counted(status.replicas, "replica"), fmt::join(parts, ", "));
}

std::string bar(double done) {
  constexpr int width = 24;
  const int filled = width * std::clamp(done, 0.0, 1.0) + 1e-3;
  return fmt::format("[{:#>{}}{:.>{}}] {:.1f} %", "", filled, "", width - filled, 100.0 * done);
}

std::string head(const RunStatus& status, double now) {
  const auto since = [&](const std::optional<double>& time) {
    return format_duration(std::max(0.0, now - time.value_or(now)));
  };
  switch (status.state) {
    case RunState::finished:
      return "finished";
    case RunState::running:
      if (status.begin) return fmt::format("running for {} ({})", since(status.begin), status.owner);
      return fmt::format("running ({})", status.owner);
    case RunState::ready:
      return "the slice is finished; once all are, join them with flatsweep merge";
    case RunState::stopped:
      break;
  }
  auto text = std::string("interrupted: ");
  text += status.owner.empty() ? "no job writes here" : "the job that wrote here (" + status.owner + ") is gone";
  if (status.last) text += fmt::format(", its last sign is {} old", since(status.last));
  return text;
}

std::string describe_unit_in_hand(const UnitInHand& unit) {
  auto text = fmt::format("replica {:>6}  {} {:.0f} %", unit.replica, unit.stage, 100.0 * unit.fraction);
  if (unit.epoch)
    text += fmt::format(", {} trained, test error {:.4f}", counted(*unit.epoch, "epoch"), *unit.test_error);
  return text;
}

constexpr std::size_t most_listed_units = 20;

template <class Item, class Text>
void list(std::vector<std::string>& lines, const std::string& label, const std::vector<Item>& items, const Text& text) {
  const auto shown = std::min(items.size(), most_listed_units);
  for (std::size_t i = 0; i < shown; ++i)
    lines.push_back(fmt::format("  {:<11}{}", i == 0 ? label : "", text(items[i])));
  if (shown < items.size()) lines.push_back(fmt::format("  {:<11}and {} more", "", items.size() - shown));
}

std::string work_line(const RunStatus& status) {
  auto text = bar(status.done);
  if (status.replicas_per_minute) text += fmt::format(", {:.2f} replicas/min", *status.replicas_per_minute);
  if (status.seconds_left) text += fmt::format(", about {} left", format_duration(*status.seconds_left));
  return text;
}

}  // namespace

std::int64_t RunStatus::all_ended() const { return std::accumulate(ended.begin(), ended.end(), std::int64_t{0}); }

RunStatus read_status(const fs::path& folder, double now) {
  if (!is_there(folder))
    throw ConfigError(fmt::format("{}: there is no such folder; name the output folder of a run, for example runs/grid",
                                  folder.string()));
  const bool has_work = is_there(fingerprint_file(folder));
  if (has_work) return FolderReader(folder, now).read();
  if (is_there(results_file(folder))) return read_finished(folder);
  throw ConfigError(
      fmt::format("{}: neither results.h5 nor work/ of a run is here; name an output folder of flatsweep (--output of "
                  "the run; by default it is runs/<name of the configuration>)",
                  folder.string()));
}

std::vector<fs::path> slices_in(const fs::path& folder) {
  std::vector<fs::path> slices;
  std::error_code ignored;
  if (is_there(work_folder(folder)) || is_there(results_file(folder))) return slices;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with("slice-") && is_there(work_folder(entry.path())))
      slices.push_back(entry.path());
  std::ranges::sort(slices, {}, [](const fs::path& path) {
    const auto name = path.filename().string();
    return std::pair(name.size(), name);
  });
  return slices;
}

std::string summarise_status(const RunStatus& status) {
  constexpr std::array names = {"finished", "running", "interrupted", "ready to be merged"};
  auto text = std::string(names[static_cast<std::size_t>(status.state)]);
  if (status.replicas > 0) text += ", " + counts(status);
  if (status.state == RunState::running) text += ", " + work_line(status);
  return text;
}

std::vector<std::string> describe_status(const fs::path& folder, const RunStatus& status, double now) {
  std::vector<std::string> lines = {fmt::format("{}: {}", folder.string(), head(status, now))};
  const auto add = [&](const char* label, const std::string& text) {
    lines.push_back(fmt::format("  {:<11}{}", label, text));
  };
  if (status.replicas > 0) add("grid", counts(status));
  if (status.state != RunState::finished && status.replicas > 0) add("work", work_line(status));
  if (status.state == RunState::running && !status.job_stage.empty()) add("now", status.job_stage);
  list(lines, status.state == RunState::running ? "running" : "begun", status.begun,
       [](const UnitInHand& unit) { return describe_unit_in_hand(unit); });
  list(lines, "not done", status.troubles, [](const UnitTrouble& unit) {
    return fmt::format("replica {:>6}  {}: {}", unit.replica, to_string(unit.status), unit.message);
  });
  if (status.state == RunState::stopped)
    add("go on", "give the command of the run once more with --resume; analyse without it");
  if (status.state != RunState::finished && status.has_results)
    add("results",
        fmt::format("{} is there from before, and stays until the new one is complete", results_file(folder).string()));
  if (status.state == RunState::finished) add("results", results_file(folder).string());
  return lines;
}

}  // namespace flatsweep
