#include "flatsweep/app/app.hpp"
#include "flatsweep/base/error.hpp"
#include "flatsweep/linalg/runtime.hpp"
#include "flatsweep/par/stop_signal.hpp"

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  using namespace flatsweep;
  catch_stop_signals();
  CommandLine line;
  std::string complaint;
  try {
    line = parse_command_line(argc, argv);
  } catch (const Error& error) {
    complaint = error.what();
  }
  if (complaint.empty() && line.action == Action::status) return run_without_mpi(line);
  Runtime runtime(line.petsc_options);
  const auto world = Communicator::world();
  return guarded(world, [&] {
    if (!complaint.empty()) throw_error(ErrorKind::config, complaint, true);
    if (const auto text = text_asked_for(line)) {
      if (world.is_root()) std::fputs(text->c_str(), stdout);
      return require_printed(world);
    }
    run_app(world, line);
    if (line.action == Action::dry_run || line.action == Action::dry_analyse || line.action == Action::selftest)
      require_printed(world);
  });
}
