#include "flatsweep/study/run/addition.hpp"

#include "flatsweep/base/log.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "stage_digests.hpp"
#include "study/unit/training_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace flatsweep {

namespace {

/// The stages of the units that a finished run has, by what they follow from.
class Earlier {
 public:
  Earlier(const Config& config, const RunIdentity& identity)
      : units_(group_into_units(expand_grid(config))), digests_(stage_digests(config, units_, identity)) {
    for (const auto& unit : units_) {
      stages_.insert({"training", digests_(unit.id, "training")});
      for (const auto& stage : study_of(config).stages(config)) stages_.insert({stage, digests_(unit.id, stage)});
    }
  }
  [[nodiscard]] bool has(const std::string& stage, const Digest& digest) const {
    return stages_.contains({stage, digest});
  }

 private:
  std::vector<WorkUnit> units_;
  RunDigests digests_;
  std::set<std::pair<std::string, Digest>> stages_;
};

/// As costs call it: "flatness fc2".
std::string in_costs(std::string stage) {
  std::ranges::replace(stage, '-', ' ');
  return stage;
}

/// The PCA of a layer is done again for every other analysis of it: results.h5 may keep fewer directions.
std::string pca_beside(const std::string& stage) {
  const auto dash = stage.find('-');
  return dash == std::string::npos ? "" : "pca" + in_costs(stage.substr(dash));
}

struct Work {
  std::int64_t trained = 0;                  // units that are trained already
  std::vector<std::string> order;            // of what is made
  std::map<std::string, std::int64_t> made;  // units by stage
  double seconds = 0.0;

  void add(const std::string& stage) {
    if (made[stage]++ == 0) order.push_back(stage);
  }
};

Work work_of(const Earlier& earlier, const Config& now, const Plan& plan, const RunIdentity& identity, double rate) {
  const auto digests = stage_digests(now, plan.units, identity);
  Work work;
  for (const auto& unit : plan.units) {
    std::set<std::string> done;
    if (earlier.has("training", digests(unit.id, "training")))
      ++work.trained;
    else
      done.insert("training");
    for (const auto& stage : study_of(now).stages(now)) {
      if (stage == window_start_stage || (earlier.has(stage, digests(unit.id, stage)) && !done.contains("training")))
        continue;
      work.add(stage);
      done.insert({in_costs(stage), pca_beside(stage)});
    }
    for (const auto& cost : study_of(now).estimate(now, unit.replica, unit.replica.part_of(plan.data), rate).stages)
      if (done.contains(cost.name)) work.seconds += cost.seconds;
  }
  return work;
}

}  // namespace

std::vector<std::string> describe_addition(const Config& before, const Config& now, const Plan& plan,
                                           const RunIdentity& identity, double rate) {
  const auto work = work_of(Earlier(before, identity), now, plan, identity, rate);
  const auto units = std::ssize(plan.units);
  std::vector<std::string> lines = {
      fmt::format("trained   {} of {} replicas already, {} to train", work.trained, units, units - work.trained)};
  for (const auto& stage : work.order)
    lines.push_back(fmt::format("added     {} of {}", in_costs(stage), counted(work.made.at(stage), "replica")));
  if (work.order.empty()) lines.emplace_back("added     nothing: all that is asked for is there");
  lines.push_back(fmt::format("estimate  {} on one rank", format_duration(work.seconds)));
  return lines;
}

}  // namespace flatsweep
