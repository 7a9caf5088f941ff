#include "flatsweep/base/version.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flatsweep::version_test {
namespace {

static_assert(FLATSWEEP_VERSION_AT_LEAST(FLATSWEEP_VERSION_MAJOR, FLATSWEEP_VERSION_MINOR, FLATSWEEP_VERSION_PATCH));
static_assert(FLATSWEEP_VERSION_AT_LEAST(0, 0, 9) && FLATSWEEP_VERSION_AT_LEAST(0, 1, 0));
static_assert(!FLATSWEEP_VERSION_AT_LEAST(FLATSWEEP_VERSION_MAJOR, FLATSWEEP_VERSION_MINOR,
                                          FLATSWEEP_VERSION_PATCH + 1));
static_assert(!FLATSWEEP_VERSION_AT_LEAST(FLATSWEEP_VERSION_MAJOR, FLATSWEEP_VERSION_MINOR + 1, 0));
static_assert(!FLATSWEEP_VERSION_AT_LEAST(FLATSWEEP_VERSION_MAJOR + 1, 0, 0));

#if !FLATSWEEP_VERSION_AT_LEAST(0, 1, 0)
#error the macros cannot be used by the preprocessor
#endif

TEST(Version, IsThatOfTheHeaders) {
  EXPECT_EQ(version(), std::to_string(FLATSWEEP_VERSION_MAJOR) + "." + std::to_string(FLATSWEEP_VERSION_MINOR) + "." +
                           std::to_string(FLATSWEEP_VERSION_PATCH));
}

}  // namespace
}  // namespace flatsweep::version_test
