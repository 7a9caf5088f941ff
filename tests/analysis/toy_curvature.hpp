#pragma once

#include "flatsweep/analysis/curvature_operator.hpp"
#include "flatsweep/analysis/minibatch_gradients.hpp"
#include "flatsweep/base/index.hpp"
#include "train/toy_training.hpp"

#include <Eigen/Core>
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

// Second-order matrices of the small training problem, by ways that form them.
namespace flatsweep {

inline const Communicator& world() {
  static const auto all = Communicator::world();
  return all;
}

/// The matrix, column by column. Collective.
inline Eigen::MatrixXd dense(CurvatureOperator& op) {
  return apply_to_columns(op.product(), Eigen::MatrixXd::Identity(op.size(), op.size()));
}

inline Eigen::MatrixXd dense(const ToyTraining& toy, CurvatureKind kind, std::optional<int> layer,
                             MinibatchScheme scheme = {}, std::size_t most_kept = CurvatureOperator::memory) {
  CurvatureOperator op(world(), toy.network, toy.start().weights, toy.train.set, kind, layer, std::move(scheme),
                       most_kept);
  return dense(op);
}

/// Gradients of one layer, a minibatch of `batch` samples to a row.
inline Eigen::MatrixXd gradient_rows(const Network& network, std::span<const float> weights, const ImageSet& set,
                                     int layer, int batch, std::span<const std::uint32_t> order) {
  MinibatchGradients gradients(network, weights, layer, set, batch);
  Eigen::MatrixXd rows(0, std::ssize(network.layers[layer]));
  gradients.for_each_block(order, [&](const SnapshotBlock& block) {
    rows.conservativeResize(rows.rows() + block.rows(), Eigen::NoChange);
    rows.bottomRows(block.rows()) = block.cast<double>();
  });
  return rows;
}
inline Eigen::MatrixXd gradient_rows(const ToyTraining& toy, int layer, int batch,
                                     std::span<const std::uint32_t> order) {
  return gradient_rows(toy.network, toy.start().weights, toy.train.set, layer, batch, order);
}

/// All samples in their order.
inline std::vector<std::uint32_t> everyone(const ImageSet& set) {
  std::vector<std::uint32_t> order(set.count());
  std::iota(order.begin(), order.end(), 0U);
  return order;
}
inline std::vector<std::uint32_t> everyone(const ToyTraining& toy) { return everyone(toy.train.set); }

/// Products in single precision, sums over a hundred samples.
inline void expect_equal(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  EXPECT_EQ(a.rows(), b.rows());
  EXPECT_EQ(a.cols(), b.cols());
  if (a.rows() != b.rows() || a.cols() != b.cols()) return;
  EXPECT_LT((a - b).cwiseAbs().maxCoeff(), 3e-6 * b.cwiseAbs().maxCoeff());
}

}  // namespace flatsweep
