#include "flatsweep/study/run/results.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/base/version.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/pool/cross_replica.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "study/store/hole.hpp"
#include "study/store/machine.hpp"
#include "study/store/tree_entries.hpp"
#include "study/summary/grid_columns.hpp"
#include "study/summary/study_summary.hpp"
#include "study/unit/training_tree.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <functional>

namespace flatsweep {

namespace {

Group root_attributes(const Config& config, const ImageDataset& data) {
  Group root;
  root.set("format_version", results_format, "1",
           "version of this layout; it rises when a name or a meaning changes, additions leave it");
  root.set("flatsweep_version", version(), "", "version of the program that wrote the file");
  root.set("git_commit", git_commit(), "", "commit of the program that wrote the file");
  root.set("config", config.fingerprint, "",
           "configuration that results depend on, as TOML with defaults filled in; [run] and data.root stand at their "
           "defaults, the values used are in /provenance");
  root.set("dataset", data.name(), "", "data.name");
  root.set("dataset_sha256", data.sha256(), "",
           "SHA-256 over training images, training labels, test images, test labels as used, after the limits");
  if (!config.model.sha256.empty())
    root.set("models_sha256", config.model.sha256, "", "SHA-256 over the files of networks made elsewhere");
  return root;
}

Group provenance_tree(const Config& config, const Provenance& provenance) {
  Group group;
  group.set("created_utc", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))), "",
            "when the file was assembled, ISO 8601");
  group.set("mpi_ranks", std::int64_t{provenance.ranks}, "1",
            "number of ranks of the job that finished the run, or merged its slices");
  group.set("seconds", provenance.seconds, "s",
            "wall time of the job that finished the run; of a resumed run, the last part");
  group.set("peak_memory", provenance.peak_memory, "bytes",
            "most memory that each rank held before it wrote results, memory shared by the node included");
  group.set("queue", provenance.queue, "",
            "how units were drawn: one-sided counter, counter in a file, dealt in turn, or merged from N slices");
  group.set("machine", machine(), "",
            "processor, compiler, libraries, kernels of BLAS and of matrix products, width of vectors, build type");
  group.set("petsc_options", provenance.solver_options, "",
            "PETSc's options that stood, of the command line and of PETSC_OPTIONS");
  group.set("builds", provenance.builds, "",
            "builds, each with its machine, that worked on the run or merged it, one a line; more than one may round "
            "differently");
  group.set("config_in_full", config.resolved, "", "configuration with [run] and data.root as they were");
  return group;
}

const UnitResult& result_of(const Replica& replica, const Plan& plan, const std::vector<UnitResult>& results) {
  return results[plan.unit_of[replica.id]];
}

void add_times(Group& group, const Plan& plan, const std::vector<UnitResult>& results) {
  add_columns<Replica>(group, "replica", plan.replicas,
                       {{"replica_seconds", "s",
                         "wall time of the job that finished the replica, shared by replicas that differ in psi alone",
                         [&](const Replica& r) { return result_of(r, plan, results).seconds; }}});
}

constexpr const char* status_sentence =
    "how the replica came out: done; diverged, a loss was not finite; failed, no layer could be analysed; unsolved, "
    "the training error was not 0 by the latest epoch, and nothing was analysed";
constexpr const char* failed_sentence =
    "number of analyses of a replica that is done whose groups hold a message in place of numbers";

int failed_count(const UnitResult& result) { return std::ssize(result.failed); }

Group grid_tree(const Config& config, const Plan& plan, const std::vector<UnitResult>& results) {
  const auto result = [&](const Replica& replica) -> const UnitResult& { return result_of(replica, plan, results); };
  auto columns = grid_columns(config, AxisRows::replicas);
  columns.emplace_back("status", "", status_sentence, [&](const Replica& r) { return result(r).status; });
  columns.emplace_back("failed_analyses", "1", failed_sentence,
                       [&](const Replica& r) { return failed_count(result(r)); });
  columns.emplace_back("epochs_trained", "epochs", trained_sentence,
                       [&](const Replica& r) { return static_cast<int>(result(r).epochs_trained); });
  Group grid;
  add_columns(grid, "replica", plan.replicas, columns);
  return grid;
}

/// The replica's row of /grid as attributes of its group.
Group replica_tree(const Config& config, const Replica& replica, const UnitResult& result) {
  Group group;
  set_attributes(group, replica, grid_columns(config, AxisRows::replicas));
  group.set("status", std::string(to_string(result.status)), "", status_sentence);
  group.set("failed_analyses", std::int64_t{failed_count(result)}, "1", failed_sentence);
  if (!result.message.empty()) group.set("message", result.message, "", "why the replica is not done");
  return group;
}

void count(Outcome& outcome, UnitStatus status, std::int64_t failed_analyses) {
  ++outcome.replicas;
  outcome.done += status == UnitStatus::done ? 1 : 0;
  outcome.diverged += status == UnitStatus::diverged ? 1 : 0;
  outcome.failed += status == UnitStatus::failed ? 1 : 0;
  outcome.unsolved += status == UnitStatus::unsolved ? 1 : 0;
  outcome.failed_analyses += failed_analyses;
}

Outcome outcome_of(const Plan& plan, const std::vector<UnitResult>& results) {
  Outcome outcome;
  for (const auto& replica : plan.replicas) {
    const auto& result = result_of(replica, plan, results);
    count(outcome, result.status, std::ssize(result.failed));
  }
  return outcome;
}

