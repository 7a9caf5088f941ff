#include "flatsweep/app/app.hpp"
#include "flatsweep/io/results_file.hpp"
#include "flatsweep/study/store/output_folder.hpp"
#include "flatsweep/study/unit/unit_status.hpp"
#include "io/scratch.hpp"
#include "part_of_the_world.hpp"
#include "study/store/tree_entries.hpp"

namespace flatsweep::callers_communicator_test {
namespace {

TEST(CallersCommunicator, IsEnoughForAWholeRun) {
  const auto comm = Communicator::copy_of(PartOfTheWorld::given);
  const Scratch scratch(comm);
  CommandLine line;
  line.config = FLATSWEEP_SOURCE_DIR "/tests/app/small.toml";
  line.output = scratch / "out";
  line.verbosity = Verbosity::quiet;
  line.assignments = {"data.root=\"" FLATSWEEP_SOURCE_DIR "/data\""};
  run_app(comm, line);
  const auto file = results_file(line.output);
  EXPECT_EQ(read_results_group(file, "provenance").integer("mpi_ranks"), comm.size());
  EXPECT_EQ(words<UnitStatus>(read_results_group(file, "grid"), "status"), std::vector{UnitStatus::done});
}

}  // namespace
}  // namespace flatsweep::callers_communicator_test

int main(int argc, char** argv) { return flatsweep::PartOfTheWorld::run_all_tests(argc, argv); }
