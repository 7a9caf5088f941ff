#pragma once

#include "flatsweep/study/unit/study_kind.hpp"

namespace flatsweep {

/// Analyses networks that others trained, as `find_models` found them: each is read instead of trained, and then goes
/// through the analyses of the landscape study. What takes more than was recorded is absent; a model that is broken
/// makes its replica `failed`.
[[nodiscard]] StudyKind models_study();

}  // namespace flatsweep
