#pragma once

#include "flatsweep/io/tree.hpp"
#include "flatsweep/par/communicator.hpp"
#include "hdf5_handle.hpp"

#include <span>

namespace flatsweep {

/// How a data set is cut into chunks of at most about 1 MiB. It follows from the shape alone, never from the number of
/// ranks, and every chunk is one contiguous piece of the row-major order: axes before `axis` are cut into single
/// indices, `axis` into pieces, axes behind it not at all.
struct ChunkLayout {
  std::vector<hsize_t> shape;
  std::vector<hsize_t> chunk;
  std::size_t axis = 0;
  hsize_t chunks_on_axis = 0;
  hsize_t count = 0;  ///< chunks in all
  hsize_t inner = 1;  ///< elements in one index of `axis`
  std::size_t element_size = 1;

  [[nodiscard]] std::size_t chunk_bytes() const;
  /// The first element, in row-major order, of chunk number `index`; index = count gives the number of elements.
  [[nodiscard]] hsize_t first_element(hsize_t index) const;
  [[nodiscard]] std::size_t first_byte(std::int64_t index) const {
    return first_element(static_cast<hsize_t>(index)) * element_size;
  }
};
/// @pre the data set has at least one element
ChunkLayout chunk_layout(const Dataset& dataset);

/// The HDF5 type of the elements, the same in memory and in the file (little endian).
HdfType element_type(const Dataset& dataset);
/// Sets `type` and `element_size`. @throws DamagedFile for a type that flatsweep does not write
void read_element_type(hid_t hdf_dataset, Dataset& dataset);

/// Moves whole chunks between a data set and a buffer that holds their elements in row-major order. An empty range
/// selects nothing but still takes part in a collective transfer.
void read_chunks(hid_t hdf_dataset, const Dataset& dataset, const ChunkLayout& layout, Range chunks,
                 std::span<std::byte> buffer);
void write_chunks(hid_t hdf_dataset, const Dataset& dataset, const ChunkLayout& layout, Range chunks,
                  std::span<const std::byte> buffer, hid_t transfer);

}  // namespace flatsweep
