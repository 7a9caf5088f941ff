#include "distributed_eigen.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/linalg/entries.hpp"
#include "flatsweep/par/agreement.hpp"
#include "scalapack.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>

namespace flatsweep::detail {

namespace {

constexpr int block = 64;

// A BLACS process grid, as square as the ranks allow and no larger than the blocks of the matrix. Ranks beyond
// rows * columns stand outside: they hold nothing and only take part in what is collective over the communicator.
class ProcessGrid {
 public:
  ProcessGrid(const Communicator& comm, int n) : handle_(Csys2blacs_handle(comm.get())), context_(handle_) {
    const int blocks = (n + block - 1) / block;
    const int rows = std::min<int>(std::sqrt(comm.size()), blocks);
    Cblacs_gridinit(&context_, "R", rows, std::min(comm.size() / rows, blocks));
    if (context_ >= 0) Cblacs_gridinfo(context_, &rows_, &columns_, &row_, &column_);
  }
  ~ProcessGrid() {
    if (context_ >= 0) Cblacs_gridexit(context_);
    Cfree_blacs_system_handle(handle_);
  }
  ProcessGrid(const ProcessGrid&) = delete;
  ProcessGrid& operator=(const ProcessGrid&) = delete;

  [[nodiscard]] bool holds_me() const { return context_ >= 0; }
  [[nodiscard]] int context() const { return context_; }
  [[nodiscard]] int local_rows(int n) const { return holds_me() ? local(n, row_, rows_) : 0; }
  [[nodiscard]] int local_columns(int n) const { return holds_me() ? local(n, column_, columns_) : 0; }
  [[nodiscard]] int global_row(int i) const { return global(i, row_, rows_); }
  [[nodiscard]] int global_column(int j) const { return global(j, column_, columns_); }

 private:
  static int local(int n, int process, int processes) {
    const int size = block;
    const int source = 0;
    return numroc_(&n, &size, &process, &source, &processes);
  }
  static int global(int i, int process, int processes) { return (i / block * processes + process) * block + i % block; }

