#include "flatsweep/study/studies/studies.hpp"

#include "flatsweep/study/continual/continual.hpp"
#include "study/landscape/landscape.hpp"
#include "study/models/models.hpp"
#include "study/noise/noise.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace flatsweep {

const StudyKind& study_of(const Config& config) {
  static const std::vector<StudyKind> table = {landscape_study(), continual_study(), noise_study(), models_study()};
  const auto row = std::ranges::find(table, config.study, &StudyKind::study);
  if (row == table.end()) throw std::logic_error("a study is not in the table of studies");
  return *row;
}

}  // namespace flatsweep
