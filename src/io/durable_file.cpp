#include "flatsweep/io/durable_file.hpp"

#include "hdf5_object.hpp"
#include "hdf5_reader.hpp"
#include "memory_file.hpp"
#include "posix_file.hpp"
#include "trailer.hpp"

namespace flatsweep {

namespace {

/// Did HDF5 fail for want of something on this machine, and not for what stands in the file?
bool is_of_the_machine(const std::string& message) {
  return message.find("errno = ") != std::string::npos || message.find("alloc") != std::string::npos;
}

/// Of a file whose bytes have been found as they were written: what HDF5 cannot read now is not ours.
Group read_hdf(const std::filesystem::path& path, Contents contents) {
  try {
    const auto file = open_durable(path);
    return read_group(open_or_create_group(file.get(), "").get(), "", contents);
  } catch (const DamagedFile&) {
    throw;
  } catch (const IoError& error) {
    if (is_of_the_machine(error.what())) throw;
    throw DamagedFile(error.what());
  }
}

}  // namespace

void write_durable(const std::filesystem::path& path, const Group& root) {
  const QuietHdf quiet;
  with_path("cannot write", path, [&] {
    const MemoryFile contents([&](hid_t file) { write_group(open_or_create_group(file, "").get(), root); });
    PartialFile partial(path);
    write_with_trailer(partial, contents.bytes());
    partial.publish();
  });
}

void write_durable_text(const std::filesystem::path& path, std::string_view text) {
  with_path("cannot write", path, [&] {
    PartialFile partial(path);
    partial.write(std::as_bytes(std::span(text)));
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
