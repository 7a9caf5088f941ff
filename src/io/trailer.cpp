#include "trailer.hpp"

#include "posix_handle.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace flatsweep {

namespace {

static_assert(std::endian::native == std::endian::little, "the trailer is written as it lies in memory");

struct Trailer {
  std::array<char, 8> magic{};
  std::uint64_t length = 0;
  Origin origin;
  std::uint32_t data_crc = 0;
  std::uint32_t own_crc = 0;
};
static_assert(sizeof(Trailer) == 56);

/// As older builds wrote it.
struct OlderTrailer {
  std::array<char, 8> magic{};
  std::uint64_t length = 0;
  std::uint32_t data_crc = 0;
  std::uint32_t own_crc = 0;
};
static_assert(sizeof(OlderTrailer) == 24);

constexpr std::array<char, 8> expected_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '3'};
constexpr std::array<char, 8> originless_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '2'};
constexpr std::array<char, 8> placeless_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '1'};
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
template <class AnyTrailer>
std::uint32_t own_crc(const AnyTrailer& trailer, const std::filesystem::path& path) {
  const auto place = trailer.magic == placeless_magic ? std::string() : place_of(path);
  return crc_of(&trailer, offsetof(AnyTrailer, own_crc), crc_of(place.data(), place.size()));
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

/// The last bytes of a file, when they are a whole trailer of that form; nothing otherwise.
template <class AnyTrailer>
std::optional<AnyTrailer> trailer_at_end(const PosixFile& file, std::uint64_t size, const std::filesystem::path& path) {
  AnyTrailer trailer;
  if (size < sizeof(trailer)) return std::nullopt;
  read_at(file, size - sizeof(trailer), &trailer, sizeof(trailer));
  bool known = trailer.magic == expected_magic;
  if constexpr (std::is_same_v<AnyTrailer, OlderTrailer>)
    known = trailer.magic == originless_magic || trailer.magic == placeless_magic;
  if (!known || trailer.own_crc != own_crc(trailer, path)) return std::nullopt;
  if (trailer.length != size - sizeof(trailer))
    throw DamagedFile("the file has " + std::to_string(size - sizeof(trailer)) + " bytes of data instead of " +
                      std::to_string(trailer.length) + remedy);
  return trailer;
}

Trailer read_trailer(const PosixFile& file, const std::filesystem::path& path) {
  const auto size = size_of(file);
  if (size == 0) throw DamagedFile("the file is empty");
  if (size < sizeof(OlderTrailer)) throw DamagedFile(std::string("the file is too short") + remedy);
  if (const auto trailer = trailer_at_end<Trailer>(file, size, path)) return *trailer;
  if (const auto older = trailer_at_end<OlderTrailer>(file, size, path))
    return {older->magic, older->length, {}, older->data_crc, older->own_crc};
  throw DamagedFile(
      "the file does not end with a whole trailer of its own; it was cut short, damaged, or put in "
      "another's place after it was written");
}

void check_run(const Trailer& trailer, const std::optional<Digest>& run) {
  if (!run) return;
  if (trailer.magic != expected_magic)
    throw DamagedFile("the file was written by an older build and does not say which run it belongs to");
  if (trailer.origin.run != *run)
    throw DamagedFile("the file belongs to another run: to another configuration, other data or other PETSc options");
}

}  // namespace

void write_with_trailer(const PartialFile& file, std::span<const std::byte> contents, const Origin& origin) {
  Trailer trailer{expected_magic, contents.size(), origin, crc_of(contents.data(), contents.size()), 0};
  trailer.own_crc = own_crc(trailer, file.target());
  file.write(contents);
  file.write(std::as_bytes(std::span(&trailer, 1)), trailer.length);
}

Origin check_trailer(const std::filesystem::path& path, const std::optional<Digest>& run) {
  const auto trailer = read_trailer(open_to_read(path), path);
  check_run(trailer, run);
  return trailer.origin;
}

void check_every_byte(const std::filesystem::path& path, const std::optional<Digest>& run) {
  const auto file = open_to_read(path);
  const auto trailer = read_trailer(file, path);
  check_run(trailer, run);
  if (crc_of_file(file, trailer.length) != trailer.data_crc)
    throw DamagedFile(std::string("the contents do not match their CRC-32") + remedy);
}

}  // namespace flatsweep
