#include "flatsweep/analysis/mlf.hpp"

#include "flatsweep/analysis/minibatch_landscape.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/par/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace flatsweep {

namespace {

// Sums over minibatches are formed in so many parts whatever the team, and added in order: the same for any team.
constexpr std::int64_t parts = 64;
constexpr double fraction_of_derivatives = 0.15;  // of the whole measurement's time, about

/// About `count` of the n (n - 1)/2 pairs i < j, at even distances in the order (0,1), (0,2), ..., (1,2), ...
std::vector<std::array<int, 2>> choose_pairs(int n, int count) {
  const std::int64_t all = std::int64_t{n} * (n - 1) / 2;
  const auto wanted = std::clamp<std::int64_t>(count, 0, all);
  std::vector<std::array<int, 2>> pairs;
  std::int64_t number = 0;
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j, ++number)
      if (number * wanted / all != (number + 1) * wanted / all) pairs.push_back({i, j});
  return pairs;
}

/// What one rank works with.
class Measurement {
 public:
  Measurement(const Communicator& team, const MlfProblem& problem, const Eigen::MatrixXd& directions,
              const MlfDirections& along, const MlfOptions& options, const std::function<void(double)>& checkpoint)
      : team_(team),
        problem_(problem),
        along_(along),
        options_(options),
        checkpoint_(checkpoint),
        columns_(directions.cast<float>()) {
    const std::size_t batch = problem.batch_size;
    minibatches_ = problem.order.size() / batch;
    if (options.minibatches > 0) minibatches_ = std::min<std::int64_t>(minibatches_, options.minibatches);
  }

  [[nodiscard]] MlfSamples run();

 private:
  [[nodiscard]] Range part(std::int64_t number) const { return share(minibatches_, number, parts); }
  [[nodiscard]] Range mine() const { return share(parts, team_.rank(), team_.size()); }
  [[nodiscard]] std::span<const std::uint32_t> samples(std::int64_t minibatch) const {
    const std::size_t batch = problem_.batch_size;
    return problem_.order.subspan(minibatch * batch, batch);
  }
  [[nodiscard]] Index count() const { return columns_.cols(); }
  void look(double fraction) const {
    if (checkpoint_) checkpoint_(fraction);
  }
  [[nodiscard]] MinibatchLandscape landscape() const {
    return {problem_.network, problem_.weights, problem_.layer, problem_.set, problem_.batch_size, columns_};
  }
  void take_derivatives();
  void record(const MinibatchDerivatives& at_zero);
  void gather_samples(MlfSamples& result) const;
  void gather_moments(MlfSamples& result) const;
  void find_minima(MlfSamples& result) const;
  [[nodiscard]] std::vector<double> widths(const MlfSamples& result) const;

  const Communicator& team_;
  const MlfProblem& problem_;
  const MlfDirections& along_;
  const MlfOptions& options_;
  const std::function<void(double)>& checkpoint_;
  std::int64_t minibatches_ = 0;
  Eigen::MatrixXf columns_;
  std::vector<std::array<int, 2>> pairs_;
  std::vector<double> rows_;     // of this rank's minibatches: ln L, gradient, diagonal, chosen pairs
  std::vector<double> moments_;  // of this rank's parts: sums of M_ij and M_ij^2, both (n, n)
  Eigen::MatrixXd sum_, sum_of_squares_;
};

void Measurement::record(const MinibatchDerivatives& at_zero) {
  const Eigen::VectorXd gradient = at_zero.gradient / at_zero.loss;
  const Eigen::MatrixXd m = at_zero.curvature / at_zero.loss - gradient * gradient.transpose();
  sum_ += m;
  sum_of_squares_ += m.cwiseAbs2();
  rows_.push_back(std::log(at_zero.loss));
  for (const double g : gradient) rows_.push_back(g);
  for (const double d : m.diagonal()) rows_.push_back(d);
  for (const auto& [i, j] : pairs_) rows_.push_back(m(i, j));
}

void Measurement::take_derivatives() {
  auto minibatch_landscape = landscape();
  for (auto number = mine().begin; number < mine().end; ++number) {
    sum_ = sum_of_squares_ = Eigen::MatrixXd::Zero(count(), count());
    for (auto mu = part(number).begin; mu < part(number).end; ++mu) {
      look(fraction_of_derivatives * number / parts);
      minibatch_landscape.load(samples(mu));
      record(minibatch_landscape.derivatives());
    }
    moments_.insert(moments_.end(), sum_.data(), sum_.data() + sum_.size());
    moments_.insert(moments_.end(), sum_of_squares_.data(), sum_of_squares_.data() + sum_of_squares_.size());
  }
}

