#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

namespace flatsweep::array_images_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A .npy file from its definition: magic, version, length of the header, header, numbers.
template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return bytes;
}

class ArrayImagesTest : public testing::Test {
 protected:
  DataOptions write_set() {
    if (world.is_root()) {
      std::filesystem::create_directories(scratch / "own");
      for (const auto& [name, bytes] : files) spill(scratch / ("own/" + name + ".npy"), bytes);
    }
    world.barrier();
    DataOptions options;
    options.name = "own";
    options.root = scratch / "";
    return options;
  }
  std::string complaint(const DataOptions& of) {
    return message_of<ConfigError>([&] { const ImageDataset dataset(world, of); });
  }
  const Communicator world = Communicator::world();
  const Scratch scratch{world};
  std::map<std::string, std::string> files = {
      {"train-images", npy<float>("<f4", "3, 2", {1.5F, -2.0F, 3.0F, 4.0F, 5.0F, 6.0F})},
      {"train-labels", npy<std::int64_t>("<i8", "3,", {1, 0, 2})},
      {"test-images", npy<double>("<f8", "2, 2", {7.0, 8.0, 9.0, 10.25})},
      {"test-labels", npy<std::uint8_t>("|u1", "2,", {2, 1})}};
};

std::vector<float> numbers_of(const ImageSet& set, std::size_t image) {
  std::vector<float> numbers(set.features);
  std::memcpy(numbers.data(), set.image(image), numbers.size() * sizeof(float));
  return numbers;
}

TEST_F(ArrayImagesTest, FeaturesAreImagesOfOneRow) {
  auto options = write_set();
  const ImageDataset dataset(world, options);
  EXPECT_EQ(dataset.shape(), (DatasetShape{3, 2, {1, 1, 2}, 3, PixelType::singles}));
  EXPECT_THAT(numbers_of(dataset.train(), 0), ElementsAre(1.5F, -2.0F));
  EXPECT_THAT(numbers_of(dataset.test(), 1), ElementsAre(9.0F, 10.25F));
  EXPECT_THAT(dataset.train().labels, ElementsAre(1, 0, 2));
  EXPECT_THAT(dataset.test().labels, ElementsAre(2, 1));
  options.train_limit = 2;
  EXPECT_THAT(ImageDataset(world, options).train().labels, ElementsAre(1, 0));
  EXPECT_EQ(ImageDataset(world, options).classes(), 3);  // of the whole file
}

TEST_F(ArrayImagesTest, BytesStayBytesUnlessTheyAreScaled) {
  const std::vector<std::uint8_t> pixels = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255};
  files["train-images"] = npy("|u1", "3, 1, 2, 2", pixels);
  files["test-images"] = npy<std::uint8_t>("|u1", "2, 1, 2, 2", std::vector<std::uint8_t>(8, 9));
  auto options = write_set();
  const ImageDataset bytes(world, options);
  EXPECT_EQ(bytes.shape(), (DatasetShape{3, 2, {1, 2, 2}, 3, PixelType::bytes}));
  EXPECT_EQ(bytes.train().image(2)[3], 255);
  options.scale = 0.5;
  EXPECT_THAT(numbers_of(ImageDataset(world, options).train(), 1), ElementsAre(2.0F, 2.5F, 3.0F, 3.5F));
}

/// The real targets behind the numbers of an image.
std::vector<float> targets_of(const ImageSet& set, std::size_t image) {
  std::vector<float> targets(set.targets);
  std::memcpy(targets.data(), set.image(image) + set.features * bytes_of(set.numbers), targets.size() * sizeof(float));
  return targets;
}

TEST_F(ArrayImagesTest, RealTargetsStandBehindEachImage) {
  files["train-targets"] = npy<double>("<f8", "3, 2", {0.5, -1.0, 2.0, 3.0, 4.0, 0.1});
  files["test-targets"] = npy<float>("<f4", "2, 2", {7.0F, 8.0F, 9.0F, 10.0F});
  auto options = write_set();
  options.targets = Targets::real;
  const ImageDataset dataset(world, options);
  EXPECT_EQ(dataset.shape(), (DatasetShape{3, 2, {1, 1, 2}, 2, PixelType::singles, Targets::real}));
  EXPECT_EQ(inspect_dataset(options), dataset.shape());
  EXPECT_THAT(numbers_of(dataset.train(), 2), ElementsAre(5.0F, 6.0F));
  EXPECT_THAT(targets_of(dataset.train(), 0), ElementsAre(0.5F, -1.0F));
  EXPECT_THAT(targets_of(dataset.train(), 2), ElementsAre(4.0F, 0.1F));
  EXPECT_THAT(numbers_of(dataset.test(), 1), ElementsAre(9.0F, 10.25F));
  EXPECT_THAT(targets_of(dataset.test(), 1), ElementsAre(9.0F, 10.0F));
  EXPECT_THAT(dataset.train().labels, ElementsAre(0, 0, 0));
  options.train_limit = 2;
  EXPECT_THAT(targets_of(ImageDataset(world, options).train(), 1), ElementsAre(2.0F, 3.0F));
}

