#include "flatsweep/study/store/output_folder.hpp"

#include "flatsweep/app/config_file.hpp"
#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace flatsweep::output_folder_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

Config config_of(const std::string& text = "") { return parse_config(text, "run.toml"); }

class Output : public testing::Test {
 protected:
  void open(OutputMode mode, const Config& config = config_of()) const { OutputFolder(folder_, mode, config); }
  [[nodiscard]] OutputState state(OutputMode mode) const { return OutputFolder(folder_, mode, config_of()).state(); }
  void finish() const {
    fs::remove_all(work_folder(folder_));
    spill(results_file(folder_), "results");
  }
  template <class Matcher>
  void expect_refused(OutputMode mode, const Matcher& message, const Config& config = config_of()) const {
    EXPECT_THAT([&] { open(mode, config); }, ThrowsMessage<ConfigError>(message));
  }

  Scratch scratch_;
  fs::path folder_ = scratch_ / "runs" / "first";
};

TEST_F(Output, AFreshFolderIsMadeWithItsConfiguration) {
  EXPECT_EQ(state(OutputMode::fresh), OutputState::ready);
  EXPECT_EQ(slurp(folder_ / "config.toml"), config_of().resolved);
  EXPECT_TRUE(fs::is_directory(work_folder(folder_)));
  EXPECT_EQ(results_file(folder_), folder_ / "results.h5");
}

TEST_F(Output, ExistingResultsAreNotTouched) {
  open(OutputMode::fresh);
  finish();
  expect_refused(OutputMode::fresh, AllOf(StartsWith(results_file(folder_).string()), HasSubstr("use --overwrite")));
  EXPECT_EQ(slurp(results_file(folder_)), "results");
  EXPECT_FALSE(fs::exists(work_folder(folder_)));
}

TEST_F(Output, AnUnfinishedRunIsNotTouched) {
  open(OutputMode::fresh);
  spill(work_folder(folder_) / "stage", "half");
  expect_refused(OutputMode::fresh,
                 AllOf(HasSubstr("an unfinished run is here"), HasSubstr("--resume"), HasSubstr("--overwrite")));
  EXPECT_TRUE(fs::exists(work_folder(folder_) / "stage"));
}

TEST_F(Output, ResumeKeepsTheWork) {
  open(OutputMode::fresh);
  spill(work_folder(folder_) / "stage", "half");
  EXPECT_EQ(state(OutputMode::resume), OutputState::ready);
  EXPECT_EQ(slurp(work_folder(folder_) / "stage"), "half");
}

TEST_F(Output, ResumeOfNothingStartsAnew) { EXPECT_EQ(state(OutputMode::resume), OutputState::ready); }

TEST_F(Output, ResumeOfAFinishedRunHasNothingToDo) {
  open(OutputMode::fresh);
  finish();
  EXPECT_EQ(state(OutputMode::resume), OutputState::finished);
  EXPECT_FALSE(fs::exists(work_folder(folder_)));
}

TEST_F(Output, ResumeWithAnotherConfigurationNamesTheKey) {
  open(OutputMode::fresh);
  expect_refused(OutputMode::resume, HasSubstr("it was 'batch_size = 50', now it is 'batch_size = 20'"),
                 config_of("[train]\nbatch_size = 20\n"));
  expect_refused(OutputMode::resume, HasSubstr("it was '(absent)', now it is 'seed = [1, 2]'"),
                 config_of("[grid]\nseed = [1, 2]\n"));
  EXPECT_EQ(slurp(folder_ / "config.toml"), config_of().resolved);
}

TEST_F(Output, ResumeAllowsAnotherWayOfWorking) {
  open(OutputMode::fresh);
  EXPECT_NO_THROW(open(OutputMode::resume, config_of("[run]\nmemory_per_rank = 0.5\n[data]\nroot = \"elsewhere\"\n")));
}

// What a kill may leave of a run: work that was being removed, and units of which nobody knows the configuration.
TEST_F(Output, WorkThatWasBeingRemovedIsRemoved) {
  open(OutputMode::fresh);
  finish();
  fs::create_directories(folder_ / "work-removed" / "000000");
  EXPECT_EQ(state(OutputMode::resume), OutputState::finished);
  EXPECT_FALSE(fs::exists(folder_ / "work-removed"));
}

