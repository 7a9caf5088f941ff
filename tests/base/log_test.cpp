#include "flatsweep/base/log.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flatsweep::log_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(Log, WritesDurationsInTheUnitsOfAReader) {
  EXPECT_EQ(format_duration(8.3), "8.3 s");
  EXPECT_EQ(format_duration(252.0), "4 min 12 s");
  EXPECT_EQ(format_duration(3599.6), "1 h 0 min");  // rounded before it is cut into units
  EXPECT_EQ(format_duration(12000.0), "3 h 20 min");
  EXPECT_EQ(format_duration(31557600e9), "1e+09 years");  // of a mistyped configuration
  EXPECT_EQ(format_duration(31557600e90), "1e+90 years");
}

TEST(Log, WritesBytesInTheUnitsOfAReader) {
  EXPECT_EQ(format_bytes(596.0 * 1024), "596 KiB");
  EXPECT_EQ(format_bytes(3.0 * 1024 * 1024), "3 MiB");
  EXPECT_EQ(format_bytes(1.5 * 1024 * 1024 * 1024), "1.5 GiB");
}

TEST(Log, AppendsToItsFileBehindWhatStandsInIt) {
  const Scratch scratch;
  spill(scratch / "log", "earlier\n");
  {
    Log log(LogRank::writes, Verbosity::quiet);
    log.open_file(scratch / "log");
    log.info("later");
  }
  EXPECT_THAT(slurp(scratch / "log"), testing::StartsWith("earlier\n"));
  EXPECT_THAT(slurp(scratch / "log"), EndsWith(" later\n"));
}

TEST(Log, MakesNoFileWhenSilent) {
  const Scratch scratch;
  Log log(LogRank::silent, Verbosity::normal);
  log.open_file(scratch / "log");
  log.info("nobody reads this");
  EXPECT_EQ(scratch.entries(), 0U);
}

TEST(Log, NamesTheFileThatCannotBeWritten) {
  const Scratch scratch;
  spill(scratch / "file", "");
  Log log(LogRank::writes, Verbosity::quiet);
  EXPECT_THAT(message_of<IoError>([&] { log.open_file(scratch / "file/log"); }), HasSubstr("file/log"));
}

}  // namespace
}  // namespace flatsweep::log_test
