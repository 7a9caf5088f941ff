#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace flatsweep {

/// Any number of the values of an enum with words; value i of the enum is bit i of the mask.
template <WordedEnum E>
class FlagSet {
 public:
  using Flag = E;
  static_assert(enum_words<E>.size() <= 7, "a mask is one byte, and never negative");

  void add(E flag) { mask_ = static_cast<std::int8_t>(mask_ | bit(flag)); }
  void add_if(bool holds, E flag) {
    if (holds) add(flag);
  }
  void add(const FlagSet& others) { mask_ = static_cast<std::int8_t>(mask_ | others.mask_); }
  [[nodiscard]] bool has(E flag) const { return (mask_ & bit(flag)) != 0; }
  [[nodiscard]] bool empty() const { return mask_ == 0; }
  [[nodiscard]] std::int8_t mask() const { return mask_; }

  bool operator==(const FlagSet&) const = default;

 private:
  static int bit(E flag) { return 1 << static_cast<int>(flag); }

  std::int8_t mask_ = 0;
};

template <class T>
inline constexpr bool is_flag_set = false;
template <WordedEnum E>
inline constexpr bool is_flag_set<FlagSet<E>> = true;

/// The words of the flags that are set, with commas between them; "" where none is.
template <WordedEnum E>
[[nodiscard]] std::string to_text(const FlagSet<E>& flags) {
  std::string text;
  for (const auto& row : enum_words<E>)
    if (flags.has(row.value)) text.append(text.empty() ? "" : ", ").append(row.word);
  return text;
}

}  // namespace flatsweep
