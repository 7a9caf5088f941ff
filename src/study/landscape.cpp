#include "flatsweep/study/landscape.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/unit_result.hpp"
#include "psi_options.hpp"
#include "result_trees.hpp"
#include "training_stage.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace flatsweep {

namespace {

// A plain loop: the order of summation must not depend on where the numbers stand in memory.
double norm_of(std::span<const float> values) {
  double squares = 0.0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

/// One unit's way through the stages, on every rank of the team. Rank 0 alone touches files.
class LandscapePipeline {
 public:
  LandscapePipeline(const Communicator& team, const UnitContext& context)
      : team_(team), context_(context), config_(context.config) {}

  void run() {
    if (already_done()) return;
    train();
    if (!diverged_)
      for (std::size_t i = 0; i < config_.pca.layers.size(); ++i) analyse(i);
    finish(diverged_ ? "diverged" : "done", "");
  }

  void finish(const std::string& status, const std::string& message) {
    leader_does(team_, [&] {
      Group done;
      done.set("status", status);
      done.set("message", message);
      context_.folder.write("done", done);
      context_.folder.remove("window");
      context_.folder.remove_checkpoints();
    });
  }

 private:
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
    trained_.state.weights.resize(
        static_cast<std::size_t>(team_.broadcast(static_cast<std::int64_t>(trained_.state.weights.size()))));
    team_.broadcast(std::span(trained_.state.weights));
    if (!team_.leads()) trained_.windows.resize(config_.pca.layers.size());
  }

  /// A stage's file, unless it is missing or damaged; the answer is the same on the whole team.
  bool have(const std::string& stage) {
    bool found = false;
    leader_does(team_, [&] { found = context_.folder.read(stage).has_value(); });
    return team_.any(found);
  }

  void analyse(std::size_t index) {
    const auto& layer = config_.pca.layers[index];
    const bool flatness_missing = config_.flatness.measure && !have("flatness-" + layer);
    if (!flatness_missing && have("pca-" + layer)) return;
    // Flatness needs all directions, results.h5 may keep fewer: PCA is done again rather than stored twice.
    stop_if_asked();
    context_.hooks.progress("pca " + layer, 0.0);
    const auto pca = principal_components(team_, trained_.windows[index]);
    leader_does(team_, [&] { context_.folder.write("pca-" + layer, pca_tree(layer, pca, config_.pca.directions)); });
    trained_.windows[index] = {};
    if (flatness_missing) measure(layer, pca);
  }

  void measure(const std::string& layer, const Pca& pca) {
    const auto& replica = context_.unit.replica;
    const auto& train = context_.data.train();
    const auto network = replica.network(context_.data.shape());
    const auto index = network.index_of(layer);
    const auto& weights = trained_.state.weights;
    LayerProbe probe(network, weights, index, train);
    const auto& block = network.layers[static_cast<std::size_t>(index)];
    const double norm = norm_of(std::span(weights).subspan(block.weights, block.size()));
    const auto chosen = choose_directions(static_cast<int>(pca.directions.cols()),
                                          static_cast<int>(config_.flatness.directions), config_.flatness.choice);
    const auto flatness =
        measure_flatness(team_, probe, pca.directions, chosen, norm,
                         {config_.flatness.tolerance, config_.flatness.furthest}, [&](double fraction) {
                           context_.hooks.progress("flatness " + layer, fraction);
                           if (context_.hooks.stop_requested()) throw Stopped(stop_message);
                         });
    const auto relation_fit = fit(flatness, pca.variance, train.count() / replica.batch_size);
    leader_does(team_, [&] {
      context_.folder.write("flatness-" + layer,
                            flatness_tree(layer, flatness, pca.variance, relation_fit, probe.loss()));
    });
  }

  PsiFit fit(const std::vector<DirectionFlatness>& flatness, const Eigen::VectorXd& variance,
             std::int64_t iterations) const {
    VarianceFlatness relation;
    for (const auto& f : flatness) {
      relation.direction.push_back(f.direction);
      relation.variance.push_back(variance(f.direction));
      relation.flatness.push_back(f.flatness());
      relation.loss_curvature.push_back(f.loss_curvature);
    }
    return fit_psi({&relation, 1}, psi_options(config_, context_.unit.replica, iterations));
  }

  void stop_if_asked() {
    if (team_.any(context_.hooks.stop_requested())) throw_error(ErrorKind::stopped, stop_message, true);
  }

  const Communicator& team_;
  const UnitContext& context_;
  const Config& config_;
  TrainedUnit trained_;
  bool diverged_ = false;
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
