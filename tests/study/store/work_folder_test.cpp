#include "flatsweep/study/store/work_folder.hpp"

#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flatsweep::work_folder_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Group numbered(std::int64_t number) {
  Group tree;
  tree.set("number", number);
  tree.add("values", std::span<const double>(ramp<double>(100)), {100}, {"index"});
  return tree;
}

std::int64_t number_of(const std::optional<Group>& tree) { return tree ? tree->integer("number") : -1; }

void damage(const std::filesystem::path& file) {
  auto bytes = slurp(file);
  bytes[bytes.size() / 2] ^= 1;
  spill(file, bytes);
}

class WorkFolder : public testing::Test {
 protected:
  Scratch scratch_;
  std::vector<std::string> reports_;
  UnitFolder unit_{scratch_ / "work", 12, [this](const std::string& message) { reports_.push_back(message); }};
};

TEST_F(WorkFolder, ItsNameIsTheReplicasNumber) {
  EXPECT_EQ(unit_name(12), "000012");
  EXPECT_EQ(unit_.file("pca-fc2"), scratch_ / "work" / "000012" / "pca-fc2.h5");
}

TEST_F(WorkFolder, AStageIsAbsentUntilWritten) {
  EXPECT_FALSE(unit_.read("training"));
  unit_.write("training", numbered(3));
  EXPECT_EQ(number_of(unit_.read("training")), 3);
  unit_.remove("training");
  EXPECT_FALSE(unit_.read("training"));
  unit_.remove("training");
  EXPECT_THAT(reports_, IsEmpty());
}

TEST_F(WorkFolder, ADamagedStageIsReportedAndAbsentFromThenOn) {
  unit_.write("pca-fc2", numbered(3));
  damage(unit_.file("pca-fc2"));
  EXPECT_FALSE(unit_.read("pca-fc2"));
  EXPECT_FALSE(unit_.read("pca-fc2"));
  EXPECT_THAT(reports_, ElementsAre(AllOf(HasSubstr("pca-fc2.h5"), HasSubstr("that part of the work is done again"))));
}

TEST_F(WorkFolder, TheFileOfAnotherUnitOrStageIsDamage) {
  const UnitFolder other(scratch_ / "work", 13);
  other.write("training", numbered(4));
  for (const auto& [from, to] : {std::pair{other.file("training"), "training"}, {other.file("training"), "window"}}) {
    unit_.write(to, numbered(3));
    std::filesystem::copy_file(from, unit_.file(to), std::filesystem::copy_options::overwrite_existing);
    EXPECT_FALSE(unit_.read(to)) << to;
  }
  EXPECT_THAT(reports_, testing::Each(HasSubstr("put in another's place")));
  EXPECT_EQ(number_of(other.read("training")), 4);
}

// The file may be whole, and only its disk away for a while: it is not removed.
TEST_F(WorkFolder, AFileThatCannotBeReadIsKeptAndNamed) {
  std::filesystem::create_directories(unit_.file("training"));
  EXPECT_THAT([&] { (void)unit_.read("training"); },
              testing::ThrowsMessage<IoError>(AllOf(HasSubstr("training.h5"), HasSubstr("it is a folder, not a file"),
                                                    HasSubstr("once it is removed"))));
  EXPECT_TRUE(std::filesystem::exists(unit_.file("training")));
  EXPECT_THAT(reports_, IsEmpty());
}

TEST_F(WorkFolder, AStageCutShortIsAbsent) {
  unit_.write("pca-fc2", numbered(3));
  std::filesystem::resize_file(unit_.file("pca-fc2"), 100);
  EXPECT_FALSE(unit_.read("pca-fc2"));
  EXPECT_EQ(reports_.size(), 1U);
}

TEST_F(WorkFolder, TheNewestCheckpointCounts) {
  EXPECT_FALSE(unit_.read_checkpoint());
  for (const std::int64_t n : {1, 2, 3}) {
    unit_.write_checkpoint(numbered(n));
    EXPECT_EQ(number_of(unit_.read_checkpoint()), n);
  }
  EXPECT_THAT(reports_, IsEmpty());
}

TEST_F(WorkFolder, ADamagedCheckpointFallsBackToTheOneBefore) {
  for (const std::int64_t n : {1, 2, 3}) unit_.write_checkpoint(numbered(n));
  damage(unit_.file("checkpoint"));
  EXPECT_EQ(number_of(unit_.read_checkpoint()), 2);
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("checkpoint.h5")));
  unit_.write_checkpoint(numbered(4));
  EXPECT_EQ(number_of(unit_.read_checkpoint()), 4);
}

TEST_F(WorkFolder, ACrashBetweenTwoCheckpointsLeavesTheOneBefore) {
  unit_.write_checkpoint(numbered(1));
  std::filesystem::rename(unit_.file("checkpoint"), unit_.file("checkpoint-previous"));
  EXPECT_EQ(number_of(unit_.read_checkpoint()), 1);
}

TEST_F(WorkFolder, TwoDamagedCheckpointsAreNone) {
  for (const std::int64_t n : {1, 2}) unit_.write_checkpoint(numbered(n));
  damage(unit_.file("checkpoint"));
  damage(unit_.file("checkpoint-previous"));
  EXPECT_FALSE(unit_.read_checkpoint());
  EXPECT_EQ(reports_.size(), 2U);
}

TEST_F(WorkFolder, RemovingCheckpointsLeavesOtherStages) {
  for (const std::int64_t n : {1, 2}) unit_.write_checkpoint(numbered(n));
  unit_.write("window", numbered(5));
  unit_.remove_checkpoints();
  EXPECT_FALSE(unit_.read_checkpoint());
  EXPECT_EQ(number_of(unit_.read("window")), 5);
}

TEST_F(WorkFolder, AFolderThatCannotBeMadeIsNamed) {
  spill(scratch_ / "work", "a file");
  EXPECT_THAT([&] { unit_.write("training", numbered(1)); },
              testing::ThrowsMessage<IoError>(
                  AllOf(HasSubstr("work/000012: the folder cannot be made"), HasSubstr("Not a directory"))));
}

}  // namespace
}  // namespace flatsweep::work_folder_test
