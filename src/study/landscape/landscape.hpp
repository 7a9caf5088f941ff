#pragma once

#include "flatsweep/study/unit/study_kind.hpp"

namespace flatsweep {

/// Trains replicas and analyses their solutions: training to the window, the window, then the analyses of the table,
/// layer by layer. An analysis whose numbers cannot be had leaves a hole and the others go on; a unit none of whose
/// layers has the first one is failed.
[[nodiscard]] StudyKind landscape_study();

}  // namespace flatsweep
