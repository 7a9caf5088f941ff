#include "flatsweep/analysis/psi.hpp"
#include "study/landscape/landscape_summary.hpp"
#include "study/landscape/nulls_analysis.hpp"
#include "study/landscape/psi_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace flatsweep::summary_table_test {
namespace {

Exponent known(double value, double low, double high, int points, int seeds) {
  const auto interval = seeds < 3 ? Interval::within_seeds : Interval::over_seeds;
  return {value, low, high, 0.0, points, seeds, interval, FitStatus::ok};
}

GridPointSummary with_psi(const Exponent& psi) {
  PsiFit fit;
  fit.all = psi;
  GridPointSummary point;
  point.pooled.set(fit);
  return point;
}

std::string printed(const GridPointSummary& point) {
  const auto lines = summary_table({}, {point});
  return std::accumulate(lines.begin(), lines.end(), std::string(),
                         [](const std::string& all, const std::string& line) { return all + line + "\n"; });
}

using testing::HasSubstr;
using testing::Not;

TEST(SummaryTable, SaysIntervalPointsAndSeeds) {
  const auto text = printed(with_psi(known(4.22, 4.15, 4.29, 1996, 4)));
  EXPECT_THAT(text, HasSubstr(" 4.22 (4.15-4.29), n = 499, seeds 4     -\n"));
  EXPECT_THAT(text, Not(HasSubstr("*")));
  EXPECT_THAT(text, Not(HasSubstr("noise walk")));  // not measured
}

TEST(SummaryTable, MarksAnIntervalOfFewSeeds) {
  const auto point = with_psi(known(4.22, 4.15, 4.29, 998, 2));
  EXPECT_THAT(printed(point), HasSubstr(" 4.22 (4.15-4.29)*, n = 499, seeds 2     -\n"));
  EXPECT_THAT(printed(point), HasSubstr("\n* scatter within a seed"));
}

TEST(SummaryTable, KeepsNegativeEndsReadable) {
  auto point = with_psi(known(-0.96, -1.42, -0.50, 90, 3));
  NullExponents nulls;
  nulls.walk = known(0.3, -0.1, 0.7, 90, 3);
  point.pooled.set(nulls);
  EXPECT_THAT(printed(point), HasSubstr(" -0.96 (-1.42 to -0.50), n = 30, seeds 3     -\n"));
  EXPECT_THAT(printed(point), HasSubstr("noise walk 0.30 (-0.10 to 0.70), n = 30"));
}

TEST(SummaryTable, SaysWhyThereIsNoExponent) {
  Exponent psi;
  psi.points = 4;
  psi.status = FitStatus::too_few_points;
  EXPECT_THAT(printed(with_psi(psi)), HasSubstr(" - (too few points: 4)     -\n"));
}

TEST(SummaryTable, MarksWhatKeepsPsiFromBeingQuoted) {
  auto point = with_psi(known(4.22, 4.15, 4.29, 1996, 2));
  PsiFlags flags;
  flags.add(PsiFlag::few_seeds);
  flags.add(PsiFlag::no_solution);
  point.pooled.set(flags);
  const auto text = printed(point);
  EXPECT_THAT(text, HasSubstr("seeds 2    es\n"));
  EXPECT_THAT(text, HasSubstr("\ne no solution: the training error was not 0"));
  EXPECT_THAT(text, HasSubstr("\ns few seeds: "));
  EXPECT_THAT(text, Not(HasSubstr("drift")));
}

}  // namespace
}  // namespace flatsweep::summary_table_test
