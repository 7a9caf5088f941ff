#include "flatsweep/par/shared_bytes.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace flatsweep::shared_bytes_test {
namespace {

std::byte byte_at(std::size_t i) { return static_cast<std::byte>(i * 7 + i / 256); }

void fill_all(std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(i);
}

bool holds_all(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != byte_at(i)) return false;
  return true;
}

TEST(SharedBytes, AreReadByAllRanks) {
  const auto world = Communicator::world();
  for (const std::size_t size : {1U, 4097U, 3000000U}) {
    const SharedBytes memory(world, size, fill_all);
    ASSERT_EQ(memory.get().size(), size);
    EXPECT_TRUE(holds_all(memory.get()));
  }
}

// All ranks of a test run stand on one node.
TEST(SharedBytes, AreFilledOnceANodeWhereTheyAreShared) {
  const auto world = Communicator::world();
  int calls = 0;
  const SharedBytes memory(world, 100, [&](auto bytes) {
    ++calls;
    fill_all(bytes);
  });
  EXPECT_EQ(world.sum(std::int64_t{calls}), memory.shared() ? 1 : world.size());
}

/// Memory of this process in bytes, pages that n processes share counted as 1/n of each.
std::int64_t proportional_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  std::int64_t kilobytes = 0;
  while (file >> word)
    if (word == "Pss:" && file >> kilobytes) return 1024 * kilobytes;
  return -1;
}

TEST(SharedBytes, TakeTheMemoryOfOneCopyWhateverTheNumberOfRanks) {
  const auto world = Communicator::world();
  const std::int64_t size = 64 << 20;
  const auto before = proportional_bytes();
  ASSERT_GT(before, 0);
  const SharedBytes memory(world, static_cast<std::size_t>(size), fill_all);
  ASSERT_TRUE(holds_all(memory.get()));  // all pages are mapped in all ranks
  world.barrier();
  const auto grown = world.sum(proportional_bytes() - before);
  world.barrier();  // no rank ends before all have looked
  EXPECT_GT(grown, 9 * size / 10);
  EXPECT_LT(grown, (memory.shared() ? 1 : world.size()) * size + size / 4);
}

using Bytes = std::span<std::byte>;

/// A source that fails on the root rank for want of room.
NodeMemorySource without_room() {
  return {.reserve = [](int, std::int64_t) { return ENOSPC; }};
}

TEST(SharedBytes, AreCopiesOnEveryRankWhereThereIsNoRoomOnTheFirst) {
  const auto world = Communicator::world();
  int calls = 0;
  const auto fill = [&](Bytes bytes) {
    ++calls;
    fill_all(bytes);
  };
  const SharedBytes memory(world, 100000, fill, without_room());
  EXPECT_TRUE(holds_all(memory.get()));
  EXPECT_EQ(memory.shared(), world.size() == 1);  // one rank needs no other's memory
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(memory.trouble().find("No space left on device") != std::string::npos, world.size() > 1);
}

TEST(SharedBytes, AreCopiesWhereNoPlaceIsLeft) {
  const auto world = Communicator::world();
  for (const NodeMemorySource& source : {NodeMemorySource{.nameless = false, .folder = "/nonexistent"},
                                         NodeMemorySource{.nameless = false, .folder = ""}}) {
    const SharedBytes memory(world, 5000, fill_all, source);
    EXPECT_TRUE(holds_all(memory.get()));
    EXPECT_EQ(memory.shared(), world.size() == 1);
  }
}

// As where every rank has a file system of its own.
TEST(SharedBytes, AreCopiesWhereAnotherRankCannotOpenTheMemory) {
  const auto world = Communicator::world();
  const std::string folder = "/tmp/flatsweep-shared-bytes-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  NodeMemorySource source{.nameless = false, .folder = folder};
  // The name goes as soon as the root rank has made the file.
  source.reserve = [&](int file, std::int64_t bytes) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) std::filesystem::remove(entry);
    return reserve_room(file, bytes);
  };
  const SharedBytes memory(world, 5000, fill_all, source);
  EXPECT_TRUE(holds_all(memory.get()));
  EXPECT_EQ(memory.shared(), world.size() == 1);
  EXPECT_EQ(memory.trouble().find("not every rank") != std::string::npos, world.size() > 1);
  std::filesystem::remove(folder);
}

TEST(SharedBytes, AreSharedInAFileThatLosesItsName) {
  const auto world = Communicator::world();
  const std::string folder = "/dev/shm/flatsweep-shared-bytes-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  const SharedBytes memory(world, 5000, fill_all, {.nameless = false, .folder = folder});
  EXPECT_TRUE(memory.shared()) << memory.trouble();
  EXPECT_TRUE(holds_all(memory.get()));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

TEST(SharedBytes, MayBeEmpty) {
  const SharedBytes memory(Communicator::world(), 0, fill_all);
  EXPECT_TRUE(memory.get().empty());
  EXPECT_TRUE(SharedBytes().get().empty());
}

TEST(SharedBytes, LiveAsLongAsTheirLastCopy) {
  const auto world = Communicator::world();
  SharedBytes copy;
  {
    const SharedBytes memory(world, 1000, fill_all);
    copy = memory;
  }
  EXPECT_TRUE(holds_all(copy.get()));
}

TEST(SharedBytes, PassAFailedFillToAllRanks) {
  const auto world = Communicator::world();
  const auto make = [&] { return SharedBytes(world, 10, [](auto) { throw IoError("disk"); }); };
  EXPECT_EQ(message_of<IoError>(make), "disk");
  try {
    (void)make();
  } catch (const Error& error) {
    EXPECT_TRUE(error.agreed());
  }
  EXPECT_EQ(world.sum(std::int64_t{1}), world.size());  // nobody is left behind in a collective call
}

}  // namespace
}  // namespace flatsweep::shared_bytes_test