TEST_F(Output, UnitsOfAnUnknownConfigurationAreNotResumed) {
  open(OutputMode::fresh);
  fs::create_directories(work_folder(folder_) / "000000");
  fs::remove(work_folder(folder_) / "fingerprint.toml");
  for (const auto mode : {OutputMode::resume, OutputMode::fresh})
    expect_refused(mode, AllOf(HasSubstr("fingerprint.toml: the file is missing"), HasSubstr("--overwrite")));
  EXPECT_EQ(state(OutputMode::overwrite), OutputState::ready);
  EXPECT_FALSE(fs::exists(work_folder(folder_) / "000000"));
}

TEST_F(Output, OverwriteRemovesWorkAndKeepsResultsForNow) {
  open(OutputMode::fresh);
  spill(results_file(folder_), "results");
  spill(work_folder(folder_) / "stage", "half");
  EXPECT_EQ(state(OutputMode::overwrite), OutputState::ready);
  EXPECT_FALSE(fs::exists(work_folder(folder_) / "stage"));
  EXPECT_EQ(slurp(results_file(folder_)), "results");
}

/// A child process that holds the folder until it is told to end.
class OtherJob {
 public:
  explicit OtherJob(const fs::path& folder) {
    int ready[2], leave[2];
    if (pipe(ready) != 0 || pipe(leave) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ == 0) {
      close(leave[1]);
      hold(folder, ready[1], leave[0]);
    }
    close(ready[1]);
    close(leave[0]);
    leave_ = leave[1];
    char byte = 0;
    held_ = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
  }
  ~OtherJob() {
    close(leave_);
    waitpid(child_, nullptr, 0);
  }
  OtherJob(const OtherJob&) = delete;
  OtherJob& operator=(const OtherJob&) = delete;
  [[nodiscard]] bool holds() const { return held_; }
  [[nodiscard]] pid_t process() const { return child_; }

 private:
  // Ends without destructors: the test program's own are the parent's business.
  [[noreturn]] static void hold(const fs::path& folder, int ready, int leave) {
    try {
      const OutputFolder held(folder, OutputMode::fresh, config_of());
      char byte = 'x';
      if (write(ready, &byte, 1) == 1) (void)!read(leave, &byte, 1);
    } catch (...) {
    }
    _exit(0);
  }

  pid_t child_ = -1;
  int leave_ = -1;
  bool held_ = false;
};

// The lock's name can be removed under its owner; the file `owner` and the process table still say who it is.
TEST_F(Output, ASecondJobIsRefusedAlsoWhereTheLockWasRemoved) {
  {
    const OtherJob other(folder_);
    ASSERT_TRUE(other.holds());
    fs::remove(folder_ / "lock");
    const auto owner = "another job (process " + std::to_string(other.process()) + " on ";
    for (const auto mode : {OutputMode::resume, OutputMode::overwrite, OutputMode::fresh})
      expect_refused(mode, AllOf(StartsWith(folder_.string()), HasSubstr(owner), HasSubstr("--output")));
  }
  EXPECT_EQ(state(OutputMode::resume), OutputState::ready) << "the owner has ended";
}

TEST_F(Output, ASecondJobIsRefusedWhileTheFirstIsAlive) {
  {
    const OtherJob other(folder_);
    ASSERT_TRUE(other.holds());
    const auto owner = "another job (process " + std::to_string(other.process()) + " on ";
    expect_refused(OutputMode::resume, AllOf(StartsWith(folder_.string()), HasSubstr(owner), HasSubstr("--output")));
    expect_refused(OutputMode::overwrite, HasSubstr(owner));
  }
  EXPECT_EQ(state(OutputMode::resume), OutputState::ready) << "the lock goes with the process";
}

// Permission bits do not bind the superuser, so the tests take paths that nobody can write.
TEST_F(Output, AFolderThatCannotBeMadeIsNamed) {
  spill(scratch_ / "runs", "a file");
  expect_refused(OutputMode::fresh,
                 AllOf(StartsWith(folder_.string() + ": the output folder cannot be made: Not a directory"),
                       EndsWith("choose another with --output")));
}

TEST_F(Output, AFileInPlaceOfTheFolderIsNamed) {
  fs::create_directories(folder_.parent_path());
  spill(folder_, "a file");
  expect_refused(OutputMode::fresh, AllOf(StartsWith(folder_.string() + ": the output folder cannot be"),
                                          EndsWith("choose another with --output")));
  EXPECT_EQ(slurp(folder_), "a file");
}

