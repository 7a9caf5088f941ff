#pragma once

namespace flatsweep {

/// Takes the working memory of BLAS (128 MiB of address space), so that none is asked for later. OpenBLAS takes it at
/// its first call, and where it gets none it asks for ever.
/// @throws std::bad_alloc where there is none
void reserve_blas_memory();

}  // namespace flatsweep
