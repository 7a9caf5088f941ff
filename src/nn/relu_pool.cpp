#include "flatsweep/nn/relu_pool.hpp"

#include <utility>

namespace flatsweep {

namespace {

template <int... lane>
constexpr Integers number_lanes(std::integer_sequence<int, lane...>) {
  return Integers{lane...};
}
constexpr Integers lane_numbers = number_lanes(std::make_integer_sequence<int, vector_lanes>{});

void clear_register(float* at) { store_vector(at, Vector{}); }

}  // namespace

ReluPool::ReluPool(const ImageRows& z, int pool)
    : channels_(z.channels),
      batch_(z.batch),
      pool_(pool),
      lines_(z.height / pool),
      columns_(z.width / pool),
      registers_(registers_of(z.batch)),
      choices_(choice(channels_, 0, 0)) {}

// Where runs stand closer than whole registers, the last register of a row reaches over its end.
void ReluPool::clear_behind(const SampleRuns& out, int c, int line) const {
  if (out.column < registers_ * vector_lanes) clear_register(out.at(c, line, columns_));
}

void ReluPool::forward(const LineBlock& z, int line, const float* bias, const SampleRuns& out) {
  if (pool_ == 2) return forward_line<2>(z, line, bias, out);
  if (pool_ == 1) return forward_line<1>(z, line, bias, out);
  forward_line<0>(z, line, bias, out);
}

template <int side>
void ReluPool::forward_line(const LineBlock& z, int line, const float* bias, const SampleRuns& out) {
  const int pool = side > 0 ? side : pool_, places = pool * pool;
  for (int c = 0; c < channels_; ++c) {
    const float* rows = z.data + c * z.channel;
    for (int x = 0; x < columns_; ++x)
      for (std::size_t v = 0; v < registers_; ++v) {
        const float* square = rows + (x * pool * batch_) + v * vector_lanes;
        Vector largest = load_vector(square);
        Integers from = {};
        for (int place = 1; place < places; ++place) {
          const Vector other = load_vector(square + (place / pool) * z.line + (place % pool * batch_));
          const auto better = other > largest;
          largest = better ? other : largest;
          from = better ? Integers{} + place : from;
        }
        largest += bias[c];
        const Vector zero = {};
        const auto in_batch = lane_numbers + static_cast<std::int32_t>(v * vector_lanes) < batch_;
        store_bytes(&choices_[choice(c, line, x) + v * vector_lanes],
                    (largest > zero) & in_batch ? from : Integers{} + places);
        store_vector(out.at(c, line, x) + v * vector_lanes, largest < zero ? zero : largest);  // a NaN stays one
      }
    clear_behind(out, c, line);
  }
}

void ReluPool::tangent(const LineBlock& t, int line, const SampleRuns& out) const {
  for (int c = 0; c < channels_; ++c) {
    const float* rows = t.data + c * t.channel;
    for (int x = 0; x < columns_; ++x)
      for (std::size_t v = 0; v < registers_; ++v) {
        const float* square = rows + (x * pool_ * batch_) + v * vector_lanes;
        const Integers from = load_bytes(&choices_[choice(c, line, x) + v * vector_lanes]);
        Vector moved = {};
        for (int place = 0; place < pool_ * pool_; ++place)
          moved = from == place ? load_vector(square + (place / pool_) * t.line + (place % pool_ * batch_)) : moved;
        store_vector(out.at(c, line, x) + v * vector_lanes, moved);
      }
    clear_behind(out, c, line);
  }
}

void ReluPool::backward(const SampleRuns& out_error, int line, const ErrorLine& z, float* bias_gradient) const {
  if (pool_ == 2) return backward_line<2>(out_error, line, z, bias_gradient);
  if (pool_ == 1) return backward_line<1>(out_error, line, z, bias_gradient);
  backward_line<0>(out_error, line, z, bias_gradient);
}

template <int side>
void ReluPool::backward_line(const SampleRuns& out_error, int line, const ErrorLine& z, float* bias_gradient) const {
  const int pool = side > 0 ? side : pool_;
  for (int c = 0; c < channels_; ++c) {
    float* rows = z.data + z.layout.at(c, z.row);
    Vector sum = {};
    for (int x = 0; x < columns_; ++x)
      // From the last register to the first: it reaches into the next place's run, which is written afterwards.
      for (std::size_t v = registers_; v-- > 0;) {
        const Integers from = load_bytes(&choices_[choice(c, line, x) + v * vector_lanes]);
        const Vector zero = {};
        const Vector error = from < pool * pool ? load_vector(out_error.at(c, line, x) + v * vector_lanes) : zero;
        sum += error;
        for (int place = 0; place < pool * pool; ++place)
          store_vector(rows + (place / pool) * z.layout.row + ((x * pool + place % pool) * batch_) + v * vector_lanes,
                       from == place ? error : zero);
      }
    for (int y = 0; y < pool; ++y)
      if (batch_ % vector_lanes != 0) clear_register(rows + y * z.layout.row + (columns_ * pool * batch_));
    for (int lane = 0; lane < vector_lanes; ++lane) bias_gradient[c] += sum[lane];
  }
}

}  // namespace flatsweep
