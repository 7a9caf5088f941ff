#include "memory_file.hpp"

#include "hdf5_object.hpp"

#include <cstdlib>
#include <cstring>

namespace flatsweep {

namespace {

using Operation = H5FD_file_image_op_t;

// HDF5 calls these from C. They own all memory of the image, so that it outlives the file, and grow it in large steps
// although HDF5 asks for exact sizes (its driver would otherwise leave the file rounded up to its own steps).
void* image_realloc(void* old, std::size_t size, Operation, void* user) noexcept {
  auto& image = *static_cast<MemoryFile::Image*>(user);
  if (size > image.capacity) {
    const std::size_t capacity = size + size / 2;
    void* fresh = std::realloc(old, capacity);
    if (!fresh) return nullptr;
    image.data = static_cast<std::byte*>(fresh);
    image.capacity = capacity;
  }
  if (size > image.size) std::memset(image.data + image.size, 0, size - image.size);
  image.size = size;
  return image.data;
}

void* image_malloc(std::size_t size, Operation operation, void* user) noexcept {
  return image_realloc(nullptr, size, operation, user);
}

herr_t image_free(void*, Operation, void*) noexcept { return 0; }

void* copy_user(void* user) noexcept { return user; }
herr_t free_user(void*) noexcept { return 0; }

HdfList memory_access(MemoryFile::Image& image) {
  auto list = file_access_list();
  check_hdf(H5Pset_fapl_core(list.get(), 1, false), "choosing the memory driver");
  H5FD_file_image_callbacks_t callbacks{image_malloc, nullptr, image_realloc, image_free, copy_user, free_user, &image};
  check_hdf(H5Pset_file_image_callbacks(list.get(), &callbacks), "choosing the memory of a file");
  return list;
}

}  // namespace

MemoryFile::MemoryFile(const std::function<void(hid_t)>& fill) {
  const auto creation = file_creation_list();
  const auto access = memory_access(image_);
  HdfFile file(check_hdf(H5Fcreate("memory", H5F_ACC_TRUNC, creation.get(), access.get()), "creating the file"));
  fill(file.get());
  close_checked(file, "closing the file");
}

MemoryFile::~MemoryFile() { std::free(image_.data); }

}  // namespace flatsweep
