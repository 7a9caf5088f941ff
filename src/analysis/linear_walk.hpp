#pragma once

#include "flatsweep/base/index.hpp"
#include "flatsweep/train/optimizer.hpp"

#include <Eigen/Core>

#include <utility>

namespace flatsweep {

/// Where linear steps take weights, or their projections, from 0 at rest.
class LinearWalk {
 public:
  LinearWalk(const LinearStep& step, Index size)
      : step_(step), position_(Eigen::VectorXd::Zero(size)), velocity_(position_), before_(position_) {}

  /// @return the position after the step along `gradient`
  const Eigen::VectorXd& move(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    std::swap(before_, velocity_);
    velocity_ = step_.momentum * before_ + gradient;
    position_ -= step_.rate * (velocity_ + step_.lookahead * (velocity_ - before_));
    return position_;
  }

 private:
  LinearStep step_;
  Eigen::VectorXd position_, velocity_, before_;
};

}  // namespace flatsweep
