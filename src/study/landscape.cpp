#include "flatsweep/study/landscape.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/unit_result.hpp"
#include "layer_stages.hpp"
#include "network_curvature_stage.hpp"
#include "training_stage.hpp"

#include <algorithm>
#include <span>

namespace flatsweep {

namespace {

/// One unit's way through the stages, on every rank of the team. Rank 0 alone touches files.
class LandscapePipeline {
 public:
  LandscapePipeline(const Communicator& team, const UnitContext& context)
      : team_(team), context_(context), config_(context.config) {}

  void run() {
    if (already_done()) return;
    train();
    if (!diverged_) analyse();
    finish(diverged_ ? "diverged" : "done", "");
  }

  void finish(const std::string& status, const std::string& message) {
    leader_does(team_, [&] {
      Group done;
      done.set("status", status);
      done.set("message", message);
      done.set("seconds", MPI_Wtime() - begin_);
      context_.folder.write("done", done);
      if (!config_.pooled_pca.measure || status != "done") context_.folder.remove("window");
      context_.folder.remove_checkpoints();
    });
  }

 private:
  void analyse() {
    for (std::size_t i = 0; i < config_.pca.layers.size(); ++i) {
      LayerStages(team_, context_, trained_, i).run();
      trained_.windows[i] = {};
    }
    if (config_.network_curvature.measure) run_network_curvature_stage(team_, context_, trained_);
  }

  /// Done, and every file of its results whole; else what is damaged is made again.
  bool already_done() {
    bool done = false;
    leader_does(team_, [&] {
      const auto& folder = context_.folder;
      const auto record = folder.read("done");
      if (!record) return;
      const auto stages = result_stages(config_, record->text("status"));
      done = std::ranges::all_of(stages, [&](const auto& stage) { return folder.read(stage).has_value(); });
      if (!done) folder.remove("done");
    });
    return team_.any(done);
  }

  void train() {
    leader_does(team_, [&] { trained_ = TrainingStage(context_).run(); });
    diverged_ = team_.any(trained_.state.diverged);
    trained_.window_first_epoch = team_.broadcast(trained_.window_first_epoch);
    trained_.state.weights.resize(
        static_cast<std::size_t>(team_.broadcast(static_cast<std::int64_t>(trained_.state.weights.size()))));
    team_.broadcast(std::span(trained_.state.weights));
    if (!team_.leads()) trained_.windows.resize(config_.pca.layers.size());
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  TrainedUnit trained_;
  bool diverged_ = false;
  double begin_ = MPI_Wtime();
};

}  // namespace

void run_landscape_unit(const Communicator& team, const UnitContext& context) {
  LandscapePipeline pipeline(team, context);
  try {
    pipeline.run();
  } catch (const SolverError& error) {
    // One replica whose algebra fails is a result, not the end of the run.
    pipeline.finish("failed", error.what());
  }
}

}  // namespace flatsweep
