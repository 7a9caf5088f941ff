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

inline void describe(Dataset& dataset, const char* units, const std::string& description) {
  dataset.units = units;
  dataset.description = description;
}

/// A data set of one or more axes; `values` row-major.
inline Dataset& add(Group& group, const std::string& name, const std::vector<double>& values,
                    std::vector<std::uint64_t> shape, std::vector<std::string> axes, const char* units,
                    const std::string& description) {
  auto& dataset = group.add(name, std::span<const double>(values), std::move(shape), std::move(axes));
  describe(dataset, units, description);
  return dataset;
}

inline Dataset& add(Group& group, const std::string& name, const std::vector<double>& values,
                    std::vector<std::string> axes, const char* units, const std::string& description) {
  return add(group, name, values, {length(values)}, std::move(axes), units, description);
}

/// A matrix of Eigen, whatever its order in memory, its rows along the first axis.
template <class Matrix>
Dataset& add_matrix(Group& group, const std::string& name, const Matrix& values, std::vector<std::string> axes,
                    const char* units, const std::string& description) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::vector<double> rows(values.size());
  Eigen::Map<Rows>(rows.data(), values.rows(), values.cols()) = values;
  return add(group, name, rows, matrix_shape(values), std::move(axes), units, description);
}

/// Whole numbers, as i4.
inline Dataset& add_integers(Group& group, const std::string& name, const std::vector<int>& values,
                             const std::string& axis, const char* units, const std::string& description) {
  const std::vector<std::int32_t> stored(values.begin(), values.end());
  auto& dataset = group.add(name, std::span<const std::int32_t>(stored), {length(stored)}, {axis});
  describe(dataset, units, description);
  return dataset;
}

/// The scale of the axis `direction`: which principal directions were looked at.
inline Dataset& add_directions(Group& group, const std::vector<int>& directions) {
  return add_integers(group, "direction", directions, "direction", "1", "number of the principal direction, from 0");
}

/// Words of an enum.
template <WordedEnum E>
Dataset& add_words(Group& group, const std::string& name, const std::vector<E>& values, const std::string& axis,
                   const std::string& description) {
  std::vector<std::string> texts;
  for (const auto value : values) texts.emplace_back(to_string(value));
  auto& dataset = group.add(name, std::span<const std::string>(texts), {axis}, all_words<E>());
  dataset.description = description;
  return dataset;
}

/// @throws DamagedFile for a word that the enum does not have
template <WordedEnum E>
[[nodiscard]] std::vector<E> words(const Group& group, const char* name) {
  std::vector<E> values;
  for (const auto& text : group.dataset(name).strings()) {
    const auto value = from_word<E>(text);
    if (!value)
      throw DamagedFile("data set '" + std::string(name) + "' has the word '" + text + "', which means nothing");
    values.push_back(*value);
  }
  return values;
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

/// A number of a group; NaN where it has none, as of matrices that were not measured or by an earlier build.
inline double real_or_nan(const Group& group, const std::string& name) {
  return group.attribute(name) == nullptr ? nan : group.real(name);
}

/// Attributes name, name_low, name_high, name_points, name_status. What they are is said once, of `name`.
inline void set_exponent(Group& group, const std::string& name, const Exponent& exponent, const char* sentence) {
  group.set(name, exponent.value, "1", sentence);
  group.set(name + "_low", exponent.low);
  group.set(name + "_high", exponent.high);
  group.set(name + "_points", std::int64_t{exponent.points});
  group.set(name + "_status", std::string(to_string(exponent.status)));
}

/// The fit range, both ends included.
inline void set_fit_range(Group& group, std::int64_t first, std::int64_t last) {
  group.set("fit_first", first, "1", "first direction or mode of the fit range, from 0");
  group.set("fit_last", last, "1", "last direction or mode of the fit range, from 0, itself included");
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
