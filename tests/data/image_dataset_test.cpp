#include "flatsweep/data/image_dataset.hpp"

#include "base/thrown.hpp"
#include "data/idx_files.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace flatsweep::image_dataset_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A folder that holds one set named "toy".
class ImageDatasetTest : public testing::Test {
 protected:
  DataOptions write_set() {
    if (world.is_root()) set.write(scratch / "toy");
    world.barrier();
    DataOptions options;
    options.name = "toy";
    options.root = scratch / ".";
    return options;
  }
  /// The message that every rank throws, checked to be the same and agreed.
  std::string complaint(const DataOptions& options) {
    auto message = message_of<ConfigError>([&] { const ImageDataset dataset(world, options); });
    for (const auto& other : world.gather_all(message)) EXPECT_EQ(other, message);
    return message;
  }
  const Communicator world = Communicator::world();
  const Scratch scratch{world};
  IdxSet set;
};

TEST_F(ImageDatasetTest, HoldsTheSameImagesAndLabelsOnAllRanks) {
  const ImageDataset dataset(world, write_set());
  EXPECT_EQ(dataset.name(), "toy");
  EXPECT_EQ(dataset.classes(), 3);
  EXPECT_EQ(dataset.train().count(), 3);
  EXPECT_EQ(dataset.test().count(), 2);
  EXPECT_EQ(dataset.train().features, 4);
  EXPECT_THAT(dataset.train().pixels, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255));
  EXPECT_THAT(dataset.train().labels, ElementsAre(2, 0, 1));
  EXPECT_THAT(dataset.test().pixels, ElementsAre(0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80));
  EXPECT_THAT(dataset.test().labels, ElementsAre(1, 2));
  EXPECT_EQ(dataset.train().image(2)[3], 255);
}

// Expected: printf '%b' '\x00\x01...' | sha256sum over the bytes of the test above in that order, by GNU coreutils.
TEST_F(ImageDatasetTest, HasTheSha256OfTheBytesInUse) {
  auto options = write_set();
  EXPECT_EQ(ImageDataset(world, options).sha256(), "dfa9e97f446fb97eee5b8b748722af070079d0a67d8835b1bfc111fbdcc040a4");
  options.train_limit = 2;
  options.test_limit = 1;
  EXPECT_EQ(ImageDataset(world, options).sha256(), "3ce7aa944b1c613fac129f3289e3baaf7d5367512e9036831afff4923581da89");
}

TEST_F(ImageDatasetTest, TakesTheFirstImagesUpToTheLimits) {
  auto options = write_set();
  options.train_limit = 2;
  options.test_limit = 1;
  const ImageDataset dataset(world, options);
  EXPECT_THAT(dataset.train().pixels, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(dataset.train().labels, ElementsAre(2, 0));
  EXPECT_THAT(dataset.test().pixels, ElementsAre(0x10, 0x20, 0x30, 0x40));
  EXPECT_THAT(dataset.test().labels, ElementsAre(1));
}

TEST_F(ImageDatasetTest, ShapeIsKnownFromTheHeaders) {
  set.train_images = idx_bytes({3, 1, 4}, std::string(12, '\1'));
  set.test_images = idx_bytes({2, 1, 4}, std::string(8, '\1'));
  auto options = write_set();
  options.train_limit = 2;
  const auto shape = inspect_dataset(options);
  EXPECT_EQ(shape.train_count, 2);
  EXPECT_EQ(shape.test_count, 2);
  EXPECT_EQ(shape.image, (ImageShape{1, 1, 4}));
  EXPECT_EQ(shape.features(), 4);
  EXPECT_EQ(ImageDataset(world, options).shape(), shape);
}

TEST_F(ImageDatasetTest, RefusesALimitBeyondTheSet) {
  auto options = write_set();
  options.train_limit = 4;
  EXPECT_THAT(complaint(options), AllOf(HasSubstr("data.train_limit = 4"), HasSubstr("3 images")));
  options.train_limit = 0;
  options.test_limit = 3;
  EXPECT_THAT(complaint(options), AllOf(HasSubstr("data.test_limit = 3"), HasSubstr("2 images")));
}

TEST_F(ImageDatasetTest, MissingFileNamesTheCommandThatBringsIt) {
  auto options = write_set();
  options.name = "mnist";
  EXPECT_THAT(complaint(options), AllOf(HasSubstr("mnist/train-images-idx3-ubyte"), HasSubstr("tools/get-data mnist"),
                                        HasSubstr("data.root")));
  EXPECT_THROW((void)inspect_dataset(options), ConfigError);
}

TEST_F(ImageDatasetTest, RefusesMoreLabelsThanImages) {
  set.train_labels = idx_bytes({4}, std::string(4, '\1'));
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("train-labels"), HasSubstr("4 labels for 3 images")));
}

