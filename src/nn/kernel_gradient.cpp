#include "flatsweep/nn/kernel_gradient.hpp"

#include "flatsweep/nn/vector_transpose.hpp"

#include <algorithm>
#include <utility>

namespace flatsweep {

namespace {

constexpr int most_columns = 5;  // kernel columns at a time, so that addresses stay in general registers
constexpr bool many = vector_registers == 32;
constexpr int places_at_a_time = many ? 4 : 2;  // weights of each output whose sums are in registers at a time
constexpr int most_outputs = 6;

}  // namespace

KernelGradient::KernelGradient(const ImageRows& in, const ImageRows& errors, int kernel)
    : in_(in), errors_(errors), kernel_(kernel), sources_(in.channels * kernel) {
  const std::size_t outputs = errors.channels;
  if (by_outputs()) {
    sums_.resize(weights_per_output() * outputs);
    transposed_.resize(whole_registers(errors.row_length()) * outputs);
  } else {
    // Groups of weights are filled up to whole ones.
    const auto weights = (weights_per_output() + places_at_a_time - 1) / places_at_a_time * places_at_a_time;
    sums_.resize(weights * outputs * vector_lanes);
    places_.resize(weights);
    zeros_.resize(in.row);
  }
}

void KernelGradient::start() { std::fill(sums_.begin(), sums_.end(), 0.0F); }

void KernelGradient::add_row(const float* in, int y, const float* errors, int stored) {
  find_kernel_rows(in_, in, kernel_, y, sources_);
  if (!by_outputs()) return add_by_places(errors, stored);
  transpose_errors(errors, stored);
  add_by_outputs();
}

void KernelGradient::finish(float* gradient) {
  if (!by_outputs()) return finish_by_places(gradient);
  const auto outputs = static_cast<std::size_t>(errors_.channels), weights = weights_per_output();
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t k = 0; k < weights; ++k) gradient[o * weights + k] = sums_[k * outputs + o];
}

// --- by outputs --------------------------------------------------------------------------------------------

void KernelGradient::transpose_errors(const float* errors, int stored) {
  const std::size_t outputs = errors_.channels;
  for (int first = 0; first < errors_.channels; first += vector_lanes)
    for (int place = 0; place < errors_.row_length(); place += vector_lanes) {
      Vector tile[vector_lanes];
      for (int o = 0; o < vector_lanes; ++o) tile[o] = load_vector(errors + errors_.at(first + o, stored) + place);
      transpose(tile);
      for (std::size_t p = 0; p < vector_lanes; ++p) store_vector(&transposed_[(place + p) * outputs + first], tile[p]);
    }
}

void KernelGradient::add_by_outputs() {
  int first = 0;
  for (; first + 2 * vector_lanes <= errors_.channels; first += 2 * vector_lanes)
    add_outputs_from<2, many ? 2 : 1>(first);
  if (first < errors_.channels) add_outputs_from<1, many ? 4 : 2>(first);
}

template <int vectors, int rows>
void KernelGradient::add_outputs_from(int first) {
  const int count = sources_.size();
  for (int s = 0; s < count; s += rows) {
    const KernelRow* group = sources_.data() + s;
    const int used = std::min(rows, count - s);
    for (int column = 0; column < kernel_; column += most_columns) switch (std::min(most_columns, kernel_ - column)) {
        case 1:
          multiply_outputs<vectors, rows, 1>(group, used, column, first);
          break;
        case 2:
          multiply_outputs<vectors, rows, 2>(group, used, column, first);
          break;
        case 3:
          multiply_outputs<vectors, rows, 3>(group, used, column, first);
          break;
        case 4:
          multiply_outputs<vectors, rows, 4>(group, used, column, first);
          break;
        default:
          multiply_outputs<vectors, rows, most_columns>(group, used, column, first);
      }
  }
}

