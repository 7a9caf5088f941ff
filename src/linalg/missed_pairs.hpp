#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"

namespace flatsweep {

/// An end of the spectrum: which values come first.
enum class Outermost { largest, smallest };

/// Takes in eigenpairs that a Krylov space of one vector missed, as it may miss all but one vector of an eigenspace.
/// What A is on the vectors orthogonal to those found must have no value beyond the last of them: its outermost values
/// are looked for from a random vector, again from another one while any is found.
/// @param tolerance of |Av - lv|, in units of `scale`, the largest |l| met; values nearer to the last are not beyond it
/// @param pairs the first `found` are pairs of A, outermost first; those taken in push out the last
/// @note Collective.  @throws SolverError
void take_in_missed(const Communicator& comm, const SymmetricOperator& apply, Outermost outermost, double scale,
                    double tolerance, EigenPairs& pairs, Index found);

}  // namespace flatsweep
