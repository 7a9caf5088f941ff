#include "flatsweep/io/durable_file.hpp"

#include "hdf5_object.hpp"
#include "posix_file.hpp"
#include "trailer.hpp"

namespace flatsweep {

namespace {

void write_hdf(const PartialFile& partial, const Group& root) {
  const auto creation = file_creation_list();
  const auto access = file_access_list();
  HdfFile file(check_hdf(H5Fcreate(partial.path().c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                         "creating the file"));
  try {
    write_group(open_or_create_group(file.get(), "").get(), root);
    check_hdf(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "flushing the file");
  } catch (const IoError&) {
    partial.discard();   // on a full disk, HDF5 can then close the file instead of keeping it for ever
    throw;
  }
  close_checked(file, "closing the file");
}

Group read_hdf(const std::filesystem::path& path, Contents contents) {
  const auto file = open_durable(path);
  return read_group(open_or_create_group(file.get(), "").get(), "", contents);
}

}  // namespace

void write_durable(const std::filesystem::path& path, const Group& root) {
  const QuietHdf quiet;
  with_path("cannot write", path, [&] {
    PartialFile partial(path);
    write_hdf(partial, root);
    append_trailer(partial.path());
    partial.publish();
  });
}

Group read_durable(const std::filesystem::path& path) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    check_every_byte(path);
    return read_hdf(path, Contents::everything);
  });
}

Group read_skeleton(const std::filesystem::path& path) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    check_trailer(path);
    return read_hdf(path, Contents::skeleton);
  });
}

}  // namespace flatsweep
