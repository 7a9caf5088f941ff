#include "flatsweep/data/unit_data.hpp"

#include "flatsweep/base/random.hpp"

#include <algorithm>

namespace flatsweep {

std::vector<std::uint8_t> with_label_noise(std::span<const std::uint8_t> labels, int classes, double fraction,
                                           std::int64_t seed) {
  Random random(seed, RandomPurpose::label_noise);
  std::vector<std::uint8_t> noisy(labels.begin(), labels.end());
  for (auto& label : noisy) {
    const bool redrawn = random.uniform() < fraction;
    const auto other = random.below(classes);  // drawn always: the next label's place stays
    if (redrawn) label = static_cast<std::uint8_t>(other);
  }
  return noisy;
}

UnitData::UnitData(const ImageDataset& data, const TrainingSubset& subset)
    : train_(data.train()), test_(data.test()), shape_(data.shape()) {
  const auto count = subset.train_limit > 0 ? std::min(subset.train_limit, shape_.train_count) : shape_.train_count;
  shape_.train_count = count;
  train_.labels = train_.labels.first(count);
  train_.pixels = train_.pixels.first(count * train_.image_bytes());
  if (subset.label_noise == 0.0) return;
  labels_ = with_label_noise(train_.labels, shape_.classes, subset.label_noise, subset.seed);
  train_.labels = labels_;
}

}  // namespace flatsweep
