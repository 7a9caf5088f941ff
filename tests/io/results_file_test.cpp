#include "flatsweep/io/results_file.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/io/durable_file.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace flatsweep::results_file_test {
namespace {

using testing::HasSubstr;

enum class Size { small, large };

/// A replica's file: the sample tree, a data set of several chunks, one of two rows; the large one has a data set of
/// more than 64 MiB as well, which takes two rounds of collective writes.
Group replica_tree(int id, Size size) {
  auto tree = sample_tree();
  tree.set("id", std::int64_t{id}, "1", "number of the part");
  auto& weights = tree.group("weights");
  weights.add("fc1", std::span<const float>(ramp(1001 * 997, static_cast<float>(id))), {1001, 997}, {"out", "in"});
  weights.add("pair", std::span<const double>(ramp(6, 0.5)), {2, 3}, {"two", "three"});
  if (size == Size::small) return tree;
  std::vector<std::int32_t> steps = ramp<std::int32_t>(301 * 61 * 1009);
  tree.group("trajectory").add("fc2", std::span<const std::int32_t>(steps), {301, 61, 1009}, {"step", "a", "b"}).units =
      "iterations";
  return tree;
}

std::vector<ResultPart> sample_parts(const Communicator& comm, const Scratch& scratch, Size size = Size::small) {
  const std::vector<std::filesystem::path> files = {scratch / "r0.h5", scratch / "r1.h5"};
  for (int id = 0; id < 2; ++id)
    if (comm.is_root()) write_durable(files[id], replica_tree(id, id == 0 ? size : Size::small));
  comm.barrier();
  Group about;
  about.set("dataset", std::string("mnist"));
  Group grid;
  grid.add("batch_size", std::span<const std::int32_t>(ramp<std::int32_t>(2, 50)), {2}, {"replica"}).description =
      "minibatch size";
  grid.add("status", std::vector<std::string>{"done", "diverged"}, {"replica"});
  Group attributes_only;
  attributes_only.set("batch_size", std::int64_t{50}, "", "samples");
  return {{"", {}, about},
          {"grid", {}, grid},
          {"replica/000000", {}, attributes_only},
          {"replica/000000", files[0], {}},
          {"replica/000001", files[1], {}}};
}

std::string failure(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const IoError& error) {
    EXPECT_TRUE(error.agreed());
    return error.what();
  }
}

int run_python(const std::filesystem::path& script, const std::string& arguments) {
  return std::system(("/usr/bin/python3 " + script.string() + " " + arguments).c_str());
}

TEST(ResultsFile, HasTheSameBytesForAnyNumberOfRanks) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto parts = sample_parts(world, scratch, Size::large);
  const auto name = [&](int ranks) { return scratch / ("results" + std::to_string(ranks) + ".h5"); };
  for (int ranks = 1; ranks <= world.size(); ++ranks) {
    const auto some = world.split(world.rank() < ranks ? 0 : 1);
    if (world.rank() < ranks) write_results(some, name(ranks), parts);
    world.barrier();
    if (world.is_root()) {
      EXPECT_EQ(slurp(name(ranks)), slurp(name(1))) << ranks << " ranks";
    }
  }
}

TEST(ResultsFile, ReportsEveryPartOnEveryRank) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto parts = sample_parts(world, scratch);
  std::vector<std::size_t> seen;
  write_results(world, scratch / "results.h5", parts, [&](std::size_t done, std::size_t all) {
    EXPECT_EQ(all, parts.size());
    seen.push_back(done);
  });
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3, 4, 5));
  world.barrier();
  EXPECT_EQ(scratch.entries(), 3U) << "the parts' files and the results";
}

