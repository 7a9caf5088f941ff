#include "flatsweep/linalg/autocorrelation.hpp"

#include <Eigen/Core>
#include <unsupported/Eigen/FFT>

#include <algorithm>
#include <complex>
#include <vector>

namespace flatsweep {

namespace {

/// The least length from `least` on that the transform is fast for: four times one without prime factors above 5.
int fast_length(int least) {
  for (int quarter = (least + 3) / 4;; ++quarter) {
    int rest = quarter;
    for (const int factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return 4 * quarter;
  }
}

}  // namespace

struct Autocorrelation::State {
  explicit State(int longest) : series(fast_length(2 * longest)), spectrum(series.size() / 2 + 1) {
    transform.SetFlag(Eigen::FFT<double>::HalfSpectrum);
  }

  Eigen::FFT<double> transform;
  std::vector<double> series;
  std::vector<std::complex<double>> spectrum;
};

Autocorrelation::Autocorrelation(std::size_t longest) : state_(std::make_unique<State>(longest)) {}
Autocorrelation::~Autocorrelation() = default;
Autocorrelation::Autocorrelation(Autocorrelation&&) noexcept = default;
Autocorrelation& Autocorrelation::operator=(Autocorrelation&&) noexcept = default;

void Autocorrelation::sums(std::span<const double> x, std::span<double> out) {
  auto& [transform, series, spectrum] = *state_;
  std::fill(std::ranges::copy(x, series.begin()).out, series.end(), 0.0);
  transform.fwd(spectrum.data(), series.data(), std::ssize(series));
  for (auto& value : spectrum) value = std::norm(value);
  transform.inv(series.data(), spectrum.data(), std::ssize(series));
  std::ranges::copy_n(series.begin(), std::ssize(out), out.begin());
}

}  // namespace flatsweep
