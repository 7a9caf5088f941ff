#pragma once

#include "flatsweep/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace flatsweep {

/// What a file holds is not what was written there. Failures to get at the file are plain IoErrors.
struct DamagedFile : IoError {
  using IoError::IoError;
};

/// Element types that a data set may have. `i1` is for words alone.
enum class ElementType { f4, f8, i4, i8, u1, i1 };

using AttributeValue = std::variant<std::int64_t, double, std::string, std::vector<double>>;
struct Attribute {
  std::string name;
  AttributeValue value;
};

/// One array in memory, row-major, with all that its HDF5 data set will carry.
struct Dataset {
  std::string name;
  ElementType type = ElementType::f8;
  std::size_t element_size = 8;  ///< bytes
  std::vector<std::uint64_t> shape;
  std::vector<std::byte> bytes;  ///< size = product(shape) * element_size; empty in a skeleton
  std::string units;             ///< "" where the number has none
  std::string description;
  /// For every axis the name of the data set in the same group that is its dimension scale; a name that the
  /// group does not hold becomes an index 0..length-1 of type i4, made by `complete_axes`. A 1-D data set whose
  /// only axis has its own name is itself a scale.
  std::vector<std::string> axes;
  std::vector<Attribute> attributes;
  /// What 0, 1, ... stand for, where elements are words: of type i1 up to 128 words, i4 for more. In the file these are
  /// CF's attributes `flag_values` and `flag_meanings`. netCDF cannot read texts of fixed length, nor parallel HDF5
  /// write others.
  std::vector<std::string> words;
  /// An element has any number of the words: they are flags, its bits 1, 2, 4, ..., and CF's attribute is `flag_masks`.
  bool flags = false;
  static constexpr std::size_t flag_bits = 7;  ///< of an i1 that is never negative

  [[nodiscard]] std::uint64_t count() const;
  /// @throws DamagedFile when the elements are of another type
  template <class T>
  [[nodiscard]] std::span<const T> values() const {
    require(type_of<T>());
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  /// Each element's word, or its flags with commas between them.  @throws DamagedFile where one stands for none
  [[nodiscard]] std::vector<std::string> strings() const;
  /// @throws DamagedFile unless there are so many axes
  [[nodiscard]] const std::vector<std::uint64_t>& shape_of(std::size_t axes_wanted) const;
  [[nodiscard]] bool is_scale() const { return axes.size() == 1 && axes.front() == name; }

 private:
  template <class T>
  static constexpr ElementType type_of() {
    if constexpr (std::is_same_v<T, float>) return ElementType::f4;
    if constexpr (std::is_same_v<T, double>) return ElementType::f8;
    if constexpr (std::is_same_v<T, std::int32_t>) return ElementType::i4;
    if constexpr (std::is_same_v<T, std::int64_t>) return ElementType::i8;
    if constexpr (std::is_same_v<T, std::uint8_t>) return ElementType::u1;
    if constexpr (std::is_same_v<T, std::int8_t>) return ElementType::i1;
  }
  void require(ElementType wanted) const;
};

/// A group of an HDF5 file in memory: attributes, data sets, sub-groups, all in the order in which they were added.
struct Group {
  std::string name;
  std::vector<Attribute> attributes;
  std::vector<Dataset> datasets;
  std::vector<Group> groups;

  void set(std::string_view attribute, AttributeValue value);
  /// The same, and says what it is: a line `name (unit): sentence` of the group's attribute `attribute_descriptions`.
  void set(std::string_view attribute, AttributeValue value, std::string_view unit, std::string_view sentence);
  [[nodiscard]] const AttributeValue* attribute(std::string_view name) const;  ///< nullptr where absent
  /// @throws DamagedFile where it is absent or of another type
  [[nodiscard]] std::int64_t integer(std::string_view attribute) const;
  [[nodiscard]] double real(std::string_view attribute) const;  ///< accepts an integer as well
  [[nodiscard]] std::string text(std::string_view attribute) const;

  /// Adds a data set; returns it so that units and description can be set (valid until the next `add`).
  /// @throws IoError when shape and values differ in number, an axis has no name, or the name is taken
  Dataset& add(std::string_view name, std::span<const float> values, std::vector<std::uint64_t> shape,
               std::vector<std::string> axes);
  Dataset& add(std::string_view name, std::span<const double> values, std::vector<std::uint64_t> shape,
               std::vector<std::string> axes);
  Dataset& add(std::string_view name, std::span<const std::int32_t> values, std::vector<std::uint64_t> shape,
               std::vector<std::string> axes);
  Dataset& add(std::string_view name, std::span<const std::int64_t> values, std::vector<std::uint64_t> shape,
               std::vector<std::string> axes);
  Dataset& add(std::string_view name, std::span<const std::uint8_t> values, std::vector<std::uint64_t> shape,
               std::vector<std::string> axes);
  /// Words, each one of `words`; where there are no such, the different ones among the values, in their order.
  /// @throws IoError for a value that is none of them, or has more than one line
  Dataset& add(std::string_view name, std::span<const std::string> values, std::vector<std::string> axes,
               std::vector<std::string> words = {});
  /// Flags: bit i of an element is that of `words[i]`, of which there are `flag_bits` at most.
  /// @throws IoError for a bit that has no word
  Dataset& add_flags(std::string_view name, std::span<const std::int8_t> masks, std::vector<std::string> axes,
                     std::vector<std::string> words);

  [[nodiscard]] const Dataset* find(std::string_view dataset) const;   ///< nullptr where absent
  [[nodiscard]] const Dataset& dataset(std::string_view name) const;   ///< DamagedFile where absent
  [[nodiscard]] const Group* find_group(std::string_view path) const;  ///< nullptr where absent
  [[nodiscard]] const Group& subgroup(std::string_view path) const;    ///< DamagedFile where absent
  /// The sub-group of that path ("pca/fc2"), made where absent.
  Group& group(std::string_view path);
};

/// The attribute of a group that says what its others are, one a line. Where two parts of a file meet in one group
/// their lines are put together.
inline constexpr std::string_view attribute_descriptions = "attribute_descriptions";
/// The lines of both, each once.
[[nodiscard]] std::string joined_descriptions(std::string lines, std::string_view more);

/// Adds the missing dimension scales (see Dataset::axes) to this group and all groups below it.
/// @throws IoError when two axes of one group have the same name and different lengths
void complete_axes(Group& group);

/// True for the scale 0..n-1 that `complete_axes` makes: it carries no information beyond its length.
[[nodiscard]] bool is_index_scale(const Dataset& dataset);

/// Puts the contents of `from` into `into`: groups of the same name merge, data sets are added, attributes are added or
/// replaced, their descriptions put together. An index scale that `into` already has with the same length is left out.
/// @throws IoError when both hold a data set of the same name
void merge(Group& into, Group from);

}  // namespace flatsweep
