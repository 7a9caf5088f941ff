#include "flatsweep/base/handle.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <type_traits>
#include <vector>

namespace flatsweep::handle_test {
namespace {

std::vector<int> destroyed;

struct IntTraits {
  static int empty() { return 0; }
  static void destroy(int& value) noexcept { destroyed.push_back(value); }
};
using IntHandle = Handle<int, IntTraits>;

class HandleTest : public testing::Test {
 protected:
  void SetUp() override { destroyed.clear(); }
};

static_assert(!std::is_copy_constructible_v<IntHandle> && !std::is_copy_assignable_v<IntHandle>);
static_assert(std::is_nothrow_move_constructible_v<IntHandle> && std::is_nothrow_move_assignable_v<IntHandle>);

TEST_F(HandleTest, DestroysWhatItHoldsOnce) {
  { const IntHandle handle(7); }
  EXPECT_EQ(destroyed, std::vector{7});
}

TEST_F(HandleTest, DestroysNothingWhenEmpty) {
  {
    const IntHandle handle;
    EXPECT_FALSE(handle);
  }
  EXPECT_TRUE(destroyed.empty());
}

TEST_F(HandleTest, GivesUpWhatIsMovedFromIt) {
  {
    IntHandle from(7);
    const IntHandle to(std::move(from));
    EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move): what is left behind is the point
    EXPECT_EQ(to.get(), 7);
  }
  EXPECT_EQ(destroyed, std::vector{7});
}

TEST_F(HandleTest, DestroysItsOwnBeforeItTakesAnother) {
  {
    IntHandle handle(7);
    handle = IntHandle(8);
    EXPECT_EQ(destroyed, std::vector{7});
    EXPECT_EQ(handle.get(), 8);
  }
  EXPECT_EQ(destroyed, (std::vector{7, 8}));
}

TEST_F(HandleTest, SurvivesAssignmentToItself) {
  IntHandle handle(7);
  auto& same = handle;
  handle = std::move(same);
  EXPECT_EQ(handle.get(), 7);
  EXPECT_TRUE(destroyed.empty());
}

TEST_F(HandleTest, IsEmptyAfterReset) {
  IntHandle handle(7);
  handle.reset();
  handle.reset();
  EXPECT_FALSE(handle);
  EXPECT_EQ(destroyed, std::vector{7});
}

TEST_F(HandleTest, DestroysItsOwnBeforeACFunctionWritesInto) {
  IntHandle handle(7);
  *handle.put() = 9;
  EXPECT_EQ(destroyed, std::vector{7});
  EXPECT_EQ(handle.get(), 9);
}

}  // namespace
}  // namespace flatsweep::handle_test
