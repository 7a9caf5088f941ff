// The reader of safetensors. What it takes fills the file to the last byte, as the format's own library demands.
#include "arrays.hpp"

namespace flatsweep {
namespace {

void check(std::string_view bytes) {
  if (bytes.starts_with("PK") || bytes.starts_with("\x93") || bytes.find("\x89HDF") != std::string_view::npos) return;
  const auto all = read_or_refuse(bytes);
  if (!all) return;
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  require(8 + header + stored_bytes(list_of(bytes)) == bytes.size(), "arrays and header do not fill the file");
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flatsweep::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
