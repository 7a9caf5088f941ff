#include "flatsweep/study/landscape/landscape.hpp"

#include "layer_stages.hpp"
#include "network_curvature_stage.hpp"
#include "study/store/unit_record.hpp"
#include "training_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

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
    const auto [status, message] = outcome();
    finish_unit(team_, context_, {status, message, MPI_Wtime() - begin});
  }

 private:
  struct Outcome {
    std::string status, message;
  };
  Outcome outcome() {
    if (trained_.state.diverged) return {"diverged", divergence(trained_.state)};
    const auto troubles = analyse_layers();
    // Without any PCA there is nothing that the replica could tell.
    if (std::ranges::none_of(troubles, &std::string::empty)) return {"failed", troubles.front()};
    report(troubles);
    if (config_.network_curvature.measure) run_network_curvature_stage(team_, context_, trained_);
    return {"done", ""};
  }

  /// Of every layer why it has no PCA; "" where it has.
  std::vector<std::string> analyse_layers() {
    std::vector<std::string> troubles;
    for (std::size_t i = 0; i < config_.pca.layers.size(); ++i) {
      troubles.push_back(LayerStages(team_, context_, trained_, i).run());
      trained_.windows[i] = {};
    }
    return troubles;
  }

  void report(const std::vector<std::string>& troubles) const {
    for (std::size_t i = 0; i < troubles.size(); ++i)
      if (!troubles[i].empty() && team_.leads())
        context_.hooks.report(fmt::format("replica {}: {} is not analysed: {}", unit_name(context_.unit.id),
                                          config_.pca.layers[i], troubles[i]));
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  TrainedUnit trained_;
};

}  // namespace

void run_landscape_unit(const Communicator& team, const UnitContext& context) {
  LandscapePipeline(team, context).run();
}

}  // namespace flatsweep
