#include "trailer.hpp"

#include "flatsweep/base/error.hpp"
#include "posix_handle.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace flatsweep {

namespace {

static_assert(std::endian::native == std::endian::little, "the trailer is written as it lies in memory");

struct Trailer {
  std::array<char, 8> magic{};
  std::uint64_t length = 0;
  std::uint32_t data_crc = 0;
  std::uint32_t own_crc = 0;
};
static_assert(sizeof(Trailer) == 24);

constexpr std::array<char, 8> expected_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '1'};
constexpr const char* remedy = "; it was cut short or damaged after it was written";

std::uint32_t crc_of(const void* data, std::size_t size, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(crc32_z(before, static_cast<const Bytef*>(data), size));
}

std::uint32_t own_crc(const Trailer& trailer) { return crc_of(&trailer, offsetof(Trailer, own_crc)); }

std::uint32_t crc_of_file(const PosixFile& file, std::uint64_t length) {
  std::vector<char> block(std::size_t{1} << 20);
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < length;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), length - done));
    read_at(file, done, block.data(), size);
    crc = crc_of(block.data(), size, crc);
    done += size;
  }
  return crc;
}

Trailer read_trailer(const PosixFile& file) {
  const auto size = size_of(file);
  if (size == 0) throw IoError("the file is empty");
  Trailer trailer;
  if (size < sizeof(trailer)) throw IoError(std::string("the file is too short") + remedy);
  read_at(file, size - sizeof(trailer), &trailer, sizeof(trailer));
  if (trailer.magic != expected_magic || trailer.own_crc != own_crc(trailer))
    throw IoError(std::string("the file does not end with a whole trailer") + remedy);
  if (trailer.length != size - sizeof(trailer))
    throw IoError("the file has " + std::to_string(size - sizeof(trailer)) + " bytes of data instead of " +
                  std::to_string(trailer.length) + remedy);
  return trailer;
}

}  // namespace

void write_with_trailer(const PartialFile& file, std::span<const std::byte> contents) {
  Trailer trailer{expected_magic, contents.size(), crc_of(contents.data(), contents.size()), 0};
  trailer.own_crc = own_crc(trailer);
  file.write(contents);
  file.write(std::as_bytes(std::span(&trailer, 1)), trailer.length);
}

std::uint32_t check_trailer(const std::filesystem::path& path) {
  return read_trailer(open_posix(path, O_RDONLY)).data_crc;
}

void check_every_byte(const std::filesystem::path& path) {
  const auto file = open_posix(path, O_RDONLY);
  const auto trailer = read_trailer(file);
  if (crc_of_file(file, trailer.length) != trailer.data_crc)
    throw IoError(std::string("the contents do not match their CRC-32") + remedy);
}

}  // namespace flatsweep
