#include "hdf5_handle.hpp"

#include "flatsweep/base/error.hpp"
#include "flatsweep/base/system_call.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace flatsweep {

namespace {

// Called by HDF5 from C, so nothing may be thrown: a text that cannot be copied is left empty.
herr_t keep_first(unsigned index, const H5E_error2_t* error, void* text) noexcept {
  if (index > 0 || !error->desc) return 0;
  try {
    static_cast<std::string*>(text)->assign(error->desc);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return 0;
}

std::string first_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  return reason;
}

/// HDF5 writes the errno of a failed call into its text. @return 0 where it did not
int errno_in(const std::string& reason) {
  constexpr std::string_view mark = "errno = ";
  const auto at = reason.find(mark);
  return at == std::string::npos ? 0 : std::atoi(reason.c_str() + at + mark.size());
}

const char* advice_in(const std::string& reason) {
  const int error = errno_in(reason);
  return error == 0 ? "" : advice(error);
}

}  // namespace

QuietHdf::QuietHdf() {
  H5Eget_auto2(H5E_DEFAULT, &printer_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietHdf::~QuietHdf() { H5Eset_auto2(H5E_DEFAULT, printer_, data_); }

HdfFile open_hdf(const std::filesystem::path& path, unsigned flags, const HdfList& access) {
  hid_t file = H5Fopen(path.c_str(), flags, access.get());
  for (int attempt = 1; file < 0 && errno_in(first_reason()) == EINTR && attempt < most_attempts; ++attempt)
    file = H5Fopen(path.c_str(), flags, access.get());
  return HdfFile(check_hdf(file, "opening the file"));
}

void throw_hdf(std::string_view doing, std::string_view name) {
  auto reason = first_reason();
  H5Eclear2(H5E_DEFAULT);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  std::string message = "HDF5 failed while " + std::string(doing);
  if (!name.empty()) message += " '" + std::string(name) + "'";
  throw IoError(message + ": " + (reason.empty() ? "no reason given" : reason) + advice_in(reason));
}

haddr_t address_of(hid_t object, const std::string& name) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t info;
  check_hdf(H5Oget_info1(object, &info), "looking at", name);
#else
  H5O_info_t info;
  check_hdf(H5Oget_info2(object, &info, H5O_INFO_BASIC), "looking at", name);
#endif
  return info.addr;
}

}  // namespace flatsweep
