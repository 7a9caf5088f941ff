// The reader of IDX files, given every input twice: as a file of these bytes, and as one that holds them compressed.
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/idx.hpp"
#include "fuzz.hpp"

#include <zlib.h>

#include <span>

namespace flatsweep {
namespace {

constexpr std::size_t largest_ratio = 1032;  // of deflate

std::string compressed(std::string_view bytes) {
  z_stream stream{};
  require(deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2 failed");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflate failed");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// The data of the file; no more is asked for than such a file can hold.
std::string read(const std::filesystem::path& file, std::size_t file_size) {
  const auto header = read_idx_header(file);
  require(header.size() <= (file_size + 1) * largest_ratio, "a short file is believed to hold a large set");
  std::string data(header.size(), '\0');
  read_idx_data(file, std::as_writable_bytes(std::span(data)));
  return data;
}

void check(std::string_view stored, std::string_view content) {
  static InputFile file;
  file.write(stored);
  try {
    const auto data = read(file.path(), stored.size());
    // Only a file that was compressed by the fuzzer itself holds other bytes than it shows.
    if (stored.starts_with("\x1f\x8b") && stored == content) return;
    const std::size_t header = content[3] == 1 ? 8 : 16;
    require(content.substr(header) == data, "the data are not what follows the header");
  } catch (const ConfigError&) {
  }
}

}  // namespace
}  // namespace flatsweep

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  flatsweep::check(bytes, bytes);
  flatsweep::check(flatsweep::compressed(bytes), bytes);
  return 0;
}
