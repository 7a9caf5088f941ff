#pragma once

#include "flatsweep/io/results_file.hpp"
#include "hdf5_handle.hpp"
#include "hdf5_layout.hpp"
#include "watchdog.hpp"

#include <functional>
#include <memory>

namespace flatsweep {

/// One HDF5 file that all ranks write together, data only. Every call is collective, and the ranks agree after every
/// step, so that nobody waits for a rank that has left.
class SharedFile {
 public:
  /// Opens `partial`, which will be `path`.
  SharedFile(const Communicator& comm, std::filesystem::path path, std::filesystem::path partial);

  /// Writes one large data set of `part`, a window of chunks at a time, each rank its share.
  void write(const ResultPart& part, const std::string& dataset);
  /// Closes the file, then reads back and compares what this rank wrote: MPI-IO has been seen to lose write errors.
  void close();
  /// Closes the file after an error, without which HDF5 would stumble over it when MPI ends. Where that fails or hangs
  /// (a disk that goes on failing), the process is left, with `reason` as its last words.
  void abandon(const std::string& reason);

 private:
  struct Written {
    std::string path;
    Range chunks;
    std::uint32_t crc;
  };

  void together(const std::function<void()>& work);
  void check_written() const;

  const Communicator& comm_;
  std::filesystem::path path_;  ///< the file's final name, for messages
  std::filesystem::path partial_;
  Watchdog watchdog_;
  HdfFile file_;
  HdfList transfer_;
  std::vector<Written> written_;
};

}  // namespace flatsweep
