#include "flatsweep/study/run/run.hpp"

#include "earlier_results.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/peak_memory.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/par/replica_queue.hpp"
#include "flatsweep/par/stop_signal.hpp"
#include "flatsweep/study/pool/cross_replica.hpp"
#include "flatsweep/study/run/merge.hpp"
#include "flatsweep/study/run/results.hpp"
#include "flatsweep/study/store/run_identity.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "flatsweep/study/studies/studies.hpp"
#include "output_session.hpp"
#include "progress_recorder.hpp"
#include "stage_digests.hpp"
#include "study/plan/unit_progress.hpp"
#include "study/store/machine.hpp"
#include "study/unit/unit_record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

namespace flatsweep {

namespace {

double seconds_now() { return MPI_Wtime(); }

/// The plan must be one plan: costs come from a measurement, so one rank makes them for all.
Plan agree_on_plan(const Communicator& world, const Config& config, const Slice& slice, const CoreSpeed& speed) {
  Plan plan;
  agree(world, [&] { plan = make_plan(config, world.size(), speed.rate, slice); });
  plan.core_share = speed.share;
  return plan;
}

CoreSpeed speed_of_root(const Communicator& world) {
  CoreSpeed speed;
  if (world.is_root()) speed = measure_core();
  world.broadcast(std::span(&speed.rate, 1));
  world.broadcast(std::span(&speed.share, 1));
  return speed;
}

void refine_on_all(const Communicator& world, const Config& config, const ImageDataset& data, double rate, Plan& plan) {
  std::vector<double> factors(plan.units.size(), 1.0);
  on_root(world, [&] { factors = measure_training(config, plan, data, rate); });
  world.broadcast(std::span(factors));
  refine(plan, factors);
}

/// What an earlier job finished, as far as its mark is there.
void leave_out_on_all(const Communicator& world, const WorkFiles& work, Plan& plan) {
  std::vector<double> finished(plan.units.size(), 0.0);
  on_root(world, [&] {
    for (const auto i : plan.drawn) finished[i] = work.unit(plan.units[i].id).holds(end_stage) ? 1.0 : 0.0;
  });
  world.broadcast(std::span(finished));
  std::vector<bool> is_finished;
  for (const double value : finished) is_finished.push_back(value > 0.0);
  leave_out_finished(plan, is_finished);
}

// Why a rank stops, as a number of which the largest over the ranks is told: a signal says more than the time.
constexpr std::int64_t out_of_time = 1, signalled = 1000;

std::string what_stopped(std::int64_t reason, const Config& config) {
  if (reason > signalled) return "stopped by " + signal_name(reason - signalled);
  if (reason == out_of_time)
    return fmt::format("stopped, as run.max_walltime = {:g} hours are over", config.run.max_walltime);
  return "stopped";
}

/// Before there is work that could be gone on with.
void stop_if_signalled(const Communicator& world) {
  const int signal = world.max(std::int64_t{stop_signal()});
  if (signal != 0)
    throw_error(ErrorKind::stopped,
                fmt::format("stopped by {} before work was begun; nothing is lost, run the same command again",
                            signal_name(signal)),
                true);
}

/// Draws units from the queue and runs them, until none is left or a stop is asked for.
class Worker {
 public:
  Worker(const Communicator& world, const Config& config, const Plan& plan, const ImageDataset& data, WorkFiles work,
         Log& log)
      : world_(world),
        team_(world.split(team_number(world, plan))),
        config_(config),
        study_(study_of(config)),
        plan_(plan),
        data_(data),
        work_(std::move(work)),
        log_(log),
        queue_(world, std::ssize(plan.drawn), team_number(world, plan), plan.teams, work_.folder / "queue"),
        begin_(seconds_now()),
        order_(plan.drawn),
        recorder_(world, work_.folder.parent_path(), [this](const std::string& message) { warn(message); }) {
    work_.report = [this](const std::string& message) { warn(message); };
    std::ranges::stable_sort(order_,
                             [&](std::size_t a, std::size_t b) { return plan.units[a].cost > plan.units[b].cost; });
    for (const auto i : order_) total_cost_ += plan.units[i].cost;
  }

  /// All units, and what compares them where that is wanted.  @throws Stopped, IoError, ...; agreed over all ranks
  void run() {
    try {
      run_units();
      if (plan_.slice.whole()) compare();
    } catch (const Stopped&) {
      tell_job(job_stage::stops);
      throw_error(ErrorKind::stopped,
                  what_stopped(world_.max(reason_), config_) +
                      "; finished work and checkpoints are on disk, go on with --resume",
                  true);
    }
  }

