#include "hdf5_layout.hpp"

#include "flatsweep/base/error.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace flatsweep {

namespace {

constexpr std::size_t target_bytes = std::size_t{1} << 20;

hsize_t ceil_div(hsize_t a, hsize_t b) { return (a + b - 1) / b; }

/// What chunks [begin, end) cover, as one slab for every index of the axes before the cut one.
HdfSpace select_in_file(const ChunkLayout& layout, Range chunks) {
  const int rank = layout.shape.size();
  HdfSpace space(check_hdf(H5Screate_simple(rank, layout.shape.data(), nullptr), "describing a shape"));
  check_hdf(H5Sselect_none(space.get()), "selecting nothing");
  const hsize_t per = layout.chunks_on_axis;
  const auto end = static_cast<hsize_t>(chunks.end);
  for (auto first = static_cast<hsize_t>(chunks.begin); first < end;) {
    const hsize_t last = std::min(end, (first / per + 1) * per);
    std::vector<hsize_t> start(layout.shape.size(), 0);
    std::vector<hsize_t> count(layout.shape);
    hsize_t outer = first / per;
    for (std::size_t axis = layout.axis; axis-- > 0; outer /= layout.shape[axis]) {
      start[axis] = outer % layout.shape[axis];
      count[axis] = 1;
    }
    start[layout.axis] = (first % per) * layout.chunk[layout.axis];
    const hsize_t stop = ((last - 1) % per + 1) * layout.chunk[layout.axis];
    count[layout.axis] = std::min(stop, layout.shape[layout.axis]) - start[layout.axis];
    check_hdf(H5Sselect_hyperslab(space.get(), H5S_SELECT_OR, start.data(), nullptr, count.data(), nullptr),
              "selecting rows");
    first = last;
  }
  return space;
}

HdfSpace select_in_memory(hsize_t elements) {
  const hsize_t length = std::max<hsize_t>(elements, 1);
  HdfSpace space(check_hdf(H5Screate_simple(1, &length, nullptr), "describing a buffer"));
  if (elements == 0) check_hdf(H5Sselect_none(space.get()), "selecting nothing");
  return space;
}

hsize_t elements_in(const ChunkLayout& layout, Range chunks) {
  return layout.first_element(static_cast<hsize_t>(chunks.end)) -
         layout.first_element(static_cast<hsize_t>(chunks.begin));
}

void check_buffer(const ChunkLayout& layout, Range chunks, std::size_t bytes) {
  if (bytes != elements_in(layout, chunks) * layout.element_size) throw IoError("rows and buffer differ in size");
}

[[noreturn]] void refuse_type() { throw DamagedFile("element type is none of f4, f8, i4, i8, u1, i1"); }

ElementType type_of_class(H5T_class_t type_class, std::size_t size, H5T_sign_t sign) {
  if (type_class == H5T_FLOAT && size == 4) return ElementType::f4;
  if (type_class == H5T_FLOAT && size == 8) return ElementType::f8;
  if (type_class == H5T_INTEGER && sign == H5T_SGN_2 && size == 4) return ElementType::i4;
  if (type_class == H5T_INTEGER && sign == H5T_SGN_2 && size == 8) return ElementType::i8;
  if (type_class == H5T_INTEGER && sign == H5T_SGN_NONE && size == 1) return ElementType::u1;
  if (type_class == H5T_INTEGER && sign == H5T_SGN_2 && size == 1) return ElementType::i1;
  refuse_type();
}

hid_t stored_type(ElementType type) {
  switch (type) {
    case ElementType::f4:
      return H5T_IEEE_F32LE;
    case ElementType::f8:
      return H5T_IEEE_F64LE;
    case ElementType::i4:
      return H5T_STD_I32LE;
    case ElementType::i8:
      return H5T_STD_I64LE;
    case ElementType::u1:
      return H5T_STD_U8LE;
    case ElementType::i1:
      return H5T_STD_I8LE;
  }
  refuse_type();
}

}  // namespace

std::size_t ChunkLayout::chunk_bytes() const { return chunk[axis] * inner * element_size; }

hsize_t ChunkLayout::first_element(hsize_t index) const {
  const hsize_t outer = index / chunks_on_axis;
  return (outer * shape[axis] + (index % chunks_on_axis) * chunk[axis]) * inner;
}

ChunkLayout chunk_layout(const Dataset& dataset) {
  ChunkLayout layout;
  layout.shape.assign(dataset.shape.begin(), dataset.shape.end());
  layout.element_size = dataset.element_size;
  layout.axis = layout.shape.size() - 1;
  while (layout.axis > 0 && layout.inner * layout.shape[layout.axis] * dataset.element_size <= target_bytes)
    layout.inner *= layout.shape[layout.axis--];
  const hsize_t length = layout.shape[layout.axis];
  const hsize_t fitting = std::max<hsize_t>(1, target_bytes / (layout.inner * dataset.element_size));
  layout.chunks_on_axis = ceil_div(length, fitting);
  const hsize_t piece = ceil_div(length, layout.chunks_on_axis);
  layout.chunks_on_axis = ceil_div(length, piece);
  layout.chunk = layout.shape;
  layout.chunk[layout.axis] = piece;
  const auto cut = layout.chunk.begin() + layout.axis;
  layout.count = std::accumulate(layout.chunk.begin(), cut, layout.chunks_on_axis, std::multiplies<>());
  std::fill(layout.chunk.begin(), cut, 1);
  return layout;
}

HdfType element_type(const Dataset& dataset) {
  return HdfType(check_hdf(H5Tcopy(stored_type(dataset.type)), "copying a type"));
}

void read_element_type(hid_t hdf_dataset, Dataset& dataset) {
  const HdfType type(check_hdf(H5Dget_type(hdf_dataset), "reading the type of", dataset.name));
  const auto type_class = H5Tget_class(type.get());
  dataset.element_size = H5Tget_size(type.get());
  dataset.type = type_of_class(type_class, dataset.element_size,
                               type_class == H5T_INTEGER ? H5Tget_sign(type.get()) : H5T_SGN_NONE);
  if (H5Tequal(type.get(), stored_type(dataset.type)) <= 0) refuse_type();
}

void read_chunks(hid_t hdf_dataset, const Dataset& dataset, const ChunkLayout& layout, Range chunks,
                 std::span<std::byte> buffer) {
  check_buffer(layout, chunks, buffer.size());
  const auto memory = select_in_memory(elements_in(layout, chunks));
  const auto file = select_in_file(layout, chunks);
  const auto type = element_type(dataset);
  check_hdf(H5Dread(hdf_dataset, type.get(), memory.get(), file.get(), H5P_DEFAULT, buffer.data()), "reading data set",
            dataset.name);
}

void write_chunks(hid_t hdf_dataset, const Dataset& dataset, const ChunkLayout& layout, Range chunks,
                  std::span<const std::byte> buffer, hid_t transfer) {
  check_buffer(layout, chunks, buffer.size());
  const auto memory = select_in_memory(elements_in(layout, chunks));
  const auto file = select_in_file(layout, chunks);
  const auto type = element_type(dataset);
  const std::byte nothing{};
  const auto* source = buffer.empty() ? &nothing : buffer.data();
  check_hdf(H5Dwrite(hdf_dataset, type.get(), memory.get(), file.get(), transfer, source), "writing data set",
            dataset.name);
}

}  // namespace flatsweep
