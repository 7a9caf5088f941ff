#include "hdf5_reader.hpp"

#include "flatsweep/base/limits.hpp"
#include "hdf5_attribute.hpp"
#include "hdf5_layout.hpp"
#include "hdf5_link.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace flatsweep {

namespace {

[[noreturn]] void damaged(const std::string& name, const std::string& what) {
  throw DamagedFile("'" + name + "' " + what);
}

bool belongs_to_dataset_itself(const std::string& attribute) {
  constexpr std::array<std::string_view, 9> own = {
      "CLASS",     "NAME",     "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS",
      flag_values, flag_masks, flag_meanings,    flag_texts};
  return std::ranges::find(own, attribute) != own.end();
}

void take_text(std::vector<Attribute>& attributes, const char* name, std::string& into) {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.name == name; });
  if (found == attributes.end() || !std::holds_alternative<std::string>(found->value)) return;
  into = std::get<std::string>(found->value);
  attributes.erase(found);
}

/// The bytes of all elements. @throws DamagedFile when 64 bits do not hold their number
std::uint64_t bytes_of_elements(const Dataset& dataset) {
  std::uint64_t bytes = dataset.element_size;
  for (const auto length : dataset.shape) {
    if (length != 0 && bytes > UINT64_MAX / 2 / length) damaged(dataset.name, "is larger than any file");
    bytes *= std::max<std::uint64_t>(length, 1);  // so that a 0 among the lengths hides no others
  }
  return dataset.count() == 0 ? 0 : bytes;
}

void read_shape(hid_t hdf_dataset, Dataset& dataset) {
  const HdfSpace space(check_hdf(H5Dget_space(hdf_dataset), "reading the shape of", dataset.name));
  const int axes = check_hdf(H5Sget_simple_extent_ndims(space.get()), "reading the shape of", dataset.name);
  if (H5Sget_simple_extent_type(space.get()) != H5S_SIMPLE || axes < 1) damaged(dataset.name, "is no array");
  if (axes > limits::axes) damaged(dataset.name, "has more than " + std::to_string(limits::axes) + " axes");
  std::vector<hsize_t> shape(axes);
  check_hdf(H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr), "reading the shape of", dataset.name);
  dataset.shape.assign(shape.begin(), shape.end());
  (void)bytes_of_elements(dataset);
}

/// Every element stands in a chunk of the file itself, under a checksum: nothing has to be unpacked, looked for in
/// other files, or made up.
void check_stored(hid_t hdf_dataset, const Dataset& dataset) {
  if (dataset.count() == 0) return;
  const HdfList list(check_hdf(H5Dget_create_plist(hdf_dataset), "reading the storage of", dataset.name));
  if (H5Pget_layout(list.get()) != H5D_CHUNKED) damaged(dataset.name, "is not stored in chunks");
  const auto layout = chunk_layout(dataset);
  std::vector<hsize_t> chunk(layout.chunk.size());
  const int axes = H5Pget_chunk(list.get(), chunk.size(), chunk.data());
  if (axes != std::ssize(chunk) || chunk != layout.chunk) damaged(dataset.name, "has chunks of another size");
  unsigned flags = 0, filter_flags = 0;
  std::size_t values = 0;
  const bool checked =
      H5Pget_nfilters(list.get()) == 1 &&
      H5Pget_filter2(list.get(), 0, &flags, &values, nullptr, 0, nullptr, &filter_flags) == H5Z_FILTER_FLETCHER32;
  if (!checked) damaged(dataset.name, "is packed or has no checksums");
  hsize_t file_size = 0;
  const HdfFile file(check_hdf(H5Iget_file_id(hdf_dataset), "finding the file of", dataset.name));
  check_hdf(H5Fget_filesize(file.get(), &file_size), "reading the size of the file");
  const auto bytes = bytes_of_elements(dataset);
  if (bytes > file_size || H5Dget_storage_size(hdf_dataset) < bytes) damaged(dataset.name, "is not all there");
}

Dataset read_open(hid_t hdf_dataset, std::string name, Contents contents) {
  Dataset dataset;
  dataset.name = std::move(name);
  read_element_type(hdf_dataset, dataset);
  read_shape(hdf_dataset, dataset);
  dataset.axes = read_labels(hdf_dataset, dataset.shape.size());
  const bool labelled = std::ranges::none_of(dataset.axes, &std::string::empty);
  if (!labelled && contents != Contents::description) damaged(dataset.name, "has an axis without a name");
  dataset.attributes = read_attributes(hdf_dataset, belongs_to_dataset_itself);
  read_words(hdf_dataset, dataset);
  take_text(dataset.attributes, "units", dataset.units);
  take_text(dataset.attributes, "description", dataset.description);
  if (contents != Contents::description) check_stored(hdf_dataset, dataset);
  if (contents != Contents::everything || dataset.count() == 0) return dataset;
  const auto layout = chunk_layout(dataset);
  dataset.bytes.resize(dataset.count() * dataset.element_size);
  read_chunks(hdf_dataset, dataset, layout, {0, static_cast<std::int64_t>(layout.count)}, dataset.bytes);
  if (dataset.type == ElementType::i1 || !dataset.words.empty()) (void)dataset.strings();
  return dataset;
}

/// Goes through a file, every object once.
class Visit {
 public:
  explicit Visit(Contents contents) : contents_(contents) {}

  Group group(hid_t group, std::string name, int depth) {
    if (depth > limits::group_depth) damaged(name, "lies in more groups than any file of flatsweep has");
    Group result;
    result.name = std::move(name);
    result.attributes = read_attributes(group, [](const std::string&) { return false; });
    const auto links = count_links(group, result.name);
    for (hsize_t i = 0; i < links; ++i) child({group, H5_INDEX_CRT_ORDER, i}, depth, result);
    return result;
  }

 private:
  void child(const Link& link, int depth, Group& result) {
    auto name = name_of(link);
    if (leads_elsewhere(link, name)) damaged(name, "is a link that leads elsewhere");
    const auto object = open_link(link, name);
    if (!visited_.insert(address_of(object.get(), name)).second) damaged(name, "stands at several places");
    switch (H5Iget_type(object.get())) {
      case H5I_GROUP:
        result.groups.push_back(group(object.get(), std::move(name), depth + 1));
        break;
      case H5I_DATASET:
        result.datasets.push_back(read_open(object.get(), std::move(name), contents_));
        break;
      default:
        damaged(name, "is neither a group nor a data set");
    }
  }

  Contents contents_;
  std::unordered_set<haddr_t> visited_;
};

}  // namespace

Dataset read_dataset(hid_t parent, const std::string& path, Contents contents) {
  const HdfObject object(check_hdf(H5Oopen(parent, path.c_str(), H5P_DEFAULT), "opening", path));
  if (H5Iget_type(object.get()) != H5I_DATASET) damaged(path, "is no data set");
  return read_open(object.get(), path.substr(path.rfind('/') + 1), contents);
}

Group read_group(hid_t group, std::string name, Contents contents) {
  return Visit(contents).group(group, std::move(name), 0);
}

}  // namespace flatsweep
