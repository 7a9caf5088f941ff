#include "flatsweep/io/tree.hpp"

#include "flatsweep/base/error.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <set>

namespace flatsweep {

namespace {

template <class Items>
auto find_named(Items& items, std::string_view name) -> decltype(items.data()) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

std::string between_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

template <class T>
const T& typed(const Group& group, std::string_view name, const char* type) {
  const auto* value = group.attribute(name);
  if (!value) throw DamagedFile("group " + between_quotes(group.name) + " has no attribute " + between_quotes(name));
  const auto* found = std::get_if<T>(value);
  if (!found)
    throw DamagedFile("attribute " + between_quotes(name) + " of group " + between_quotes(group.name) + " is not " +
                      type);
  return *found;
}

void check_new(const Group& group, const Dataset& dataset, std::size_t values) {
  const auto where = "data set " + between_quotes(dataset.name) + " of group " + between_quotes(group.name);
  if (dataset.name.empty() || dataset.name.find('/') != std::string::npos)
    throw IoError(where + ": a name must not be empty or contain '/'");
  if (dataset.shape.empty() || dataset.count() != values)
    throw IoError(where + ": " + std::to_string(values) + " values do not fill its shape");
  if (dataset.axes.size() != dataset.shape.size()) throw IoError(where + ": every axis needs a name");
  if (group.find(dataset.name)) throw IoError(where + " is already there");
}

Dataset& add_bytes(Group& group, Dataset&& dataset, std::size_t values, const void* source) {
  check_new(group, dataset, values);
  dataset.bytes.resize(values * dataset.element_size);
  if (source && !dataset.bytes.empty()) std::memcpy(dataset.bytes.data(), source, dataset.bytes.size());
  return group.datasets.emplace_back(std::move(dataset));
}

template <class T>
Dataset& add_numbers(Group& group, ElementType type, std::string_view name, std::span<const T> values,
                     std::vector<std::uint64_t>&& shape, std::vector<std::string>&& axes) {
  Dataset dataset{std::string(name), type, sizeof(T), std::move(shape), {}, {}, {}, std::move(axes), {}, {}};
  return add_bytes(group, std::move(dataset), values.size(), values.data());
}

}  // namespace

std::uint64_t Dataset::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
}

namespace {

/// The words whose bits are set.
std::string flags_of(std::int64_t mask, const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    if ((mask >> i & 1) != 0) text += (text.empty() ? "" : ", ") + words[i];
  return text;
}

}  // namespace

std::vector<std::string> Dataset::strings() const {
  std::vector<std::string> texts;
  const auto add = [&](std::int64_t place) {
    if (flags && place >= 0 && place >> words.size() == 0) return texts.push_back(flags_of(place, words));
    if (flags || place < 0 || place >= std::ssize(words))
      throw DamagedFile("data set " + between_quotes(name) + " has an element that stands for no word");
    texts.push_back(words[place]);
  };
  if (type == ElementType::i4)
    std::ranges::for_each(values<std::int32_t>(), add);
  else
    std::ranges::for_each(values<std::int8_t>(), add);
  return texts;
}

void Dataset::require(ElementType wanted) const {
  if (type != wanted)
    throw DamagedFile("data set " + between_quotes(name) + " has elements of another type than it should");
}

const std::vector<std::uint64_t>& Dataset::shape_of(std::size_t axes_wanted) const {
  if (shape.size() == axes_wanted) return shape;
  throw DamagedFile("data set " + between_quotes(name) + " has " + std::to_string(shape.size()) + " axes instead of " +
                    std::to_string(axes_wanted));
}

void Group::set(std::string_view attribute_name, AttributeValue value) {
  if (auto* there = find_named(attributes, attribute_name))
    there->value = std::move(value);
  else
    attributes.push_back({std::string(attribute_name), std::move(value)});
}

void Group::set(std::string_view attribute_name, AttributeValue value, std::string_view unit,
                std::string_view sentence) {
  set(attribute_name, std::move(value));
  auto line = std::string(attribute_name);
  if (!unit.empty()) line.append(" (").append(unit).append(")");
  line.append(": ").append(sentence);
  const auto* there = attribute(attribute_descriptions);
  set(attribute_descriptions, joined_descriptions(there ? std::get<std::string>(*there) : "", line));
}

const AttributeValue* Group::attribute(std::string_view attribute_name) const {
  const auto* found = find_named(attributes, attribute_name);
  return found ? &found->value : nullptr;
}

std::int64_t Group::integer(std::string_view attribute_name) const {
  return typed<std::int64_t>(*this, attribute_name, "an integer");
}

