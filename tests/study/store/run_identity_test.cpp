#include "flatsweep/study/store/run_identity.hpp"

#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flatsweep::run_identity_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const RunIdentity one{"batch_size = 50\n", "abc", ""};

TEST(RunIdentity, TheDigestIsTheFirstHalfOfTheSha256) {
  // printf abc | sha256sum, also in FIPS 180-2
  EXPECT_EQ(digest_of("abc"),
            (Digest{0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23}));
}

TEST(RunIdentity, ConfigurationDataAndOptionsMakeIt) {
  EXPECT_EQ(one.digest(), (RunIdentity{one}.digest()));
  std::vector<Digest> digests = {one.digest()};
  for (const RunIdentity& other :
       {RunIdentity{"batch_size = 51\n", "abc", ""}, RunIdentity{"batch_size = 50\n", "abd", ""},
        RunIdentity{"batch_size = 50\n", "abc", "-eps_max_it 1"}, RunIdentity{"batch_size = 50\n", "abc", "", "f"}}) {
    EXPECT_THAT(digests, testing::Not(testing::Contains(other.digest())));
    digests.push_back(other.digest());
  }
}

class Record : public testing::Test {
 protected:
  Record() { fs::create_directories(work_); }
  WorkRecord keep(const RunIdentity& identity, const std::vector<std::string>& builds = {"build A"}) {
    Log log(LogRank::writes, Verbosity::quiet);
    testing::internal::CaptureStderr();
    try {
      auto record = keep_to_beginning(work_, identity, {}, "mnist", builds, log);
      said_ = testing::internal::GetCapturedStderr();
      return record;
    } catch (...) {
      said_ = testing::internal::GetCapturedStderr();
      throw;
    }
  }

  Scratch scratch_;
  fs::path work_ = scratch_ / "work";
  std::string said_;
};

TEST_F(Record, IsMadeAndKept) {
  keep(one);
  EXPECT_EQ(said_, "");
  const auto record = keep(one);
  EXPECT_EQ(said_, "");
  EXPECT_EQ(record.dataset_sha256, "abc");
  EXPECT_THAT(read_work_record(work_).builds, ElementsAre("build A"));
}

TEST_F(Record, OtherDataAndOtherOptionsAreRefused) {
  keep(one);
  EXPECT_THAT(
      [&] {
        keep({one.configuration, "abd", ""});
      },
      ThrowsMessage<ConfigError>(AllOf(HasSubstr("work/data.h5"), HasSubstr("other data"))));
  EXPECT_THAT(
      [&] {
        keep({one.configuration, "abc", "-eps_max_it 1"});
      },
      ThrowsMessage<ConfigError>(HasSubstr("they were none, now they are '-eps_max_it 1'")));
  EXPECT_NO_THROW(keep(one));
}

TEST_F(Record, AnotherBuildIsToldAndRemembered) {
  keep(one);
  keep(one, {"build B"});
  EXPECT_THAT(said_, HasSubstr("this run was begun by build A and goes on with build B"));
  EXPECT_THAT(read_work_record(work_).builds, ElementsAre("build A", "build B"));
  keep(one);
  EXPECT_THAT(said_, HasSubstr("a part of this run was made by build A, another by build B"));
  EXPECT_THAT(read_work_record(work_).builds, ElementsAre("build A", "build B"));
}

TEST_F(Record, RanksOnDifferentMachinesAreTold) {
  keep(one, {"build A", "build A elsewhere"});
  EXPECT_THAT(said_, HasSubstr("a part of this run was made by build A, another by build A elsewhere"));
}

TEST_F(Record, OfAnotherConfigurationOrDamagedIsReplaced) {
  keep({"batch_size = 51\n", "abc", "-eps_max_it 1"});
  keep(one);
  EXPECT_THAT(said_, AllOf(HasSubstr("work/data.h5"), HasSubstr("another configuration")));
  EXPECT_EQ(read_work_record(work_).solver_options, "");
  fs::resize_file(work_ / "data.h5", 100);
  keep(one);
  EXPECT_THAT(said_, AllOf(HasSubstr("work/data.h5"), HasSubstr("made again")));
}

TEST_F(Record, FilesOfUnknownBuildsAreToldOnce) {
  const FileOwner known{{one.digest(), digest_of("build A")}}, unknown{{one.digest(), digest_of("build C")}};
  for (const char* name : {"a.h5", "b.h5"}) write_durable(work_ / name, {}, known);
  for (const char* name : {"c.h5", "d.h5", "e.h5"}) write_durable(work_ / name, {}, unknown);
  Log log(LogRank::writes, Verbosity::quiet);
  testing::internal::CaptureStderr();
  warn_about_builds({work_, scratch_ / "none"}, {"build A", "build B"}, log);
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("the file, and 2 more, were written by another build"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
}

}  // namespace
}  // namespace flatsweep::run_identity_test
