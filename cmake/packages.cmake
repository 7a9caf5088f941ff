# The packages the rooms link to, in one list: CMakeLists.txt reads it, and so does the installed flatsweepConfig.cmake,
# for what links an installed room has to find the same packages again. Where one is missing the file returns and
# flatsweep_FOUND is false.
include(CMakeFindDependencyMacro)

# What find_dependency does, for what is not found by find_package.
macro(flatsweep_require found message)
  if(NOT ${found})
    set(flatsweep_FOUND FALSE)
    set(flatsweep_NOT_FOUND_MESSAGE "${message}")
    return()
  endif()
endmacro()

find_dependency(MPI 3.0 COMPONENTS C CXX)
find_dependency(PkgConfig)
pkg_check_modules(PETSC IMPORTED_TARGET PETSc>=3.18)
pkg_check_modules(SLEPC IMPORTED_TARGET SLEPc>=3.18)
pkg_check_modules(LIBZIP IMPORTED_TARGET libzip>=1.7)
foreach(package PETSC SLEPC LIBZIP)
  flatsweep_require(${package}_FOUND "pkg-config does not find ${package}; is the folder of its .pc file in PKG_CONFIG_PATH?")
endforeach()
set(HDF5_PREFER_PARALLEL ON)
find_dependency(HDF5 1.10 COMPONENTS C HL)
flatsweep_require(HDF5_IS_PARALLEL
                  "flatsweep needs parallel HDF5 (Debian: libhdf5-openmpi-dev); the one found is serial")
find_dependency(BLAS)
find_dependency(LAPACK)
find_library(SCALAPACK_LIBRARY NAMES scalapack-openmpi scalapack)
flatsweep_require(SCALAPACK_LIBRARY "ScaLAPACK is not found; set SCALAPACK_LIBRARY to its library")
find_dependency(Eigen3 3.4 NO_MODULE)
find_dependency(Boost 1.70 COMPONENTS program_options)
find_dependency(tomlplusplus 3)
find_dependency(spdlog)
find_dependency(fmt)
find_dependency(ZLIB)
find_dependency(nlohmann_json 3.11)
find_dependency(OpenSSL COMPONENTS Crypto)
if(FLATSWEEP_XSMM)
  pkg_check_modules(XSMM IMPORTED_TARGET libxsmm)
endif()

# By name, so that the installed rooms do not remember where ScaLAPACK was.
if(NOT TARGET flatsweep::scalapack)
  add_library(flatsweep::scalapack INTERFACE IMPORTED)
  target_link_libraries(flatsweep::scalapack INTERFACE ${SCALAPACK_LIBRARY})
endif()
