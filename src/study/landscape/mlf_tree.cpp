#include "mlf_tree.hpp"

#include "flatsweep/base/column_of.hpp"
#include "study/store/tree_entries.hpp"

#include <utility>

namespace flatsweep {

namespace {

using Numbers = std::vector<double>;
using Axes = std::vector<std::string>;

void add_pure_numbers(Group& group, const std::string& name, const Numbers& values, const char* axis,
                      const std::string& description) {
  add(group, name, values, {axis}, "1", description);
}

void add_mlf_axes(Group& group, const MlfSamples& samples) {
  add_integers(group, "direction", samples.direction, "direction", "1",
               "number, from 0, of the direction p_i: of the principal ones, or of those of the basis");
  add_integers(group, "other_direction", samples.direction, "other_direction", "1",
               "number, from 0, of the direction p_j along the second axis of matrices");
  std::vector<std::int32_t> pairs;
  for (const auto& pair : samples.pairs)
    for (const int row : pair) pairs.push_back(samples.direction[row]);
  auto& dataset =
      group.add("pairs", std::span<const std::int32_t>(pairs), {length(samples.pairs), 2}, {"pair", "member"});
  describe(
      dataset, "1",
      "directions i < j, from 0, of the pairs whose M_ij is kept for every minibatch, spread evenly over all pairs");
}

void add_minibatch_samples(Group& group, const MlfSamples& s) {
  add(group, "log_loss", s.log_loss, {"minibatch"}, "1", "ln L^mu(w_0), L^mu the mean loss of minibatch mu");
  const auto add_of = [&](const char* name, const MlfMatrix& values, const Axes& axes, const char* description) {
    add_matrix(group, name, values, axes, "1", description);
  };
  const Axes axes = {"direction", "minibatch"};
  add_of("gradient", s.gradient, axes, "d_i ln L^mu at w_0, L^mu the mean loss of minibatch mu");
  add_of("m_diagonal", s.m_diagonal, axes, "M_ii = d_ii ln L^mu at w_0, exact between kinks");
  add_of("theta", s.theta, axes,
         "theta~_i, a minimum of L^mu along p_i, downhill of w_0: the first that is wider than the search's growing "
         "steps; NaN: none within mlf.reach F_i, or not looked for");
  add_of("theta_newton", s.theta_newton, axes,
         "-d_i ln L^mu / M_ii, the minimum of L^mu that one Newton step finds; NaN where M_ii <= 0");
  add_of("m_off_diagonal", s.m_off_diagonal, {"pair", "minibatch"}, "M_ij = d_ij ln L^mu at w_0");
  const Axes square = {"direction", "other_direction"};
  add_of("m_mean", s.m_mean, square, "mean of M_ij over the minibatches; M_ii^(0) on the diagonal");
  add_of("m_variance", s.m_variance, square,
         "sigma_ij^2, variance of M_ij over the minibatches; sigma_M,i^2 on the diagonal");
}

void add_moments(Group& group, const std::string& of, const std::vector<SampleMoments>& moments, const char* axis) {
  const auto put = [&](const char* what, auto member, const std::string& description) {
    const auto values = column_of(moments, [&](const auto& m) -> double { return m.*member; });
    add_pure_numbers(group, of + "_" + what, values, axis, description + " of " + of);
  };
  put("count", &SampleMoments::count, "number of minibatches with a finite value");
  put("mean", &SampleMoments::mean, "mean over minibatches");
  put("variance", &SampleMoments::variance, "variance (1/count) over minibatches");
  put("sigma_robust", &SampleMoments::robust_sigma, "interquartile range / 1.349 over minibatches");
  put("skewness", &SampleMoments::skewness, "third standardised moment over minibatches");
  put("excess_kurtosis", &SampleMoments::excess_kurtosis, "fourth standardised moment less 3 over minibatches");
  put("normal_distance", &SampleMoments::normal_distance,
      "Kolmogorov-Smirnov distance to the normal distribution with the mean and variance over minibatches");
}

void add_correlation(Group& group, const MlfCorrelation& c) {
  const char* axis = c.over == MlfCorrelation::Over::pairs ? "pair" : "direction_row";
  const auto put = [&](const std::string& kind, const std::string& name, const std::vector<Correlation>& values,
                       double share) {
    const auto of = name + " correlation over the minibatches of the two quantities in the group's name";
    add_pure_numbers(group, kind, column_of(values, &Correlation::value), axis, of);
    add_pure_numbers(group, kind + "_low", column_of(values, &Correlation::low), axis,
                     "lower end of the 95 % band of the " + of);
    add_pure_numbers(group, kind + "_high", column_of(values, &Correlation::high), axis,
                     "upper end of the 95 % band of the " + of);
    group.set(kind + "_share_without_zero", share, "1",
              "share of directions or pairs whose 95 % band of the " + name +
                  " correlation leaves out 0; 0.05 where the two are independent");
  };
  put("pearson", "Pearson's", c.linear, c.linear_share);
  put("spearman", "Spearman's rank", c.rank, c.rank_share);
}

void add_scaling(Group& group, const MlfScaling& s, const PsiOptions& fit) {
  set_fit_range(group, fit.fit_first, fit.fit_last);
  set_exponent(group, "sigma_exponent", s.sigma,
               "exponent of sigma~_i ~ F_i^exponent over the fit range, sigma~_i the standard deviation of theta");
  set_exponent(group, "sigma_robust_exponent", s.sigma_robust,
               "exponent of sigma~_i ~ F_i^exponent over the fit range, sigma~_i from the quartiles of theta");
  set_exponent(group, "sigma_newton_robust_exponent", s.sigma_newton_robust,
               "exponent of sigma~_i ~ F_i^exponent over the fit range, sigma~_i from the quartiles of theta_newton");
  set_exponent(group, "m_exponent", s.m_mean, "exponent of M_ii^(0) ~ F_i^exponent over the fit range");
  set_exponent(
      group, "product_exponent", s.product,
      "exponent of (M_ii^(0))^2 sigma~_i^2 ~ F_i^exponent over the fit range, sigma~_i the standard deviation of "
      "theta");
  set_exponent(group, "product_robust_exponent", s.product_robust,
               "exponent of (M_ii^(0))^2 sigma~_i^2 ~ F_i^exponent over the fit range, sigma~_i from the quartiles of "
               "theta");
  set_exponent(group, "gradient_variance_exponent", s.gradient_variance,
               "exponent of the variance of gradient over minibatches ~ F_i^exponent over the fit range");
}

struct ClosureEntry {
  const char* name;
  Numbers MlfClosure::*values;
  double MlfClosureRatios::*ratio;  // none for 8/F^2 itself
  const char* description;
};
constexpr ClosureEntry closure_entries[] = {
    {"ensemble", &MlfClosure::ensemble, &MlfClosureRatios::ensemble,
     "curvature of ln L from the ensemble: M_ii^(0) + sigma~^2 ((M_ii^(0))^2 + sigma_M^2), eq. S10 with eq. S13 put "
     "in, "
     "corrected for i = 1 with sigma_M^2 theta_1^(0)^2; sigma~ the standard deviation of theta"},
    {"ensemble_robust", &MlfClosure::ensemble_robust, &MlfClosureRatios::ensemble_robust,
     "curvature of ln L from the ensemble as in ensemble, with sigma~ from the interquartile range of theta"},
    {"ensemble_as_printed", &MlfClosure::ensemble_as_printed, &MlfClosureRatios::ensemble_as_printed,
     "curvature of ln L from the ensemble by eq. S10 as printed, without the term of i = 1"},
    {"gradient", &MlfClosure::gradient, &MlfClosureRatios::gradient,
     "curvature of ln L as M_ii^(0) + variance of d_i ln L^mu, equal to corrected eq. S10 in the model"},
    {"weighted", &MlfClosure::weighted, &MlfClosureRatios::weighted,
     "curvature of ln <L^mu>, from the samples weighted with their loss; exact"},
    {"measured", &MlfClosure::measured, &MlfClosureRatios::measured,
     "curvature of ln L of the whole set at w_0; NaN where not measured"},
    {"flatness", &MlfClosure::flatness, nullptr, "8/F_i^2, curvature of the parabola ln L of width F_i"}};

void add_flatness_closure(Group& group, const MlfSummary& summary) {
  for (const auto& entry : closure_entries) {
    add_pure_numbers(group, entry.name, summary.closure.*entry.values, "direction_row", entry.description);
    if (entry.ratio != nullptr)
      group.set(std::string(entry.name) + "_median_ratio", summary.ratios.*entry.ratio, "1",
                std::string("median over the fit range of ") + entry.name + " / (8/F_i^2)");
  }
}

}  // namespace

Group mlf_tree(const MlfSamples& samples, const MlfDirections& along, const MlfSummary& summary,
               const PsiOptions& fit) {
  Group group;
  group.set("minibatches", std::int64_t{samples.minibatches()}, "1", "number of minibatches");
  group.set("batch_size", std::int64_t{samples.batch_size}, "1", "samples in a minibatch, B");
  group.set("theta_1_mean", summary.drift, "1",
            "theta_1^(0), mean minimum along direction 1; NaN where that is not among the directions");
  add_scaling(group, summary.scaling, fit);
  add_mlf_axes(group, samples);
  add(group, "flatness", along.flatness, {"direction"}, "1", "F_i along p_i; NaN where unbounded or not measured");
  add_minibatch_samples(group, samples);
  add_moments(group, "theta", summary.theta, "direction");
  add_moments(group, "theta_newton", summary.theta_newton, "direction");
  add_moments(group, "m_diagonal", summary.m_diagonal, "direction");
  add_moments(group, "gradient", summary.gradient, "direction");
  add_moments(group, "m_off_diagonal", summary.m_off_diagonal, "pair");
  for (const auto& correlation : summary.correlations)
    add_correlation(group.group("correlations/" + correlation.name), correlation);
  add_flatness_closure(group.group("closure"), summary);
  return group;
}

}  // namespace flatsweep
