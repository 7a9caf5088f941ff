#include "model_files.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/hexadecimal.hpp"
#include "flatsweep/base/regular_file.hpp"
#include "weight_map.hpp"

#include <fmt/format.h>
#include <glob.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

namespace flatsweep {

namespace fs = std::filesystem;

namespace {

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

std::vector<fs::path> expand(const std::string& pattern) {
  glob_t found{};
  const int code = glob(pattern.c_str(), 0, nullptr, &found);
  const std::unique_ptr<glob_t, decltype(&globfree)> freed(&found, globfree);
  if (code == GLOB_NOSPACE) throw std::bad_alloc();
  std::vector<fs::path> files;
  if (code == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  return files;
}

/// The folder that holds all of the files.
fs::path common_folder(const std::vector<fs::path>& files) {
  fs::path common = files.front().parent_path();
  for (const auto& file : files) {
    const auto folder = file.parent_path();
    const auto parts = std::ranges::mismatch(common, folder);
    fs::path shared;
    for (auto part = common.begin(); part != parts.in1; ++part) shared /= *part;
    common = shared;
  }
  return common;
}

void add_to(EVP_MD_CTX* hash, const fs::path& path) {
  try {
    const auto file = open_regular(path);
    std::vector<char> block(std::size_t{1} << 20);
    for (;;) {
      const auto got = ::read(file.get(), block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw IoError(std::strerror(errno));
      if (got == 0) return;
      if (EVP_DigestUpdate(hash, block.data(), got) != 1) throw IoError("computing its SHA-256 failed");
    }
  } catch (const IoError& error) {
    throw IoError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

}  // namespace

std::vector<fs::path> files_of(const std::string& pattern, std::string_view key) {
  if (is_there(pattern)) return {pattern};
  auto files = is_pattern(pattern) ? expand(pattern) : std::vector<fs::path>{};
  if (files.empty())
    throw ConfigError(fmt::format("{} = \"{}\": there is no {}; paths are absolute or from where flatsweep is started",
                                  key, pattern, is_pattern(pattern) ? "file of this pattern" : "such file"));
  std::ranges::sort(files, [](const auto& a, const auto& b) { return natural_less(a.native(), b.native()); });
  return files;
}

std::vector<std::string> model_names(const std::vector<fs::path>& files) {
  const auto folder = common_folder(files);
  std::vector<std::string> names;
  std::map<std::string, fs::path> known;
  for (const auto& file : files) {
    auto name = file.lexically_relative(folder).replace_extension().generic_string();
    const auto [other, fresh] = known.try_emplace(name, file);
    if (!fresh)
      throw ConfigError(fmt::format("model.weights: {} and {} are both the model \"{}\"; rename one, or name one alone",
                                    other->second.string(), file.string(), name));
    names.push_back(std::move(name));
  }
  return names;
}

std::string hash_files(const std::vector<fs::path>& files) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1)
    throw IoError("computing the SHA-256 of the models failed");
  for (const auto& file : files) add_to(hash.get(), file);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(hash.get(), digest.data(), &length) != 1)
    throw IoError("computing the SHA-256 of the models failed");
  return hexadecimal({digest.data(), length});
}

}  // namespace flatsweep
