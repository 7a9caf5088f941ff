#include "flatsweep/nn/relu_head.hpp"

#include "flatsweep/nn/vector_math.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace flatsweep {

namespace {

// Registers of samples at a time. Where ten sums for each of two fit, a weight loaded once serves two products.
constexpr int most_width = vector_registers == 32 ? 2 : 1;

Vector relu(Vector z) {
  const Vector zero = {};
  return z < zero ? zero : z;  // in this order a NaN stays one
}

/// The hidden activations after a step, a register of samples at a time.
struct Activation {
  const ReluHead& head;
  float step;
  Vector operator()(std::size_t at) const {
    return relu(load_vector(head.preactivation + at) + step * load_vector(head.response + at));
  }
};

/// How they begin to move.
struct Tangent {
  const ReluHead& head;
  Vector operator()(std::size_t at) const {
    const Vector zero = {};
    return load_vector(head.preactivation + at) > zero ? load_vector(head.response + at) : zero;
  }
};

/// What `count` classes from `first` on put out of hidden numbers, for `width` registers of samples from `sample` on.
/// count <= 10 keeps all sums in registers.
template <int count, int width>
struct Outputs {
  Vector of[count][width] = {};

  template <class Hidden>
  Outputs(const ReluHead& head, const Hidden& hidden, int first, std::size_t sample) {
    const std::size_t ld = head.rows;
    const std::size_t inputs = head.hidden;
    const float* weights = head.weights + first * inputs;
    for (std::size_t k = 0; k < inputs; ++k) {
      Vector h[width];
      for (int v = 0; v < width; ++v) h[v] = hidden(k * ld + sample + (v * vector_lanes));
      for (int c = 0; c < count; ++c)
        for (int v = 0; v < width; ++v) of[c][v] += weights[c * inputs + k] * h[v];
    }
  }

  void add_bias(const float* bias) {
    for (int c = 0; c < count; ++c)
      for (int v = 0; v < width; ++v) of[c][v] += bias[c];
  }
};

template <int count, int width>
Outputs<count, width> outputs_after(const ReluHead& head, float step, int first, std::size_t sample) {
  Outputs<count, width> outputs(head, Activation{head, step}, first, sample);
  outputs.add_bias(head.bias + first);
  return outputs;
}

template <int count, int width>
void add_classes(const ReluHead& head, float step, int first, std::size_t sample, float* logits) {
  const auto outputs = outputs_after<count, width>(head, step, first, sample);
  for (int c = 0; c < count; ++c)
    for (int v = 0; v < width; ++v)
      store_vector(logits + (first + c) * head.rows + sample + (v * vector_lanes), outputs.of[c][v]);
}

/// All classes, for as many whole groups of `width` registers from `sample` on as there are rows. @return the first row
/// that is left over
template <int width>
std::size_t add_groups(const ReluHead& head, float step, std::size_t sample, float* logits) {
  constexpr std::size_t group = width * vector_lanes;
  for (; sample + group <= static_cast<std::size_t>(head.rows); sample += group) {
    int first = 0;
    for (; first + 10 <= head.classes; first += 10) add_classes<10, width>(head, step, first, sample, logits);
    for (; first + 5 <= head.classes; first += 5) add_classes<5, width>(head, step, first, sample, logits);
    for (; first < head.classes; ++first) add_classes<1, width>(head, step, first, sample, logits);
  }
  return sample;
}

/// What the losses of a group of samples are made of, a sample to a lane.
template <int width>
struct GapSums {
  Vector exponentials[width] = {};  // 1 less than what the logarithm is taken of
  Vector largest[width] = {};       // of the gaps and 0
};

template <int count, int width>
void add_gaps(const ReluHead& head, float step, int first, std::size_t sample, GapSums<width>& sums) {
  const auto gaps = outputs_after<count, width>(head, step, first, sample);
  for (int c = 0; c < count; ++c)
    for (int v = 0; v < width; ++v) {
      const Vector gap = gaps.of[c][v];
      sums.largest[v] = gap > sums.largest[v] ? gap : sums.largest[v];
      sums.exponentials[v] += bounded_exponential(gap);
    }
}

/// Calls `visit` with the first class and, as a constant, the length of every run of at most ten classes.
template <class Visit>
void for_each_run(int classes, const Visit& visit) {
  constexpr int most = 10;
  int first = 0;
  for (; first + most <= classes; first += most) visit(first, std::integral_constant<int, most>{});
  [&]<int... rest>(std::integer_sequence<int, rest...>) {
    ((classes - first == rest + 1 ? visit(first, std::integral_constant<int, rest + 1>{}) : void()), ...);
  }
  (std::make_integer_sequence<int, most - 1>{});
}

template <int width>
GapSums<width> gap_sums(const ReluHead& head, float step, std::size_t sample) {
  GapSums<width> sums;
  for_each_run(head.classes, [&](int first, auto count) { add_gaps<count(), width>(head, step, first, sample, sums); });
  return sums;
}

/// Numbers of a register's samples.
Integers lanes_from(std::size_t first) {
  Integers lanes;
  for (int i = 0; i < vector_lanes; ++i) lanes[i] = static_cast<std::int32_t>(first) + i;
  return lanes;
}

/// Sums over registers of samples, a lane each.
struct LossLanes {
  Vector losses = {};
  Vector largest_gap = {};

