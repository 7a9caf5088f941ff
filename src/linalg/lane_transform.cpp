#include "lane_transform.hpp"

#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace flatsweep {

namespace {

using Number = LaneTransform::Number;

Number sum(const Number& a, const Number& b) { return {a.re + b.re, a.im + b.im}; }
Number difference(const Number& a, const Number& b) { return {a.re - b.re, a.im - b.im}; }
Number scaled(const Number& a, double factor) { return {factor * a.re, factor * a.im}; }
/// -i a
Number turned(const Number& a) { return {a.im, -a.re}; }

using std::numbers::pi;
const double half_root_of_three = std::sqrt(3.0) / 2.0;
const double cos1 = std::cos(2.0 * pi / 5.0), sin1 = std::sin(2.0 * pi / 5.0);
const double cos2 = std::cos(4.0 * pi / 5.0), sin2 = std::sin(4.0 * pi / 5.0);

/// Transforms of the shortest lengths, in place.
void transform(std::array<Number, 2>& a) { a = {sum(a[0], a[1]), difference(a[0], a[1])}; }
void transform(std::array<Number, 3>& a) {
  const Number both = sum(a[1], a[2]), middle = sum(a[0], scaled(both, -0.5));
  const Number side = turned(scaled(difference(a[1], a[2]), half_root_of_three));
  a = {sum(a[0], both), sum(middle, side), difference(middle, side)};
}
void transform(std::array<Number, 4>& a) {
  const Number even = sum(a[0], a[2]), even_side = difference(a[0], a[2]);
  const Number odd = sum(a[1], a[3]), odd_side = turned(difference(a[1], a[3]));
  a = {sum(even, odd), sum(even_side, odd_side), difference(even, odd), difference(even_side, odd_side)};
}
void transform(std::array<Number, 5>& a) {
  const Number s1 = sum(a[1], a[4]), d1 = difference(a[1], a[4]), s2 = sum(a[2], a[3]), d2 = difference(a[2], a[3]);
  const Number m1 = sum(a[0], sum(scaled(s1, cos1), scaled(s2, cos2)));
  const Number m2 = sum(a[0], sum(scaled(s1, cos2), scaled(s2, cos1)));
  const Number n1 = turned(sum(scaled(d1, sin1), scaled(d2, sin2)));
  const Number n2 = turned(difference(scaled(d1, sin2), scaled(d2, sin1)));
  a = {sum(a[0], sum(s1, s2)), sum(m1, n1), sum(m2, n2), difference(m2, n2), difference(m1, n1)};
}

}  // namespace

LaneTransform::LaneTransform(Index length) : roots_(length), other_(length) {
  for (Index k = 0; k < length; ++k) {
    const double angle = -2.0 * pi * k / length;
    roots_[k] = {std::cos(angle), std::sin(angle)};
  }
}

// Stockham's passes, which bring the series into order on the way: one of length r m becomes r interleaved ones of m.
template <int radix>
void LaneTransform::pass(Index length, Index stride, const std::vector<Number>& x, std::vector<Number>& y) const {
  const Index part = length / radix;
  std::array<Root, radix> w;
  std::array<Number, radix> a;
  for (Index p = 0; p < part; ++p) {
    for (Index j = 0; j < radix; ++j) w[j] = roots_[stride * p * j];
    for (Index q = 0; q < stride; ++q) {
      for (Index j = 0; j < radix; ++j) a[j] = x[q + stride * (p + part * j)];
      transform(a);
      auto* const out = &y[q + stride * radix * p];
      out[0] = a[0];
      for (Index j = 1; j < radix; ++j)
        out[stride * j] = {a[j].re * w[j].re - a[j].im * w[j].im, a[j].re * w[j].im + a[j].im * w[j].re};
    }
  }
}

void LaneTransform::forward(std::vector<Number>& x) {
  Index length = std::ssize(x), stride = 1;
  while (length > 1) {
    const Index radix = length % 4 == 0 ? 4 : length % 5 == 0 ? 5 : length % 3 == 0 ? 3 : 2;
    if (radix == 4) pass<4>(length, stride, x, other_);
    if (radix == 5) pass<5>(length, stride, x, other_);
    if (radix == 3) pass<3>(length, stride, x, other_);
    if (radix == 2) pass<2>(length, stride, x, other_);
    std::swap(x, other_);
    length /= radix;
    stride *= radix;
  }
}

}  // namespace flatsweep
