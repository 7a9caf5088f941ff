#include "flatsweep/par/replica_queue.hpp"

#include "io/scratch.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace flatsweep::replica_queue_test {
namespace {

using Method = ReplicaQueue::Method;

class ReplicaQueueTest : public testing::TestWithParam<Method> {
 protected:
  /// A queue over the world in which every rank is a team.
  ReplicaQueue make(std::int64_t tickets) {
    const auto file = scratch / ("queue" + std::to_string(made++));
    return {world, tickets, world.rank(), world.size(), file, GetParam()};
  }
  const Communicator world = Communicator::world();
  const Scratch scratch;
  int made = 0;
};

std::vector<double> draw_all(ReplicaQueue& queue) {
  std::vector<double> drawn;
  while (const auto ticket = queue.draw()) drawn.push_back(static_cast<double>(*ticket));
  return drawn;
}

TEST_P(ReplicaQueueTest, GivesEveryTicketOnceOverAllRanks) {
  for (const std::int64_t tickets : {0, 1, 2, 7, 500}) {
    auto queue = make(tickets);
    auto all = world.gather_all(draw_all(queue));
    std::sort(all.begin(), all.end());
    std::vector<double> expected(tickets);
    std::iota(expected.begin(), expected.end(), 0.0);
    EXPECT_EQ(all, expected);
    EXPECT_FALSE(queue.draw()) << "an empty queue stays empty";
  }
}

// A rank sees its own tickets in the queue's order: the costliest stand first.
TEST_P(ReplicaQueueTest, GivesTicketsInAscendingOrder) {
  auto queue = make(100);
  const auto drawn = draw_all(queue);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
}

TEST_P(ReplicaQueueTest, CountsWhatIsFinished) {
  auto queue = make(10);
  for (int i = 0; i <= world.rank(); ++i) queue.finish(2.5);
  world.barrier();
  const auto done = queue.done();
  const bool all = queue.method() != Method::dealt;
  const int expected = all ? world.size() * (world.size() + 1) / 2 : world.rank() + 1;
  EXPECT_EQ(done.tickets, expected);
  EXPECT_DOUBLE_EQ(done.cost, 2.5 * expected);  // a whole number of cost units: exact
  world.barrier();
}

TEST_P(ReplicaQueueTest, GivesNothingAfterAStop) {
  auto queue = make(10);
  EXPECT_FALSE(queue.stop_requested());
  world.barrier();  // nobody asks after another's request
  queue.request_stop();
  queue.request_stop();
  EXPECT_TRUE(queue.stop_requested());
  EXPECT_FALSE(queue.draw());
}

TEST_P(ReplicaQueueTest, ServesSeveralQueuesAtOnce) {
  auto first = make(4);
  auto second = make(6);
  const auto drawn = world.gather_all(draw_all(second)).size();
  EXPECT_EQ(drawn, 6U);
  EXPECT_EQ(world.gather_all(draw_all(first)).size(), 4U);
}

TEST_P(ReplicaQueueTest, TakesTheMethodThatItIsTold) { EXPECT_EQ(make(1).method(), GetParam()); }

std::string name_of(const testing::TestParamInfo<Method>& method) {
  return method.param == Method::one_sided ? "Window" : method.param == Method::file ? "File" : "Dealt";
}

INSTANTIATE_TEST_SUITE_P(Methods, ReplicaQueueTest, testing::Values(Method::one_sided, Method::file, Method::dealt),
                         name_of);

class SharedQueueTest : public ReplicaQueueTest {};
INSTANTIATE_TEST_SUITE_P(Methods, SharedQueueTest, testing::Values(Method::one_sided, Method::file), name_of);

// The counter is looked at now and then only, so others may see the stop late; ten seconds are ample.
TEST_P(SharedQueueTest, TellsAllRanksThatOneWasAskedToStop) {
  auto queue = make(10);
  EXPECT_FALSE(queue.stop_requested());
  world.barrier();
  if (world.rank() == world.size() - 1) queue.request_stop();
  world.barrier();
  const double deadline = MPI_Wtime() + 10.0;
  while (!queue.stop_requested() && MPI_Wtime() < deadline) {
  }
  EXPECT_TRUE(queue.stop_requested());
  EXPECT_FALSE(queue.draw());
}

TEST_P(SharedQueueTest, LeavesTheWorkOfASlowTeamToTheOthers) {
  auto queue = make(20);
  const bool idle = world.size() > 1 && world.is_root();
  const auto mine = idle ? std::vector<double>() : draw_all(queue);
  EXPECT_EQ(world.gather_all(mine).size(), 20U);
}

// Where a rank fails alone, no other may wait for it.
TEST(QueueInMemory, GivesWayToAFileWhereThereIsNoRoom) {
  const auto world = Communicator::world();
  const Scratch scratch;
  const NodeMemorySource nowhere{.nameless = false, .folder = "/nonexistent"};
  ReplicaQueue queue(world, 30, world.rank(), world.size(), scratch / "queue", Method::one_sided, nowhere);
  EXPECT_EQ(queue.method(), world.size() == 1 ? Method::one_sided : Method::file);
  EXPECT_EQ(world.gather_all(draw_all(queue)).size(), 30U);
}

TEST_P(SharedQueueTest, CountsWhatIsDoneOfTicketsInHand) {
  auto queue = make(100);
  queue.advance(0.25);
  world.barrier();
  EXPECT_NEAR(queue.done().cost, 0.25 * world.size(), 1e-9);
  EXPECT_EQ(queue.done().tickets, 0);
  world.barrier();
  queue.finish(1.0);
  world.barrier();
  EXPECT_NEAR(queue.done().cost, 1.0 * world.size(), 1e-9) << "a part counts once";
  EXPECT_EQ(queue.done().tickets, world.size());
}

TEST(QueueInAFile, IsNotLeftBehind) {
  const auto world = Communicator::world();
  const Scratch scratch;
  {
    ReplicaQueue queue(world, 3, world.rank(), world.size(), scratch / "queue", Method::file);
    EXPECT_TRUE(std::filesystem::exists(scratch / "queue"));
    world.barrier();
  }
  world.barrier();
  EXPECT_FALSE(std::filesystem::exists(scratch / "queue"));
}

// As a job that was killed leaves it.
TEST(QueueInAFile, StartsAnewWhereOneIsLeft) {
  const auto world = Communicator::world();
  const Scratch scratch;
  if (world.is_root()) std::ofstream(scratch / "queue") << std::string(64, 'x');
  world.barrier();
  ReplicaQueue queue(world, 3, world.rank(), world.size(), scratch / "queue", Method::file);
  EXPECT_EQ(world.gather_all(draw_all(queue)).size(), 3U);
}

TEST(QueueInAFile, LeavesTheFileOfAnotherJobThatStandsInItsPlace) {
  const auto world = Communicator::world();
  const Scratch scratch;
  {
    ReplicaQueue queue(world, 3, world.rank(), world.size(), scratch / "queue", Method::file);
    world.barrier();
    if (world.is_root()) std::filesystem::rename(scratch / "queue", scratch / "moved");
    if (world.is_root()) std::ofstream(scratch / "queue") << "another job's";
    world.barrier();
  }
  world.barrier();
  EXPECT_TRUE(std::filesystem::exists(scratch / "queue"));
}

TEST(QueueInAFile, IsNotWrittenThroughALinkAndFollowsTheUmask) {
  const auto world = Communicator::world();
  const Scratch scratch;
  if (world.is_root()) spill(scratch / "precious", "do not touch");
  if (world.is_root()) std::filesystem::create_symlink(scratch / "precious", scratch / "queue");
  world.barrier();
  const auto before = umask(0002);
  ReplicaQueue queue(world, 3, world.rank(), world.size(), scratch / "queue", Method::file);
  umask(before);
  EXPECT_EQ(world.gather_all(draw_all(queue)).size(), 3U);
  EXPECT_EQ(slurp(scratch / "precious"), "do not touch");
  const auto group = std::filesystem::status(scratch / "queue").permissions() & std::filesystem::perms::group_write;
  EXPECT_NE(group, std::filesystem::perms::none);
  world.barrier();
}

TEST(QueueInAFile, IsDealtWhereThereIsNoSuchFolder) {
  const auto world = Communicator::world();
  const Scratch scratch;
  ReplicaQueue queue(world, 3, world.rank(), world.size(), scratch / "absent" / "queue", Method::file);
  EXPECT_EQ(queue.method(), Method::dealt);
}

}  // namespace
}  // namespace flatsweep::replica_queue_test
