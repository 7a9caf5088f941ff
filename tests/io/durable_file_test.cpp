#include "flatsweep/io/durable_file.hpp"

#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <csignal>

namespace flatsweep::durable_file_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

void expect_same(const Group& a, const Group& b) {
  EXPECT_EQ(a.name, b.name);
  ASSERT_EQ(a.attributes.size(), b.attributes.size());
  for (std::size_t i = 0; i < a.attributes.size(); ++i) {
    EXPECT_EQ(a.attributes[i].name, b.attributes[i].name);
    EXPECT_EQ(a.attributes[i].value, b.attributes[i].value);
  }
  ASSERT_EQ(a.datasets.size(), b.datasets.size());
  for (std::size_t i = 0; i < a.datasets.size(); ++i) {
    const auto &x = a.datasets[i], &y = b.datasets[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.type, y.type) << x.name;
    EXPECT_EQ(x.element_size, y.element_size) << x.name;
    EXPECT_EQ(x.words, y.words) << x.name;
    EXPECT_EQ(x.shape, y.shape) << x.name;
    EXPECT_EQ(x.bytes, y.bytes) << x.name;
    EXPECT_EQ(x.units, y.units) << x.name;
    EXPECT_EQ(x.description, y.description) << x.name;
    EXPECT_EQ(x.axes, y.axes) << x.name;
    EXPECT_EQ(x.attributes.size(), y.attributes.size()) << x.name;
  }
  ASSERT_EQ(a.groups.size(), b.groups.size());
  for (std::size_t i = 0; i < a.groups.size(); ++i) expect_same(a.groups[i], b.groups[i]);
}

/// What reading says about the file: "" when it reads well.
std::string complaint(const std::filesystem::path& path) {
  try {
    (void)read_durable(path);
    return "";
  } catch (const IoError& error) {
    return error.what();
  }
}

TEST(DurableFile, GivesBackWhatWasWritten) {
  const Scratch scratch;
  auto tree = sample_tree();
  write_durable(scratch / "a.h5", tree);
  complete_axes(tree);
  expect_same(read_durable(scratch / "a.h5"), tree);
  EXPECT_EQ(scratch.entries(), 1U);
}

TEST(DurableFile, KeepsManyAndLongAttributes) {
  const Scratch scratch;
  Group tree;
  tree.set("config", std::string(200000, 'x'));
  auto& data = tree.add("data", std::span<const double>(ramp<double>(2)), {2}, {"x"});
  for (int i = 0; i < 100; ++i) data.attributes.push_back({"a" + std::to_string(99 - i), std::int64_t{i}});
  write_durable(scratch / "a.h5", tree);
  complete_axes(tree);
  expect_same(read_durable(scratch / "a.h5"), tree);
}

TEST(DurableFile, KeepsDataOfManyChunksAlongEveryAxis) {
  const Scratch scratch;
  Group tree;
  tree.add("long", std::span<const double>(ramp<double>(300001)), {300001}, {"x"});
  tree.add("wide", std::span<const float>(ramp<float>(3 * 300001)), {3, 300001}, {"row", "x"});
  tree.add("deep", std::span<const float>(ramp<float>(2 * 3 * 500 * 601)), {2, 3, 500, 601}, {"a", "b", "c", "d"});
  write_durable(scratch / "a.h5", tree);
  complete_axes(tree);
  expect_same(read_durable(scratch / "a.h5"), tree);
}

TEST(DurableFile, SkeletonHasAllButTheData) {
  const Scratch scratch;
  auto tree = sample_tree();
  write_durable(scratch / "a.h5", tree);
  complete_axes(tree);
  const std::function<void(Group&)> strip = [&](Group& group) {
    for (auto& dataset : group.datasets) dataset.bytes.clear();
    for (auto& child : group.groups) strip(child);
  };
  strip(tree);
  expect_same(read_skeleton(scratch / "a.h5"), tree);
}

TEST(DurableFile, EqualTreesGiveEqualBytes) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  const auto first = slurp(scratch / "a.h5");
  write_durable(scratch / "a.h5", sample_tree());
  EXPECT_EQ(slurp(scratch / "a.h5"), first);
}

