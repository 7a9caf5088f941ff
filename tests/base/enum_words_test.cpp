#include "flatsweep/base/enum_words.hpp"

#include <gtest/gtest.h>

namespace flatsweep::enum_words_test {

enum class Fruit { apple, blood_orange };

}  // namespace flatsweep::enum_words_test

namespace flatsweep {

template <>
inline constexpr auto enum_words<enum_words_test::Fruit> = make_enum_words<enum_words_test::Fruit>({
    {enum_words_test::Fruit::apple, "apple", "grows on trees"},
    {enum_words_test::Fruit::blood_orange, "blood-orange"},
});

}  // namespace flatsweep

namespace flatsweep::enum_words_test {

namespace {

enum class Plain { one };

TEST(EnumWords, GiveTheWordOfAValue) {
  static_assert(to_string(Fruit::blood_orange) == "blood-orange");
  EXPECT_EQ(to_string(Fruit::apple), "apple");
  EXPECT_EQ(enum_words<Fruit>.front().sentence, "grows on trees");
}

TEST(EnumWords, GiveTheValueOfAWordAndOfNoOtherText) {
  EXPECT_EQ(from_word<Fruit>("apple"), Fruit::apple);
  EXPECT_EQ(from_word<Fruit>("blood-orange"), Fruit::blood_orange);
  for (const auto* text : {"", "Apple", "apple ", "blood_orange", "appl"}) EXPECT_FALSE(from_word<Fruit>(text)) << text;
}

// make_enum_words compares the number of its rows with these; a table that is too short or too long does not compile.
TEST(EnumWords, KnowTheEnumeratorsFromOtherNumbers) {
  EXPECT_TRUE(detail::is_enumerator<Fruit::blood_orange>());
  EXPECT_TRUE(detail::is_enumerator<static_cast<Fruit>(0)>());
  EXPECT_FALSE(detail::is_enumerator<static_cast<Fruit>(2)>());
  EXPECT_TRUE(detail::is_enumerator<Plain::one>());
  EXPECT_FALSE(detail::is_enumerator<static_cast<Plain>(1)>());
}

TEST(EnumWords, AreOnlyThereForEnumsWithATable) {
  static_assert(WordedEnum<Fruit>);
  static_assert(!WordedEnum<Plain>);
}

}  // namespace
}  // namespace flatsweep::enum_words_test
