#pragma once

#include "flatsweep/study/unit/study_kind.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// One way to hold on to earlier tasks, with all its strengths.
struct ConstraintPath {
  ConstraintChoice choice;
  std::string trained;  ///< which layers later tasks may change
  Biases biases = Biases::held;
  std::string held;               ///< on which layers the penalty acts; "none" for kind none
  std::vector<double> strengths;  ///< one 0 for kind none
};

/// Every combination of the axes, trained layers slowest; what a kind does not use gets one value.
[[nodiscard]] std::vector<ConstraintPath> constraint_paths(const ContinualConfig& config);

/// Names of the layers: "analysed", "all", or names joined by +.
/// @throws ConfigError naming the layers that there are
[[nodiscard]] std::vector<std::string> trained_layers(const std::string& trained, const Config& config,
                                                      const Network& network);

/// Which of config.pca.layers a penalty acts on, as their numbers: "analysed", or names joined by +.
/// @throws ConfigError naming the layers that are analysed
[[nodiscard]] std::vector<std::size_t> held_layers(const std::string& held, const Config& config);

/// Checks what the reader of the file cannot: at least two tasks, layers, an optimiser with a proximal step, sizes.
/// @throws ConfigError
void check_continual(const Config& config, const Replica& replica, const Network& network);

/// Trains the first task with its PCA window, measures what may be held on to, then trains the further tasks once for
/// every point (constraint path and strength), paths dealt over the team. Every finished path leaves a durable file,
/// the one in training a checkpoint.
[[nodiscard]] StudyKind continual_study();

}  // namespace flatsweep
