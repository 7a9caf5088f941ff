#include "flatsweep/analysis/stationarity.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/base/numbers.hpp"
#include "flatsweep/par/agreement.hpp"

#include <Eigen/Core>

#include <span>
#include <vector>

namespace flatsweep {

double stationarity(const Communicator& team, const SnapshotSource& window) {
  double squares = 0.0, products = 0.0;
  on_root(team, [&] {
    Eigen::VectorXd before;
    window.for_each_block([&](const SnapshotBlock& rows) {
      for (Index t = 0; t < rows.rows(); ++t) {
        const Eigen::VectorXd after = rows.row(t).transpose().cast<double>();
        if (before.size() > 0) {
          squares += (after - before).squaredNorm();
          products += before.dot(after - before);
        }
        before = after;
      }
    });
  });
  std::vector<double> r = {products == 0.0 ? nan : -0.5 * squares / products};
  team.broadcast(std::span(r));
  return r.front();
}

}  // namespace flatsweep
