#pragma once

#include "flatsweep/data/image_dataset.hpp"

#include <cstdint>
#include <vector>

namespace flatsweep {

/// What of a data set one training takes: its first images.
struct TrainingSubset {
  std::int64_t train_limit = 0;  ///< so many training images; 0 for all
  double label_noise = 0.0;      ///< fraction of their labels that is redrawn, from all classes alike
  std::int64_t seed = 1;         ///< of the redrawn labels
};

/// The part of a data set that one unit of work trains on and is tested on: views of the set, which must outlive it,
/// and labels of its own where some are redrawn. A training image keeps its redrawn label whatever the limit, and those
/// redrawn at a smaller fraction are among those of a larger one.
class UnitData {
 public:
  UnitData(const ImageDataset& data, const TrainingSubset& subset);
  ~UnitData() = default;
  UnitData(const UnitData&) = delete;
  UnitData& operator=(const UnitData&) = delete;

  [[nodiscard]] const ImageSet& train() const { return train_; }
  [[nodiscard]] const ImageSet& test() const { return test_; }
  [[nodiscard]] const DatasetShape& shape() const { return shape_; }  ///< of this part

 private:
  std::vector<std::uint8_t> labels_;  // empty where none is redrawn
  ImageSet train_, test_;
  DatasetShape shape_;
};

/// The labels with a fraction of them redrawn.
[[nodiscard]] std::vector<std::uint8_t> with_label_noise(std::span<const std::uint8_t> labels, int classes,
                                                         double fraction, std::int64_t seed);

}  // namespace flatsweep
