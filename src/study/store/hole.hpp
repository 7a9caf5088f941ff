#pragma once

#include "flatsweep/io/tree.hpp"

#include <functional>
#include <string>

// What an analysis leaves that failed: a group that says so and why, in place of its numbers (decision 0027).
namespace flatsweep {

/// A tree that holds this one group, marked as failed.
[[nodiscard]] Group hole(const std::string& path, const std::string& why);
void mark_as_hole(Group& group, const std::string& why);
[[nodiscard]] bool is_hole(const Group& group);

/// A tree that holds this one group, marked as absent: what its analysis needs is not known. No failure.
[[nodiscard]] Group absence(const std::string& path, const std::string& why);
[[nodiscard]] bool is_absent(const Group& group);
/// Neither failed nor absent.
[[nodiscard]] inline bool has_numbers(const Group& group) { return !is_hole(group) && !is_absent(group); }
/// Adds to what a group says of parts that are absent: "noise_covariance: the order of minibatches is not known".
/// Nothing where there is no reason.
void mark_absent_parts(Group& group, const std::string& parts, const std::string& why);

/// Runs an analysis. A numerical failure becomes a hole; all other errors (files, memory, a stop) come through.
/// @param path of its group   @param why filled with what failed, "" where nothing did
/// @note As collective as `run`, whose SolverErrors all ranks throw alike.
[[nodiscard]] Group run_or_leave_hole(const std::string& path, const std::function<Group()>& run, std::string& why);

/// Says in a group that some of its numbers are missing, and which; "" says nothing.
void mark_as_incomplete(Group& group, const std::string& what);
/// What is missing; "" where nothing is.
[[nodiscard]] std::string incomplete(const Group& group);

/// What a hole says; "" where the group is none.
[[nodiscard]] std::string hole_message(const Group& group);

}  // namespace flatsweep
