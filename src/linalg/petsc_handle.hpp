#pragma once

#include "flatsweep/base/handle.hpp"

#include <slepceps.h>

namespace flatsweep {

// One traits type serves all PETSc objects: they are pointers with a destroy function of the same shape.
template <class T, PetscErrorCode (*Destroy)(T*)>
struct PetscTraits {
  static T empty() { return nullptr; }
  static void destroy(T& object) noexcept { Destroy(&object); }
};
using VecHandle = Handle<Vec, PetscTraits<Vec, VecDestroy>>;
using MatHandle = Handle<Mat, PetscTraits<Mat, MatDestroy>>;
using EpsHandle = Handle<EPS, PetscTraits<EPS, EPSDestroy>>;

}  // namespace flatsweep
