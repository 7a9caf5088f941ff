#include "flatsweep/data/idx.hpp"

#include "data_file.hpp"
#include "flatsweep/base/handle.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <system_error>
#include <vector>

namespace flatsweep {

namespace {

struct GzTraits {
  static gzFile empty() { return nullptr; }
  static void destroy(gzFile& file) noexcept { gzclose(file); }
};
using GzFile = Handle<gzFile, GzTraits>;

constexpr double largest_set = 0x1.0p36;
constexpr double largest_image = 0x1.0p30;
constexpr double largest_ratio = 1032.0;  // of deflate, by its format

GzFile open_idx(const std::filesystem::path& file) {
  GzFile in(gzdopen(dup(open_data_file(file).get()), "rb"));  // reads plain files as well
  if (!in) damaged(file, "the file cannot be opened");
  return in;
}

std::size_t read_some(gzFile in, std::byte* out, std::size_t wanted, const std::filesystem::path& file) {
  std::size_t done = 0;
  while (done < wanted) {
    const auto piece = static_cast<unsigned>(std::min<std::size_t>(wanted - done, 1U << 30));
    const int got = gzread(in, out + done, piece);
    if (got < 0) damaged(file, "the gzip stream is damaged");
    if (got == 0) break;
    done += got;
  }
  return done;
}

std::uint32_t read_big_endian(gzFile in, const std::filesystem::path& file) {
  std::byte b[4];
  if (read_some(in, b, 4, file) != 4) damaged(file, "the file ends within its header");
  return std::to_integer<std::uint32_t>(b[0]) << 24 | std::to_integer<std::uint32_t>(b[1]) << 16 |
         std::to_integer<std::uint32_t>(b[2]) << 8 | std::to_integer<std::uint32_t>(b[3]);
}

// Before memory is taken for data that such a file cannot hold.
void check_size(double size, const std::filesystem::path& file) {
  std::error_code failure;
  const auto stored = std::filesystem::file_size(file, failure);
  if (!failure && size > largest_ratio * stored)
    damaged(file, fmt::format("the file is cut short: {} bytes, and its header promises {:.0f}", stored, size));
}

/// Bytes of a number; 0 of a type that there is not.
std::size_t element_bytes(IdxType type) {
  switch (type) {
    case IdxType::u8:
    case IdxType::i8:
      return 1;
    case IdxType::i16:
      return 2;
    case IdxType::i32:
    case IdxType::f32:
      return 4;
    case IdxType::f64:
      return 8;
  }
  return 0;
}

/// A number from its bytes, the highest first.
template <class Number, class Bits>
float number_at(const std::byte* from) {
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) bits = static_cast<Bits>(bits << 8 | std::to_integer<Bits>(from[i]));
  return static_cast<float>(std::bit_cast<Number>(bits));
}

float number_at(IdxType type, const std::byte* from) {
  switch (type) {
    case IdxType::u8:
      break;
    case IdxType::i8:
      return number_at<std::int8_t, std::uint8_t>(from);
    case IdxType::i16:
      return number_at<std::int16_t, std::uint16_t>(from);
    case IdxType::i32:
      return number_at<std::int32_t, std::uint32_t>(from);
    case IdxType::f32:
      return number_at<float, std::uint32_t>(from);
    case IdxType::f64:
      return number_at<double, std::uint64_t>(from);
  }
  return std::to_integer<std::uint8_t>(*from);
}

IdxHeader read_header(gzFile in, const std::filesystem::path& file) {
  const auto magic = read_big_endian(in, file);
  const auto axes = magic & 0xFFU;
  IdxHeader header;
  header.type = static_cast<IdxType>(magic >> 8);
  if ((magic >> 16) != 0 || element_bytes(header.type) == 0 || axes < 1 || axes > 4)
    damaged(file,
            fmt::format("wrong magic number {:#010x}, expected 0x00000801 (labels) or 0x00000803 (images)", magic));
  for (std::uint32_t i = 0; i < axes; ++i) header.shape.push_back(read_big_endian(in, file));
  double size = 1.0;
  for (const auto n : header.shape) size *= n;
  if (size < 1.0 || size > largest_set || size > header.shape[0] * largest_image)
    damaged(file, "the sizes in its header cannot be right");
  check_size(size * element_bytes(header.type), file);
  return header;
}

}  // namespace

std::size_t IdxHeader::size() const {
  std::size_t size = 1;
  for (const auto n : shape) size *= n;
  return size;
}

IdxHeader read_idx_header(const std::filesystem::path& file) {
  const auto in = open_idx(file);
  return read_header(in.get(), file);
}

void read_idx_data(const std::filesystem::path& file, std::span<std::byte> out) {
  const auto in = open_idx(file);
  gzbuffer(in.get(), 1U << 20);
  const auto header = read_header(in.get(), file);
  if (header.size() * element_bytes(header.type) != out.size()) damaged(file, "the file changed while it was read");
  const auto got = read_some(in.get(), out.data(), out.size(), file);
  if (got != out.size())
    damaged(file, fmt::format("the file is cut short: {} bytes of data, expected {}", got, out.size()));
  std::byte extra;
  if (read_some(in.get(), &extra, 1, file) != 0) damaged(file, "the file is longer than its header says");
  int state = Z_OK;
  (void)gzerror(in.get(), &state);  // set when the stream ends before its checksum
  if (state == Z_BUF_ERROR) damaged(file, "the gzip stream is cut short");
}

void read_idx_data(const std::filesystem::path& file, std::span<float> out) {
  const auto type = read_idx_header(file).type;
  const std::size_t width = element_bytes(type);
  std::vector<std::byte> bytes(out.size() * width);
  read_idx_data(file, std::span<std::byte>(bytes));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = number_at(type, bytes.data() + i * width);
}

}  // namespace flatsweep
