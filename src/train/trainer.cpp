#include "flatsweep/train/trainer.hpp"

#include "flatsweep/base/error.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flatsweep {

namespace {

struct PieceProducts {
  float square, product;
};

/// a.a and a.b in one pass, in 64 partial sums: a single one would wait for its own last addition.
PieceProducts multiply_piece(const float* a, const float* b, std::size_t n) {
  constexpr std::size_t sums = 64;
  float squares[sums] = {}, products[sums] = {};
  std::size_t i = 0;
  for (; i + sums <= n; i += sums)
    for (std::size_t j = 0; j < sums; ++j) {
      squares[j] += a[i + j] * a[i + j];
      products[j] += a[i + j] * b[i + j];
    }
  PieceProducts total{0.0F, 0.0F};
  for (std::size_t j = 0; j < sums; ++j) {
    total.square += squares[j];
    total.product += products[j];
  }
  for (; i < n; ++i) {
    total.square += a[i] * a[i];
    total.product += a[i] * b[i];
  }
  return total;
}

/// Squared norm of a gradient and its product with the one before; in pieces, single precision inside a piece that
/// stays in the nearest cache, double across them.
struct GradientProducts {
  double square = 0.0;
  double with_previous = 0.0;
};

GradientProducts multiply(std::span<const float> gradient, std::span<const float> previous) {
  constexpr std::size_t piece = 4096;
  GradientProducts sums;
  for (std::size_t begin = 0; begin < gradient.size(); begin += piece) {
    const auto n = std::min(piece, gradient.size() - begin);
    const float* other = previous.empty() ? gradient.data() : previous.data();
    const auto [square, product] = multiply_piece(gradient.data() + begin, other + begin, n);
    sums.square += static_cast<double>(square);
    sums.with_previous += static_cast<double>(product);
  }
  return sums;
}

/// Running means of A_g and C_g over one epoch.
class OrderParameters {
 public:
  explicit OrderParameters(std::span<const float> previous)
      : previous_norm_(previous.empty() ? 0.0 : std::sqrt(multiply(previous, {}).square)) {}

  void add(std::span<const float> gradient, std::span<const float> previous) {
    const auto products = multiply(gradient, previous);
    const double norm = std::sqrt(products.square);
    norm_ += norm;
    ++iterations_;
    if (norm * previous_norm_ > 0.0) {
      alignment_ += products.with_previous / (norm * previous_norm_);
      ++pairs_;
    }
    previous_norm_ = norm;
  }
  [[nodiscard]] double norm() const { return norm_ / iterations_; }
  [[nodiscard]] double alignment() const { return pairs_ > 0 ? alignment_ / pairs_ : 0.0; }

 private:
  double previous_norm_;
  double norm_ = 0.0, alignment_ = 0.0;
  double iterations_ = 0, pairs_ = 0;
};

}  // namespace

Trainer::Trainer(const Network& network, const ImageSet& train, const ImageSet& test, const TrainerOptions& options,
                 TrainerState state)
    : network_(network),
      train_(train),
      test_(test),
      options_(options),
      sampler_(options.sampling, train.count(), options.batch_size, options.seed),
      propagator_(network, options.batch_size, Direction::forward_and_backward),
      evaluator_(network),
      optimizer_(options.optimizer, network.parameters),
      state_(std::move(state)),
      gradient_(network.parameters),
      images_(static_cast<std::size_t>(options.batch_size)),
      labels_(static_cast<std::size_t>(options.batch_size)) {
  if (state_.epoch > 0) optimizer_.restore(state_.optimizer);
}

void Trainer::step(std::span<const std::uint32_t> samples) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    images_[i] = train_.image(samples[i]);
    labels_[i] = train_.labels[samples[i]];
  }
  propagator_.load(images_);
  propagator_.forward(state_.weights);
  last_loss_ = propagator_.backward(state_.weights, labels_, gradient_).loss;
  optimizer_.step(state_.weights, gradient_);
}

// Images of a shuffled minibatch lie far apart: the next one's are fetched while this one's step is computed.
void Trainer::prefetch(std::span<const std::uint32_t> samples) const {
  constexpr int cache_line = 64;
  for (const auto sample : samples)
    for (int byte = 0; byte < train_.features; byte += cache_line)
      __builtin_prefetch(train_.image(sample) + byte, 0, 2);
}

EpochRecord Trainer::run_steps(const IterationObserver& observe) {
  const auto order = sampler_.order(state_.epoch);
  const auto batch = static_cast<std::size_t>(options_.batch_size);
  OrderParameters order_parameters(state_.previous_gradient);
  for (std::size_t begin = 0; begin < order.size() && !state_.diverged; begin += batch) {
    if (begin + batch < order.size()) prefetch(std::span(order).subspan(begin + batch, batch));
    step(std::span(order).subspan(begin, batch));
    order_parameters.add(gradient_, state_.previous_gradient);
    state_.previous_gradient.resize(gradient_.size());
    std::swap(state_.previous_gradient, gradient_);
    state_.diverged = !std::isfinite(last_loss_);
    if (observe) observe(state_.weights);
  }
  ++state_.epoch;
  state_.optimizer = optimizer_.state();
  EpochRecord record;
  record.gradient_norm = order_parameters.norm();
  record.gradient_alignment = order_parameters.alignment();
  return record;
}

void Trainer::run_epoch(const IterationObserver& observe) {
  if (state_.diverged) return;
  auto record = run_steps(observe);
  const auto train = evaluator_.evaluate(state_.weights, train_);
  const auto test = evaluator_.evaluate(state_.weights, test_);
  record.train_loss = train.loss;
  record.train_error = train.error;
  record.test_loss = test.loss;
  record.test_error = test.error;
  state_.diverged = state_.diverged || !std::isfinite(train.loss);
  state_.history.push_back(record);
}

}  // namespace flatsweep
