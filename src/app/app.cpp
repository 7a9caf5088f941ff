#include "flatsweep/app/app.hpp"

#include "earlier_runs.hpp"
#include "flatsweep/app/config_file.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"
#include "flatsweep/base/peak_memory.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/base/text.hpp"
#include "flatsweep/base/version.hpp"
#include "flatsweep/linalg/blas_memory.hpp"
#include "flatsweep/linalg/blas_threads.hpp"
#include "flatsweep/linalg/session.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/par/stop_signal.hpp"
#include "flatsweep/selftest/selftest.hpp"
#include "flatsweep/study/cost/cost.hpp"
#include "flatsweep/study/models/find_models.hpp"
#include "flatsweep/study/run/addition.hpp"
#include "flatsweep/study/run/export.hpp"
#include "flatsweep/study/run/merge.hpp"
#include "flatsweep/study/run/run.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "launcher.hpp"
#include "show_status.hpp"
#include "study/run/earlier_results.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <optional>
#include <string>

namespace flatsweep {

namespace {

/// Rank 0 reads the file for all, and finds the models that it names.
Config load_config(const Communicator& world, const std::filesystem::path& file, const CommandLine& line) {
  std::string text;
  on_root(world, [&] { text = read_config_text(file); });
  world.broadcast(text);
  Config config;
  agree(world, [&] { config = parse_config(text, file.string(), line.assignments); });
  find_models(world, config, line.action == Action::dry_run ? ModelHash::left_out : ModelHash::made);
  return config;
}

/// Slices know what they are slices of.
void merge_folders(const Communicator& world, const CommandLine& line, Log& log) {
  const auto& first = line.slices.front();
  on_root(world, [&] {
    if (!is_there(first / "config.toml"))
      throw ConfigError(fmt::format("{}: no slice of a grid is here; name the folders that runs with --slice wrote to",
                                    first.string()));
  });
  merge_slices(world, load_config(world, first / "config.toml", line), {line.slices, line.output, line.mode}, log);
}

/// Analyses and replicas that a finished run lacks.
void add_to_run(const Communicator& world, const CommandLine& line, const std::string& solver_options, Log& log) {
  auto addition = addition_to(world, line);
  addition.options.solver_options = solver_options;
  log.info(fmt::format("flatsweep {} ({})", version(), git_commit()));
  run_study(world, addition.config, addition.options, log);
}

/// What they would be, and that nothing stands against them.
void print_addition(const Communicator& world, const CommandLine& line, const std::string& solver_options, Log& log) {
  const auto addition = addition_to(world, line);
  const auto& config = addition.config;  // no binding: Clang 14 captures none
  const auto& options = addition.options;
  const ImageDataset data(world, data_in_use(config));
  on_root(world, [&] {
    (void)check_earlier({results_file(line.output), *options.results_config}, data, solver_options);
    const double rate = measure_core().rate;
    const auto plan = make_plan(config, line.ranks > 0 ? line.ranks : world.size(), rate);
    const RunIdentity identity{config.fingerprint, data.sha256(), solver_options, config.model.sha256};
    for (const auto& text : describe_addition(*options.results_config, config, plan, identity, rate)) log.info(text);
  });
}

void print_plan(const Communicator& world, const Config& config, const CommandLine& line, Log& log) {
  const int ranks = line.ranks > 0 ? line.ranks : world.size();
  Plan plan;  // on rank 0
  const auto speed = world.is_root() ? measure_core() : CoreSpeed{};
  on_root(world, [&] { plan = make_plan(config, ranks, speed.rate, line.slice); });
  const ImageDataset data(world, data_in_use(config));  // all of it is looked at, as a run does
  if (const auto check = study_of(config).check_images; check != nullptr)
    on_root(world, [&] { check(config, plan.units, data); });
  if (!world.is_root()) return;
  plan.core_share = speed.share;
  plan.resident_bytes = peak_memory();
  refine(plan, measure_training(config, plan, data, speed.rate));
  for (const auto& text : describe_plan(config, plan)) log.info(text);
}

/// Bits that depend on more than the configuration: what the environment says to BLAS.
void warn_about_environment(Log& log) {
  if (const char* core = std::getenv("OPENBLAS_CORETYPE"))
    log.warning(
        fmt::format("OPENBLAS_CORETYPE is set ({}): OpenBLAS uses that processor's kernels, which round otherwise and "
                    "can be half as "
                    "fast; unset it, and resume runs with it as they began",
                    core));
  const auto held = use_one_blas_thread();
  for (const auto& library : held)
    if (library.threads != 1)
      log.warning(
          fmt::format("{} uses {} threads although it was told to use one: results then depend on the number of "
                      "threads; set OMP_NUM_THREADS=1",
                      library.name, library.threads));
  const char* threads = std::getenv("OMP_NUM_THREADS");
  if (held.empty() && (threads == nullptr || std::string(threads) != "1"))
    log.warning(
        "BLAS is neither OpenBLAS, MKL, BLIS nor FlexiBLAS, and cannot be held to one thread from within: results "
        "may depend on how many cores a rank has; set OMP_NUM_THREADS=1");
}

/// Options that are misspelt, or that belong to a solver that this run does not use, change nothing.
void warn_about_options(const Communicator& world, const std::vector<std::string>& given, Log& log) {
  const auto left = options_not_asked_for();
  for (const auto& option : given) {
    const bool asked_for = std::ranges::find(left, option) == left.end();
    if (!world.any(asked_for))
      log.warning(
          fmt::format("the PETSc option {} was not used: no solver that ran asked for it; check its spelling", option));
  }
}

bool runs_replicas(Action action) {
  return action == Action::run || action == Action::analyse || action == Action::fork;
}
bool writes_output(Action action) { return runs_replicas(action) || action == Action::merge; }

/// A launcher that does not belong to this MPI starts N programs that each believe to be alone, and would write to one
/// folder. One program that was started in a shell of such a step is no such thing.
void refuse_singletons(const Communicator& world, Action action) {
  if (world.size() > 1 || !writes_output(action)) return;
  const auto launcher = launched_in_copies();
  if (!launcher) return;
  ParallelError error(
      fmt::format("started {} times, but every copy is alone ({}={}): the launcher does not belong to the MPI that "
                  "flatsweep was built with; use that MPI's mpirun, or srun --mpi=pmix",
                  launcher->count, launcher->variable, launcher->count));
  error.mark_agreed();
  throw error;
}

/// Finished results are not resumed with another configuration: the folder's config.toml says what they were made with.
void check_finished_run(const Config& config, const CommandLine& line) {
  const auto made_with = line.output / "config.toml";
  if (line.mode != OutputMode::resume || !is_there(results_file(line.output)) || !is_there(made_with)) return;
  const auto before = parse_config(read_config_text(made_with), made_with.string());
  if (before.fingerprint == config.fingerprint) return;
  throw ConfigError(fmt::format(
      "{}: the results here were made with another configuration (see {}); use --overwrite to replace them, or "
      "another --output",
      line.output.string(), made_with.string()));
}

}  // namespace

void run_app(const Communicator& world, const CommandLine& line) {
  refuse_singletons(world, line.action);
  if (runs_replicas(line.action))
    keep_stop_signals();  // MPI and PETSc are up by now
  else
    release_stop_signals();
  Log log(world.is_root() ? LogRank::writes : LogRank::silent, line.verbosity);
  warn_about_environment(log);
  agree(world, reserve_blas_memory);
  const auto solver_options = options_not_asked_for();  // so far no solver has asked
  if (line.action == Action::selftest) {
    run_selftest(world, line.output, log);
    return warn_about_options(world, solver_options, log);
  }
  if (line.action == Action::write_export) {
    on_root(world, [&] {
      for (const auto& said : export_replica(line.exported)) log.info(said);
    });
    return;
  }
  if (line.action == Action::merge) {
    merge_folders(world, line, log);
    return warn_about_options(world, solver_options, log);
  }
  const auto options_text = fmt::format("{}", fmt::join(solver_options, " "));
  if (line.action == Action::dry_analyse) return print_addition(world, line, options_text, log);
  if (line.action == Action::analyse) {
    add_to_run(world, line, options_text, log);
    return warn_about_options(world, solver_options, log);
  }
  const auto config = line.action == Action::fork ? config_of_fork(world, line) : load_config(world, line.config, line);
  if (line.action == Action::dry_run) return print_plan(world, config, line, log);
  on_root(world, [&] { check_finished_run(config, line); });
  RunOptions options{line.output, line.mode, line.slice};
  options.solver_options = options_text;
  look_at_earlier_work(world, config, line, options);
  log.info(fmt::format("flatsweep {} ({})", version(), git_commit()));
  run_study(world, config, options, log);
  warn_about_options(world, solver_options, log);
}

void require_printed(const Communicator& world) {
  on_root(world, [] {
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw IoError("the standard output cannot be written; free space there, or send it elsewhere");
  });
}

namespace {

struct Failure {
  int code = 1;
  bool agreed = false;
  std::string message;
};

/// What `work` throws.
std::optional<Failure> failure_of(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return Failure{exit_code(error.kind()), error.agreed(), printable(shortened(error.what(), limits::message_bytes))};
  } catch (const std::filesystem::filesystem_error& error) {
    return Failure{exit_code(ErrorKind::io), false, printable(error.what())};
  } catch (const std::bad_alloc&) {
    return Failure{exit_code(ErrorKind::parallel), false, out_of_memory_message};
  } catch (const std::exception& error) {
    return Failure{1, false, printable(std::string("unexpected error, please report it: ") + error.what())};
  }
}

}  // namespace

int guarded(const Communicator& world, const std::function<void()>& work) {
  const auto failure = failure_of(work);
  if (!failure) return 0;
  if (failure->agreed) {
    if (world.is_root()) std::fprintf(stderr, "flatsweep: %s\n", failure->message.c_str());
    return failure->code;
  }
  std::fprintf(stderr, "flatsweep: rank %d: %s\n", world.rank(), failure->message.c_str());
  if (world.size() > 1) MPI_Abort(world.get(), failure->code);
  return failure->code;
}

int run_without_mpi(const CommandLine& line) {
  release_stop_signals();
  int code = 0;
  const auto failure = failure_of([&] { code = show_status(line.output, line.watch); });
  if (!failure) return code;
  std::fprintf(stderr, "flatsweep: %s\n", failure->message.c_str());
  return failure->code;
}

}  // namespace flatsweep