/// Adds what `rows` rows of the input meet in the error row, for `columns` columns of the kernel and the outputs of
/// `vectors` registers. Rows past `count` repeat the last one, and their sums go nowhere.
template <int vectors, int rows, int columns>
void KernelGradient::multiply_outputs(const KernelRow* sources, int count, int column, int first) {
  const std::size_t outputs = errors_.channels;
  const std::size_t shift = in_.batch;
  const float* x[rows];
  float* to[rows];
  for (int r = 0; r < rows; ++r) {
    const auto& source = sources[std::min(r, count - 1)];
    x[r] = source.x + column * shift;
    to[r] = &sums_[(source.number * kernel_ + column) * outputs + first];
  }
  Vector sums[rows][columns][vectors] = {};
  const float* error = transposed_.data() + first;
  const int places = errors_.row_length();
  for (int p = 0; p < places; ++p, error += outputs) {
    Vector e[vectors];
    for (int v = 0; v < vectors; ++v) e[v] = load_vector(error + v * vector_lanes);
    for (int r = 0; r < rows; ++r) {
      for (int j = 0; j < columns; ++j)
        for (int v = 0; v < vectors; ++v) sums[r][j][v] += x[r][j * shift] * e[v];
      ++x[r];
    }
  }
  for (int r = 0; r < std::min(rows, count); ++r)
    for (int j = 0; j < columns; ++j)
      for (int v = 0; v < vectors; ++v) {
        float* at = to[r] + j * outputs + v * vector_lanes;
        store_vector(at, load_vector(at) + sums[r][j][v]);
      }
}

// --- by places ---------------------------------------------------------------------------------------------

void KernelGradient::add_by_places(const float* errors, int stored) {
  std::fill(places_.begin(), places_.end(), nullptr);
  for (const auto& source : sources_)
    for (int j = 0; j < kernel_; ++j) places_[source.number * kernel_ + j] = source.x + (j * in_.batch);
  for (int first = 0; first < errors_.channels; first += most_outputs) {
    switch (std::min(most_outputs, errors_.channels - first)) {
      case 1:
        add_places_of<1>(first, errors, stored);
        break;
      case 2:
        add_places_of<2>(first, errors, stored);
        break;
      case 3:
        add_places_of<3>(first, errors, stored);
        break;
      case 4:
        add_places_of<4>(first, errors, stored);
        break;
      case 5:
        add_places_of<5>(first, errors, stored);
        break;
      default:
        add_places_of<most_outputs>(first, errors, stored);
    }
  }
}

template <int outputs>
void KernelGradient::add_places_of(int first, const float* errors, int stored) {
  constexpr int count = places_at_a_time;
  const int registers = registers_of(errors_.row_length());
  const float* error = errors + errors_.at(first, stored);
  float* to = sums_.data() + first * places_.size() * vector_lanes;
  for (std::size_t k = 0; k < places_.size(); k += count, to += outputs * count * vector_lanes) {
    const float* x[count];
    bool any = false;
    for (std::size_t j = 0; j < count; ++j) {
      x[j] = places_[k + j];
      any = any || x[j] != nullptr;
      if (x[j] == nullptr) x[j] = zeros_.data();
    }
    if (!any) continue;
    Vector sums[outputs][count];
    for (int i = 0; i < outputs * count; ++i) sums[i / count][i % count] = load_vector(to + i * vector_lanes);
    for (int v = 0; v < registers; ++v) {
      Vector e[outputs];
      for (int o = 0; o < outputs; ++o) e[o] = load_vector(error + o * errors_.channel + v * vector_lanes);
      for (int j = 0; j < count; ++j) {
        const Vector place = load_vector(x[j] + v * vector_lanes);
        for (int o = 0; o < outputs; ++o) sums[o][j] += e[o] * place;
      }
    }
    for (int i = 0; i < outputs * count; ++i) store_vector(to + i * vector_lanes, sums[i / count][i % count]);
  }
}

void KernelGradient::finish_by_places(float* gradient) const {
  const auto weights = weights_per_output();
  const float* from = sums_.data();
  for (int first = 0; first < errors_.channels; first += most_outputs) {
    const int outputs = std::min(most_outputs, errors_.channels - first);
    for (std::size_t k = 0; k < places_.size(); k += places_at_a_time)
      for (int o = 0; o < outputs; ++o)
        for (std::size_t j = 0; j < places_at_a_time; ++j, from += vector_lanes) {
          if (k + j >= weights) continue;
          float sum = 0.0F;
          for (int lane = 0; lane < vector_lanes; ++lane) sum += from[lane];
          gradient[(first + o) * weights + k + j] = sum;
        }
  }
}

}  // namespace flatsweep
