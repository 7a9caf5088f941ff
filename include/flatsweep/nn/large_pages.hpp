#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

namespace flatsweep {

/// Numbers that are gone through from end to end, on large pages where the system has some: they are then read without
/// a look into the page table every 4 KiB. They begin at a cache line and hold anything until they are written.
class LargeArray {
 public:
  LargeArray() = default;
  /// @throws std::bad_alloc
  explicit LargeArray(std::size_t count);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::span<float> numbers() const { return {memory_.get(), count_}; }
  /// One of many parts of the same size.
  [[nodiscard]] std::span<float> part(std::size_t number, std::size_t size) const {
    return numbers().subspan(number * size, size);
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  std::size_t count_ = 0;
};

}  // namespace flatsweep
