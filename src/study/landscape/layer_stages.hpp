#pragma once

#include "layer_analysis.hpp"
#include "layer_run.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// The analyses of one layer of a trained unit, one after another in the order of their table, on every rank of the
/// team. Each leaves its file and is skipped when that file is there. One that fails leaves a hole, reports it, and
/// those that do not need it go on.   All members are collective over the team.
class LayerStages {
 public:
  /// @param trained w_0 on every rank, the windows on rank 0   @param index of the layer in config.pca.layers
  LayerStages(const Communicator& team, const UnitContext& context, const TrainedUnit& trained, std::size_t index);
  /// @return why the first analysis, which all others rest on, failed; "" where it did not
  /// @throws Stopped, IoError, agreed
  [[nodiscard]] std::string run();

 private:
  [[nodiscard]] std::string file_of(const LayerAnalysis& analysis) const { return analysis.name + "-" + run_.name(); }
  [[nodiscard]] std::string path_of(const LayerAnalysis& analysis) const { return analysis.name + "/" + run_.name(); }
  [[nodiscard]] bool have(const LayerAnalysis& analysis) const;
  /// The first of its needs that failed; "" where it can run.
  [[nodiscard]] std::string failed_need(const LayerAnalysis& analysis) const;
  /// Runs the analysis, unless what it leaves is there already, and takes from it what later ones want.
  void stage(const LayerAnalysis& analysis);
  [[nodiscard]] Group measure(const LayerAnalysis& analysis, std::string& why);
  void read_back(const LayerAnalysis& analysis);
  void leave_absence(const LayerAnalysis& analysis, const std::string& why);
  void leave_hole(const LayerAnalysis& analysis, const std::string& why);
  void report(const LayerAnalysis& analysis, const std::string& what) const;
  void stop_if_asked() const;
  [[nodiscard]] std::string known_trouble() const;

  const Communicator& team_;
  const UnitContext& context_;
  LayerRun run_;
  std::vector<const LayerAnalysis*> analyses_;  // that are asked for
  std::vector<std::string> failed_;             // of these, by name
};

}  // namespace flatsweep
