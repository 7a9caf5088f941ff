#include "flatsweep/data/cifar.hpp"

#include "base/thrown.hpp"
#include "data/cifar_files.hpp"
#include "data/idx_files.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace flatsweep::cifar_test {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr const char* advice = "; write the file anew; docs/configuration.md says under [data] what it must hold";

/// The pixels of images `first` to `last - 1` of CifarSet.
std::vector<std::uint8_t> planes(int first, int last) {
  std::vector<std::uint8_t> pixels;
  for (int k = first; k < last; ++k)
    for (int channel = 1; channel <= 3; ++channel)
      pixels.insert(pixels.end(), 1024, static_cast<std::uint8_t>(10 * k + channel));
  return pixels;
}

/// A folder that holds one set named "toy".
class CifarTest : public testing::Test {
 protected:
  DataOptions write_set() {
    if (world.is_root()) set.write(folder);
    world.barrier();
    return options("toy");
  }
  DataOptions options(const std::string& name) const {
    DataOptions options;
    options.name = name;
    options.root = scratch / "";
    return options;
  }
  /// The message that every rank throws, checked to be the same.
  std::string complaint(const DataOptions& of) {
    auto message = message_of<ConfigError>([&] { const ImageDataset dataset(world, of); });
    for (const auto& other : world.gather_all(message)) EXPECT_EQ(other, message);
    return message;
  }
  /// What is said of a file of the set as `set` now is: expected to name it and to say what to do.
  void expect_damaged(const std::string& file, const std::string& what) {
    EXPECT_EQ(complaint(write_set()), (folder / file).string() + ": " + what + advice);
  }
  const Communicator world = Communicator::world();
  const Scratch scratch{world};
  const std::filesystem::path folder = scratch / "toy";
  CifarSet set;
};

TEST_F(CifarTest, HoldsTheSameImagesAndLabelsOnAllRanks) {
  const ImageDataset dataset(world, write_set());
  EXPECT_EQ(dataset.name(), "toy");
  EXPECT_EQ(dataset.classes(), 10);
  EXPECT_EQ(dataset.train().features, 3072);
  EXPECT_THAT(dataset.train().labels, ElementsAre(3, 0, 9, 1, 2, 4));
  EXPECT_THAT(dataset.train().pixels, ElementsAreArray(planes(0, 6)));
  EXPECT_THAT(dataset.test().labels, ElementsAre(1, 2));
  EXPECT_THAT(dataset.test().pixels, ElementsAreArray(planes(6, 8)));
}

TEST_F(CifarTest, PixelsStayPlaneAfterPlaneAndRowByRow) {
  set.batches[0][1 + 1024 + 2 * 32 + 5] = '\xff';  // green, row 2, column 5 of the first image
  const ImageDataset dataset(world, write_set());
  auto expected = planes(0, 1);
  const auto shape = dataset.shape().image;
  expected[(1 * shape.height + 2) * shape.width + 5] = 255;
  EXPECT_THAT(dataset.train().pixels.first(3072), ElementsAreArray(expected));
}

TEST_F(CifarTest, ShapeIsKnownFromTheFileSizes) {
  const auto options = write_set();
  const auto shape = inspect_dataset(options);
  EXPECT_EQ(shape, (DatasetShape{6, 2, {3, 32, 32}, 10}));
  EXPECT_EQ(shape.features(), 3072);
  EXPECT_EQ(ImageDataset(world, options).shape(), shape);
}

TEST_F(CifarTest, TakesTheFirstImagesUpToTheLimits) {
  auto options = write_set();
  options.train_limit = 3;
  options.test_limit = 1;
  const ImageDataset dataset(world, options);
  EXPECT_THAT(dataset.train().labels, ElementsAre(3, 0, 9));
  EXPECT_THAT(dataset.train().pixels, ElementsAreArray(planes(0, 3)));
  EXPECT_THAT(dataset.test().labels, ElementsAre(1));
  EXPECT_THAT(dataset.test().pixels, ElementsAreArray(planes(6, 7)));
}

