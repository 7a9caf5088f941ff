#include "flatsweep/study/store/run_identity.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/hexadecimal.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "flatsweep/study/store/work_folder.hpp"
#include "machine.hpp"
#include "text_lines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <optional>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

constexpr const char* record_name = "data";

std::string text_or_nothing(const Group& group, const char* name) {
  return group.attribute(name) == nullptr ? "" : group.text(name);
}

/// Older builds named themselves alone, or not at all.
std::vector<std::string> builds_of(const Group& group) {
  auto builds = lines_of(text_or_nothing(group, "builds"));
  const auto first = text_or_nothing(group, "build");
  if (builds.empty() || builds.front() != first) builds.insert(builds.begin(), first);
  std::erase(builds, "");
  return builds;
}

WorkRecord record_from(const Group& group) {
  return {group.text("dataset_sha256"), text_or_nothing(group, "petsc_options"), builds_of(group)};
}

/// What is there of an earlier run of the same configuration.
std::optional<WorkRecord> earlier_record(const fs::path& file, const RunIdentity& identity, const FileOwner& owner,
                                         Log& log) {
  std::error_code ignored;
  if (!is_there(file)) return std::nullopt;
  try {
    const auto group = read_durable(file);
    const auto configuration = text_or_nothing(group, "configuration");
    if (configuration.empty() || configuration == hexadecimal(digest_of(identity.configuration)))
      return record_from(group);
    log.warning(fmt::format("{}: the file belongs to a run of another configuration; it is replaced", file.string()));
  } catch (const DamagedFile& error) {
    log.warning(fmt::format("{}; it is removed and made again", error.what()));
  } catch (const IoError& error) {
    throw IoError(fmt::format("{}; once it is removed, it is made again", error.what()));
  }
  owner.still_ours();
  fs::remove(file, ignored);
  return std::nullopt;
}

void add_new(std::vector<std::string>& texts, const std::string& text) {
  if (std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
}

std::string options_text(const std::string& options) { return options.empty() ? "none" : "'" + options + "'"; }

void check_the_same(const WorkRecord& record, const RunIdentity& identity, const fs::path& file,
                    const std::string& dataset) {
  if (record.dataset_sha256 != identity.dataset_sha256)
    throw ConfigError(
        fmt::format("{}: the unfinished run here was begun with other data than are found now under the "
                    "name {}; restore them, or use --overwrite",
                    file.string(), dataset));
  if (record.solver_options != identity.solver_options)
    throw ConfigError(
        fmt::format("{}: the unfinished run here was begun with other PETSc options: they were {}, now they are {}; "
                    "give the same, behind -- or in PETSC_OPTIONS, or use --overwrite",
                    file.string(), options_text(record.solver_options), options_text(identity.solver_options)));
}

void write_record(const fs::path& file, const WorkRecord& record, const RunIdentity& identity, const FileOwner& owner) {
  Group group;
  group.set("dataset_sha256", record.dataset_sha256);
  group.set("petsc_options", record.solver_options);
  group.set("configuration", hexadecimal(digest_of(identity.configuration)));
  group.set("build", record.builds.front());
  group.set("builds", fmt::format("{}", fmt::join(record.builds, "\n")));
  write_durable(file, group, owner);
}

}  // namespace

Digest digest_of(std::string_view text) {
  unsigned char whole[EVP_MAX_MD_SIZE];
  if (EVP_Digest(text.data(), text.size(), whole, nullptr, EVP_sha256(), nullptr) != 1)
    throw IoError("computing a SHA-256 failed");
  Digest half;
  std::copy_n(whole, half.size(), half.begin());
  return half;
}

Digest RunIdentity::digest() const {
  auto text = fmt::format("{}\n{}\n{}\n", configuration, dataset_sha256, solver_options);
  if (!models_sha256.empty()) text += models_sha256 + "\n";
  return digest_of(text);
}

WorkRecord read_work_record(const fs::path& work) {
  return record_from(read_durable(UnitFolder(work).file(record_name)));
}

std::vector<std::string> builds_at_work(const Communicator& world) {
  std::vector<std::string> builds;
  for (const auto& build : world.gather_all(build_and_machine())) add_new(builds, build);
  return builds;
}

void warn_about_mixed_builds(const std::vector<std::string>& builds, Log& log) {
  if (builds.size() < 2) return;
  log.warning(fmt::format("a part of this run was made by {}, another by {}: numbers may round differently", builds[0],
                          builds[1]));
}

WorkRecord keep_to_beginning(const fs::path& work, const RunIdentity& identity, const FileOwner& owner,
                             const std::string& dataset, const std::vector<std::string>& builds, Log& log) {
  const auto file = UnitFolder(work).file(record_name);
  const auto before = earlier_record(file, identity, owner, log);
  auto record = before.value_or(WorkRecord{identity.dataset_sha256, identity.solver_options, {}});
  check_the_same(record, identity, file, dataset);
  const auto known = record.builds;
  for (const auto& build : builds) add_new(record.builds, build);
  if (!known.empty() && known.front() != builds.front())
    log.warning(fmt::format("this run was begun by {} and goes on with {}: numbers may round differently",
                            known.front(), builds.front()));
  else
    warn_about_mixed_builds(record.builds, log);
  if (!before || known != record.builds) write_record(file, record, identity, owner);
  return record;
}

void take_over_record(const fs::path& work, const RunIdentity& identity, const FileOwner& owner,
                      const std::vector<std::string>& builds) {
  const auto file = UnitFolder(work).file(record_name);
  if (!builds.empty()) {
    if (!is_there(file))
      write_record(file, {identity.dataset_sha256, identity.solver_options, builds}, identity, owner);
    return;
  }
  try {
    if (is_there(file)) write_record(file, read_work_record(work), identity, owner);
  } catch (const DamagedFile&) {  // `keep_to_beginning` says so and makes it anew
  }
}

void warn_about_builds(const std::vector<fs::path>& folders, const std::vector<std::string>& known, Log& log) {
  std::vector<Digest> digests;
  for (const auto& build : known) digests.push_back(digest_of(build));
  std::map<Digest, std::pair<int, fs::path>> others;
  for (const auto& folder : folders) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() != ".h5" || !entry.is_regular_file(ignored)) continue;
      try {
        const auto build = read_origin(entry.path()).build;
        if (std::ranges::find(digests, build) != digests.end()) continue;
        auto& other = others[build];
        if (other.first++ == 0) other.second = entry.path();
      } catch (const IoError&) {  // whoever needs the file says so
      }
    }
  }
  for (const auto& [build, files] : others)
    log.warning(
        fmt::format("{}: the file, and {} more, were written by another build or on another kind of machine than this "
                    "run knows of: numbers may round differently",
                    files.second.string(), files.first - 1));
}

}  // namespace flatsweep
