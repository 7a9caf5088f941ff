// The reader of .npz archives, given every input twice: as an archive, and as the one array of an archive that libzip
// packs. The second is read if and only if the array alone is, and as the same numbers.
#include "arrays.hpp"

#include <zip.h>

namespace flatsweep {
namespace {

/// An archive of one entry, in memory.
std::string archive_of(const char* name, std::string_view contents) {
  auto* memory = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  require(memory != nullptr, "no source of libzip");
  zip_source_keep(memory);
  auto* archive = zip_open_from_source(memory, ZIP_TRUNCATE, nullptr);
  require(archive != nullptr, "no archive of libzip");
  auto* entry = zip_source_buffer(archive, contents.data(), contents.size(), 0);
  require(zip_file_add(archive, name, entry, 0) == 0 && zip_close(archive) == 0, "libzip does not pack");
  require(zip_source_open(memory) == 0 && zip_source_seek(memory, 0, SEEK_END) == 0, "libzip does not give its bytes");
  std::string packed(zip_source_tell(memory), '\0');
  zip_source_seek(memory, 0, SEEK_SET);
  require(zip_source_read(memory, packed.data(), packed.size()) == static_cast<zip_int64_t>(packed.size()),
          "libzip gives fewer bytes");
  zip_source_close(memory);
  zip_source_free(memory);
  return packed;
}

void check(std::string_view bytes) {
  if (bytes.starts_with("PK")) (void)read_or_refuse(bytes);
  if (!bytes.starts_with("\x93NUMPY")) return;
  const auto alone = read_or_refuse(bytes);
  const auto packed = read_or_refuse(archive_of("a/b.npy", bytes));
  require(alone.has_value() == packed.has_value(), "an array is read alone or packed, not both");
  if (!alone) return;
  require(packed->arrays.size() == 1 && packed->arrays[0].name == "a/b", "the archive has another array");
  require(packed->arrays[0].shape == alone->arrays[0].shape, "a packed array has another shape");
  require(same_bytes(packed->arrays[0].values, alone->arrays[0].values), "a packed array has other numbers");
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flatsweep::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
