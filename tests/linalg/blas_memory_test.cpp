// Where no memory is left BLAS must not wait for it: each case is a process of its own with a limit on its address
// space.
#include "flatsweep/linalg/blas_memory.hpp"

#include "flatsweep/linalg/second_moment.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <new>

namespace flatsweep::blas_memory_test {
namespace {

constexpr int no_memory = 71, other_numbers = 1;

/// No more address space than this process has, and `more` bytes. A process that then waits is ended after 20 s.
void limit_address_space(rlim_t more) {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t bytes = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + more;
  const rlimit limit = {bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
  alarm(20);
}

int reserve_code() {
  try {
    reserve_blas_memory();
    return 0;
  } catch (const std::bad_alloc&) {
    return no_memory;
  }
}

/// Of four rows of ones: 4 everywhere.
int sum_of_squares_code() {
  SecondMoment moment(Eigen::VectorXd::Zero(8));
  moment.add(RowMatrixF::Ones(4, 8));
  return moment.sum_of_squares() == Eigen::MatrixXd::Constant(8, 8, 4.0) ? 0 : other_numbers;
}

TEST(BlasMemory, IsMissedAtOnce) {
  EXPECT_EXIT(
      {
        limit_address_space(rlim_t{32} << 20);
        _exit(reserve_code());
      },
      testing::ExitedWithCode(no_memory), "");
}

TEST(BlasMemory, IsNotAskedForAgain) {
  EXPECT_EXIT(
      {
        reserve_blas_memory();
        limit_address_space(rlim_t{32} << 20);
        _exit(sum_of_squares_code());
      },
      testing::ExitedWithCode(0), "");
}

TEST(BlasMemory, IsThereWhereNothingIsMissing) { EXPECT_EQ(reserve_code(), 0); }

}  // namespace
}  // namespace flatsweep::blas_memory_test
