#include "flatsweep/app/command_line.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/version.hpp"
#include "flatsweep/linalg/session.hpp"
#include "flatsweep/nn/matrix_product.hpp"

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace flatsweep {

namespace po = boost::program_options;

namespace {

po::options_description visible_options() {
  po::options_description options("Options");
  options.add_options()("output", po::value<std::string>()->value_name("DIR"),
                        "where results.h5 goes (default: runs/<name of the file>)")(
      "resume", "go on with the unfinished run in the output folder")(
      "overwrite", "start anew; an existing results.h5 is replaced once the new one is complete")(
      "dry-run", "print the grid, the memory and a time estimate, and stop")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
      "set a key, as table.key=value; the option may be repeated")(
      "selftest", "check this build on this machine against closed forms, a few seconds; needs no CONFIG")(
      "quiet", "print errors and warnings only")("version", "print versions and stop")("help",
                                                                                       "print this text and stop");
  return options;
}

OutputMode mode_of(const po::variables_map& values) {
  if (values.count("resume") && values.count("overwrite"))
    throw ConfigError("--resume and --overwrite exclude each other: go on with a run, or start it anew");
  if (values.count("resume")) return OutputMode::resume;
  return values.count("overwrite") ? OutputMode::overwrite : OutputMode::fresh;
}

Action action_of(const po::variables_map& values) {
  if (values.count("help")) return Action::show_help;
  if (values.count("version")) return Action::show_version;
  if (values.count("selftest")) return Action::selftest;
  return values.count("dry-run") ? Action::dry_run : Action::run;
}

void check_config(const CommandLine& line) {
  const bool wanted = line.action == Action::run || line.action == Action::dry_run;
  if (wanted && line.config.empty())
    throw ConfigError(
        "command line: name a configuration file, for example inputs/quickstart.toml; see flatsweep --help");
  if (line.action == Action::selftest && !line.config.empty())
    throw ConfigError("command line: --selftest takes no configuration file; see flatsweep --help");
}

std::filesystem::path own_output(const CommandLine& line) {
  return line.action == Action::selftest ? std::filesystem::path(".") : "runs" / line.config.stem();
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  const char* const* separator =
      std::find_if(argv + 1, argv + argc, [](const char* word) { return std::string(word) == "--"; });
  CommandLine line;
  if (separator < argv + argc) line.petsc_options.assign(separator + 1, argv + argc);
  auto options = visible_options();
  options.add_options()("config", po::value<std::string>());
  po::positional_options_description positional;
  positional.add("config", 1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(static_cast<int>(separator - argv), argv)
                  .options(options)
                  .positional(positional)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              values);
  } catch (const po::error& error) {
    throw ConfigError(fmt::format("command line: {}; see flatsweep --help", error.what()));
  }
  line.action = action_of(values);
  line.mode = mode_of(values);
  if (values.count("quiet")) line.verbosity = Verbosity::quiet;
  if (values.count("set")) line.assignments = values["set"].as<std::vector<std::string>>();
  if (values.count("config")) line.config = values["config"].as<std::string>();
  if (line.config == "selftest" && line.action == Action::run) {
    line.action = Action::selftest;
    line.config.clear();
  }
  check_config(line);
  line.output = values.count("output") ? std::filesystem::path(values["output"].as<std::string>()) : own_output(line);
  return line;
}

std::string help_text() {
  std::ostringstream text;
  text << "flatsweep " << version() << ": why SGD finds flat minima\n\n"
       << "Usage: mpirun -n RANKS flatsweep CONFIG.toml [options] [-- PETSC OPTIONS]\n\n"
       << "Trains one small network per grid point and seed, measures the loss landscape around each solution, "
          "compares\n"
          "replicas, and writes one HDF5 file with the figures' data.\n\n"
       << visible_options() << "\n"
       << "Examples:\n"
          "  mpirun -n 2 flatsweep --selftest\n"
          "  mpirun -n 2 flatsweep inputs/quickstart.toml\n"
          "  flatsweep inputs/grid.toml --dry-run\n"
          "  mpirun -n 64 flatsweep inputs/grid.toml --output runs/mnist --set grid.seed=[1,2,3,4,5]\n"
          "  mpirun -n 64 flatsweep inputs/grid.toml --output runs/mnist --resume\n\n"
          "SIGTERM and SIGUSR1 stop a run early: checkpoints are written, --resume goes on bit for bit.\n"
          "Exit codes: 0 done, 2 bad input, 70 a check of --selftest or a solver failed, 71 MPI failed,\n"
          "74 input/output failure, 75 stopped early and resumable, others are bugs.\n"
          "Keys of the configuration: docs/configuration.md. Layout of the results: docs/output.md.\n";
  return text.str();
}

std::string version_text() {
  return fmt::format("flatsweep {} ({}, {} build)\n{}\n{}, {}\n", version(), git_commit(), build_type(), compiler(),
                     linear_algebra_versions(), matrix_kernels());
}

}  // namespace flatsweep
