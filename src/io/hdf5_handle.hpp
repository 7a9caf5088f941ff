#pragma once

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/handle.hpp"
#include "watchdog.hpp"

#include <hdf5.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace flatsweep {

/// Handles that were closed by hand (to check the return code) are no longer valid and are left alone;
/// HDF5 does not hand out an identifier twice.
template <herr_t (*Close)(hid_t)>
struct HdfTraits {
  static hid_t empty() { return H5I_INVALID_HID; }
  static void destroy(hid_t& id) noexcept {
    if (H5Iis_valid(id) > 0) Close(id);
  }
};
template <herr_t (*Close)(hid_t)>
using HdfHandle = Handle<hid_t, HdfTraits<Close>>;

using HdfFile = HdfHandle<H5Fclose>;
using HdfObject = HdfHandle<H5Oclose>;  ///< group or data set
using HdfAttribute = HdfHandle<H5Aclose>;
using HdfSpace = HdfHandle<H5Sclose>;
using HdfType = HdfHandle<H5Tclose>;
using HdfList = HdfHandle<H5Pclose>;

/// Keeps HDF5 from printing its error stack while it lives; our messages carry what the stack says.
class QuietHdf {
 public:
  QuietHdf();
  ~QuietHdf();
  QuietHdf(const QuietHdf&) = delete;
  QuietHdf& operator=(const QuietHdf&) = delete;

 private:
  H5E_auto2_t printer_ = nullptr;
  void* data_ = nullptr;
};

/// IoError "<doing> <name>: <the innermost message of HDF5's error stack>".
[[noreturn]] void throw_hdf(std::string_view doing, std::string_view name);

/// Passes a return value of HDF5 through. @throws IoError when it is negative
template <class Code>
Code check_hdf(Code code, std::string_view doing, std::string_view name = {}) {
  if (code < 0) throw_hdf(doing, name);
  return code;
}

/// Opens a file that is there, once more where a signal came between, which HDF5 does not do.  @throws IoError
HdfFile open_hdf(const std::filesystem::path& path, unsigned flags, const HdfList& access);

/// Closes before the owner would, so that an error (data is often written only now) is not lost.
template <herr_t (*Close)(hid_t)>
void close_checked(HdfHandle<Close>& handle, std::string_view doing) {
  check_hdf(Close(handle.get()), doing);
  handle.reset();
}

/// As `close_checked` for objects on a disk. HDF5 crashes on an object that it could not close as soon as that is
/// closed again, be it by HDF5 itself when MPI ends; so the process is left at once, and `partial` is removed.
template <herr_t (*Close)(hid_t)>
void close_or_leave(HdfHandle<Close>& handle, std::string_view doing, const std::filesystem::path& partial) {
  try {
    close_checked(handle, doing);
  } catch (const IoError& error) {
    end_process("cannot write " + partial.string() + ": " + error.what(), partial);
  }
}

/// Where the object stands in its file: the same for all hard links to it.
[[nodiscard]] haddr_t address_of(hid_t object, const std::string& name);

}  // namespace flatsweep
