#pragma once

#include <string>
#include <vector>

namespace flatsweep {

/// A BLAS that is part of this process.
struct BlasLibrary {
  std::string name;  ///< "OpenBLAS", ...
  int threads = 0;   ///< that it uses, as it says itself
};

/// Holds every BLAS of this process that can be told to one thread, whatever the environment says. More threads add
/// sums in another order: a program that has all cores would find other bits than a rank that is bound to one.
/// @return those that could be told; none where BLAS is another one, whose threads only its environment sets
std::vector<BlasLibrary> use_one_blas_thread();

}  // namespace flatsweep
