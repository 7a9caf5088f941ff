#pragma once

#include "flatsweep/base/log.hpp"
#include "flatsweep/par/communicator.hpp"

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

/// How a number must stand to what is expected of it.
enum class Bound { equal, at_most, at_least };

/// One row of the self-test's table.
struct Check {
  std::string name;
  double expected = 0.0;
  double got = 0.0;
  double tolerance = 0.0;  ///< absolute
  std::string source;      ///< where the expected number comes from
  Bound bound = Bound::equal;

  [[nodiscard]] bool passed() const;  ///< never with a number that is not finite
  [[nodiscard]] std::string line() const;
};

/// Some checks that are made together. `run` is collective over the communicator and gives the same rows on every rank,
/// each rank with what it got itself.
struct CheckGroup {
  std::string name;
  std::function<std::vector<Check>(const Communicator&)> run;
};

/// Runs the groups one after another and prints their rows, each with the number of the rank that is furthest off. A
/// group that throws an agreed error, or an error on a single rank of one, is a failed row.
/// @note Collective over `world`.  @throws SelfTestError, agreed, naming the checks that failed
void run_checks(const Communicator& world, std::span<const CheckGroup> groups, Log& log);

/// The closed forms that the studies rest on (docs/science), checked with this binary on these ranks, without data
/// files: random numbers, communication, files, eigen-solvers, curvature, symmetries, flatness, SGD on a quadratic, the
/// random walk.
/// @param folder where a file of a few megabytes is written and removed again; seen by all ranks
/// @note Collective over `world`.  @throws SelfTestError, IoError, agreed
void run_selftest(const Communicator& world, const std::filesystem::path& folder, Log& log);

}  // namespace flatsweep
