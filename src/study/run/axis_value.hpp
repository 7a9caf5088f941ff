#pragma once

#include "flatsweep/base/enum_words.hpp"

#include <fmt/format.h>

#include <string>

namespace flatsweep {

/// A value of an axis as the configuration spells it.
template <class T>
[[nodiscard]] std::string axis_value(const T& value) {
  if constexpr (WordedEnum<T>)
    return fmt::format("\"{}\"", to_string(value));
  else
    return fmt::format("{}", value);
}

}  // namespace flatsweep
