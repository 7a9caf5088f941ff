#pragma once

#include "npy_header.hpp"

#include <functional>

namespace flatsweep {

/// Rows of an array in row-major order, little endian.
/// @param read  fills the span with the bytes from that place on, counted from where the numbers begin
void read_npy_rows(const NpyHeader& header, Range rows, std::span<std::byte> out,
                   const std::function<void(std::uint64_t, std::span<std::byte>)>& read);

}  // namespace flatsweep
