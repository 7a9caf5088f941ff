#include "hdf5_handle.hpp"

#include "flatsweep/base/error.hpp"
#include "posix_file.hpp"

#include <algorithm>
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

/// HDF5 writes the errno of a failed call into its text.
const char* advice_in(const std::string& reason) {
  constexpr std::string_view mark = "errno = ";
  const auto at = reason.find(mark);
  return at == std::string::npos ? "" : advice(std::atoi(reason.c_str() + at + mark.size()));
}

}  // namespace

QuietHdf::QuietHdf() {
  H5Eget_auto2(H5E_DEFAULT, &printer_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietHdf::~QuietHdf() { H5Eset_auto2(H5E_DEFAULT, printer_, data_); }

void throw_hdf(std::string_view doing, std::string_view name) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  H5Eclear2(H5E_DEFAULT);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  std::string message = "HDF5 failed while " + std::string(doing);
  if (!name.empty()) message += " '" + std::string(name) + "'";
  throw IoError(message + ": " + (reason.empty() ? "no reason given" : reason) + advice_in(reason));
}

}  // namespace flatsweep
