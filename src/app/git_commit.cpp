#include "git_commit.hpp"

#include "flatsweep/base/version.hpp"

namespace flatsweep {

std::string git_commit() { return FLATSWEEP_GIT_COMMIT; }

}  // namespace flatsweep