std::int64_t count_holes(const Group& group) {
  std::int64_t holes = is_hole(group) ? 1 : 0;
  for (const auto& part : group.groups) holes += count_holes(part);
  return holes;
}

/// The stage files of a unit, as parts of one replica's group.
void add_files(std::vector<ResultPart>& parts, const std::string& group, const Config& config, const UnitResult& result,
               const UnitFolder& folder) {
  for (const auto& stage : result_stages(study_of(config), config, result.status))
    parts.push_back({group, folder.file(stage), {}, folder.digest(stage)});
}

}  // namespace

std::string describe(const Outcome& outcome) {
  std::vector<std::string> troubles;
  const auto add = [&](std::int64_t number, const char* what) {
    if (number == 0) return;
    const auto of = troubles.empty() ? fmt::format(" of {}", counted(outcome.replicas, "replica")) : std::string();
    troubles.push_back(fmt::format("{}{} {}", number, of, what));
  };
  add(outcome.diverged, "diverged");
  add(outcome.failed, "failed");
  add(outcome.unsolved, "unsolved");
  const char* column = troubles.empty() ? "failed_analyses" : "status";
  if (outcome.failed_analyses > 0)
    troubles.push_back(
        fmt::format("{} {} failed", outcome.failed_analyses, outcome.failed_analyses == 1 ? "analysis" : "analyses"));
  return troubles.empty() ? "" : fmt::format("; {}: see /grid/{}", fmt::join(troubles, ", "), column);
}

void conclude(Log& log, const std::string& line, const Outcome& outcome, const std::filesystem::path& where) {
  log.info(line + describe(outcome));
  if (outcome.done + outcome.unsolved > 0 || outcome.replicas == 0) return;
  throw_error(ErrorKind::solver,
              fmt::format("no replica is done: {} of {} diverged, {} failed; {} says why", outcome.diverged,
                          outcome.replicas, outcome.failed, where.string()),
              true);
}

Outcome read_outcome(const std::filesystem::path& results) {
  const auto grid = read_results_group(results, "grid");
  const auto status = words<UnitStatus>(grid, "status");
  const auto failed = grid.dataset("failed_analyses").values<std::int32_t>();
  if (failed.size() != status.size()) throw DamagedFile("the columns of /grid differ in length");
  Outcome outcome;
  for (std::size_t i = 0; i < status.size(); ++i) count(outcome, status[i], failed[i]);
  return outcome;
}

Outcome slice_outcome(const Config& config, const Plan& plan, const WorkFiles& work) {
  const auto& study = study_of(config);
  Outcome outcome;
  for (const auto number : plan.drawn) {
    const auto folder = work.unit(plan.units[number].id);
    const auto status = status_of(folder.require_skeleton(end_stage));
    const auto failed = status == UnitStatus::done && study.failed != nullptr ? study.failed(config, folder).size() : 0;
    for (const auto unit : plan.unit_of)
      if (unit == number) count(outcome, status, failed);
  }
  return outcome;
}

Outcome outcome_on_root(const Communicator& world, const std::function<Outcome()>& read) {
  Outcome outcome;
  on_root(world, [&] { outcome = read(); });
  for (auto* number : {&outcome.replicas, &outcome.done, &outcome.diverged, &outcome.failed, &outcome.unsolved,
                       &outcome.failed_analyses})
    *number = world.broadcast(*number);
  return outcome;
}

Assembly assemble_results(const Communicator& world, const Config& config, const Plan& plan, const ImageDataset& data,
                          const UnitFolders& folder_of, const std::filesystem::path& output, const WorkFiles& work,
                          const Provenance& provenance) {
  const auto& study = study_of(config);
  std::vector<UnitResult> results;
  agree(world, [&] {
    for (const auto& unit : plan.units) results.push_back(read_unit_result(study, config, folder_of(unit)));
  });
  const auto samples = data.train().count();
  auto summary = study.summarise(config, plan.units, results, samples);
  std::vector<ResultPart> parts;
  parts.push_back({"", {}, root_attributes(config, data)});
  parts.push_back({"grid", {}, grid_tree(config, plan, results)});
  for (const auto& replica : plan.replicas) {
    const auto& result = result_of(replica, plan, results);
    const auto& unit = plan.units[plan.unit_of[replica.id]];
    const auto group = "replica/" + unit_name(replica.id);
    parts.push_back({group, {}, replica_tree(config, replica, result)});
    add_files(parts, group, config, result, folder_of(unit));
    if (study.of_replica != nullptr) parts.push_back({group, {}, study.of_replica(config, replica, result, samples)});
  }
  parts.push_back({"summary", {}, std::move(summary.tree)});
  std::vector<bool> finished;
  for (const auto& result : results) finished.push_back(result.status == UnitStatus::done);
  auto outcome = outcome_of(plan, results);
  for (const auto& file : cross_replica_files(config, plan.units, finished, work)) {
    parts.push_back({"summary", file, {}, work.cross().digest(file.stem().string())});
    agree(world, [&] { outcome.failed_analyses += count_holes(read_skeleton(file)); });
  }
  Group provenance_group = provenance_tree(config, provenance);
  add_times(provenance_group, plan, results);
  // The time is read by one rank, so that all write the same bytes.
  auto created = provenance_group.text("created_utc");
  world.broadcast(created);
  provenance_group.set("created_utc", created);
  parts.push_back({"provenance", {}, std::move(provenance_group)});
  write_results(world, results_file(output), parts, {}, work.owner.still_ours);
  return {summary.table, outcome};
}

}  // namespace flatsweep
