#pragma once

#include "flatsweep/study/grid/grid.hpp"
#include "flatsweep/study/run/export.hpp"
#include "flatsweep/study/store/output_folder.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace flatsweep {

/// How long `status` looks.
enum class Watch { once, until_the_end };

enum class Action {
  run,
  dry_run,
  analyse,
  dry_analyse,
  fork,
  merge,
  selftest,
  status,
  write_export,
  show_help,
  show_version,
  show_keys
};

/// What the user asked for.
struct CommandLine {
  Action action = Action::run;
  std::filesystem::path config;
  std::vector<std::filesystem::path> slices;  ///< the folders to merge
  ExportOptions exported;                     ///< of the action write_export
  /// Default: runs/<name of the configuration>; of analyse and status: the folder that it names; of a merge: the folder
  /// that holds the first slice; of the self-test: here. With --slice the slice's own folder in it.
  std::filesystem::path output;
  Slice slice;
  Watch watch = Watch::once;
  std::filesystem::path forked;         ///< the output folder of the run to fork
  std::int64_t epoch = 0;               ///< of the state to go on from, of the replica in `exported`
  std::vector<std::int64_t> at_epochs;  ///< that analyse adds
  std::string key;                      ///< that --help-key names
  int ranks = 0;                        ///< to plan for with --dry-run; 0: those that run it
  OutputMode mode = OutputMode::fresh;
  Verbosity verbosity = Verbosity::normal;
  std::vector<std::string> assignments;    ///< "table.key=value" of --set
  std::vector<std::string> petsc_options;  ///< what follows "--"
};

/// @throws ConfigError naming the option
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);
[[nodiscard]] std::string help_text();
[[nodiscard]] std::string version_text();
/// What is to be printed in place of a run; nothing where the action is a run.
[[nodiscard]] std::optional<std::string> text_asked_for(const CommandLine& line);

}  // namespace flatsweep
