#include "trailer.hpp"

#include "posix_handle.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
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

constexpr std::array<char, 8> expected_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '2'};
constexpr std::array<char, 8> placeless_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '1'};  // of files of older builds
constexpr const char* remedy = "; it was cut short or damaged after it was written";

std::uint32_t crc_of(const void* data, std::size_t size, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(crc32_z(before, static_cast<const Bytef*>(data), size));
}

/// "000012/checkpoint", of checkpoint-previous.h5 too, which was written under that name.
std::string place_of(const std::filesystem::path& path) {
  constexpr std::string_view older = "-previous";
  auto name = path.stem().string();
  if (name.ends_with(older)) name.resize(name.size() - older.size());
  return path.parent_path().filename().string() + "/" + name;
}

/// Of the place and all of the trailer before: another replica's file is no less wrong than a damaged one.
std::uint32_t own_crc(const Trailer& trailer, const std::filesystem::path& path) {
  const auto place = trailer.magic == placeless_magic ? std::string() : place_of(path);
  return crc_of(&trailer, offsetof(Trailer, own_crc), crc_of(place.data(), place.size()));
}

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

Trailer read_trailer(const PosixFile& file, const std::filesystem::path& path) {
  const auto size = size_of(file);
  if (size == 0) throw DamagedFile("the file is empty");
  Trailer trailer;
  if (size < sizeof(trailer)) throw DamagedFile(std::string("the file is too short") + remedy);
  read_at(file, size - sizeof(trailer), &trailer, sizeof(trailer));
  const bool known = trailer.magic == expected_magic || trailer.magic == placeless_magic;
  if (!known || trailer.own_crc != own_crc(trailer, path))
    throw DamagedFile(
        "the file does not end with a whole trailer of its own; it was cut short, damaged, or put in "
        "another's place after it was written");
  if (trailer.length != size - sizeof(trailer))
    throw DamagedFile("the file has " + std::to_string(size - sizeof(trailer)) + " bytes of data instead of " +
                      std::to_string(trailer.length) + remedy);
  return trailer;
}

}  // namespace

void write_with_trailer(const PartialFile& file, std::span<const std::byte> contents) {
  Trailer trailer{expected_magic, contents.size(), crc_of(contents.data(), contents.size()), 0};
  trailer.own_crc = own_crc(trailer, file.target());
  file.write(contents);
  file.write(std::as_bytes(std::span(&trailer, 1)), trailer.length);
}

std::uint32_t check_trailer(const std::filesystem::path& path) {
  return read_trailer(open_to_read(path), path).data_crc;
}

void check_every_byte(const std::filesystem::path& path) {
  const auto file = open_to_read(path);
  const auto trailer = read_trailer(file, path);
  if (crc_of_file(file, trailer.length) != trailer.data_crc)
    throw DamagedFile(std::string("the contents do not match their CRC-32") + remedy);
}

}  // namespace flatsweep
