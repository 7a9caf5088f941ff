#pragma once

#include "deadline.hpp"
#include "flatsweep/io/results_file.hpp"
#include "hdf5_handle.hpp"

#include <map>

namespace flatsweep {

/// One HDF5 file that all ranks write together. Every call is collective; after every step that can fail on some ranks
/// only, the ranks agree, so that nobody waits for a rank that has left.
class Assembly {
 public:
  /// Opens `path`.partial, an HDF5 file without contents.
  Assembly(const Communicator& comm, const std::filesystem::path& path);

  void add(const ResultPart& part);
  void close();
  /// Closes the file after an error, without which HDF5 would stumble over it when MPI ends. Where that fails or hangs
  /// (a disk that goes on failing), the process is left, with `reason` as its last words.
  void abandon(const std::string& reason);

 private:
  /// `work` on every rank; a failure anywhere becomes the same IoError, naming the file, on every rank.
  void together(const std::function<void()>& work);
  void add_group(const std::string& path, const Group& contents, hid_t source);
  std::vector<const Dataset*> choose(const std::string& path, const Group& contents,
                                     const std::vector<Dataset>& scales);
  void copy_rows(const Dataset& dataset, hid_t source, hid_t target);

  const Communicator& comm_;
  std::filesystem::path path_;   ///< the file's final name, for messages
  Deadline deadline_;
  HdfFile file_;
  HdfList transfer_;
  std::map<std::string, std::vector<std::uint64_t>> scales_;   ///< path -> shape; empty for other data sets
};

}  // namespace flatsweep