double Group::real(std::string_view attribute_name) const {
  const auto* value = attribute(attribute_name);
  if (const auto* whole = value ? std::get_if<std::int64_t>(value) : nullptr) return static_cast<double>(*whole);
  return typed<double>(*this, attribute_name, "a number");
}

std::string Group::text(std::string_view attribute_name) const {
  return typed<std::string>(*this, attribute_name, "a text");
}

using Shape = std::vector<std::uint64_t>;
using Names = std::vector<std::string>;

Dataset& Group::add(std::string_view n, std::span<const float> values, Shape shape, Names axes) {
  return add_numbers(*this, ElementType::f4, n, values, std::move(shape), std::move(axes));
}
Dataset& Group::add(std::string_view n, std::span<const double> values, Shape shape, Names axes) {
  return add_numbers(*this, ElementType::f8, n, values, std::move(shape), std::move(axes));
}
Dataset& Group::add(std::string_view n, std::span<const std::int32_t> values, Shape shape, Names axes) {
  return add_numbers(*this, ElementType::i4, n, values, std::move(shape), std::move(axes));
}
Dataset& Group::add(std::string_view n, std::span<const std::int64_t> values, Shape shape, Names axes) {
  return add_numbers(*this, ElementType::i8, n, values, std::move(shape), std::move(axes));
}
Dataset& Group::add(std::string_view n, std::span<const std::uint8_t> values, Shape shape, Names axes) {
  return add_numbers(*this, ElementType::u1, n, values, std::move(shape), std::move(axes));
}

namespace {

Names different(std::span<const std::string> values) {
  Names found;
  std::set<std::string_view> known;
  for (const auto& value : values)
    if (known.insert(value).second) found.push_back(value);
  return found;
}

template <class T>
std::vector<T> places(std::string_view dataset, std::span<const std::string> values, const Names& words) {
  std::map<std::string_view, T> known;
  for (const auto& word : words) {
    if (word.find('\n') != std::string::npos)
      throw IoError("data set " + between_quotes(dataset) + ": a text of several lines");
    known.emplace(word, static_cast<T>(known.size()));
  }
  std::vector<T> found;
  for (const auto& value : values) {
    const auto word = known.find(value);
    if (word == known.end())
      throw IoError("data set " + between_quotes(dataset) + " has no word " + between_quotes(value));
    found.push_back(word->second);
  }
  return found;
}

}  // namespace

Dataset& Group::add(std::string_view n, std::span<const std::string> values, Names axes, Names words) {
  constexpr std::size_t most_in_a_byte = 128;
  if (words.empty()) words = different(values);
  const auto add_places = [&]<class T>(ElementType type, std::vector<T> numbers) -> Dataset& {
    return add_numbers(*this, type, n, std::span<const T>(numbers), {values.size()}, std::move(axes));
  };
  auto& added = words.size() <= most_in_a_byte ? add_places(ElementType::i1, places<std::int8_t>(n, values, words))
                                               : add_places(ElementType::i4, places<std::int32_t>(n, values, words));
  added.words = std::move(words);
  return added;
}

Dataset& Group::add_flags(std::string_view n, std::span<const std::int8_t> masks, Names axes, Names words) {
  for (const auto mask : masks)
    if (words.size() > Dataset::flag_bits || mask < 0 || mask >> words.size() != 0)
      throw IoError("data set " + between_quotes(n) + " has a flag without a word");
  auto& added = add_numbers(*this, ElementType::i1, n, masks, {masks.size()}, std::move(axes));
  added.words = std::move(words);
  added.flags = true;
  return added;
}

const Dataset* Group::find(std::string_view dataset_name) const { return find_named(datasets, dataset_name); }

const Dataset& Group::dataset(std::string_view dataset_name) const {
  if (const auto* found = find(dataset_name)) return *found;
  throw DamagedFile("group " + between_quotes(name) + " has no data set " + between_quotes(dataset_name));
}

const Group& Group::subgroup(std::string_view path) const {
  if (const auto* found = find_group(path)) return *found;
  throw DamagedFile("group " + between_quotes(name) + " has no group " + between_quotes(path));
}

const Group* Group::find_group(std::string_view path) const {
  const auto slash = path.find('/');
  const auto* child = find_named(groups, path.substr(0, slash));
  if (!child || slash == std::string_view::npos) return child;
  return child->find_group(path.substr(slash + 1));
}

Group& Group::group(std::string_view path) {
  if (path.empty()) return *this;
  const auto slash = path.find('/');
  const auto first = path.substr(0, slash);
  auto* child = find_named(groups, first);
  if (!child) {
    child = &groups.emplace_back();
    child->name = first;
  }
  return slash == std::string_view::npos ? *child : child->group(path.substr(slash + 1));
}

}  // namespace flatsweep
