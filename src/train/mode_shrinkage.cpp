#include "flatsweep/train/mode_shrinkage.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <type_traits>

namespace flatsweep {

namespace {

constexpr std::size_t lanes = vector_lanes;
constexpr std::size_t registers = 4;  // of one mode at a time: a single sum would wait for its own last addition
constexpr std::size_t step = registers * lanes;
// Of several points: so many modes at a time, of which pieces of this length stay in the first cache as floats.
constexpr std::size_t panel = 8, piece = 512;
static_assert(piece % step == 0);
// Modes and points whose products are in registers at the same time, half of all registers.
constexpr std::size_t tile_modes = vector_registers / 4, tile_points = 2;
static_assert(panel % tile_modes == 0);

float sum_of(const Vector& v) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < lanes; ++i) sum += v[i];
  return sum;
}

float sum_of(const Vector (&v)[registers]) { return sum_of((v[0] + v[1]) + (v[2] + v[3])); }

// A mode's components are 16-bit integers of its own scale, two of them in every lane of a register: components i and
// i + lanes as the lower and the upper half. The lane shifted up is the one, the lane as it stands is the other; what
// the lower half adds to it was taken into account when it was rounded.
struct Two {
  Vector lower, upper;
};
Two load_two(const std::int32_t* from) {
  Integers v;
  std::memcpy(&v, from, sizeof v);
  return {__builtin_convertvector(v << 16, Vector), __builtin_convertvector(v, Vector)};
}

/// Packs a mode. @param to (from.size() / 2,) @return its squared norm in the units of `load_two`
double pack(std::span<const float> from, std::int32_t* to) {
  float largest = 0.0F;
  for (const float p : from) largest = std::max(largest, std::abs(p));
  const double units = largest > 0.0F ? 32767.0 / largest : 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (i / lanes % 2 == 1) continue;
    const auto lower = static_cast<std::int16_t>(std::lrint(from[i] * units));
    const auto added = static_cast<std::uint16_t>(lower);
    const auto upper = std::lrint(from[i + lanes] * units - added / 65536.0);
    const auto lane = static_cast<std::int32_t>(upper * 65536 + added);
    to[i / (2 * lanes) * lanes + i % lanes] = lane;
    norm += std::pow(lower * 65536.0, 2) + std::pow(static_cast<double>(lane), 2);
  }
  return norm;
}

/// Products of two modes with x; `wide` keeps the modes as floats for `subtract_pair`.
struct Pair {
  float first, second;
};
Pair dot_pair(const std::int32_t* p, const std::int32_t* q, const float* x, float* wide, std::size_t size) {
  Vector first[registers] = {}, second[registers] = {};
  for (std::size_t i = 0; i < size; i += step)
#pragma GCC unroll 2
    for (std::size_t r = 0; r < registers; r += 2) {
      const std::size_t lower = i + r * lanes, upper = lower + lanes;
      const Two a = load_two(p + lower / 2), b = load_two(q + lower / 2);
      first[r] += a.lower * load_vector(x + lower);
      first[r + 1] += a.upper * load_vector(x + upper);
      second[r] += b.lower * load_vector(x + lower);
      second[r + 1] += b.upper * load_vector(x + upper);
      store_vector(wide + lower, a.lower);
      store_vector(wide + upper, a.upper);
      store_vector(wide + size + lower, b.lower);
      store_vector(wide + size + upper, b.upper);
    }
  return {sum_of(first), sum_of(second)};
}

void subtract_pair(const float* wide, Pair by, float* x, std::size_t size) {
  const Vector first = Vector{} + by.first, second = Vector{} + by.second;
  for (std::size_t i = 0; i < size; i += lanes)
    store_vector(x + i, load_vector(x + i) - first * load_vector(wide + i) - second * load_vector(wide + size + i));
}

/// A piece of a panel's modes as floats.   @param rows of the first mode; the next is `stride` numbers on
void widen_panel(const std::int32_t* rows, std::size_t stride, std::size_t size, float* wide) {
  for (std::size_t m = 0; m < panel; ++m)
    for (std::size_t i = 0; i < size; i += 2 * lanes) {
      const Two two = load_two(rows + m * stride + i / 2);
      store_vector(wide + m * piece + i, two.lower);
      store_vector(wide + m * piece + i + lanes, two.upper);
    }
}

/// Adds a piece's products of `tile_modes` modes and some points to the sums.
template <std::size_t Points>
void add_products(const float* wide, const float* x, std::size_t stride, std::size_t size, Vector* sums) {
  Vector sum[Points][tile_modes];
  for (std::size_t p = 0; p < Points; ++p) std::copy_n(sums + p * panel, tile_modes, sum[p]);
  for (std::size_t i = 0; i < size; i += lanes) {
    Vector at[Points];
    for (std::size_t p = 0; p < Points; ++p) at[p] = load_vector(x + p * stride + i);
    for (std::size_t m = 0; m < tile_modes; ++m) {
      const Vector mode = load_vector(wide + m * piece + i);
      for (std::size_t p = 0; p < Points; ++p) sum[p][m] += mode * at[p];
    }
  }
  for (std::size_t p = 0; p < Points; ++p) std::copy_n(sum[p], tile_modes, sums + p * panel);
}

