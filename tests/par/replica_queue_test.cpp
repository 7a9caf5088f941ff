#include "flatsweep/par/replica_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace flatsweep {
namespace {

using Method = ReplicaQueue::Method;

class ReplicaQueueTest : public testing::TestWithParam<Method> {
 protected:
  /// A queue over the world in which every rank is a team.
  ReplicaQueue make(std::int64_t tickets) { return {world, tickets, world.rank(), world.size(), GetParam()}; }
  const Communicator world = Communicator::world();
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
    std::vector<double> expected(static_cast<std::size_t>(tickets));
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
  const bool all = queue.method() == Method::shared_counter;
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

INSTANTIATE_TEST_SUITE_P(Methods, ReplicaQueueTest, testing::Values(Method::shared_counter, Method::cyclic),
                         [](const auto& method) {
                           return method.param == Method::shared_counter ? "SharedCounter" : "Cyclic";
                         });

// The counter is asked only a few times a second, so others may see the stop late; ten seconds are ample.
TEST(ReplicaQueueOverRanks, TellsAllRanksThatOneWasAskedToStop) {
  const auto world = Communicator::world();
  ReplicaQueue queue(world, 10, world.rank(), world.size());
  ASSERT_EQ(queue.method(), Method::shared_counter) << "one-sided communication works on a single node";
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

TEST(ReplicaQueueOverRanks, LeavesTheWorkOfASlowTeamToTheOthers) {
  const auto world = Communicator::world();
  ReplicaQueue queue(world, 20, world.rank(), world.size());
  const bool idle = world.size() > 1 && world.leads();
  const auto mine = idle ? std::vector<double>() : draw_all(queue);
  EXPECT_EQ(world.gather_all(mine).size(), 20U);
}

}  // namespace
}  // namespace flatsweep
