#include "centred_products.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/products.hpp"

namespace flatsweep {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// The first snapshot is close enough to the mean for the sums to keep digits.
WindowMoments window_moments(const Communicator& team, const SnapshotSource& source) {
  WindowMoments moments;
  VectorXd sum, deviation;
  double squares = 0.0;
  std::int64_t count = 0;
  for_each_shared_block(team, source, [&](const SnapshotBlock& rows) {
    if (count == 0) moments.first = rows.row(0).cast<double>().transpose();
    if (count == 0) sum = VectorXd::Zero(rows.cols());
    for (Index t = 0; t < rows.rows(); ++t, ++count) {
      deviation = rows.row(t).cast<double>().transpose() - moments.first;
      sum += deviation;
      squares += deviation.squaredNorm();
    }
    moments.last = rows.row(rows.rows() - 1).cast<double>().transpose();
  });
  sum /= count;
  moments.mean = moments.first + sum;
  moments.total_variance = squares / count - sum.squaredNorm();
  return moments;
}

MatrixXd centred_products(const Communicator& team, const SnapshotSource& source, const VectorXd& mean,
                          const MatrixXd& v) {
  MatrixXd products = MatrixXd::Zero(v.rows(), v.cols());
  MatrixXd centred;
  int block = 0;
  for_each_shared_block(team, source, [&](const SnapshotBlock& rows) {
    if (block++ % team.size() != team.rank()) return;
    centred = rows.cast<double>().rowwise() - mean.transpose();
    add_transposed_product(centred, multiply(centred, v), products);
  });
  return products;
}

}  // namespace flatsweep