TEST_F(CifarTest, RefusesALimitBeyondTheSet) {
  auto options = write_set();
  options.train_limit = 7;
  EXPECT_EQ(complaint(options),
            "data.train_limit = 7 is more than the 6 images of " + (folder / "data_batch_*.bin").string());
  options.train_limit = 0;
  options.test_limit = 3;
  EXPECT_EQ(complaint(options),
            "data.test_limit = 3 is more than the 2 images of " + (folder / "test_batch.bin").string());
}

// Expected: the bytes of all training images, their labels, test images, test labels, by GNU coreutils:
// plane() { head -c 1024 /dev/zero | tr '\0' "\\$(printf %03o $1)"; }; for each value: plane; printf the labels;
// sha256sum.
TEST_F(CifarTest, HasTheSha256OfTheBytesInUse) {
  auto options = write_set();
  EXPECT_EQ(ImageDataset(world, options).sha256(), "fb5fdf93482554f719a378c420f6010f44c4fc079025f6a0bb3cb8871517705b");
  options.train_limit = 3;
  options.test_limit = 1;
  EXPECT_EQ(ImageDataset(world, options).sha256(), "176fa95d26a45db73d7a8eb7cdd17a4222b3f7a67095417aa7297b508f6008bc");
}

TEST_F(CifarTest, MissingSetNamesTheCommandThatBringsIt) {
  const auto expected = (scratch / "cifar-10/data_batch_1.bin").string() +
                        ": no such file; bring the set with: tools/get-data cifar10 --root " + (scratch / "").string() +
                        ", or point data.root at a folder that holds cifar-10/";
  EXPECT_EQ(complaint(options("cifar-10")), expected);
  EXPECT_EQ(message_of<ConfigError>([&] { (void)inspect_dataset(options("cifar-10")); }), expected);
}

TEST_F(CifarTest, MissingSetOfAnotherNameListsWhatCanBeBrought) {
  EXPECT_EQ(complaint(options("cifar10")),
            (scratch / "cifar10/train-images-idx3-ubyte").string() +
                ": no such file (plain or .gz); tools/get-data brings mnist, fashion-mnist and cifar-10, or point "
                "data.root at a folder that holds cifar10/");
}

TEST_F(CifarTest, FilesDecideTheFormAndNotTheName) {
  if (world.is_root()) IdxSet().write(scratch / "cifar-10");
  world.barrier();
  EXPECT_EQ(inspect_dataset(options("cifar-10")), (DatasetShape{3, 2, {1, 2, 2}, 3}));
}

TEST_F(CifarTest, NamesTheOneFileThatIsMissing) {
  for (const auto* name : {"data_batch_1.bin", "data_batch_4.bin", "test_batch.bin"}) {
    const auto options = write_set();
    world.barrier();
    if (world.is_root()) std::filesystem::remove(folder / name);
    world.barrier();
    EXPECT_EQ(complaint(options),
              (folder / name).string() + ": the file cannot be opened: No such file or directory" + advice);
  }
}

TEST_F(CifarTest, NamesAFolderInPlaceOfAFile) {
  const auto options = write_set();
  if (world.is_root()) {
    std::filesystem::remove(folder / "data_batch_2.bin");
    std::filesystem::create_directory(folder / "data_batch_2.bin");
  }
  world.barrier();
  EXPECT_EQ(complaint(options), (folder / "data_batch_2.bin").string() +
                                    ": the file cannot be opened: it is a folder, not a file" + advice);
}

TEST_F(CifarTest, NamesAnEmptyFile) {
  set.batches[2].clear();
  expect_damaged("data_batch_3.bin", "the file is empty");
}

TEST_F(CifarTest, NamesAFileCutWithinARecord) {
  set.test.pop_back();
  expect_damaged("test_batch.bin", "6145 bytes are not a whole number of records of 3073 bytes");
  set = CifarSet();
  set.batches[4].resize(1);
  expect_damaged("data_batch_5.bin", "1 bytes are not a whole number of records of 3073 bytes");
}

// The data are read on one rank of a node: all others must learn of the failure and stop as well.
TEST_F(CifarTest, NamesALabelOutOfRange) {
  set.batches[0][3073] = '\x0a';
  expect_damaged("data_batch_1.bin", "label 10 of record 2 is out of range, expected 0 to 9");
  set = CifarSet();
  set.test[0] = '\xff';
  expect_damaged("test_batch.bin", "label 255 of record 1 is out of range, expected 0 to 9");
}

