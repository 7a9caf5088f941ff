// psi and the flatness curve of every replica that has them, with HDF5's C interface: read_results [RESULTS.h5 [LAYER]]
#include <hdf5.h>
#include <hdf5_hl.h>

#include <cstdio>
#include <string>
#include <vector>

std::vector<double> read(hid_t file, const std::string& name) {
  hsize_t length = 0;
  if (H5LTget_dataset_info(file, name.c_str(), &length, nullptr, nullptr) < 0) return {};
  std::vector<double> values(length);
  H5LTread_dataset_double(file, name.c_str(), values.data());  // HDF5 turns integers into doubles
  return values;
}

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "runs/quickstart/results.h5", layer = argc > 2 ? argv[2] : "fc2";
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return 1;
  const auto replicas = read(file, "/grid/seed").size();
  for (std::size_t replica = 0; replica < replicas; ++replica) {
    char group[80];
    std::snprintf(group, sizeof group, "/replica/%06zu/flatness/%s", replica, layer.c_str());
    double psi = 0.0;
    if (H5LTpath_valid(file, group, true) <= 0 || H5LTget_attribute_double(file, group, "psi", &psi) < 0) continue;
    const auto direction = read(file, std::string(group) + "/direction"),
               flatness = read(file, std::string(group) + "/flatness"),
               variance = read(file, std::string(group) + "/variance");
    std::printf("replica %zu: psi = %.4f\n", replica, psi);
    for (std::size_t i = 0; i < direction.size(); ++i)
      std::printf("%6.0f %12.5g %12.5g\n", direction[i] + 1, flatness[i],
                  variance[i]);  // counted from 1, as in the paper
  }
  H5Fclose(file);
}
