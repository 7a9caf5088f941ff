#include "flatsweep/base/system_call.hpp"

#include <unistd.h>

#include <cstring>

namespace flatsweep {

namespace {

// The kernel's own number for "not supported", which leaks out of some file systems; it has no name in errno.h.
constexpr int kernel_not_supported = 524;

/// The file system cannot do that at all, or not with such a file.
bool not_supported(int error) {
  switch (error) {
    case ENOSYS:
    case EOPNOTSUPP:
    case EINVAL:
    case ENOTTY:
    case kernel_not_supported:
      return true;
    default:
      return error == ENOTSUP;
  }
}

/// There is no room, or what was written before does not come to rest on the disk.
bool loses_data(int error) {
  switch (error) {
    case EIO:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EROFS:
    case ESTALE:
    case ENXIO:
    case ENODEV:
    case ETIMEDOUT:
    case EREMOTEIO:
    case EUCLEAN:
      return true;
    default:
      return false;
  }
}

/// A file system that reserves nothing (for whatever reason, but want of room) still writes: then it shows.
Verdict judge_reserve(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EIO ? Verdict::fatal : Verdict::other_way;
}

}  // namespace

Verdict judge(Call call, int error) {
  // Linux closes a file also when it says that it was interrupted.
  if (error == EINTR) return call == Call::close ? Verdict::harmless : Verdict::again;
  switch (call) {
    case Call::reserve:
      return judge_reserve(error);
    case Call::cut:
      return Verdict::harmless;
    case Call::sync_file:
      return not_supported(error) ? Verdict::harmless : Verdict::fatal;
    case Call::sync_folder:
    case Call::close:
      return loses_data(error) ? Verdict::fatal : Verdict::harmless;
    case Call::rename:
      return error == EXDEV || error == EEXIST || error == EPERM || not_supported(error) ? Verdict::other_way
                                                                                         : Verdict::fatal;
    case Call::lock:
      return error == EWOULDBLOCK ? Verdict::held : Verdict::other_way;
  }
  return Verdict::fatal;
}

const char* advice(int error) {
  switch (error) {
    case ENOENT:
      return "; check that the folder exists";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; check the permissions of file and folder";
    case ENOSPC:
    case EDQUOT:
      return "; free space or choose another output folder";
    case EFBIG:
      return "; raise the limit on the size of files (ulimit -f)";
    case EIO:
    case ESTALE:
    case ENODEV:
    case ETIMEDOUT:
    case EREMOTEIO:
    case EUCLEAN:
      return "; check the disk";
    case ENXIO:
      return "; what is there is a socket or a device, not a file";
    case EISDIR:
    case ENOTEMPTY:
      return "; remove the folder that is in its place";
    case ELOOP:
      return "; check the links on the way";
    case EMFILE:
    case ENFILE:
      return "; raise the limit on open files (ulimit -n)";
    case EXDEV:
      return "; the file system cannot rename here: choose another output folder";
    default:
      return "; check the file system, or choose another output folder";
  }
}

std::string describe_error(int error) { return std::strerror(error) + std::string(advice(error)); }

bool write_whole(int handle, const void* from, std::size_t size, std::uint64_t offset) {
  for (std::size_t done = 0; done < size;) {
    const auto n = uninterrupted([&] {
      return pwrite(handle, static_cast<const char*>(from) + done, size - done, static_cast<off_t>(offset + done));
    });
    if (n == 0) errno = ENOSPC;  // a file system that takes nothing and does not say why
    if (n <= 0) return false;
    done += n;
  }
  return true;
}

}  // namespace flatsweep
