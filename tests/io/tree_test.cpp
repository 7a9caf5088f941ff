#include "flatsweep/io/tree.hpp"

#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flatsweep::tree_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Tree, GivesBackTheValuesThatWereAdded) {
  const auto root = sample_tree();
  const auto& directions = root.find_group("pca/fc2")->dataset("directions");
  EXPECT_EQ(directions.count(), 15U);
  EXPECT_EQ(directions.values<float>()[14], 14.25F);
  EXPECT_THAT(root.find_group("grid")->dataset("status").strings(), ElementsAre("done", "diverg\u00e9"));
}

TEST(Tree, ReadsAttributesByType) {
  const auto root = sample_tree();
  EXPECT_EQ(root.integer("format_version"), 1);
  EXPECT_EQ(root.real("format_version"), 1.0);
  EXPECT_EQ(root.real("psi"), 1.9);
  EXPECT_EQ(root.text("nothing"), "");
  EXPECT_EQ(root.attribute("absent"), nullptr);
}

TEST(Tree, SettingAnAttributeAgainReplacesIt) {
  Group group;
  group.set("a", std::int64_t{1});
  group.set("a", 2.0);
  EXPECT_EQ(group.attributes.size(), 1U);
  EXPECT_EQ(group.real("a"), 2.0);
}

TEST(Tree, NamesWhatIsMissingOrOfAnotherType) {
  const auto root = sample_tree();
  EXPECT_THAT([&] { (void)root.integer("absent"); }, ThrowsMessage<IoError>(HasSubstr("no attribute 'absent'")));
  EXPECT_THAT([&] { (void)root.integer("psi"); }, ThrowsMessage<IoError>(HasSubstr("'psi'")));
  EXPECT_THAT([&] { (void)root.dataset("absent"); }, ThrowsMessage<IoError>(HasSubstr("no data set 'absent'")));
  EXPECT_THROW((void)root.find_group("pca/fc2")->dataset("variance").strings(), IoError);
  EXPECT_EQ(root.find_group("pca/fc3"), nullptr);
}

TEST(Tree, RefusesADataSetWhoseShapeDoesNotFit) {
  Group group;
  const auto six = ramp<double>(6);
  EXPECT_THROW(group.add("a", std::span<const double>(six), {2, 2}, {"x", "y"}), IoError);
  EXPECT_THROW(group.add("a", std::span<const double>(six), {2, 3}, {"x"}), IoError);
  EXPECT_THROW(group.add("a/b", std::span<const double>(six), {6}, {"x"}), IoError);
  group.add("a", std::span<const double>(six), {6}, {"x"});
  EXPECT_THROW(group.add("a", std::span<const double>(six), {6}, {"x"}), IoError);
}

TEST(Tree, KeepsWordsAsPlacesAmongAllThatThereAre) {
  Group group;
  const std::vector<std::string> values = {"b c", "a", "b c"};
  const auto& own = group.add("own", values, {"x"});
  EXPECT_THAT(own.words, ElementsAre("b c", "a"));
  EXPECT_THAT(own.values<std::int8_t>(), ElementsAre(0, 1, 0));
  const auto& given = group.add("given", values, {"x"}, {"a", "b", "b c"});
  EXPECT_THAT(given.values<std::int8_t>(), ElementsAre(2, 0, 2));
  EXPECT_THAT(given.strings(), ElementsAre("b c", "a", "b c"));
}

TEST(Tree, RefusesWordsThatTheFileCannotHold) {
  Group group;
  const std::vector<std::string> values = {"a"};
  EXPECT_THAT([&] { group.add("x", values, {"x"}, {"b"}); }, ThrowsMessage<IoError>(HasSubstr("no word 'a'")));
  EXPECT_THAT([&] { group.add("x", std::vector<std::string>{"a\nb"}, {"x"}); },
              ThrowsMessage<IoError>(HasSubstr("several lines")));
}

TEST(Tree, NumbersManyWordsInFourBytes) {
  Group group;
  std::vector<std::string> many;
  for (int i = 0; i < 128; ++i) many.push_back(std::to_string(i));
  EXPECT_EQ(group.add("most", many, {"x"}).type, ElementType::i1);
  many.emplace_back("one_more");
  const auto& more = group.add("more", many, {"y"});
  EXPECT_EQ(more.type, ElementType::i4);
  EXPECT_EQ(more.strings(), many);
}

