#pragma once

#include <Eigen/Core>

#include <span>

namespace flatsweep {

/// The entries of a dense matrix, vector or array in its own order of storage; valid as long as its storage is.
template <class Derived>
[[nodiscard]] std::span<const typename Derived::Scalar> entries(const Eigen::PlainObjectBase<Derived>& of) {
  return {of.data(), static_cast<std::size_t>(of.size())};
}
template <class Derived>
[[nodiscard]] std::span<typename Derived::Scalar> entries(Eigen::PlainObjectBase<Derived>& of) {
  return {of.data(), static_cast<std::size_t>(of.size())};
}

}  // namespace flatsweep
