#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/array_file.hpp"
#include "fuzz.hpp"

#include <cstring>
#include <numeric>
#include <optional>

namespace flatsweep {

/// Bytes that the numbers of all arrays take as they are stored, by their shapes.
inline std::uint64_t stored_bytes(const ArrayList& list) {
  std::uint64_t bytes = 0;
  for (const auto& array : list.arrays)
    bytes += std::accumulate(array.shape.begin(), array.shape.end(), static_cast<std::uint64_t>(width_of(array.type)),
                             [](std::uint64_t product, auto length) { return product * std::uint64_t(length); });
  return bytes;
}

/// NaN is equal to itself here.
inline bool same_bytes(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

/// Reads the last row by itself.
inline void check_last_row(const ArrayFile& file, std::int64_t array, std::span<const double> whole) {
  const auto& header = file.list().arrays[array];
  if (header.rows() == 0) return;
  std::vector<double> row(header.row_size());
  file.read_rows(array, {header.rows() - 1, header.rows()}, std::span(row));
  require(same_bytes(row, whole.last(row.size())), "a row by itself has other numbers than in the whole");
}

/// All of a file; none where it is refused.
inline std::optional<NamedArrays<double>> read_or_refuse(std::string_view bytes) {
  static InputFile input;
  input.write(bytes);
  try {
    auto all = read_arrays<double>(input.path());
    const ArrayFile file(input.path());
    require(file.list().arrays.size() == all.arrays.size(), "the list has other arrays than the file");
    for (std::size_t i = 0; i < all.arrays.size(); ++i)
      check_last_row(file, static_cast<std::int64_t>(i), all.arrays[i].values);
    return all;
  } catch (const ConfigError& error) {
    require(*error.what() != '\0', "an error says nothing");
  } catch (const IoError& error) {
    require(*error.what() != '\0', "an error says nothing");
  }
  return std::nullopt;
}

/// Headers of a file that is read.
inline ArrayList list_of(std::string_view bytes) {
  static InputFile input;
  input.write(bytes);
  return list_arrays(input.path());
}

}  // namespace flatsweep
