#include "pool.hpp"

#include "centred_products.hpp"
#include "flatsweep/base/index.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/par/ordered_sum.hpp"

#include <vector>

namespace flatsweep {
using Eigen::MatrixXd;

Range owned_members(const Communicator& comm, std::size_t members) { return share(members, comm.rank(), comm.size()); }

Pool::Pool(const Communicator& comm, std::span<const PoolMember> members, std::function<void()> each_pass)
    : comm_(comm), members_(members), each_pass_(std::move(each_pass)) {
  for (const auto& member : members) iterations_ += member.iterations;
}

std::span<const PoolMember> Pool::own() const {
  const auto range = owned_members(comm_, members_.size());
  return members_.subspan(range.begin, range.size());
}

MatrixXd Pool::sum(Index rows, Index columns, const Contribution& contribution) const {
  start_pass();
  const std::size_t entries = rows * columns;
  std::vector<double> mine;
  agree(comm_, [&] {
    mine.reserve(own().size() * entries);
    for (const auto& member : own()) {
      const MatrixXd matrix = contribution(member);
      mine.insert(mine.end(), matrix.data(), matrix.data() + matrix.size());
    }
  });
  MatrixXd total(rows, columns);
  sum_in_order(comm_, std::ssize(members_), mine, std::span(total.data(), entries));
  return total;
}

MatrixXd Pool::covariance_times(const MatrixXd& v) const {
  return sum(v.rows(), v.cols(),
             [&](const PoolMember& member) { return centred_products(self_, member.source, member.mean, v); }) /
         iterations_;
}

MatrixXd Pool::own_columns(Index first, Index width) const {
  Index rows = 0;
  for (const auto& member : own()) rows += member.iterations;
  MatrixXd columns(rows, width);
  Index filled = 0;
  for (const auto& member : own())
    columns_of(member.source, first, width).for_each_block([&](const SnapshotBlock& block) {
      columns.middleRows(filled, block.rows()) =
          block.cast<double>().rowwise() - member.mean.segment(first, width).transpose();
      filled += block.rows();
    });
  return columns;
}

}  // namespace flatsweep