TEST(DurableFile, ReplacesAnOlderOne) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  Group other;
  other.set("epoch", std::int64_t{7});
  write_durable(scratch / "a.h5", other);
  EXPECT_EQ(read_durable(scratch / "a.h5").integer("epoch"), 7);
}

TEST(DurableFile, EveryFlippedByteIsNoticed) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  const auto good = slurp(scratch / "a.h5");
  const auto stride = std::max<std::size_t>(1, good.size() / 2000);
  for (std::size_t at = 0; at < good.size(); at += at + 64 < good.size() ? stride : 1) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    spill(scratch / "a.h5", bad);
    EXPECT_THAT(complaint(scratch / "a.h5"), AllOf(HasSubstr("cannot read"), HasSubstr("a.h5"))) << "byte " << at;
  }
}

TEST(DurableFile, EveryTruncationIsNoticed) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  const auto good = slurp(scratch / "a.h5");
  for (std::size_t size = 0; size < good.size(); size += size + 64 < good.size() ? 97 : 1) {
    spill(scratch / "a.h5", good.substr(0, size));
    EXPECT_NE(complaint(scratch / "a.h5"), "") << "cut at " << size;
    EXPECT_THROW((void)read_skeleton(scratch / "a.h5"), IoError) << "cut at " << size;
  }
  spill(scratch / "a.h5", good + "x");
  EXPECT_NE(complaint(scratch / "a.h5"), "");
}

TEST(DurableFile, ItsPlaceIsPartOfIt) {
  const Scratch scratch;
  write_durable(scratch / "checkpoint.h5", sample_tree());
  spill(scratch / "checkpoint-previous.h5", slurp(scratch / "checkpoint.h5"));
  EXPECT_EQ(complaint(scratch / "checkpoint-previous.h5"), "");
  spill(scratch / "window.h5", slurp(scratch / "checkpoint.h5"));
  EXPECT_THAT(complaint(scratch / "window.h5"), HasSubstr("put in another's place"));
  EXPECT_THROW((void)read_skeleton(scratch / "window.h5"), DamagedFile);
}

Digest digest(std::uint8_t first) { return {first, 2, 3}; }

TEST(DurableFile, TheRunIsPartOfIt) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree(), {{digest(1), digest(9)}});
  const auto origin = read_origin(scratch / "a.h5");
  EXPECT_EQ(origin.run, digest(1));
  EXPECT_EQ(origin.build, digest(9));
  EXPECT_NO_THROW((void)read_durable(scratch / "a.h5"));
  EXPECT_NO_THROW((void)read_durable(scratch / "a.h5", digest(1)));
  EXPECT_NO_THROW((void)read_skeleton(scratch / "a.h5", digest(1)));
  for (auto* const read : {&read_durable, &read_skeleton})
    EXPECT_THAT([&] { (void)read(scratch / "a.h5", digest(2)); },
                ThrowsMessage<DamagedFile>(AllOf(HasSubstr("a.h5"), HasSubstr("belongs to another run"))));
}

/// A file as the builds before wrote it: their footer has no origin, the oldest one no place.
std::string in_older_form(const std::string& file, const std::string& magic, const std::string& place) {
  const auto contents = file.substr(0, file.size() - 56);
  const auto crc = [](const std::string& bytes) {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  };
  const auto bytes_of = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto head = magic + bytes_of(std::uint64_t{contents.size()}) + bytes_of(crc(contents));
  return contents + head + bytes_of(crc(place + head));
}

TEST(DurableFile, OfAnOlderBuildBelongsToNoRun) {
  const Scratch scratch;
  const auto file = scratch / "a.h5";
  write_durable(file, sample_tree());
  const auto good = slurp(file);
  const auto place = file.parent_path().filename().string() + "/a";
  for (const auto& older : {in_older_form(good, "FLATSWP2", place), in_older_form(good, "FLATSWP1", "")}) {
    spill(file, older);
    EXPECT_EQ(complaint(file), "");
    EXPECT_THAT([&] { (void)read_durable(file, Digest{}); },
                ThrowsMessage<DamagedFile>(HasSubstr("does not say which run it belongs to")));
  }
}

