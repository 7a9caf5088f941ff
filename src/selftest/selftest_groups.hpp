#pragma once

#include "flatsweep/selftest/selftest.hpp"

#include <filesystem>
#include <vector>

namespace flatsweep {

// The self-test's groups of checks; each collective over `world`, as CheckGroup asks.

[[nodiscard]] std::vector<Check> random_number_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> communication_checks(const Communicator& world);
/// @param folder seen by all ranks
[[nodiscard]] std::vector<Check> file_checks(const Communicator& world, const std::filesystem::path& folder);
[[nodiscard]] std::vector<Check> eigensolver_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> curvature_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> symmetry_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> flatness_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> quadratic_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> window_checks(const Communicator& world);
[[nodiscard]] std::vector<Check> random_walk_checks(const Communicator& world);

}  // namespace flatsweep
