#include "flatsweep/linalg/autocorrelation.hpp"

#include "lane_transform.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace flatsweep {

namespace {

using Number = LaneTransform::Number;

/// The least length from `least` on that the transform is fast for: four times one without prime factors above 5.
Index fast_length(Index least) {
  for (Index quarter = (least + 3) / 4;; ++quarter) {
    Index rest = quarter;
    for (const int factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return 4 * quarter;
  }
}

}  // namespace

// The real numbers 2t and 2t + 1 of a padded series are one complex number: half as many are transformed.
struct Autocorrelation::State {
  explicit State(Index longest)
      : half(fast_length(2 * longest) / 2), transform(half), numbers(half), turn(half / 2 + 1) {
    for (Index k = 0; k < std::ssize(turn); ++k) {
      const double angle = std::numbers::pi * k / half;
      turn[k] = {std::cos(angle), std::sin(angle)};
    }
  }

  void load(std::span<const std::span<const double>> series);
  void square();
  void square_pair(Index k);

  struct Turn {
    double cosine = 1.0, sine = 0.0;
  };
  Index half;
  LaneTransform transform;
  std::vector<Number> numbers;
  std::vector<Turn> turn;  // by pi k/half
};

static_assert(Autocorrelation::at_once == LaneTransform::lanes);

void Autocorrelation::State::load(std::span<const std::span<const double>> series) {
  std::ranges::fill(numbers, Number{LaneTransform::Lanes::Zero(), LaneTransform::Lanes::Zero()});
  for (std::size_t lane = 0; lane < series.size(); ++lane) {
    const auto x = series[lane];
    for (std::size_t t = 0; t < x.size(); ++t) {
      auto& number = numbers[t / 2];
      (t % 2 == 0 ? number.re : number.im)(lane) = x[t];
    }
  }
}

// The even and odd numbers of the series have the spectra E_k = (Z_k + Z*_{H-k})/2 and O_k = (Z_k - Z*_{H-k})/2i, the
// series E_k + w O_k at k and (E_k - w O_k)* at H - k, w = exp(-i pi k/H). Of the squares P the even and odd numbers
// have the spectra (P_k + P_{H-k})/2 and w* (P_k - P_{H-k})/2; what is transformed back is the complex conjugate of the
// first and i times the second.
void Autocorrelation::State::square_pair(Index k) {
  const auto [c, s] = turn[k];
  Number &a = numbers[k], &b = numbers[half - k];
  const Number even{0.5 * (a.re + b.re), 0.5 * (a.im - b.im)}, odd{0.5 * (a.im + b.im), 0.5 * (b.re - a.re)};
  const Number moved{odd.re * c + odd.im * s, odd.im * c - odd.re * s};
  const LaneTransform::Lanes at_k = (even.re + moved.re).square() + (even.im + moved.im).square();
  const LaneTransform::Lanes at_other = (even.re - moved.re).square() + (even.im - moved.im).square();
  const LaneTransform::Lanes mean = 0.5 * (at_k + at_other), step = 0.5 * (at_k - at_other);
  a = {mean - s * step, -c * step};
  b = {mean + s * step, -c * step};
}

void Autocorrelation::State::square() {
  const LaneTransform::Lanes first = (numbers[0].re + numbers[0].im).square();
  const LaneTransform::Lanes middle = (numbers[0].re - numbers[0].im).square();
  numbers[0] = {0.5 * (first + middle), -0.5 * (first - middle)};
  for (Index k = 1; 2 * k <= half; ++k) square_pair(k);
}

Autocorrelation::Autocorrelation(std::size_t longest) : state_(std::make_unique<State>(longest)) {}
Autocorrelation::~Autocorrelation() = default;

void Autocorrelation::sums(std::span<const double> x, std::span<double> out) { sums({&x, 1}, {&out, 1}); }

void Autocorrelation::sums(std::span<const std::span<const double>> x, std::span<const std::span<double>> out) {
  state_->load(x);
  state_->transform.forward(state_->numbers);
  state_->square();
  state_->transform.forward(state_->numbers);
  const double scale = 1.0 / state_->half;
  for (std::size_t lane = 0; lane < out.size(); ++lane)
    for (std::size_t h = 0; h < out[lane].size(); ++h) {
      const auto& number = state_->numbers[h / 2];
      const auto place = static_cast<Index>(lane);
      out[lane][h] = scale * (h % 2 == 0 ? number.re(place) : -number.im(place));
    }
}

}  // namespace flatsweep
