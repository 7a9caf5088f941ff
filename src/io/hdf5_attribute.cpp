#include "hdf5_attribute.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/limits.hpp"

#include <algorithm>
#include <numeric>

namespace flatsweep {

namespace {

HdfType text_type() {
  HdfType type(check_hdf(H5Tcopy(H5T_C_S1), "copying a type"));
  check_hdf(H5Tset_size(type.get(), H5T_VARIABLE), "setting a text length");
  check_hdf(H5Tset_cset(type.get(), H5T_CSET_UTF8), "setting UTF-8");
  return type;
}

bool has_attribute(hid_t object, const std::string& name) {
  return check_hdf(H5Aexists(object, name.c_str()), "looking for attribute", name) > 0;
}

HdfSpace scalar_space() { return HdfSpace(check_hdf(H5Screate(H5S_SCALAR), "describing a scalar")); }

/// How one kind of value is laid out: its space, its type, and where its bytes are.
struct Stored {
  HdfSpace space;
  HdfType type;
  const void* data;
};

struct Store {
  const char*& text;  // outlives the visit: HDF5 wants the address of a pointer

  Stored operator()(const std::int64_t& value) const {
    return {scalar_space(), HdfType(check_hdf(H5Tcopy(H5T_STD_I64LE), "copying a type")), &value};
  }
  Stored operator()(const double& value) const {
    return {scalar_space(), HdfType(check_hdf(H5Tcopy(H5T_IEEE_F64LE), "copying a type")), &value};
  }
  Stored operator()(const std::string& value) const {
    text = value.c_str();
    return {scalar_space(), text_type(), &text};
  }
  Stored operator()(const std::vector<double>& values) const {
    const hsize_t length = values.size();
    HdfSpace space(check_hdf(H5Screate_simple(1, &length, nullptr), "describing a vector"));
    HdfType type(check_hdf(H5Tcopy(H5T_IEEE_F64LE), "copying a type"));
    if (values.empty()) return {std::move(space), std::move(type), &values};  // any address but null
    return {std::move(space), std::move(type), values.data()};
  }
};

template <class T>
T read_number(hid_t attribute, hid_t type, const std::string& name) {
  T value{};
  check_hdf(H5Aread(attribute, type, &value), "reading attribute", name);
  return value;
}

std::vector<double> read_vector(hid_t attribute, hssize_t count, const std::string& name) {
  if (count < 0 || static_cast<std::size_t>(count) > limits::attribute_values)
    throw DamagedFile("attribute '" + name + "' has more values than any of flatsweep");
  std::vector<double> values(count);
  if (count > 0) check_hdf(H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data()), "reading attribute", name);
  return values;
}

AttributeValue read_value(hid_t object, const std::string& name) {
  const HdfAttribute attribute(check_hdf(H5Aopen(object, name.c_str(), H5P_DEFAULT), "opening attribute", name));
  const HdfSpace space(check_hdf(H5Aget_space(attribute.get()), "reading the shape of attribute", name));
  const HdfType type(check_hdf(H5Aget_type(attribute.get()), "reading the type of attribute", name));
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) throw DamagedFile("attribute '" + name + "' has no value");
  const auto kind = H5Tget_class(type.get());
  const int axes = check_hdf(H5Sget_simple_extent_ndims(space.get()), "reading the shape of attribute", name);
  if (axes == 1 && kind == H5T_FLOAT)
    return read_vector(attribute.get(), H5Sget_simple_extent_npoints(space.get()), name);
  if (axes == 0 && kind == H5T_FLOAT) return read_number<double>(attribute.get(), H5T_NATIVE_DOUBLE, name);
  if (axes == 0 && kind == H5T_INTEGER) return read_number<std::int64_t>(attribute.get(), H5T_NATIVE_INT64, name);
  if (axes == 0 && kind == H5T_STRING && H5Tis_variable_str(type.get()) > 0)
    return read_text(attribute.get(), text_type().get(), name);
  throw DamagedFile("attribute '" + name + "' is neither a number, a text, nor a list of numbers");
}