constexpr const char* reader = R"(
import sys, h5py, numpy as np
path, broken = sys.argv[1:]
f = h5py.File(path, "r")
assert f.attrs["dataset"] == "mnist"
r = f["replica/000000"]
assert isinstance(f.attrs["dataset"], str) and r.attrs["format_version"] == 1
assert list(f["replica"]) == ["000000", "000001"]
assert r.attrs["batch_size"] == 50 and r.attrs["psi"] == 1.9 and r.attrs["config"] == "seed = 1  # \u03b2 = 0.9\n"
assert isinstance(r.attrs["config"], str) and r.attrs["nothing"] == ""
assert list(r.attrs["bounds"]) == [0.5, 1.5] and r.attrs["no_bounds"].shape == (0,)
v = r["pca/fc2/variance"]
assert v.attrs["units"] == "1" and v.attrs["description"] == "variance along each direction"
assert np.array_equal(v[()], np.arange(5) + 0.5) and v.attrs["window_iterations"] == 12000
def words(d):
    assert d.dtype == np.int8 and d.attrs["flag_values"].dtype == np.int8
    meaning = dict(zip(d.attrs["flag_values"], d.attrs["flag_meanings"].split()))
    return [meaning[value] for value in d[()]]
def words4(d):
    return [dict(zip(d.attrs["flag_values"], d.attrs["flag_meanings"].split()))[value] for value in d[()]]
assert words(f["grid/status"]) == ["done", "diverged"] and words(r["grid/status"]) == ["done", "diverg\u00e9"]
assert r["grid/status"].attrs["flag_meanings"] == "failed_early done diverg\u00e9"
n = r["grid/name"]
assert n.attrs["flag_meanings"] == "net_a_1 _" and n.attrs["flag_texts"].split("\n") == ["net_a 1", ""]
assert r["many/name"].dtype == np.int32 and words4(r["many/name"]) == [str(i) for i in range(200)]
assert r.attrs["attribute_descriptions"] == "batch_size: samples\nid (1): number of the part"
assert list(r["grid/seed"][()]) == [-1, 1 << 40] and r["grid/raw"].dtype == np.uint8
assert r["grid/empty"].shape == (0, 7)
w = f["replica/000001/weights/fc1"]
assert w.dtype == np.float32 and np.array_equal(w[()].ravel(), np.arange(1, 1001 * 997 + 1, dtype=np.float32))
t = r["trajectory/fc2"]
assert np.array_equal(t[()].ravel(), np.arange(301 * 61 * 1009)) and t.attrs["units"] == "iterations"
def check(name, d):
    if not isinstance(d, h5py.Dataset): return
    assert d.fletcher32 or d.size == 0, name
    is_scale = h5py.h5ds.is_scale(d.id)
    for i, axis in enumerate(d.dims):
        scale = d if is_scale else axis[0]
        assert axis.label == scale.name.split("/")[-1] and scale.shape == (d.shape[i],), name
f.visititems(check)
assert np.array_equal(r["pca/fc2/directions"].dims[0][0][()], [0, 2, 4])
assert r["pca/fc2/direction"].attrs["description"] == "index of the mode"
place, size = w.id.get_chunk_info(1).byte_offset, w.id.get_chunk_info(1).size
f.close()
raw = bytearray(open(path, "rb").read())
raw[place + size // 2] ^= 1
open(broken, "wb").write(raw)
try:
    h5py.File(broken, "r")["replica/000001/weights/fc1"][()]
    sys.exit("a flipped byte was not noticed")
except OSError:
    pass
)";

TEST(ResultsFile, CanBeReadByH5pyAndNoticesAFlippedByte) {
  const auto world = Communicator::world();
  const Scratch scratch;
  write_results(world, scratch / "results.h5", sample_parts(world, scratch, Size::large));
  if (!world.is_root()) return;
  spill(scratch / "read.py", reader);
  EXPECT_EQ(run_python(scratch / "read.py", (scratch / "results.h5").string() + " " + (scratch / "broken.h5").string()),
            0);
}

TEST(ResultsFile, InAMissingFolderIsAnErrorOnEveryRank) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto message = failure([&] {
    write_results(world, scratch / "none" / "results.h5", {{"", {}, sample_tree()}});
  });
  EXPECT_THAT(message, HasSubstr("none/results.h5"));
  EXPECT_THAT(message, HasSubstr("check that the folder exists"));
}

TEST(ResultsFile, ADamagedPartIsAnErrorOnEveryRankAndLeavesNoFile) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto parts = sample_parts(world, scratch);
  if (world.is_root()) {
    auto bytes = slurp(parts.back().file);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    spill(parts.back().file, bytes);
  }
  world.barrier();
  const auto message = failure([&] { write_results(world, scratch / "results.h5", parts); });
  EXPECT_THAT(message, HasSubstr("r1.h5"));
  world.barrier();
  EXPECT_EQ(scratch.entries(), 2U);
}