  int handle_;
  int context_;
  int rows_ = 0, columns_ = 0, row_ = -1, column_ = -1;
};

enum class Wanted { pairs, values };

// This rank's blocks of the matrix and, where they are wanted, of its eigenvectors.
struct LocalProblem {
  int n;
  Eigen::MatrixXd matrix;
  Eigen::MatrixXd vectors;
  Eigen::VectorXd values;
};

// Calls `visit(i, j, rows, I, J)` for each piece of a local column that is contiguous in the whole matrix too.
template <class Visit>
void for_each_piece(const ProcessGrid& grid, const Eigen::MatrixXd& local, Visit visit) {
  for (int j = 0; j < local.cols(); ++j)
    for (int i = 0; i < local.rows(); i += block)
      visit(i, j, std::min<int>(block, local.rows() - i), grid.global_row(i), grid.global_column(j));
}

LocalProblem take_local_part(const ProcessGrid& grid, const Eigen::MatrixXd& matrix, Wanted wanted) {
  const int n = matrix.rows();
  LocalProblem problem{n, Eigen::MatrixXd(grid.local_rows(n), grid.local_columns(n)), {}, Eigen::VectorXd::Zero(n)};
  if (wanted == Wanted::pairs) problem.vectors.resizeLike(problem.matrix);
  for_each_piece(grid, problem.matrix, [&](int i, int j, int rows, int row, int column) {
    problem.matrix.col(j).segment(i, rows) = matrix.col(column).segment(row, rows);
  });
  return problem;
}

std::array<int, 9> describe(const ProcessGrid& grid, int n, int local_rows) {
  std::array<int, 9> descriptor{};
  const int size = block, source = 0, context = grid.context(), lld = std::max(1, local_rows);
  int info = 0;
  descinit_(descriptor.data(), &n, &n, &size, &size, &source, &source, &context, &lld, &info);
  check_lapack(info, "descinit");
  return descriptor;
}

struct Workspace {
  std::unique_ptr<double[]> real;
  std::unique_ptr<int[]> integer;
  int lwork = 0;
  int liwork = 0;
};

using Descriptor = std::array<int, 9>;

int call_pdsyevd(LocalProblem& problem, const Descriptor& descriptor, double* work, int lwork, int* iwork, int liwork) {
  const int one = 1;
  int info = 0;
  pdsyevd_("V", "L", &problem.n, problem.matrix.data(), &one, &one, descriptor.data(), problem.values.data(),
           problem.vectors.data(), &one, &one, descriptor.data(), work, &lwork, iwork, &liwork, &info);
  return info;
}

// pdsyevd cannot leave the vectors out.
int call_pdsyevr(LocalProblem& problem, const Descriptor& descriptor, double* work, int lwork, int* iwork, int liwork) {
  const int one = 1;
  const double unused = 0.0;
  int info = 0, found = 0, vectors = 0;
  double no_vectors = 0.0;
  pdsyevr_("N", "A", "L", &problem.n, problem.matrix.data(), &one, &one, descriptor.data(), &unused, &unused, &one,
           &problem.n, &found, &vectors, problem.values.data(), &no_vectors, &one, &one, descriptor.data(), work,
           &lwork, iwork, &liwork, &info);
  return info;
}

struct Solver {
  const char* name;
  int (*call)(LocalProblem&, const Descriptor&, double* work, int lwork, int* iwork, int liwork);
};
constexpr Solver pairs_solver = {"pdsyevd", call_pdsyevd};
constexpr Solver values_solver = {"pdsyevr", call_pdsyevr};

// What the solver asks for. The query communicates over the grid, so it must not stand inside `agree`.
struct WorkspaceQuery {
  double lwork = 0.0;
  int liwork = 0;
  int info = 0;
};
WorkspaceQuery query_workspace(const Solver& solver, LocalProblem& problem, const Descriptor& descriptor) {
  WorkspaceQuery query;
  query.info = solver.call(problem, descriptor, &query.lwork, -1, &query.liwork, -1);
  return query;
}

// The query leaves out what pdormtr needs on some grids: the margin covers its (rows + columns) * block.
Workspace allocate(const Solver& solver, const WorkspaceQuery& query, const LocalProblem& problem) {
  check_lapack(query.info, solver.name);
  const auto margin = (problem.matrix.rows() + problem.matrix.cols() + 2 * block) * block;
  const double lwork = query.lwork + margin;
  if (lwork > std::numeric_limits<int>::max())
    throw SolverError(std::string(solver.name) + " needs more workspace than its interface can count; use more ranks");
  Workspace work{nullptr, nullptr, static_cast<int>(lwork), query.liwork + 8 * block};
  work.real = std::make_unique_for_overwrite<double[]>(work.lwork);
  work.integer = std::make_unique_for_overwrite<int[]>(work.liwork);
  return work;
}

// Overwrites the problem with its answer. Workspace lives only here, so that it is gone before the gathering.
void solve_in_place(const Solver& solver, const Communicator& comm, const ProcessGrid& grid, LocalProblem& problem) {
  Descriptor descriptor{};
  Workspace work;
  agree(comm, [&] {
    if (grid.holds_me()) descriptor = describe(grid, problem.n, problem.matrix.rows());
  });
  const WorkspaceQuery query = grid.holds_me() ? query_workspace(solver, problem, descriptor) : WorkspaceQuery{};
  agree(comm, [&] { work = allocate(solver, query, problem); });
  int info = 0;
  if (grid.holds_me())
    info = solver.call(problem, descriptor, work.real.get(), work.lwork, work.integer.get(), work.liwork);
  agree(comm, [&] { check_lapack(info, solver.name); });
}

// Every entry is set by one rank and zero elsewhere, so the sum over ranks is a bitwise copy.
void replicate(const Communicator& comm, const ProcessGrid& grid, const LocalProblem& problem, EigenPairs& pairs) {
  pairs.vectors.setZero();
  for_each_piece(grid, problem.vectors, [&](int i, int j, int rows, int row, int column) {
    pairs.vectors.col(column).segment(row, rows) = problem.vectors.col(j).segment(i, rows);
  });
  comm.sum(entries(pairs.vectors));
}

// Ranks outside the grid learn them here.
Eigen::VectorXd share_values(const Communicator& comm, LocalProblem& problem) {
  comm.broadcast(std::span<double>(problem.values.data(), problem.n));
  return problem.values;
}

}  // namespace

EigenPairs eigen_scalapack(const Communicator& comm, Eigen::MatrixXd matrix) {
  agree(comm, [&] { check_matrix(matrix); });
  const ProcessGrid grid(comm, matrix.rows());
  LocalProblem problem;
  agree(comm, [&] { problem = take_local_part(grid, matrix, Wanted::pairs); });
  solve_in_place(pairs_solver, comm, grid, problem);
  EigenPairs pairs{share_values(comm, problem), std::move(matrix), {}};
  replicate(comm, grid, problem, pairs);
  sort_descending(pairs);
  return pairs;
}

Eigen::VectorXd eigenvalues_scalapack(const Communicator& comm, Eigen::MatrixXd matrix) {
  agree(comm, [&] { check_matrix(matrix); });
  const ProcessGrid grid(comm, matrix.rows());
  LocalProblem problem;
  agree(comm, [&] { problem = take_local_part(grid, matrix, Wanted::values); });
  matrix.resize(0, 0);
  solve_in_place(values_solver, comm, grid, problem);
  return share_values(comm, problem).reverse();
}

}  // namespace flatsweep::detail
