#include "flatsweep/linalg/autocorrelation.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/handle.hpp"

#include <fftw3.h>

#include <algorithm>
#include <string>

namespace flatsweep {

namespace {

struct PlanTraits {
  static fftw_plan empty() { return nullptr; }
  static void destroy(fftw_plan& plan) noexcept { fftw_destroy_plan(plan); }
};
using Plan = Handle<fftw_plan, PlanTraits>;

// FFTW's own memory is aligned alike every time, which its choice of instructions depends on.
template <class T>
struct BufferTraits {
  static T* empty() { return nullptr; }
  static void destroy(T*& buffer) noexcept { fftw_free(buffer); }
};
using RealBuffer = Handle<double*, BufferTraits<double>>;
using ComplexBuffer = Handle<fftw_complex*, BufferTraits<fftw_complex>>;

/// The least length from `least` on without prime factors above 5: the ones that FFTW is fast for.
std::size_t fast_length(std::size_t least) {
  for (std::size_t length = least;; ++length) {
    std::size_t rest = length;
    for (const std::size_t factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return length;
  }
}

}  // namespace

struct Autocorrelation::State {
  explicit State(std::size_t longest)
      : length(fast_length(2 * longest)),
        series(fftw_alloc_real(length)),
        spectrum(fftw_alloc_complex(length / 2 + 1)),
        forward(fftw_plan_dft_r2c_1d(length, series.get(), spectrum.get(), FFTW_ESTIMATE)),
        backward(fftw_plan_dft_c2r_1d(length, spectrum.get(), series.get(), FFTW_ESTIMATE)) {
    if (!series || !spectrum || !forward || !backward)
      throw SolverError("FFTW has no plan for series of " + std::to_string(length) + " numbers; is memory short?");
  }

  std::size_t length;
  RealBuffer series;
  ComplexBuffer spectrum;
  Plan forward, backward;
};

Autocorrelation::Autocorrelation(std::size_t longest) : state_(std::make_unique<State>(longest)) {}
Autocorrelation::~Autocorrelation() = default;
Autocorrelation::Autocorrelation(Autocorrelation&&) noexcept = default;
Autocorrelation& Autocorrelation::operator=(Autocorrelation&&) noexcept = default;

void Autocorrelation::sums(std::span<const double> x, std::span<double> out) {
  const std::span series(state_->series.get(), state_->length);
  std::fill(std::ranges::copy(x, series.begin()).out, series.end(), 0.0);
  fftw_execute(state_->forward.get());
  for (auto& value : std::span(state_->spectrum.get(), state_->length / 2 + 1)) {
    value[0] = value[0] * value[0] + value[1] * value[1];
    value[1] = 0.0;
  }
  fftw_execute(state_->backward.get());
  const double scale = 1.0 / state_->length;
  std::ranges::transform(series.first(out.size()), out.begin(), [scale](double sum) { return sum * scale; });
}

}  // namespace flatsweep
