#include "flatsweep/par/replica_queue.hpp"

#include "flatsweep/base/error.hpp"

#include <cmath>

namespace flatsweep {

namespace {

enum Slot : int { next_ticket, tickets_done, cost_done, stop, slots };
constexpr double cost_unit = 1e-3;  // costs are counted in integers so that the sum is exact
constexpr double seconds_between_asks = 0.2;

}  // namespace

struct ReplicaQueue::Window {
  Communicator comm;
  MPI_Win handle = MPI_WIN_NULL;
  std::int64_t* memory = nullptr;

  explicit Window(const Communicator& world) : comm(world.split(0)) {
    const MPI_Aint bytes = comm.leads() ? slots * static_cast<MPI_Aint>(sizeof(std::int64_t)) : 0;
    if (MPI_Win_allocate(bytes, sizeof(std::int64_t), MPI_INFO_NULL, comm.get(), &memory, &handle) != MPI_SUCCESS) {
      handle = MPI_WIN_NULL;
      return;
    }
    MPI_Win_set_errhandler(handle, MPI_ERRORS_RETURN);
    if (comm.leads())
      for (int i = 0; i < slots; ++i) memory[i] = 0;
    comm.barrier();
    if (MPI_Win_lock_all(0, handle) != MPI_SUCCESS) handle = MPI_WIN_NULL;
    comm.barrier();
  }
  ~Window() {
    if (handle == MPI_WIN_NULL) return;
    MPI_Win_unlock_all(handle);
    MPI_Win_free(&handle);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
};

ReplicaQueue::ReplicaQueue(const Communicator& world, std::int64_t tickets, int team, int teams, Method preferred)
    : tickets_(tickets), next_cyclic_(team), teams_(teams), method_(preferred) {
  if (preferred == Method::cyclic) return;
  window_ = std::make_unique<Window>(world);
  if (world.any(window_->handle == MPI_WIN_NULL)) {
    method_ = Method::cyclic;
    window_.reset();
  }
}

ReplicaQueue::~ReplicaQueue() = default;

std::int64_t ReplicaQueue::fetch_and_add(int slot, std::int64_t value) {
  std::int64_t before = 0;
  check_mpi(MPI_Fetch_and_op(&value, &before, MPI_INT64_T, 0, slot, MPI_SUM, window_->handle),
            "drawing from the queue");
  check_mpi(MPI_Win_flush(0, window_->handle), "drawing from the queue");
  return before;
}

std::optional<std::int64_t> ReplicaQueue::draw() {
  if (stop_requested()) return std::nullopt;
  std::int64_t ticket = next_cyclic_;
  if (method_ == Method::shared_counter)
    ticket = fetch_and_add(next_ticket, 1);
  else
    next_cyclic_ += teams_;
  if (ticket >= tickets_) return std::nullopt;
  return ticket;
}

void ReplicaQueue::finish(double cost) {
  ++own_.tickets;
  own_.cost += cost;
  if (method_ == Method::cyclic) return;
  fetch_and_add(tickets_done, 1);
  fetch_and_add(cost_done, std::llround(cost / cost_unit));
}

void ReplicaQueue::request_stop() {
  if (stop_) return;
  stop_ = true;
  if (method_ == Method::shared_counter) fetch_and_add(stop, 1);
}

bool ReplicaQueue::stop_requested() {
  const double now = MPI_Wtime();
  if (stop_ || method_ == Method::cyclic || (last_asked_ >= 0.0 && now - last_asked_ < seconds_between_asks))
    return stop_;
  last_asked_ = now;
  stop_ = fetch_and_add(stop, 0) != 0;
  return stop_;
}

ReplicaQueue::Done ReplicaQueue::done() {
  if (method_ == Method::cyclic) return own_;
  return {fetch_and_add(tickets_done, 0), static_cast<double>(fetch_and_add(cost_done, 0)) * cost_unit};
}

}  // namespace flatsweep
