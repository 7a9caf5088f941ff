#include "study/models/model_files.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"
#include "study/models/model_columns.hpp"
#include "study/models/weight_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace flatsweep::model_files_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Lines = std::vector<std::vector<std::string>>;

TEST(NaturalOrder, CountsNumbers) {
  std::vector<std::string> names = {"s10", "s9", "s010", "s1", "t", "s", "s10a", "10", "9"};
  std::ranges::sort(names, natural_less);
  EXPECT_THAT(names, ElementsAre("9", "10", "s", "s1", "s9", "s010", "s10", "s10a", "t"));
  EXPECT_FALSE(natural_less("a1", "a1"));
}

TEST(ModelNames, ArePathsBelowTheSharedFolder) {
  EXPECT_THAT(model_names({"/x/m.npz"}), ElementsAre("m"));
  EXPECT_THAT(model_names({"/x/m.npz", "/x/n.h5"}), ElementsAre("m", "n"));
  EXPECT_THAT(model_names({"x/a/m.npz", "x/b/m.npz"}), ElementsAre("a/m", "b/m"));
  EXPECT_THAT(model_names({"x/m.npz", "x/b/m.npz"}), ElementsAre("m", "b/m"));
  EXPECT_THROW((void)model_names({"x/m.npz", "x/m.h5"}), ConfigError);
}

TEST(Csv, HasQuotesAndEmptyFields) {
  EXPECT_EQ(parse_csv("a,b\n1,2\n"), (Lines{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(parse_csv("a, b \r\n\r\n,\"x, \"\"y\"\"\n\""), (Lines{{"a", "b"}, {"", "x, \"y\"\n"}}));
  EXPECT_EQ(parse_csv(""), Lines{});
  EXPECT_EQ(parse_csv("\"\"\n"), (Lines{{""}}));
  EXPECT_THROW((void)parse_csv("\"a"), ConfigError);
}

TEST(Csv, IsWhatSpreadsheetsWrite) {
  EXPECT_EQ(parse_csv("\xEF\xBB\xBFmodel,b\r\nm,2\r\n"), (Lines{{"model", "b"}, {"m", "2"}}));
  EXPECT_EQ(parse_csv("a,b\r1,2\r\n3,\"4\r5\"\r"), (Lines{{"a", "b"}, {"1", "2"}, {"3", "4\r5"}}));
  EXPECT_EQ(message_of<ConfigError>([] { (void)parse_csv("a\ncaf\xE9\n"); }),
            "it is no text in UTF-8; save it as such");
}

TEST(ModelColumns, MayStandBeforeTheModels) {
  const Scratch scratch{Communicator::world()};
  spill(scratch / "c.csv", "width,model,note\n4,b,\"x, y\"\n3,a.npz,z\n");
  ModelConfig config;
  config.found.resize(2);
  config.found[0].name = "a";
  config.found[0].file = "a.npz";
  config.found[1].name = "b";
  read_columns(scratch / "c.csv", config);
  ASSERT_EQ(config.column_names.size(), 2U);
  EXPECT_EQ(config.column_names[0].name, "width");
  EXPECT_TRUE(config.column_names[0].numbers);
  EXPECT_FALSE(config.column_names[1].numbers);
  EXPECT_THAT(config.found[0].columns, ElementsAre("3", "z"));
  EXPECT_THAT(config.found[1].columns, ElementsAre("4", "x, y"));
}

TEST(ModelColumns, HaveNoNameThatReplicasGiveAnAttribute) {
  const Scratch scratch{Communicator::world()};
  ModelConfig config;
  config.found.resize(1);
  config.found[0].name = "a";
  for (const auto* name : {"diverged", "window_first_epoch", "epochs_trained", "status"}) {
    spill(scratch / "c.csv", std::string("model,") + name + "\na,1\n");
    EXPECT_THAT(message_of<ConfigError>([&] { read_columns(scratch / "c.csv", config); }),
                HasSubstr(std::string("column ") + name + ": flatsweep has a column of this name"));
  }
}

ArrayList arrays_of(const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& arrays) {
  ArrayList list;
  for (const auto& [name, shape] : arrays) list.arrays.push_back({name, shape, NumberType::f32});
  return list;
}

std::vector<std::string> map_to(const ArrayList& list, const Network& network) {
  std::vector<std::string> names;
  for (const auto& found : map_weights(list, network, {}))
    names.push_back(list.arrays[static_cast<std::size_t>(found.weights)].name);
  return names;
}

// Four layers of which two have the same shape.
const Network network = multilayer_perceptron(5, 3, 4, 2);

TEST(WeightMap, TakesTheFilesOrderWhereItSaysSomething) {
  const auto list =
      arrays_of({{"out.weight", {4, 5}}, {"b.weight", {4, 4}}, {"a.weight", {4, 4}}, {"z.weight", {2, 4}}});
  EXPECT_THAT(map_to(list, network), ElementsAre("out.weight", "b.weight", "a.weight", "z.weight"));
}

TEST(WeightMap, CountsNumbersWhereTheFileIsSorted) {
  const auto list =
      arrays_of({{"l1.weight", {4, 5}}, {"l10.weight", {4, 4}}, {"l11.weight", {2, 4}}, {"l9.weight", {4, 4}}});
  EXPECT_THAT(map_to(list, network), ElementsAre("l1.weight", "l9.weight", "l10.weight", "l11.weight"));
}

TEST(WeightMap, FindsBiasesByTheirNames) {
  const auto list = arrays_of(
      {{"fc1", {4, 5}}, {"fc1_bias", {4}}, {"fc2", {4, 4}}, {"fc3", {4, 4}}, {"fc3_bias", {4}}, {"fc4", {2, 4}}});
  const auto found = map_weights(list, network, {});
  EXPECT_EQ(found[0].bias, 1);
  EXPECT_EQ(found[1].bias, -1);
  EXPECT_EQ(found[2].bias, 4);
}

}  // namespace
}  // namespace flatsweep::model_files_test
