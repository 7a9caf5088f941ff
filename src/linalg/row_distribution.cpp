#include "flatsweep/linalg/row_distribution.hpp"

#include "flatsweep/base/index.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/ordered_sum.hpp"

#include <algorithm>
#include <vector>

namespace flatsweep {
using Eigen::MatrixXd;

namespace {

// Enough for 64 ranks; shorter segments would cost more in sums than in products.
constexpr Index most_segments = 64;
constexpr Index least_rows = 256;

}  // namespace

RowDistribution::RowDistribution(const Communicator& comm, Index rows)
    : comm_(comm),
      rows_(rows),
      segments_(std::clamp<Index>(rows / least_rows, 1, most_segments)),
      mine_(share(segments_, comm.rank(), comm.size())),
      local_{share(rows, mine_.begin, segments_).begin, share(rows, mine_.end, segments_).begin} {}

void RowDistribution::for_each_segment(const std::function<void(Index, Index)>& visit) const {
  for (auto segment = mine_.begin; segment < mine_.end; ++segment) {
    const Range range = share(rows_, segment, segments_);
    visit(range.begin - local_.begin, range.size());
  }
}

// One rank keeps the running sum alone; several sum all segments' products in the same order.
MatrixXd RowDistribution::inner(const Eigen::Ref<const MatrixXd>& a, const Eigen::Ref<const MatrixXd>& b) const {
  MatrixXd sum(a.cols(), b.cols());
  std::vector<double> products;
  for_each_segment([&](Index first, Index count) {
    const MatrixXd product = a.middleRows(first, count).transpose() * b.middleRows(first, count);
    if (comm_.size() > 1)
      products.insert(products.end(), product.data(), product.data() + product.size());
    else if (first == 0)
      sum = product;
    else
      sum += product;
  });
  if (comm_.size() > 1) sum_in_order(comm_, segments_, products, entries(sum));
  return sum;
}

MatrixXd RowDistribution::times(const Eigen::Ref<const MatrixXd>& a, const MatrixXd& c) const {
  MatrixXd product(local_.size(), c.cols());
  for_each_segment(
      [&](Index first, Index count) { product.middleRows(first, count).noalias() = a.middleRows(first, count) * c; });
  return product;
}

MatrixXd RowDistribution::gather(const Eigen::Ref<const MatrixXd>& a) const {
  if (comm_.size() == 1) return a;
  MatrixXd whole(rows_, a.cols());
  const MatrixXd dense = a;
  const auto all = comm_.gather_all(entries(dense));
  const double* from = all.data();
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const Range held = share(segments_, rank, comm_.size());
    const Index begin = share(rows_, held.begin, segments_).begin;
    const Index count = share(rows_, held.end, segments_).begin - begin;
    whole.middleRows(begin, count) = Eigen::Map<const MatrixXd>(from, count, a.cols());
    from += count * a.cols();
  }
  return whole;
}

}  // namespace flatsweep
