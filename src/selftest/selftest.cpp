#include "flatsweep/selftest/selftest.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/base/version.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/par/shared_bytes.hpp"
#include "selftest_groups.hpp"
#include "study/store/machine.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace flatsweep {

namespace {

constexpr const char* row_format = "{:<66} {:>11} {:>12} {:>10}  {:<7} {}";

/// How far a number is outside of its tolerance; infinite for one that is not finite.
double excess(const Check& check, double got) {
  if (!std::isfinite(got)) return std::numeric_limits<double>::infinity();
  const double difference = got - check.expected;
  const double off = check.bound == Bound::equal     ? std::abs(difference)
                     : check.bound == Bound::at_most ? difference
                                                     : -difference;
  return off - check.tolerance;
}

std::string expected_text(const Check& check) {
  const char* sign = check.bound == Bound::equal ? "" : check.bound == Bound::at_most ? "<= " : ">= ";
  return fmt::format("{}{:.7g}", sign, check.expected);
}

/// Every rank's row becomes that of the rank that is furthest off.
void keep_worst(const Communicator& world, std::vector<Check>& checks) {
  std::vector<double> mine;
  for (const auto& check : checks) mine.push_back(check.got);
  const auto all = world.gather_all(mine);
  for (std::size_t i = 0; i < checks.size(); ++i)
    for (std::size_t other = i; other < all.size(); other += checks.size())
      if (excess(checks[i], all[other]) > excess(checks[i], checks[i].got)) checks[i].got = all[other];
}

std::vector<Check> run_group(const Communicator& world, const CheckGroup& group, Log& log) {
  try {
    auto checks = group.run(world);
    keep_worst(world, checks);
    return checks;
  } catch (const Error& error) {
    // What one of several ranks throws alone would leave the others waiting: that ends the program.
    if (!error.agreed() && world.size() > 1) throw;
    log.warning(error.what());
    return {{group.name + ": stopped by an error, see the warning", 0.0, nan, 0.0, ""}};
  }
}

int count_nodes(const Communicator& world) { return world.sum(std::int64_t{world.split_by_node().is_root()}); }

/// Least over the nodes, in bytes; nothing where a node has no such place.
std::optional<double> room_in_dev_shm(const Communicator& world) {
  struct statvfs place = {};
  const bool known = statvfs("/dev/shm", &place) == 0;
  const double free = known ? 1.0 * place.f_bavail * place.f_frsize : 0.0;
  const double least = -world.max(-free);
  if (world.any(!known)) return std::nullopt;
  return least;
}

/// Whether the ranks of a node can read one copy of the images, and what room MPI's own messages have.
void introduce_memory(const Communicator& world, Log& log) {
  const SharedBytes memory(world, 1, [](std::span<std::byte>) {});
  const auto shared = memory.shared() ? std::string("works") : "does not work (" + memory.trouble() + "): a copy each";
  const auto room = room_in_dev_shm(world);
  log.info(fmt::format("memory that the ranks of a node share {}; /dev/shm, for MPI's messages, {}", shared,
                       room ? format_bytes(*room) + " free" : "is not there"));
}

void introduce(const Communicator& world, Log& log) {
  const int nodes = count_nodes(world);
  log.info(fmt::format("flatsweep {} ({}), {} on {}", version(), git_commit(), counted(world.size(), "rank"),
                       counted(nodes, "node")));
  log.info(machine());
  introduce_memory(world, log);
}

}  // namespace

bool Check::passed() const { return excess(*this, got) <= 0.0; }

std::string Check::line() const {
  return fmt::format(row_format, name, expected_text(*this), fmt::format("{:.8g}", got),
                     fmt::format("{:.1e}", tolerance), passed() ? "ok" : "FAILED", source);
}

void run_checks(const Communicator& world, std::span<const CheckGroup> groups, Log& log) {
  const double begin = MPI_Wtime();
  log.info(fmt::format(row_format, "check", "expected", "got", "tolerance", "verdict", "source"));
  std::vector<std::string> failed;
  int count = 0;
  for (const auto& group : groups)
    for (const auto& check : run_group(world, group, log)) {
      log.info(check.line());
      if (!check.passed()) failed.push_back(check.name);
      ++count;
    }
  const double seconds = MPI_Wtime() - begin;
  if (failed.empty())
    return log.info(fmt::format("all {} checks passed on {} in {}", count, counted(world.size(), "rank"),
                                format_duration(seconds)));
  throw_error(ErrorKind::selftest,
              fmt::format("self-test: {} of {} checks failed on {}: {}; do not trust this build on this machine before "
                          "they pass",
                          failed.size(), count, counted(world.size(), "rank"), fmt::join(failed, "; ")),
              true);
}

void run_selftest(const Communicator& world, const std::filesystem::path& folder, Log& log) {
  introduce(world, log);
  const std::vector<CheckGroup> groups = {
      {"random numbers", random_number_checks},
      {"communication", communication_checks},
      {"files", [&](const Communicator& comm) { return file_checks(comm, folder); }},
      {"eigen-solvers", eigensolver_checks},
      {"curvature", curvature_checks},
      {"symmetries", symmetry_checks},
      {"flatness", flatness_checks},
      {"quadratic", quadratic_checks},
      {"window", window_checks},
      {"random walk", random_walk_checks}};
  run_checks(world, groups, log);
}

}  // namespace flatsweep
