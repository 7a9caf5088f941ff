#include "flatsweep/data/unit_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace flatsweep::unit_data_test {
namespace {

const ImageDataset& samples() {
  static const ImageDataset dataset = [] {
    DataOptions options;
    options.name = teacher_name;
    options.teacher.inputs = 3;
    options.teacher.outputs = 5;
    options.teacher.train_samples = 20000;
    options.teacher.test_samples = 100;
    return ImageDataset(Communicator::self(), options);
  }();
  return dataset;
}

TEST(UnitData, IsTheSetItselfWhereNothingIsAsked) {
  const UnitData whole(samples(), {});
  EXPECT_EQ(whole.train().labels.data(), samples().train().labels.data()) << "nothing is copied";
  EXPECT_EQ(whole.shape(), samples().shape());
}

TEST(UnitData, TakesTheFirstTrainingImages) {
  const UnitData part(samples(), {30, 0.0, 1});
  EXPECT_EQ(part.train().count(), 30);
  EXPECT_EQ(part.shape().train_count, 30);
  EXPECT_EQ(part.train().pixels.size(), 30U * 3U * sizeof(float));
  EXPECT_EQ(part.train().image(29), samples().train().image(29));
  EXPECT_EQ(part.test().count(), 100);
}

double changed(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] != b[i] ? 1.0 : 0.0;
  return sum / static_cast<double>(a.size());
}

// A redrawn label is the old one once in five times: p (1 - 1/K) of the labels change, to within 3 standard deviations.
TEST(UnitData, RedrawsAFractionOfTheLabels) {
  for (const double p : {0.1, 0.5, 1.0}) {
    const UnitData noisy(samples(), {0, p, 7});
    const double expected = 0.8 * p;
    EXPECT_NEAR(changed(noisy.train().labels, samples().train().labels), expected,
                3.0 * std::sqrt(expected * (1.0 - expected) / 20000.0));
    EXPECT_TRUE(std::ranges::equal(noisy.test().labels, samples().test().labels));
    EXPECT_EQ(noisy.train().pixels.data(), samples().train().pixels.data());
  }
  const UnitData noise(samples(), {0, 1.0, 7});
  std::vector<double> classes(5);
  for (const auto label : noise.train().labels) classes.at(label) += 1.0 / 20000.0;
  for (const double share : classes) EXPECT_NEAR(share, 0.2, 0.01);
}

TEST(UnitData, KeepsARedrawnLabelWhateverTheLimitAndTheFraction) {
  const UnitData whole(samples(), {0, 0.2, 3}), part(samples(), {500, 0.2, 3}), more(samples(), {0, 0.6, 3}),
      other(samples(), {0, 0.2, 4});
  EXPECT_TRUE(std::ranges::equal(part.train().labels, whole.train().labels.first(500)));
  EXPECT_GT(changed(whole.train().labels, other.train().labels), 0.1);
  const auto& clean = samples().train().labels;
  for (std::size_t i = 0; i < clean.size(); ++i)
    EXPECT_TRUE(whole.train().labels[i] == clean[i] || whole.train().labels[i] == more.train().labels[i]) << i;
}

}  // namespace
}  // namespace flatsweep::unit_data_test
