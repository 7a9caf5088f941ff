#pragma once

#include "flatsweep/data/image_dataset.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace flatsweep {

/// Images and labels of one minibatch after another, side by side as a network takes them.
class Minibatch {
 public:
  /// @param set must outlive it   @param size samples of every minibatch
  Minibatch(const ImageSet& set, int size) : set_(set), images_(size), labels_(size) {}

  /// @param samples numbers in the set, (size,)
  void take(std::span<const std::uint32_t> samples) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      images_[i] = set_.image(samples[i]);
      labels_[i] = set_.labels[samples[i]];
    }
  }
  [[nodiscard]] std::span<const std::uint8_t* const> images() const { return images_; }
  [[nodiscard]] std::span<const std::uint8_t> labels() const { return labels_; }

 private:
  const ImageSet& set_;
  std::vector<const std::uint8_t*> images_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace flatsweep
