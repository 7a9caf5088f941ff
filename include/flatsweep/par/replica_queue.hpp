#pragma once

#include "flatsweep/par/communicator.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace flatsweep {

/// The one queue from which teams draw work: tickets 0, 1, 2, ... each given out once. It also carries what all ranks
/// want to know of one another: tickets finished, and whether anybody was asked to stop.
///
/// A one-sided atomic counter on rank 0, no master rank. Where windows do not work, tickets are dealt cyclically over
/// the teams; results never depend on which.
class ReplicaQueue {
 public:
  enum class Method { shared_counter, cyclic };

  /// @param team, teams  this rank's team and how many there are
  /// @note Collective over `world`. Destroy it collectively too.
  ReplicaQueue(const Communicator& world, std::int64_t tickets, int team, int teams,
               Method preferred = Method::shared_counter);
  ~ReplicaQueue();
  ReplicaQueue(const ReplicaQueue&) = delete;
  ReplicaQueue& operator=(const ReplicaQueue&) = delete;

  /// The next ticket, for the team's leader to call; nothing when none is left or a stop was requested.
  [[nodiscard]] std::optional<std::int64_t> draw();
  /// Counts a ticket as finished; `cost` in the units of the caller.
  void finish(double cost);
  /// Tells all ranks to stop (with Method::cyclic: this rank only).
  void request_stop();
  /// True once any rank requested a stop. Cheap: asks the counter at most a few times a second.
  [[nodiscard]] bool stop_requested();

  struct Done {
    std::int64_t tickets = 0;
    double cost = 0.0;
  };
  /// What all ranks have finished so far (with Method::cyclic: this rank's own).
  [[nodiscard]] Done done();
  [[nodiscard]] Method method() const { return method_; }

 private:
  struct Window;
  std::int64_t fetch_and_add(int slot, std::int64_t value);

  std::int64_t tickets_;
  std::int64_t next_cyclic_;
  int teams_;
  Method method_;
  std::unique_ptr<Window> window_;
  bool stop_ = false;
  double last_asked_ = -1.0;
  Done own_;
};

}  // namespace flatsweep
