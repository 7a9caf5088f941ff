#include "layer_stages.hpp"

#include "analyses.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "study/store/hole.hpp"
#include "study/store/stage_files.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flatsweep {

LayerStages::LayerStages(const Communicator& team, const UnitContext& context, const TrainedUnit& trained,
                         std::size_t index)
    : team_(team),
      context_(context),
      run_(team, context, trained, index),
      analyses_(enabled_layer_analyses(context.config)) {}

std::string LayerStages::run() {
  if (std::ranges::all_of(analyses_, [this](const auto* analysis) { return have(*analysis); })) return known_trouble();
  for (const auto* analysis : analyses_) {
    const auto unknown = run_.unrecorded(analysis->records);
    if (!unknown.empty()) {
      leave_absence(*analysis, unknown);
      continue;
    }
    const auto need = failed_need(*analysis);
    if (need.empty())
      stage(*analysis);
    else
      leave_hole(*analysis, fmt::format("it needs {}, which failed", need));
  }
  return known_trouble();
}

bool LayerStages::have(const LayerAnalysis& analysis) const {
  return have_stage(team_, context_.folder, file_of(analysis), [&](const Group& tree) {
    const auto& group = tree.subgroup(path_of(analysis));
    auto known = run_.results;
    if (analysis.read != nullptr && has_numbers(group)) analysis.read(group, known);
  });
}

std::string LayerStages::failed_need(const LayerAnalysis& analysis) const {
  for (const auto& need : analysis.needs)
    if (std::ranges::find(failed_, need) != failed_.end()) return need;
  return "";
}

// The analyses need all directions of the PCA and results.h5 may keep fewer: it is done again rather than stored twice.
void LayerStages::stage(const LayerAnalysis& analysis) {
  if (analysis.gives == LayerAnalysis::Gives::in_memory || !have(analysis)) {
    stop_if_asked();
    std::string why;
    const auto tree = measure(analysis, why);
    on_root(team_, [&] { context_.folder.write(file_of(analysis), tree); });
    if (!why.empty()) failed_.push_back(analysis.name);
    report(analysis, why.empty() ? incomplete(tree.subgroup(path_of(analysis))) : "failed: " + why);
  }
  if (analysis.gives == LayerAnalysis::Gives::read_back) read_back(analysis);
}

Group LayerStages::measure(const LayerAnalysis& analysis, std::string& why) {
  const auto label = analysis.name + " " + run_.name();
  context_.hooks.progress(label, 0.0);
  run_.checkpoint = [this, label](double fraction) {
    context_.hooks.progress(label, fraction);
    if (context_.hooks.stop_requested()) throw Stopped(stop_message);
  };
  return run_or_leave_hole(
      path_of(analysis),
      [&] {
        Group root;
        merge(root.group(path_of(analysis)), analysis.run(run_));
        return root;
      },
      why);
}

void LayerStages::read_back(const LayerAnalysis& analysis) {
  bool failed = false;
  agree(team_, [&] {
    const auto group = read_analysis(context_.folder, analysis.name, run_.name());
    failed = is_hole(group);
    if (!failed) analysis.read(group, run_.results);
  });
  if (failed && std::ranges::find(failed_, analysis.name) == failed_.end()) failed_.push_back(analysis.name);
}

void LayerStages::leave_hole(const LayerAnalysis& analysis, const std::string& why) {
  failed_.push_back(analysis.name);
  on_root(team_, [&] { context_.folder.write(file_of(analysis), hole(path_of(analysis), why)); });
}

void LayerStages::leave_absence(const LayerAnalysis& analysis, const std::string& why) {
  if (have(analysis)) return;
  on_root(team_, [&] { context_.folder.write(file_of(analysis), absence(path_of(analysis), why)); });
}

// That the first one failed the unit reports, since the layer is then not analysed at all.
void LayerStages::report(const LayerAnalysis& analysis, const std::string& what) const {
  if (what.empty() || !team_.is_root() || &analysis == analyses_.front()) return;
  context_.hooks.report(
      fmt::format("replica {}: {} of {} {}", unit_name(context_.unit.id), analysis.name, run_.name(), what));
}

void LayerStages::stop_if_asked() const {
  if (team_.any(context_.hooks.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
}

/// From the file, whether this run or an earlier one left it.
std::string LayerStages::known_trouble() const {
  std::string why;
  on_root(team_, [&] {
    const auto tree = context_.folder.require_skeleton(file_of(*analyses_.front()));
    const auto& group = tree.subgroup(path_of(*analyses_.front()));
    if (is_hole(group)) why = group.text("message");
  });
  team_.broadcast(why);
  return why;
}

}  // namespace flatsweep
