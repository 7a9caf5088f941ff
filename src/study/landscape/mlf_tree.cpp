#include "mlf_tree.hpp"

#include "study/store/tree_entries.hpp"

#include <functional>
#include <utility>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;
using Axes = std::vector<std::string>;

void add_numbers(Group& group, const std::string& name, const Numbers& values, const char* axis,
                 const std::string& description) {
  add(group, name.c_str(), values, {axis}, "1", description.c_str());
}

void add_matrix(Group& group, const char* name, const MlfMatrix& values, Axes axes, const char* description) {
  add(group, name, {values.data(), values.data() + values.size()}, matrix_shape(values), std::move(axes), "1",
      description);
}

void add_directions(Group& group, const MlfSamples& samples) {
  const std::vector<std::int32_t> direction(samples.direction.begin(), samples.direction.end());
  group.add("direction", std::span<const std::int32_t>(direction), {length(direction)}, {"direction"}).description =
      "number of the principal direction, from 0";
  group.add("other_direction", std::span<const std::int32_t>(direction), {length(direction)}, {"other_direction"})
      .description = "the same, for the second axis of matrices";
  std::vector<std::int32_t> pairs;
  for (const auto& pair : samples.pairs)
    for (const int row : pair) pairs.push_back(direction[row]);
  auto& dataset =
      group.add("pairs", std::span<const std::int32_t>(pairs), {length(samples.pairs), 2}, {"pair", "member"});
  dataset.description = "directions i < j of the pairs whose M_ij is kept, from 0";
}

void add_samples(Group& group, const MlfSamples& s) {
  add(group, "log_loss", s.log_loss, {"minibatch"}, "1", "ln L^mu(w_0), L^mu the mean loss of minibatch mu");
  const Axes axes = {"direction", "minibatch"};
  add_matrix(group, "gradient", s.gradient, axes, "d_i ln L^mu at w_0");
  add_matrix(group, "m_diagonal", s.m_diagonal, axes, "M_ii = d_ii ln L^mu at w_0, exact between kinks");
  add_matrix(group, "theta", s.theta, axes,
             "a minimum of L^mu along p_i, downhill of w_0, theta~_i; NaN: none within reach");
  add_matrix(group, "theta_newton", s.theta_newton, axes, "-d_i ln L^mu / M_ii; NaN where M_ii <= 0");
  add_matrix(group, "m_off_diagonal", s.m_off_diagonal, {"pair", "minibatch"}, "M_ij = d_ij ln L^mu at w_0");
  const Axes square = {"direction", "other_direction"};
  add_matrix(group, "m_mean", s.m_mean, square, "mean of M_ij over the minibatches; M_ii^(0) on the diagonal");
  add_matrix(group, "m_variance", s.m_variance, square, "sigma_ij^2, variance of M_ij; sigma_M,i^2 on the diagonal");
}

Numbers column(const auto& rows, auto member) {
  Numbers values;
  for (const auto& row : rows) values.push_back(std::invoke(member, row));
  return values;
}

void add_moments(Group& group, const std::string& of, const std::vector<SampleMoments>& moments, const char* axis) {
  const auto put = [&](const char* what, auto member, const std::string& description) {
    add_numbers(group, of + "_" + what, column(moments, member), axis, description + " of " + of);
  };
  put("count", &SampleMoments::count, "number of minibatches with a value");
  put("mean", &SampleMoments::mean, "mean over minibatches");
  put("variance", &SampleMoments::variance, "variance over minibatches");
  put("sigma_robust", &SampleMoments::robust_sigma, "interquartile range / 1.349");
  put("skewness", &SampleMoments::skewness, "skewness");
  put("excess_kurtosis", &SampleMoments::excess_kurtosis, "excess kurtosis");
  put("normal_distance", &SampleMoments::normal_distance, "Kolmogorov-Smirnov distance to the fitted normal");
}

