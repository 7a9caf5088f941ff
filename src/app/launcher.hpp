#pragma once

#include <optional>
#include <string>

namespace flatsweep {

/// What started this process, as far as the environment and the processes above it tell. MPI is not asked.
struct Launcher {
  std::string variable;  ///< that holds the count: "PMI_SIZE"; "" where no launcher is known
  int count = 1;         ///< of the copies that it started
  int number = 0;        ///< of this one among them
};

/// Of the first launcher in whose environment this process is.
[[nodiscard]] Launcher launcher_of_this_process();

/// The same, provided that the launcher has started this program many times, by itself or through scripts. A shell of
/// such a step in which somebody types, or another program's child, is one copy alone.
[[nodiscard]] std::optional<Launcher> launched_in_copies();

}  // namespace flatsweep
