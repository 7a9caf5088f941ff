#include "flatsweep/data/task.hpp"

#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace flatsweep::task_test {
namespace {

using testing::ElementsAre;

/// Six images of two pixels; the pixels of image i are 10 i and 10 i + 1.
struct Images {
  std::vector<std::uint8_t> pixels = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51};
  std::vector<std::uint8_t> labels = {7, 2, 5, 2, 7, 0};
  ImageSet set{pixels, labels, 2};
};

Task make_task(const Images& images, std::vector<int> classes, TaskLabels labels) {
  return {images.set, images.set, classes, labels};
}

std::vector<int> first_pixels(const ImageSet& set) {
  std::vector<int> pixels;
  for (std::size_t i = 0; i < set.labels.size(); ++i) pixels.push_back(set.image(i)[0]);
  return pixels;
}

TEST(Task, KeepsTheImagesOfItsClassesInOrder) {
  const Images images;
  const auto task = make_task(images, {7, 2}, TaskLabels::global);
  EXPECT_EQ(task.train().count(), 4);
  EXPECT_THAT(first_pixels(task.train()), ElementsAre(0, 10, 30, 40));
  EXPECT_THAT(task.train().labels, ElementsAre(7, 2, 2, 7));
  EXPECT_EQ(task.train().image(3)[1], 41);
}

TEST(Task, RenumbersFromZeroInTheOrderInWhichClassesAreNamed) {
  const Images images;
  EXPECT_THAT(make_task(images, {7, 2}, TaskLabels::per_task).test().labels, ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(make_task(images, {2, 7}, TaskLabels::per_task).test().labels, ElementsAre(1, 0, 0, 1));
}

TEST(Task, StaysWholeWhenItIsMoved) {
  const Images images;
  auto first = make_task(images, {5, 0}, TaskLabels::per_task);
  const Task task = std::move(first);
  EXPECT_THAT(first_pixels(task.train()), ElementsAre(20, 50));
  EXPECT_THAT(task.train().labels, ElementsAre(0, 1));
}

TEST(Task, OfATaskIsAViewOfTheSameImages) {
  const Images images;
  const auto outer = make_task(images, {7, 2}, TaskLabels::global);
  const Task inner(outer.train(), outer.test(), std::vector<int>{7}, TaskLabels::global);
  EXPECT_THAT(first_pixels(inner.train()), ElementsAre(0, 40));
  EXPECT_EQ(inner.train().pixels.data(), images.pixels.data()) << "nothing is copied";
}

TEST(Task, RefusesAClassWithoutImages) {
  const Images images;
  EXPECT_THAT(
      [&] {
        (void)make_task(images, {7, 3}, TaskLabels::global);
      },
      testing::ThrowsMessage<ConfigError>(
          "no image of class 3 among the 6 of the training set; take it out of the tasks"));
}

}  // namespace
}  // namespace flatsweep::task_test
