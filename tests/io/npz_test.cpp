#include "flatsweep/io/npz.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/array_file.hpp"
#include "scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace flatsweep::npz_test {
namespace {

TEST(NpzWriter, IsReadBack) {
  const Scratch scratch;
  const auto path = scratch / "a.npz";
  {
    NpzWriter writer(path);
    writer.begin("x/y", {2, 3});
    writer.append(std::vector<float>{1, 2});
    writer.append(std::vector<float>{3, 4, 5, 6});
    writer.begin("empty", {0, 7});
    writer.begin("one", {1});
    writer.append(std::vector<float>{-0.5F});
    EXPECT_FALSE(std::filesystem::exists(path));
    writer.publish();
  }
  const auto arrays = read_arrays<float>(path).arrays;
  ASSERT_EQ(arrays.size(), 3U);
  EXPECT_EQ(arrays[0].name, "x/y");
  EXPECT_EQ(arrays[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(arrays[0].values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(arrays[1].shape, (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(arrays[2].values, std::vector<float>{-0.5F});
}

TEST(NpzWriter, LeavesNothingUnfinished) {
  const Scratch scratch;
  {
    NpzWriter writer(scratch / "a.npz");
    writer.begin("x", {2});
    EXPECT_THROW(writer.append(std::vector<float>(3)), IoError);
    writer.append(std::vector<float>(1));
    EXPECT_THROW(writer.begin("y", {1}), IoError);
    EXPECT_THROW(writer.publish(), IoError);
    writer.append(std::vector<float>(1));
    EXPECT_THROW(writer.begin("x", {1}), IoError);
    EXPECT_THROW(writer.begin("../x", {1}), IoError);
  }
  EXPECT_EQ(scratch.entries(), 0U);
  EXPECT_THROW(NpzWriter(scratch / "no" / "a.npz"), IoError);
}

}  // namespace
}  // namespace flatsweep::npz_test
