#include "flatsweep/base/error.hpp"

namespace flatsweep {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config:
      return 2;
    case ErrorKind::io:
      return 74;
    case ErrorKind::stopped:
      return 75;
    case ErrorKind::solver:
    case ErrorKind::selftest:
      return 70;
    case ErrorKind::parallel:
      return 71;
  }
  return 1;
}

namespace {
template <class E>
[[noreturn]] void throw_as(const std::string& message, bool agreed) {
  E error(message);
  if (agreed) error.mark_agreed();
  throw error;
}
}  // namespace

void throw_error(ErrorKind kind, const std::string& message, bool agreed) {
  switch (kind) {
    case ErrorKind::config:
      throw_as<ConfigError>(message, agreed);
    case ErrorKind::io:
      throw_as<IoError>(message, agreed);
    case ErrorKind::solver:
      throw_as<SolverError>(message, agreed);
    case ErrorKind::parallel:
      throw_as<ParallelError>(message, agreed);
    case ErrorKind::stopped:
      throw_as<Stopped>(message, agreed);
    case ErrorKind::selftest:
      throw_as<SelfTestError>(message, agreed);
  }
  throw_as<ParallelError>(message, agreed);
}

}  // namespace flatsweep
