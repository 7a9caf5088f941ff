#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "flatsweep/study/unit/analysis_results.hpp"
#include "flatsweep/study/unit/unit_status.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flatsweep {

struct StudyKind;

/// An analysis that left a hole in place of numbers.
struct FailedAnalysis {
  std::string name;     ///< of its group: "curvature/fc2"
  std::string message;  ///< why
};

/// What a unit's last file, `end_stage`, says.
struct UnitEnd : UnitOutcome {
  double seconds = 0.0;  ///< wall time of the job that finished it
};
inline constexpr const char* end_stage = "done";

/// What the summary wants to know of one unit.
struct UnitResult : UnitEnd {
  std::int64_t epochs_trained = 0;
  double train_loss = 0.0, train_error = 0.0, test_loss = 0.0,
         test_error = 0.0;              ///< at the end; NaN where not measured
  double window_error = 0.0;            ///< largest training error after an epoch of the window, or at the end
  std::vector<double> weight_norms;     ///< |w| of each layer of config.pca.layers, at the end
  std::vector<FailedAnalysis> failed;   ///< analyses of a unit that is done
  std::vector<AnalysisResults> layers;  ///< of the landscape study, as config.pca.layers; empty unless done
  AnalysisResults network;              ///< of the landscape study, of all layers together; empty unless done
  Group curves;                         ///< of other studies: group continual/, or training/; empty unless done
};

/// The stages whose files make up the results of a unit with this status, in the order of results.h5.
[[nodiscard]] std::vector<std::string> result_stages(const StudyKind& study, const Config& config, UnitStatus status);

/// What is read of these files is there and of one length.  @throws DamagedFile
void check_result_stage(const StudyKind& study, const Config& config, const std::string& stage, const Group& tree);

[[nodiscard]] Group tree_of(const UnitEnd& end);
/// Of `end_stage`.  @throws DamagedFile
[[nodiscard]] UnitEnd read_unit_end(const Group& tree);
/// Of `end_stage`, or of a replica's group.  @throws DamagedFile for a text that no status has
[[nodiscard]] UnitStatus status_of(const Group& tree);

/// Reads it back from the unit's files. Serial.  @throws IoError
[[nodiscard]] UnitResult read_unit_result(const StudyKind& study, const Config& config, const UnitFolder& folder);

}  // namespace flatsweep
