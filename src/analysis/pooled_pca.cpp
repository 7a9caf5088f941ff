#include "flatsweep/analysis/pooled_pca.hpp"

#include "centred_products.hpp"
#include "flatsweep/analysis/null_models.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/linalg/leading_modes.hpp"
#include "flatsweep/par/agreement.hpp"
#include "orient.hpp"
#include "pool.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

namespace {
using Eigen::MatrixXd;
using Eigen::VectorXd;

// A window may have to be trained again for every pass: more columns at once make fewer passes.
constexpr int columns_per_pass = 128;

EigenPairs pooled_modes_by_products(const Pool& pool, double total, const PooledPcaOptions& options) {
  const auto enough = [&](std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) >= (options.fraction - 1e-12) * total;
  };
  return leading_modes(pool.comm(), [&](const MatrixXd& x) { return pool.covariance_times(x); }, pool.size(), enough,
                       {.block = columns_per_pass, .vectors = options.directions});
}

PoolRoute choose_route(const Pool& pool, const PooledPcaOptions& options) {
  const Index size = std::ssize(pool);
  if (std::min(size, pool.iterations()) > options.direct_modes) return PoolRoute::products;
  return size <= pool.iterations() ? PoolRoute::covariance : PoolRoute::gram;
}

EigenPairs modes_by_route(const Pool& pool, PoolRoute route, double total, const PooledPcaOptions& options) {
  switch (route) {
    case PoolRoute::covariance:
      return pooled_modes_by_covariance(pool, options.directions);
    case PoolRoute::gram:
      return pooled_modes_by_gram(pool, options.directions);
    case PoolRoute::products:
      break;
  }
  return pooled_modes_by_products(pool, total, options);
}

/// u_i^T (T_a/T) C_a u_i / lambda_i.
MatrixXd member_shares(const Pool& pool, const MatrixXd& directions, const VectorXd& variance) {
  const auto self = Communicator::self();
  const Index count = std::ssize(pool.members());
  pool.start_pass();
  std::vector<double> mine;
  agree(pool.comm(), [&] {
    for (const auto& member : pool.own()) {
      const MatrixXd products = centred_products(self, member.source, member.mean, directions);
      for (Index i = 0; i < directions.cols(); ++i)
        mine.push_back(directions.col(i).dot(products.col(i)) / pool.iterations() / variance(i));
    }
  });
  const auto all = pool.comm().gather_all(mine);
  return Eigen::Map<const MatrixXd>(all.data(), directions.cols(), count);
}

/// Of the means' covariance, which has as many eigenvalues as members besides zeros.
VectorXd between_variances(const Pool& pool) {
  const auto members = pool.members();
  const auto weight = [&](const PoolMember& member) { return 1.0 * member.iterations / pool.iterations(); };
  VectorXd mean = VectorXd::Zero(pool.size());
  for (const auto& member : members) mean += weight(member) * member.mean;
  MatrixXd deviation(pool.size(), std::ssize(members));
  for (std::size_t a = 0; a < members.size(); ++a)
    deviation.col(a) = std::sqrt(weight(members[a])) * (members[a].mean - mean);
  return eigen_symmetric_on_root(pool.comm(), deviation.transpose() * deviation).values.cwiseMax(0.0);
}

double total_variance(const Pool& pool) {
  double sum = 0.0;
  for (const auto& member : pool.members()) sum += member.iterations * member.total_variance;
  return sum / pool.iterations();
}

}  // namespace

PooledPca pooled_principal_components(const Communicator& comm, std::span<const PoolMember> members,
                                      const PooledPcaOptions& options, const std::function<void()>& each_pass) {
  const Pool pool(comm, members, each_pass);
  PooledPca pca;
  pca.route = choose_route(pool, options);
  pca.iterations = pool.iterations();
  pca.total_variance = total_variance(pool);
  auto pairs = modes_by_route(pool, pca.route, pca.total_variance, options);
  pca.variance = pairs.values.cwiseMax(0.0);
  pca.residual = std::move(pairs.residuals);
  pca.directions = std::move(pairs.vectors);
  orient_by_largest_entry(pca.directions);
  pca.member_share = member_shares(pool, pca.directions, pca.variance);
  pca.between_variance = between_variances(pool);
  pca.modes_for_fraction = learning_dimension(entries(pca.variance), pca.total_variance, options.fraction);
  return pca;
}

}  // namespace flatsweep
