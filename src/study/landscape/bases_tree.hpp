#pragma once

#include "flatsweep/analysis/bases.hpp"
#include "flatsweep/io/tree.hpp"

#include <map>

namespace flatsweep {

/// The exponents that a basis gives to the summary.
struct BasisExponents {
  Exponent psi, psi_d, psi_tau, psi_without_first;
};
using BasesExponents = std::map<Basis, BasisExponents>;

/// The group of one basis.
[[nodiscard]] Group basis_tree(const BasisMeasurement& found);

/// Of the bases that the group of a layer has.  @throws DamagedFile
[[nodiscard]] BasesExponents bases_from_tree(const Group& group);

}  // namespace flatsweep
