// GoogleTest over MPI: every rank runs every test; a failure on any rank fails the run, and says on which rank.
#include "flatsweep/linalg/runtime.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace {

class FailurePrinter : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed())
      std::fprintf(stderr, "[rank %d] %s:%d: %s\n", rank_, result.file_name(), result.line_number(), result.message());
  }

 private:
  int rank_;
};

}  // namespace

int main(int argc, char** argv) {
  flatsweep::Runtime runtime({});
  testing::InitGoogleTest(&argc, argv);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  const auto world = flatsweep::Communicator::world();
  if (!world.is_root()) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter(world.rank()));
  }
  return static_cast<int>(world.max(std::int64_t{RUN_ALL_TESTS()}));
}