TEST_F(ArrayImagesTest, RealTargetsMayFollowBytes) {
  files["train-images"] = npy<std::uint8_t>("|u1", "3, 3", {0, 1, 2, 3, 4, 5, 6, 7, 255});
  files["test-images"] = npy<std::uint8_t>("|u1", "2, 3", {9, 9, 9, 1, 2, 3});
  files["train-targets"] = npy<float>("<f4", "3, 1", {0.5F, -1.0F, 2.0F});
  files["test-targets"] = npy<float>("<f4", "2, 1", {7.0F, 8.0F});
  auto options = write_set();
  options.targets = Targets::real;
  const ImageDataset dataset(world, options);
  EXPECT_EQ(dataset.train().image(2)[2], 255);
  EXPECT_THAT(targets_of(dataset.train(), 2), ElementsAre(2.0F));
  EXPECT_EQ(dataset.test().image(1)[0], 1);
  EXPECT_THAT(targets_of(dataset.test(), 1), ElementsAre(8.0F));
}

TEST_F(ArrayImagesTest, RefusesTargetsThatDoNotFit) {
  auto options = write_set();
  options.targets = Targets::real;
  EXPECT_THAT(complaint(options), AllOf(HasSubstr("train-targets.npy"), HasSubstr("add the targets")));
  const auto with = [&](const std::string& train, const std::string& test) {
    files["train-targets"] = train;
    files["test-targets"] = test;
    (void)write_set();
    return complaint(options);
  };
  const auto good = npy<float>("<f4", "2, 1", {1.0F, 2.0F});
  EXPECT_THAT(with(npy<float>("<f4", "3,", {1, 2, 3}), good), HasSubstr("targets must be (M, K)"));
  EXPECT_THAT(with(npy<float>("<f4", "2, 1", {1, 2}), good), HasSubstr("for each of the 3 images"));
  EXPECT_THAT(with(npy<float>("<f4", "3, 2", {1, 2, 3, 4, 5, 6}), good),
              HasSubstr("1 targets of each image, and the training set has 2"));
  EXPECT_THAT(with(npy<float>("<f4", "3, 1", {1, NAN, 3}), good), HasSubstr("number 1 of the targets is not finite"));
}

TEST_F(ArrayImagesTest, RefusesWhatDoesNotFit) {
  const auto with = [&](const std::string& name, const std::string& bytes) {
    const auto kept = files;
    files[name] = bytes;
    auto message = complaint(write_set());
    files = kept;
    return message;
  };
  EXPECT_THAT(with("train-labels", npy<std::int64_t>("<i8", "2,", {1, 0})),
              AllOf(HasSubstr("train-labels.npy"), HasSubstr("one for each of the 3 images")));
  EXPECT_THAT(with("train-labels", npy<std::int64_t>("<i8", "3,", {1, 0, -1})), HasSubstr("label -1 is out of range"));
  EXPECT_THAT(with("train-labels", npy<std::int64_t>("<i8", "3,", {0, 1, 3})),
              HasSubstr("no training image has label 2"));
  EXPECT_THAT(with("test-labels", npy<std::int64_t>("<i8", "2,", {0, 3})),
              HasSubstr("label 3 is out of range, expected 0 to 2"));
  EXPECT_THAT(with("train-labels", npy<float>("<f4", "3,", {0, 1, 2})), HasSubstr("train-labels.npy"));
  EXPECT_THAT(with("test-images", npy<float>("<f4", "2, 3", {1, 2, 3, 4, 5, 6})), HasSubstr("differ in size"));
  EXPECT_THAT(with("test-images", npy<std::uint8_t>("|u1", "2, 2", {1, 2, 3, 4})), HasSubstr("of another type"));
  EXPECT_THAT(with("train-images", npy<float>("<f4", "6,", {1, 2, 3, 4, 5, 6})),
              HasSubstr("(M, d), (M, H, W) or (M, C, H, W)"));
  EXPECT_THAT(with("train-images", npy<float>("<f4", "3, 2", {1, 2, 3, NAN, 5, 6})),
              HasSubstr("number 3 of the images is not finite"));
}

}  // namespace
}  // namespace flatsweep::array_images_test
