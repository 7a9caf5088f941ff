#pragma once

#include "array_source.hpp"
#include "io/hdf5_handle.hpp"

namespace flatsweep {

/// The arrays of numbers in an open HDF5 file, below one of its groups ("": all), groups gone through in the order of
/// creation where the file keeps that, else by name. Each object must be part of the file itself and stand there once.
/// @throws ConfigError and IoError without the path
[[nodiscard]] ArrayList walk_arrays(hid_t file, std::uint64_t file_size, const std::string& below);

/// The type that numbers are read as.
[[nodiscard]] hid_t memory_type(NumberType type);

}  // namespace flatsweep
