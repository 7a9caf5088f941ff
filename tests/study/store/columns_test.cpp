#include "study/store/columns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace flatsweep::columns_test {
namespace {

using testing::ElementsAre;

struct Fruit {
  double weight = 0.0;
  std::string name;
  std::int64_t number = 0;
  int seeds = 0;
  Exponent exponent;
  Interval interval = Interval::over_seeds;
};

struct Basket {
  Fruit first;
};

std::vector<Column<Fruit>> fruit_columns() {
  return {{"weight", "kg", "weight of the fruit", &Fruit::weight},
          {"name", "", "what it is called", &Fruit::name},
          {"number", "1", "its number", &Fruit::number},
          {"twice", "1", "twice its seeds", [](const Fruit& fruit) { return 2 * fruit.seeds; }}};
}

const std::vector<Fruit> fruits = {{0.25, "pear", 7, 3, {}}, {0.5, "blood orange", 1LL << 40, 4, {}}};

TEST(Columns, BecomeDataSetsOfTheTypeOfTheirValues) {
  Group group;
  add_columns(group, "fruit", fruits, fruit_columns());
  ASSERT_EQ(group.datasets.size(), 4U);
  EXPECT_THAT(group.dataset("weight").values<double>(), ElementsAre(0.25, 0.5));
  EXPECT_THAT(group.dataset("name").strings(), ElementsAre("pear", "blood orange"));
  EXPECT_THAT(group.dataset("number").values<std::int64_t>(), ElementsAre(7, 1LL << 40));
  EXPECT_THAT(group.dataset("twice").values<std::int32_t>(), ElementsAre(6, 8));
  for (const auto& dataset : group.datasets) EXPECT_THAT(dataset.axes, ElementsAre("fruit"));
  EXPECT_EQ(group.dataset("weight").units, "kg");
  EXPECT_EQ(group.dataset("weight").description, "weight of the fruit");
}

TEST(Columns, OfAnExponentAreItsValueIntervalPointsSeedsAndStatus) {
  auto two = fruits;
  two[1].exponent = {4.0, 3.5, 4.5, 0.0, 120, 3, Interval::over_seeds, FitStatus::ok};
  Group group;
  add_columns<Fruit>(group, "fruit", two, {{"psi", "1", "exponent psi of the fruit", &Fruit::exponent}});
  ASSERT_EQ(group.datasets.size(), 7U);
  EXPECT_EQ(group.dataset("psi").values<double>()[1], 4.0);
  EXPECT_EQ(group.dataset("psi_low").values<double>()[1], 3.5);
  EXPECT_EQ(group.dataset("psi_high").values<double>()[1], 4.5);
  EXPECT_THAT(group.dataset("psi_points").values<std::int32_t>(), ElementsAre(0, 120));
  EXPECT_THAT(group.dataset("psi_seeds").values<std::int32_t>(), ElementsAre(0, 3));
  EXPECT_THAT(group.dataset("psi_interval").strings(), ElementsAre("none", "over seeds"));
  EXPECT_THAT(group.dataset("psi_status").strings(), ElementsAre("not measured", "ok"));
  EXPECT_EQ(group.dataset("psi_low").description, "lower end of the 95 % interval of the exponent psi of the fruit");
}

// t(2) = 4.302653 at 97.5 %, of a table; the mean of 1, 2 and 6 is 3, its standard error sqrt(7/3).
TEST(Columns, OfAMeanOverSeedsAreItsValueIntervalAndSeeds) {
  const std::vector<std::vector<double>> seeds = {{1.0, std::nan(""), 2.0, 6.0}, {1.0, 2.0}, {}};
  Group group;
  add_columns<std::vector<double>>(group, "fruit", seeds,
                                   {{"scale", "samples", "mean over seeds of the scale", &seed_mean}});
  ASSERT_EQ(group.datasets.size(), 4U);
  EXPECT_THAT(group.dataset("scale").values<double>(), ElementsAre(3.0, 1.5, testing::IsNan()));
  const double reach = 4.302653 * std::sqrt(7.0 / 3.0);
  EXPECT_THAT(group.dataset("scale_low").values<double>(),
              ElementsAre(testing::DoubleNear(3.0 - reach, 1e-6), testing::IsNan(), testing::IsNan()));
  EXPECT_THAT(group.dataset("scale_high").values<double>(),
              ElementsAre(testing::DoubleNear(3.0 + reach, 1e-6), testing::IsNan(), testing::IsNan()));
  EXPECT_THAT(group.dataset("scale_seeds").values<std::int32_t>(), ElementsAre(3, 2, 0));
  EXPECT_EQ(group.dataset("scale_low").units, "samples");
}

TEST(Columns, OfAnEnumHaveAllItsWords) {
  const std::vector<Column<Fruit>> columns = {{"interval", "", "interval of the fruit", &Fruit::interval}};
  Group group, part, one;
  add_columns(group, "fruit", fruits, columns);
  EXPECT_THAT(group.dataset("interval").words, ElementsAre("none", "within seeds", "over seeds"));
  EXPECT_THAT(group.dataset("interval").values<std::int8_t>(), ElementsAre(2, 2));
  add_columns<Basket>(part, "basket", {{fruits[0]}}, {of_part(columns[0], &Basket::first)});
  EXPECT_EQ(part.dataset("interval").words, group.dataset("interval").words);
  set_attributes(one, fruits[0], columns);
  EXPECT_EQ(one.text("interval"), "over seeds");
}

TEST(Columns, OfOneRowBecomeAttributes) {
  Group group;
  set_attributes(group, fruits[1], fruit_columns());
  EXPECT_EQ(group.real("weight"), 0.5);
  EXPECT_EQ(group.text("name"), "blood orange");
  EXPECT_EQ(group.integer("number"), 1LL << 40);
  EXPECT_EQ(group.integer("twice"), 8);
  EXPECT_THAT(group.text(attribute_descriptions), testing::HasSubstr("weight (kg): weight of the fruit\nname: what"));
}

TEST(Columns, OfAPartTakeItFromEveryRow) {
  Group group;
  add_columns<Basket>(group, "basket", {{fruits[0]}, {fruits[1]}}, {of_part(fruit_columns()[1], &Basket::first)});
  EXPECT_THAT(group.dataset("name").strings(), ElementsAre("pear", "blood orange"));
}

}  // namespace
}  // namespace flatsweep::columns_test
