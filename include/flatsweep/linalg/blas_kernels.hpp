#pragma once

#include <string>

namespace flatsweep {

/// "OpenBLAS SkylakeX": the kernels that OpenBLAS chose for this processor, or was told to, with what the environment
/// says of block sizes; rounding depends on them. "another BLAS" where the library does not say.
[[nodiscard]] std::string blas_kernels();

}  // namespace flatsweep