TEST_F(Output, AFolderThatCannotBeWrittenIsNamed) {
  fs::create_directories(folder_ / "lock");
  expect_refused(OutputMode::fresh,
                 StartsWith(folder_.string() + ": the output folder cannot be written: Is a directory"));
}

// The group may go on with a run: what the umask lets it write it can.
TEST_F(Output, FilesFollowTheUmask) {
  const auto before = umask(0002);
  open(OutputMode::fresh);
  umask(before);
  const auto group_writes = [&](const fs::path& file) {
    return (fs::status(file).permissions() & fs::perms::group_write) != fs::perms::none;
  };
  for (const auto* name : {"lock", "config.toml", "work", "work/fingerprint.toml"})
    EXPECT_TRUE(group_writes(folder_ / name)) << name;
}

TEST_F(Output, TheLockIsNotWrittenThroughALink) {
  fs::create_directories(folder_);
  spill(scratch_ / "precious", "do not touch");
  fs::create_symlink(scratch_ / "precious", folder_ / "lock");
  expect_refused(OutputMode::fresh, HasSubstr((folder_ / "lock").string()));
  EXPECT_EQ(slurp(scratch_ / "precious"), "do not touch");
}

TEST_F(Output, WhatAKilledWriterLeftIsRemoved) {
  open(OutputMode::fresh);
  fs::create_directories(work_folder(folder_) / "000000");
  const std::vector<fs::path> left = {results_file(folder_).string() + ".partial-0123456789abcdef",
                                      work_folder(folder_) / "000000" / "training.h5.partial-0123456789abcdef",
                                      work_folder(folder_) / "fingerprint.toml.partial"};
  for (const auto& file : left) spill(file, "half");
  open(OutputMode::resume);
  for (const auto& file : left) EXPECT_FALSE(fs::exists(file)) << file;
}

// A folder that cannot be renamed is marked, emptied and removed; a kill on the way leaves the mark.
TEST_F(Output, WorkWithTheMarkOfItsRemovalIsRemoved) {
  open(OutputMode::fresh);
  spill(results_file(folder_), "results");
  fs::create_directories(work_folder(folder_) / "000000");
  spill(work_folder(folder_) / "removed", "");
  EXPECT_EQ(state(OutputMode::resume), OutputState::finished);
  EXPECT_FALSE(fs::exists(work_folder(folder_)));
}

TEST_F(Output, WorkThatCannotBeRenamedIsRemovedAllTheSame) {
  const OutputFolder output(folder_, OutputMode::fresh, config_of());
  fs::create_directories(work_folder(folder_) / "000000");
  spill(folder_ / "work-removed", "a file, onto which no folder can be renamed");
  EXPECT_EQ(output.remove_work(), "");
  EXPECT_FALSE(fs::exists(work_folder(folder_)));
}

TEST_F(Output, ARefusalForWantOfSpaceLeavesNothingToGoOnWith) {
  EXPECT_THAT([&] { OutputFolder(folder_, OutputMode::fresh, config_of(), 0x1.0p80); },
              ThrowsMessage<ConfigError>(HasSubstr("the run needs about")));
  EXPECT_FALSE(fs::exists(work_folder(folder_)));
  EXPECT_EQ(state(OutputMode::fresh), OutputState::ready) << "the next try is no unfinished run";
}

TEST_F(Output, ARefusalForWantOfSpaceKeepsTheWorkThatIsThere) {
  open(OutputMode::fresh);
  spill(work_folder(folder_) / "stage", "half");
  for (const auto mode : {OutputMode::resume, OutputMode::overwrite})
    EXPECT_THAT([&] { OutputFolder(folder_, mode, config_of(), 0x1.0p80); },
                ThrowsMessage<ConfigError>(HasSubstr("the run needs about")));
  EXPECT_EQ(slurp(work_folder(folder_) / "stage"), "half");
}

TEST_F(Output, SpaceIsChecked) {
  const OutputFolder output(folder_, OutputMode::fresh, config_of());
  EXPECT_NO_THROW(output.check_space(1.0));
  EXPECT_THAT([&] { output.check_space(0x1.0p80); },
              ThrowsMessage<ConfigError>(
                  AllOf(StartsWith(folder_.string() + ": the run needs about 1125899906842624.0 GiB here, "),
                        HasSubstr("keep fewer pca.directions"))));
}

}  // namespace
}  // namespace flatsweep::output_folder_test
