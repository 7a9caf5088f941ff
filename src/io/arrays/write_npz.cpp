#include "array_source.hpp"
#include "flatsweep/io/npz.hpp"
#include "io/crc.hpp"
#include "io/posix_file.hpp"
#include "npy_header.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <concepts>
#include <limits>
#include <type_traits>

namespace flatsweep {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they stand in memory");

// Sizes and offsets stand in the ZIP64 fields alone; the fields of 16 and 32 bits say so by all ones.
constexpr std::uint16_t version = 45, utf8_names = 0x800, first_of_1980 = 0x21, zip64_field = 1;
constexpr auto in_zip64 = std::numeric_limits<std::uint32_t>::max();
constexpr auto in_zip64_short = std::numeric_limits<std::uint16_t>::max();

/// Bytes of a header, put together from numbers of their own widths.
class HeaderBytes {
 public:
  template <std::unsigned_integral... Number>
  HeaderBytes& add(Number... numbers) {
    (append(std::as_bytes(std::span(&numbers, 1))), ...);
    return *this;
  }
  HeaderBytes& add(const std::string& text) {
    append(std::as_bytes(std::span(text)));
    return *this;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void append(std::span<const std::byte> more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  std::vector<std::byte> bytes_;
};

struct ZipEntry {
  std::string name;          // of the file in the archive
  std::uint64_t offset = 0;  // of its header
  std::uint64_t size = 0;    // of its contents
  std::uint32_t checksum = 0;
};

HeaderBytes local_header(const ZipEntry& entry) {
  HeaderBytes header;
  header.add(std::uint32_t{0x04034b50}, version, utf8_names, std::uint16_t{0}, std::uint16_t{0}, first_of_1980);
  header.add(entry.checksum, in_zip64, in_zip64, static_cast<std::uint16_t>(entry.name.size()), std::uint16_t{20});
  return header.add(entry.name).add(zip64_field, std::uint16_t{16}, entry.size, entry.size);
}

HeaderBytes central_header(const ZipEntry& entry) {
  HeaderBytes header;
  header.add(std::uint32_t{0x02014b50}, version, version, utf8_names, std::uint16_t{0}, std::uint16_t{0},
             first_of_1980);
  header.add(entry.checksum, in_zip64, in_zip64, static_cast<std::uint16_t>(entry.name.size()), std::uint16_t{28});
  header.add(std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}, std::uint32_t{0}, in_zip64);
  return header.add(entry.name).add(zip64_field, std::uint16_t{24}, entry.size, entry.size, entry.offset);
}

HeaderBytes end_of_archive(std::uint64_t entries, std::uint64_t begin, std::uint64_t size) {
  HeaderBytes header;
  header.add(std::uint32_t{0x06064b50}, std::uint64_t{44}, version, version, std::uint32_t{0}, std::uint32_t{0});
  header.add(entries, entries, size, begin);
  header.add(std::uint32_t{0x07064b50}, std::uint32_t{0}, begin + size, std::uint32_t{1});
  header.add(std::uint32_t{0x06054b50}, std::uint16_t{0}, std::uint16_t{0}, in_zip64_short, in_zip64_short, in_zip64,
             in_zip64);
  return header.add(std::uint16_t{0});
}

/// What stands before the numbers, so long that they begin at a multiple of 64 bytes of the array's own file.
std::string npy_preface(const std::vector<std::int64_t>& shape) {
  auto text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}", fmt::join(shape, ", "),
                          shape.size() == 1 ? "," : "");
  constexpr std::size_t before = 10;  // magic, version, length
  text.resize((before + text.size()) / 64 * 64 + 64 - before - 1, ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string preface(npy_magic);
  preface += {'\x01', '\x00', static_cast<char>(length & 0xFFU), static_cast<char>(length >> 8U)};
  return preface + text;
}

}  // namespace

class NpzWriter::Archive {
 public:
  explicit Archive(const std::filesystem::path& path) : file_(path) {}

  void begin(const std::string& name, const std::vector<std::int64_t>& shape) {
    end();
    check_name(name);
    const auto known = [&](const ZipEntry& entry) { return entry.name == name + ".npy"; };
    if (std::ranges::any_of(entries_, known)) refuse("array {} is there twice", in_quotes(name));
    if (name.size() > limits_of_name) refuse("array {}: the name is too long", in_quotes(name));
    missing_ = bytes_of({name, shape, NumberType::f32});
    entries_.push_back({name + ".npy", at_, 0, crc_of({})});
    at_ += local_header(entries_.back()).bytes().size();  // written once size and checksum are known
    const auto preface = npy_preface(shape);
    write(std::as_bytes(std::span(preface)));
  }

  void append(std::span<const float> numbers) {
    const auto bytes = std::as_bytes(numbers);
    if (entries_.empty() || bytes.size() > missing_) refuse("an array gets more numbers than its shape has");
    missing_ -= bytes.size();
    write(bytes);
  }

  void publish(const std::function<void()>& still_ours) {
    end();
    const auto begin = at_;
    for (const auto& entry : entries_) put(central_header(entry).bytes());
    put(end_of_archive(entries_.size(), begin, at_ - begin).bytes());
    file_.publish(still_ours);
  }

 private:
  static constexpr std::size_t limits_of_name = 60000;

  /// The header of the last array.
  void end() {
    if (missing_ > 0) refuse("array {} lacks {} bytes", in_quotes(entries_.back().name), missing_);
    if (!entries_.empty()) file_.write(local_header(entries_.back()).bytes(), entries_.back().offset);
  }
  void put(std::span<const std::byte> bytes) {
    file_.write(bytes, at_);
    at_ += bytes.size();
  }
  void write(std::span<const std::byte> bytes) {
    auto& entry = entries_.back();
    entry.checksum = crc_of(bytes, entry.checksum);
    entry.size += bytes.size();
    put(bytes);
  }

  PartialFile file_;
  std::vector<ZipEntry> entries_;
  std::uint64_t at_ = 0, missing_ = 0;
};

namespace {

/// What the reader would refuse is no fault of the disk, but of the caller: an IoError all the same.
template <class Work>
void writing_npz(const std::filesystem::path& path, Work&& work) {
  with_path("cannot write", path, [&] {
    try {
      work();
    } catch (const ConfigError& error) {
      throw IoError(error.what());
    }
  });
}

}  // namespace

NpzWriter::NpzWriter(const std::filesystem::path& path, const FileOwner& owner) : path_(path), owner_(owner) {
  writing_npz(path_, [&] { archive_ = std::make_unique<Archive>(path_); });
}

NpzWriter::~NpzWriter() = default;

void NpzWriter::begin(const std::string& name, std::vector<std::int64_t> shape) {
  writing_npz(path_, [&] { archive_->begin(name, shape); });
}

void NpzWriter::append(std::span<const float> numbers) {
  writing_npz(path_, [&] { archive_->append(numbers); });
}

void NpzWriter::publish() {
  writing_npz(path_, [&] { archive_->publish(owner_.still_ours); });
}

}  // namespace flatsweep
