#include "hole.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "study/landscape/layer_stages.hpp"

namespace flatsweep {

namespace {

constexpr const char* status_name = "status";
constexpr const char* failed = "failed";
constexpr const char* message_name = "message";
constexpr const char* incomplete_name = "incomplete";

std::string message_or_nothing(const Group& group, const char* name) {
  return group.attribute(name) == nullptr ? "" : group.text(name);
}

void add_if_hole(std::vector<FailedAnalysis>& found, const Group* group, const std::string& name) {
  if (group != nullptr && is_hole(*group)) found.push_back({name, message_or_nothing(*group, message_name)});
}

}  // namespace

void mark_as_hole(Group& group, const std::string& why) {
  group.set(status_name, std::string(failed));
  group.set(message_name, why);
}

Group hole(const std::string& path, const std::string& why) {
  Group root;
  mark_as_hole(root.group(path), why);
  return root;
}

bool is_hole(const Group& group) { return message_or_nothing(group, status_name) == failed; }

Group run_or_leave_hole(const std::string& path, const std::function<Group()>& run, std::string& why) {
  why.clear();
  try {
    return run();
  } catch (const SolverError& error) {
    why = error.what();
    return hole(path, why);
  }
}

void mark_as_incomplete(Group& group, const std::string& what) {
  if (!what.empty()) group.set(incomplete_name, what);
}

std::string incomplete(const Group& group) { return message_or_nothing(group, incomplete_name); }

std::vector<FailedAnalysis> failed_analyses(const Config& config, const UnitFolder& folder) {
  std::vector<FailedAnalysis> found;
  if (config.study != Study::landscape) return found;
  for (const auto& layer : config.pca.layers)
    for (const auto& analysis : layer_analyses(config)) {
      const auto tree = folder.require_skeleton(analysis + "-" + layer);
      add_if_hole(found, tree.find_group(analysis + "/" + layer), analysis + "/" + layer);
    }
  if (!config.network_curvature.measure) return found;
  const auto tree = folder.require_skeleton("network_curvature");
  if (const auto* kinds = tree.find_group("network_curvature"))
    for (const auto& kind : kinds->groups) add_if_hole(found, &kind, "network_curvature/" + kind.name);
  return found;
}

}  // namespace flatsweep
