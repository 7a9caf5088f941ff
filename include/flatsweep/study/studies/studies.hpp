#pragma once

#include "flatsweep/study/unit/study_kind.hpp"

namespace flatsweep {

/// The row of the table of studies that the configuration asks for.
[[nodiscard]] const StudyKind& study_of(const Config& config);

}  // namespace flatsweep
