#include "flatsweep/analysis/noise_walk.hpp"

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "linear_walk.hpp"
#include "walk_source.hpp"

#include <memory>
#include <numeric>
#include <vector>

namespace flatsweep {

namespace {

using Order = std::vector<std::uint32_t>;

Order samples_of(const FrozenRun& run) {
  const auto sampling = run.options.sampling;
  if (sampling == Sampling::shuffle_once || sampling == Sampling::fixed_partition)
    return run.sampler().order(run.first_epoch);
  Order all(run.set.count());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

/// Adds up the gradients of the samples, which fill whole minibatches of `batch`.
void add_gradients(const FrozenRun& run, std::span<const std::uint32_t> samples, std::size_t batch,
                   Eigen::VectorXd& sum) {
  if (samples.empty()) return;
  MinibatchGradients gradients(run.network, run.weights, run.layer, run.set, batch);
  gradients.for_each_block(samples, [&](const SnapshotBlock& rows) {
    sum += 1.0 * batch * rows.cast<double>().colwise().sum().transpose();
  });
}

}  // namespace

bool has_gradient_noise(const FrozenRun& run) {
  switch (run.options.sampling) {
    case Sampling::reshuffle:
      return run.options.batch_size < run.set.count();
    case Sampling::shuffle_once:
    case Sampling::fixed_partition:
      return run.sampler().iterations() > 1;
    case Sampling::with_replacement:
      break;
  }
  return run.set.count() > 1;
}

Eigen::VectorXd mean_gradient(const FrozenRun& run) {
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(std::ssize(run.analysed()));
  const Order samples = samples_of(run);
  const std::size_t batch = run.options.batch_size;
  const std::size_t whole = samples.size() / batch * batch;
  add_gradients(run, std::span(samples).first(whole), batch, sum);
  add_gradients(run, std::span(samples).subspan(whole), samples.size() - whole, sum);
  return sum / samples.size();
}

SnapshotSource noise_walk(const FrozenRun& run, Eigen::VectorXd mean) {
  return noise_walk(run, std::move(mean), std::make_shared<FrozenGradients>(run));
}

SnapshotSource noise_walk(const FrozenRun& run, Eigen::VectorXd mean, std::shared_ptr<FrozenGradients> gradients) {
  if (!run.step())
    throw ConfigError("the steps of adam are not linear in the gradients, so that its noise makes no walk");
  SnapshotSource source{run.epochs * run.sampler().iterations(), mean.size(), {}};
  source.for_each_block = [run, mean = std::move(mean),
                           gradients = std::move(gradients)](const SnapshotVisitor& visit) {
    const auto sampler = run.sampler();
    LinearWalk walk(*run.step(), mean.size());
    RowMatrixF positions;
    for (std::int64_t epoch = 0; epoch < run.epochs; ++epoch)
      gradients->for_each_block(sampler.order(run.first_epoch + epoch), [&](const SnapshotBlock& rows) {
        positions.resize(rows.rows(), rows.cols());
        for (Index t = 0; t < rows.rows(); ++t)
          positions.row(t) = walk.move(rows.row(t).transpose().cast<double>() - mean).cast<float>().transpose();
        visit(positions);
      });
  };
  return source;
}

}  // namespace flatsweep
