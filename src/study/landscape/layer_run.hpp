#pragma once

#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/noise_walk.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/study/unit/analysis_results.hpp"
#include "study/unit/training_stage.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// One layer of a trained unit as its analyses see it, on every rank of the team.
class LayerRun {
 public:
  /// @param trained w_0 on every rank, the windows on rank 0   @param index of the layer in config.pca.layers
  LayerRun(const Communicator& team, const UnitContext& context, const TrainedUnit& trained, std::size_t index);

  [[nodiscard]] const Communicator& team() const { return team_; }
  [[nodiscard]] const UnitContext& context() const { return context_; }
  [[nodiscard]] const Config& config() const { return context_.config; }
  [[nodiscard]] const ImageSet& train() const { return context_.data.train(); }
  [[nodiscard]] const TrainedUnit& trained() const { return trained_; }
  [[nodiscard]] std::span<const float> weights() const { return trained_.state.weights; }  ///< w_0, all layers
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const std::string& name() const { return name_; }  ///< of the layer
  [[nodiscard]] int index() const { return index_; }               ///< of the layer in the network
  [[nodiscard]] const Layer& layer() const { return network_.layers[index_]; }
  [[nodiscard]] const SnapshotSource& window() const { return window_; }
  [[nodiscard]] FrozenRun frozen() const;  ///< what the window did, at w_0

  [[nodiscard]] std::span<const float> solution() const;  ///< w_0 of the layer
  [[nodiscard]] double solution_norm() const;

  /// Of the analyses before.
  AnalysisResults results;
  [[nodiscard]] const Pca& pca() const { return results.get<Pca>(); }
  /// (N, K) principal directions; K = 0 where there is no trajectory.
  [[nodiscard]] const Eigen::MatrixXd& directions() const;
  /// Why something that is taken is absent; "" where it is known.
  [[nodiscard]] std::string unrecorded(const std::vector<Record>& what) const {
    return trained_.unrecorded.reason(what, number_);
  }
  [[nodiscard]] const std::string& unrecorded(Record what) const { return trained_.unrecorded.reason(what, number_); }

  /// One for all analyses, made when the first asks for it.
  [[nodiscard]] LayerProbe& probe();
  /// Of the principal directions.
  [[nodiscard]] std::vector<int> choose(std::int64_t count, DirectionChoice choice) const;
  [[nodiscard]] PsiOptions fit_options() const;

  /// Of the analysis that runs: takes the share that is done, throws Stopped when the unit is asked to stop.
  std::function<void(double)> checkpoint;

 private:
  const Communicator& team_;
  const UnitContext& context_;
  const TrainedUnit& trained_;
  std::string name_;
  Network network_;
  int index_;
  std::size_t number_;  // of the layer in config.pca.layers
  Eigen::MatrixXd no_directions_;
  SnapshotSource window_;
  std::optional<LayerProbe> probe_;
};

}  // namespace flatsweep
