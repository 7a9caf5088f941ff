#include "flatsweep/analysis/walk_null.hpp"

#include "chosen_pca.hpp"
#include "flatsweep/analysis/predicted_variance.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/products.hpp"
#include "flatsweep/linalg/to_vector.hpp"
#include "flatsweep/par/agreement.hpp"
#include "linear_walk.hpp"
#include "walk_source.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>

namespace flatsweep {

namespace {
using RowMatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Noise of consecutive minibatches along the chosen directions, and its squared norm in a last column. The minibatches
/// are dealt over the team; every rank gets all of them, in order.
class ProjectedNoise {
 public:
  ProjectedNoise(const Communicator& team, const FrozenRun& run, FrozenGradients& gradients,
                 const Eigen::VectorXd& mean, const Eigen::MatrixXd& chosen)
      : team_(team), run_(run), gradients_(gradients), mean_(mean), chosen_(chosen) {}

  void for_each_block(std::int64_t epoch, const std::function<void(const RowMatrixD& noise)>& visit) {
    constexpr std::int64_t rows_per_rank = 256;
    const auto order = run_.sampler().order(epoch);
    const std::int64_t count = run_.sampler().iterations();
    for (std::int64_t first = 0; first < count; first += rows_per_rank * team_.size()) {
      const auto mine = share(std::min(rows_per_rank * team_.size(), count - first), team_.rank(), team_.size());
      const auto projected = team_.gather_all(project(order, first + mine.begin, mine.size()));
      const auto columns = chosen_.cols() + 1;
      visit(Eigen::Map<const RowMatrixD>(projected.data(), std::ssize(projected) / columns, columns));
    }
  }

 private:
  std::vector<double> project(std::span<const std::uint32_t> order, std::int64_t first, std::int64_t count) {
    std::vector<double> projected;
    agree(team_, [&] {
      const std::size_t batch = run_.options.batch_size;
      const auto samples = order.subspan(first * batch, count * batch);
      gradients_.for_each_block(samples, [&](const SnapshotBlock& rows) {
        const Eigen::MatrixXd noise = rows.cast<double>().rowwise() - mean_.transpose();
        RowMatrixD block(noise.rows(), chosen_.cols() + 1);
        block.leftCols(chosen_.cols()) = multiply(noise, chosen_);
        block.rightCols(1) = noise.rowwise().squaredNorm();
        projected.insert(projected.end(), block.data(), block.data() + block.size());
      });
    });
    return projected;
  }

  const Communicator& team_;
  const FrozenRun& run_;
  FrozenGradients& gradients_;
  const Eigen::VectorXd& mean_;
  const Eigen::MatrixXd& chosen_;
};

/// Mean squares of the noise and variances of its walk, direction by direction: steps are linear, so that projections
/// of the noise walk as the walk's projections do.
class ProjectedWalk {
 public:
  ProjectedWalk(const FrozenRun& run, Index directions)
      : walk_(*run.step(), directions), sum_(Eigen::ArrayXd::Zero(directions)), squares_(sum_), noise_(sum_) {}

  void step(const RowMatrixD& noise) {
    for (Index t = 0; t < noise.rows(); ++t) {
      const Eigen::VectorXd xi = noise.row(t).head(sum_.size()).transpose();
      const auto position = walk_.move(xi).array();
      sum_ += position;
      squares_ += position.square();
      noise_ += xi.array().square();
      trace_ += noise(t, sum_.size());
    }
    count_ += noise.rows();
  }

  [[nodiscard]] Eigen::VectorXd variance() const { return squares_ / count_ - (sum_ / count_).square(); }
  [[nodiscard]] Eigen::VectorXd noise_variance() const { return noise_ / count_; }
  [[nodiscard]] double noise_trace() const { return trace_ / count_; }

