#include "hdf5_walk.hpp"

#include "flatsweep/base/limits.hpp"
#include "io/hdf5_attribute.hpp"
#include "io/hdf5_link.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace flatsweep {

namespace {

/// Of whole numbers and floats that a NumberType holds; none of texts, structures and the rest.
std::optional<NumberType> readable_number_type(hid_t dataset, const std::string& name) {
  const HdfType type(check_hdf(H5Dget_type(dataset), "reading the type of", name));
  const auto kind = H5Tget_class(type.get());
  const auto size = H5Tget_size(type.get());
  if (kind == H5T_FLOAT) {
    if (size > 8) return std::nullopt;
    return size > 4 ? NumberType::f64 : NumberType::f32;
  }
  if (kind != H5T_INTEGER || size > 8) return std::nullopt;
  const bool is_signed = H5Tget_sign(type.get()) == H5T_SGN_2;
  if (!is_signed && size == 1) return NumberType::u8;
  if (!is_signed && size == 8) return std::nullopt;
  return size < 4 || (is_signed && size == 4) ? NumberType::i32 : NumberType::i64;
}

std::vector<std::int64_t> shape_of(hid_t dataset, const std::string& name) {
  const HdfSpace space(check_hdf(H5Dget_space(dataset), "reading the shape of", name));
  const int axes = check_hdf(H5Sget_simple_extent_ndims(space.get()), "reading the shape of", name);
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) return {0};
  std::vector<hsize_t> shape(axes);
  if (axes > 0) check_hdf(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), "reading the shape of", name);
  for (const auto length : shape)
    if (length > std::uint64_t{1} << 62)
      refuse("array {} is larger than any file; the file is damaged", in_quotes(name));
  return {shape.begin(), shape.end()};
}

/// Only what HDF5 itself unpacks: another filter would load a library that the file names.
void check_filters(hid_t list, const std::string& name) {
  const int filters = check_hdf(H5Pget_nfilters(list), "reading the storage of", name);
  for (unsigned i = 0; i < static_cast<unsigned>(filters); ++i) {
    unsigned flags = 0, configuration = 0;
    std::size_t values = 0;
    const auto filter = H5Pget_filter2(list, i, &flags, &values, nullptr, 0, nullptr, &configuration);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
      refuse("array {} is packed by filter {}, and only gzip, shuffle and fletcher32 are read; write it without",
             in_quotes(name), static_cast<int>(filter));
  }
}

std::uint64_t chunk_bytes(hid_t list, const ArrayHeader& array) {
  std::vector<hsize_t> chunk(array.shape.size());
  const int axes = H5Pget_chunk(list, chunk.size(), chunk.data());
  if (axes != std::ssize(chunk)) refuse("array {} has odd chunks; the file is damaged", in_quotes(array.name));
  ArrayHeader one = array;
  one.shape.assign(chunk.begin(), chunk.end());
  return bytes_of(one);
}

/// As the numbers stand there, unpacked.
std::uint64_t bytes_in_file(hid_t dataset, const ArrayHeader& array) {
  const HdfType type(check_hdf(H5Dget_type(dataset), "reading the type of", array.name));
  return array.count() * H5Tget_size(type.get());
}

/// That the numbers stand in the file itself, and how many bytes HDF5 may need for them.
std::uint64_t check_storage(hid_t dataset, const ArrayHeader& array) {
  const auto& name = array.name;
  const HdfList list(check_hdf(H5Dget_create_plist(dataset), "reading the storage of", name));
  const auto layout = H5Pget_layout(list.get());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(list.get()) != 0)
    refuse("array {} stands in other files; copy it into this one", in_quotes(name));
  check_filters(list.get(), name);
  const std::uint64_t bytes = bytes_of(array);
  const bool packed = layout == H5D_CHUNKED && H5Pget_nfilters(list.get()) > 0;
  if (!packed && H5Dget_storage_size(dataset) < bytes_in_file(dataset, array))
    refuse("array {} is not all there; write it whole", in_quotes(name));
  return layout == H5D_CHUNKED ? std::max(bytes, chunk_bytes(list.get(), array)) : bytes;
}

class Walk {
 public:
  explicit Walk(std::uint64_t file_size) : file_size_(file_size) {}

  void begin(hid_t group, const std::string& path) {
    visited_.insert(address_of(group, path));
    this->group(group, path, 0);
  }
  ArrayList take() { return std::move(list_); }

