#include "study/landscape/psi_flags.hpp"

#include "study/landscape/flatness_analysis.hpp"
#include "study/landscape/pca_analysis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flatsweep::psi_flags_test {
namespace {

Exponent known(int points, int seeds) {
  return {4.0, 3.9, 4.1, 0.0, points, seeds, Interval::over_seeds, FitStatus::ok};
}

Exponent without(int points) {
  Exponent none;
  none.points = points;
  none.status = FitStatus::narrow;
  return none;
}

/// One seed of a solution whose directions stay where they are, all on one side of the crossover.
AnalysisResults sound() {
  AnalysisResults results;
  results.set(WindowTraining{0.0});
  PcaResult pca;
  pca.drifting = 1;
  results.set(pca);
  FlatnessResult flatness;
  flatness.psi = known(499, 1);
  flatness.psi_below = known(499, 1);
  flatness.psi_above = without(0);
  results.set(flatness);
  return results;
}

TEST(PsiFlags, AreNoneOfAPsiThatMayBeQuoted) {
  const auto seed = sound();
  EXPECT_EQ(to_text(psi_flags(seed)), "");
  PsiFit fit;
  fit.all = fit.below = known(3 * 499, 3);
  EXPECT_EQ(letters_of(psi_flags({&seed, &seed, &seed}, fit)), "-");
}

TEST(PsiFlags, SayWhatIsWrongWithASeed) {
  auto seed = sound();
  seed.set(WindowTraining{1e-5});
  EXPECT_EQ(to_text(psi_flags(seed)), "no solution");
  PcaResult pca;
  pca.drifting = 2;
  seed.set(pca);
  EXPECT_EQ(to_text(psi_flags(seed)), "no solution, drift");
  auto flatness = seed.get<FlatnessResult>();
  flatness.psi_above = without(8);
  seed.set(flatness);
  EXPECT_EQ(to_text(psi_flags(seed)), "no solution, drift, across lambda_x");
  flatness.psi = without(100);
  seed.set(flatness);
  EXPECT_EQ(letters_of(psi_flags(seed)), "edxn");
}

TEST(PsiFlags, AFewDirectionsBeyondTheCrossoverMakeNoMixture) {
  auto seed = sound();
  auto flatness = seed.get<FlatnessResult>();
  flatness.psi_above = without(7);
  seed.set(flatness);
  EXPECT_EQ(to_text(psi_flags(seed)), "");
}

TEST(PsiFlags, OfAPointAreThoseOfAnySeedAndOfTheirFit) {
  const auto good = sound();
  auto bad = sound();
  bad.set(WindowTraining{0.01});
  PsiFit fit;
  fit.all = known(998, 2);
  fit.below = known(900, 2);
  fit.above = known(98, 2);
  const std::string flags = "no solution, across lambda_x, few seeds";
  EXPECT_EQ(to_text(psi_flags({&good, &bad}, fit)), flags);
  EXPECT_EQ(to_text(psi_flags({&bad, &good}, fit)), flags) << "whichever seed comes last";
  EXPECT_EQ(to_text(psi_flags({}, {})), "no exponent, few seeds");
}

}  // namespace
}  // namespace flatsweep::psi_flags_test
