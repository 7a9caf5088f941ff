#pragma once

#include "flatsweep/analysis/power_law.hpp"
#include "flatsweep/analysis/spread.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/base/flag_set.hpp"
#include "flatsweep/io/tree.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// Tables of results.h5 that have one row for each value of some type: their columns described, and one writer for all.
namespace flatsweep {

/// The bits of a FlagSet, whose words its column has.
struct FlagMask {
  std::int8_t bits = 0;
};

/// One column of a table over rows of type Row: its name, its unit ("1" for a pure number, "" for words), a sentence
/// that stands alone, and where a row has the value: a function or a member. The value is a double, an int (i4), an
/// std::int64_t (i8), an enum with words, a text (i1, see Group::add), a FlagSet (i1, see Group::add_flags), or an
/// Exponent or a SeedMean, which become the columns of `exponent_columns` and `seed_mean_columns`.
template <class Row>
struct Column {
  template <class T>
  using Get = std::function<T(const Row&)>;

  std::string name, unit, sentence;
  std::variant<Get<double>, Get<int>, Get<std::int64_t>, Get<std::string>, Get<FlagMask>, Get<Exponent>, Get<SeedMean>>
      get;
  std::vector<std::string> words;  ///< of an enum: all it has; of flags those of every bit

  template <class Value>
  requires std::invocable<Value, const Row&> Column(std::string column, std::string of_unit, std::string says,
                                                    Value value)
      : name(std::move(column)), unit(std::move(of_unit)), sentence(std::move(says)), get(typed(std::move(value))) {
    using T = std::remove_cvref_t<std::invoke_result_t<Value, const Row&>>;
    if constexpr (WordedEnum<T>) words = all_words<T>();
    if constexpr (is_flag_set<T>) words = all_words<typename T::Flag>();
  }

 private:
  template <class Value>
  static auto typed(Value value) {
    using T = std::remove_cvref_t<std::invoke_result_t<Value, const Row&>>;
    if constexpr (WordedEnum<T>)
      return Get<std::string>([value](const Row& row) { return std::string(to_string(std::invoke(value, row))); });
    else if constexpr (is_flag_set<T>)
      return Get<FlagMask>([value](const Row& row) { return FlagMask{std::invoke(value, row).mask()}; });
    else if constexpr (std::is_convertible_v<T, std::string_view>)
      return Get<std::string>([value](const Row& row) { return std::string(std::invoke(value, row)); });
    else
      return Get<T>(std::move(value));
  }
};

/// A column of a part of every row.
template <class Row, class Part>
[[nodiscard]] Column<Row> of_part(const Column<Part>& column, Part Row::*part) {
  auto whole = std::visit(
      [&](const auto& get) {
        return Column<Row>(column.name, column.unit, column.sentence,
                           [get, part](const Row& row) { return get(row.*part); });
      },
      column.get);
  whole.words = column.words;
  return whole;
}

namespace detail {

/// One column after another of the parts of a column with several.
template <class Row, class Whole>
class PartColumns {
 public:
  explicit PartColumns(const Column<Row>& whole)
      : whole_(whole), get_(std::get<std::function<Whole(const Row&)>>(whole.get)) {}

  [[nodiscard]] Column<Row> operator()(const char* end, const char* unit, const std::string& says, auto part) const {
    return Column<Row>(whole_.name + end, unit, says + whole_.sentence,
                       [get = get_, part](const Row& row) { return std::invoke(part, get(row)); });
  }

 private:
  const Column<Row>& whole_;
  const std::function<Whole(const Row&)>& get_;
};

}  // namespace detail

/// name, name_low, name_high, name_points, name_seeds, name_interval, name_status of a column with an Exponent.
template <class Row>
[[nodiscard]] std::vector<Column<Row>> exponent_columns(const Column<Row>& column) {
  const detail::PartColumns<Row, Exponent> part(column);
  return {part("", "1", "", &Exponent::value),
          part("_low", "1", "lower end of the 95 % interval of the ", &Exponent::low),
          part("_high", "1", "upper end of the 95 % interval of the ", &Exponent::high),
          part("_points", "1", "number of points of all seeds in the ", &Exponent::points),
          part("_seeds", "1", "number of seeds with a value in the ", &Exponent::seeds),
          part("_interval", "", "what the 95 % interval is made from, of the ", &Exponent::interval),
          part("_status", "", "ok, or why there is no value, of the ", &Exponent::status)};
}

/// name, name_low, name_high, name_seeds of a column with a SeedMean.
template <class Row>
[[nodiscard]] std::vector<Column<Row>> seed_mean_columns(const Column<Row>& column) {
  const detail::PartColumns<Row, SeedMean> part(column);
  const auto* unit = column.unit.c_str();
  return {part("", unit, "", &SeedMean::value),
          part("_low", unit, "lower end of the 95 % interval over three seeds or more of the ",
               [](const SeedMean& mean) { return mean.value - mean.half_width(); }),
          part("_high", unit, "upper end of the 95 % interval over three seeds or more of the ",
               [](const SeedMean& mean) { return mean.value + mean.half_width(); }),
          part("_seeds", "1", "number of seeds with a value in the ", &SeedMean::seeds)};
}

namespace detail {

template <class Row, class T>
Dataset& add_values(Group& group, const std::string& axis, const std::vector<Row>& rows, const std::string& name,
                    const std::vector<std::string>& words, const std::function<T(const Row&)>& get) {
  if constexpr (std::is_same_v<T, FlagMask>) {
    std::vector<std::int8_t> masks;
    for (const auto& row : rows) masks.push_back(get(row).bits);
    return group.add_flags(name, masks, {axis}, words);
  } else {
    std::vector<T> values;
    for (const auto& row : rows) values.push_back(get(row));
    if constexpr (std::is_same_v<T, std::string>)
      return group.add(name, std::span<const T>(values), {axis}, words);
    else
      return group.add(name, std::span<const T>(values), {values.size()}, {axis});
  }
}

}  // namespace detail

/// Adds every column as a data set (rows,) on the axis of that name.
template <class Row>
void add_columns(Group& group, const std::string& axis, const std::vector<Row>& rows,
                 const std::vector<Column<Row>>& columns) {
  for (const auto& column : columns)
    std::visit(
        [&]<class T>(const std::function<T(const Row&)>& get) {
          if constexpr (std::is_same_v<T, Exponent>) {
            add_columns(group, axis, rows, exponent_columns(column));
          } else if constexpr (std::is_same_v<T, SeedMean>) {
            add_columns(group, axis, rows, seed_mean_columns(column));
          } else {
            auto& dataset = detail::add_values(group, axis, rows, column.name, column.words, get);
            dataset.units = column.unit;
            dataset.description = column.sentence;
          }
        },
        column.get);
}

/// Sets one row's columns as attributes of a group, words as texts; exponents, means over seeds and flags have none.
template <class Row>
void set_attributes(Group& group, const Row& row, const std::vector<Column<Row>>& columns) {
  for (const auto& column : columns)
    std::visit(
        [&]<class T>(const std::function<T(const Row&)>& get) {
          if constexpr (!std::is_same_v<T, Exponent> && !std::is_same_v<T, SeedMean> && !std::is_same_v<T, FlagMask>)
            group.set(column.name, get(row), column.unit, column.sentence);
        },
        column.get);
}

}  // namespace flatsweep
