#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/nn/network.hpp"
#include "layer_analysis.hpp"
#include "study/unit/training_stage.hpp"

#include <functional>
#include <string>
#include <vector>

namespace flatsweep {

/// One row of the table of analyses of a whole trained network. It leaves the file <name>.h5 with the group <name>.
struct NetworkAnalysis {
  std::string name;
  std::vector<std::string> takes = {};  ///< tables beside its own, or keys of theirs, that its numbers follow from
  bool (*enabled)(const Config& config) = nullptr;
  double (*flops)(const Config& config, const Network& network, double samples) = nullptr;
  /// @param checkpoint takes the share that is done; may throw Stopped
  /// @return the contents of its group, on rank 0: groups, of which one that failed is a hole and was reported
  /// @note Collective over `team`.  @throws Stopped, agreed
  Group (*run)(const Communicator& team, const UnitContext& context, const TrainedUnit& trained,
               const std::function<void(double)>& checkpoint) = nullptr;
  /// Puts what /summary wants to know of its group into `results`; the group comes without the data. Serial.
  void (*read)(const Group& group, AnalysisResults& results) = nullptr;
  void (*pool)(const std::vector<const AnalysisResults*>& seeds, const PsiOptions& options,
               AnalysisResults& pooled) = nullptr;
  SummaryColumns columns = {};  ///< of a table <name> over grid points, beside those that name the point
};

}  // namespace flatsweep
