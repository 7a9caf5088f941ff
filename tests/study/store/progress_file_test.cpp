#include "flatsweep/study/store/progress_file.hpp"

#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace flatsweep::progress_file_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

ProgressLine epoch_line(std::int64_t replica, std::int64_t epoch) {
  ProgressLine line{.replica = replica, .stage = "training", .fraction = 0.25, .done = 0.125, .epoch = epoch};
  line.record.train_loss = 0.1 + static_cast<double>(epoch);
  line.record.train_error = 0.5;
  line.record.test_loss = std::numeric_limits<double>::quiet_NaN();
  line.record.test_error = 0.0;
  return line;
}

class ProgressFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<ProgressLine> lines() const {
    std::vector<ProgressLine> found;
    read_progress(folder_, [&](const ProgressLine& line) { found.push_back(line); });
    return found;
  }
  void write(const std::string& text) const { std::ofstream(file_, std::ios::app) << text; }

  Scratch scratch_;
  fs::path folder_ = scratch_ / ".";
  fs::path file_ = progress_file(folder_);
};

TEST_F(ProgressFileTest, WhatIsWrittenIsRead) {
  ProgressFile file(folder_);
  file.append(epoch_line(3, 7));
  file.append({.replica = 4, .stage = "pooled_pca fc2, \"pass\" 3\n", .fraction = 1.0});
  EXPECT_EQ(file.complaint(), "");
  const auto read = lines();
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].replica, 3);
  EXPECT_EQ(read[0].stage, "training");
  EXPECT_EQ(read[0].fraction, 0.25);
  EXPECT_EQ(read[0].done, 0.125);
  EXPECT_EQ(read[0].epoch, 7);
  EXPECT_EQ(read[0].record.train_loss, 7.1);
  EXPECT_TRUE(std::isnan(read[0].record.test_loss));
  EXPECT_NEAR(read[0].time, static_cast<double>(std::time(nullptr)), 10.0);
  EXPECT_EQ(read[1].stage, "pooled_pca fc2 pass 3");
  EXPECT_FALSE(read[1].epoch);
  EXPECT_EQ(slurp(file_).substr(0, progress_header().size() + 1), progress_header() + "\n");
}

TEST_F(ProgressFileTest, TimesAreUtc) {
  ProgressLine line{.time = 951782400.25, .replica = 0, .stage = "training"};  // date -u -d @951782400
  EXPECT_EQ(to_text(line), "2000-02-29T00:00:00.250Z,0,training,0.0000,0.0000,,,,,");
  EXPECT_EQ(parse_progress(to_text(line))->time, line.time);
}

TEST_F(ProgressFileTest, EveryBeginningOfALineIsNoLine) {
  for (const auto& whole : {to_text(epoch_line(3, 7)), to_text({.replica = 3, .stage = "pca fc2"})}) {
    ASSERT_TRUE(parse_progress(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      fs::remove(file_);
      write(progress_header() + "\n" + whole.substr(0, length));
      EXPECT_TRUE(lines().empty()) << whole.substr(0, length);
    }
  }
}

TEST_F(ProgressFileTest, ALineThatAKillHasCutIsRemovedBeforeTheNext) {
  { ProgressFile(folder_).append(epoch_line(3, 7)); }
  const auto whole = slurp(file_);
  write(to_text(epoch_line(3, 8)).substr(0, 40));
  ProgressFile(folder_).append(epoch_line(4, 1));
  const auto now = slurp(file_);
  EXPECT_EQ(now.substr(0, whole.size()), whole);
  ASSERT_EQ(lines().size(), 2U);
  EXPECT_EQ(lines()[1].replica, 4);
  EXPECT_EQ(std::count(now.begin(), now.end(), '\n'), 3);
}

TEST_F(ProgressFileTest, AFileThatAKillHasLeftInItsFirstLineIsBegunAnew) {
  write("time,repl");
  ProgressFile(folder_).append(epoch_line(4, 1));
  EXPECT_THAT(slurp(file_), testing::StartsWith(progress_header() + "\n"));
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(ProgressFileTest, LinesOfManyProcessesDoNotMix) {
  constexpr int processes = 4, epochs = 500;
  { ProgressFile(folder_).append({.stage = "begins"}); }
  for (int i = 0; i < processes; ++i)
    if (fork() == 0) {
      ProgressFile file(folder_);
      for (int epoch = 1; epoch <= epochs; ++epoch) file.append(epoch_line(i, epoch));
      _exit(0);
    }
  while (wait(nullptr) > 0) {
  }
  std::vector<std::int64_t> last(processes, 0);
  for (const auto& line : lines())
    if (line.epoch) {
      EXPECT_EQ(*line.epoch, last[line.replica] + 1);
      last[line.replica] = *line.epoch;
    }
  EXPECT_EQ(last, std::vector<std::int64_t>(processes, epochs));
  const auto text = slurp(file_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2 + processes * epochs);
}

TEST_F(ProgressFileTest, RubbishIsNoLine) {
  write(progress_header() + "\n" + std::string(100000, 'x') + "\n,,,,,,,,,\n2000-02-29T00:00:00.250Z,x,a,0,0,,,,,\n" +
        std::string(10, '\0') + "\n" + to_text(epoch_line(1, 1)) + "\n");
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_EQ(lines()[0].replica, 1);
}

TEST_F(ProgressFileTest, SharesAreNumbersFrom0To1) {
  for (const auto* share : {"nan", "-nan", "inf", "-0.1", "1.1", "1e300"}) {
    EXPECT_FALSE(parse_progress(std::string("2000-02-29T00:00:00.250Z,0,a,") + share + ",0,,,,,")) << share;
    EXPECT_FALSE(parse_progress(std::string("2000-02-29T00:00:00.250Z,0,a,0,") + share + ",,,,,")) << share;
  }
  EXPECT_TRUE(parse_progress("2000-02-29T00:00:00.250Z,0,a,1,0,,,,,"));
}

TEST_F(ProgressFileTest, WhatIsNoFileIsSaidOnceAndEndsNothing) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  ProgressFile pipe(folder_);
  EXPECT_THAT(pipe.complaint(), testing::AllOf(HasSubstr("progress.csv"), HasSubstr("the run goes on without it")));
  pipe.append(epoch_line(0, 1));
  EXPECT_THAT([&] { (void)lines(); }, ThrowsMessage<IoError>(HasSubstr("a pipe")));
  fs::remove(file_);
  fs::create_symlink(folder_ / "elsewhere", file_);
  EXPECT_THAT(ProgressFile(folder_).complaint(), HasSubstr("progress.csv"));
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

}  // namespace
}  // namespace flatsweep::progress_file_test
