// The reader of IDX files, given every input twice: as a file of these bytes, and as one that holds them compressed.
#include "flatsweep/base/error.hpp"
#include "flatsweep/data/idx.hpp"
#include "fuzz.hpp"

#include <zlib.h>

#include <span>
#include <vector>

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
  if (header.type == IdxType::u8) {
    read_idx_data(file, std::as_writable_bytes(std::span(data)));
  } else {
    std::vector<float> numbers(header.size());
    read_idx_data(file, std::span<float>(numbers));
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = numbers[i] < 0.0F ? 1 : 0;
  }
  return data;
}

void check(std::string_view stored, std::string_view content) {
  static InputFile file;
  file.write(stored);
  try {
    const auto data = read(file.path(), stored.size());
    // Only a file that was compressed by the fuzzer itself holds other bytes than it shows.
    if (stored.starts_with("\x1f\x8b") && stored == content) return;
    const std::size_t header = 4 + 4 * static_cast<std::size_t>(content[3]);
    const auto numbers = content.substr(header);
    if (content[2] == 0x08) return require(numbers == data, "the data are not what follows the header");
    // Of other types the sign is the highest bit; a negative zero and a NaN are not below 0.
    const std::size_t width = numbers.size() / data.size();
    require(numbers.size() == width * data.size(), "the data are not as long as the header says");
    for (std::size_t i = 0; i < data.size(); ++i)
      require(data[i] == 0 || (numbers[i * width] & 0x80) != 0, "a number has another sign than in the file");
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