/// Takes a piece of `tile_modes` modes out of some points.   @param by (Points, panel) how much of each mode
template <std::size_t Points>
void subtract_modes(const float* wide, const Vector* by, std::size_t size, float* x, std::size_t stride) {
  Vector factor[Points][tile_modes];
  for (std::size_t p = 0; p < Points; ++p) std::copy_n(by + p * panel, tile_modes, factor[p]);
  for (std::size_t i = 0; i < size; i += lanes) {
    Vector at[Points];
    for (std::size_t p = 0; p < Points; ++p) at[p] = load_vector(x + p * stride + i);
    for (std::size_t m = 0; m < tile_modes; ++m) {
      const Vector mode = load_vector(wide + m * piece + i);
      for (std::size_t p = 0; p < Points; ++p) at[p] -= factor[p][m] * mode;
    }
    for (std::size_t p = 0; p < Points; ++p) store_vector(x + p * stride + i, at[p]);
  }
}

/// Calls `of(points, first)` with the number of points as a constant: two at a time, and the last one of an odd number.
template <class Work>
void for_tiles(std::size_t points, Work&& of) {
  std::size_t p = 0;
  for (; p + tile_points <= points; p += tile_points) of(std::integral_constant<std::size_t, tile_points>(), p);
  if (p < points) of(std::integral_constant<std::size_t, 1>(), p);
}

constexpr std::size_t whole(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

ModeShrinkage::ModeShrinkage(const RowMatrixF& modes, const Eigen::MatrixXd& shrinkage)
    : points_(shrinkage.rows()), size_(modes.cols()), stride_(whole(size_, step)), x_(points_ * stride_, 0.0F) {
  std::vector<Index> kept;
  for (Index i = 0; i < modes.rows(); ++i)
    if ((shrinkage.col(i).array() > 0.0).any()) kept.push_back(i);
  const bool alone = points_ == 1;
  count_ = whole(kept.size(), alone ? 2 : panel);  // beside the last modes stand some of zeros
  rows_.assign(count_ * stride_ / 2, 0);
  shrinkage_.assign(points_ * count_, 0.0F);
  wide_.assign(alone ? 2 * stride_ : panel * piece, 0.0F);
  if (!alone) sums_.assign(points_ * panel, Vector{});
  std::vector<float> mode(stride_, 0.0F);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::copy_n(modes.row(kept[i]).data(), size_, mode.begin());
    const double norm = pack(mode, rows_.data() + i * stride_ / 2);
    for (std::size_t p = 0; p < points_; ++p)
      shrinkage_[p * count_ + i] = norm > 0.0 ? shrinkage(p, kept[i]) / norm : 0.0;
  }
}

void ModeShrinkage::apply(std::span<const std::span<float>> w, std::span<const float> anchor) {
  if (count_ == 0) return;
  for (std::size_t p = 0; p < points_; ++p)
    std::transform(w[p].begin(), w[p].end(), anchor.begin(), x_.begin() + p * stride_, std::minus{});
  if (points_ == 1)
    take_out_pairs(x_.data());
  else
    take_out_panels();
  for (std::size_t p = 0; p < points_; ++p)
    std::transform(anchor.begin(), anchor.end(), x_.begin() + p * stride_, w[p].begin(), std::plus{});
}

void ModeShrinkage::take_out_pairs(float* x) {
  for (std::size_t i = 0; i < count_; i += 2) {
    const auto [first, second] = dot_pair(row(i), row(i + 1), x, wide_.data(), stride_);
    subtract_pair(wide_.data(), {shrinkage_[i] * first, shrinkage_[i + 1] * second}, x, stride_);
  }
}

// A panel's modes go through all points twice: their products are complete before anything is taken out.
void ModeShrinkage::take_out_panels() {
  const auto for_pieces = [this](std::size_t first, auto&& work) {
    for (std::size_t begin = 0; begin < stride_; begin += piece) {
      const std::size_t size = std::min(piece, stride_ - begin);
      widen_panel(row(first) + begin / 2, stride_ / 2, size, wide_.data());
      for_tiles(points_, [&](auto points, std::size_t p) {
        for (std::size_t m = 0; m < panel; m += tile_modes)
          work(points, wide_.data() + m * piece, x_.data() + p * stride_ + begin, size, sums_.data() + p * panel + m);
      });
    }
  };
  for (std::size_t first = 0; first < count_; first += panel) {
    std::ranges::fill(sums_, Vector{});
    for_pieces(first, [this](auto points, const float* wide, const float* x, std::size_t size, Vector* sums) {
      add_products<points()>(wide, x, stride_, size, sums);
    });
    for (std::size_t p = 0; p < points_; ++p)
      for (std::size_t m = 0; m < panel; ++m)
        sums_[p * panel + m] = Vector{} + shrinkage_[p * count_ + first + m] * sum_of(sums_[p * panel + m]);
    for_pieces(first, [this](auto points, const float* wide, float* x, std::size_t size, const Vector* by) {
      subtract_modes<points()>(wide, by, size, x, stride_);
    });
  }
}

}  // namespace flatsweep