void Measurement::gather_samples(MlfSamples& result) const {
  const auto all = team_.gather_all(rows_);
  const Index n = count(), pairs = std::ssize(pairs_);
  const Eigen::Map<const MlfMatrix> rows(all.data(), minibatches_, 1 + 2 * n + pairs);
  result.log_loss.assign(rows.col(0).begin(), rows.col(0).end());
  result.gradient = rows.middleCols(1, n).transpose();
  result.m_diagonal = rows.middleCols(1 + n, n).transpose();
  result.m_off_diagonal = rows.rightCols(pairs).transpose();
  result.theta_newton =
      (result.m_diagonal.array() > 0.0).select(-result.gradient.array() / result.m_diagonal.array(), nan);
}

void Measurement::gather_moments(MlfSamples& result) const {
  const auto all = team_.gather_all(moments_);
  const Index n = count();
  const double* part = all.data();
  result.m_mean = result.m_variance = Eigen::MatrixXd::Zero(n, n);
  for (std::int64_t number = 0; number < parts; ++number, part += 2 * n * n) {
    result.m_mean += Eigen::Map<const Eigen::MatrixXd>(part, n, n);
    result.m_variance += Eigen::Map<const Eigen::MatrixXd>(part + n * n, n, n);
  }
  const double minibatches = minibatches_;
  result.m_mean /= minibatches;
  result.m_variance = (result.m_variance / minibatches - result.m_mean.cwiseAbs2()).cwiseMax(0.0);
}

void add_mean_loss_curvature(MlfSamples& samples) {
  const Eigen::ArrayXd loss = Eigen::Map<const Eigen::ArrayXd>(samples.log_loss.data(), samples.minibatches()).exp();
  const double mean = loss.mean();
  for (Index i = 0; i < samples.gradient.rows(); ++i) {
    const Eigen::ArrayXd d = samples.gradient.row(i).transpose(), m = samples.m_diagonal.row(i).transpose();
    const double first = (loss * d).mean() / mean;
    samples.mean_loss_curvature.push_back((loss * (m + d.square())).mean() / mean - first * first);
  }
}

/// F_i, or what the curvature of the mean loss makes of it.
std::vector<double> Measurement::widths(const MlfSamples& result) const {
  auto widths = along_.flatness;
  for (std::size_t i = 0; i < widths.size(); ++i)
    if (!std::isfinite(widths[i]) && result.mean_loss_curvature[i] > 0.0)
      widths[i] = std::sqrt(8.0 / result.mean_loss_curvature[i]);
  return widths;
}

void Measurement::find_minima(MlfSamples& result) const {
  const auto width = widths(result);
  const auto first = part(mine().begin).begin, end = part(mine().end).begin;
  std::vector<double> found;
  agree(team_, [&] {
    auto minibatch_landscape = landscape();
    for (auto mu = first; mu < end; ++mu) {
      minibatch_landscape.load(samples(mu));
      for (Index i = 0; i < count(); ++i) {
        if (i % 16 == 0)
          look(fraction_of_derivatives +
               (1.0 - fraction_of_derivatives) * static_cast<double>(mu - first) / (end - first));
        const double w = width[i];
        found.push_back(
            minibatch_landscape.minimum(i, {result.theta_newton(i, mu), options_.reach * w, options_.tolerance * w}));
      }
    }
  });
  const auto all = team_.gather_all(found);
  result.theta = Eigen::Map<const MlfMatrix>(all.data(), minibatches_, count()).transpose();
}

MlfSamples Measurement::run() {
  MlfSamples result;
  result.direction = along_.direction;
  result.batch_size = problem_.batch_size;
  result.pairs = pairs_ = choose_pairs(count(), options_.pairs);
  agree(team_, [&] { take_derivatives(); });
  gather_samples(result);
  gather_moments(result);
  add_mean_loss_curvature(result);
  result.theta = MlfMatrix::Constant(count(), minibatches_, nan);
  if (options_.minima == MinimumPositions::measured) find_minima(result);
  return result;
}

}  // namespace

MlfDirections mlf_directions(const std::vector<int>& chosen, std::span<const DirectionFlatness> flatness) {
  MlfDirections along;
  for (const int direction : chosen) {
    const auto known = std::ranges::find(flatness, direction, &DirectionFlatness::direction);
    along.direction.push_back(direction);
    along.flatness.push_back(known == flatness.end() ? nan : known->flatness());
    along.curvature.push_back(known == flatness.end() ? nan : known->curvature);
  }
  return along;
}

MlfSamples measure_mlf(const Communicator& team, const MlfProblem& problem, const Eigen::MatrixXd& directions,
                       const MlfDirections& along, const MlfOptions& options,
                       const std::function<void(double fraction)>& checkpoint) {
  if (problem.batch_size < 1 || std::ssize(problem.order) < problem.batch_size)
    throw ConfigError(fmt::format("{} samples make no minibatch of {}", problem.order.size(), problem.batch_size));
  return Measurement(team, problem, directions, along, options, checkpoint).run();
}

}  // namespace flatsweep
