#include "flatsweep/study/merge.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/peak_memory.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/results.hpp"
#include "flatsweep/study/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

fs::path record_file(const fs::path& folder) { return work_folder(folder) / "slice.h5"; }

UnitFolder unit_folder(const fs::path& slice, const WorkUnit& unit) { return {work_folder(slice), unit.id}; }

void check_slice(const fs::path& folder, const Config& config) {
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
        slices, [&](const fs::path& slice) { return is_there(unit_folder(slice, unit).file("done")); });
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
      missing.size(), plan.units.size(),
      fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(named), ", "),
      named < missing.size() ? ", ..." : ""));
}

/// The prepared folder on rank 0, nothing on the others; nothing at all where the results are there already.
std::unique_ptr<OutputFolder> open_output(const Communicator& world, const Config& config, const MergeOptions& options,
                                          const Plan& plan, Log& log) {
  std::unique_ptr<OutputFolder> folder;
  leader_does(world, [&] {
    folder = std::make_unique<OutputFolder>(options.output, options.mode, config);
    if (folder->state() == OutputState::finished) return folder.reset();
    folder->check_space(1.1 * plan.output_bytes);
    log.open_file(options.output / "log.txt");
  });
  return folder;
}

}  // namespace

void write_slice_record(const fs::path& folder, const Slice& slice, const ImageDataset& data) {
  Group record;
  record.set("slice", slice.text());
  record.set("dataset_sha256", data.sha256());
  write_durable(record_file(folder), record);
}

void merge_slices(const Communicator& world, const Config& config, const MergeOptions& options, Log& log) {
  const double begin = MPI_Wtime();
  Plan plan;
  std::vector<fs::path> owners;
  agree(world, [&] {
    check_output(options);
    for (const auto& slice : options.slices) check_slice(slice, config);
    plan = make_plan(config, world.size(), 1.0);
    owners = find_units(plan, options.slices);
  });
  const ImageDataset data(world, config.data);
  leader_does(world, [&] {
    for (const auto& slice : options.slices) check_data(slice, data);
  });
  const auto folder = open_output(world, config, options, plan, log);
  if (world.any(world.leads() && folder == nullptr))
    return log.info(
        fmt::format("{}: these results are there already, nothing to do", results_file(options.output).string()));
  log.info(fmt::format("merging {} replicas of {} slices", plan.replicas.size(), options.slices.size()));
  const UnitFolders folders = [&](const WorkUnit& unit) {
    return unit_folder(owners[plan.unit_of[static_cast<std::size_t>(unit.id)]], unit);
  };
  const double peak = peak_memory();
  const auto queue = fmt::format("merged from {} slices", options.slices.size());
  const auto table = assemble_results(world, config, plan, data, folders, options.output,
                                      {MPI_Wtime() - begin, world.size(), queue, world.gather_all({&peak, 1})});
  leader_does(world, [&] { folder->remove_work(); });
  for (const auto& line : table) log.info(line);
  log.info(fmt::format("results in {} after {}; the slices' folders are not needed any more",
                       results_file(options.output).string(), format_duration(MPI_Wtime() - begin)));
}

}  // namespace flatsweep
