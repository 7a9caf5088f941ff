#pragma once

#include "flatsweep/analysis/power_law.hpp"
#include "flatsweep/io/tree.hpp"
#include "flatsweep/linalg/to_vector.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// What the trees of results.h5 are put together from.
namespace flatsweep {

inline std::uint64_t length(const auto& container) { return static_cast<std::uint64_t>(container.size()); }

/// The shape of a matrix's data set.
[[nodiscard]] std::vector<std::uint64_t> matrix_shape(const auto& matrix) {
  return {static_cast<std::uint64_t>(matrix.rows()), static_cast<std::uint64_t>(matrix.cols())};
}

/// A data set of one or more axes; `values` row-major.
inline Dataset& add(Group& group, const char* name, const std::vector<double>& values, std::vector<std::uint64_t> shape,
                    std::vector<std::string> axes, const char* units, const char* description) {
  auto& dataset = group.add(name, std::span<const double>(values), std::move(shape), std::move(axes));
  dataset.units = units;
  dataset.description = description;
  return dataset;
}

inline Dataset& add(Group& group, const char* name, const std::vector<double>& values, std::vector<std::string> axes,
                    const char* units, const char* description) {
  return add(group, name, values, {length(values)}, std::move(axes), units, description);
}

/// A data set of doubles, whatever its shape.
inline std::vector<double> numbers(const Group& group, const char* name) {
  const auto values = group.dataset(name).values<double>();
  return {values.begin(), values.end()};
}

/// The same, so many of them.  @throws DamagedFile when there are more or fewer
inline std::vector<double> numbers(const Group& group, const char* name, std::size_t count) {
  auto values = numbers(group, name);
  if (values.size() != count)
    throw DamagedFile("data set '" + std::string(name) + "' has not as many values as it should");
  return values;
}

/// Attributes name, name_low, name_high, name_points, name_status.
inline void set_exponent(Group& group, const std::string& name, const Exponent& exponent) {
  group.set(name, exponent.value);
  group.set(name + "_low", exponent.low);
  group.set(name + "_high", exponent.high);
  group.set(name + "_points", std::int64_t{exponent.points});
  group.set(name + "_status", std::string(to_string(exponent.status)));
}

/// @throws DamagedFile for a text that no status has
inline FitStatus fit_status(const Group& group, const std::string& name) {
  const auto status = from_word<FitStatus>(group.text(name + "_status"));
  if (!status) throw DamagedFile("attribute '" + name + "_status' has a text that no fit has");
  return *status;
}

/// The exponent of one replica that `set_exponent` wrote; where it is absent, one that was not measured.
inline Exponent exponent_from(const Group& group, const std::string& name) {
  Exponent exponent;
  if (group.attribute(name) == nullptr) return exponent;
  exponent.value = group.real(name);
  exponent.low = group.real(name + "_low");
  exponent.high = group.real(name + "_high");
  exponent.points = group.integer(name + "_points");
  exponent.status = fit_status(group, name);
  exponent.seeds = exponent.status == FitStatus::ok ? 1 : 0;
  exponent.interval = exponent.seeds == 1 ? Interval::within_seeds : Interval::none;
  return exponent;
}

}  // namespace flatsweep
