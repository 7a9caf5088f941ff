#include "linalg/distributed_eigen.hpp"
#include "linalg/matrices.hpp"
#include "part_of_the_world.hpp"

namespace flatsweep::callers_communicator_test {
namespace {

double largest_error(const Eigen::VectorXd& values, int n) {
  return (values - second_difference_spectrum(n).head(values.size())).cwiseAbs().maxCoeff();
}

TEST(CallersCommunicator, IsEnoughForEverySolver) {
  const auto comm = Communicator::copy_of(PartOfTheWorld::given);
  constexpr int n = 150;
  const auto matrix = second_difference(n);
  EXPECT_LE(largest_error(detail::eigen_scalapack(comm, matrix).values, n), rounding(n, 4.0));
  EXPECT_LE(largest_error(eigen_symmetric(comm, matrix).values, n), rounding(n, 4.0));
  EXPECT_LE(largest_error(leading_eigenpairs(comm, product_with(matrix), n, 3).values, n), 1e-8);
}

}  // namespace
}  // namespace flatsweep::callers_communicator_test

int main(int argc, char** argv) { return flatsweep::PartOfTheWorld::run_all_tests(argc, argv); }
