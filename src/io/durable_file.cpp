#include "flatsweep/io/durable_file.hpp"

#include "footer.hpp"
#include "hdf5_object.hpp"
#include "hdf5_reader.hpp"
#include "memory_file.hpp"
#include "posix_file.hpp"

#include <unistd.h>

#include <string>
#include <vector>

namespace flatsweep {

namespace {

/// Did HDF5 fail for want of something on this machine, and not for what stands in the file?
bool is_of_the_machine(const std::string& message) {
  return message.find("errno = ") != std::string::npos || message.find("alloc") != std::string::npos;
}

/// Of a file whose bytes have been found as they were written: what HDF5 cannot read now is not ours.
Group read_hdf(const std::filesystem::path& path, Contents contents) {
  try {
    const auto file = open_durable(path);
    return read_group(open_or_create_group(file.get(), "").get(), "", contents);
  } catch (const DamagedFile&) {
    throw;
  } catch (const IoError& error) {
    if (is_of_the_machine(error.what())) throw;
    throw DamagedFile(error.what());
  }
}

/// "results.h5.partial-0123456789abcdef", and "results.h5.partial" of older builds.
bool is_temporary(const std::string& name) {
  const auto mark = name.rfind(partial_mark);
  if (mark == std::string::npos) return false;
  const auto rest = name.substr(mark + partial_mark.size());
  return rest.empty() || rest[0] == '-';
}

}  // namespace

void write_durable(const std::filesystem::path& path, const Group& root, const FileOwner& owner) {
  const QuietHdf quiet;
  with_path("cannot write", path, [&] {
    const MemoryFile contents([&](hid_t file) { write_group(open_or_create_group(file, "").get(), root); });
    PartialFile partial(path);
    write_with_footer(partial, contents.bytes(), owner.origin);
    partial.publish(owner.still_ours);
  });
}

void write_durable_text(const std::filesystem::path& path, std::string_view text, const FileOwner& owner) {
  with_path("cannot write", path, [&] {
    PartialFile partial(path);
    partial.write(std::as_bytes(std::span(text)));
    partial.publish(owner.still_ours);
  });
}

Group read_durable(const std::filesystem::path& path, const std::optional<Digest>& run) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    check_every_byte(path, run);
    return read_hdf(path, Contents::everything);
  });
}

Group read_skeleton(const std::filesystem::path& path, const std::optional<Digest>& run) {
  const QuietHdf quiet;
  return with_path("cannot read", path, [&] {
    check_footer(path, run);
    return read_hdf(path, Contents::skeleton);
  });
}

Origin read_origin(const std::filesystem::path& path) {
  return with_path("cannot read", path, [&] { return check_footer(path); });
}

void remove_temporary_files(const std::filesystem::path& folder) noexcept {
  std::error_code ignored;
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored))
    if (is_temporary(entry->path().filename().string())) found.push_back(entry->path());
  for (const auto& file : found) unlink(file.c_str());
}

}  // namespace flatsweep
