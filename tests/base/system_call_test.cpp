#include "flatsweep/base/system_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <string>

namespace flatsweep::system_call_test {
namespace {

constexpr int kernel_not_supported = 524;

void expect(Verdict verdict, Call call, std::initializer_list<int> errors) {
  for (const int error : errors)
    EXPECT_EQ(judge(call, error), verdict) << "call " << static_cast<int>(call) << ", errno " << error;
}

TEST(SystemCall, WhatWasInterruptedIsTriedAgain) {
  for (const auto call : {Call::reserve, Call::cut, Call::sync_file, Call::sync_folder, Call::rename, Call::lock})
    expect(Verdict::again, call, {EINTR});
  expect(Verdict::harmless, Call::close, {EINTR});  // close(2): the file is closed all the same
}

TEST(SystemCall, OnlyWantOfRoomAndABrokenDiskForbidToReserve) {
  expect(Verdict::fatal, Call::reserve, {ENOSPC, EDQUOT, EFBIG, EIO});
  expect(Verdict::other_way, Call::reserve,
         {EOPNOTSUPP, ENOSYS, EINVAL, kernel_not_supported, ENODEV, EPERM, EBADF, ETXTBSY});
}

TEST(SystemCall, AFileSystemThatCannotSyncLosesNothing) {
  for (const auto call : {Call::sync_file, Call::sync_folder}) {
    expect(Verdict::harmless, call, {EINVAL, ENOSYS, EOPNOTSUPP, kernel_not_supported});
    expect(Verdict::fatal, call, {EIO, ENOSPC, EDQUOT, ESTALE});
  }
  expect(Verdict::harmless, Call::sync_folder, {EBADF, EACCES, EPERM, EISDIR});
  expect(Verdict::fatal, Call::sync_file, {EBADF});
}

TEST(SystemCall, AFailedCloseMayTellOfAFailedWrite) {
  expect(Verdict::fatal, Call::close, {EIO, ENOSPC, EDQUOT});
  expect(Verdict::harmless, Call::close, {EBADF, EINVAL});
}

TEST(SystemCall, WhatCannotBeRenamedIsDoneOtherwise) {
  expect(Verdict::other_way, Call::rename, {EXDEV, EPERM, ENOSYS, EOPNOTSUPP, EINVAL, EEXIST, kernel_not_supported});
  expect(Verdict::fatal, Call::rename, {EIO, ENOSPC, EACCES, ENOENT, EROFS});
}

TEST(SystemCall, ALockIsHeldOrThereAreNone) {
  expect(Verdict::held, Call::lock, {EWOULDBLOCK});
  expect(Verdict::other_way, Call::lock, {ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL, kernel_not_supported, EIO, EBADF});
}

TEST(SystemCall, SpaceIsGivenBackOrNot) { expect(Verdict::harmless, Call::cut, {EINVAL, EPERM, ENOSYS, ENOSPC}); }

TEST(SystemCall, InterruptionsEndAndAreCounted) {
  int calls = 0;
  const auto interrupted = [&](int times) {
    calls = 0;
    return uninterrupted([&] {
      errno = EINTR;
      return calls++ < times ? -1 : 7;
    });
  };
  EXPECT_EQ(interrupted(3), 7);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(interrupted(1000000), -1);
  EXPECT_EQ(calls, most_attempts);
  calls = 0;
  EXPECT_EQ(uninterrupted([&] {
              ++calls;
              errno = EIO;
              return -1;
            }),
            -1);
  EXPECT_EQ(calls, 1);
}

TEST(SystemCall, EveryErrorComesWithAdvice) {
  EXPECT_EQ(describe_error(ENOSPC), "No space left on device; free space or choose another output folder");
  for (int error = 1; error < 134; ++error) EXPECT_THAT(describe_error(error), testing::HasSubstr("; ")) << error;
}

// As ulimit -f does: the first write is cut at the limit without an error, the second one says why.
TEST(SystemCall, AWriteCutByALimitSaysSoAndNotThatTheDiskIsFull) {
  std::string name = testing::TempDir() + "flatsweep-limit-XXXXXX";
  const int handle = mkstemp(name.data());
  ASSERT_GE(handle, 0);
  unlink(name.c_str());
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit ten{10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &ten);
  errno = 0;
  const bool written = write_whole(handle, "0123456789abcdef", 16, 0);
  const int error = errno;
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(written);
  EXPECT_EQ(error, EFBIG);
  EXPECT_EQ(lseek(handle, 0, SEEK_END), 10);
  EXPECT_TRUE(write_whole(handle, "abcdef", 6, 10));
  EXPECT_EQ(lseek(handle, 0, SEEK_END), 16);
  std::signal(SIGXFSZ, ignored);
  close(handle);
}

}  // namespace
}  // namespace flatsweep::system_call_test
