#include "flatsweep/base/error.hpp"

#include "base/thrown.hpp"

#include <gtest/gtest.h>

namespace flatsweep::error_test {
namespace {

// The codes of docs/reliability.md: 2 for bad input, the others from sysexits.h, whose 75 (EX_TEMPFAIL) means "try
// again".
TEST(Error, EachKindHasItsExitCode) {
  EXPECT_EQ(exit_code(ErrorKind::config), 2);
  EXPECT_EQ(exit_code(ErrorKind::solver), 70);
  EXPECT_EQ(exit_code(ErrorKind::selftest), 70);
  EXPECT_EQ(exit_code(ErrorKind::parallel), 71);
  EXPECT_EQ(exit_code(ErrorKind::io), 74);
  EXPECT_EQ(exit_code(ErrorKind::stopped), 75);
}

TEST(Error, EachTypeCarriesItsKind) {
  EXPECT_EQ(ConfigError("").kind(), ErrorKind::config);
  EXPECT_EQ(IoError("").kind(), ErrorKind::io);
  EXPECT_EQ(SolverError("").kind(), ErrorKind::solver);
  EXPECT_EQ(ParallelError("").kind(), ErrorKind::parallel);
  EXPECT_EQ(Stopped("").kind(), ErrorKind::stopped);
  EXPECT_EQ(SelfTestError("").kind(), ErrorKind::selftest);
}

TEST(Error, IsThrownAsTheTypeOfItsKind) {
  const auto thrown = [](ErrorKind kind) { return [kind] { throw_error(kind, "what and where", true); }; };
  EXPECT_EQ(message_of<ConfigError>(thrown(ErrorKind::config)), "what and where");
  EXPECT_EQ(message_of<IoError>(thrown(ErrorKind::io)), "what and where");
  EXPECT_EQ(message_of<SolverError>(thrown(ErrorKind::solver)), "what and where");
  EXPECT_EQ(message_of<ParallelError>(thrown(ErrorKind::parallel)), "what and where");
  EXPECT_EQ(message_of<Stopped>(thrown(ErrorKind::stopped)), "what and where");
  EXPECT_EQ(message_of<SelfTestError>(thrown(ErrorKind::selftest)), "what and where");
}

TEST(Error, IsAgreedOnlyWhenSaidSo) {
  EXPECT_FALSE(IoError("disk").agreed());
  for (const bool agreed : {false, true}) {
    try {
      throw_error(ErrorKind::io, "disk", agreed);
    } catch (const Error& error) {
      EXPECT_EQ(error.agreed(), agreed);
    }
  }
}

}  // namespace
}  // namespace flatsweep::error_test
