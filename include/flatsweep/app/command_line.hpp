#pragma once

#include "flatsweep/study/output_folder.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace flatsweep {

enum class Action { run, dry_run, selftest, show_help, show_version };

/// What the user asked for.
struct CommandLine {
  Action action = Action::run;
  std::filesystem::path config;
  std::filesystem::path output;  ///< default: runs/<name of the configuration>; of the self-test: here
  OutputMode mode = OutputMode::fresh;
  Verbosity verbosity = Verbosity::normal;
  std::vector<std::string> assignments;    ///< "table.key=value" of --set
  std::vector<std::string> petsc_options;  ///< what follows "--"
};

/// @throws ConfigError naming the option
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);
[[nodiscard]] std::string help_text();
[[nodiscard]] std::string version_text();

}  // namespace flatsweep
