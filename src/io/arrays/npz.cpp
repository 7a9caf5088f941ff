#include "array_source.hpp"
#include "npy.hpp"

#include <zip.h>

#include <algorithm>
#include <set>

namespace flatsweep {

namespace {

struct ZipTraits {
  static zip_t* empty() { return nullptr; }
  static void destroy(zip_t*& archive) noexcept { zip_discard(archive); }
};
using Zip = Handle<zip_t*, ZipTraits>;

struct EntryTraits {
  static zip_file_t* empty() { return nullptr; }
  static void destroy(zip_file_t*& entry) noexcept { zip_fclose(entry); }
};
using Entry = Handle<zip_file_t*, EntryTraits>;

constexpr const char* rewrite = "copy it again, or write it with numpy.savez";

Zip open_zip(PosixFile file) {
  int error = 0;
  Zip archive(zip_fdopen(file.get(), ZIP_CHECKCONS, &error));
  if (archive) {
    (void)file.release();  // closed with the archive
    return archive;
  }
  zip_error_t reason;
  zip_error_init_with_code(&reason, error);
  const std::string text = zip_error_strerror(&reason);
  zip_error_fini(&reason);
  refuse("it is no whole zip archive: {}; {}", text, rewrite);
}

/// Size, packing and name of an entry, all of which must be known.
zip_stat_t look_at(const Zip& archive, zip_uint64_t index) {
  zip_stat_t entry;
  zip_stat_init(&entry);
  constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(archive.get(), index, 0, &entry) != 0 || (entry.valid & needed) != needed)
    refuse("entry {} has no name or size; {}", index, rewrite);
  return entry;
}

std::string array_name(const zip_stat_t& entry) {
  constexpr std::string_view ending = ".npy";
  std::string name = entry.name;
  if (name.ends_with("/data.pkl") || name.ends_with("/version"))
    refuse(
        "it is a file of torch.save, which holds pickled Python objects, and they could run any code; save "
        "model.state_dict() with safetensors or numpy.savez");
  if (!name.ends_with(ending)) refuse("entry {} is no array; {}", in_quotes(name), rewrite);
  name.resize(name.size() - ending.size());
  check_name(name);
  return name;
}

void check_packing(const zip_stat_t& entry) {
  const bool known = entry.comp_method == ZIP_CM_STORE || entry.comp_method == ZIP_CM_DEFLATE;
  if (!known || entry.encryption_method != ZIP_EM_NONE)
    refuse("entry {} is packed in another way than stored or deflated, or encrypted; write it with numpy.savez",
           in_quotes(entry.name));
}

/// One entry, from its beginning.
class EntryReader {
 public:
  EntryReader(const Zip& archive, zip_uint64_t index) : entry_(zip_fopen_index(archive.get(), index, 0)) {
    if (!entry_) refuse("it cannot be unpacked: {}; {}", zip_strerror(archive.get()), rewrite);
  }
  void read(std::span<std::byte> out) {
    while (!out.empty()) {
      const auto got = read_some(out);
      if (got == 0) refuse("it is cut short; {}", rewrite);
      out = out.subspan(got);
    }
  }
  void skip(std::uint64_t bytes) {
    std::vector<std::byte> block(std::min<std::uint64_t>(bytes, std::uint64_t{1} << 20));
    for (; bytes > 0; bytes -= std::min<std::uint64_t>(bytes, block.size()))
      read(std::span(block).first(std::min<std::uint64_t>(bytes, block.size())));
  }
  /// Where the entry ends its checksum is tested.
  void end() {
    std::byte extra;
    if (read_some(std::span(&extra, 1)) != 0) refuse("it is longer than it says; {}", rewrite);
  }

 private:
  std::size_t read_some(std::span<std::byte> out) {
    const auto got = zip_fread(entry_.get(), out.data(), out.size());
    if (got < 0) refuse("it cannot be unpacked: {}; {}", zip_file_strerror(entry_.get()), rewrite);
    return got;
  }
  Entry entry_;
};

/// Puts the array's name before what is wrong with it.
template <class Work>
auto about(const std::string& name, Work&& work) {
  try {
    return work();
  } catch (const ConfigError& error) {
    refuse("array {}: {}", in_quotes(name), error.what());
  }
}

class Npz final : public ArraySource {
 public:
  explicit Npz(PosixFile file) {
    const auto file_size = size_of(file);
    archive_ = open_zip(std::move(file));
    const auto count = static_cast<zip_uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(archive_.get(), 0), 0));
    check_sizes(count, file_size);
    std::set<std::string> names;
    for (zip_uint64_t i = 0; i < count; ++i) {
      const auto entry = look_at(archive_, i);
      check_packing(entry);
      add_entry(i, entry.size, array_name(entry));
      if (!names.insert(list_.arrays.back().name).second)
        refuse("it holds array {} twice; {}", in_quotes(list_.arrays.back().name), rewrite);
    }
  }

  void read(std::size_t array, Range rows, std::span<std::byte> out) override {
    const auto& header = headers_[array];
    about(header.array.name, [&] {
      read_npy_rows(header, rows, out, [&](std::uint64_t at, std::span<std::byte> into) {
        EntryReader reader(archive_, array);
        reader.skip(header.data + at);
        reader.read(into);
        if (at + into.size() == static_cast<std::uint64_t>(bytes_of(header.array))) reader.end();
      });
    });
  }

 private:
  /// Before anything is unpacked.
  void check_sizes(zip_uint64_t count, std::uint64_t file_size) const {
    std::uint64_t unpacked = 0;
    for (zip_uint64_t i = 0; i < count; ++i) {
      unpacked += std::min<std::uint64_t>(look_at(archive_, i).size, std::uint64_t{1} << 62);
      check_unpacked(unpacked, file_size);
    }
  }
  void add_entry(zip_uint64_t index, std::uint64_t size, const std::string& name) {
    auto header = about(name, [&] {
      EntryReader reader(archive_, index);
      auto found = read_npy_header([&](std::span<std::byte> out) { reader.read(out); });
      const auto expected = found.data + bytes_of(found.array);
      if (expected != size)
        refuse("it takes {} bytes by its header, and its entry has {}; {}", expected, size, rewrite);
      return found;
    });
    header.array.name = name;
    add_array(list_, header.array);
    headers_.push_back(std::move(header));
  }

  Zip archive_;
  std::vector<NpyHeader> headers_;
};

}  // namespace

std::unique_ptr<ArraySource> open_npz(PosixFile file) { return std::make_unique<Npz>(std::move(file)); }

}  // namespace flatsweep