TEST(Tree, AnElementThatStandsForNoWordIsDamage) {
  Group group;
  auto& dataset = group.add("x", std::vector<std::string>{"a", "b"}, {"x"});
  dataset.words.pop_back();
  EXPECT_THROW((void)dataset.strings(), DamagedFile);
}

TEST(Tree, KeepsFlagsAsBits) {
  Group group;
  const std::vector<std::int8_t> masks = {0, 5, 2};
  auto& dataset = group.add_flags("x", masks, {"x"}, {"a", "b c", "d"});
  EXPECT_THAT(dataset.strings(), ElementsAre("", "a, d", "b c"));
  EXPECT_THAT(
      [&] {
        group.add_flags("y", masks, {"y"}, {"a", "b c"});
      },
      ThrowsMessage<IoError>(HasSubstr("a flag without a word")));
  dataset.words.pop_back();
  EXPECT_THROW((void)dataset.strings(), DamagedFile);
}

TEST(Tree, SaysWhatItsAttributesAre) {
  Group group;
  group.set("psi", 4.0, "1", "the exponent");
  group.set("why", std::string("so"), "", "a reason");
  group.set("psi", 3.0, "1", "the exponent");
  EXPECT_EQ(group.text(attribute_descriptions), "psi (1): the exponent\nwhy: a reason");
  Group more;
  more.set("why", std::string("so"), "", "a reason");
  more.set("loss", 1.0, "1", "the loss");
  merge(group, std::move(more));
  EXPECT_EQ(group.text(attribute_descriptions), "psi (1): the exponent\nwhy: a reason\nloss (1): the loss");
}

TEST(Axes, MissingScalesBecomeIndicesOnce) {
  auto root = sample_tree();
  complete_axes(root);
  complete_axes(root);
  const auto& pca = *root.find_group("pca/fc2");
  EXPECT_EQ(pca.datasets.size(), 4U);
  EXPECT_THAT(pca.dataset("mode").values<std::int32_t>(), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(pca.dataset("direction").values<std::int32_t>(), ElementsAre(0, 2, 4));
  EXPECT_TRUE(is_index_scale(pca.dataset("mode")));
  EXPECT_FALSE(is_index_scale(pca.dataset("direction")));
  EXPECT_EQ(root.find_group("grid")->dataset("none").count(), 0U);
}

TEST(Axes, OfTheSameNameMustHaveTheSameLength) {
  Group group;
  group.add("a", std::span<const double>(ramp<double>(6)), {6}, {"x"});
  group.add("b", std::span<const double>(ramp<double>(5)), {5}, {"x"});
  EXPECT_THAT([&] { complete_axes(group); }, ThrowsMessage<IoError>(HasSubstr("axis 'x' has length 5")));
}

TEST(Axes, MustNotBeNamedLikeADataSetThatIsNoScale) {
  Group group;
  group.add("lag", std::span<const double>(ramp<double>(6)), {2, 3}, {"direction", "step"});
  group.add("tau", std::span<const double>(ramp<double>(3)), {3}, {"lag"});
  EXPECT_THAT([&] { complete_axes(group); }, ThrowsMessage<IoError>(HasSubstr("names a data set that is no scale")));
}

TEST(Merge, JoinsGroupsAndKeepsOneIndexScale) {
  auto root = sample_tree();
  complete_axes(root);
  Group more;
  more.set("psi", 2.1);
  more.group("pca/fc2").add("mean", std::span<const double>(ramp<double>(5)), {5}, {"mode"});
  more.group("pca/fc3").set("a", 1.0);
  complete_axes(more);
  merge(root, std::move(more));
  EXPECT_EQ(root.real("psi"), 2.1);
  EXPECT_EQ(root.find_group("pca/fc2")->datasets.size(), 5U);
  EXPECT_EQ(root.find_group("pca/fc3")->real("a"), 1.0);
}

TEST(Merge, RefusesTheSameDataSetTwice) {
  auto root = sample_tree();
  EXPECT_THAT([&] { merge(root, sample_tree()); }, ThrowsMessage<IoError>(HasSubstr("'variance'")));
}

}  // namespace
}  // namespace flatsweep::tree_test
