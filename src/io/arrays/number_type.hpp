#pragma once

#include "flatsweep/io/array_file.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace flatsweep {

/// Numbers of a stored type as T: float, double, std::int64_t or std::uint8_t.
/// @param raw  little endian  @param out  as many numbers
/// @throws ConfigError without path and array: T does not hold numbers of that type, or not this one
template <class T>
void convert(NumberType type, std::span<const std::byte> raw, std::span<T> out);

}  // namespace flatsweep