TEST_F(ImageDatasetTest, RefusesLabelsInPlaceOfImagesAndTheReverse) {
  const auto images = set.train_images;
  set.train_images = set.train_labels;
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("train-images"), HasSubstr("file of labels, expected images")));
  set.train_images = images;
  set.test_labels = set.test_images;
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("t10k-labels"), HasSubstr("file of images, expected labels")));
}

TEST_F(ImageDatasetTest, RefusesATestSetOfAnotherImageSize) {
  set.test_images = idx_bytes({2, 3, 2}, std::string(12, '\0'));
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("t10k-images"), HasSubstr("differ in size")));
}

TEST_F(ImageDatasetTest, RefusesALabelOutOfRange) {
  set.test_labels = idx_bytes({2}, "\x01\x0a");
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("t10k-labels"), HasSubstr("label 10"), HasSubstr("0 to 2")));
}

TEST_F(ImageDatasetTest, RefusesLabelsWithAGapOrOfOneClass) {
  set.train_labels = idx_bytes({3}, std::string("\x03\x00\x01", 3));
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("train-labels"), HasSubstr("no training image has label 2"),
                                            HasSubstr("the largest is 3")));
  set.train_labels = idx_bytes({3}, std::string(3, '\0'));
  EXPECT_THAT(complaint(write_set()), HasSubstr("two classes or more"));
}

// Numbers by hand: big-endian singles 0.5, -2 and 16-bit integers 258, -1.
TEST_F(ImageDatasetTest, TakesNumbersOfOtherTypesAsSingles) {
  const auto typed = [](int type, const std::vector<std::uint32_t>& shape, const std::string& data) {
    auto bytes = idx_bytes(shape, data);
    bytes[2] = static_cast<char>(type);
    return bytes;
  };
  set.train_images = typed(0x0D, {3, 1}, std::string("\x3f\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x00", 12));
  set.test_images = typed(0x0B, {2, 1}, std::string("\x01\x02\xff\xff", 4));
  auto options = write_set();
  const auto numbers = [](const ImageSet& part) {
    std::vector<float> values(part.labels.size());
    for (std::size_t i = 0; i < values.size(); ++i) std::memcpy(&values[i], part.image(i), sizeof(float));
    return values;
  };
  const ImageDataset dataset(world, options);
  EXPECT_EQ(dataset.shape().numbers, PixelType::singles);
  EXPECT_EQ(dataset.shape().image, (ImageShape{1, 1, 1}));
  EXPECT_THAT(numbers(dataset.train()), ElementsAre(0.5F, -2.0F, 0.0F));
  EXPECT_THAT(numbers(dataset.test()), ElementsAre(258.0F, -1.0F));
  EXPECT_THAT(dataset.test().labels, ElementsAre(1, 2));
  options.scale = 0.25;
  EXPECT_THAT(numbers(ImageDataset(world, options).test()), ElementsAre(64.5F, -0.25F));
}

TEST_F(ImageDatasetTest, ScaledBytesAreSingles) {
  auto options = write_set();
  options.scale = 2.0;
  const ImageDataset dataset(world, options);
  float last = 0.0F;
  std::memcpy(&last, dataset.train().image(2) + 3 * sizeof(float), sizeof last);
  EXPECT_EQ(last, 510.0F);
}

TEST_F(ImageDatasetTest, RefusesNumbersThatAreNotFinite) {
  set.train_images = idx_bytes({3, 1}, std::string("\x7f\xc0\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x00", 12));
  set.train_images[2] = '\x0D';
  set.test_images = idx_bytes({2, 1}, std::string(8, '\0'));
  set.test_images[2] = '\x0D';
  EXPECT_THAT(complaint(write_set()),
              AllOf(HasSubstr("train-images"), HasSubstr("number 0 of the images is not finite")));
}

// The data are read on one rank of a node: all others must learn of the failure and stop as well.
TEST_F(ImageDatasetTest, FailsOnAllRanksWhenTheDataAreCutShort) {
  set.train_images.pop_back();
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("train-images"), HasSubstr("cut short")));
}

// What lies behind the limit is damaged too: all of the file is checked.
TEST_F(ImageDatasetTest, ChecksTheWholeFileEvenBehindTheLimit) {
  set.train_images.pop_back();
  auto options = write_set();
  options.train_limit = 1;
  EXPECT_THAT(complaint(options), HasSubstr("cut short"));
}

}  // namespace
}  // namespace flatsweep::image_dataset_test
