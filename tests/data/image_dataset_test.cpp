#include "flatsweep/data/image_dataset.hpp"

#include "base/thrown.hpp"
#include "data/idx_files.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flatsweep {
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
    const auto message = message_of<ConfigError>([&] { const ImageDataset dataset(world, options); });
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
  EXPECT_EQ(dataset.classes(), 10);
  EXPECT_EQ(dataset.train().count(), 3);
  EXPECT_EQ(dataset.test().count(), 2);
  EXPECT_EQ(dataset.train().features, 4);
  EXPECT_THAT(dataset.train().pixels, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255));
  EXPECT_THAT(dataset.train().labels, ElementsAre(3, 0, 9));
  EXPECT_THAT(dataset.test().pixels, ElementsAre(0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80));
  EXPECT_THAT(dataset.test().labels, ElementsAre(1, 2));
  EXPECT_EQ(dataset.train().image(2)[3], 255);
}

// Expected: printf '%b' '\x00\x01...' | sha256sum over the bytes of the test above in that order, by GNU coreutils.
TEST_F(ImageDatasetTest, HasTheSha256OfTheBytesInUse) {
  auto options = write_set();
  EXPECT_EQ(ImageDataset(world, options).sha256(), "c53f2c9db5ce14b9de6aae8978153d615759da9cbc6f2b9b76046c02e6aee4a7");
  options.train_limit = 2;
  options.test_limit = 1;
  EXPECT_EQ(ImageDataset(world, options).sha256(), "4a67771e74f5dee5e5f8b7180deac6e846d61a43802aa23256c17870c9ea2833");
}

TEST_F(ImageDatasetTest, TakesTheFirstImagesUpToTheLimits) {
  auto options = write_set();
  options.train_limit = 2;
  options.test_limit = 1;
  const ImageDataset dataset(world, options);
  EXPECT_THAT(dataset.train().pixels, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(dataset.train().labels, ElementsAre(3, 0));
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
  EXPECT_THAT(complaint(write_set()), AllOf(HasSubstr("t10k-labels"), HasSubstr("label 10"), HasSubstr("0 to 9")));
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
}  // namespace flatsweep
