#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <string>

namespace flatsweep {

enum class UnitStatus { done, diverged, failed, unsolved };

template <>
inline constexpr auto enum_words<UnitStatus> = make_enum_words<UnitStatus>({
    {UnitStatus::done, "done", "trained and measured"},
    {UnitStatus::diverged, "diverged", "a loss was not finite"},
    {UnitStatus::failed, "failed", "nothing could be measured"},
    {UnitStatus::unsolved, "unsolved", "trained, but no solution was found by the latest epoch; not analysed"},
});

/// How a unit of work came out.
struct UnitOutcome {
  UnitStatus status = UnitStatus::done;
  std::string message;  ///< why it is not done
};

}  // namespace flatsweep