TEST(ResultsFile, APartOfAnotherRunIsAnErrorOnEveryRank) {
  const auto world = Communicator::world();
  const Scratch scratch;
  auto parts = sample_parts(world, scratch);
  parts.back().run = Digest{1};
  const auto message = failure([&] { write_results(world, scratch / "results.h5", parts); });
  EXPECT_THAT(message, HasSubstr("r1.h5"));
  EXPECT_THAT(message, HasSubstr("belongs to another run"));
  world.barrier();
  EXPECT_EQ(scratch.entries(), 2U);
}

TEST(ResultsFile, IsNotPublishedWhereItIsNotOurs) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto parts = sample_parts(world, scratch);
  const auto message =
      failure([&] { write_results(world, scratch / "results.h5", parts, {}, [] { throw IoError("moved away"); }); });
  EXPECT_THAT(message, HasSubstr("moved away"));
  world.barrier();
  EXPECT_EQ(scratch.entries(), 2U);
}

TEST(ResultsFile, DoesNotWriteThroughALink) {
  const auto world = Communicator::world();
  const Scratch scratch;
  if (world.is_root()) {
    spill(scratch / "precious", "do not touch");
    std::filesystem::create_symlink(scratch / "precious", scratch / "results.h5.partial");
  }
  write_results(world, scratch / "results.h5", sample_parts(world, scratch));
  EXPECT_EQ(slurp(scratch / "precious"), "do not touch");
}

TEST(ResultsFile, AMissingPartIsAnErrorOnEveryRank) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto message = failure([&] { write_results(world, scratch / "results.h5", {{"a", scratch / "none.h5", {}}}); });
  EXPECT_THAT(message, HasSubstr("none.h5"));
}

TEST(ResultsFile, RefusesTheSameDataSetFromTwoPartsAndKeepsTheOldFile) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const ResultPart part{"summary", {}, sample_tree()};
  write_results(world, scratch / "results.h5", {part});
  const auto before = slurp(scratch / "results.h5");
  const auto message = failure([&] { write_results(world, scratch / "results.h5", {part, part}); });
  EXPECT_THAT(message, HasSubstr("summary/pca/fc2/variance"));
  world.barrier();
  EXPECT_EQ(slurp(scratch / "results.h5"), before);
  EXPECT_EQ(scratch.entries(), 1U);
}

TEST(ResultsFile, PartsMayShareAnIndexScale) {
  const auto world = Communicator::world();
  const Scratch scratch;
  Group one, two;
  one.add("a", std::span<const double>(ramp<double>(3)), {3}, {"x"});
  two.add("b", std::span<const double>(ramp<double>(3)), {3}, {"x"});
  EXPECT_EQ(failure([&] { write_results(world, scratch / "results.h5", {{"g", {}, one}, {"g", {}, two}}); }), "");
}

/// Cuts the file of part `victim` short once `after` parts are done, and expects all ranks to fail together.
void expect_failure_half_way(Size size, std::size_t after, std::size_t victim) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const auto parts = sample_parts(world, scratch, size);
  const auto message = failure([&] {
    write_results(world, scratch / "results.h5", parts, [&](std::size_t done, std::size_t) {
      world.barrier();
      if (done == after && world.is_root()) std::filesystem::resize_file(parts[victim].file, 1000);
      world.barrier();
    });
  });
  EXPECT_THAT(message, HasSubstr(parts[victim].file.filename().string()));
  world.barrier();
  EXPECT_EQ(scratch.entries(), 2U);
}

TEST(ResultsFile, AFailureWhileRankZeroLaysOutTheFileEndsOnEveryRank) { expect_failure_half_way(Size::small, 3, 4); }

// The large part is done last, when all ranks have the file open.
TEST(ResultsFile, AFailureWhileAllRanksWriteEndsOnEveryRank) { expect_failure_half_way(Size::large, 3, 3); }

}  // namespace
}  // namespace flatsweep::results_file_test
