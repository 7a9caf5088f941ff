#pragma once

#include <utility>

namespace flatsweep {

/// Owner of one handle of a C library: move-only, destroys once. `Traits` gives
/// `static T empty()` and `static void destroy(T&) noexcept`.
template <class T, class Traits>
class Handle {
 public:
  Handle() : value_(Traits::empty()) {}
  explicit Handle(T value) : value_(value) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, Traits::empty())) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      value_ = std::exchange(other.value_, Traits::empty());
    }
    return *this;
  }
  ~Handle() { reset(); }

  [[nodiscard]] T get() const { return value_; }
  [[nodiscard]] explicit operator bool() const { return value_ != Traits::empty(); }
  /// Where a C function writes the handle that it creates; what was held is destroyed first.
  [[nodiscard]] T* put() {
    reset();
    return &value_;
  }
  /// Gives the handle up: the caller destroys it.
  [[nodiscard]] T release() { return std::exchange(value_, Traits::empty()); }
  void reset() {
    if (value_ != Traits::empty()) Traits::destroy(value_);
    value_ = Traits::empty();
  }

 private:
  T value_;
};

}  // namespace flatsweep
