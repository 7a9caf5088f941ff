#pragma once

#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/study/unit/unit_result.hpp"
#include "study/store/columns.hpp"
#include "study/unit/unrecorded.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace flatsweep {

class LayerRun;
struct GridPointSummary;

/// One layer of one replica, as the cost of an analysis follows from it.
struct LayerWorkload {
  const Config& config;
  const Network& network;
  const Layer& layer;
  double samples = 0.0;     ///< of the training set
  double iterations = 0.0;  ///< of the window
  double directions = 0.0;  ///< that the PCA computes

  [[nodiscard]] double size() const { return layer.size(); }
  [[nodiscard]] double modes() const { return std::min(iterations, size()); }
  [[nodiscard]] double epochs() const { return config.window.epochs; }
  [[nodiscard]] double direction_bytes() const { return 8.0 * size() * directions; }
};

/// What an analysis is expected to take.
struct LayerDemand {
  enum class Probe { unused, kept };  ///< LayerProbe's numbers of all samples, which stay until the layer is done
  double flops = 0.0;
  double bytes = 0.0;  ///< peak memory of a rank, with the principal directions, without the probe
  Probe probe = Probe::unused;
  double result_bytes = 0.0;
};

using SummaryColumns = std::vector<Column<GridPointSummary>>;

/// A column of the table that ends a run.
struct TerminalColumn {
  std::string head;
  int width = 8;
  std::string (*cell)(const GridPointSummary&) = nullptr;
};

/// What an analysis says of all replicas together. What it has nothing to say to stays empty.
struct LayerSummary {
  /// Puts what the seeds of one grid point say together into `pooled`; also where nothing was measured.
  void (*pool)(const std::vector<const AnalysisResults*>& seeds, const PsiOptions& options,
               AnalysisResults& pooled) = nullptr;
  /// Columns of the table psi/<layer>, which is there whatever was measured.
  SummaryColumns main_columns = {};
  /// Columns of a table <name>/<layer> of its own, beside those that name the grid point.
  SummaryColumns columns = {};
  /// Adds what else /summary has of a layer. @param layer number of the layer in config.pca.layers
  void (*across_units)(Group& summary, const std::vector<WorkUnit>& units, const std::vector<UnitResult>& results,
                       std::size_t layer, const std::string& name) = nullptr;
  std::vector<TerminalColumn> terminal = {};
  /// Lines below the grid point's own on the terminal.
  void (*notes)(const GridPointSummary& point, std::vector<std::string>& lines) = nullptr;
  /// Lines below the table that say what stands in it.
  void (*legend)(const std::vector<GridPointSummary>& points, std::vector<std::string>& lines) = nullptr;
};

/// A number of one replica that may tell of its test error.
struct ReplicaMeasure {
  std::string name;
  std::string sentence;                                    ///< that stands alone
  double (*of)(const AnalysisResults& results) = nullptr;  ///< NaN where it is not known
};

/// One row of the table of analyses: all that the program knows of an analysis of one layer of a trained unit. It
/// leaves the file <name>-<layer>.h5 with the group <name>/<layer>.
struct LayerAnalysis {
  /// What analyses behind it in the table take from it.
  enum class Gives {
    nothing,
    read_back,  ///< what `read` finds in its file, so that it is the same whether it was measured now or earlier
    in_memory   ///< what `run` sets in the run's results; run again where a later analysis is missing
  };

  std::string name;
  std::vector<std::string> needs;  ///< analyses before it without which there is a hole in its place
  std::vector<std::string> takes =
      {};  ///< tables, of analyses before it or others, or keys of theirs that its numbers follow from as well
  std::vector<Record> records = {};  ///< of the training, without which it is absent; `run` asks for those of its parts
  Gives gives = Gives::nothing;
  bool (*enabled)(const Config& config) = nullptr;
  LayerDemand (*demand)(const LayerWorkload& work) = nullptr;
  /// @return the contents of its group, on rank 0   @note Collective over the team.  @throws SolverError, Stopped,
  /// agreed
  Group (*run)(LayerRun& run) = nullptr;
  /// Puts what others want to know of its group into `results`; empty where nobody does. `results` has what analyses
  /// before it gave as far as it is known. Of an analysis that gives `in_memory` the group comes without the data.
  /// Serial.  @throws DamagedFile
  void (*read)(const Group& group, AnalysisResults& results) = nullptr;
  /// What its group has beside the file for one replica of the unit, since psi alone differs. Empty: nothing.
  void (*of_replica)(const Config& config, const Replica& replica, const AnalysisResults& results,
                     std::int64_t training_samples, Group& group) = nullptr;
  LayerSummary summary = {};
  /// Set beside test errors over the grid (prediction.hpp); of two of one name the first counts.
  std::vector<ReplicaMeasure> measures = {};
};

}  // namespace flatsweep
