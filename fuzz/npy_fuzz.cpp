// The reader of .npy files. The numbers of what it takes are the last bytes of the file, and little-endian doubles in C
// order are read bit for bit.
#include "arrays.hpp"

namespace flatsweep {
namespace {

void check(std::string_view bytes) {
  if (!bytes.starts_with("\x93NUMPY")) return;
  const auto all = read_or_refuse(bytes);
  if (!all) return;
  const auto list = list_of(bytes);
  require(list.arrays.size() == 1, "the file has not one array");
  const auto stored = stored_bytes(list);
  require(stored < bytes.size(), "the array is larger than the file");
  const auto header = bytes.substr(0, bytes.size() - stored);
  if (header.find("<f8") == std::string_view::npos || header.find("False") == std::string_view::npos) return;
  require(stored == 0 || std::memcmp(all->arrays[0].values.data(), bytes.data() + header.size(), stored) == 0,
          "the numbers are not those in the file");
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flatsweep::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
