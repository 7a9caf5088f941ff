#include "flatsweep/base/regular_file.hpp"

#include "base/thrown.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>

namespace flatsweep::regular_file_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class RegularFile : public testing::Test {
 protected:
  RegularFile() {
    std::string name = (fs::temp_directory_path() / "flatsweep-file-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder); }
  static std::string complaint(const fs::path& path) {
    return message_of<IoError>([&] { (void)read_regular(path, 1000); });
  }
  fs::path folder;
};

TEST_F(RegularFile, IsReadWhole) {
  const std::string text("a\0b\n", 4);
  std::ofstream(folder / "file") << text;
  fs::create_symlink("file", folder / "link");
  EXPECT_EQ(read_regular(folder / "file", 1000), text);
  EXPECT_EQ(read_regular(folder / "link", 4), text);
}

TEST_F(RegularFile, LargerThanTheLimitIsRefused) {
  std::ofstream(folder / "file") << "12345";
  EXPECT_THAT(message_of<IoError>([&] { (void)read_regular(folder / "file", 4); }), HasSubstr("more than 4 bytes"));
  std::ofstream(folder / "sparse") << "x";
  fs::resize_file(folder / "sparse", std::uintmax_t{1} << 40);
  EXPECT_THAT(complaint(folder / "sparse"), HasSubstr("more than 1000 bytes"));
}

TEST_F(RegularFile, WhatIsNoneIsRefusedWithoutWaiting) {
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(complaint(folder / "pipe"), HasSubstr("it is a pipe"));
  EXPECT_THAT(complaint(folder), HasSubstr("it is a folder"));
  EXPECT_THAT(complaint("/dev/zero"), HasSubstr("it is a device"));
  fs::create_symlink("pipe", folder / "link");
  EXPECT_THAT(complaint(folder / "link"), HasSubstr("it is a pipe"));
  EXPECT_THAT(complaint(folder / "absent"), HasSubstr("No such file"));
  fs::create_symlink("circle", folder / "circle");
  EXPECT_THAT(complaint(folder / "circle"), HasSubstr("symbolic links"));
}

TEST_F(RegularFile, ASocketIsRefused) {
  const int file = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(complaint(folder / "socket"), HasSubstr("a socket"));
  close(file);
}

TEST_F(RegularFile, BeingThereIsToldOrAnError) {
  std::ofstream(folder / "file") << "x";
  fs::create_symlink("nowhere", folder / "dangling");
  fs::create_symlink("circle", folder / "circle");
  EXPECT_TRUE(is_there(folder));
  EXPECT_TRUE(is_there(folder / "file"));
  EXPECT_FALSE(is_there(folder / "absent"));
  EXPECT_FALSE(is_there(folder / "file" / "below"));
  EXPECT_FALSE(is_there(folder / "dangling"));
  EXPECT_THAT(message_of<IoError>([&] { (void)is_there(folder / "circle"); }),
              AllOf(HasSubstr("circle: what stands there cannot be seen"), HasSubstr("symbolic links")));
}

}  // namespace
}  // namespace flatsweep::regular_file_test
