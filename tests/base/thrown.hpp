#pragma once

#include <exception>
#include <string>
#include <utility>

namespace flatsweep {

/// The message of the `E` that `work` throws. A message that says so when it throws nothing or something else, so that
/// the comparison with what was expected fails.
template <class E, class Work>
std::string message_of(Work&& work) {
  try {
    std::forward<Work>(work)();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("(an error of another type) ") + error.what();
  }
  return "(nothing was thrown)";
}

}  // namespace flatsweep
