#include "flatsweep/study/run.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/peak_memory.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/par/replica_queue.hpp"
#include "flatsweep/par/stop_signal.hpp"
#include "flatsweep/study/continual.hpp"
#include "flatsweep/study/cost.hpp"
#include "flatsweep/study/cross_replica.hpp"
#include "flatsweep/study/landscape.hpp"
#include "flatsweep/study/merge.hpp"
#include "flatsweep/study/noise.hpp"
#include "flatsweep/study/results.hpp"
#include "flatsweep/study/work_folder.hpp"
#include "machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

namespace flatsweep {

namespace {

double seconds_now() { return MPI_Wtime(); }

/// The plan must be one plan: costs come from a measurement, so one rank makes them for all.
Plan agree_on_plan(const Communicator& world, const Config& config, const Slice& slice) {
  double rate = 0.0;
  if (world.leads()) rate = measure_product_rate();
  world.broadcast(std::span(&rate, 1));
  Plan plan;
  agree(world, [&] { plan = make_plan(config, world.size(), rate, slice); });
  return plan;
}

using UnitPipeline = void (*)(const Communicator& team, const UnitContext& context);

UnitPipeline run_unit_of(Study study) {
  switch (study) {
    case Study::continual:
      return run_continual_unit;
    case Study::noise:
      return run_noise_unit;
    case Study::landscape:
      break;
  }
  return run_landscape_unit;
}

/// Draws units from the queue and runs them, until none is left or a stop is asked for.
class Worker {
 public:
  Worker(const Communicator& world, const Config& config, const Plan& plan, const ImageDataset& data,
         std::filesystem::path work, Log& log)
      : world_(world),
        team_(world.split(team_number(world, plan))),
        config_(config),
        plan_(plan),
        data_(data),
        work_(std::move(work)),
        log_(log),
        queue_(world, static_cast<std::int64_t>(plan.drawn.size()), team_number(world, plan), plan.teams,
               work_ / "queue"),
        begin_(seconds_now()),
        order_(plan.drawn) {
    std::ranges::stable_sort(order_,
                             [&](std::size_t a, std::size_t b) { return plan.units[a].cost > plan.units[b].cost; });
    for (const auto i : order_) total_cost_ += plan.units[i].cost;
  }

