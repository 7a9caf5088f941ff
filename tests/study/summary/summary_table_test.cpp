#include "flatsweep/study/summary/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace flatsweep {
namespace {

Exponent known(double value, double low, double high, int points, int seeds) {
  const auto interval = seeds < 3 ? Interval::within_seeds : Interval::over_seeds;
  return {value, low, high, 0.0, points, seeds, interval, FitStatus::ok};
}

std::string printed(const GridPointSummary& point) {
  const auto lines = summary_table({point});
  return std::accumulate(lines.begin(), lines.end(), std::string(),
                         [](const std::string& all, const std::string& line) { return all + line + "\n"; });
}

using testing::HasSubstr;
using testing::Not;

TEST(SummaryTable, SaysIntervalPointsAndSeeds) {
  GridPointSummary point;
  point.psi.all = known(4.22, 4.15, 4.29, 1996, 4);
  const auto text = printed(point);
  EXPECT_THAT(text, HasSubstr(" 4.22 (4.15-4.29), n = 499, seeds 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("*")));
  EXPECT_THAT(text, Not(HasSubstr("noise walk")));  // not measured
}

TEST(SummaryTable, MarksAnIntervalOfFewSeeds) {
  GridPointSummary point;
  point.psi.all = known(4.22, 4.15, 4.29, 998, 2);
  EXPECT_THAT(printed(point), HasSubstr(" 4.22 (4.15-4.29)*, n = 499, seeds 2\n"));
  EXPECT_THAT(printed(point), HasSubstr("\n* scatter within a seed"));
}

TEST(SummaryTable, KeepsNegativeEndsReadable) {
  GridPointSummary point;
  point.psi.all = known(-0.96, -1.42, -0.50, 90, 3);
  point.nulls.walk = known(0.3, -0.1, 0.7, 90, 3);
  EXPECT_THAT(printed(point), HasSubstr(" -0.96 (-1.42 to -0.50), n = 30, seeds 3\n"));
  EXPECT_THAT(printed(point), HasSubstr("noise walk 0.30 (-0.10 to 0.70), n = 30"));
}

TEST(SummaryTable, SaysWhyThereIsNoExponent) {
  GridPointSummary point;
  point.psi.all.points = 4;
  point.psi.all.status = FitStatus::too_few_points;
  EXPECT_THAT(printed(point), HasSubstr(" - (too few points: 4)\n"));
}

}  // namespace
}  // namespace flatsweep
