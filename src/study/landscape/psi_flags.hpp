#pragma once

#include "flatsweep/analysis/psi.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/base/flag_set.hpp"
#include "flatsweep/study/unit/analysis_results.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// What keeps a psi from being quoted.
enum class PsiFlag { no_solution, drift, across_crossover, no_exponent, few_seeds };

template <>
inline constexpr auto enum_words<PsiFlag> = make_enum_words<PsiFlag>({
    {PsiFlag::no_solution, "no solution", "the training error was not 0 all through the window"},
    {PsiFlag::drift, "drift",
     "the cosine content of two or more of the directions 2 to 10 is above 0.5: they drift or diffuse, unconfined"},
    {PsiFlag::across_crossover, "across lambda_x",
     "8 directions of the fit range or more lie on either side of the crossover curvature, where the law differs"},
    {PsiFlag::no_exponent, "no exponent", "psi_status says why: F spans too little, or points are too few or scatter"},
    {PsiFlag::few_seeds, "few seeds", "fewer than three seeds have an exponent"},
});

using PsiFlags = FlagSet<PsiFlag>;

/// One letter for each on the terminal.
[[nodiscard]] char letter_of(PsiFlag flag);
/// "ds", the letters of those that are set; "-" where none is.
[[nodiscard]] std::string letters_of(const PsiFlags& flags);

/// Of the training, for the flags of a unit.
struct WindowTraining {
  double largest_error = 0.0;  ///< largest training error after an epoch of the window
};

/// What can be said of one seed: all but few_seeds.
/// @param results with PcaResult, FlatnessResult and WindowTraining where they are known
[[nodiscard]] PsiFlags psi_flags(const AnalysisResults& results);
/// Of the seeds of a grid point: what flags one of them, and what their common fit says.  @param fit over these seeds
[[nodiscard]] PsiFlags psi_flags(const std::vector<const AnalysisResults*>& seeds, const PsiFit& fit);

}  // namespace flatsweep
