#include "flatsweep/par/agreement.hpp"

#include "flatsweep/base/error.hpp"

#include <filesystem>
#include <optional>

namespace flatsweep {

namespace {

struct Failure {
  ErrorKind kind;
  std::string message;
};

std::optional<Failure> attempt(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return Failure{error.kind(), error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return Failure{ErrorKind::io, error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{ErrorKind::parallel, out_of_memory_message};
  } catch (const std::exception& error) {
    return Failure{ErrorKind::parallel, error.what()};
  }
  return std::nullopt;
}

}  // namespace

void agree(const Communicator& comm, const std::function<void()>& work) {
  const auto failure = attempt(work);
  const std::int64_t first = comm.min(failure ? std::int64_t{comm.rank()} : std::int64_t{comm.size()});
  if (first == comm.size()) return;
  const int root = first;
  const auto kind = comm.broadcast(failure ? static_cast<std::int64_t>(failure->kind) : 0, root);
  std::string message = failure ? failure->message : "";
  comm.broadcast(message, root);
  throw_error(static_cast<ErrorKind>(kind), message, true);
}

void on_root(const Communicator& comm, const std::function<void()>& work) {
  agree(comm, [&] {
    if (comm.is_root()) work();
  });
}

}  // namespace flatsweep
