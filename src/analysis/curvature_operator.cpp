#include "flatsweep/analysis/curvature_operator.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/nn/block_samples.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/train/evaluator.hpp"

#include <algorithm>
#include <cmath>

namespace flatsweep {

namespace {

/// What a rank may keep of its samples between products.
constexpr std::size_t most_cached = std::size_t{1} << 30;

/// Samples at a time: a minibatch where minibatches are what is summed over, else what fits the cache.
int block_samples(CurvatureKind kind, const MinibatchScheme& scheme, const Network& network) {
  if (kind == CurvatureKind::minibatch_second_moment) return scheme.batch_size;
  return gradient_block.of(network);
}

}  // namespace

CurvatureOperator::CurvatureOperator(const Communicator& team, const Network& network, std::span<const float> weights,
                                     const ImageSet& set, CurvatureKind kind, std::optional<int> layer,
                                     MinibatchScheme scheme)
    : team_(team),
      network_(network),
      weights_(weights.begin(), weights.end()),
      set_(set),
      kind_(kind),
      scheme_(std::move(scheme)),
      range_(network, layer),
      first_layer_(layer.value_or(0)),
      direction_(network.parameters, 0.0F),
      product_(network.parameters) {
  sum_.resize(range_.size);
  agree(team, [&] {
    const auto mine = set.count() / team.size() + CachedProducts::block_samples;
    if (kind != CurvatureKind::minibatch_second_moment && CachedProducts::suits(network, mine, most_cached))
      fill_cache();
    else
      executor_ = std::make_unique<NetworkExecutor>(network, block_samples(kind, scheme_, network),
                                                    Direction::forward_and_backward);
  });
  if (kind_ == CurvatureKind::noise_covariance)
    mean_gradient_ = loss_gradient(team, network_, weights_, set, range_).gradient;
}

void CurvatureOperator::fill_cache() {
  cached_ = std::make_unique<CachedProducts>(network_, weights_);
  whole_sum_.resize(network_.parameters);
  for_each_own_block(team_, set_, CachedProducts::block_samples,
                     [&](std::int64_t, auto images, auto labels) { cached_->add(images, labels); });
}

void CurvatureOperator::multiply_cached() {
  using Matrix = CachedProducts::Matrix;
  const auto matrix = kind_ == CurvatureKind::hessian        ? Matrix::hessian
                      : kind_ == CurvatureKind::gauss_newton ? Matrix::gauss_newton
                                                             : Matrix::empirical_fisher;
  std::ranges::fill(whole_sum_, 0.0);
  cached_->multiply(matrix, direction_, first_layer_, whole_sum_);
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
      scale = 1.0 / (static_cast<double>(scheme_.batch_size) * scheme_.order.size());
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
  std::vector<const std::uint8_t*> images(batch);
  std::vector<std::uint8_t> labels(batch);
  const std::size_t ranks = team_.size(), rank = team_.rank();
  for (std::size_t first = rank * batch; first + batch <= scheme_.order.size(); first += ranks * batch) {
    for (std::size_t i = 0; i < batch; ++i) {
      const auto sample = scheme_.order[first + i];
      images[i] = set_.image(sample);
      labels[i] = set_.labels[sample];
    }
    add_block(images, labels);
  }
}

void CurvatureOperator::apply(std::span<const double> x, std::span<double> y) {
  std::ranges::transform(x, direction_.begin() + range_.first, [](double value) { return static_cast<float>(value); });
  std::ranges::fill(sum_, 0.0);
  agree(team_, [&] {
    if (cached_)
      multiply_cached();
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