void add_correlation(Group& group, const MlfCorrelation& c) {
  const char* axis = c.over == MlfCorrelation::Over::pairs ? "pair" : "direction_row";
  const auto put = [&](const std::string& kind, const std::vector<Correlation>& values, double share) {
    add_numbers(group, kind, column(values, &Correlation::value), axis, kind + " correlation over the minibatches");
    add_numbers(group, kind + "_low", column(values, &Correlation::low), axis, "lower end of its 95 % band");
    add_numbers(group, kind + "_high", column(values, &Correlation::high), axis, "upper end of its 95 % band");
    group.set(kind + "_share_without_zero", share);
  };
  put("pearson", c.linear, c.linear_share);
  put("spearman", c.rank, c.rank_share);
}

void add_scaling(Group& group, const MlfScaling& s, const PsiOptions& fit) {
  group.set("fit_first", std::int64_t{fit.fit_first});
  group.set("fit_last", std::int64_t{fit.fit_last});
  set_exponent(group, "sigma_exponent", s.sigma);
  set_exponent(group, "sigma_robust_exponent", s.sigma_robust);
  set_exponent(group, "sigma_newton_robust_exponent", s.sigma_newton_robust);
  set_exponent(group, "m_exponent", s.m_mean);
  set_exponent(group, "product_exponent", s.product);
  set_exponent(group, "product_robust_exponent", s.product_robust);
  set_exponent(group, "gradient_variance_exponent", s.gradient_variance);
}

struct ClosureEntry {
  const char* name;
  Numbers MlfClosure::*values;
  double MlfClosureRatios::*ratio;  // none for 8/F^2 itself
  const char* description;
};
constexpr ClosureEntry closure_entries[] = {
    {"ensemble", &MlfClosure::ensemble, &MlfClosureRatios::ensemble,
     "M_ii from the ensemble, eq. S10 with eq. S13 put in, corrected for i = 1"},
    {"ensemble_robust", &MlfClosure::ensemble_robust, &MlfClosureRatios::ensemble_robust,
     "the same with sigma~ from the interquartile range"},
    {"ensemble_as_printed", &MlfClosure::ensemble_as_printed, &MlfClosureRatios::ensemble_as_printed,
     "the same as printed, without sigma_M,1^2 theta_1^2"},
    {"gradient", &MlfClosure::gradient, &MlfClosureRatios::gradient,
     "M_ii^(0) + Var(d_i ln L^mu), equal to corrected eq. S10 in the model"},
    {"weighted", &MlfClosure::weighted, &MlfClosureRatios::weighted,
     "curvature of ln <L^mu>, from the samples weighted with their loss; exact"},
    {"measured", &MlfClosure::measured, &MlfClosureRatios::measured,
     "curvature of ln L of the whole set at w_0; NaN where not measured"},
    {"flatness", &MlfClosure::flatness, nullptr, "8/F_i^2"}};

void add_closure(Group& group, const MlfSummary& summary) {
  for (const auto& entry : closure_entries) {
    add_numbers(group, entry.name, summary.closure.*entry.values, "direction_row", entry.description);
    if (entry.ratio != nullptr) group.set(std::string(entry.name) + "_median_ratio", summary.ratios.*entry.ratio);
  }
}

}  // namespace

Group mlf_tree(const MlfSamples& samples, const MlfDirections& along, const MlfSummary& summary,
               const PsiOptions& fit) {
  Group group;
  group.set("minibatches", std::int64_t{samples.minibatches()});
  group.set("batch_size", std::int64_t{samples.batch_size});
  group.set("theta_1_mean", summary.drift);
  add_scaling(group, summary.scaling, fit);
  add_directions(group, samples);
  add(group, "flatness", along.flatness, {"direction"}, "1", "F_i, from flatness; NaN where unbounded or not measured");
  add_samples(group, samples);
  add_moments(group, "theta", summary.theta, "direction");
  add_moments(group, "theta_newton", summary.theta_newton, "direction");
  add_moments(group, "m_diagonal", summary.m_diagonal, "direction");
  add_moments(group, "gradient", summary.gradient, "direction");
  add_moments(group, "m_off_diagonal", summary.m_off_diagonal, "pair");
  for (const auto& correlation : summary.correlations)
    add_correlation(group.group("correlations/" + correlation.name), correlation);
  add_closure(group.group("closure"), summary);
  return group;
}

}  // namespace flatsweep
