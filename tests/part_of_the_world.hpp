#pragma once

#include "flatsweep/linalg/session.hpp"

#include <gtest/gtest.h>

namespace flatsweep {

/// A program that is not flatsweep's, on 3 ranks or more: it starts MPI, keeps rank 0 for itself, and gives the others
/// to flatsweep. What asks the whole world for anything waits for rank 0 for ever.
struct PartOfTheWorld {
  static inline MPI_Comm given = MPI_COMM_NULL;

  static int run_all_tests(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    testing::InitGoogleTest(&argc, argv);
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_split(MPI_COMM_WORLD, rank == 0 ? MPI_UNDEFINED : 0, rank, &given);
    int failed = rank == 0 ? 0 : run_tests_there();
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (rank != 0) MPI_Comm_free(&given);
    MPI_Finalize();
    return failed;
  }

 private:
  static int run_tests_there() {
    const LinearAlgebraSession session(Communicator::copy_of(given), {});
    return RUN_ALL_TESTS();
  }
};

}  // namespace flatsweep
