#include "earlier_results.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/run/results.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "stage_digests.hpp"
#include "study/store/text_lines.hpp"
#include "study/unit/training_tree.hpp"

#include <fmt/format.h>

#include <map>

namespace flatsweep {

namespace {

constexpr const char* training_stage = "training";

/// Where results.h5 has what a stage leaves: "pca-fc2" stands in pca/fc2.
std::string group_of(std::string stage) {
  if (const auto dash = stage.find('-'); dash != std::string::npos) stage[dash] = '/';
  return stage;
}

Group training_group(const Group& replica) {
  Group root;
  set_training_attributes(root, replica.integer("epochs_trained"), replica.integer("window_first_epoch"),
                          replica.integer("diverged") != 0);
  for (const auto* name : {"training", "weights"}) merge(root.group(name), replica.subgroup(name));
  return root;
}

/// Of earlier builds some groups are not there.
std::optional<Group> stage_of(const Group& replica, const std::string& stage) {
  if (stage == training_stage) return training_group(replica);
  const auto path = group_of(stage);
  const auto* found = replica.find_group(path);
  if (found == nullptr) return std::nullopt;
  Group root;
  merge(root.group(path), *found);
  return root;
}

class Restoration {
 public:
  Restoration(const EarlierResults& earlier, const Config& config, const RunIdentity& identity)
      : earlier_(earlier),
        config_(config),
        study_(study_of(config)),
        units_(group_into_units(expand_grid(earlier.config))),
        digests_(stage_digests(earlier.config, units_, identity)) {
    for (const auto& unit : units_) ids_[digests_(unit.id, training_stage)] = unit.id;
    const auto provenance = read_results_group(earlier.file, "provenance");
    const auto seconds = provenance.dataset("replica_seconds").values<double>();
    seconds_.assign(seconds.begin(), seconds.end());
  }

  /// @return whether the unit must be trained again for more analyses, as the results lack its window's start
  bool restore(const UnitFolder& folder) const {
    const auto unit = ids_.find(folder.digest(training_stage));
    if (unit == ids_.end() || folder.holds(end_stage)) return false;
    const auto replica = read_results_group(earlier_.file, "replica/" + unit_name(unit->second));
    const auto status = status_of(replica);
    for (const auto& stage : result_stages(study_, config_, status)) restore(folder, unit->second, replica, stage);
    restore_window(folder, replica);
    // Where no layer could be analysed one that is added may be.
    if (status != UnitStatus::failed) folder.write(end_stage, tree_of(end_of(replica, status, unit->second)));
    const bool has_window = status == UnitStatus::done || status == UnitStatus::failed;
    return has_window && trains_to_a_window() && !folder.holds("window");
  }

 private:
  void restore(const UnitFolder& folder, std::int64_t unit, const Group& replica, const std::string& stage) const {
    if (digests_(unit, stage) != folder.digest(stage) || folder.holds(stage)) return;
    if (const auto tree = stage_of(replica, stage)) folder.write(stage, *tree);
  }

  [[nodiscard]] bool trains_to_a_window() const { return config_.study == Study::landscape; }

  static void restore_window(const UnitFolder& folder, const Group& replica) {
    const auto* start = replica.find_group(window_start_stage);
    if (start == nullptr || folder.holds("window")) return;
    folder.write("window", state_from_tree(*start, replica.subgroup("training")).to_tree());
  }

  [[nodiscard]] UnitEnd end_of(const Group& replica, UnitStatus status, std::int64_t unit) const {
    const bool told = replica.attribute("message") != nullptr;
    return {{status, told ? replica.text("message") : std::string()}, seconds_[unit]};
  }

  const EarlierResults& earlier_;
  const Config& config_;
  const StudyKind& study_;
  std::vector<WorkUnit> units_;  // of the earlier run
  RunDigests digests_;
  std::map<Digest, std::int64_t> ids_;  // of these units, by the digest of their training
  std::vector<double> seconds_;         // of their replicas
};

}  // namespace

std::vector<std::string> check_earlier(const EarlierResults& earlier, const ImageDataset& data,
                                       const std::string& solver_options) {
  const auto found = check_results(earlier.file);
  const auto file = earlier.file.string();
  if (found.integer("format_version") != results_format)
    throw ConfigError(
        fmt::format("{}: the results have layout {}, and this build adds to layout {} alone; run the grid "
                    "again with it",
                    file, found.integer("format_version"), results_format));
  if (found.text("dataset_sha256") != data.sha256())
    throw ConfigError(fmt::format(
        "{}: the results are of other data than are found now under the name {}; restore them", file, data.name()));
  const auto& provenance = found.subgroup("provenance");
  const auto options = provenance.text("petsc_options");
  if (options != solver_options)
    throw ConfigError(fmt::format(
        "{}: the results were made with other PETSc options: '{}', now they are '{}'; give the same, behind "
        "-- or in PETSC_OPTIONS",
        file, options, solver_options));
  return lines_of(provenance.text("builds"));
}

void restore_stages(const Communicator& world, const EarlierResults& earlier, const Config& config, const Plan& plan,
                    const RunIdentity& identity, const WorkFiles& work, Log& log) {
  std::int64_t without_window = 0;
  agree(world, [&] {
    const Restoration restoration(earlier, config, identity);
    for (std::size_t i = world.rank(); i < plan.units.size(); i += world.size())
      without_window += restoration.restore(work.unit(plan.units[i].id)) ? 1 : 0;
  });
  without_window = world.sum(without_window);
  if (without_window > 0)
    log.warning(
        fmt::format("{}: the results were made before states of training were kept in them: {} replica{} trained again",
                    earlier.file.string(), without_window, without_window == 1 ? " is" : "s are"));
}

void remove_outdated(const Config& config, const Plan& plan, const WorkFiles& work) {
  for (const auto i : plan.drawn) {
    const auto folder = work.unit(plan.units[i].id);
    for (const auto& stage : result_stages(study_of(config), config, UnitStatus::done))
      if (is_there(folder.file(stage)) && !folder.holds(stage)) folder.remove(stage);
  }
}

}  // namespace flatsweep
