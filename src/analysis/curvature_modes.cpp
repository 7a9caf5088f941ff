#include "curvature_parts.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/linalg/trace.hpp"

#include <algorithm>

namespace flatsweep {

namespace {
using ConstVector = Eigen::Map<const Eigen::VectorXd>;

/// One matrix of the layer, asked between products whether to stop.
class Matrix {
 public:
  Matrix(const CurvatureTask& task, CurvatureKind kind, double fraction)
      : task_(task), fraction_(fraction), operator_(matrix_of(task.team, task.problem, kind)) {}
  /// @param other what it keeps of the samples serves this one, too
  Matrix(const Matrix& other, CurvatureKind kind, double fraction)
      : task_(other.task_),
        fraction_(fraction),
        operator_(other.operator_, kind, task_.problem.scheme.value_or(MinibatchScheme{})) {}

  [[nodiscard]] SymmetricOperator product() {
    return [this](std::span<const double> x, std::span<double> y) {
      task_.step(fraction_);
      operator_.apply(x, y);
    };
  }
  [[nodiscard]] Eigen::MatrixXd times(const Eigen::MatrixXd& vectors) { return apply_to_columns(product(), vectors); }

 private:
  const CurvatureTask& task_;
  double fraction_;  // of the work that is done when this matrix's turn comes
  CurvatureOperator operator_;
};

EigenPairs modes_asked_for(const CurvatureTask& task, const SymmetricOperator& product, std::int64_t size) {
  const auto count = std::min(task.options.modes, size - 1);
  return leading_eigenpairs(task.team, product, size, count, task.options.tolerance, Shortage::marked);
}

Eigen::MatrixXd converged_vectors(const EigenPairs& pairs) { return pairs.vectors.leftCols(converged_pairs(pairs)); }

MatrixSpectrum leading_spectrum(const EigenPairs& pairs, const TraceEstimate& trace) {
  return {to_vector(pairs.values), to_vector(pairs.residuals), trace.value, trace.error};
}

TraceEstimate trace_of(const CurvatureTask& task, const SymmetricOperator& product, std::int64_t size) {
  return estimate_trace(product, size, task.options.trace_products, task.seed);
}

/// H/L - g g^T/L^2.
SymmetricOperator log_loss_product(const SymmetricOperator& hessian, const LossGradient& at) {
  return [&hessian, &at](std::span<const double> x, std::span<double> y) {
    hessian(x, y);
    const Index size = std::ssize(x);
    Eigen::Map<Eigen::VectorXd> out(y.data(), size);
    out = out / at.loss - at.gradient * (at.gradient.dot(ConstVector(x.data(), size)) / (at.loss * at.loss));
  };
}

EigenPairs measure_leading_hessian(const CurvatureTask& task, Matrix& hessian, const LossGradient& at,
                                   LayerCurvature& result) {
  const auto product = hessian.product();
  auto pairs = modes_asked_for(task, product, result.size);
  auto trace = trace_of(task, product, result.size);
  result.hessian = leading_spectrum(pairs, trace);
  trace.value = trace.value / at.loss - at.gradient.squaredNorm() / (at.loss * at.loss);
  trace.error /= at.loss;
  result.log_loss_hessian = leading_spectrum(modes_asked_for(task, log_loss_product(product, at), result.size), trace);
  return pairs;
}

void measure_minibatches(const CurvatureTask& task, const Matrix& hessian, LayerCurvature& result) {
  Matrix matrix(hessian, CurvatureKind::minibatch_second_moment, 0.4);
  const auto product = matrix.product();
  result.minibatch_second_moment =
      leading_spectrum(modes_asked_for(task, product, result.size), trace_of(task, product, result.size));
}

TraceEstimate measure_fisher(const CurvatureTask& task, const Matrix& hessian, LayerCurvature& result) {
  Matrix fisher(hessian, CurvatureKind::empirical_fisher, 0.6);
  const auto product = fisher.product();
  const auto trace = trace_of(task, product, result.size);
  result.empirical_fisher = leading_spectrum(modes_asked_for(task, product, result.size), trace);
  return trace;
}

/// @param trace of the empirical Fisher matrix, from which that of C_B follows
EigenPairs measure_noise_covariance(const CurvatureTask& task, Matrix& noise, TraceEstimate trace,
                                    const LossGradient& at, LayerCurvature& result) {
  const double factor = task.problem.scheme->noise_factor(task.problem.set.count());
  trace.value = factor * (trace.value - at.gradient.squaredNorm());
  trace.error *= factor;
  auto pairs = modes_asked_for(task, noise.product(), result.size);
  result.noise_covariance = leading_spectrum(pairs, trace);
  return pairs;
}

/// u_i^T C_B u_i of the eigenvectors u_i of H that converged, NaN behind them.
void set_noise_along_hessian(Matrix& noise, const Eigen::MatrixXd& vectors, LayerCurvature& result) {
  auto& along = result.relation.noise_along_hessian;
  along = to_vector(noise.times(vectors).cwiseProduct(vectors).colwise().sum().transpose());
  along.resize(result.hessian.values.size(), nan);
}

}  // namespace

void measure_modes(const CurvatureTask& task, LayerCurvature& result) {
  const auto& problem = task.problem;
  const auto at = loss_gradient(task.team, problem.network, problem.weights, problem.set,
                                WeightRange(problem.network, problem.layer));
  result.loss = at.loss;
  result.gradient_norm = at.gradient.norm();
  Matrix hessian(task, hessian_kind(problem), 0.0);
  const auto hessian_pairs = measure_leading_hessian(task, hessian, at, result);
  std::optional<Matrix> noise;
  if (problem.scheme) {
    noise.emplace(hessian, CurvatureKind::noise_covariance, 0.8);
    measure_minibatches(task, hessian, result);
  }
  const auto trace = measure_fisher(task, hessian, result);
  const auto vectors = converged_vectors(hessian_pairs);
  std::optional<Eigen::MatrixXd> noise_vectors;
  if (noise) {
    noise_vectors = converged_vectors(measure_noise_covariance(task, *noise, trace, at, result));
    set_noise_along_hessian(*noise, vectors, result);
  }
  set_overlaps(task, noise_vectors, vectors, result.relation);
  const Eigen::MatrixXd chosen = task.directions(Eigen::all, result.direction);
  set_along(task, hessian.times(chosen), at.gradient, result);
  if (noise) set_noise_along(task, noise->times(chosen), result);
}

}  // namespace flatsweep
