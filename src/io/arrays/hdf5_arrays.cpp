#include "hdf5_walk.hpp"
#include "io/hdf5_object.hpp"

namespace flatsweep {

namespace {

class Hdf5Arrays final : public ArraySource {
 public:
  Hdf5Arrays(const std::filesystem::path& path, const std::string& below) {
    const auto size = size_of(open_to_read(path));  // HDF5 would wait for the other end of a pipe
    const QuietHdf quiet;
    file_ = open_hdf(path, H5F_ACC_RDONLY, file_access_list());
    list_ = walk_arrays(file_.get(), size, below);
  }

  void read(std::size_t array, Range rows, std::span<std::byte> out) override {
    if (out.empty()) return;
    const QuietHdf quiet;
    const auto& header = list_.arrays[array];
    const auto* name = header.name.c_str();
    const HdfObject dataset(check_hdf(H5Oopen(file_.get(), name, H5P_DEFAULT), "opening", name));
    const auto file = select_rows(header, rows);
    const hsize_t count = out.size() / width_of(header.type);
    const HdfSpace memory(check_hdf(H5Screate_simple(1, &count, nullptr), "describing a buffer"));
    check_hdf(H5Dread(dataset.get(), memory_type(header.type), memory.get(), file.get(), H5P_DEFAULT, out.data()),
              "reading", name);
  }

 private:
  static HdfSpace select_rows(const ArrayHeader& header, Range rows) {
    if (header.shape.empty()) return HdfSpace(check_hdf(H5Screate(H5S_SCALAR), "describing a shape"));
    const std::vector<hsize_t> shape(header.shape.begin(), header.shape.end());
    std::vector<hsize_t> start(shape.size(), 0), count(shape);
    start[0] = static_cast<hsize_t>(rows.begin);
    count[0] = static_cast<hsize_t>(rows.size());
    HdfSpace space(check_hdf(H5Screate_simple(shape.size(), shape.data(), nullptr), "describing a shape"));
    check_hdf(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
              "selecting rows");
    return space;
  }

  HdfFile file_;
};

}  // namespace

std::unique_ptr<ArraySource> open_hdf5_arrays(const std::filesystem::path& path, const std::string& below) {
  return std::make_unique<Hdf5Arrays>(path, below);
}

}  // namespace flatsweep
