#include "flatsweep/par/replica_queue.hpp"

#include "shared_counters.hpp"

#include <cmath>

namespace flatsweep {

namespace {

enum Counter : int { next_ticket, tickets_done, cost_done, stop, counters };
constexpr double cost_unit = 1e-3;  // costs are counted in integers so that the sum is exact

}  // namespace

ReplicaQueue::ReplicaQueue(const Communicator& world, std::int64_t tickets, int team, int teams,
                           const std::filesystem::path& file, Method first, const NodeMemorySource& memory)
    : tickets_(tickets), next_dealt_(team), teams_(teams), method_(first) {
  if (method_ == Method::one_sided) {
    counters_ = counters_in_window(world, counters, memory);
    if (!counters_) method_ = Method::file;
  }
  if (method_ == Method::file) {
    if (!file.empty()) counters_ = counters_in_file(world, file, counters);
    if (!counters_) method_ = Method::dealt;
  }
}

ReplicaQueue::~ReplicaQueue() = default;

std::optional<std::int64_t> ReplicaQueue::draw() {
  if (stop_requested()) return std::nullopt;
  std::int64_t ticket = next_dealt_;
  if (counters_)
    ticket = counters_->fetch_and_add(next_ticket, 1);
  else
    next_dealt_ += teams_;
  if (ticket >= tickets_) return std::nullopt;
  return ticket;
}

void ReplicaQueue::count_cost(double cost_so_far) {
  const std::int64_t reached = std::llround(cost_so_far / cost_unit);
  const std::int64_t more = reached - advanced_;
  advanced_ = reached;
  own_.cost += more * cost_unit;
  if (counters_) counters_->fetch_and_add(cost_done, more);
}

void ReplicaQueue::advance(double cost_so_far) {
  const double now = MPI_Wtime();
  if (counters_ && last_advance_ >= 0.0 && now - last_advance_ < counters_->seconds_between_looks()) return;
  last_advance_ = now;
  count_cost(cost_so_far);
}

void ReplicaQueue::finish(double cost) {
  count_cost(cost);
  advanced_ = 0;
  ++own_.tickets;
  if (counters_) counters_->fetch_and_add(tickets_done, 1);
}

void ReplicaQueue::request_stop() {
  if (stop_) return;
  stop_ = true;
  if (counters_) counters_->fetch_and_add(stop, 1);
}

bool ReplicaQueue::stop_requested() {
  const double now = MPI_Wtime();
  if (stop_ || !counters_ || (last_look_ >= 0.0 && now - last_look_ < counters_->seconds_between_looks())) return stop_;
  last_look_ = now;
  stop_ = counters_->fetch_and_add(stop, 0) != 0;
  return stop_;
}

ReplicaQueue::Done ReplicaQueue::done() {
  if (!counters_) return own_;
  return {counters_->fetch_and_add(tickets_done, 0), counters_->fetch_and_add(cost_done, 0) * cost_unit};
}

}  // namespace flatsweep
