#include "flatsweep/study/landscape.hpp"

#include "flatsweep/base/error.hpp"
#include "layer_stages.hpp"
#include "network_curvature_stage.hpp"
#include "training_stage.hpp"
#include "unit_record.hpp"

namespace flatsweep {

namespace {

/// One unit's way through the stages, on every rank of the team. Rank 0 alone touches files.
class LandscapePipeline {
 public:
  LandscapePipeline(const Communicator& team, const UnitContext& context)
      : team_(team), context_(context), config_(context.config) {}

  void run() {
    const double begin = MPI_Wtime();
    if (unit_is_done(team_, context_)) return;
    trained_ = train_on_team(team_, context_, context_.data.train(), context_.data.test());
    const bool diverged = trained_.state.diverged;
    if (!diverged) analyse();
    finish_unit(team_, context_, {diverged ? "diverged" : "done", "", MPI_Wtime() - begin});
  }

 private:
  void analyse() {
    for (std::size_t i = 0; i < config_.pca.layers.size(); ++i) {
      LayerStages(team_, context_, trained_, i).run();
      trained_.windows[i] = {};
    }
    if (config_.network_curvature.measure) run_network_curvature_stage(team_, context_, trained_);
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  TrainedUnit trained_;
};

}  // namespace

void run_landscape_unit(const Communicator& team, const UnitContext& context) {
  const double begin = MPI_Wtime();
  LandscapePipeline pipeline(team, context);
  try {
    pipeline.run();
  } catch (const SolverError& error) {
    // One replica whose algebra fails is a result, not the end of the run.
    finish_unit(team, context, {"failed", error.what(), MPI_Wtime() - begin});
  }
}

}  // namespace flatsweep
