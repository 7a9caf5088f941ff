#include "flatsweep/par/agreement.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

namespace flatsweep::agreement_test {
namespace {

using testing::HasSubstr;

/// Every rank but 0 fails with its own message; on a single rank it is rank 0 itself.
void fail_on_all_but_the_first(const Communicator& comm, ErrorKind kind) {
  agree(comm, [&] {
    if (comm.rank() > 0 || comm.size() == 1) throw_error(kind, "rank " + std::to_string(comm.rank()), false);
  });
}

template <class E>
void expect_kept(const Communicator& comm, ErrorKind kind) {
  const std::string lowest = comm.size() == 1 ? "rank 0" : "rank 1";
  EXPECT_EQ(message_of<E>([&] { fail_on_all_but_the_first(comm, kind); }), lowest);
}

TEST(Agreement, KeepsTheTypeAndMessageOfTheLowestFailingRank) {
  const auto world = Communicator::world();
  expect_kept<ConfigError>(world, ErrorKind::config);
  expect_kept<IoError>(world, ErrorKind::io);
  expect_kept<SolverError>(world, ErrorKind::solver);
  expect_kept<ParallelError>(world, ErrorKind::parallel);
  expect_kept<Stopped>(world, ErrorKind::stopped);
}

TEST(Agreement, TakesTheLowestRankWhenKindsDiffer) {
  const auto world = Communicator::world();
  const auto work = [&] { throw_error(world.is_root() ? ErrorKind::io : ErrorKind::config, "mixed", false); };
  EXPECT_EQ(message_of<IoError>([&] { agree(world, work); }), "mixed");
}

TEST(Agreement, MakesErrorsOfOthersIntoItsOwn) {
  const auto world = Communicator::world();
  const auto with = [&](auto error) {
    return [&world, error] {
      agree(world, [&] {
        if (world.rank() == world.size() - 1) throw error;
      });
    };
  };
  EXPECT_EQ(message_of<ParallelError>(with(std::runtime_error("from a library"))), "from a library");
  EXPECT_THAT(message_of<ParallelError>(with(std::bad_alloc())), HasSubstr("out of memory"));
}

TEST(Agreement, OfALongMessageIsTheSameOnAllRanks) {
  const auto world = Communicator::world();
  const std::string text(100000, 'x');
  const auto work = [&] {
    if (world.rank() == world.size() - 1) throw IoError(text);
  };
  EXPECT_EQ(message_of<IoError>([&] { agree(world, work); }), text);
}

TEST(Agreement, LeavesTheCommunicatorUsable) {
  const auto world = Communicator::world();
  EXPECT_THROW(agree(world, [] { throw IoError("disk"); }), IoError);
  EXPECT_EQ(world.sum(std::int64_t{1}), world.size());
}

TEST(Agreement, LetsTheRootWorkAloneAndAllRanksLearnItsFailure) {
  const auto world = Communicator::world();
  int calls = 0;
  on_root(world, [&] { ++calls; });
  EXPECT_EQ(world.sum(std::int64_t{calls}), 1);
  EXPECT_EQ(message_of<IoError>([&] { on_root(world, [] { throw IoError("disk"); }); }), "disk");
}

}  // namespace
}  // namespace flatsweep::agreement_test
