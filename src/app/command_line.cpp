#include "flatsweep/app/command_line.hpp"

#include "flatsweep/app/key_reference.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/base/version.hpp"
#include "flatsweep/linalg/session.hpp"
#include "flatsweep/nn/matrix_product.hpp"

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
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
      "ranks", po::value<int>()->value_name("N"), "with --dry-run: plan for N ranks, whatever number runs it")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
      "set a key, as table.key=value; the option may be repeated")("epoch", po::value<std::int64_t>()->value_name("N"),
                                                                   "with fork: epochs done in the state to go on from")(
      "at-epoch", po::value<std::vector<std::int64_t>>()->value_name("N")->composing(),
      "with analyse: add N to at_epochs.epochs; the option may be repeated")(
      "slice", po::value<std::string>()->value_name("I/N"),
      "run one of N shares of the grid, those replicas whose number modulo N is I, in DIR/slice-I-of-N")(
      "merge", "join slices that are finished into one results.h5; in place of CONFIG their folders")(
      "selftest", "check this build on this machine against closed forms, a few seconds; needs no CONFIG")(
      "replica", po::value<std::int64_t>()->value_name("N"),
      "with export and fork: which replica, by its row in /grid (default: 0)")(
      "weights", po::value<std::string>()->value_name("FILE"), "with export: safetensors file to write the weights to")(
      "trajectory", po::value<std::string>()->value_name("FILE"),
      "with export: .npz file to write the window's snapshots to")(
      "watch", "with status: look again every few seconds until the run ends")(
      "quiet", "print errors and warnings only")("version", "print versions and stop")("help",
                                                                                       "print this text and stop")(
      "help-keys", "print every key of the configuration with default, range and meaning, and stop")(
      "help-key", po::value<std::string>()->value_name("KEY"), "the same of one key, written table.key");
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
  if (values.count("help-keys") || values.count("help-key")) return Action::show_keys;
  if (values.count("selftest")) return Action::selftest;
  if (values.count("merge")) return Action::merge;
  return values.count("dry-run") ? Action::dry_run : Action::run;
}

bool adds_to_a_run(const CommandLine& line) {
  return line.action == Action::analyse || line.action == Action::dry_analyse;
}

/// Of a configuration file `analyse` is a run of the study of networks made elsewhere; a folder holds a finished run.
void read_analyse(std::vector<std::string>& words, CommandLine& line) {
  const bool runs = line.action == Action::run || line.action == Action::dry_run;
  if (!runs || words.size() != 2 || words[0] != "analyse" || !words[1].ends_with(".toml")) return;
  line.assignments.insert(line.assignments.begin(), "study=\"models\"");
  words.erase(words.begin());
}

/// What stands without a dash: a configuration file, or a command and what it works on.
void read_words(std::vector<std::string> words, CommandLine& line) {
  read_analyse(words, line);
  static const std::map<std::string, Action> commands = {
      {"selftest", Action::selftest}, {"merge", Action::merge},   {"analyse", Action::analyse},
      {"fork", Action::fork},         {"status", Action::status}, {"export", Action::write_export}};
  if (const auto command = words.empty() ? commands.end() : commands.find(words[0]);
      line.action == Action::run && command != commands.end()) {
    line.action = command->second;
    words.erase(words.begin());
  }
  if (line.action == Action::dry_run && !words.empty() && words[0] == "analyse") {
    line.action = Action::dry_analyse;
    words.erase(words.begin());
  }
  if (line.action == Action::merge) {
    line.slices.assign(words.begin(), words.end());
    return;
  }
  if (adds_to_a_run(line)) {
    if (words.size() != 1)
      throw ConfigError(
          "command line: analyse wants one output folder of a finished run, for example runs/grid, or a configuration "
          "with networks made elsewhere; see flatsweep --help");
    line.output = words[0];
    return;
  }
  if (line.action == Action::status) {
    if (words.size() != 1)
      throw ConfigError(
          "command line: status wants one output folder, of a run that goes on or has ended, for example runs/grid; "
          "see "
          "flatsweep --help");
    line.output = words[0];
    return;
  }
  if (line.action == Action::fork) {
    if (words.size() != 1)
      throw ConfigError(
          "command line: fork wants one output folder of a finished run, for example runs/grid; see flatsweep --help");
    line.forked = words[0];
    return;
  }
  if (words.size() > 1)
    throw ConfigError(
        fmt::format("command line: one configuration file at a time, not {} ('{}', '{}'); see flatsweep "
                    "--help",
                    words.size(), words[0], words[1]));
  if (words.empty()) return;
  (line.action == Action::write_export ? line.exported.run : line.config) = words[0];
}

void read_export(const po::variables_map& values, CommandLine& line) {
  if (values.count("replica")) line.exported.replica = values["replica"].as<std::int64_t>();
  if (values.count("weights")) line.exported.weights = values["weights"].as<std::string>();
  if (values.count("trajectory")) line.exported.trajectory = values["trajectory"].as<std::string>();
  if (line.action == Action::write_export) return;
  for (const auto* option : {"replica", "weights", "trajectory"})
    if (values.count(option) && !(line.action == Action::fork && std::string_view(option) == "replica"))
      throw ConfigError(
          fmt::format("command line: --{} goes with export: flatsweep export DIR --weights FILE", option));
}