// Called by HDF5 from C: -1 stops the iteration, and the caller throws.
herr_t keep_name(hid_t, const char* name, const H5A_info_t*, void* names) noexcept {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

}  // namespace

std::string read_text(hid_t attribute, hid_t type, const std::string& name) {
  char* text = nullptr;
  check_hdf(H5Aread(attribute, type, static_cast<void*>(&text)), "reading attribute", name);
  std::string copy = text != nullptr ? text : "";
  if (text != nullptr) H5free_memory(text);
  return copy;
}

std::string read_text_attribute(hid_t object, const std::string& name) {
  if (!has_attribute(object, name)) return "";
  const auto value = read_value(object, name);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  throw DamagedFile("attribute '" + name + "' is no text");
}

namespace {

/// An attribute may have 64 KiB.
constexpr std::size_t most_flags = 16000;

bool is_plain(const std::string& word) { return !word.empty() && word.find_first_of("_\t") == std::string::npos; }

/// As CF wants it: a blank ends a word.
std::string as_flag(std::string word) {
  if (word.empty()) return "_";
  for (char& c : word)
    if (c == ' ' || c == '\t') c = '_';
  return word;
}

std::string join_words(const std::vector<std::string>& words, char between, std::string (*form)(std::string)) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) text += (i > 0 ? std::string(1, between) : "") + form(words[i]);
  return text;
}

std::vector<std::string> parts_of(const std::string& text, char between) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == between)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

/// The numbers of so many words, or their masks.
std::vector<std::int32_t> numbers_of(std::size_t words, bool flags) {
  std::vector<std::int32_t> values(words);
  std::iota(values.begin(), values.end(), 0);
  if (flags)
    for (auto& value : values) value = 1 << value;
  return values;
}

