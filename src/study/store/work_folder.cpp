#include "flatsweep/study/store/work_folder.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/io/durable_file.hpp"

#include <fmt/format.h>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {
constexpr std::string_view checkpoint = "checkpoint";
constexpr std::string_view previous_checkpoint = "checkpoint-previous";
}  // namespace

std::string unit_name(std::int64_t id) { return fmt::format("{:06}", id); }

UnitFolder::UnitFolder(const fs::path& work, std::int64_t unit, DamageReport report)
    : folder_(work / unit_name(unit)), report_(std::move(report)) {}

UnitFolder::UnitFolder(fs::path folder, DamageReport report, FileOwner owner, StageDigest digest)
    : folder_(std::move(folder)), report_(std::move(report)), owner_(std::move(owner)), digest_(std::move(digest)) {}

Digest UnitFolder::digest(std::string_view stage) const { return digest_ ? digest_(stage) : owner_.origin.run; }

bool UnitFolder::holds(std::string_view stage) const {
  if (!is_there(file(stage))) return false;
  try {
    return read_origin(file(stage)).run == digest(stage);
  } catch (const DamagedFile&) {
    return false;
  }
}

fs::path UnitFolder::file(std::string_view stage) const { return folder_ / (std::string(stage) + ".h5"); }

namespace {

Group read_checked(const fs::path& path, const Digest& run, const ContentCheck& check) {
  auto tree = read_durable(path, run);
  try {
    if (check) check(tree);
  } catch (const DamagedFile& error) {
    throw DamagedFile(fmt::format("cannot use {}: {}", path.string(), error.what()));
  }
  return tree;
}

}  // namespace

std::optional<Group> UnitFolder::read(std::string_view stage, const ContentCheck& check) const {
  const auto path = file(stage);
  std::error_code ignored;
  if (!is_there(path)) return std::nullopt;
  try {
    return read_checked(path, digest(stage), check);
  } catch (const DamagedFile& error) {
    owner_.still_ours();
    report_(fmt::format("{}; it is removed and that part of the work is done again", error.what()));
    fs::remove(path, ignored);
    return std::nullopt;
  } catch (const IoError& error) {
    throw IoError(fmt::format("{}; once it is removed, that part of the work is done again", error.what()));
  }
}

Group UnitFolder::require(std::string_view stage) const { return read_durable(file(stage), digest(stage)); }

Group UnitFolder::require_skeleton(std::string_view stage) const { return read_skeleton(file(stage), digest(stage)); }

// The folder is not made where the output folder was moved away or replaced.
void UnitFolder::write(std::string_view stage, const Group& tree) const {
  owner_.still_ours();
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    throw IoError(fmt::format("{}: the folder cannot be made: {}; free space, or check what is in its place",
                              folder_.string(), error.message()));
  write_durable(file(stage), tree, {{digest(stage), owner_.origin.build}, owner_.still_ours});
}

void UnitFolder::remove(std::string_view stage) const {
  owner_.still_ours();
  std::error_code ignored;
  fs::remove(file(stage), ignored);
}

void UnitFolder::write_checkpoint(const Group& tree) const {
  owner_.still_ours();
  std::error_code ignored;
  fs::rename(file(checkpoint), file(previous_checkpoint), ignored);  // there is none before the first
  write(checkpoint, tree);
}

std::optional<Group> UnitFolder::read_checkpoint(const ContentCheck& check) const {
  if (auto tree = read(checkpoint, check)) return tree;
  return read(previous_checkpoint, check);
}

void UnitFolder::remove_checkpoints() const {
  remove(checkpoint);
  remove(previous_checkpoint);
}

namespace {

StageDigest digests_of(const RunDigests& digests, std::int64_t unit) {
  if (!digests) return {};
  return [digests, unit](std::string_view stage) { return digests(unit, stage); };
}

}  // namespace

UnitFolder WorkFiles::unit(std::int64_t id) const {
  return UnitFolder(folder / unit_name(id), report, owner, digests_of(digests, id));
}

UnitFolder WorkFiles::cross() const {
  return UnitFolder(folder / "cross", report, owner, digests_of(digests, cross_unit));
}

}  // namespace flatsweep
