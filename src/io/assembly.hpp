#pragma once

#include "flatsweep/io/results_file.hpp"
#include "hdf5_handle.hpp"

#include <map>

namespace flatsweep {

/// True for a data set of several chunks, whose rows are worth dealing over the ranks.
bool is_large(const Dataset& dataset);

/// What one rank writes of results.h5: groups, attributes, data sets with their scales, and the contents of all small
/// data sets. One rank does in one call what takes dozens of messages when all do it together.
class Assembly {
 public:
  /// Opens an HDF5 file that exists.
  explicit Assembly(const std::filesystem::path& path);

  /// @return the paths, within the part, of the large data sets, which are made but not written
  std::vector<std::string> add(const ResultPart& part);
  void close();
  /// Closes the file after an error. @return false when HDF5 cannot, and would crash when MPI ends
  [[nodiscard]] bool abandon() noexcept;

 private:
  struct Source;
  void add_group(const std::string& path, const Group& contents, Source& source);
  std::vector<const Dataset*> choose(const std::string& path, const Group& contents,
                                     const std::vector<Dataset>& scales);

  std::filesystem::path path_;
  HdfFile file_;
  std::map<std::string, std::vector<std::uint64_t>> shapes_;  ///< of scales, by path; empty for other data sets
};

}  // namespace flatsweep