void check_export(const CommandLine& line) {
  if (line.action != Action::write_export) return;
  if (line.exported.run.empty())
    throw ConfigError("command line: export wants the folder of a finished run, for example runs/quickstart");
  if (line.exported.weights.empty() && line.exported.trajectory.empty())
    throw ConfigError("command line: export writes nothing without --weights FILE or --trajectory FILE");
}

Slice parse_slice(const std::string& text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto index = number_from<int>(std::string_view(text).substr(0, slash));
  const auto count = number_from<int>(std::string_view(text).substr(std::min(slash + 1, text.size())));
  if (!index || !count || *index < 0 || *index >= *count)
    throw ConfigError(
        fmt::format("command line: --slice {} is no slice; write I/N with I from 0 to N - 1, as in --slice 0/8", text));
  return {*index, *count};
}

int number_of_ranks(int ranks) {
  if (ranks < 1 || ranks > limits::ranks)
    throw ConfigError(
        fmt::format("command line: --ranks {}: write a number of ranks from 1 to {}", ranks, limits::ranks));
  return ranks;
}

bool runs_a_study(const CommandLine& line) { return line.action == Action::run || line.action == Action::dry_run; }

/// PETSc drops without a word what is neither an option nor the value of one.
void check_petsc_words(const std::vector<std::string>& words) {
  const auto is_option = [](const std::string& word) {
    return word.size() > 1 && word[0] == '-' && (word[1] == '-' || std::isalpha(static_cast<unsigned char>(word[1])));
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (is_option(words[i]) || (i > 0 && is_option(words[i - 1]))) continue;
    throw ConfigError(
        fmt::format("command line: '{0}' behind -- is no PETSc option and no value of one; options begin with a dash, "
                    "as in -{0}",
                    words[i]));
  }
}

void check(const CommandLine& line) {
  check_export(line);
  check_petsc_words(line.petsc_options);
  (void)help_keys(line.key);  // complains of a key that there is not
  if (runs_a_study(line) && line.config.empty())
    throw ConfigError(
        "command line: name a configuration file, for example inputs/quickstart.toml; see flatsweep --help");
  if (line.ranks > 0 && line.action != Action::dry_run && line.action != Action::dry_analyse)
    throw ConfigError("command line: --ranks goes with --dry-run; the launcher says how many ranks run: mpirun -n N");
  if (line.action == Action::selftest && !line.config.empty())
    throw ConfigError("command line: --selftest takes no configuration file; see flatsweep --help");
  if (line.action == Action::merge && line.slices.empty())
    throw ConfigError("command line: merge wants the folders of the slices, for example runs/grid/slice-*");
  if (adds_to_a_run(line) && line.mode != OutputMode::fresh)
    throw ConfigError(
        "command line: analyse needs neither --resume nor --overwrite: it goes on where it was stopped, and the "
        "results "
        "stay until those with what is added are complete");
  if (!line.slice.whole() && !runs_a_study(line))
    throw ConfigError("command line: --slice goes with a configuration file; see flatsweep --help");
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const auto plain = path.has_filename() ? path : path.parent_path();  // without a slash at the end
  return plain.has_parent_path() ? plain.parent_path() : std::filesystem::path(".");
}

/// "runs/grid-replica-3-epoch-20"
std::filesystem::path output_of_fork(const CommandLine& line) {
  const auto& folder = line.forked;
  const auto plain = folder.has_filename() ? folder : folder.parent_path();
  return plain.string() + fmt::format("-replica-{}-epoch-{}", line.exported.replica, line.epoch);
}

std::filesystem::path own_output(const CommandLine& line) {
  if (line.action == Action::fork) return output_of_fork(line);
  if (adds_to_a_run(line) || line.action == Action::status) return line.output;
  if (line.action == Action::selftest || line.action == Action::write_export) return ".";
  return line.action == Action::merge ? folder_of(line.slices.front()) : "runs" / line.config.stem();
}

