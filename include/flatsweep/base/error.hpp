#pragma once

#include <stdexcept>
#include <string>

namespace flatsweep {

/// What kind of thing went wrong; each kind has one process exit code.
enum class ErrorKind { config, io, solver, parallel, stopped, selftest };

/// 2 bad input, 74 input/output failure, 75 stopped early and resumable, 70 a solver or a check of the self-test
/// failed, 71 the parallel environment failed.
[[nodiscard]] int exit_code(ErrorKind kind);

/// Base of all errors thrown by flatsweep. The message says what, where, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const { return kind_; }
  /// True once every rank of the program throws this same error, so that one rank may print it for all.
  [[nodiscard]] bool agreed() const { return agreed_; }
  void mark_agreed() { agreed_ = true; }

 private:
  ErrorKind kind_;
  bool agreed_ = false;
};

/// Bad input: configuration, command line, data that does not fit.
struct ConfigError : Error {
  explicit ConfigError(const std::string& message) : Error(ErrorKind::config, message) {}
};
/// A file could not be read or written.
struct IoError : Error {
  explicit IoError(const std::string& message) : Error(ErrorKind::io, message) {}
};
/// A linear algebra solve failed or did not converge.
struct SolverError : Error {
  explicit SolverError(const std::string& message) : Error(ErrorKind::solver, message) {}
};
/// MPI failed or the program was launched wrongly.
struct ParallelError : Error {
  explicit ParallelError(const std::string& message) : Error(ErrorKind::parallel, message) {}
};
/// The run was asked to stop (signal, wall time); finished work and checkpoints are on disk.
struct Stopped : Error {
  explicit Stopped(const std::string& message) : Error(ErrorKind::stopped, message) {}
};

/// The program computed other numbers than it must on this machine.
struct SelfTestError : Error {
  explicit SelfTestError(const std::string& message) : Error(ErrorKind::selftest, message) {}
};

/// What to do about std::bad_alloc; it counts as ErrorKind::parallel.
inline constexpr const char* out_of_memory_message =
    "out of memory on a rank; use fewer ranks per node, or lower run.memory_per_rank";

/// Throws the error type that belongs to `kind`.
[[noreturn]] void throw_error(ErrorKind kind, const std::string& message, bool agreed);

}  // namespace flatsweep
