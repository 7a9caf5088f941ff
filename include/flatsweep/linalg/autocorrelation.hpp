#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace flatsweep {

/// Sums a(h) = sum_t x(t) x(t+h) for all lags at once: the power spectrum of the series, padded with as many zeros so
/// that its ends do not meet, transformed back. Made once for many series. Results repeat bit for bit, whatever other
/// series are transformed beside one; errors are a few roundings of a(0), whatever the lag. Rank-local.
class Autocorrelation {
 public:
  /// Series that take as long together as one does.
  static constexpr std::size_t at_once = 4;

  /// @param longest of the series to come, at least 1
  explicit Autocorrelation(std::size_t longest);
  ~Autocorrelation();
  Autocorrelation(const Autocorrelation&) = delete;
  Autocorrelation& operator=(const Autocorrelation&) = delete;

  /// @param x (n,), n at most `longest`   @param out lags 0..out.size()-1, at most n of them
  void sums(std::span<const double> x, std::span<double> out);
  /// The same of up to `at_once` series. @param out as many as x
  void sums(std::span<const std::span<const double>> x, std::span<const std::span<double>> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flatsweep
