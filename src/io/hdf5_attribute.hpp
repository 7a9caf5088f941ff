#pragma once

#include "flatsweep/io/tree.hpp"
#include "hdf5_handle.hpp"

#include <functional>

namespace flatsweep {

/// Writes one attribute, in place of one of the same name. Text is a variable-length UTF-8 scalar, which h5py reads
/// as `str`.
void write_attribute(hid_t object, const Attribute& attribute);

/// All attributes of an object in the order in which they were made, but those that `skip` names.
/// @throws IoError for an attribute of another kind than `AttributeValue` holds
std::vector<Attribute> read_attributes(hid_t object, const std::function<bool(const std::string&)>& skip);

/// The names of a data set's axes, "" where one has none.  @throws DamagedFile when they are not one text for each
std::vector<std::string> read_labels(hid_t hdf_dataset, std::size_t axes);

}  // namespace flatsweep