  /// @throws Stopped, IoError, ...; agreed over all ranks
  void run() {
    agree(world_, [&] {
      try {
        while (const auto ticket = draw()) run_unit(plan_.units[order_[static_cast<std::size_t>(*ticket)]]);
      } catch (const Stopped&) {
        // Thrown below, once it is known that no rank stops for a failure of its own, which is the better message.
      } catch (...) {
        queue_.request_stop();
        wait_for_others();
        throw;
      }
      wait_for_others();
    });
    if (world_.any(queue_.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
  }

  /// Once all units are done.  @throws Stopped, IoError, SolverError; agreed over all ranks
  void compare() {
    const UnitHooks hooks{[this] { return stop_requested(); },
                          [this](std::string_view stage, double fraction) { show_progress(stage, fraction); }};
    compare_replicas(world_, {config_, data_, plan_.units, work_, hooks});
  }

  [[nodiscard]] ReplicaQueue::Method queue_method() const { return queue_.method(); }

 private:
  static int team_number(const Communicator& world, const Plan& plan) {
    return world.rank() * plan.teams / world.size();
  }

  std::optional<std::int64_t> draw() {
    std::int64_t ticket = -1;
    if (team_.leads()) ticket = stop_requested() ? -1 : queue_.draw().value_or(-1);
    ticket = team_.broadcast(ticket);
    if (ticket < 0) return std::nullopt;
    return ticket;
  }

  void run_unit(const WorkUnit& unit) {
    const UnitFolder folder(work_, unit.id, [this](const std::string& message) { warn(message); });
    const UnitHooks hooks{[this] { return stop_requested(); },
                          [this](std::string_view stage, double fraction) { show_progress(stage, fraction); }};
    run_unit_of(config_.study)(team_, {config_, data_, unit, folder, hooks});
    if (team_.leads()) queue_.finish(unit.cost);
  }

  /// The log speaks on rank 0 only; what another rank found is said by that rank.
  void warn(const std::string& message) {
    if (log_.speaks())
      log_.warning(message);
    else
      std::fprintf(stderr, "flatsweep: warning: %s\n", message.c_str());
  }

  bool stop_requested() {
    const bool time_is_up =
        config_.run.max_walltime > 0.0 && seconds_now() - begin_ > 3600.0 * config_.run.max_walltime;
    if (stop_signal() != 0 || time_is_up) queue_.request_stop();
    return queue_.stop_requested();
  }

  void show_progress(std::string_view stage, double fraction) {
    if (!log_.progress_due()) return;
    const auto done = queue_.done();
    const double elapsed = seconds_now() - begin_;
    std::string line = fmt::format("{}/{} replicas done", done.tickets, order_.size());
    if (!stage.empty()) line += fmt::format(", {} {:.0f} %", stage, 100.0 * fraction);
    if (done.tickets > 0) {
      line += fmt::format(", {:.2f} replicas/min", 60.0 * static_cast<double>(done.tickets) / elapsed);
      line += fmt::format(", about {} left",
                          format_duration(std::max(0.0, elapsed * (total_cost_ - done.cost) / done.cost)));
    } else {
      const auto* form = elapsed < plan_.seconds ? ", {} gone of about {}" : ", {} gone, more than the {} expected";
      line += fmt::format(fmt::runtime(form), format_duration(elapsed), format_duration(plan_.seconds));
    }
    log_.progress(line);
  }

  /// Idle ranks sleep instead of spinning, and rank 0 goes on telling how far the others are.
  void wait_for_others() {
    MPI_Request all_here = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibarrier(world_.get(), &all_here), "waiting for the other teams");
    for (int arrived = 0; arrived == 0;) {
      check_mpi(MPI_Test(&all_here, &arrived, MPI_STATUS_IGNORE), "waiting for the other teams");
      (void)stop_requested();
      show_progress("", 0.0);
      if (arrived == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  const Communicator& world_;
  Communicator team_;
  const Config& config_;
  const Plan& plan_;
  const ImageDataset& data_;
  std::filesystem::path work_;
  Log& log_;
  ReplicaQueue queue_;
  double begin_;
  std::vector<std::size_t> order_;
  double total_cost_ = 0.0;
};

void check_finished(const std::filesystem::path& results) {
  try {
    check_results(results);
  } catch (const IoError& error) {
    throw IoError(
        fmt::format("{}; the results of a finished run are damaged: restore them, or use --overwrite to start "
                    "anew",
                    error.what()));
  }
}

/// What is resumed goes on with the data that it was begun with, and best with the same build on the same kind of
/// machine.
void keep_to_beginning(const UnitFolder& work, const ImageDataset& data, Log& log) {
  const auto now = build_and_machine();
  const auto before = work.read("data");
  if (before && before->text("dataset_sha256") != data.sha256())
    throw ConfigError(
        fmt::format("{}: the unfinished run here was begun with other data than are found now under the "
                    "name {}; restore them, or use --overwrite",
                    work.file("data").string(), data.name()));
  if (before) {
    const bool said = before->attribute("build") != nullptr;
    if (said && before->text("build") != now)
      log.warning(fmt::format("this run was begun by {} and goes on with {}: numbers may round differently",
                              before->text("build"), now));
    return;
  }
  Group record;
  record.set("dataset_sha256", data.sha256());
  record.set("build", now);
  work.write("data", record);
}

/// Locks and prepares the folder on rank 0; nothing when the run was finished already.
std::unique_ptr<OutputFolder> open_output(const Communicator& world, const Config& config, const RunOptions& options,
                                          const Plan& plan, Log& log) {
  std::unique_ptr<OutputFolder> folder;
  bool finished = false;
  leader_does(world, [&] {
    folder = std::make_unique<OutputFolder>(options.output, options.mode, config);
    finished = folder->state() == OutputState::finished;
    if (finished) return check_finished(results_file(options.output));
    folder->check_space(2.2 * plan.output_bytes);
    log.open_file(options.output / "log.txt");
  });
  if (world.any(finished)) {
    log.info(fmt::format("{}: this run is finished already, nothing to do", results_file(options.output).string()));
    return nullptr;
  }
  if (!world.leads()) folder.reset();
  return folder;
}

}  // namespace

void run_study(const Communicator& world, const Config& config, const RunOptions& options, Log& log) {
  const double begin = seconds_now();
  const auto plan = agree_on_plan(world, config, options.slice);
  // Before the output folder is touched: a damaged data file leaves nothing behind.
  const ImageDataset data(world, config.data);
  if (config.study == Study::continual) agree(world, [&] { check_tasks(config.continual, plan.units, data); });
  const auto folder = open_output(world, config, options, plan, log);
  const bool finished = world.any(world.leads() && folder == nullptr);
  if (finished) return;
  leader_does(world, [&] { keep_to_beginning(UnitFolder(work_folder(options.output)), data, log); });
  for (const auto& line : describe_plan(config, plan)) log.info(line);
  if (!plan.slice.whole()) leader_does(world, [&] { write_slice_record(options.output, plan.slice, data); });
  ReplicaQueue::Method method{};
  {
    Worker worker(world, config, plan, data, work_folder(options.output), log);
    method = worker.queue_method();
    if (plan.teams > 1 && method == ReplicaQueue::Method::dealt)
      log.warning(
          "units are dealt in turn, as neither one-sided communication nor a lock on work/queue works here; a signal "
          "stops only the rank that gets it");
    try {
      worker.run();
      if (plan.slice.whole()) worker.compare();
    } catch (const Stopped& stopped) {
      log.info(stopped.what());
      throw;
    }
  }
  if (!plan.slice.whole()) {
    log.info(fmt::format("slice {} is finished after {}; once all are, join them with: flatsweep merge {}",
                         plan.slice.text(), format_duration(seconds_now() - begin),
                         (options.output.parent_path() / fmt::format("slice-*-of-{}", plan.slice.count)).string()));
    return;
  }
  log.info("writing results.h5");
  const double peak = peak_memory();
  const UnitFolders folders = [&](const WorkUnit& unit) { return UnitFolder(work_folder(options.output), unit.id); };
  const auto table =
      assemble_results(world, config, plan, data, folders, options.output,
                       {seconds_now() - begin, world.size(), to_string(method), world.gather_all({&peak, 1})});
  leader_does(world, [&] { folder->remove_work(); });
  for (const auto& line : table) log.info(line);
  log.info(fmt::format("results in {} after {}", results_file(options.output).string(),
                       format_duration(seconds_now() - begin)));
}

}  // namespace flatsweep
