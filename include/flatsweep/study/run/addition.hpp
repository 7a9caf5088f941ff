#pragma once

#include "flatsweep/study/plan/plan.hpp"
#include "flatsweep/study/store/run_identity.hpp"

#include <string>
#include <vector>

namespace flatsweep {

/// What adding to a finished run would do, as lines for the terminal: replicas that stay and that are trained, analyses
/// that are made, and their time on one rank. Serial.
/// @param plan of `now`   @param identity of the finished run's data and solver options
[[nodiscard]] std::vector<std::string> describe_addition(const Config& before, const Config& now, const Plan& plan,
                                                         const RunIdentity& identity, double rate);

}  // namespace flatsweep
