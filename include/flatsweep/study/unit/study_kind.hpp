#pragma once

#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/nn/network.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/study/cost/cost.hpp"
#include "flatsweep/study/unit/unit_context.hpp"
#include "flatsweep/study/unit/unit_result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flatsweep {

struct StudySummary;

/// One row of the table of studies: all that the program knows of a study. What it has no use for stays empty.
struct StudyKind {
  Study study = Study::landscape;
  bool pools_seeds = false;  ///< may pooled_pca.enabled be asked for?
  /// What the reader of the configuration cannot check.  @throws ConfigError
  void (*check)(const Config& config, const Replica& replica, const Network& network,
                const DatasetShape& data) = nullptr;
  /// The same of the images themselves.  @throws ConfigError
  void (*check_images)(const Config& config, const std::vector<WorkUnit>& units, const ImageDataset& data) = nullptr;
  /// What a plan says of this study beside the grid, as lines for the terminal.
  std::vector<std::string> (*describe)(const Config& config) = nullptr;
  /// @param rate GFlop/s as from `measure_core`
  Cost (*estimate)(const Config& config, const Replica& replica, const DatasetShape& data, double rate) = nullptr;
  /// Trains one replica and measures what the study is about. Each stage leaves a durable file in the unit's folder and
  /// is skipped when that file is there.
  /// @note Collective over `team`.  @throws Stopped when asked to, with the checkpoint written; IoError; agreed
  UnitOutcome (*run)(const Communicator& team, const UnitContext& context) = nullptr;
  /// The stages that a unit which is done leaves for results.h5, after "training", in their order.
  std::vector<std::string> (*stages)(const Config& config) = nullptr;
  /// Tables of the configuration that training does not follow from; what they say may change while training stays.
  std::vector<std::string> (*analysis_tables)() = nullptr;
  /// Of these tables those, or keys of theirs ("pca.spectrum"), that the numbers of a stage follow from.
  std::vector<std::string> (*follows_from)(const std::string& stage) = nullptr;
  /// Why nothing can be added to its results; nullptr where it can.
  const char* no_adding = nullptr;
  /// Whether what is read of such a stage is there.  @throws DamagedFile
  void (*check_stage)(const Config& config, const std::string& stage, const Group& tree) = nullptr;
  /// Reads back what the summary wants to know of a unit that is done; "training" is read already. Serial.
  void (*read)(const Config& config, const UnitFolder& folder, UnitResult& result) = nullptr;
  /// The analyses of a unit that is done which failed, in the order of results.h5. Serial.  @throws IoError
  std::vector<FailedAnalysis> (*failed)(const Config& config, const UnitFolder& folder) = nullptr;
  /// What results.h5 has for one replica beside the unit's stages.
  Group (*of_replica)(const Config& config, const Replica& replica, const UnitResult& result,
                      std::int64_t training_samples) = nullptr;
  /// @param results one per unit, in the order of `units`
  StudySummary (*summarise)(const Config& config, const std::vector<WorkUnit>& units,
                            const std::vector<UnitResult>& results, std::int64_t training_samples) = nullptr;
};

}  // namespace flatsweep
