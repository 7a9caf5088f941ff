#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/par/communicator.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

namespace flatsweep {

/// A folder of its own for one test, the same on all ranks, removed at the end.
class Scratch {
 public:
  explicit Scratch(const Communicator& comm = Communicator::world()) : comm_(comm) {
    std::string name = (std::filesystem::temp_directory_path() / "flatsweep-io-XXXXXX").string();
    if (comm_.is_root() && !mkdtemp(name.data())) name.clear();
    comm_.broadcast(name);
    folder_ = name;
  }
  ~Scratch() {
    comm_.barrier();
    std::error_code ignored;
    if (comm_.is_root()) std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::size_t entries() const {
    const std::filesystem::directory_iterator begin(folder_);
    return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator()));
  }

 private:
  Communicator comm_;
  std::filesystem::path folder_;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void spill(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

template <class T>
std::vector<T> ramp(std::size_t count, T first = T(0)) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

/// One of everything: all element types and attribute kinds, several axes, an empty data set, nested groups.
inline Group sample_tree() {
  Group root;
  root.set("format_version", std::int64_t{1});
  root.set("config", std::string("seed = 1  # \u03b2 = 0.9\n"));
  root.set("nothing", std::string());
  root.set("psi", 1.9);
  root.set("bounds", std::vector<double>{0.5, 1.5});
  root.set("no_bounds", std::vector<double>{});
  auto& pca = root.group("pca/fc2");
  auto& variance = pca.add("variance", std::span<const double>(ramp(5, 0.5)), {5}, {"mode"});
  variance.units = "1";
  variance.description = "variance along each direction";
  variance.attributes = {{"window_iterations", std::int64_t{12000}}, {"share", 0.25}};
  pca.add("directions", std::span<const float>(ramp(15, 0.25F)), {3, 5}, {"direction", "mode"});
  pca.add("direction", std::span<const std::int32_t>(std::vector<std::int32_t>{0, 2, 4}), {3}, {"direction"})
      .description = "index of the mode";
  auto& table = root.group("grid");
  table.add("seed", std::span<const std::int64_t>(std::vector<std::int64_t>{-1, std::int64_t{1} << 40}), {2}, {"run"});
  table.add("raw", std::span<const std::uint8_t>(ramp<std::uint8_t>(4, 250)), {2, 2}, {"run", "byte"});
  table.add("status", std::vector<std::string>{"done", "diverg\u00e9"}, {"run"},
            {"failed early", "done", "diverg\u00e9"});
  table.add("name", std::vector<std::string>{"net_a 1", ""}, {"run"});
  table.add("empty", std::span<const float>(), {0, 7}, {"none", "column"});
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) many.push_back(std::to_string(i));
  root.group("many").add("name", many, {"row"});
  return root;
}

}  // namespace flatsweep
