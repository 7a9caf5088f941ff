#include "shell_operator.hpp"

#include "flatsweep/base/random.hpp"
#include "flatsweep/linalg/petsc_error.hpp"
#include "flatsweep/par/mpi_type.hpp"

#include <algorithm>

namespace flatsweep {

ShellOperator::ShellOperator(const Communicator& comm, const SymmetricOperator& apply, int n)
    : comm_(comm), apply_(apply), n_(n) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    const Range part = share(n, rank, comm.size());
    counts_.push_back(part.size());
    offsets_.push_back(part.begin);
  }
  input_.resize(n);
  output_.resize(n);
  const int mine = counts_[comm.rank()];
  check_petsc(MatCreateShell(comm.get(), mine, mine, n, n, this, matrix_.put()), "creating the operator");
  check_petsc(MatShellSetOperation(matrix_.get(), MATOP_MULT, reinterpret_cast<void (*)(void)>(multiply)),
              "setting the operator's product");
}

PetscErrorCode ShellOperator::multiply(Mat matrix, Vec x, Vec y) {
  ShellOperator* self = nullptr;
  const double* in = nullptr;
  double* out = nullptr;
  if (const auto code = MatShellGetContext(matrix, &self)) return code;
  if (const auto code = VecGetArrayRead(x, &in)) return code;
  if (const auto code = VecGetArrayWrite(y, &out)) return code;
  const PetscErrorCode result = self->multiply_parts(in, out);
  if (const auto code = VecRestoreArrayWrite(y, &out)) return code;
  if (const auto code = VecRestoreArrayRead(x, &in)) return code;
  return result;
}

PetscErrorCode ShellOperator::multiply_parts(const double* x, double* y) noexcept {
  const std::size_t n = n_, rank = comm_.rank();
  try {
    if (comm_.size() == 1) {
      apply_({x, n}, {y, n});
      return 0;
    }
    gather_parts<double>(comm_.get(), x, input_, counts_, offsets_, "gathering the operator's argument");
    apply_(input_, output_);
    std::copy_n(output_.data() + offsets_[rank], counts_[rank], y);
    return 0;
  } catch (...) {
    thrown_ = std::current_exception();
    return PETSC_ERR_LIB;
  }
}

void ShellOperator::rethrow() const {
  if (thrown_) std::rethrow_exception(thrown_);
}

VecHandle ShellOperator::vector() const {
  VecHandle vector;
  check_petsc(MatCreateVecs(matrix_.get(), vector.put(), nullptr), "creating a vector");
  return vector;
}

VecHandle ShellOperator::random_vector() const {
  VecHandle vector = this->vector();
  double* values = nullptr;
  check_petsc(VecGetArrayWrite(vector.get(), &values), "filling the start vector");
  const std::size_t rank = comm_.rank();
  Random random(n_, RandomPurpose::solver);
  for (int i = 0; i < offsets_[rank]; ++i) (void)random.normal();
  for (int i = 0; i < counts_[rank]; ++i) values[i] = random.normal();
  check_petsc(VecRestoreArrayWrite(vector.get(), &values), "filling the start vector");
  return vector;
}

void ShellOperator::gather(Vec vector, std::span<double> whole) const {
  const double* values = nullptr;
  check_petsc(VecGetArrayRead(vector, &values), "reading an eigenvector");
  gather_parts(comm_.get(), values, whole, counts_, offsets_, "gathering an eigenvector");
  check_petsc(VecRestoreArrayRead(vector, &values), "reading an eigenvector");
}

}  // namespace flatsweep
