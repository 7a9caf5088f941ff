#pragma once

#include "flatsweep/study/cost/cost.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace flatsweep {

/// How much of a unit's work is done, by what its stages report and are expected to take.
class UnitProgress {
 public:
  UnitProgress() = default;
  explicit UnitProgress(const Cost& cost);

  /// @param stage as UnitHooks::progress gets it   @param fraction of the stage
  /// @return the share of the whole unit, 0 to 1, that is done; never less than before
  [[nodiscard]] double at(std::string_view stage, double fraction);

 private:
  struct Stage {
    std::string name;  // with or without words behind it
    double begin = 0.0, share = 0.0;
  };

  std::vector<Stage> stages_;
  double whole_ = 0.0;
  double reached_ = 0.0;
};

}  // namespace flatsweep
