#include "hdf5_object.hpp"

#include "axes.hpp"
#include "hdf5_attribute.hpp"
#include "hdf5_layout.hpp"
#include "posix_handle.hpp"

#include <hdf5_hl.h>

namespace flatsweep {

namespace {

// Creation order is kept so that reading gives back the order in which things were added. The 2 x 32 attributes
// stay in the object's own header: the dense form has had bugs with attributes that are deleted and made again,
// which is how HDF5 itself extends REFERENCE_LIST.
void make_reproducible(hid_t list) {
  check_hdf(H5Pset_obj_track_times(list, false), "turning object times off");
  check_hdf(H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED), "keeping the order of attributes");
  check_hdf(H5Pset_attr_phase_change(list, 64, 48), "setting the storage of attributes");
}

void keep_link_order(hid_t list) {
  check_hdf(H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
            "keeping the order of objects");
}

HdfList creation_list(hid_t kind) {
  HdfList list(check_hdf(H5Pcreate(kind), "creating a property list"));
  make_reproducible(list.get());
  return list;
}

HdfList dataset_list(const Dataset& dataset) {
  auto list = creation_list(H5P_DATASET_CREATE);
  if (dataset.count() == 0) return list;  // nothing to cut into chunks, nothing to check
  const auto layout = chunk_layout(dataset);
  check_hdf(H5Pset_chunk(list.get(), layout.chunk.size(), layout.chunk.data()), "setting chunks");
  check_hdf(H5Pset_fletcher32(list.get()), "setting checksums");
  // Every element is written, and parallel HDF5 would write all chunks twice: once when it creates them.
  check_hdf(H5Pset_fill_time(list.get(), H5D_FILL_TIME_NEVER), "turning fill values off");
  return list;
}

HdfObject create_group(hid_t parent, const std::string& name) {
  const auto list = creation_list(H5P_GROUP_CREATE);
  keep_link_order(list.get());
  return HdfObject(
      check_hdf(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, list.get(), H5P_DEFAULT), "creating group", name));
}

HdfObject open_object(hid_t parent, const std::string& name) {
  return HdfObject(check_hdf(H5Oopen(parent, name.c_str(), H5P_DEFAULT), "opening", name));
}

}  // namespace

HdfList file_creation_list() {
  auto list = creation_list(H5P_FILE_CREATE);
  keep_link_order(list.get());
  return list;
}

HdfList file_access_list() {
  HdfList list(check_hdf(H5Pcreate(H5P_FILE_ACCESS), "creating a property list"));
  // Fixed bounds: a newer HDF5 writes the same bytes. The 1.10 form checks its own metadata.
  check_hdf(H5Pset_libver_bounds(list.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), "fixing the file format");
  // No lock: files are never changed in place, and locks hang on some network file systems.
  check_hdf(H5Pset_file_locking(list.get(), false, true), "turning file locks off");
  check_hdf(H5Pset_fclose_degree(list.get(), H5F_CLOSE_STRONG), "setting how files close");
  return list;
}

HdfFile open_durable(const std::filesystem::path& path) {
  (void)open_to_read(path);  // HDF5 would wait for the other end of a pipe
  return open_hdf(path, H5F_ACC_RDONLY, file_access_list());
}

HdfObject open_or_create_group(hid_t parent, const std::string& path) {
  const auto slash = path.find('/');
  const auto first = path.substr(0, slash);
  if (first.empty()) {
    auto same = open_object(parent, ".");
    return slash == std::string::npos ? std::move(same) : open_or_create_group(parent, path.substr(slash + 1));
  }
  const bool there = check_hdf(H5Lexists(parent, first.c_str(), H5P_DEFAULT), "looking for group", first) > 0;
  auto child = there ? open_object(parent, first) : create_group(parent, first);
  return slash == std::string::npos ? std::move(child) : open_or_create_group(child.get(), path.substr(slash + 1));
}

void write_attributes(hid_t group, const Group& contents) {
  for (auto attribute : contents.attributes) {
    if (attribute.name == attribute_descriptions)
      attribute.value = joined_descriptions(read_text_attribute(group, attribute.name), contents.text(attribute.name));
    write_attribute(group, attribute);
  }
}

HdfObject create_dataset(hid_t group, const Dataset& dataset) {
  const std::vector<hsize_t> shape(dataset.shape.begin(), dataset.shape.end());
  const HdfSpace space(check_hdf(H5Screate_simple(shape.size(), shape.data(), nullptr), "describing a shape"));
  const auto type = element_type(dataset);
  const auto list = dataset_list(dataset);
  const auto* name = dataset.name.c_str();
  HdfObject created(check_hdf(H5Dcreate2(group, name, type.get(), space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT),
                              "creating data set", name));
  if (dataset.is_scale()) check_hdf(H5DSset_scale(created.get(), name), "making a scale of", name);
  for (unsigned axis = 0; axis < shape.size(); ++axis)
    check_hdf(H5DSset_label(created.get(), axis, dataset.axes[axis].c_str()), "labelling an axis of", name);
  if (!dataset.units.empty()) write_attribute(created.get(), {"units", dataset.units});
  if (!dataset.description.empty()) write_attribute(created.get(), {"description", dataset.description});
  write_words(created.get(), dataset);
  for (const auto& attribute : dataset.attributes) write_attribute(created.get(), attribute);
  return created;
}

void attach_scales(hid_t group, const Dataset& dataset) {
  if (dataset.is_scale()) return;  // a scale has none itself
  const auto target = open_object(group, dataset.name);
  for (unsigned axis = 0; axis < dataset.axes.size(); ++axis) {
    const auto scale = open_object(group, dataset.axes[axis]);
    check_hdf(H5DSattach_scale(target.get(), scale.get(), axis), "attaching scales to", dataset.name);
  }
}

void write_dataset(hid_t hdf_dataset, const Dataset& dataset) {
  if (dataset.count() == 0) return;
  const auto layout = chunk_layout(dataset);
  write_chunks(hdf_dataset, dataset, layout, {0, static_cast<std::int64_t>(layout.count)}, dataset.bytes, H5P_DEFAULT);
}

void write_group(hid_t group, const Group& contents) {
  write_attributes(group, contents);
  const auto scales = missing_scales(contents);
  for (const auto* datasets : {&contents.datasets, &scales})
    for (const auto& dataset : *datasets) {
      auto target = create_dataset(group, dataset);
      write_dataset(target.get(), dataset);
      close_checked(target, "closing a data set");
    }
  for (const auto& dataset : contents.datasets) attach_scales(group, dataset);
  for (const auto& child : contents.groups) write_group(create_group(group, child.name).get(), child);
}

}  // namespace flatsweep