 private:
  void group(hid_t group, const std::string& path, int depth) {
    if (depth > limits::group_depth)
      refuse("group {} lies in more than {} others; write a flatter file", in_quotes(path), limits::group_depth);
    const auto order = order_of(group, path);
    const auto links = count_links(group, path);
    for (hsize_t i = 0; i < links; ++i) child({group, order, i}, path, depth);
  }
  static H5_index_t order_of(hid_t group, const std::string& path) {
    const HdfList list(check_hdf(H5Gget_create_plist(group), "reading the order of", path));
    unsigned flags = 0;
    check_hdf(H5Pget_link_creation_order(list.get(), &flags), "reading the order of", path);
    return (flags & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  }
  void child(const Link& link, const std::string& parent_path, int depth) {
    const auto path = (parent_path.empty() ? "" : parent_path + "/") + name_of(link);
    check_name(path);
    if (leads_elsewhere(link, path)) refuse("{} is a link that leads elsewhere; copy what it means", in_quotes(path));
    const auto object = open_link(link, path);
    const auto kind = H5Iget_type(object.get());
    if (kind != H5I_GROUP && kind != H5I_DATASET) return;
    if (!visited_.insert(address_of(object.get(), path)).second)
      refuse("{} stands at several places of the file; copy it to one", in_quotes(path));
    if (kind == H5I_GROUP)
      group(object.get(), path, depth + 1);
    else
      dataset(object.get(), path);
  }
  void dataset(hid_t dataset, const std::string& path) {
    const auto type = readable_number_type(dataset, path);
    if (!type) return;
    ArrayHeader array{path, shape_of(dataset, path), *type};
    if (bytes_of(array) > 0) needed_ += check_storage(dataset, array);
    check_unpacked(needed_, file_size_);
    add_array(list_, std::move(array));
  }

  std::uint64_t file_size_;
  std::uint64_t needed_ = 0;
  ArrayList list_;
  std::unordered_set<haddr_t> visited_;
};

/// A number or a text as text; none of the rest.
std::optional<std::string> attribute_text(hid_t object, const std::string& name) {
  const HdfAttribute attribute(check_hdf(H5Aopen(object, name.c_str(), H5P_DEFAULT), "opening attribute", name));
  const HdfSpace space(check_hdf(H5Aget_space(attribute.get()), "reading the shape of attribute", name));
  const HdfType type(check_hdf(H5Aget_type(attribute.get()), "reading the type of attribute", name));
  if (H5Sget_simple_extent_type(space.get()) != H5S_SCALAR) return std::nullopt;
  const auto kind = H5Tget_class(type.get());
  if (kind == H5T_INTEGER) {
    std::int64_t value = 0;
    check_hdf(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), "reading attribute", name);
    return fmt::format("{}", value);
  }
  if (kind == H5T_FLOAT) {
    double value = 0.0;
    check_hdf(H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, &value), "reading attribute", name);
    return fmt::format("{}", value);
  }
  if (kind != H5T_STRING || H5Tis_variable_str(type.get()) <= 0) return std::nullopt;
  return read_text(attribute.get(), type.get(), name);
}

std::map<std::string, std::string> read_metadata(hid_t root) {
  std::map<std::string, std::string> metadata;
  for (const auto& name : attribute_names(root, H5_INDEX_NAME))
    if (auto text = attribute_text(root, name)) metadata.emplace(name, std::move(*text));
  return metadata;
}

}  // namespace

hid_t memory_type(NumberType type) {
  switch (type) {
    case NumberType::f64:
      return H5T_IEEE_F64LE;
    case NumberType::u8:
      return H5T_STD_U8LE;
    case NumberType::i32:
      return H5T_STD_I32LE;
    case NumberType::i64:
      return H5T_STD_I64LE;
    default:
      return H5T_IEEE_F32LE;
  }
}

ArrayList walk_arrays(hid_t file, std::uint64_t file_size, const std::string& below) {
  Walk walk(file_size);
  const HdfObject root(check_hdf(H5Oopen(file, "/", H5P_DEFAULT), "opening", "/"));
  if (below.empty())
    walk.begin(root.get(), "");
  else if (H5Lexists(file, below.c_str(), H5P_DEFAULT) > 0)
    walk.begin(HdfObject(check_hdf(H5Oopen(file, below.c_str(), H5P_DEFAULT), "opening", below)).get(), below);
  auto list = walk.take();
  list.metadata = read_metadata(root.get());
  return list;
}

}  // namespace flatsweep
