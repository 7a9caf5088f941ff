#include "flatsweep/nn/large_pages.hpp"

#include "flatsweep/nn/aligned.hpp"

#include <sys/mman.h>

#include <new>

namespace flatsweep {

LargeArray::LargeArray(std::size_t count) : count_(count) {
  constexpr std::size_t large_page = std::size_t{2} << 20;
  const std::size_t bytes = count * sizeof(float), alignment = bytes < large_page ? line_bytes : large_page;
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  memory_.reset(static_cast<float*>(std::aligned_alloc(alignment, whole)));
  if (memory_ == nullptr && count > 0) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // Advice: nothing is wrong where the system cannot follow it.
  if (alignment == large_page) (void)::madvise(memory_.get(), whole, MADV_HUGEPAGE);
#endif
}

}  // namespace flatsweep
