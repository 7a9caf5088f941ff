#include "progress_recorder.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace flatsweep {

namespace {

constexpr double seconds_between_lines = 10.0;
constexpr std::size_t most_plan_bytes = std::size_t{64} << 20;
constexpr const char* plan_header = "replica,replicas,share";

/// What a plan of this program may say.
bool is_possible(const PlannedUnit& unit) {
  const std::int64_t most = limits::replicas;
  return unit.unit >= 0 && unit.unit < most && unit.replicas >= 1 && unit.replicas <= most && unit.share >= 0.0 &&
         unit.share <= 1.0;
}

std::filesystem::path plan_file(const std::filesystem::path& work) { return work / "plan.csv"; }

}  // namespace

ProgressRecorder::ProgressRecorder(const Communicator& world, const std::filesystem::path& output,
                                   std::function<void(const std::string&)> warn)
    : warn_(std::move(warn)) {
  if (world.is_root()) read(output);
  share(world);
  if (world.is_root()) {
    file_ = ProgressFile(output);
    job(job_stage::begins, 0.0, 0.0);
  }
  world.barrier();  // the names of the columns are there before other ranks add lines
  if (!world.is_root()) file_ = ProgressFile(output);
}

/// Without it there are doubled lines, and nothing worse.
void ProgressRecorder::read(const std::filesystem::path& output) {
  try {
    read_progress(output, [this](const ProgressLine& line) {
      if (line.replica == ProgressLine::job) return;
      auto& unit = recorded_[line.replica];
      unit.epoch = std::max(unit.epoch, line.epoch.value_or(0));
      unit.ended = from_word<UnitStatus>(line.stage).has_value();
    });
  } catch (const IoError&) {  // it cannot be written either, which is said
  }
}

void ProgressRecorder::share(const Communicator& world) {
  std::vector<std::int64_t> numbers;
  for (const auto& [unit, recorded] : recorded_)
    numbers.insert(numbers.end(), {unit, recorded.epoch, recorded.ended ? 1 : 0});
  numbers.resize(world.broadcast(static_cast<std::int64_t>(numbers.size())));
  world.broadcast(std::as_writable_bytes(std::span(numbers)));
  for (std::size_t i = 0; i < numbers.size(); i += 3) recorded_[numbers[i]] = {numbers[i + 1], numbers[i + 2] != 0};
}

void ProgressRecorder::begin_unit(std::int64_t unit) {
  unit_ = unit;
  last_stage_.clear();
}

void ProgressRecorder::stage(std::string_view stage, double fraction, double done) {
  if (stage == last_stage_ && MPI_Wtime() - last_time_ < seconds_between_lines) return;
  recorded_[unit_].ended = false;
  append({0.0, unit_, std::string(stage), fraction, done});
}

void ProgressRecorder::epoch(std::string_view stage, double fraction, double done, std::int64_t epoch,
                             const EpochRecord& record) {
  auto& recorded = recorded_[unit_];
  if (epoch <= recorded.epoch) return;
  recorded = {epoch, false};
  append({0.0, unit_, std::string(stage), fraction, done, epoch, record});
}

void ProgressRecorder::end_unit(UnitStatus status) {
  if (std::exchange(recorded_[unit_].ended, true)) return;
  append({0.0, unit_, std::string(to_string(status)), 1.0, 1.0});
}

void ProgressRecorder::job(std::string_view stage, double fraction, double done) {
  if (stage == last_stage_ && MPI_Wtime() - last_time_ < seconds_between_lines) return;
  append({0.0, ProgressLine::job, std::string(stage), fraction, done});
}

void ProgressRecorder::append(ProgressLine line) {
  last_stage_ = line.stage;
  last_time_ = MPI_Wtime();
  file_.append(std::move(line));
  if (!file_.complaint().empty() && !std::exchange(told_, true)) warn_(file_.complaint());
}

void write_planned_units(const WorkFiles& work, const Plan& plan) {
  double whole = 0.0;
  for (const auto i : plan.drawn) whole += plan.units[i].cost;
  auto text = std::string(plan_header) + "\n";
  for (const auto i : plan.drawn) {
    const auto& unit = plan.units[i];
    const double share = whole > 0.0 ? unit.cost / whole : 1.0 / plan.drawn.size();
    text += fmt::format("{},{},{:.9g}\n", unit.id, unit.replicas.size(), share);
  }
  write_durable_text(plan_file(work.folder), text, work.owner);
}

std::vector<PlannedUnit> read_planned_units(const std::filesystem::path& work) {
  std::vector<PlannedUnit> units;
  const auto file = plan_file(work);
  if (!is_there(file)) return units;
  try {
    std::istringstream lines(read_regular(file, most_plan_bytes));
    std::string header;
    std::getline(lines, header);
    PlannedUnit unit;
    char comma = 0;
    bool whole = header == plan_header;
    while (lines >> unit.unit >> comma >> unit.replicas >> comma >> unit.share) {
      whole = whole && is_possible(unit);
      units.push_back(unit);
    }
    if (!whole || !lines.eof()) throw IoError("it is damaged; the next job on this folder makes it anew");
  } catch (const IoError& error) {
    throw IoError(fmt::format("cannot read {}: {}", file.string(), error.what()));
  }
  return units;
}

}  // namespace flatsweep
