#pragma once

#include "flatsweep/analysis/loss_gradient.hpp"
#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/data/image_dataset.hpp"
#include "flatsweep/data/sampler.hpp"
#include "flatsweep/linalg/second_moment.hpp"
#include "flatsweep/linalg/symmetric_eigen.hpp"
#include "flatsweep/nn/cached_products.hpp"
#include "flatsweep/nn/network_executor.hpp"
#include "flatsweep/par/communicator.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace flatsweep {

/// Matrices of second derivatives or of second moments of gradients; four different ones, kept apart (SI S3). g_n is
/// the gradient of sample n's loss, M the number of samples.
enum class CurvatureKind { hessian, gauss_newton, empirical_fisher, minibatch_second_moment, noise_covariance };

template <>
inline constexpr auto enum_words<CurvatureKind> = make_enum_words<CurvatureKind>({
    {CurvatureKind::hessian, "hessian", "d^2 L/dw^2 of the mean loss, exact between kinks"},
    {CurvatureKind::gauss_newton, "gauss-newton",
     "(1/M) sum_n J_n^T (diag p_n - p_n p_n^T) J_n; equals the true Fisher matrix"},
    {CurvatureKind::empirical_fisher, "empirical-fisher", "(1/M) sum_n g_n g_n^T"},
    {CurvatureKind::minibatch_second_moment, "minibatch-second-moment",
     "Q Q^T/N_m, Q the gradients of N_m minibatches as columns (eq. S20)"},
    {CurvatureKind::noise_covariance, "noise-covariance", "C_B, the covariance of a minibatch's gradient"},
});

/// Minibatches, for the kinds that know them.
struct MinibatchScheme {
  int batch_size = 50;
  Sampling sampling = Sampling::reshuffle;  ///< with or without replacement, for C_B
  std::vector<std::uint32_t> order;         ///< minibatches one after another, for Q

  /// The covariance of the mean of B samples' gradients about their mean in the run, in units of that of one of the M
  /// samples: 1/B, times (M - B)/(M - 1) where no sample is drawn twice. Minibatches that stay (shuffle-once,
  /// fixed-partition) are made of U = B floor(M/B) samples, whose mean it is then: M (U - B)/(U (M - 1)).
  [[nodiscard]] double noise_factor(std::int64_t samples) const;
};

/// One of these matrices as an operator on the weights (and biases) of the whole network, or on the weights of one
/// layer, never formed. Samples, or minibatches, are dealt over the team; every product ends in one reduction. What
/// does not depend on the vector is computed once where it fits: CachedProducts, the gradients of all minibatches.
class CurvatureOperator {
 public:
  /// What a rank may keep between products, in bytes.
  static constexpr std::size_t memory = std::size_t{1} << 30;

  /// @param weights (parameters,) the same on every rank   @param layer absent: all weights and biases
  CurvatureOperator(const Communicator& team, const Network& network, std::span<const float> weights,
                    const ImageSet& set, CurvatureKind kind, std::optional<int> layer = std::nullopt,
                    MinibatchScheme scheme = {}, std::size_t most_kept = memory);
  /// Another matrix of the same weights over the same samples: both share what is kept of the samples.
  CurvatureOperator(const CurvatureOperator& other, CurvatureKind kind, MinibatchScheme scheme = {});

  [[nodiscard]] int size() const { return range_.size; }
  /// y = A x, bitwise the same on every rank; equal for any team size to rounding.
  /// @param x (size(),) the same on every rank   @param y (size(),)
  /// @note Collective over the team.
  void apply(std::span<const double> x, std::span<double> y);
  /// `apply` as a function, which this must outlive.
  [[nodiscard]] SymmetricOperator product() {
    return [this](std::span<const double> x, std::span<double> y) { apply(x, y); };
  }

 private:
  CurvatureOperator(const Communicator& team, const Network& network, std::span<const float> weights,
                    const ImageSet& set, CurvatureKind kind, std::optional<int> layer, MinibatchScheme scheme,
                    std::size_t most_kept, std::shared_ptr<CachedProducts> cached);
  void take_minibatches();
  void fill_cache();
  void keep_gradients();
  void multiply_cached();
  void multiply_gradients();
  void add_block(std::span<const std::uint8_t* const> images, std::span<const std::uint8_t> labels);
  void for_each_sample_block();
  void for_each_minibatch();
  void take_out_mean(std::span<const double> x, std::span<double> y) const;

  const Communicator& team_;
  Network network_;
  std::vector<float> weights_;
  const ImageSet& set_;
  CurvatureKind kind_;
  MinibatchScheme scheme_;
  std::vector<std::uint32_t> minibatches_;  // of the scheme those of this rank
  std::optional<int> layer_;
  WeightRange range_;
  std::shared_ptr<CachedProducts> cached_;     // where it suits
  RowMatrixF gradients_;                       // (minibatches of this rank, size), where they fit
  std::unique_ptr<NetworkExecutor> executor_;  // elsewhere
  std::vector<float> direction_, product_;     // (parameters,)
  std::vector<double> sum_;                    // (size,)
  std::vector<double> whole_sum_;              // (parameters,) where products are cached
  Eigen::VectorXd mean_gradient_;              // (size,), for C_B
};

}  // namespace flatsweep
