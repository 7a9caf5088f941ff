#pragma once

#include "dynamics_tree.hpp"
#include "flatsweep/analysis/layer_probe.hpp"
#include "flatsweep/analysis/pca.hpp"
#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/study/landscape/landscape.hpp"
#include "training_stage.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// The analyses of one layer of a trained unit, one after another, on every rank of the team. Each leaves the file
/// <analysis>-<layer>.h5 and is skipped when that file is there; PCA is done again where a later one is missing. One
/// that fails leaves a hole, reports it, and the others go on without; without PCA there are holes only.
/// All members are collective over the team.
class LayerStages {
 public:
  /// @param trained w_0 on every rank, the windows on rank 0   @param index of the layer in config.pca.layers
  LayerStages(const Communicator& team, const UnitContext& context, const TrainedUnit& trained, std::size_t index);
  /// @return why the layer has no PCA, "" where it has   @throws Stopped, IoError, agreed
  [[nodiscard]] std::string run();

 private:
  using Analysis = std::function<Group()>;

  [[nodiscard]] std::string file_of(const std::string& analysis) const { return analysis + "-" + layer_; }
  [[nodiscard]] bool have(const std::string& analysis) const;
  /// Runs an analysis and writes what it returns on rank 0, unless it is there already.
  void stage(const std::string& analysis, const Analysis& run);
  void stop_if_asked() const;
  [[nodiscard]] std::function<void(double)> checkpoint(const std::string& analysis) const;

  void analyse();
  /// "", or why there are none.
  [[nodiscard]] std::string find_components();
  [[nodiscard]] std::string known_trouble() const;
  void leave_holes(const std::string& why);
  void report(const std::string& analysis, const std::string& what) const;
  /// As many as results.h5 keeps where no other analysis asks for more; 0 for all.
  [[nodiscard]] std::int64_t directions_to_compute() const;
  void read_flatness();
  [[nodiscard]] Group flatness();
  [[nodiscard]] Group first_mode();
  [[nodiscard]] Group curvature() const;
  [[nodiscard]] Group dynamics();
  [[nodiscard]] StaticNoise static_noise(const std::vector<int>& chosen) const;
  [[nodiscard]] Group mlf();
  [[nodiscard]] Group filters() const;
  [[nodiscard]] std::vector<DirectionFlatness> flatness_beside_nulls() const;
  [[nodiscard]] Group nulls();

  [[nodiscard]] LayerProbe& probe();
  [[nodiscard]] std::vector<int> choose(std::int64_t count, DirectionChoice choice) const;
  [[nodiscard]] PsiOptions fit_options() const;
  [[nodiscard]] const Layer& layer() const { return network_.layers[static_cast<std::size_t>(index_)]; }
  /// The epoch that would follow the window, whose minibatches are taken at w_0.
  [[nodiscard]] std::int64_t next_epoch() const { return trained_.window_first_epoch + config_.window.epochs; }
  [[nodiscard]] std::span<const float> solution() const;
  [[nodiscard]] double solution_norm() const;

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  const TrainedUnit& trained_;
  std::string layer_;
  Network network_;
  int index_;  // of the layer in the network
  SnapshotSource window_;
  Pca pca_;
  std::vector<DirectionFlatness> flatness_;  // without profiles; empty where not measured
  std::optional<LayerProbe> probe_;
};

/// The analyses that leave a file for every analysed layer, in the order in which they run.
[[nodiscard]] std::vector<std::string> layer_analyses(const Config& config);

}  // namespace flatsweep
