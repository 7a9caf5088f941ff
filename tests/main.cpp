// GoogleTest over MPI: every rank runs every test; a failure on any rank fails the run, and says on which rank.
//   mpirun -n 3 analysis_tests analysis/pca [--gtest_filter=...]    the tests of tests/analysis/pca_test.cpp; without a
//   name all
#include "flatsweep/linalg/runtime.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

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

/// Leaves the tests of all other files out, beside what --gtest_filter says.   @return how many tests the file has
int keep_tests_of(std::string_view name) {
  const auto file = "/tests/" + std::string(name) + "_test.cpp";
  const auto& all = *testing::UnitTest::GetInstance();
  auto& filter = testing::GTEST_FLAG(filter);
  filter += filter.find('-') == std::string::npos ? "-" : ":";
  int kept = 0;
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const auto& test = *suite.GetTestInfo(j);
      if (std::string_view(test.file()).ends_with(file))
        ++kept;
      else
        filter += std::string(suite.name()) + "." + test.name() + ":";
    }
  }
  return kept;
}

}  // namespace

int main(int argc, char** argv) {
  flatsweep::Runtime runtime({});
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && keep_tests_of(argv[1]) == 0) {
    std::fprintf(stderr, "%s has no tests of a file tests/%s_test.cpp\n", argv[0], argv[1]);
    return 1;
  }
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  const auto world = flatsweep::Communicator::world();
  if (!world.is_root()) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter(world.rank()));
  }
  return static_cast<int>(world.max(std::int64_t{RUN_ALL_TESTS()}));
}
