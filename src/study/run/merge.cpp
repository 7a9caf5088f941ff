#include "flatsweep/study/run/merge.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/run/run.hpp"
#include "flatsweep/study/store/run_identity.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "output_session.hpp"
#include "stage_digests.hpp"
#include "study/store/machine.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

fs::path record_file(const fs::path& folder) { return slice_record_file(work_folder(folder)); }

fs::path unit_folder(const fs::path& slice, const WorkUnit& unit) { return work_folder(slice) / unit_name(unit.id); }

void check_belongs_to_grid(const fs::path& folder, const Config& config) {
  if (!is_there(record_file(folder)))
    throw ConfigError(fmt::format("{}: no slice of a grid is here; name the folders that runs with --slice wrote to",
                                  folder.string()));
  const auto difference = configuration_difference(folder, config);
  if (!difference.empty())
    throw ConfigError(
        fmt::format("{}: the slice here has another configuration than the first one: {}; slices of one "
                    "grid are run with the same file and the same --set",
                    folder.string(), difference));
}

/// Where what there is of the path leads to.
fs::path place_of(const fs::path& path) {
  std::error_code error;
  auto place = fs::weakly_canonical(path, error);
  if (error)
    throw IoError(
        fmt::format("{}: the folder cannot be found: {}; check the links on the way", path.string(), error.message()));
  return place;
}

bool same_place(const fs::path& a, const fs::path& b) { return place_of(a) == place_of(b); }

/// Merging must not clean up, as its own, the work that it reads.
void check_output(const MergeOptions& options) {
  for (const auto& slice : options.slices)
    if (same_place(slice, options.output))
      throw ConfigError(fmt::format("{}: the results of a merge cannot go where a slice is; choose another --output",
                                    options.output.string()));
}

void check_data(const fs::path& folder, const ImageDataset& data) {
  if (read_durable(record_file(folder)).text("dataset_sha256") == data.sha256()) return;
  throw ConfigError(fmt::format("{}: the slice here was trained on other data than are found now under the name {}",
                                folder.string(), data.name()));
}

/// For every unit the first slice that has finished it.
std::vector<fs::path> find_units(const Plan& plan, const std::vector<fs::path>& slices) {
  std::vector<fs::path> found;
  std::vector<std::string> missing;
  for (const auto& unit : plan.units) {
    const auto owner = std::ranges::find_if(
        slices, [&](const fs::path& slice) { return is_there(UnitFolder(unit_folder(slice, unit)).file(end_stage)); });
    if (owner == slices.end())
      missing.push_back(unit_name(unit.id));
    else
      found.push_back(*owner);
  }
  if (missing.empty()) return found;
  constexpr std::size_t most_named = 5;
  const auto named = std::min(missing.size(), most_named);
  throw ConfigError(fmt::format(
      "{} of {} replicas to train are not finished in these folders ({}{}); run their slices, or go on with them by "
      "--resume, and merge again",
      missing.size(), plan.units.size(), fmt::join(missing.begin(), missing.begin() + named, ", "),
      named < missing.size() ? ", ..." : ""));
}

/// The PETSc options of all slices.
std::string common_options(const std::vector<fs::path>& slices) {
  auto options = read_work_record(work_folder(slices.front())).solver_options;
  for (const auto& slice : slices) {
    const auto others = read_work_record(work_folder(slice)).solver_options;
    if (others == options) continue;
    throw ConfigError(fmt::format(
        "{}: the slice here was run with other PETSc options ('{}') than the first one ('{}'); slices of one grid are "
        "run with the same",
        slice.string(), others, options));
  }
  return options;
}

/// Of all slices, and at last that which merges.   @return all that are known, one a line
std::string check_builds(const Plan& plan, const std::vector<fs::path>& slices, const std::vector<fs::path>& owners,
                         Log& log) {
  const auto now = build_and_machine();
  std::vector<std::string> known;
  const auto add = [&](const std::string& build) {
    if (std::ranges::find(known, build) == known.end()) known.push_back(build);
  };
  for (const auto& slice : slices)
    for (const auto& build : read_work_record(work_folder(slice)).builds) {
      add(build);
      if (build != now)
        log.warning(fmt::format("{}: the slice here was run by {} and is merged by {}: numbers may round differently",
                                slice.string(), build, now));
    }
  add(now);
  std::vector<fs::path> folders;
  for (std::size_t i = 0; i < owners.size(); ++i) folders.push_back(unit_folder(owners[i], plan.units[i]));
  warn_about_builds(folders, known, log);
  return fmt::format("{}", fmt::join(known, "\n"));
}

}  // namespace

void write_slice_record(const WorkFiles& work, const Slice& slice, const ImageDataset& data) {
  Group record;
  record.set("slice", slice.text());
  record.set("dataset_sha256", data.sha256());
  write_durable(slice_record_file(work.folder), record, work.owner);
}

void merge_slices(const Communicator& world, const Config& config, const MergeOptions& options, Log& log) {
  const double begin = MPI_Wtime();
  Plan plan;
  std::vector<fs::path> owners;
  agree(world, [&] {
    check_output(options);
    for (const auto& slice : options.slices) check_belongs_to_grid(slice, config);
    plan = make_plan(config, world.size(), 1.0);
    owners = find_units(plan, options.slices);
  });
  const ImageDataset data(world, data_in_use(config));
  on_root(world, [&] {
    for (const auto& slice : options.slices) check_data(slice, data);
  });
  RunIdentity identity{config.fingerprint, data.sha256(), {}, config.model.sha256};
  agree(world, [&] { identity.solver_options = common_options(options.slices); });
  const auto digests = stage_digests(config, plan.units, identity);
  OutputSession session(world, config, {options.output, options.mode, 1.1 * plan.output_bytes, digests}, identity, log);
  if (session.finished()) return session.conclude_finished();
  std::string builds;
  on_root(world, [&] { builds = check_builds(plan, options.slices, owners, log); });
  world.broadcast(builds);
  log.info(fmt::format("merging {} replicas of {} slices", plan.replicas.size(), options.slices.size()));
  const UnitFolders folders = [&](const WorkUnit& unit) {
    const auto& owner = owners[plan.unit_of[unit.id]];
    return UnitFolder(unit_folder(owner, unit), no_report, session.work().owner,
                      [&, id = unit.id](std::string_view stage) { return digests(id, stage); });
  };
  Provenance provenance;
  provenance.seconds = MPI_Wtime() - begin;
  provenance.queue = fmt::format("merged from {} slices", options.slices.size());
  provenance.solver_options = identity.solver_options;
  provenance.builds = builds;
  session.write_results(plan, data, folders, provenance, "; the slices' folders are not needed any more");
}

}  // namespace flatsweep