po::variables_map parse_words(int argc, const char* const* argv) {
  auto options = visible_options();
  options.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("words", -1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv)
                  .options(options)
                  .positional(positional)
                  .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                  .run(),
              values);
  } catch (const po::error& error) {
    throw ConfigError(fmt::format("command line: {}; see flatsweep --help", error.what()));
  }
  return values;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  const char* const* separator =
      std::find_if(argv + 1, argv + argc, [](const char* word) { return std::string(word) == "--"; });
  CommandLine line;
  if (separator < argv + argc) line.petsc_options.assign(separator + 1, argv + argc);
  const auto values = parse_words(separator - argv, argv);
  line.action = action_of(values);
  line.mode = mode_of(values);
  if (values.count("quiet")) line.verbosity = Verbosity::quiet;
  if (values.count("set")) line.assignments = values["set"].as<std::vector<std::string>>();
  if (values.count("ranks")) line.ranks = number_of_ranks(values["ranks"].as<int>());
  if (values.count("epoch")) line.epoch = values["epoch"].as<std::int64_t>();
  if (values.count("at-epoch")) line.at_epochs = values["at-epoch"].as<std::vector<std::int64_t>>();
  if (values.count("help-key")) line.key = values["help-key"].as<std::string>();
  if (values.count("slice")) line.slice = parse_slice(values["slice"].as<std::string>());
  if (values.count("words")) read_words(values["words"].as<std::vector<std::string>>(), line);
  read_export(values, line);
  check(line);
  if (line.action != Action::fork && values.count("epoch"))
    throw ConfigError("command line: --epoch goes with fork, as in: flatsweep fork runs/grid --replica 3 --epoch 20");
  if (line.action == Action::fork && !values.count("epoch"))
    throw ConfigError("command line: fork wants --epoch, the epochs done in the state to go on from");
  if (!adds_to_a_run(line) && values.count("at-epoch"))
    throw ConfigError("command line: --at-epoch goes with analyse; of a run set at_epochs.epochs");
  if (line.action != Action::status && values.count("watch"))
    throw ConfigError("command line: --watch goes with status, as in: flatsweep status runs/grid --watch");
  if (values.count("watch")) line.watch = Watch::until_the_end;
  if (line.action == Action::status && values.count("output"))
    throw ConfigError("command line: status looks at the folder that it names; leave --output out");
  if (adds_to_a_run(line) && values.count("output"))
    throw ConfigError("command line: analyse adds to the results in the folder that it names; leave --output out");
  line.output = values.count("output") ? std::filesystem::path(values["output"].as<std::string>()) : own_output(line);
  if (!line.slice.whole()) line.output /= line.slice.name();
  return line;
}

std::string help_text() {
  std::ostringstream text;
  text << "flatsweep " << version() << ": why SGD finds flat minima\n\n"
       << "Usage: mpirun -n RANKS flatsweep CONFIG.toml [options] [-- PETSC OPTIONS]\n"
       << "       mpirun -n RANKS flatsweep analyse DIR --set KEY=VALUE...\n"
       << "       mpirun -n RANKS flatsweep analyse CONFIG.toml [options]\n"
       << "       mpirun -n RANKS flatsweep fork DIR --replica N --epoch N [--set KEY=VALUE...] [--output DIR]\n"
       << "       mpirun -n RANKS flatsweep merge SLICE-DIR... [--output DIR]\n"
       << "       flatsweep status DIR [--watch]\n"
       << "       flatsweep export DIR [--replica N] --weights FILE [--trajectory FILE]\n"
       << "       mpirun -n RANKS flatsweep selftest\n\n"
       << "Trains one small network per grid point and seed, measures the loss landscape around each solution, "
          "compares\n"
          "replicas, and writes one HDF5 file with the figures' data. With analyse the networks are not trained but "
          "read: "
          "the\n"
          "files that [model] names.\n\n"
       << visible_options() << "\n"
       << "Examples:\n"
          "  mpirun -n 2 flatsweep --selftest\n"
          "  mpirun -n 2 flatsweep inputs/quickstart.toml\n"
          "  flatsweep inputs/grid.toml --dry-run --ranks 64\n"
          "  mpirun -n 64 flatsweep inputs/grid.toml --output runs/mnist --set 'grid.seed=[1, 2, 3, 4, 5]'\n"
          "  mpirun -n 64 flatsweep inputs/grid.toml --output runs/mnist --resume\n"
          "  flatsweep status runs/mnist --watch                  (how far it is; without mpirun, from any shell)\n"
          "  mpirun -n 64 flatsweep analyse runs/mnist --set curvature.enabled=true   (adds to a finished run)\n"
          "  mpirun -n 64 flatsweep fork runs/mnist --replica 3 --epoch 20 --set train.learning_rate=0.2\n\n"
          "See what came out, in the repository: plots/report.py runs/quickstart writes one page with tables and "
          "figures.\n"
          "From a figure of the paper to the picture: tools/figure S8.\n\n"
          "SIGTERM, SIGHUP and SIGUSR1 stop a run early: checkpoints are written, --resume goes on bit for bit.\n"
          "Exit codes: 0 done, 2 bad input, 70 no replica is done or a check of --selftest failed, 71 MPI failed,\n"
          "74 input/output failure, 75 stopped early and resumable, 128 + n ended by signal n, others are bugs.\n"
          "Step by step: docs/tutorial.md. Keys of the configuration: --help-keys, docs/configuration.md. Layout of "
          "the\n"
          "results: docs/output.md.\n";
  return text.str();
}

std::optional<std::string> text_asked_for(const CommandLine& line) {
  if (line.action == Action::show_help) return help_text();
  if (line.action == Action::show_version) return version_text();
  if (line.action == Action::show_keys) return help_keys(line.key);
  return std::nullopt;
}

std::string version_text() {
  return fmt::format("flatsweep {} ({}, {} build)\n{}\n{}\n{}, {}\n", version(), git_commit(), build_type(), compiler(),
                     build_options(), linear_algebra_versions(), matrix_kernels());
}

}  // namespace flatsweep