 private:
  LinearWalk walk_;
  Eigen::ArrayXd sum_, squares_, noise_;
  double trace_ = 0.0, count_ = 0.0;
};

Eigen::VectorXd shared_mean_gradient(const Communicator& team, const FrozenRun& run) {
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(std::ssize(run.analysed()));
  on_root(team, [&] { mean = mean_gradient(run); });
  team.broadcast(entries(mean));
  return mean;
}

// Components of single-precision gradients err by some 1e-7 of their norm, and more where samples cancel.
bool is_rounding(double noise_trace, const Eigen::VectorXd& mean) {
  constexpr double rounding = 1e-12;
  return !(noise_trace > rounding * mean.squaredNorm());
}

NoiseWalk no_walk(Index size, Index chosen, const char* reason) {
  NoiseWalk walk;
  walk.reason = reason;
  walk.spectrum = Eigen::VectorXd::Constant(size, nan);
  walk.directions.resize(size, 0);
  walk.cosine_content = Eigen::VectorXd::Constant(projected_modes, nan);
  walk.total_variance = walk.noise_trace = nan;
  for (auto* values : {&walk.walk_variance, &walk.fresh_walk_variance, &walk.noise_variance, &walk.predicted_variance,
                       &walk.flat_variance})
    *values = Eigen::VectorXd::Constant(chosen, nan);
  return walk;
}

/// The leading modes, for their cosine content, and those of the numbers that are chosen.
std::vector<int> modes_looked_at(std::span<const int> chosen) {
  std::vector<int> leading(projected_modes), both;
  std::iota(leading.begin(), leading.end(), 0);
  std::ranges::set_union(leading, chosen, std::back_inserter(both));
  return both;
}

void analyse_walk(const Communicator& team, const SnapshotSource& source, std::span<const int> chosen,
                  NoiseWalk& walk) {
  auto pca = chosen_components(team, source, modes_looked_at(chosen));
  measure_cosine_content(team, source, pca);
  std::vector<Index> columns;
  for (Index i = 0; i < pca.directions.cols(); ++i)
    if (std::ranges::binary_search(chosen, pca.number[i])) columns.push_back(i);
  walk.spectrum = std::move(pca.variance);
  walk.directions = pca.directions(Eigen::all, columns);
  walk.cosine_content = std::move(pca.cosine_content);
  walk.total_variance = pca.total_variance;
  walk.rounding = pca.rounding;
  walk.moving = pca.moving;
  walk.learning_dimension = pca.learning_dimension;
  walk.learning_dimension_without_first = pca.learning_dimension_without_first;
}

ProjectedWalk projected_walk(const Communicator& team, const FrozenRun& run, FrozenGradients& gradients,
                             const Eigen::VectorXd& mean, const Eigen::MatrixXd& chosen) {
  ProjectedNoise noise(team, run, gradients, mean, chosen);
  ProjectedWalk projected(run, chosen.cols());
  for (std::int64_t epoch = 0; epoch < run.epochs; ++epoch)
    noise.for_each_block(run.first_epoch + epoch, [&](const RowMatrixD& rows) { projected.step(rows); });
  return projected;
}

// With shuffle-once and fixed-partition another seed may leave other samples out, whose mean is another.
Eigen::VectorXd fresh_walk_variance(const Communicator& team, FrozenRun run, FrozenGradients& gradients,
                                    const Eigen::MatrixXd& chosen) {
  run.options.seed = -1 - run.options.seed;
  return projected_walk(team, run, gradients, shared_mean_gradient(team, run), chosen).variance();
}

void predict_walk(const FrozenRun& run, std::span<const double> loss_curvature, NoiseWalk& walk) {
  const auto noise = to_vector(walk.noise_variance);
  std::vector<double> curvature(loss_curvature.begin(), loss_curvature.end());
  curvature.resize(noise.size(), nan);  // where it was not measured
  const auto predicted = predict_variance(run, curvature, noise);
  walk.flat_variance = Eigen::Map<const Eigen::VectorXd>(predicted.flat.data(), std::ssize(noise));
  walk.predicted_variance = Eigen::Map<const Eigen::VectorXd>(predicted.window.data(), std::ssize(noise));
}

}  // namespace

NoiseWalk measure_noise_walk(const Communicator& team, const FrozenRun& run, const Eigen::MatrixXd& directions,
                             std::span<const int> chosen, std::span<const double> loss_curvature) {
  if (!run.step()) throw_error(ErrorKind::config, "the noise of adam makes no walk", true);
  const Index count = std::ssize(chosen);
  if (!has_gradient_noise(run)) return no_walk(directions.rows(), count, "all iterations use the same samples");
  NoiseWalk walk;
  const Eigen::VectorXd mean = shared_mean_gradient(team, run);
  Eigen::MatrixXd columns(directions.rows(), count);
  for (std::size_t i = 0; i < chosen.size(); ++i) columns.col(i) = directions.col(chosen[i]);
  std::shared_ptr<FrozenGradients> gradients;
  agree(team, [&] { gradients = std::make_shared<FrozenGradients>(run); });
  const auto projected = projected_walk(team, run, *gradients, mean, columns);
  if (is_rounding(projected.noise_trace(), mean))
    return no_walk(directions.rows(), count, "the gradients of minibatches differ by rounding alone");
  walk.walk_variance = projected.variance();
  walk.noise_variance = projected.noise_variance();
  walk.noise_trace = projected.noise_trace();
  walk.fresh_walk_variance = fresh_walk_variance(team, run, *gradients, columns);
  predict_walk(run, loss_curvature, walk);
  analyse_walk(team, noise_walk(run, mean, gradients), chosen, walk);
  return walk;
}

}  // namespace flatsweep