// What lies behind the limit is damaged too: all files are checked.
TEST_F(CifarTest, ChecksAllFilesEvenBehindTheLimit) {
  set.batches[4][0] = '\x0a';
  auto options = write_set();
  options.train_limit = 1;
  EXPECT_EQ(complaint(options), (folder / "data_batch_5.bin").string() +
                                    ": label 10 of record 1 is out of range, expected 0 to 9" + advice);
}

// Between the look at its size and the reading, as a copy still under way may change a file.
TEST_F(CifarTest, NamesAFileThatChangesWhileItIsRead) {
  write_set();
  const std::vector files = {folder / "test_batch.bin"};
  std::vector<std::byte> pixels(std::size_t{3} * 3072), labels(3);
  const auto read = [&] { read_cifar_images(files, pixels, labels); };
  EXPECT_EQ(message_of<ConfigError>(read), files[0].string() + ": the file changed while it was read");
  world.barrier();
  if (world.is_root()) spill(files[0], set.test + "x");
  world.barrier();
  EXPECT_EQ(message_of<ConfigError>(read), files[0].string() + ": the file ends within a record");
}

constexpr std::size_t record_bytes = 3073;

std::string any_records(int most) {
  std::string records;
  auto engine = any_engine();
  for (int count = *rc::gen::inRange(1, most + 1); count > 0; --count) {
    records += static_cast<char>(engine() % 10);
    for (std::size_t i = 1; i < record_bytes; ++i) records += static_cast<char>(engine());
  }
  return records;
}

/// Labels and pixels of all records, as the reader gives them.
std::string read_back(const std::array<std::filesystem::path, 2>& files) {
  std::size_t count = 0;
  for (const auto& file : files) count += static_cast<std::size_t>(count_cifar_images(file));
  std::string pixels(count * (record_bytes - 1), '\0'), labels(count, '\0');
  read_cifar_images(files, std::as_writable_bytes(std::span(pixels)), std::as_writable_bytes(std::span(labels)));
  std::string records;
  for (std::size_t i = 0; i < count; ++i)
    records += labels[i] + pixels.substr(i * (record_bytes - 1), record_bytes - 1);
  return records;
}

TEST(CifarFiles, AnyRecordsComeBackAndNoPartOfOneIsRead) {
  const Scratch scratch(Communicator::self());
  const std::array files{scratch / "a.bin", scratch / "b.bin"};
  check_property(40, [&] {
    const auto first = any_records(3), second = any_records(3);
    spill(files[0], first);
    spill(files[1], second);
    RC_ASSERT(read_back(files) == first + second);
    const auto size = *rc::gen::inRange(std::size_t{0}, second.size());
    spill(files[1], size % record_bytes == 0 ? second + "x" : second.substr(0, size));
    RC_ASSERT_THROWS_AS(read_back(files), ConfigError);
  });
}

// Records of a coarse label, the fine label and the pixels.
TEST_F(CifarTest, OfAHundredClassesHaveTheFineLabels) {
  const auto record = [](int coarse, int fine, int red) {
    return std::string(1, static_cast<char>(coarse)) + cifar_record(fine, red, 2, 3);
  };
  const auto hundred = scratch / "cifar-100";
  if (world.is_root()) {
    std::filesystem::create_directories(hundred);
    spill(hundred / "train.bin", record(3, 99, 5) + record(19, 0, 6));
    spill(hundred / "test.bin", record(1, 42, 7));
  }
  world.barrier();
  const ImageDataset dataset(world, options("cifar-100"));
  EXPECT_EQ(dataset.classes(), 100);
  EXPECT_EQ(dataset.shape().image, cifar_shape);
  EXPECT_THAT(dataset.train().labels, ElementsAre(99, 0));
  EXPECT_THAT(dataset.test().labels, ElementsAre(42));
  EXPECT_EQ(dataset.train().image(1)[0], 6);
  EXPECT_EQ(dataset.train().image(1)[3071], 3);
}

}  // namespace
}  // namespace flatsweep::cifar_test
