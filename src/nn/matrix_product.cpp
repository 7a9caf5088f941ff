#include "flatsweep/nn/matrix_product.hpp"

#include <Eigen/Core>

#ifdef FLATSWEEP_HAVE_XSMM
#include <libxsmm.h>
#endif

namespace flatsweep {

namespace {

using Stride = Eigen::OuterStride<>;
using ConstMap = Eigen::Map<const Eigen::MatrixXf, 0, Stride>;

#ifdef FLATSWEEP_HAVE_XSMM
auto find_kernel(const ProductShape& s, Target target, SecondFactor second) {
  const float alpha = 1.0F;
  const float beta = target == Target::accumulate ? 1.0F : 0.0F;
  const int flags = second == SecondFactor::transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
  return libxsmm_smmdispatch(s.m, s.n, s.k, &s.lda, &s.ldb, &s.ldc, &alpha, &beta, &flags, nullptr);
}
#endif

}  // namespace

MatrixProduct::MatrixProduct(const ProductShape& shape, Target target, SecondFactor second, Backend backend)
    : shape_(shape), target_(target), second_(second) {
#ifdef FLATSWEEP_HAVE_XSMM
  if (backend == Backend::best) kernel_ = find_kernel(shape, target, second);
#else
  (void)backend;
#endif
}

void MatrixProduct::multiply_with_eigen(const float* a, const float* b, float* c) const {
  const ConstMap left(a, shape_.m, shape_.k, Stride(shape_.lda));
  Eigen::Map<Eigen::MatrixXf, 0, Stride> out(c, shape_.m, shape_.n, Stride(shape_.ldc));
  if (target_ == Target::overwrite) out.setZero();
  if (second_ == SecondFactor::plain)
    out.noalias() += left * ConstMap(b, shape_.k, shape_.n, Stride(shape_.ldb));
  else
    out.noalias() += left * ConstMap(b, shape_.n, shape_.k, Stride(shape_.ldb)).transpose();
}

std::string matrix_kernels() {
#ifdef FLATSWEEP_HAVE_XSMM
  return std::string("LIBXSMM ") + LIBXSMM_VERSION;
#else
  return "Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
         std::to_string(EIGEN_MINOR_VERSION);
#endif
}

}  // namespace flatsweep
