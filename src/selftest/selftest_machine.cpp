// Random numbers, communication and files: what a machine may get wrong before any science begins.
#include "flatsweep/base/error.hpp"
#include "flatsweep/base/random.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/par/agreement.hpp"
#include "flatsweep/par/replica_queue.hpp"
#include "flatsweep/par/shared_bytes.hpp"
#include "selftest_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace flatsweep {

namespace {

using Words = std::array<std::uint32_t, 4>;

int matching_words(Random random, const Words& published) {
  return std::ranges::count_if(published, [&](std::uint32_t word) { return random.next() == word; });
}

/// Key and counter 0 as in Random123's kat_vectors; the others by plain integers from Salmon et al. 2011, section 3.3.
int philox_matches() {
  constexpr Words zero = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  constexpr Words mapped = {0xc4c69438, 0x8e526353, 0x34ad7f0c, 0xcc8526b0};
  return matching_words(Random(0, RandomPurpose{0}), zero) +
         matching_words(Random(0x0123456789ABCDEF, RandomPurpose::bootstrap, 0x00112233445566), mapped);
}

constexpr int normal_draws = 100'000;

double variance_of_normals() {
  Random random(2, RandomPurpose::simulation);
  double squares = 0.0;
  for (int i = 0; i < normal_draws; ++i) squares += std::pow(random.normal(), 2);
  return squares / normal_draws;
}

Check queue_check(const Communicator& world, const std::filesystem::path& file, ReplicaQueue::Method method) {
  constexpr std::int64_t units = 500;
  ReplicaQueue queue(world, units, world.rank(), world.size(), file, method);
  std::vector<double> mine;
  while (const auto ticket = queue.draw()) mine.push_back(*ticket);
  auto all = world.gather_all(mine);
  std::ranges::sort(all);
  double once = 0.0;
  for (std::size_t i = 0; i < all.size(); ++i)
    once += (i == 0 || all[i - 1] != all[i]) && (i + 1 == all.size() || all[i + 1] != all[i]) ? 1.0 : 0.0;
  return {fmt::format("queue: units handed out exactly once ({})", to_string(queue.method())), units, once, 0.0,
          "count"};
}

std::vector<std::byte> noise_bytes(std::size_t count) {
  Random random(3, RandomPurpose::simulation);
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

double differences(std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return std::max(a.size(), b.size());
  double count = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1.0 : 0.0;
  return count;
}

Check shared_memory_check(const Communicator& world) {
  const auto written = noise_bytes(1 << 20);
  const SharedBytes memory(world, written.size(), [&](auto out) { std::ranges::copy(written, out.begin()); });
  return {fmt::format("images in memory{}: bytes that read otherwise", memory.shared() ? ", one copy a node" : ""), 0.0,
          differences(memory.get(), written), 0.0, "bytes"};
}

Check sum_check(const Communicator& world) {
  std::vector<double> values(1000, world.rank() + 1);
  world.sum(values);
  const double ranks = world.size();
  const auto [low, high] = std::ranges::minmax(values);
  return {"sum of 1..n over the n ranks", ranks * (ranks + 1.0) / 2.0, low == high ? low : std::nan(""), 0.0,
          "n (n + 1)/2"};
}

/// A folder of our own inside `parent`, removed at the end. Collective.
class ScratchFolder {
 public:
  ScratchFolder(const Communicator& world, const std::filesystem::path& parent) : world_(world) {
    std::string name = (parent / "flatsweep-selftest-XXXXXX").string();
    on_root(world, [&] {
      std::error_code ignored;
      std::filesystem::create_directories(parent, ignored);
      if (mkdtemp(name.data()) == nullptr)
        throw IoError(fmt::format("{}: no folder can be made here: {}; choose another with --output", parent.string(),
                                  std::strerror(errno)));
    });
    world.broadcast(name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (world_.is_root()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  const Communicator& world_;
  std::filesystem::path path_;
};

/// Eight chunks of results.h5, so that several ranks write.
Group some_contents() {
  Random random(4, RandomPurpose::simulation);
  std::vector<double> values(1 << 20);
  for (auto& value : values) value = random.normal();
  Group tree;
  tree.set("answer", std::int64_t{42});
  tree.add("values", std::span<const double>(values), {1 << 10, 1 << 10}, {"row", "column"});
  return tree;
}

double differences(const Group* read, const Group& written) {
  if (read == nullptr || read->integer("answer") != written.integer("answer")) return std::nan("");
  return differences(read->dataset("values").bytes, written.dataset("values").bytes);
}

}  // namespace

std::vector<Check> random_number_checks(const Communicator& world) {
  const double first = Random(1, RandomPurpose::simulation).uniform();
  auto firsts = world.gather_all(std::vector<double>{first});
  std::ranges::sort(firsts);
  const auto kinds = std::distance(firsts.begin(), std::unique(firsts.begin(), firsts.end()));
  return {{"Philox4x32-10: words equal to known answers", 8.0, 1.0 * philox_matches(), 0.0, "Salmon et al. 2011"},
          {"random streams: different first numbers over the ranks", 1.0, 1.0 * kinds, 0.0, "count"},
          {"variance of 100,000 normal numbers", 1.0, variance_of_normals(), 5.0 * std::sqrt(2.0 / normal_draws),
           "5 standard errors"}};
}

std::vector<Check> communication_checks(const Communicator& world) {
  return {sum_check(world), queue_check(world, {}, ReplicaQueue::Method::one_sided), shared_memory_check(world)};
}

std::vector<Check> file_checks(const Communicator& world, const std::filesystem::path& folder) {
  const ScratchFolder scratch(world, folder);
  const auto stage = scratch.path() / "stage.h5";
  const auto results = scratch.path() / "results.h5";
  const auto written = some_contents();
  double in_stage = 0.0, in_results = 0.0;
  on_root(world, [&] { write_durable(stage, written); });
  agree(world, [&] {
    const auto read = read_durable(stage);
    in_stage = differences(&read, written);
  });
  write_results(world, results, {{"from_file", stage, {}}, {"from_memory", {}, written}});
  agree(world, [&] {
    const auto read = read_results(results);
    in_results =
        differences(read.find_group("from_file"), written) + differences(read.find_group("from_memory"), written);
  });
  return {queue_check(world, scratch.path() / "queue", ReplicaQueue::Method::file),
          {"stage file of one rank: bytes that another rank reads otherwise", 0.0, in_stage, 0.0, "bytes"},
          {"parallel HDF5, all ranks write, each reads all: bytes otherwise", 0.0, in_results, 0.0, "bytes"}};
}

}  // namespace flatsweep
