#pragma once

#include "flatsweep/nn/padded_rows.hpp"

#include <cstdint>
#include <string>

namespace flatsweep {

/// Shape of c = a b: a is (m, k), b is (k, n), c is (m, n), all column-major with a leading dimension.
struct ProductShape {
  int m = 0, n = 0, k = 0;
  int lda = 0, ldb = 0, ldc = 0;
};
enum class Target { overwrite, accumulate };
enum class SecondFactor { plain, transposed };  ///< transposed: b is stored as (n, k)

/// A small single-precision matrix product whose kernel is chosen once, for its shape: LIBXSMM's where it is built in
/// and has one, otherwise Eigen's. The one seam between flatsweep and matrix kernels. Both agree within rounding.
class MatrixProduct {
 public:
  enum class Backend { best, eigen };

  MatrixProduct() = default;
  MatrixProduct(const ProductShape& shape, Target target, SecondFactor second = SecondFactor::plain,
                Backend backend = Backend::best);

  void operator()(const float* a, const float* b, float* c) const {
    if (kernel_)
      kernel_(a, b, c);
    else
      multiply_with_eigen(a, b, c);
  }

 private:
  using Kernel = void (*)(const float*, const float*, float*, ...);
  void multiply_with_eigen(const float* a, const float* b, float* c) const;

  ProductShape shape_;
  Target target_ = Target::overwrite;
  SecondFactor second_ = SecondFactor::plain;
  Kernel kernel_ = nullptr;
};

/// "LIBXSMM 1.17" or "Eigen 3.4.0".
[[nodiscard]] std::string matrix_kernels();

}  // namespace flatsweep
