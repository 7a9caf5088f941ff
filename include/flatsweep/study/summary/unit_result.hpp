#pragma once

#include "flatsweep/analysis/dynamics_fit.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/study/grid/config.hpp"
#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/store/work_folder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// Exponents of variance against flatness where no landscape acts, or none but the noise's
/// (docs/science/noise_walk.md).
struct NullExponents {
  Exponent walk;      ///< of a walk of the gradient noise at w_0, along its own directions
  Exponent fresh;     ///< of a walk of other minibatches, along the measured directions
  Exponent half;      ///< directions of one half of the window, variance in that half
  Exponent held_out;  ///< the same directions, variance in the other half
};

/// An analysis that left a hole in place of numbers.
struct FailedAnalysis {
  std::string name;     ///< of its group: "curvature/fc2"
  std::string message;  ///< why
};

/// What the summary wants to know of one layer of a finished unit.
struct LayerResult {
  std::int64_t weights = 0;     ///< N
  std::int64_t iterations = 0;  ///< T
  std::int64_t moving = -1;     ///< directions that move by more than rounding; -1: not known
  double solution_alignment = 0.0;
  std::int64_t learning_dimension = 0;  ///< 0, like the next, where nothing moves
  std::int64_t learning_dimension_without_first = 0;
  Exponent psi;                              ///< of this replica alone; NaN without flatness
  std::optional<VarianceFlatness> relation;  ///< absent without flatness
  std::optional<DynamicsRelation> dynamics;  ///< absent without dynamics
  std::optional<NullExponents> nulls;        ///< absent without nulls; NaN what was not measured
  std::string walk_reason;                   ///< why there is no gradient noise to walk; empty where there is
  bool has_pca = true;                       ///< else nothing above is known
};

/// What the summary wants to know of one unit.
struct UnitResult {
  std::string status;   ///< done | diverged | failed
  std::string message;  ///< why it is not done
  std::int64_t epochs_trained = 0;
  double seconds = 0.0;  ///< wall time of the job that finished it
  double train_loss = 0.0, train_error = 0.0, test_loss = 0.0,
         test_error = 0.0;             ///< at the end; NaN where not measured
  std::vector<FailedAnalysis> failed;  ///< analyses of a unit that is done
  std::vector<LayerResult> layers;     ///< of the landscape study, as config.pca.layers; empty unless done
  Group curves;                        ///< of other studies: group continual/, or training/; empty unless done
};

/// The stages whose files make up the results of a unit with this status, in the order of results.h5.
[[nodiscard]] std::vector<std::string> result_stages(const Config& config, const std::string& status);

/// What is read of these files, and of "done", is there and of one length.  @throws DamagedFile
void check_result_stage(const Config& config, const std::string& stage, const Group& tree);
void check_done(const Group& done);

/// Reads it back from the unit's files. Serial.  @throws IoError
[[nodiscard]] UnitResult read_unit_result(const Config& config, const UnitFolder& folder);

}  // namespace flatsweep
