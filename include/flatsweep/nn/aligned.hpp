#pragma once

#include <boost/align/aligned_allocator.hpp>

#include <vector>

namespace flatsweep {

/// Bytes of a cache line and of the widest vector register: a load that crosses a line costs as much as several.
constexpr std::size_t line_bytes = 64;

template <class T>
using AlignedVector = std::vector<T, boost::alignment::aligned_allocator<T, line_bytes>>;

}  // namespace flatsweep
