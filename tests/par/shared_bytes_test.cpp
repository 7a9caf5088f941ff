#include "flatsweep/par/shared_bytes.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gtest/gtest.h>

namespace flatsweep {
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
}  // namespace flatsweep
