#include "hdf5_link.hpp"

namespace flatsweep {

hsize_t count_links(hid_t group, const std::string& name) {
  H5G_info_t info;
  check_hdf(H5Gget_info(group, &info), "listing group", name);
  return info.nlinks;
}

std::string name_of(const Link& link) {
  const auto read = [&](char* into, std::size_t size) {
    return check_hdf(H5Lget_name_by_idx(link.group, ".", link.order, H5_ITER_INC, link.number, into, size, H5P_DEFAULT),
                     "listing a group");
  };
  std::string name(read(nullptr, 0) + 1, '\0');
  read(name.data(), name.size());
  name.pop_back();
  return name;
}

bool leads_elsewhere(const Link& link, const std::string& name) {
  H5L_info_t info;
  check_hdf(H5Lget_info_by_idx(link.group, ".", link.order, H5_ITER_INC, link.number, &info, H5P_DEFAULT),
            "looking at link", name);
  return info.type != H5L_TYPE_HARD;
}

HdfObject open_link(const Link& link, const std::string& name) {
  return HdfObject(
      check_hdf(H5Oopen_by_idx(link.group, ".", link.order, H5_ITER_INC, link.number, H5P_DEFAULT), "opening", name));
}

}  // namespace flatsweep
