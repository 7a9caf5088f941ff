#pragma once

#include "flatsweep/base/enum_words.hpp"
#include "flatsweep/par/communicator.hpp"
#include "flatsweep/par/node_memory.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace flatsweep {

class SharedCounters;

/// The one queue from which teams draw work: tickets 0, 1, 2, ... each given out once. It also carries what all ranks
/// want to know of one another: tickets finished, and whether anybody was asked to stop.
///
/// An atomic counter that every rank advances by itself, no master rank. Where the MPI library has no windows between
/// nodes (Open MPI over plain TCP), a counter in a file of the output folder, which every rank locks for a moment;
/// where that does not work either, tickets are dealt in turn over the teams. Results never depend on which.
class ReplicaQueue {
 public:
  enum class Method { one_sided, file, dealt };

  /// @param team, teams  this rank's team and how many there are
  /// @param file  a name in a folder that all ranks reach, for Method::file; empty: none
  /// @param first  of the methods to be tried
  /// @note Collective over `world`. Destroy it collectively too.
  ReplicaQueue(const Communicator& world, std::int64_t tickets, int team, int teams,
               const std::filesystem::path& file = {}, Method first = Method::one_sided,
               const NodeMemorySource& memory = {});
  ~ReplicaQueue();
  ReplicaQueue(const ReplicaQueue&) = delete;
  ReplicaQueue& operator=(const ReplicaQueue&) = delete;

  /// The next ticket, for the team's root rank to call; nothing when none is left or a stop was requested.
  [[nodiscard]] std::optional<std::int64_t> draw();
  /// Counts what is done of the ticket in hand, in the caller's units of cost. Cheap: now and then only.
  void advance(double cost_so_far);
  /// Counts the ticket in hand as finished; `cost` is the whole of it.
  void finish(double cost);
  /// Tells all ranks to stop (with Method::dealt: this rank only).
  void request_stop();
  /// True once any rank requested a stop. Cheap: looks at the counter now and then only.
  [[nodiscard]] bool stop_requested();

  struct Done {
    std::int64_t tickets = 0;
    double cost = 0.0;
  };
  /// What all ranks have finished so far, with the cost of what they have in hand (with Method::dealt: this rank's
  /// own).
  [[nodiscard]] Done done();
  [[nodiscard]] Method method() const { return method_; }

 private:
  void count_cost(double cost_so_far);

  std::int64_t tickets_;
  std::int64_t next_dealt_;
  int teams_;
  Method method_;
  std::unique_ptr<SharedCounters> counters_;  // null where tickets are dealt
  bool stop_ = false;
  double last_look_ = -1.0;
  double last_advance_ = -1.0;
  std::int64_t advanced_ = 0;  // of the ticket in hand, in the counter's units
  Done own_;
};

template <>
inline constexpr auto enum_words<ReplicaQueue::Method> = make_enum_words<ReplicaQueue::Method>({
    {ReplicaQueue::Method::one_sided, "one-sided counter"},
    {ReplicaQueue::Method::file, "counter in a file"},
    {ReplicaQueue::Method::dealt, "dealt in turn"},
});

}  // namespace flatsweep
