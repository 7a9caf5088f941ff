#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flatsweep {

/// One value of an enum: the word for it in configurations, results.h5 and on the terminal, and what it means.
template <class E>
struct EnumWord {
  E value;
  std::string_view word;
  std::string_view sentence = {};
};

/// The one table of an enum's words, specialised beside the enum by `make_enum_words`.
template <class E>
inline constexpr std::nullptr_t enum_words = nullptr;

template <class E>
concept WordedEnum = requires {
  enum_words<E>.size();
};

namespace detail {

/// Is the value one of the enumerators? Compilers write one as E::name and any other value as (E)4.
template <auto value>
consteval bool is_enumerator() {
  return std::string_view(__PRETTY_FUNCTION__).find("value = (") == std::string_view::npos;
}

}  // namespace detail

/// Does not compile unless the rows are all enumerators of E, numbered from 0 in the order of the enum, each with a
/// word of its own.
template <class E, std::size_t n>
consteval std::array<EnumWord<E>, n> make_enum_words(const EnumWord<E> (&rows)[n]) {
  static_assert(detail::is_enumerator<static_cast<E>(n - 1)>(), "the table has more rows than the enum has values");
  static_assert(!detail::is_enumerator<static_cast<E>(n)>(), "a value of the enum has no word");
  for (std::size_t i = 0; i < n; ++i) {
    if (rows[i].value != static_cast<E>(i)) throw "rows stand in another order than the enum's values";
    for (std::size_t j = 0; j < i; ++j)
      if (rows[j].word == rows[i].word) throw "two values have one word";
  }
  return std::to_array(rows);
}

template <WordedEnum E>
[[nodiscard]] constexpr std::string_view to_string(E value) {
  return enum_words<E>[static_cast<std::size_t>(value)].word;
}

template <WordedEnum E>
[[nodiscard]] std::vector<std::string> all_words() {
  std::vector<std::string> words;
  for (const auto& row : enum_words<E>) words.emplace_back(row.word);
  return words;
}

/// The value of this word; nothing where no value has it.
template <WordedEnum E>
[[nodiscard]] constexpr std::optional<E> from_word(std::string_view word) {
  for (const auto& row : enum_words<E>)
    if (row.word == word) return row.value;
  return std::nullopt;
}

}  // namespace flatsweep