  /// To progress.csv.
  void tell_job(std::string_view stage, double fraction = 0.0) {
    if (world_.is_root()) recorder_.job(stage, fraction, std::min(1.0, queue_.done().cost / total_cost_));
  }

  [[nodiscard]] ReplicaQueue::Method queue_method() const { return queue_.method(); }

 private:
  void run_units() {
    agree(world_, [&] {
      try {
        while (const auto ticket = draw()) run_unit(plan_.units[order_[*ticket]]);
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
  void compare() { compare_replicas(world_, {config_, data_, plan_.units, work_, hooks_}); }

  static int team_number(const Communicator& world, const Plan& plan) {
    return world.rank() * plan.teams / world.size();
  }

  std::optional<std::int64_t> draw() {
    std::int64_t ticket = -1;
    if (team_.is_root()) ticket = stop_requested() ? -1 : queue_.draw().value_or(-1);
    ticket = team_.broadcast(ticket);
    if (ticket < 0) return std::nullopt;
    return ticket;
  }

  void run_unit(const WorkUnit& unit) {
    const auto folder = work_.unit(unit.id);
    in_hand_ = &unit;
    recorder_.begin_unit(unit.id);
    const UnitData data(data_, unit.replica.subset());
    progress_ = UnitProgress(study_.estimate(config_, unit.replica, data.shape(), 1.0));
    flatsweep::run_unit(team_, {config_, data, unit, folder, hooks_}, study_,
                        compares_replicas(config_) ? Window::kept : Window::removed);
    in_hand_ = nullptr;
    if (!team_.is_root()) return;
    recorder_.end_unit(status_of(folder.require_skeleton(end_stage)));
    queue_.finish(unit.cost);
  }

  [[nodiscard]] std::filesystem::path log_file() const { return work_.folder.parent_path() / "log.txt"; }
  void warn(const std::string& message) { log_.warning_of_any_rank(message, log_file()); }

  bool stop_requested() {
    const bool time_is_up =
        config_.run.max_walltime > 0.0 && seconds_now() - begin_ > 3600.0 * config_.run.max_walltime;
    if (stop_signal() != 0)
      reason_ = signalled + stop_signal();
    else if (time_is_up)
      reason_ = std::max(reason_, out_of_time);
    if (reason_ != 0) queue_.request_stop();
    return queue_.stop_requested();
  }

  void show_progress(std::string_view stage, double fraction) {
    if (in_hand_ != nullptr && team_.is_root()) {
      const double unit_done = progress_.at(stage, fraction);
      queue_.advance(unit_done * in_hand_->cost);
      recorder_.stage(stage, fraction, unit_done);
    } else if (!stage.empty()) {
      tell_job(stage, fraction);  // all replicas are compared
    }
    if (!log_.progress_due()) return;
    const auto done = queue_.done();
    const double elapsed = seconds_now() - begin_;
    std::string line = fmt::format("{}/{} replicas done", done.tickets, order_.size());
    if (!stage.empty()) line += fmt::format(", {} {:.0f} %", stage, 100.0 * fraction);
    if (done.tickets > 0) line += fmt::format(", {:.2f} replicas/min", 60.0 * done.tickets / elapsed);
    // The first moments tell too little.
    if (done.tickets > 0 || done.cost > 0.02 * total_cost_) {
      line += fmt::format(", about {} left",
                          format_duration(std::max(0.0, elapsed * (total_cost_ - done.cost) / done.cost)));
    } else {
      const auto* form = elapsed < plan_.seconds ? ", {} gone of about {}" : ", {} gone, more than the {} expected";
      line += fmt::format(fmt::runtime(form), format_duration(elapsed), format_duration(plan_.seconds));
    }
    log_.progress(line);
  }

  void record_epoch(std::string_view stage, double fraction, const TrainerState& state) {
    if (in_hand_ == nullptr || !team_.is_root() || state.history.empty()) return;
    recorder_.epoch(stage, fraction, progress_.at(stage, fraction), state.epoch, state.history.back());
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
  const StudyKind& study_;
  const Plan& plan_;
  const ImageDataset& data_;
  WorkFiles work_;
  Log& log_;
  ReplicaQueue queue_;
  double begin_;
  std::vector<std::size_t> order_;
  double total_cost_ = 0.0;
  std::int64_t reason_ = 0;            // why this rank stops
  const WorkUnit* in_hand_ = nullptr;  // being run
  UnitProgress progress_;              // of it
  ProgressRecorder recorder_;
  UnitHooks hooks_{[this] { return stop_requested(); },
                   [this](std::string_view stage, double fraction) { show_progress(stage, fraction); },
                   [this](std::string_view stage, double fraction, const TrainerState& state) {
                     record_epoch(stage, fraction, state);
                   },
                   [this](const std::string& message) { warn(message); },
                   [this](const std::string& message) { log_.info_of_any_rank(message, log_file()); }};
};

/// Of the units that this run works on.
std::vector<std::filesystem::path> unit_folders(const WorkFiles& work, const Plan& plan) {
  std::vector<std::filesystem::path> folders;
  for (const auto i : plan.drawn) folders.push_back(work.folder / unit_name(plan.units[i].id));
  return folders;
}

}  // namespace

void run_study(const Communicator& world, const Config& config, const RunOptions& options, Log& log) {
  const double begin = seconds_now();
  const auto speed = speed_of_root(world);
  auto plan = agree_on_plan(world, config, options.slice, speed);
  // Before the output folder is touched: a damaged data file leaves nothing behind.
  stop_if_signalled(world);
  const ImageDataset data(world, data_in_use(config));
  if (const auto check = study_of(config).check_images; check != nullptr)
    agree(world, [&] { check(config, plan.units, data); });
  stop_if_signalled(world);
  const RunIdentity identity{config.fingerprint, data.sha256(), options.solver_options, config.model.sha256};
  std::optional<EarlierResults> earlier;
  if (options.results_config) earlier.emplace(EarlierResults{results_file(options.output), *options.results_config});
  std::vector<std::string> earlier_builds;
  if (earlier) on_root(world, [&] { earlier_builds = check_earlier(*earlier, data, options.solver_options); });
  OutputSession session(world, config,
                        {options.output, options.mode, 2.2 * plan.output_bytes,
                         stage_digests(config, plan.units, identity), options.other_work},
                        identity, log);
  if (session.finished()) return session.conclude_finished();
  const auto& work = session.work();
  const auto builds = builds_at_work(world);
  WorkRecord record;
  if (earlier || options.other_work == OtherWork::added_to)
    on_root(world, [&] {
      if (options.other_work == OtherWork::added_to) {
        take_over_record(work.folder, identity, work.owner, {});
        remove_outdated(config, plan, work);
      }
      if (earlier) take_over_record(work.folder, identity, work.owner, earlier_builds);
    });
  if (earlier) restore_stages(world, *earlier, config, plan, identity, work, log);
  on_root(world, [&] {
    record = keep_to_beginning(work.folder, identity, work.owner, data.name(), builds, log);
    if (options.mode == OutputMode::resume || options.mode == OutputMode::extend)
      warn_about_builds(unit_folders(work, plan), record.builds, log);
  });
  plan.resident_bytes = peak_memory();
  refine_on_all(world, config, data, speed.rate, plan);
  if (options.mode == OutputMode::resume || options.mode == OutputMode::extend) leave_out_on_all(world, work, plan);
  for (const auto& line : describe_plan(config, plan)) log.info(line);
  if (!data.shared_on_node())
    log.warning(fmt::format("every rank keeps a copy of the images, as the ranks of a node can share no memory: {}",
                            data.trouble()));
  if (!plan.slice.whole()) on_root(world, [&] { write_slice_record(work, plan.slice, data); });
  on_root(world, [&] { write_planned_units(work, plan); });
  ReplicaQueue::Method method{};
  {
    Worker worker(world, config, plan, data, work, log);
    method = worker.queue_method();
    if (plan.teams > 1 && method == ReplicaQueue::Method::dealt)
      log.warning(
          "units are dealt in turn, as neither one-sided communication nor a lock on work/queue works here; a signal "
          "stops only the rank that gets it");
    try {
      worker.run();
    } catch (const Error& error) {
      log.record(error.what());  // the terminal hears of it when the program ends
      throw;
    }
    worker.tell_job(plan.slice.whole() ? job_stage::writes_results : job_stage::ends);
  }
  if (!plan.slice.whole())
    return conclude(
        log,
        fmt::format("slice {} is finished after {}; once all are, join them with: flatsweep merge {}",
                    plan.slice.text(), format_duration(seconds_now() - begin),
                    (options.output.parent_path() / fmt::format("slice-*-of-{}", plan.slice.count)).string()),
        outcome_on_root(world, [&] { return slice_outcome(config, plan, work); }), options.output / "log.txt");
  log.info("writing results.h5");
  auto made_by = fmt::format("{}", fmt::join(record.builds, "\n"));
  world.broadcast(made_by);
  Provenance provenance;
  provenance.seconds = seconds_now() - begin;
  provenance.queue = std::string(to_string(method));
  provenance.solver_options = options.solver_options;
  provenance.builds = made_by;
  session.write_results(
      plan, data, [&](const WorkUnit& unit) { return work.unit(unit.id); }, provenance);
  if (world.is_root()) ProgressFile(options.output).append({.stage = std::string(job_stage::ends), .done = 1.0});
}

}  // namespace flatsweep
