#include "flatsweep/analysis/curvature_operator.hpp"

#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/data/minibatch.hpp"
#include "flatsweep/nn/block_samples.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

constexpr Index gradients_at_a_time = 256;

/// Samples at a time: a minibatch where minibatches are what is summed over, else what fits the cache.
int block_samples(CurvatureKind kind, const MinibatchScheme& scheme, const Network& network) {
  if (kind == CurvatureKind::minibatch_second_moment) return scheme.batch_size;
  return gradient_block.of(network);
}

}  // namespace

CurvatureOperator::CurvatureOperator(const Communicator& team, const Network& network, std::span<const float> weights,
                                     const ImageSet& set, CurvatureKind kind, std::optional<int> layer,
                                     MinibatchScheme scheme, std::size_t most_kept)
    : CurvatureOperator(team, network, weights, set, kind, layer, std::move(scheme), most_kept, nullptr) {}

CurvatureOperator::CurvatureOperator(const CurvatureOperator& other, CurvatureKind kind, MinibatchScheme scheme)
    : CurvatureOperator(other.team_, other.network_, other.weights_, other.set_, kind, other.layer_, std::move(scheme),
                        memory, kind == CurvatureKind::minibatch_second_moment ? nullptr : other.cached_) {}

CurvatureOperator::CurvatureOperator(const Communicator& team, const Network& network, std::span<const float> weights,
                                     const ImageSet& set, CurvatureKind kind, std::optional<int> layer,
                                     MinibatchScheme scheme, std::size_t most_kept,
                                     std::shared_ptr<CachedProducts> cached)
    : team_(team),
      network_(network),
      weights_(weights.begin(), weights.end()),
      set_(set),
      kind_(kind),
      scheme_(std::move(scheme)),
      layer_(layer),
      range_(network, layer),
      cached_(std::move(cached)),
      direction_(network.parameters, 0.0F),
      product_(network.parameters),
      sum_(range_.size),
      whole_sum_(network.parameters) {
  agree(team_, [&] {
    if (cached_) return;
    take_minibatches();
    const auto mine = set_.count() / team_.size() + CachedProducts::block_samples;
    const bool of_minibatches = kind_ == CurvatureKind::minibatch_second_moment;
    if (of_minibatches && minibatches_.size() / scheme_.batch_size * range_.size * sizeof(float) <= most_kept)
      keep_gradients();
    else if (!of_minibatches && CachedProducts::suits(network_, mine, most_kept))
      fill_cache();
    else
      executor_ = std::make_unique<NetworkExecutor>(network_, block_samples(kind_, scheme_, network_),
                                                    Direction::forward_and_backward);
  });
  if (kind_ == CurvatureKind::noise_covariance)
    mean_gradient_ = loss_gradient(team_, network_, weights_, set_, range_).gradient;
}

void CurvatureOperator::fill_cache() {
  cached_ = std::make_shared<CachedProducts>(network_, weights_);
  for_each_own_block(team_, set_, CachedProducts::block_samples,
                     [&](std::int64_t, auto images, auto labels) { cached_->add(images, labels); });
}

void CurvatureOperator::keep_gradients() {
  gradients_.resize(std::ssize(minibatches_) / scheme_.batch_size, std::ssize(sum_));
  Index row = 0;
  MinibatchGradients(network_, weights_, ParameterBlock{range_.first, range_.size}, set_, scheme_.batch_size)
      .for_each_block(minibatches_, [&](const SnapshotBlock& rows) {
        gradients_.middleRows(row, rows.rows()) = rows;
        row += rows.rows();
      });
}

void CurvatureOperator::multiply_gradients() {
  const Eigen::Map<const Eigen::VectorXf> x(direction_.data() + range_.first, gradients_.cols());
  Eigen::Map<Eigen::VectorXd> sum(sum_.data(), gradients_.cols());
  Eigen::VectorXf along, part;
  for (Index first = 0; first < gradients_.rows(); first += gradients_at_a_time) {
    const auto rows = gradients_.middleRows(first, std::min(gradients_at_a_time, gradients_.rows() - first));
    along.noalias() = rows * x;
    part.noalias() = rows.transpose() * along;
    sum += part.cast<double>();
  }
  sum *= 1.0 * scheme_.batch_size / scheme_.order.size();
}

