#include "flatsweep/analysis/batch_sharpness.hpp"
#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/loss_gradient.hpp"
#include "flatsweep/base/column_of.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/data/sampler.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/linalg/trace.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/study/grid/window_opening.hpp"
#include "kept_epochs.hpp"
#include "network_analysis.hpp"
#include "study/cost/network_flops.hpp"
#include "study/store/tree_entries.hpp"
#include "summary_entries.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace flatsweep {

namespace {

/// Of one state of training, over all weights and biases.
struct CurvatureOfState {
  double learning_rate = 0.0;  // of the epoch that follows
  double loss = 0.0, gradient_norm = 0.0;
  double leading = 0.0, leading_residual = 0.0;
  TraceEstimate trace;
  BatchSharpness sharpness;
};

CurvatureOfState curvature_of_state(const Communicator& team, const UnitContext& context, const Network& network,
                                    const KeptWeights& kept, const std::function<void()>& checkpoint) {
  const auto& options = context.config.curvature_at_epochs;
  const auto& train = context.data.train();
  const auto trainer = context.unit.replica.trainer_options(context.config);
  const auto gradient = loss_gradient(team, network, kept.weights, train, WeightRange(network, std::nullopt));
  CurvatureOfState found;
  found.learning_rate = trainer.optimizer.learning_rate * trainer.schedule.factor(kept.epoch);
  found.loss = gradient.loss;
  found.gradient_norm = gradient.gradient.norm();
  CurvatureOperator hessian(team, network, kept.weights, train, CurvatureKind::hessian);
  const SymmetricOperator product = [&](std::span<const double> x, std::span<double> y) {
    agree(team, checkpoint);
    hessian.apply(x, y);
  };
  const auto pairs = leading_eigenpairs(team, product, hessian.size(), 1, options.tolerance, Shortage::marked);
  found.leading = pairs.values(0);
  found.leading_residual = pairs.residuals(0);
  found.trace = estimate_trace(product, hessian.size(), options.trace_products, trainer.seed);
  const auto order = Sampler(trainer.sampling, train.count(), trainer.batch_size, trainer.seed).order(kept.epoch);
  found.sharpness =
      batch_sharpness(team, network, kept.weights, train, trainer.batch_size, order, [&](double) { checkpoint(); });
  return found;
}

/// Where training comes to stand: of the states from a third of the last one's epochs on.
struct LateCurvature {
  double sharpness = nan, leading = nan;  ///< means over these states
  double growth = nan;                    ///< lambda_max at the last of them over that at the first
};

LateCurvature late_curvature(const std::vector<KeptWeights>& states, const std::vector<CurvatureOfState>& found) {
  if (states.empty()) return {};
  const auto first =
      std::ranges::find_if(states, [&](const auto& state) { return 3 * state.epoch >= states.back().epoch; });
  const std::span late(found.begin() + (first - states.begin()), found.end());
  LateCurvature sum{0.0, 0.0, late.back().leading / late.front().leading};
  for (const auto& state : late) {
    sum.sharpness += state.sharpness.mean;
    sum.leading += state.leading;
  }
  const double count = late.size();
  return {sum.sharpness / count, sum.leading / count, sum.growth};
}

void set_late(Group& group, const std::vector<KeptWeights>& states, const std::vector<CurvatureOfState>& found,
              double edge) {
  const auto late = late_curvature(states, found);
  double highest = nan;
  for (const auto& state : found) highest = std::fmax(highest, state.sharpness.mean);
  const std::string states_meant = ", mean over the states from a third of the last one's epochs on";
  group.set("late_batch_sharpness", late.sharpness / edge, "1", "batch sharpness over 2/alpha" + states_meant);
  group.set("late_leading_eigenvalue", late.leading / edge, "1", "lambda_max over 2/alpha" + states_meant);
  group.set("late_sharpness_ratio", late.sharpness / late.leading, "1",
            "late_batch_sharpness over late_leading_eigenvalue");
  group.set("late_growth", late.growth, "1",
            "lambda_max of the last state over that of the first from a third of the last one's epochs on");
  group.set("highest_batch_sharpness", highest / edge, "1", "largest batch sharpness of all states over 2/alpha");
}

Group curvature_at_epochs_tree(const std::vector<KeptWeights>& states, const std::vector<CurvatureOfState>& found,
                               double learning_rate) {
  Group group;
  const double edge = 2.0 / learning_rate;  // NaN where the rate changes
  group.set("two_over_learning_rate", edge, "1", "2/alpha; NaN where the learning rate changes");
  set_late(group, states, found, edge);
  add_epochs(group, states);
  const auto column = [&](const char* name, const char* description, auto value) {
    add(group, name, column_of(found, value), {"epoch"}, "1", description);
  };
  column("learning_rate", "alpha of the epoch that follows the state", [](const auto& s) { return s.learning_rate; });
  column("loss", "mean loss over the training set", [](const auto& s) { return s.loss; });
  column("gradient_norm", "norm of its gradient by all weights and biases",
         [](const auto& s) { return s.gradient_norm; });
  column("leading_eigenvalue",
         "lambda_max, largest eigenvalue of the Hessian of the loss; NaN where it did not converge",
         [](const auto& s) { return s.leading; });
  column("leading_residual", "|H v - l v| of it", [](const auto& s) { return s.leading_residual; });
  column("trace", "trace of the Hessian", [](const auto& s) { return s.trace.value; });
  column("trace_error", "standard error of the trace", [](const auto& s) { return s.trace.error; });
  column("batch_sharpness", "mean over the next epoch's minibatches of g_B^T H_B g_B/|g_B|^2",
         [](const auto& s) { return s.sharpness.mean; });
  column("batch_sharpness_error", "standard error of that mean over minibatches",
         [](const auto& s) { return s.sharpness.error; });
  return group;
}

Group curvature_at_epochs_run(const Communicator& team, const UnitContext& context, const TrainedUnit&,
                              const std::function<void(double)>& checkpoint) {
  const auto network = context.unit.replica.network(context.data.shape());
  const auto states = kept_weights(team, context);
  std::vector<CurvatureOfState> found;
  for (std::size_t i = 0; i < states.size(); ++i)
    found.push_back(
        curvature_of_state(team, context, network, states[i], [&] { checkpoint(1.0 * i / states.size()); }));
  const auto& schedule = context.unit.replica.trainer_options(context.config).schedule;
  const auto last = window_opening(context.config) + context.config.window.epochs;
  return curvature_at_epochs_tree(states, found,
                                  schedule.constant_in(0, last) ? context.unit.replica.learning_rate : nan);
}

double curvature_at_epochs_flops(const Config& config, const Network& network, double samples) {
  constexpr double leading_products = 30.0, sharpness_products = 2.0;
  return config.at_epochs.epochs.size() *
         (leading_products + sharpness_products + config.curvature_at_epochs.trace_products) * samples *
         curvature_product_flops(network);
}

/// What is read back of it, and the same of the seeds together.
struct LateResult : EntryValues {};
struct LateOverSeeds : EntryMeans {};

std::vector<SummaryEntry> late_entries() {
  using enum SummaryEntry::Kind;
  const std::string of_late = " over 2/alpha, mean over seeds and the states from a third of the last one's epochs on";
  return {{"late_batch_sharpness", "1", "batch sharpness" + of_late, number},
          {"late_leading_eigenvalue", "1", "lambda_max" + of_late, number},
          {"late_sharpness_ratio", "1", "mean over seeds of late_batch_sharpness over late_leading_eigenvalue", number},
          {"late_growth", "1",
           "mean over seeds of lambda_max of the last state over that of the first from a third of the last one's "
           "epochs on",
           number},
          {"highest_batch_sharpness", "1", "mean over seeds of the largest batch sharpness of all states over 2/alpha",
           number}};
}

}  // namespace

NetworkAnalysis curvature_at_epochs_analysis() {
  return {.name = "curvature_at_epochs",
          .takes = {"at_epochs"},
          .enabled = [](const Config& config) { return config.curvature_at_epochs.enabled; },
          .flops = curvature_at_epochs_flops,
          .run = curvature_at_epochs_run,
          .read = [](const Group& group,
                     AnalysisResults& results) { results.set(LateResult{read_entries(group, late_entries())}); },
          .pool = pool_entries<LateResult, LateOverSeeds>,
          .columns = entry_columns<LateOverSeeds>(late_entries())};
}

}  // namespace flatsweep
