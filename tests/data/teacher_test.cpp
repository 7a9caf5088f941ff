#include "flatsweep/data/teacher.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/par/stop_signal.hpp"

#include <Eigen/Cholesky>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <vector>

namespace flatsweep::teacher_test {
namespace {

using testing::HasSubstr;

DataOptions small_teacher() {
  DataOptions options;
  options.name = teacher_name;
  options.teacher.inputs = 6;
  options.teacher.outputs = 3;
  options.teacher.width = 5;
  options.teacher.train_samples = 400;
  options.teacher.test_samples = 50;
  return options;
}

/// Inputs and targets of a set, a sample to a row.
struct Numbers {
  explicit Numbers(const ImageSet& set) : inputs(set.count(), set.features), targets(set.count(), set.targets) {
    std::vector<float> row(set.features + set.targets);
    for (Eigen::Index i = 0; i < inputs.rows(); ++i) {
      std::memcpy(row.data(), set.image(static_cast<std::size_t>(i)), row.size() * sizeof(float));
      const Eigen::VectorXd numbers = Eigen::Map<const Eigen::VectorXf>(row.data(), std::ssize(row)).cast<double>();
      inputs.row(i) = numbers.head(set.features);
      targets.row(i) = numbers.tail(set.targets);
    }
  }
  Eigen::MatrixXd inputs, targets;
};

Eigen::RowVectorXd variances(const Eigen::MatrixXd& rows) {
  return (rows.rowwise() - rows.colwise().mean()).cwiseAbs2().colwise().mean();
}

Communicator world() { return Communicator::world(); }

// The bytes of one set, once and for all: whatever the ranks, and on every node that makes its own.
TEST(Teacher, MakesTheSameBytesOnAnyNumberOfRanks) {
  const ImageDataset shared(world(), small_teacher()), own(Communicator::self(), small_teacher());
  EXPECT_EQ(shared.sha256(), own.sha256());
  EXPECT_TRUE(std::ranges::equal(shared.train().pixels, own.train().pixels));
  EXPECT_EQ(shared.shape(), (DatasetShape{400, 50, {1, 1, 6}, 3, PixelType::singles, Targets::classes}));
  EXPECT_EQ(inspect_dataset(small_teacher()), shared.shape());
}

TEST(Teacher, ItsSampleDependsOnItsNumberAlone) {
  auto more = small_teacher();
  more.teacher.train_samples = 700;
  more.teacher.test_samples = 60;
  const ImageDataset few(world(), small_teacher()), many(world(), more);
  EXPECT_TRUE(std::ranges::equal(few.train().pixels, many.train().pixels.first(few.train().pixels.size())));
  EXPECT_TRUE(std::ranges::equal(few.test().labels, many.test().labels.first(50)));
  EXPECT_FALSE(std::ranges::equal(few.test().pixels.first(24), few.train().pixels.first(24)));
  more.teacher.seed = 2;
  EXPECT_FALSE(std::ranges::equal(ImageDataset(world(), more).train().pixels, many.train().pixels));
}

// Of 20000 normal numbers the variance errs by 1 % of itself, and so does a mean square.
TEST(Teacher, InputsHaveAPowerLawCovariance) {
  auto options = small_teacher();
  options.teacher.train_samples = 20000;
  options.teacher.covariance_exponent = 1.5;
  const Numbers numbers(ImageDataset(world(), options).train());
  const auto found = variances(numbers.inputs);
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(found(i) / std::pow(i + 1.0, -1.5), 1.0, 0.05) << i;
  const Eigen::MatrixXd moment = numbers.inputs.transpose() * numbers.inputs / 20000.0;
  EXPECT_LT(std::abs(moment(0, 1)) / std::sqrt(moment(0, 0) * moment(1, 1)), 0.04);
}

// Without hidden units the targets are V x: a least-squares fit leaves the noise, and finds weights of variance 1/d.
TEST(Teacher, LinearTargetsAreLinearWithNoiseOfItsDeviation) {
  auto options = small_teacher();
  options.targets = Targets::real;
  options.teacher.width = 0;
  options.teacher.inputs = 100;
  options.teacher.outputs = 40;
  options.teacher.train_samples = 3000;
  const auto residual = [&](double noise, Eigen::MatrixXd& weights) {
    options.teacher.noise = noise;
    const Numbers numbers(ImageDataset(world(), options).train());
    const Eigen::MatrixXd x = numbers.inputs;
    weights = (x.transpose() * x).llt().solve(x.transpose() * numbers.targets);
    return std::sqrt((numbers.targets - x * weights).squaredNorm() / (3000.0 - 100.0) / 40.0);
  };
  Eigen::MatrixXd weights;
  EXPECT_LT(residual(0.0, weights), 1e-6);
  EXPECT_NEAR(weights.squaredNorm() / 40.0, 1.0, 0.1);  // sum over 100 inputs of variance 1/100
  EXPECT_NEAR(residual(0.3, weights), 0.3, 0.01);
}

// The class is the largest output; real targets of the same teacher are those outputs.
TEST(Teacher, ClassesAreThoseOfTheLargestTarget) {
  auto options = small_teacher();
  const ImageDataset classes(world(), options);
  options.targets = Targets::real;
  const Numbers numbers(ImageDataset(world(), options).train());
  std::vector<int> seen(3);
  for (int i = 0; i < 400; ++i) {
    Eigen::Index largest = 0;
    numbers.targets.row(i).maxCoeff(&largest);
    EXPECT_EQ(classes.train().labels[static_cast<std::size_t>(i)], largest);
    ++seen[static_cast<std::size_t>(largest)];
  }
  EXPECT_GT(*std::ranges::min_element(seen), 40);
  EXPECT_LT(numbers.targets.cwiseAbs().maxCoeff(), 5.0);  // V tanh: bounded by the sum of |V|
}

TEST(Teacher, ASignalEndsTheMakingOfSamples) {
  const auto options = small_teacher();
  catch_stop_signals();
  (void)std::raise(SIGTERM);
  EXPECT_THAT([&] { ImageDataset(Communicator::world(), options); },
              testing::ThrowsMessage<Stopped>(HasSubstr("stopped by SIGTERM while the teacher made its samples")));
  catch_stop_signals();
  EXPECT_NO_THROW(ImageDataset(Communicator::world(), options));
}

TEST(Teacher, RefusesWhatDoesNotFit) {
  const auto complaint = [](const auto& change) {
    auto options = small_teacher();
    change(options);
    return message_of<ConfigError>([&] { (void)inspect_dataset(options); });
  };
  EXPECT_THAT(complaint([](auto& o) { o.teacher.outputs = 1; }), HasSubstr("data.teacher.outputs = 1 is no class"));
  EXPECT_THAT(complaint([](auto& o) { o.teacher.noise = 0.1; }), HasSubstr("data.teacher.noise"));
  EXPECT_THAT(complaint([](auto& o) { o.scale = 2.0; }), HasSubstr("data.scale"));
  EXPECT_THAT(complaint([](auto& o) { o.train_limit = 500; }), HasSubstr("more than the 400 images"));
  EXPECT_THAT(complaint([](auto& o) { o.teacher.inputs = o.teacher.width = 1000000; }), HasSubstr("more than 1 GiB"));
  EXPECT_THAT(complaint([](auto& o) { o.teacher.train_samples = std::int64_t{1} << 40; }), HasSubstr("64 GiB"));
}

}  // namespace
}  // namespace flatsweep::teacher_test