void CurvatureOperator::take_minibatches() {
  const std::size_t batch = scheme_.batch_size, ranks = team_.size(), rank = team_.rank();
  const auto& order = scheme_.order;
  for (std::size_t first = rank * batch; first + batch <= order.size(); first += ranks * batch)
    minibatches_.insert(minibatches_.end(), order.begin() + first, order.begin() + first + batch);
}

void CurvatureOperator::multiply_cached() {
  using Matrix = CachedProducts::Matrix;
  const auto matrix = kind_ == CurvatureKind::hessian        ? Matrix::hessian
                      : kind_ == CurvatureKind::gauss_newton ? Matrix::gauss_newton
                                                             : Matrix::empirical_fisher;
  std::ranges::fill(whole_sum_, 0.0);
  cached_->multiply(matrix, direction_, layer_.value_or(0), whole_sum_);
  for (std::size_t i = 0; i < range_.size; ++i) sum_[i] = whole_sum_[range_.first + i] / set_.count();
}

void CurvatureOperator::add_block(std::span<const std::uint8_t* const> images, std::span<const std::uint8_t> labels) {
  using Gradients = NetworkExecutor::Gradients;
  executor_->load(images);
  executor_->forward(weights_);
  double scale = 1.0 / set_.count();
  switch (kind_) {
    case CurvatureKind::hessian:
      executor_->hessian_product(weights_, direction_, labels, product_);
      break;
    case CurvatureKind::gauss_newton:
      executor_->gauss_newton_product(weights_, direction_, labels, product_);
      break;
    case CurvatureKind::empirical_fisher:
    case CurvatureKind::noise_covariance:
      executor_->second_moment_product(weights_, direction_, labels, Gradients::of_samples, product_);
      break;
    case CurvatureKind::minibatch_second_moment:
      executor_->second_moment_product(weights_, direction_, labels, Gradients::of_minibatch, product_);
      // Means over B samples, squared, averaged over N_m minibatches: 1/(B^2 N_m).
      scale = 1.0 / (1.0 * scheme_.batch_size * scheme_.order.size());
      break;
  }
  for (std::size_t i = 0; i < range_.size; ++i) sum_[i] += scale * product_[range_.first + i];
}

void CurvatureOperator::for_each_sample_block() {
  for_each_own_block(team_, set_, executor_->batch(),
                     [&](std::int64_t, auto images, auto labels) { add_block(images, labels); });
}

void CurvatureOperator::for_each_minibatch() {
  const std::size_t batch = scheme_.batch_size;
  Minibatch minibatch(set_, scheme_.batch_size);
  for (std::size_t first = 0; first < minibatches_.size(); first += batch) {
    minibatch.take(std::span(minibatches_).subspan(first, batch));
    add_block(minibatch.images(), minibatch.labels());
  }
}

void CurvatureOperator::apply(std::span<const double> x, std::span<double> y) {
  std::ranges::transform(x, direction_.begin() + range_.first, [](double value) -> float { return value; });
  std::ranges::fill(sum_, 0.0);
  agree(team_, [&] {
    if (cached_)
      multiply_cached();
    else if (gradients_.size() > 0)
      multiply_gradients();
    else if (kind_ == CurvatureKind::minibatch_second_moment)
      for_each_minibatch();
    else
      for_each_sample_block();
  });
  team_.sum(std::span<double>(sum_));
  if (team_.size() > 1) team_.broadcast(std::span<double>(sum_));  // a reduction need not round alike everywhere
  std::ranges::copy(sum_, y.begin());
  if (kind_ == CurvatureKind::noise_covariance) take_out_mean(x, y);
}

double MinibatchScheme::noise_factor(std::int64_t samples) const {
  const double count = samples, batch = batch_size;
  if (sampling == Sampling::with_replacement) return 1.0 / batch;
  const bool stay = sampling == Sampling::shuffle_once || sampling == Sampling::fixed_partition;
  const double used = stay ? batch * std::floor(count / batch) : count;
  return (used - batch) / (count - 1.0) / batch * (count / used);
}

// C_B = f (<g g^T> - <g><g>^T).
void CurvatureOperator::take_out_mean(std::span<const double> x, std::span<double> y) const {
  const double factor = scheme_.noise_factor(set_.count());
  const Index size = range_.size;
  Eigen::Map<Eigen::VectorXd> product(y.data(), size);
  const double overlap = mean_gradient_.dot(Eigen::Map<const Eigen::VectorXd>(x.data(), size));
  product = factor * (product - overlap * mean_gradient_);
}

}  // namespace flatsweep
