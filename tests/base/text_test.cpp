#include "flatsweep/base/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flatsweep::text_test {
namespace {

TEST(Text, WhatATerminalCanShowStaysAsItIs) {
  for (const std::string text : {"", "plain", "caf\u00e9", "\u03c8 = 4.1", "\U0001F600", "back\\slash", "a~b"})
    EXPECT_EQ(printable(text), text);
}

TEST(Text, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u0000b");
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a\\u000Ab\\u0009c\\u007F");
  EXPECT_EQ(printable("\x1b[31m"), "\\u001B[31m");
  EXPECT_EQ(printable("\xC2\x85\u202Ex\u2028"), "\\u0085\\u202Ex\\u2028");
}

TEST(Text, BytesThatAreNoCharacterAreWrittenOut) {
  EXPECT_EQ(printable("\xFF"), "\\xFF");
  EXPECT_EQ(printable("\xC3("), "\\xC3(");
  EXPECT_EQ(printable("\xC0\x80"), "\\xC0\\x80") << "an overlong NUL";
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xED\\xA0\\x80") << "half of a surrogate pair";
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80") << "beyond U+10FFFF";
  EXPECT_EQ(printable("a\xE2\x82"), "a\\xE2\\x82") << "cut short";
}

TEST(Text, PrintingTwiceChangesNothingMore) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto once = printable(std::string("a") + static_cast<char>(byte) + "b");
    EXPECT_EQ(printable(once), once);
  }
}

TEST(Text, ShorteningCutsNoCharacterInTwo) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc...");
  EXPECT_EQ(shortened("a\u00e9\u00e9", 2), "a...");
  EXPECT_EQ(shortened("a\u00e9\u00e9", 3), "a\u00e9...");
}

TEST(Utf8, IsWhatTheStandardTakes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\u00e9\u20ac\U0001F600\n"));
  for (const auto* text : {"caf\xE9", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

}  // namespace
}  // namespace flatsweep::text_test
