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

constexpr std::size_t piece_size = 4096;

/// Calls visit(first, size) for the pieces of a vector.
template <class Visit>
void for_each_piece(std::size_t size, Visit visit) {
  for (std::size_t first = 0; first < size; first += piece_size) visit(first, std::min(piece_size, size - first));
}

double squared_norm(std::span<const float> gradient) {
  double sum = 0.0;
  for_each_piece(gradient.size(), [&](std::size_t first, std::size_t size) {
    sum += multiply_piece(gradient.data() + first, gradient.data() + first, size).square;
  });
  return sum;
}

/// Running means of A_g and C_g over one epoch.
class OrderParameters {
 public:
  explicit OrderParameters(std::span<const float> previous)
      : previous_norm_(previous.empty() ? 0.0 : std::sqrt(squared_norm(previous))) {}

  void add(const GradientProducts& products) {
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
      executor_(network, options.batch_size, Direction::forward_and_backward),
      evaluator_(network),
      optimizer_(options.optimizer, network.parameters),
      state_(std::move(state)),
      gradient_(network.parameters),
      minibatch_(train, options.batch_size) {
  if (state_.epoch > 0) optimizer_.restore(state_.optimizer);
}

GradientProducts Trainer::step(std::span<const std::uint32_t> samples) {
  minibatch_.take(samples);
  executor_.load(minibatch_.images());
  executor_.forward(state_.weights);
  last_loss_ = executor_.backward(state_.weights, minibatch_.labels(), gradient_).loss;
  GradientProducts products;
  const float* previous = state_.previous_gradient.empty() ? gradient_.data() : state_.previous_gradient.data();
  optimizer_.begin_step();
  for_each_piece(gradient_.size(), [&](std::size_t first, std::size_t size) {
    const auto [square, product] = multiply_piece(gradient_.data() + first, previous + first, size);
    products.square += square;
    products.with_previous += product;
    optimizer_.update(first, std::span(state_.weights).subspan(first, size), std::span(gradient_).subspan(first, size));
  });
  return products;
}

// Images of a shuffled minibatch lie far apart: the next one's are fetched while this one's step is computed.
void Trainer::prefetch(std::span<const std::uint32_t> samples) const {
  constexpr int cache_line = 64;
  for (const auto sample : samples)
    for (int byte = 0; byte < train_.image_bytes(); byte += cache_line)
      __builtin_prefetch(train_.image(sample) + byte, 0, 2);
}

EpochRecord Trainer::run_steps(const IterationObserver& observe) {
  const auto order = sampler_.order(state_.epoch);
  const std::size_t batch = options_.batch_size;
  OrderParameters order_parameters(state_.previous_gradient);
  optimizer_.set_learning_rate(options_.optimizer.learning_rate * options_.schedule.factor(state_.epoch));
  for (std::size_t begin = 0; begin < order.size() && !state_.diverged; begin += batch) {
    if (begin + batch < order.size()) prefetch(std::span(order).subspan(begin + batch, batch));
    order_parameters.add(step(std::span(order).subspan(begin, batch)));
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
