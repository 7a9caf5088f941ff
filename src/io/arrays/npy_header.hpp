#pragma once

#include "flatsweep/io/array_file.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace flatsweep {

/// How the elements follow one another.
enum class ElementOrder { row_major, column_major };
enum class ByteOrder { little, big };

/// What stands before the numbers of a .npy file, of a name of its own or within .npz.
struct NpyHeader {
  ArrayHeader array;  ///< without a name
  ElementOrder order = ElementOrder::row_major;
  ByteOrder bytes = ByteOrder::little;
  std::uint64_t data = 0;  ///< where the numbers begin
};

inline constexpr std::string_view npy_magic = "\x93NUMPY";

/// Reads the header from `read`, which fills the span with the next bytes or throws.
/// @throws ConfigError without the path: not of versions 1 to 3, not the dictionary that NumPy writes, other elements
/// than f2, f4, f8, u1, i4, i8; pickled objects above all, which could run code
[[nodiscard]] NpyHeader read_npy_header(const std::function<void(std::span<std::byte>)>& read);

/// The text {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
[[nodiscard]] NpyHeader parse_npy_dictionary(std::string_view text);

/// Turns big-endian numbers round.
void turn_bytes(std::span<std::byte> numbers, std::int64_t width);

/// Rows of an array in row-major order.  @param raw  all of it, column-major
void take_rows(const ArrayHeader& array, std::span<const std::byte> raw, Range rows, std::span<std::byte> out);

}  // namespace flatsweep
