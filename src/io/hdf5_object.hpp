#pragma once

#include "flatsweep/io/tree.hpp"
#include "hdf5_handle.hpp"

#include <filesystem>

namespace flatsweep {

/// Creation and access lists that make equal contents equal bytes.
HdfList file_creation_list();
HdfList file_access_list();

/// A file whose footer was checked before, or that has none, for reading.
HdfFile open_durable(const std::filesystem::path& path);

/// The group of that path below `parent`, made with all that is missing on the way; "" is `parent` itself.
HdfObject open_or_create_group(hid_t parent, const std::string& path);
void write_attributes(hid_t group, const Group& contents);

/// Creates a data set with type, chunks, checksum, attributes, axis labels, and makes it a scale where it is one.
HdfObject create_dataset(hid_t group, const Dataset& dataset);
/// Ties every axis to its scale, which `group` must hold by now, as it must the data set.
void attach_scales(hid_t group, const Dataset& dataset);
void write_dataset(hid_t hdf_dataset, const Dataset& dataset);

/// Writes all of `contents` from one rank.
void write_group(hid_t group, const Group& contents);

}  // namespace flatsweep
