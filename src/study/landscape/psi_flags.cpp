#include "psi_flags.hpp"

#include "flatness_analysis.hpp"
#include "pca_analysis.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace flatsweep {

namespace {

constexpr int drift_of_several = 2;  // one of the nine may look like a cosine, and moves psi by less than its interval
constexpr int enough_seeds = 3;

bool lies_across(const Exponent& below, const Exponent& above, int seeds) {
  return std::min(below.points, above.points) >= least_points * std::max(seeds, 1);
}

PsiFlags flags_of_window(const AnalysisResults& results) {
  PsiFlags flags;
  const auto* training = results.find<WindowTraining>();
  const auto* pca = results.find<PcaResult>();
  flags.add_if(training != nullptr && training->largest_error > 0.0, PsiFlag::no_solution);
  flags.add_if(pca != nullptr && pca->drifting >= drift_of_several, PsiFlag::drift);
  return flags;
}

}  // namespace

char letter_of(PsiFlag flag) {
  constexpr std::string_view letters = "edxns";
  static_assert(letters.size() == enum_words<PsiFlag>.size());
  return letters[static_cast<std::size_t>(flag)];
}

std::string letters_of(const PsiFlags& flags) {
  std::string letters;
  for (const auto& row : enum_words<PsiFlag>)
    if (flags.has(row.value)) letters += letter_of(row.value);
  return letters.empty() ? "-" : letters;
}

PsiFlags psi_flags(const AnalysisResults& results) {
  auto flags = flags_of_window(results);
  const auto* flatness = results.find<FlatnessResult>();
  flags.add_if(flatness != nullptr && lies_across(flatness->psi_below, flatness->psi_above, 1),
               PsiFlag::across_crossover);
  flags.add_if(flatness == nullptr || flatness->psi.status != FitStatus::ok, PsiFlag::no_exponent);
  return flags;
}

PsiFlags psi_flags(const std::vector<const AnalysisResults*>& seeds, const PsiFit& fit) {
  PsiFlags flags;
  for (const auto* seed : seeds) flags.add(flags_of_window(*seed));
  const auto fitted =
      std::ranges::count_if(seeds, [](const auto* seed) { return seed->template find<FlatnessResult>() != nullptr; });
  flags.add_if(lies_across(fit.below, fit.above, static_cast<int>(fitted)), PsiFlag::across_crossover);
  flags.add_if(fit.all.status != FitStatus::ok, PsiFlag::no_exponent);
  flags.add_if(fit.all.seeds < enough_seeds, PsiFlag::few_seeds);
  return flags;
}

}  // namespace flatsweep
