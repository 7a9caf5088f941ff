#include "footer.hpp"

#include "crc.hpp"
#include "posix_handle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace flatsweep {

namespace {

static_assert(std::endian::native == std::endian::little, "the footer is written as it lies in memory");

struct Footer {
  std::array<char, 8> magic{};
  std::uint64_t length = 0;
  Origin origin;
  std::uint32_t data_crc = 0;
  std::uint32_t own_crc = 0;
};
static_assert(sizeof(Footer) == 56);

/// As older builds wrote it.
struct OlderFooter {
  std::array<char, 8> magic{};
  std::uint64_t length = 0;
  std::uint32_t data_crc = 0;
  std::uint32_t own_crc = 0;
};
static_assert(sizeof(OlderFooter) == 24);

constexpr std::array<char, 8> expected_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '3'};
constexpr std::array<char, 8> originless_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '2'};
constexpr std::array<char, 8> placeless_magic = {'F', 'L', 'A', 'T', 'S', 'W', 'P', '1'};
constexpr const char* remedy = "; it was cut short or damaged after it was written";

/// "000012/checkpoint", of checkpoint-previous.h5 too, which was written under that name.
std::string place_of(const std::filesystem::path& path) {
  constexpr std::string_view older = "-previous";
  auto name = path.stem().string();
  if (name.ends_with(older)) name.resize(name.size() - older.size());
  return path.parent_path().filename().string() + "/" + name;
}

/// Of the place and all of the footer before: another replica's file is no less wrong than a damaged one.
template <class AnyFooter>
std::uint32_t own_crc(const AnyFooter& footer, const std::filesystem::path& path) {
  const auto place = footer.magic == placeless_magic ? std::string() : place_of(path);
  const auto before = std::as_bytes(std::span(&footer, 1)).first(offsetof(AnyFooter, own_crc));
  return crc_of(before, crc_of(std::as_bytes(std::span(place))));
}

std::uint32_t crc_of_file(const PosixFile& file, std::uint64_t length) {
  std::vector<std::byte> block(std::size_t{1} << 20);
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < length;) {
    const std::size_t size = std::min<std::uint64_t>(block.size(), length - done);
    read_at(file, done, block.data(), size);
    crc = crc_of(std::span(block).first(size), crc);
    done += size;
  }
  return crc;
}

/// The last bytes of a file, when they are a whole footer of that form; nothing otherwise.
template <class AnyFooter>
std::optional<AnyFooter> footer_at_end(const PosixFile& file, std::uint64_t size, const std::filesystem::path& path) {
  AnyFooter footer;
  if (size < sizeof(footer)) return std::nullopt;
  read_at(file, size - sizeof(footer), &footer, sizeof(footer));
  bool known = footer.magic == expected_magic;
  if constexpr (std::is_same_v<AnyFooter, OlderFooter>)
    known = footer.magic == originless_magic || footer.magic == placeless_magic;
  if (!known || footer.own_crc != own_crc(footer, path)) return std::nullopt;
  if (footer.length != size - sizeof(footer))
    throw DamagedFile("the file has " + std::to_string(size - sizeof(footer)) + " bytes of data instead of " +
                      std::to_string(footer.length) + remedy);
  return footer;
}

Footer read_footer(const PosixFile& file, const std::filesystem::path& path) {
  const auto size = size_of(file);
  if (size == 0) throw DamagedFile("the file is empty");
  if (size < sizeof(OlderFooter)) throw DamagedFile(std::string("the file is too short") + remedy);
  if (const auto footer = footer_at_end<Footer>(file, size, path)) return *footer;
  if (const auto older = footer_at_end<OlderFooter>(file, size, path))
    return {older->magic, older->length, {}, older->data_crc, older->own_crc};
  throw DamagedFile(
      "the file does not end with a whole footer of its own; it was cut short, damaged, or put in "
      "another's place after it was written");
}

void check_run(const Footer& footer, const std::optional<Digest>& run) {
  if (!run) return;
  if (footer.magic != expected_magic)
    throw DamagedFile("the file was written by an older build and does not say which run it belongs to");
  if (footer.origin.run != *run)
    throw DamagedFile("the file belongs to another run: to another configuration, other data or other PETSc options");
}

}  // namespace

void write_with_footer(const PartialFile& file, std::span<const std::byte> contents, const Origin& origin) {
  Footer footer{expected_magic, contents.size(), origin, crc_of(contents), 0};
  footer.own_crc = own_crc(footer, file.target());
  file.write(contents);
  file.write(std::as_bytes(std::span(&footer, 1)), footer.length);
}

Origin check_footer(const std::filesystem::path& path, const std::optional<Digest>& run) {
  const auto footer = read_footer(open_to_read(path), path);
  check_run(footer, run);
  return footer.origin;
}

void check_every_byte(const std::filesystem::path& path, const std::optional<Digest>& run) {
  const auto file = open_to_read(path);
  const auto footer = read_footer(file, path);
  check_run(footer, run);
  if (crc_of_file(file, footer.length) != footer.data_crc)
    throw DamagedFile(std::string("the contents do not match their CRC-32") + remedy);
}

}  // namespace flatsweep