TEST(DurableFile, IsNotPublishedWhereItIsNotOurs) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  const auto before = slurp(scratch / "a.h5");
  const FileOwner loser{{}, [] { throw IoError("another job has this folder"); }};
  EXPECT_THAT([&] { write_durable(scratch / "a.h5", {}, loser); },
              ThrowsMessage<IoError>(AllOf(HasSubstr("a.h5"), HasSubstr("another job has this folder"))));
  EXPECT_EQ(slurp(scratch / "a.h5"), before);
  EXPECT_EQ(scratch.entries(), 1U);
}

// Temporary names are new ones: what has a name that looks like one of them is not written through.
TEST(DurableFile, DoesNotWriteThroughALink) {
  const Scratch scratch;
  spill(scratch / "precious", "do not touch");
  std::filesystem::create_symlink(scratch / "precious", scratch / "a.h5.partial");
  std::filesystem::create_symlink(scratch / "precious", scratch / "a.h5");
  write_durable(scratch / "a.h5", sample_tree());
  EXPECT_EQ(slurp(scratch / "precious"), "do not touch");
  EXPECT_FALSE(std::filesystem::is_symlink(scratch / "a.h5"));
  EXPECT_EQ(complaint(scratch / "a.h5"), "");
}

TEST(DurableFile, TemporaryFilesOfDeadWritersAreRemoved) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  spill(scratch / "precious", "do not touch");
  spill(scratch / "my.partial.notes", "kept");
  spill(scratch / "a.h5.partial", "half");
  spill(scratch / "a.h5.partial-0123456789abcdef", "half");
  std::filesystem::create_symlink(scratch / "precious", scratch / "results.h5.partial");
  remove_temporary_files(scratch / ".");
  EXPECT_EQ(scratch.entries(), 3U);
  EXPECT_EQ(slurp(scratch / "precious"), "do not touch");
  EXPECT_EQ(slurp(scratch / "my.partial.notes"), "kept");
  EXPECT_EQ(complaint(scratch / "a.h5"), "");
}

TEST(DurableFile, SaysWhatIsWrong) {
  const Scratch scratch;
  EXPECT_THAT(complaint(scratch / "none.h5"), AllOf(HasSubstr("none.h5"), HasSubstr("No such file")));
  spill(scratch / "empty.h5", "");
  EXPECT_THAT(complaint(scratch / "empty.h5"), HasSubstr("the file is empty"));
  spill(scratch / "text.h5", std::string(100, 'x'));
  EXPECT_THAT(complaint(scratch / "text.h5"), HasSubstr("does not end with a whole footer"));
}

TEST(DurableFile, CannotBeWrittenIntoAMissingFolder) {
  const Scratch scratch;
  EXPECT_THAT([&] { write_durable(scratch / "none" / "a.h5", {}); },
              ThrowsMessage<IoError>(AllOf(HasSubstr("none/a.h5"), HasSubstr("check that the folder exists"))));
}

TEST(DurableFile, ATreeThatCannotBeWrittenLeavesTheOldFile) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  const auto before = slurp(scratch / "a.h5");
  Group bad;
  bad.add("a", std::span<const double>(ramp<double>(6)), {6}, {"x"});
  bad.add("b", std::span<const double>(ramp<double>(5)), {5}, {"x"});
  EXPECT_THROW(write_durable(scratch / "a.h5", bad), IoError);
  EXPECT_EQ(slurp(scratch / "a.h5"), before);
  EXPECT_EQ(scratch.entries(), 1U);
}

// A limit on the file size stands in for a full disk: write() fails half-way.
TEST(DurableFile, AWriteThatFailsHalfWayLeavesTheOldFile) {
  const Scratch scratch;
  write_durable(scratch / "a.h5", sample_tree());
  const auto before = slurp(scratch / "a.h5");
  Group large;
  large.add("data", std::span<const double>(ramp<double>(1000000)), {1000000}, {"x"});
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1000000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT([&] { write_durable(scratch / "a.h5", large); }, ThrowsMessage<IoError>(HasSubstr("File too large")));
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(slurp(scratch / "a.h5"), before);
  EXPECT_EQ(scratch.entries(), 1U);
}

}  // namespace
}  // namespace flatsweep::durable_file_test
