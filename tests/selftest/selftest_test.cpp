#include "flatsweep/selftest/selftest.hpp"

#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace flatsweep::selftest_test {
namespace {

using testing::HasSubstr;
using testing::Not;

Check row(double got, Bound bound = Bound::equal) { return {"a row", 2.0, got, 0.5, "a source", bound}; }

TEST(Check, PassesWithinItsTolerance) {
  for (const double got : {1.5, 2.0, 2.5}) EXPECT_TRUE(row(got).passed()) << got;
  for (const double got : {1.49, 2.51}) EXPECT_FALSE(row(got).passed()) << got;
}

TEST(Check, OfABoundPassesOnTheFarSide) {
  EXPECT_TRUE(row(-100.0, Bound::at_most).passed());
  EXPECT_TRUE(row(2.5, Bound::at_most).passed());
  EXPECT_FALSE(row(2.51, Bound::at_most).passed());
  EXPECT_TRUE(row(100.0, Bound::at_least).passed());
  EXPECT_TRUE(row(1.5, Bound::at_least).passed());
  EXPECT_FALSE(row(1.49, Bound::at_least).passed());
}

TEST(Check, NeverPassesWithANumberThatIsNotFinite) {
  for (const auto bound : {Bound::equal, Bound::at_most, Bound::at_least})
    for (const double got :
         {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
      EXPECT_FALSE(row(got, bound).passed()) << got;
}

TEST(Check, LineShowsAllOfIt) {
  for (const auto* part : {"a row", " 2 ", " 2.25 ", "5.0e-01", "ok", "a source"})
    EXPECT_THAT(row(2.25).line(), HasSubstr(part));
  EXPECT_THAT(row(3.0).line(), HasSubstr("FAILED"));
  EXPECT_THAT(row(3.0, Bound::at_least).line(), HasSubstr(">= 2"));
}

class RunChecks : public testing::Test {
 protected:
  /// The message of the breach, "" without one.
  std::string breach(const std::vector<CheckGroup>& groups) {
    try {
      run_checks(world, groups, log);
    } catch (const SelfTestError& error) {
      EXPECT_TRUE(error.agreed());
      EXPECT_EQ(exit_code(error.kind()), 70);
      return error.what();
    }
    return "";
  }
  static CheckGroup group_of(const std::vector<Check>& rows) {
    return {"group", [rows](const Communicator&) { return rows; }};
  }

  const Communicator world = Communicator::world();
  Log log{LogRank::silent, Verbosity::quiet};
};

TEST_F(RunChecks, AreContentWhenAllPass) { EXPECT_EQ(breach({group_of({row(2.0)}), group_of({row(1.8)})}), ""); }

TEST_F(RunChecks, NameEveryCheckThatFails) {
  auto first = row(9.0), second = row(std::nan(""));
  first.name = "the first";
  second.name = "the second";
  const auto message = breach({group_of({first, row(2.0)}), group_of({second})});
  EXPECT_THAT(message, HasSubstr("2 of 3 checks failed"));
  EXPECT_THAT(message, HasSubstr("the first; the second"));
  EXPECT_THAT(message, Not(HasSubstr("a row")));
}

TEST_F(RunChecks, FailOnAllRanksWhenOneIsOff) {
  const CheckGroup group{"group", [](const Communicator& comm) {
                           return std::vector<Check>{row(2.0), row(comm.rank() == comm.size() - 1 ? 7.0 : 2.0)};
                         }};
  EXPECT_THAT(breach({group}), HasSubstr("1 of 2 checks failed"));
}

TEST_F(RunChecks, GoOnAfterAGroupThatStops) {
  int others = 0;
  const CheckGroup stops{"eigen-solvers", [](const Communicator&) -> std::vector<Check> {
                           throw_error(ErrorKind::solver, "no convergence", true);
                         }};
  const CheckGroup counts{"group", [&](const Communicator&) {
                            ++others;
                            return std::vector<Check>{row(2.0)};
                          }};
  EXPECT_THAT(breach({stops, counts}), HasSubstr("1 of 2 checks failed"));
  EXPECT_EQ(others, 1);
}

}  // namespace
}  // namespace flatsweep::selftest_test
