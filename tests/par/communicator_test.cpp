#include "flatsweep/par/communicator.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/par/agreement.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace flatsweep::communicator_test {
namespace {

TEST(Communicator, SumsOverRanks) {
  const auto world = Communicator::world();
  std::vector<double> values = {1.0, static_cast<double>(world.rank())};
  world.sum(values);
  EXPECT_EQ(values[0], world.size());
  EXPECT_EQ(values[1], world.size() * (world.size() - 1) / 2);
}

// 2^62 + 1 has more digits than a double.
TEST(Communicator, SumsWholeNumbersExactly) {
  const auto world = Communicator::world();
  std::vector<std::int64_t> values = {world.is_root() ? (std::int64_t{1} << 62) + 1 : -3, world.rank()};
  world.sum(std::span(values));
  EXPECT_EQ(values[0], (std::int64_t{1} << 62) + 1 - 3 * (world.size() - 1));
  EXPECT_EQ(values[1], world.size() * (world.size() - 1) / 2);
}

TEST(Communicator, GathersValuesOfDifferentLengthInRankOrder) {
  const auto world = Communicator::world();
  const std::vector<double> mine(world.rank(), world.rank());
  const auto all = world.gather_all(mine);
  std::vector<double> expected;
  for (int r = 0; r < world.size(); ++r) expected.insert(expected.end(), static_cast<std::size_t>(r), r);
  EXPECT_EQ(all, expected);
}

TEST(Communicator, BroadcastsTextOfAnyLength) {
  const auto world = Communicator::world();
  std::string text = world.is_root() ? "a longer text" : "x";
  world.broadcast(text);
  EXPECT_EQ(text, "a longer text");
}

TEST(Communicator, SplitByColourKeepsRankOrder) {
  const auto world = Communicator::world();
  const auto part = world.split(world.rank() % 2);
  EXPECT_EQ(part.rank(), world.rank() / 2);
}

TEST(Communicator, CopiesTheCallersOwn) {
  MPI_Comm theirs = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, Communicator::world().rank() % 2, 0, &theirs);
  const auto ours = Communicator::copy_of(theirs);
  int likeness = MPI_UNEQUAL;
  MPI_Comm_compare(theirs, ours.get(), &likeness);
  EXPECT_EQ(likeness, MPI_CONGRUENT);
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(theirs, &handler);
  EXPECT_EQ(handler, MPI_ERRORS_ARE_FATAL);
  MPI_Comm_free(&theirs);
  EXPECT_EQ(ours.sum(std::int64_t{1}), ours.size());
}

TEST(Agreement, EveryRankThrowsTheLowestFailingRanksError) {
  const auto world = Communicator::world();
  const int failing = world.size() - 1;
  try {
    agree(world, [&] {
      if (world.rank() == failing) throw IoError("disk of rank " + std::to_string(failing));
    });
    FAIL() << "agree did not throw";
  } catch (const IoError& error) {
    EXPECT_EQ(error.what(), "disk of rank " + std::to_string(failing));
    EXPECT_TRUE(error.agreed());
  }
}

TEST(Agreement, PassesWhenNobodyFails) {
  EXPECT_NO_THROW(agree(Communicator::world(), [] {}));
}

TEST(Share, CoversEveryItemOnceAndEvenly) {
  for (const std::int64_t count : {0, 1, 7, 100}) {
    std::int64_t covered = 0;
    for (int part = 0; part < 3; ++part) {
      const auto range = share(count, part, 3);
      EXPECT_EQ(range.begin, covered);
      EXPECT_LE(range.size(), count / 3 + 1);
      covered = range.end;
    }
    EXPECT_EQ(covered, count);
  }
}

}  // namespace
}  // namespace flatsweep::communicator_test
