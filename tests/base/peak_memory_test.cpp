#include "flatsweep/base/peak_memory.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace flatsweep::peak_memory_test {
namespace {

TEST(PeakMemory, RisesWithWhatIsTouchedAndStaysThere) {
  const double before = peak_memory();
  constexpr std::size_t bytes = std::size_t{1} << 26;
  {
    const std::vector<char> touched(bytes, 'x');
    EXPECT_EQ(touched.back(), 'x');
  }
  // What the process held before may have been given back in between: half is enough to see the rise.
  EXPECT_GT(peak_memory(), before + 0.5 * bytes);
  EXPECT_GT(before, 1e6);
  EXPECT_LT(peak_memory(), 1e12);
}

}  // namespace
}  // namespace flatsweep::peak_memory_test