void write_flag_values(hid_t hdf_dataset, const char* name, const std::vector<std::int32_t>& values) {
  const HdfType type(check_hdf(H5Dget_type(hdf_dataset), "reading the type of", name));
  const hsize_t length = values.size();
  const HdfSpace space(check_hdf(H5Screate_simple(1, &length, nullptr), "describing a vector"));
  const HdfAttribute target(check_hdf(H5Acreate2(hdf_dataset, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                                      "creating attribute", name));
  check_hdf(H5Awrite(target.get(), H5T_NATIVE_INT32, values.data()), "writing attribute", name);
}

void check_flag_values(hid_t hdf_dataset, const char* name, const std::vector<std::int32_t>& wanted) {
  const HdfAttribute attribute(check_hdf(H5Aopen(hdf_dataset, name, H5P_DEFAULT), "opening attribute", name));
  const HdfSpace space(check_hdf(H5Aget_space(attribute.get()), "reading the shape of attribute", name));
  const HdfType type(check_hdf(H5Aget_type(attribute.get()), "reading the type of attribute", name));
  std::vector<std::int32_t> values(wanted.size());
  if (H5Tget_class(type.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != std::ssize(values))
    throw DamagedFile("the words of a data set have not one number each");
  check_hdf(H5Aread(attribute.get(), H5T_NATIVE_INT32, values.data()), "reading attribute", name);
  if (values != wanted) throw DamagedFile("the words of a data set are not numbered in order");
}

}  // namespace

void write_words(hid_t hdf_dataset, const Dataset& dataset) {
  const auto& words = dataset.words;
  if (words.empty()) return;
  if (words.size() <= most_flags)
    write_flag_values(hdf_dataset, dataset.flags ? flag_masks : flag_values, numbers_of(words.size(), dataset.flags));
  write_attribute(hdf_dataset, {flag_meanings, join_words(words, ' ', as_flag)});
  if (!std::ranges::all_of(words, is_plain))
    write_attribute(hdf_dataset, {flag_texts, join_words(words, '\n', [](std::string word) { return word; })});
}

void read_words(hid_t hdf_dataset, Dataset& dataset) {
  if (!has_attribute(hdf_dataset, flag_meanings)) return;
  auto& words = dataset.words;
  words = parts_of(read_text_attribute(hdf_dataset, flag_meanings), ' ');
  dataset.flags = has_attribute(hdf_dataset, flag_masks);
  if (dataset.flags && words.size() > Dataset::flag_bits) throw DamagedFile("a data set has more flags than a byte");
  if (words.size() <= most_flags)
    check_flag_values(hdf_dataset, dataset.flags ? flag_masks : flag_values, numbers_of(words.size(), dataset.flags));
  if (!has_attribute(hdf_dataset, flag_texts)) {
    for (auto& word : words) std::ranges::replace(word, '_', ' ');
    return;
  }
  auto texts = parts_of(read_text_attribute(hdf_dataset, flag_texts), '\n');
  if (texts.size() != words.size()) throw DamagedFile("the words of a data set have not one text each");
  words = std::move(texts);
}

void write_attribute(hid_t object, const Attribute& attribute) {
  const auto* name = attribute.name.c_str();
  if (has_attribute(object, name)) check_hdf(H5Adelete(object, name), "replacing attribute", name);
  const char* text = nullptr;
  const auto stored = std::visit(Store{text}, attribute.value);
  const HdfAttribute target(
      check_hdf(H5Acreate2(object, name, stored.type.get(), stored.space.get(), H5P_DEFAULT, H5P_DEFAULT),
                "creating attribute", name));
  check_hdf(H5Awrite(target.get(), stored.type.get(), stored.data), "writing attribute", name);
}

std::vector<std::string> read_labels(hid_t hdf_dataset, std::size_t axes) {
  constexpr const char* name = "DIMENSION_LABELS";
  std::vector<std::string> labels(axes);
  if (!has_attribute(hdf_dataset, name)) return labels;
  const HdfAttribute attribute(check_hdf(H5Aopen(hdf_dataset, name, H5P_DEFAULT), "opening attribute", name));
  const HdfSpace space(check_hdf(H5Aget_space(attribute.get()), "reading the shape of attribute", name));
  const HdfType type(check_hdf(H5Aget_type(attribute.get()), "reading the type of attribute", name));
  const bool one_each = H5Sget_simple_extent_type(space.get()) == H5S_SIMPLE &&
                        H5Sget_simple_extent_ndims(space.get()) == 1 &&
                        H5Sget_simple_extent_npoints(space.get()) == static_cast<hssize_t>(axes);
  if (!one_each || H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) <= 0)
    throw DamagedFile("the labels of the axes are not one text for each");
  std::vector<char*> texts(axes, nullptr);
  check_hdf(H5Aread(attribute.get(), type.get(), static_cast<void*>(texts.data())), "reading attribute", name);
  for (std::size_t i = 0; i < axes; ++i)
    if (texts[i] != nullptr) labels[i] = texts[i];
  check_hdf(H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, static_cast<void*>(texts.data())),
            "giving back the labels of", name);
  return labels;
}

std::vector<std::string> attribute_names(hid_t object, H5_index_t order) {
  std::vector<std::string> names;
  hsize_t position = 0;
  check_hdf(H5Aiterate2(object, order, H5_ITER_INC, &position, keep_name, &names), "listing attributes");
  return names;
}

std::vector<Attribute> read_attributes(hid_t object, const std::function<bool(const std::string&)>& skip) {
  std::vector<Attribute> attributes;
  for (auto& name : attribute_names(object, H5_INDEX_CRT_ORDER)) {
    if (skip(name)) continue;
    auto value = read_value(object, name);
    attributes.push_back({std::move(name), std::move(value)});
  }
  return attributes;
}

}  // namespace flatsweep
