#pragma once

#include "flatsweep/io/tree.hpp"
#include "hdf5_handle.hpp"

#include <string>

namespace flatsweep {

/// How much of a file is read.
enum class Contents {
  everything,
  skeleton,     ///< all but the data (Dataset::bytes stays empty); that they are there is tested
  description,  ///< the same of a results file, which others may have packed in another way
};

// Nothing in a file is believed before it is tested: the reader visits groups and data sets that are part of the file
// itself and stand there once, of the types, shapes and storage that `write_group` gives them, in bounded depth and no
// larger than the file. All of these: @throws DamagedFile where it is otherwise, IoError when the file cannot be read

/// @param path  from `parent` to the data set
Dataset read_dataset(hid_t parent, const std::string& path, Contents contents);
Group read_group(hid_t group, std::string name, Contents contents);

}  // namespace flatsweep