  void add(Vector loss, std::size_t first, int samples) {
    const Vector zero = {};
    losses += lanes_from(first) < samples ? loss : zero;
  }
};

template <int width>
std::size_t add_losses(const ReluHead& head, float step, int samples, std::size_t sample, LossLanes& lanes) {
  constexpr std::size_t group = width * vector_lanes;
  for (; sample + group <= static_cast<std::size_t>(head.rows) && std::cmp_less(sample, samples); sample += group) {
    const auto sums = gap_sums<width>(head, step, sample);
    for (int v = 0; v < width; ++v) {
      lanes.add(log_of_one_plus(sums.exponentials[v]), sample + v * vector_lanes, samples);
      lanes.largest_gap = sums.largest[v] > lanes.largest_gap ? sums.largest[v] : lanes.largest_gap;
    }
  }
  return sample;
}

/// For gaps whose exponentials overflow: m + ln(e^-m + sum_k exp(gap_k - m)), m the largest gap or 0, a class at a
/// time.
void add_large_losses(const ReluHead& head, float step, int samples, LossLanes& lanes) {
  for (std::size_t sample = 0; std::cmp_less(sample, samples); sample += vector_lanes) {
    const Vector largest = gap_sums<1>(head, step, sample).largest[0];
    Vector sum = bounded_exponential(-largest) - 1.0F;
    for (int c = 0; c < head.classes; ++c)
      sum += bounded_exponential(outputs_after<1, 1>(head, step, c, sample).of[0][0] - largest);
    lanes.add(log_of_one_plus(sum) + largest, sample, samples);
  }
}

/// Mean and mean square of how a sample's gaps move, weighted by the wrong classes' probabilities.
template <int width>
struct GapMoments {
  Vector mean[width] = {}, square[width] = {};
};

template <int count, int width>
void add_moments(const ReluHead& head, const float* probabilities, int first, std::size_t sample,
                 GapMoments<width>& moments) {
  const Outputs<count, width> rates(head, Tangent{head}, first, sample);
  for (int c = 0; c < count; ++c)
    for (int v = 0; v < width; ++v) {
      const Vector rate = rates.of[c][v];
      const Vector weighted = load_vector(probabilities + (first + c) * head.rows + sample + (v * vector_lanes)) * rate;
      moments.mean[v] += weighted;
      moments.square[v] += weighted * rate;
    }
}

struct DerivativeLanes {
  Vector first = {}, second = {};
};

template <int width>
std::size_t add_derivatives(const ReluHead& head, const float* probabilities, std::size_t sample,
                            DerivativeLanes& lanes) {
  constexpr std::size_t group = width * vector_lanes;
  for (; sample + group <= static_cast<std::size_t>(head.rows); sample += group) {
    GapMoments<width> moments;
    for_each_run(head.classes, [&](int first, auto count) {
      add_moments<count(), width>(head, probabilities, first, sample, moments);
    });
    for (int v = 0; v < width; ++v) {
      lanes.first += moments.mean[v];
      lanes.second += moments.square[v] - moments.mean[v] * moments.mean[v];
    }
  }
  return sample;
}

double sum_in_double(Vector lanes) {
  double sum = 0.0;
  for (int i = 0; i < vector_lanes; ++i) sum += lanes[i];
  return sum;
}

float largest_of(Vector lanes) {
  float largest = lanes[0];
  for (int i = 1; i < vector_lanes; ++i) largest = std::max(largest, lanes[i]);
  return largest;
}

}  // namespace

void relu_head_logits(const ReluHead& head, float step, float* logits) {
  std::size_t sample = add_groups<most_width>(head, step, 0, logits);
  if constexpr (most_width > 1) sample = add_groups<1>(head, step, sample, logits);
  assert(sample == static_cast<std::size_t>(head.rows));
}

double relu_head_loss(const ReluHead& gaps, float step, int samples) {
  constexpr float largest_exponent = 60.0F;  // sums of so large exponentials are still finite
  LossLanes lanes;
  [[maybe_unused]] const std::size_t sample = add_losses<most_width>(gaps, step, samples, 0, lanes);
  if constexpr (most_width > 1) (void)add_losses<1>(gaps, step, samples, sample, lanes);
  if (largest_of(lanes.largest_gap) > largest_exponent) {
    lanes = {};
    add_large_losses(gaps, step, samples, lanes);
  }
  return sum_in_double(lanes.losses);
}

LossDerivatives relu_head_derivatives(const ReluHead& gaps, const float* probabilities) {
  DerivativeLanes lanes;
  [[maybe_unused]] const std::size_t sample = add_derivatives<most_width>(gaps, probabilities, 0, lanes);
  if constexpr (most_width > 1) (void)add_derivatives<1>(gaps, probabilities, sample, lanes);
  return {sum_in_double(lanes.first), sum_in_double(lanes.second)};
}

float largest_response(const ReluHead& head, int samples) {
  Vector largest = {};
  const Vector zero = {};
  for (std::size_t sample = 0; std::cmp_less(sample, samples); sample += vector_lanes) {
    Vector squares = {};
    for (int k = 0; k < head.hidden; ++k) {
      const Vector q = load_vector(head.response + static_cast<std::size_t>(k) * head.rows + sample);
      squares += q * q;
    }
    squares = lanes_from(sample) < samples ? squares : zero;
    largest = squares > largest ? squares : largest;
  }
  return std::sqrt(largest_of(largest));
}

}  // namespace flatsweep
