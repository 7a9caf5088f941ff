#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace flatsweep {

/// What an analysis takes beside w_0.
enum class Record {
  trajectory,   ///< snapshots of the layer, or directions along them
  minibatches,  ///< their size, how they are drawn, and an order
  stride,       ///< that the trajectory has a snapshot after every step
  steps,        ///< minibatches, learning rate and optimiser that made the trajectory
  replay,       ///< training the window once more
  classes       ///< that targets are classes
};

/// Of classes, where targets are real numbers.
inline constexpr const char* no_classes = "targets are real numbers, and there are no classes";

/// What nobody recorded of a network's training, or what it does not have, each as the reason why something is absent;
/// "" is known.
struct Unrecorded {
  std::vector<std::string> trajectory;  ///< of every analysed layer; empty: known of all
  std::string minibatches, stride, steps, replay, classes;

  /// @param layer number of the layer in config.pca.layers
  [[nodiscard]] const std::string& reason(Record what, std::size_t layer) const {
    static const std::string known;
    switch (what) {
      case Record::trajectory:
        return layer < trajectory.size() ? trajectory[layer] : known;
      case Record::minibatches:
        return minibatches;
      case Record::stride:
        return stride;
      case Record::steps:
        return steps;
      case Record::replay:
        return replay;
      case Record::classes:
        return classes;
    }
    return known;
  }
  /// The first reason, "" where all is known.
  [[nodiscard]] std::string reason(const std::vector<Record>& all, std::size_t layer) const {
    for (const auto what : all)
      if (const auto& why = reason(what, layer); !why.empty()) return why;
    return "";
  }
};

}  // namespace flatsweep
