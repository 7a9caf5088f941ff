#pragma once

#include "flatsweep/par/communicator.hpp"

#include <functional>

namespace flatsweep {

/// Runs rank-local work, then lets all ranks learn whether it failed anywhere. When it did, every rank throws the
/// error of the lowest failing rank, marked as agreed: nobody is left waiting in the next collective call.
/// @note Collective over `comm`; `work` itself must not communicate over it.
void agree(const Communicator& comm, const std::function<void()>& work);

/// As `agree`, with the work done by rank 0 alone.
void on_root(const Communicator& comm, const std::function<void()>& work);

}  // namespace flatsweep
