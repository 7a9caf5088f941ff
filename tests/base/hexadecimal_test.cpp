#include "flatsweep/base/hexadecimal.hpp"

#include <gtest/gtest.h>

#include <array>

namespace flatsweep::hexadecimal_test {
namespace {

TEST(Hexadecimal, HasTwoDigitsForEveryByte) {
  EXPECT_EQ(hexadecimal({}), "");
  EXPECT_EQ(hexadecimal(std::array<std::uint8_t, 5>{0x00, 0x01, 0x0f, 0xa0, 0xff}), "00010fa0ff");
}

}  // namespace
}  // namespace flatsweep::hexadecimal_test
