#pragma once

#include "flatsweep/io/results_file.hpp"
#include "hdf5_handle.hpp"

#include <map>

namespace flatsweep {

/// One HDF5 file that all ranks write together. Every call is collective; after every step that can fail on some ranks
/// only, the ranks agree, so that nobody waits for a rank that has left.
class Assembly {
 public:
  Assembly(const Communicator& comm, const std::filesystem::path& path);

  void add(const ResultPart& part);
  void close();

 private:
  void add_group(const std::string& path, const Group& contents, hid_t source);
  std::vector<const Dataset*> choose(const std::string& path, const Group& contents,
                                     const std::vector<Dataset>& scales);
  void copy_rows(const Dataset& dataset, hid_t source, hid_t target);

  const Communicator& comm_;
  HdfFile file_;
  HdfList transfer_;
  std::map<std::string, std::vector<std::uint64_t>> scales_;   ///< path -> shape; empty for other data sets
};

}  // namespace flatsweep
