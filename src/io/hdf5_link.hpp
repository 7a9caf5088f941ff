#pragma once

#include "hdf5_handle.hpp"

#include <string>

namespace flatsweep {

/// One of a group's links.
struct Link {
  hid_t group;
  H5_index_t order;  ///< in which links are counted
  hsize_t number;
};

hsize_t count_links(hid_t group, const std::string& name);
std::string name_of(const Link& link);
/// To another place or another file, as all links do that are not hard.
bool leads_elsewhere(const Link& link, const std::string& name);
HdfObject open_link(const Link& link, const std::string& name);

}  // namespace flatsweep
