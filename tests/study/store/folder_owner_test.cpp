#include "flatsweep/study/store/folder_owner.hpp"

#include "flatsweep/base/error.hpp"
#include "io/scratch.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

namespace flatsweep::folder_owner_test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

// Quick enough for a test, and slow enough for a busy machine.
constexpr OwnerFile::Times quick{milliseconds(20), milliseconds(2000), std::chrono::seconds(3600)};

class FolderOwner : public testing::Test {
 protected:
  [[nodiscard]] std::string owner() const { return slurp(folder_ / "owner"); }
  /// As a process on another machine writes it.
  [[nodiscard]] static std::string elsewhere() {
    return "process 1\nhost far-away\nstart 1\ntable 0000-1111 pid:[1]\ntoken 0123456789abcdef\n";
  }
  void make(const OwnerFile::Times& times = quick) {
    OwnerFile(
        folder_, [&](const auto& text) { told_ += text; }, times);
  }
  template <class Matcher>
  void expect_refused(const Matcher& message) {
    EXPECT_THAT([&] { make(); }, ThrowsMessage<ConfigError>(message));
  }

  Scratch scratch_;
  fs::path folder_ = scratch_ / ".";
  std::string told_;
};

TEST_F(FolderOwner, SaysWhoAndGoesAtTheEnd) {
  {
    const OwnerFile mine(folder_, {}, quick);
    EXPECT_EQ(owner(), mine.text());
    EXPECT_THAT(mine.text(), StartsWith("process " + std::to_string(getpid()) + "\nhost "));
  }
  EXPECT_FALSE(fs::exists(folder_ / "owner"));
}

TEST_F(FolderOwner, NoTwoSayTheSame) {
  std::string first;
  {
    const OwnerFile mine(folder_, {}, quick);
    first = mine.text();
  }
  EXPECT_NE(OwnerFile(folder_, {}, quick).text(), first);
}

TEST_F(FolderOwner, OneThatLivesIsNotReplaced) {
  const OwnerFile mine(folder_, {}, quick);
  expect_refused(AllOf(StartsWith(folder_.string()), HasSubstr("another job (process " + std::to_string(getpid())),
                       HasSubstr("--output")));
  EXPECT_EQ(owner(), mine.text());
  EXPECT_EQ(told_, "") << "the process table says at once that it lives";
}

TEST_F(FolderOwner, OneThatDiedIsReplacedAtOnce) {
  const auto child = fork();
  if (child == 0) {
    auto* left = new OwnerFile(folder_, {}, quick);  // never destroyed, as after SIGKILL
    _exit(left->text().empty() ? 1 : 0);
  }
  waitpid(child, nullptr, 0);
  ASSERT_THAT(owner(), StartsWith("process " + std::to_string(child) + "\n"));
  make();
  EXPECT_EQ(told_, "");
}

// A number that is given again to another process does not make the dead one live.
TEST_F(FolderOwner, AnotherProcessOfTheSameNumberIsNotIt) {
  std::string text;
  {
    const OwnerFile mine(folder_, {}, quick);
    text = mine.text();
  }
  const auto start = text.find("start ") + 6;
  text.replace(start, text.find('\n', start) - start, "1");
  spill(folder_ / "owner", text);
  EXPECT_NO_THROW(make());
}

TEST_F(FolderOwner, OneElsewhereIsWatched) {
  spill(folder_ / "owner", elsewhere());
  EXPECT_NO_THROW(make()) << "nobody touches its file";
  EXPECT_THAT(told_, HasSubstr("looking for 2 s whether the job that it names still runs"));
  spill(folder_ / "owner", elsewhere());
  std::jthread heart([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      utimensat(AT_FDCWD, (folder_ / "owner").c_str(), nullptr, 0);
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  expect_refused(HasSubstr("another job (process 1 on far-away, whose file owner is touched every few seconds)"));
  EXPECT_EQ(owner(), elsewhere());
}

TEST_F(FolderOwner, OneElsewhereThatIsLongForgottenIsNotWatched) {
  spill(folder_ / "owner", elsewhere());
  fs::last_write_time(folder_ / "owner", fs::file_time_type::clock::now() - std::chrono::hours(2));
  make();
  EXPECT_EQ(told_, "");
}

TEST_F(FolderOwner, ItsFileIsTouched) {
  const OwnerFile mine(folder_, {}, quick);
  const auto before = fs::last_write_time(folder_ / "owner");
  for (int i = 0; i < 500 && fs::last_write_time(folder_ / "owner") == before; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_NE(fs::last_write_time(folder_ / "owner"), before);
  EXPECT_EQ(owner(), mine.text());
}

TEST_F(FolderOwner, WhatIsNoOwnerAndNotTouchedIsReplaced) {
  for (const char* text : {"", "something else altogether\n"}) {
    spill(folder_ / "owner", text);
    EXPECT_NO_THROW(make());
  }
}

TEST_F(FolderOwner, IsNotWrittenThroughALink) {
  spill(folder_ / "precious", "do not touch");
  fs::create_symlink(folder_ / "precious", folder_ / "owner");
  EXPECT_NO_THROW(make());
  EXPECT_EQ(slurp(folder_ / "precious"), "do not touch");
}

class Ownership : public FolderOwner {
 protected:
  Ownership() {
    folder_ = scratch_ / "out";
    fs::create_directories(folder_);
    spill(folder_ / "owner", text_);
  }
  /// What the check says: "" when the folder is ours.
  static std::string complaint(const std::function<void()>& check) {
    try {
      check();
      return "";
    } catch (const IoError& error) {
      return error.what();
    }
  }
  std::string text_ = "process 7\nhost here\nstart 1\ntable a b\ntoken 0\n";
};

TEST_F(Ownership, HoldsWhileTheFileSaysSo) {
  const auto check = ownership_check(folder_, text_);
  EXPECT_EQ(complaint(check), "");
  spill(folder_ / "owner", elsewhere());
  EXPECT_THAT(complaint(check), AllOf(StartsWith(folder_.string()), HasSubstr("another job (process 1 on far-away)"),
                                      HasSubstr("moved or replaced"), HasSubstr("--resume")));
}

TEST_F(Ownership, EndsWhenTheFolderIsMovedOrRemoved) {
  const auto check = ownership_check(folder_, text_);
  fs::rename(folder_, scratch_ / "moved");
  EXPECT_THAT(complaint(check), AllOf(StartsWith(folder_.string()), HasSubstr("no longer here")));
  EXPECT_FALSE(fs::exists(folder_));
  fs::create_directories(folder_);
  EXPECT_THAT(complaint(check), HasSubstr("no longer here")) << "a new folder of the same name";
  EXPECT_FALSE(fs::exists(folder_ / "owner"));
  fs::remove_all(folder_);
  fs::rename(scratch_ / "moved", folder_);
  EXPECT_EQ(complaint(check), "") << "it is back";
}

TEST_F(Ownership, TheFileIsMadeAgainInTheSameFolder) {
  const auto check = ownership_check(folder_, text_);
  fs::remove(folder_ / "owner");
  EXPECT_EQ(complaint(check), "");
  EXPECT_EQ(owner(), text_);
}

}  // namespace
}  // namespace flatsweep::folder_owner_test
